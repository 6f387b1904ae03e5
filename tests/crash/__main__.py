"""Deaths at every point of the fifteen stories: python -m tests.crash. Exit code 1 if one of them cost anything."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.crash.failing import FAILED, failures, with_failure
from tests.crash.playing import Deaths, Played, played, seconds, singles
from tests.crash.stories import STORIES

PAIRED = ("play-raise", "halted-by-command-and-resumed", "apple-window")
"""The stories in which the daemon dies a second time while it recovers."""

Run = Callable[[], Played]


Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Part:
    """Every `of`th one, from the `number`th on: all parts together are everything, each thing in one of them."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def taken(self, things: Sequence[Thing]) -> Sequence[Thing]:
        return things[self.number - 1 :: self.of]


@dataclass(frozen=True, slots=True)
class Todo:
    """`found`: the points that were looked at. `of`: how many there were to take the part from, where a second death
    counts with its first one."""

    found: Sequence[Deaths]
    of: int
    runs: Sequence[Run]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What there was to do, and what came of it."""

    todo: Todo
    part: Part
    results: Sequence[Played]
    seconds: float

    @property
    def failed(self) -> list[Played]:
        failed = [result for result in self.results if result.faults]
        return sorted(failed, key=lambda each: (each.story, each.at))

    @property
    def pairs(self) -> int:
        return sum(len(result.died_at) > 1 for result in self.results)

    @property
    def cpu_seconds(self) -> float:
        return sum(result.cpu_seconds for result in self.results)


def main(arguments: Sequence[str]) -> int:
    began, asked = time.monotonic(), _asked(arguments)
    with ProcessPoolExecutor(asked.jobs) as pool:
        todo = _todo(pool, asked)
        running = [pool.submit(run) for run in todo.runs]
        results = list(_all_played(running, shown=not asked.json))
    campaign = Campaign(todo, asked.part, results, time.monotonic() - began)
    print(json.dumps(_document(campaign), indent=2) if asked.json else _told(campaign))
    return 1 if campaign.failed else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev crash", description=__doc__)
    parser.add_argument("--scenario", choices=[story.name for story in STORIES], help="only this story")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--singles", action="store_true", help="one death at every point (the usual)")
    what.add_argument("--pairs", action="store_true", help="a second one at every point of the recovery")
    what.add_argument("--failing", action="store_true", help="everything fails, each once and for an hour")
    parser.add_argument(
        "--part", type=_part, default=Part(1, 1), metavar="K/N", help="every Nth (first) one, from the Kth on"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; all cores if left out")
    parser.add_argument("--json", action="store_true", help="one JSON document, for machines")
    return parser.parse_args(arguments)


def _part(text: str) -> Part:
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part; one looks like 1/3")
    return Part(int(number), int(of))


def _todo(pool: Executor, asked: argparse.Namespace) -> Todo:
    """The part that was asked for. Of pairs that is all second deaths after some of the first ones: to find them costs a
    play each, and those of the other parts need not be known."""
    part: Part = asked.part
    if asked.failing:
        failing = [(name, each) for name in _named(asked, FAILED) for each in failures(name)]
        return Todo((), len(failing), [partial(with_failure, *each) for each in part.taken(failing)])
    names = _named(asked, PAIRED if asked.pairs else [story.name for story in STORIES])
    found = _each(pool, [partial(singles, name) for name in names])
    deaths = [(each.story, at) for each in found for at in each.at]
    chosen = part.taken(deaths)
    if not asked.pairs:
        return Todo(found, len(deaths), [partial(played, *death) for death in chosen])
    after = _each(pool, [partial(seconds, name, *at) for name, at in chosen])
    return Todo(after, len(deaths), [partial(played, each.story, at) for each in after for at in each.at])


def _named(asked: argparse.Namespace, usual: Iterable[str]) -> list[str]:
    return [asked.scenario] if asked.scenario else list(usual)


def _each(pool: Executor, listings: Iterable[Callable[[], Deaths]]) -> list[Deaths]:
    return [waiting.result() for waiting in [pool.submit(listing) for listing in listings]]


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


def _document(campaign: Campaign) -> dict[str, object]:
    results = campaign.results
    return {
        "part": str(campaign.part),
        "of": campaign.todo.of,
        "runs": len(results),
        "points": sum(each.points for each in campaign.todo.found),
        "deaths": sum(len(result.died_at) for result in results),
        "pairs": campaign.pairs,
        "names": dict(sorted(_names(results).items())),
        "scenarios": dict(sorted(Counter(result.story for result in results).items())),
        "failed": [asdict(result) for result in campaign.failed],
        "cpu_seconds": round(campaign.cpu_seconds, 1),
        "seconds": round(campaign.seconds, 1),
    }


def _told(campaign: Campaign) -> str:
    results, part = campaign.results, campaign.part
    stories = len({result.story for result in results})
    points = sum(each.points for each in campaign.todo.found)
    share = (
        ""
        if part.of == 1
        else f" (part {part}: {len(part.taken(range(campaign.todo.of)))} of {campaign.todo.of})"
    )
    lines = [f"{times:6} {name}" for name, times in sorted(_names(results).items())]
    lines += [
        f"{stories} {'story' if stories == 1 else 'stories'}, {points} points, {len(results)} runs{share}, {campaign.pairs} with a second death",
        f"{len(campaign.failed)} failed; {campaign.seconds:.0f} s, {campaign.cpu_seconds:.0f} s of processor time",
    ]
    return "\n".join(lines)


def _names(results: Iterable[Played]) -> Counter[str]:
    return Counter(name for result in results for name in result.died_at)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
