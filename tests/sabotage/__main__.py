"""`./dev sabotage`: every sabotage, or those named; exit code 1 if one of them stays unnoticed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import track

from tests.sabotage.copy import tree
from tests.sabotage.player import NotPlayable, Player
from tests.sabotage.sabotages import SABOTAGES, Sabotage

SEEDS_MOST = 500


@dataclass(frozen=True, slots=True)
class Caught:
    """`by`: the bad day or the seed. None: none of the `tried` stories noticed anything, and `fault` says why they could
    not, if something kept them from it."""

    sabotage: Sabotage
    by: int | str | None
    fault: str
    tried: int


def caught(sabotage: Sabotage, stories: Iterable[int | str], sound: Player) -> Caught:
    """By the first story that fails with the sabotage and is clean without it. One that breaks off was not judged."""
    tried, words = 0, ""
    with tree(sabotage) as place, Player(place) as damaged:
        try:
            for tried, story in enumerate(stories, 1):
                told = damaged.told(story)
                if told.faults and told.judged and not sound.told(story).faults:
                    return Caught(sabotage, story, told.faults[0], tried)
                words = words or ("" if told.judged else told.faults[0])
        except NotPlayable as error:
            words = str(error)
    return Caught(sabotage, None, words, tried)


def order(sabotage: Sabotage, seeds: int, *, drawn: bool = False) -> Iterator[int | str]:
    """The days that are made for it, and then seeds. `drawn`: without those days."""
    yield from () if drawn else sabotage.days
    yield from range(seeds)


@click.command(help="Break the product in twenty ways, and see each caught by the simulation.")
@click.argument("names", nargs=-1, type=click.Choice([sabotage.name for sabotage in SABOTAGES]))
@click.option("--seeds", default=SEEDS_MOST, show_default=True, help="Seeds to try for each.")
@click.option("--drawn", is_flag=True, help="By seeds alone, without the bad days that are told by hand.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="So many at the same time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def sabotage(names: tuple[str, ...], seeds: int, jobs: int, *, drawn: bool, as_json: bool) -> None:
    chosen = [one for one in SABOTAGES if not names or one.name in names]
    wanted = [(one, order(one, seeds, drawn=drawn)) for one in chosen]
    results = list(_all(wanted, jobs))
    missed = [one for one in results if one.by is None]
    if as_json:
        click.echo(json.dumps(_document(results), indent=2))
    else:
        for one in results:
            told = f"{_named(one.by)}: {one.fault}" if one.by is not None else f"NOT CAUGHT {one.fault}"
            click.echo(f"{one.sabotage.name:40} {one.sabotage.area:12} {told[:120]}")
        click.echo(f"{len(results) - len(missed)} of {len(results)} caught")
    sys.exit(1 if missed else 0)


def _named(story: int | str) -> str:
    return story if isinstance(story, str) else f"seed {story}"


def _all(wanted: list[tuple[Sabotage, Iterator[int | str]]], jobs: int) -> Iterator[Caught]:
    console = Console(stderr=True)
    with tree(None) as place, Player(place) as sound, ThreadPoolExecutor(jobs) as pool:
        running = pool.map(lambda one: caught(*one, sound), wanted)
        yield from track(
            running, "sabotages", total=len(wanted), console=console, disable=not console.is_terminal
        )


def _document(results: list[Caught]) -> dict[str, object]:
    return {
        "sabotages": len(results),
        "caught": sum(one.by is not None for one in results),
        "by": [
            {
                "name": one.sabotage.name,
                "area": one.sabotage.area,
                "story": one.by,
                "tried": one.tried,
                "fault": one.fault,
            }
            for one in results
        ],
    }


if __name__ == "__main__":
    sabotage()
