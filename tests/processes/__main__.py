"""./dev kills [--count N] [--seed S] [--json]: the daemon is killed and started again; exit code 1 with what went wrong.

What a failed story left behind (ledger, journal, everything printed) is kept, and the finding says where; what a
clean one left is removed. A seed tells its story alone: --seed S --count 5.

With --database postgres --replicas 2 one of two daemons on PostgreSQL dies at a time (tests/replicas).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.processes.kills import Told, killed, stories


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev kills", description="kill -9 at random instants.")
    parser.add_argument("--count", type=int, default=20, help="how many kills (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first story (default: %(default)s)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--replicas", type=int, choices=(1, 2), default=1)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of sentences")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error("--count is at least 1")
    if (options.database == "postgres") != (options.replicas == 2):
        parser.error("--database postgres and --replicas 2 go together")
    if options.replicas == 2:
        from tests.replicas.__main__ import main as of_two  # noqa: PLC0415 - it takes a server

        said = ("--count", str(options.count), "--seed", str(options.seed))
        return of_two(["kills", *said, *(["--json"] if options.json else [])])
    began = time.monotonic()
    with _progress(options.count) as each:
        told = [_told(seed, kills, each) for seed, kills in stories(options.seed, options.count)]
    print(_document(told, time.monotonic() - began) if options.json else _sentences(told))
    return 1 if any(each.findings for each in told) else 0


def _told(seed: int, kills: int, each: Callable[[], None]) -> Told:
    """A story whose daemon or emulator does not even get on is a finding, too."""
    folder = Path(tempfile.mkdtemp(prefix=f"stagedrollout-kills-{seed}-"))
    try:
        told = killed(seed, kills, folder, each)
    except (Exception, pytest.fail.Exception) as broken:  # noqa: BLE001 - the verdict: it is told, the next one goes on
        words = traceback.format_exception_only(broken)[-1].strip()
        told = Told(seed, folder, Counter(), (words,))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not told.findings:
        shutil.rmtree(folder, ignore_errors=True)
    return told


@contextmanager
def _progress(kills: int) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=kills, label="Killing", file=sys.stderr) as bar:
        yield lambda: bar.update(1)


def _document(told: list[Told], seconds: float) -> str:
    deaths, counts = Counter[str](), Counter[str]()
    for each in told:
        deaths.update(each.deaths)
        counts.update(each.counts)
    document = {
        "kills": deaths.total(),
        "stories": len(told),
        "seeds": [each.seed for each in told],
        "findings": [
            {"seed": each.seed, "text": text, "evidence": str(each.folder)}
            for each in told
            for text in each.findings
        ],
        "deaths": dict(sorted(deaths.items())),
        **{name: counts[name] for name in ("raises_of_ours", "halts_due", "notices_delivered")},
        "seconds": round(seconds, 1),
    }
    return json.dumps(document, indent=2)


def _sentences(told: list[Told]) -> str:
    kills = sum(each.deaths.total() for each in told)
    raises = sum(each.counts.get("raises_of_ours", 0) for each in told)
    lines = [f"{kills} kills in {len(told)} stories, {raises} raises of ours"]
    for each in told:
        lines += [f"seed {each.seed}: {text}" for text in each.findings]
        lines += [f"seed {each.seed}: the evidence lies in {each.folder}"] if each.findings else []
    return "\n".join(lines if len(lines) > 1 else [*lines, "nothing lost, nothing doubled"])


if __name__ == "__main__":
    sys.exit(main())
