"""Two replicas on PostgreSQL in trouble; exit code 1 with what went wrong.

    ./dev partitions [--cycles 10] [--seed S] [--json]       links cut in every way, servers that restart, processes that stop
    ./dev kills --database postgres --replicas 2 [--count 20] [--seed S] [--json]

Each story has a server, an emulator and two daemons of its own; four stories are told at a time. What a failed one left behind
(ledger, journal, everything printed) is kept, and the finding says where. A seed tells its story alone: --seed S --cycles 3.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import click
import pytest

from tests.acceptance.offspring import Nursery, can_be_born
from tests.acceptance.processes import NURSERIES, ROOT, surroundings
from tests.replicas import troubles
from tests.replicas.telling import Planned, Told, stories, told

SIDE_BY_SIDE = 4
"""Stories at a time: they mostly wait for leases to end."""


@dataclass(frozen=True, slots=True)
class Sort:
    """Of trouble: how it is counted, and how many are in one story."""

    option: str
    usual: int
    in_a_story: int
    planned: Planned
    label: str


SORTS = {
    "partitions": Sort("--cycles", 10, 3, troubles.partitions, "Cutting"),
    "kills": Sort("--count", 20, 5, troubles.kills, "Killing"),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev", description="Two replicas on PostgreSQL in trouble.")
    commands = parser.add_subparsers(dest="sort", required=True)
    for name, sort in SORTS.items():
        command = commands.add_parser(name)
        command.add_argument(
            sort.option, dest="number", type=int, default=sort.usual, help="how many (default: %(default)s)"
        )
        command.add_argument("--seed", type=int, default=0, help="the first story (default: %(default)s)")
        command.add_argument("--json", action="store_true", help="one JSON document instead of sentences")
    options = parser.parse_args(arguments)
    sort = SORTS[options.sort]
    if options.number < 1:
        parser.error(f"{sort.option} is at least 1")
    began = time.monotonic()
    with _progress(options.number, sort.label) as each, _born():
        found = list(_all(sort, options.seed, options.number, each))
    if options.json:
        print(_document(options.sort, found, time.monotonic() - began))
    else:
        print(_sentences(options.sort, found))
    return 1 if any(each.findings for each in found) else 0


def _all(sort: Sort, seed: int, number: int, each: Callable[[], None]) -> Iterator[Told]:
    planned = stories(seed, number, sort.in_a_story)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(lambda story: _told(*story, sort.planned, each), planned)


def _told(seed: int, number: int, planned: Planned, each: Callable[[], None]) -> Told:
    """A story whose daemon or emulator does not even get on is a finding, too."""
    folder = Path(tempfile.mkdtemp(prefix=f"stagedrollout-replicas-{seed}-"))
    try:
        found = told(seed, number, folder, planned, each)
    except (Exception, pytest.fail.Exception) as broken:  # noqa: BLE001 - the verdict: it is told, the next one goes on
        (folder / "broken.txt").write_text(traceback.format_exc(), "utf-8")
        words = traceback.format_exception_only(broken)[-1].strip()[:600]
        found = Told(seed, folder, Counter(), (words,))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not found.findings:
        shutil.rmtree(folder, ignore_errors=True)
    return found


@contextmanager
def _born() -> Iterator[None]:
    """What is started again and again need not read the same modules each time. No pictures are drawn: that is one more
    process for each halt, and has tests of its own."""
    if not can_be_born():
        yield
        return
    nursery = Nursery(ROOT, surroundings(), without=("matplotlib",))
    NURSERIES.append(nursery)
    try:
        yield
    finally:
        NURSERIES.remove(nursery)
        nursery.close()


@contextmanager
def _progress(number: int, label: str) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    lock = Lock()
    with click.progressbar(length=number, label=label, file=sys.stderr) as bar:

        def each() -> None:
            with lock:
                bar.update(1)

        yield each


def _document(sort: str, found: list[Told], seconds: float) -> str:
    befallen, counts = Counter[str](), Counter[str]()
    for each in found:
        befallen.update(each.troubles)
        counts.update(each.counts)
    over = [seconds for each in found for seconds in each.taken_over]
    document = {
        sort: befallen.total(),
        "stories": len(found),
        "seeds": [each.seed for each in found],
        "violations": sum(len(each.findings) for each in found),
        "findings": [
            {"seed": each.seed, "text": text, "evidence": str(each.folder)}
            for each in found
            for text in each.findings
        ],
        "troubles": dict(sorted(befallen.items())),
        **{name: counts[name] for name in ("raises_of_ours", "raises_by_a", "raises_by_b")},
        **{name: counts[name] for name in ("halts_due", "halts_in_trouble", "notices_delivered")},
        "taken_over": len(over),
        "slowest_takeover_s": round(max(over, default=0.0), 1),
        "seconds": round(seconds, 1),
    }
    return json.dumps(document, indent=2)


_HALTS = ("halts_due", "halts_in_trouble")


def _sentences(sort: str, found: list[Told]) -> str:
    total = sum(each.troubles.total() for each in found)
    raises = sum(each.counts.get("raises_of_ours", 0) for each in found)
    over = [seconds for each in found for seconds in each.taken_over]
    seeds = f"seeds {found[0].seed} to {found[-1].seed}"
    lines = [f"{total} {sort} of two replicas in {len(found)} stories ({seeds}), {raises} raises of ours"]
    due, in_trouble = (sum(each.counts.get(name, 0) for each in found) for name in _HALTS)
    lines.append(
        f"{due} halts due; {in_trouble} of {len(found)} releases that turned bad in trouble halted before that was over"
    )
    if over:
        lines.append(f"taken over {len(over)} times, after {max(over):.1f} s at most")
    for each in found:
        lines += [f"seed {each.seed}: {text}" for text in each.findings]
        lines += [f"seed {each.seed}: the evidence lies in {each.folder}"] if each.findings else []
    if not any(each.findings for each in found):
        lines.append("no raises overlap, nothing lost, nothing doubled")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
