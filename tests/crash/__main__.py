"""Deaths at every point of the twelve stories: python -m tests.crash. Exit code 1 if one of them cost anything."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.crash.failing import FAILED, failures, with_failure
from tests.crash.playing import Played, played, seconds, singles
from tests.crash.stories import STORIES

PAIRED = ("play-raise", "halted-by-command-and-resumed", "apple-window")
"""The stories in which the daemon dies a second time while it recovers."""

Deaths = tuple[str, tuple[int, ...]]


def main(arguments: Sequence[str]) -> int:
    asked = _asked(arguments)
    names = [asked.scenario] if asked.scenario else [story.name for story in STORIES]
    with ProcessPoolExecutor(asked.jobs) as pool:
        deaths: list[Deaths] = []
        if asked.singles or not (asked.pairs or asked.failing):
            deaths += _first(pool, names)
        if asked.pairs:
            paired = names if asked.scenario else list(PAIRED)
            deaths += _second(pool, _first(pool, paired))
        running = [pool.submit(played, name, at) for name, at in deaths]
        if asked.failing:
            failing = [asked.scenario] if asked.scenario else list(FAILED)
            running += [pool.submit(with_failure, name, each) for name in failing for each in failures(name)]
        results = list(_all_played(running, shown=not asked.json))
    print(json.dumps(_document(results), indent=2) if asked.json else _told(results))
    return 1 if any(result.faults for result in results) else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev crash", description=__doc__)
    parser.add_argument("--scenario", choices=[story.name for story in STORIES], help="only this story")
    parser.add_argument("--singles", action="store_true", help="one death at every point (the usual)")
    parser.add_argument("--pairs", action="store_true", help="a second one at every point of the recovery")
    parser.add_argument("--failing", action="store_true", help="everything fails, each once and for an hour")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; all cores if left out")
    parser.add_argument("--json", action="store_true", help="one JSON document, for machines")
    return parser.parse_args(arguments)


def _first(pool: Executor, names: Iterable[str]) -> list[Deaths]:
    waiting = {name: pool.submit(singles, name) for name in names}
    return [(name, at) for name, found in waiting.items() for at in found.result()]


def _second(pool: Executor, firsts: Iterable[Deaths]) -> list[Deaths]:
    waiting = [(name, pool.submit(seconds, name, at[0])) for name, at in firsts]
    return [(name, at) for name, found in waiting for at in found.result()]


def _all_played(running: Sequence[Future[Played]], *, shown: bool) -> Iterator[Played]:
    """In the order in which they end; what fails is told at once."""
    with _bar(len(running), shown=shown) as (on, say):
        for future in as_completed(running):
            result = future.result()
            if result.faults and shown:
                say(result.words())
            on()
            yield result


@contextmanager
def _bar(total: int, *, shown: bool) -> Iterator[tuple[Callable[[], None], Callable[[str], None]]]:
    """Steps of a bar, on a terminal only, and a way to say something beside it."""
    console = Console(stderr=True)
    columns = (TextColumn("deaths"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task), lambda text: print(text, flush=True)


def _document(results: Sequence[Played]) -> dict[str, object]:
    failed = [asdict(result) for result in results if result.faults]
    return {
        "runs": len(results),
        "deaths": sum(len(result.died_at) for result in results),
        "names": dict(sorted(_names(results).items())),
        "scenarios": dict(sorted(Counter(result.story for result in results).items())),
        "failed": sorted(failed, key=lambda each: (str(each["story"]), each["at"])),
        "cpu_seconds": round(sum(result.cpu_seconds for result in results), 1),
    }


def _told(results: Sequence[Played]) -> str:
    failed = sum(bool(result.faults) for result in results)
    cpu = sum(result.cpu_seconds for result in results)
    lines = [f"{times:6} {name}" for name, times in sorted(_names(results).items())]
    return "\n".join((*lines, f"{len(results)} runs, {failed} failed, {cpu:.0f} s of processor time"))


def _names(results: Iterable[Played]) -> Counter[str]:
    return Counter(name for result in results for name in result.died_at)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
