"""The long run: ./dev fuzz [--minutes M] [--target NAME] [--seed N] [--json]. Exit code 1 if a target failed.

Each target in turn draws a batch of examples from a seed that is printed; the next round has other ones. Nothing is
kept in the tree: what fails is shrunk, printed with its seed, and belongs into a test.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import SystemRandom
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.fuzz.every_place import paths, spoilt
from tests.fuzz.target import QUIET, SWEEPS, TARGETS, Target

BATCH = 200
CPU_SECONDS_MAX = 2.0
"""Of one example, on a machine that is busy; the sizes are capped, so nothing should come near it."""


@dataclass
class Tally:
    examples: int = 0
    slowest: float = 0.0
    failed: str = ""


def main(arguments: list[str]) -> int:
    asked = _asked(arguments)
    rooms = sorted(Path(__file__).parent.glob("test_*.py"))
    for room in rooms:
        import_module(f"tests.fuzz.{room.stem}")
    wanted = [target for name, target in sorted(TARGETS.items()) if asked.target in ("", name)]
    wanted += [_swept(name) for name in sorted(SWEEPS) if asked.target in ("", f"every place: {name}")]
    if not wanted:
        known = [*sorted(TARGETS), *(f"every place: {name}" for name in sorted(SWEEPS))]
        print(f"no target is called {asked.target}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    first = asked.seed if asked.seed is not None else SystemRandom().randrange(2**32)
    print(f"seed {first}, {len(wanted)} targets, {asked.minutes:g} minutes", file=sys.stderr, flush=True)
    tallies = _rounds(wanted, first, time.monotonic() + 60 * asked.minutes)
    _tell(tallies, first, as_json=asked.json)
    return 1 if any(tally.failed for tally in tallies.values()) else 0


def _swept(name: str) -> Target:
    """A sweep as a target: which place and which value are drawn, of all that there are."""
    spoils = st.deferred(lambda: st.sampled_from(list(paths(SWEEPS[name]))))

    def check(drawn: Any) -> None:
        number, path, value = drawn
        SWEEPS[name](spoilt(number, path, value))

    return Target(f"every place: {name}", spoils, check, BATCH)


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("./dev fuzz", description="Fuzz every parser, for as long as it is let.")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long in all (default 1)")
    parser.add_argument("--target", default="", help="only this one")
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier run")
    parser.add_argument("--json", action="store_true", help="one JSON document at the end")
    return parser.parse_args(arguments)


def _rounds(wanted: list[Target], first: int, until: float) -> dict[str, Tally]:
    """Every target once at least, then again until the time is over. One that failed is not run again."""
    tallies = {target.name: Tally() for target in wanted}
    number = first
    while True:
        for target in wanted:
            if not tallies[target.name].failed:
                _batch(target, number, tallies[target.name])
            if time.monotonic() >= until and all(tally.examples for tally in tallies.values()):
                return tallies
        if all(tally.failed for tally in tallies.values()):
            return tallies
        number += 1


def _batch(target: Target, number: int, tally: Tally) -> None:
    def checked(drawn: Any) -> None:
        began = time.thread_time()
        target.check(drawn)
        took = time.thread_time() - began
        tally.examples += 1
        tally.slowest = max(tally.slowest, took)
        assert took < CPU_SECONDS_MAX, f"{took:.1f} s of processor time for one example"

    drawing = settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=QUIET,
    )
    try:
        seeded(number)(drawing(given(target.drawn)(checked)))()
    except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
        tally.failed = f"seed {number}\n{traceback.format_exc()}"
        tally.examples = max(tally.examples, 1)
        print(f"{target.name} FAILED, {tally.failed}", file=sys.stderr, flush=True)


def _tell(tallies: dict[str, Tally], first: int, *, as_json: bool) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if as_json:
        targets = {
            name: {
                "examples": t.examples,
                "slowest_cpu_seconds": round(t.slowest, 3),
                "failed": bool(t.failed),
            }
            for name, t in tallies.items()
        }
        failed = sum(bool(t.failed) for t in tallies.values())
        examples = sum(t.examples for t in tallies.values())
        print(
            json.dumps(
                {"seed": first, "examples": examples, "failed": failed, "peak_mb": peak, "targets": targets}
            )
        )
        return
    for name, tally in tallies.items():
        print(
            f"{tally.examples:8} {name:24} slowest {tally.slowest:.2f} s{'   FAILED' if tally.failed else ''}"
        )
    print(f"{sum(t.examples for t in tallies.values()):8} examples in all, {peak} MB at most, seed {first}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
