"""`./dev sabotage`: every sabotage, or those named; exit code 1 if one of them stays unnoticed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import track

from tests.sabotage.copy import tree
from tests.sabotage.player import Player
from tests.sabotage.sabotages import SABOTAGES, Sabotage

SEEDS_MOST = 500


@dataclass(frozen=True, slots=True)
class Caught:
    """`seed` None: none of the `tried` seeds noticed anything."""

    sabotage: Sabotage
    seed: int | None
    fault: str
    tried: int


def caught(sabotage: Sabotage, seeds: int, sound: Player) -> Caught:
    """By the first seed that fails with the sabotage and is clean without it."""
    tried = 0
    with tree(sabotage) as place, Player(place) as damaged:
        for tried, seed in enumerate(order(sabotage, seeds), 1):
            found = damaged.faults(seed)
            if found and not sound.faults(seed):
                return Caught(sabotage, seed, found[0], tried)
    return Caught(sabotage, None, "", tried)


def order(sabotage: Sabotage, seeds: int) -> Iterator[int]:
    """What caught it before, then all the others: a seed that tells another story by now costs a second, no more."""
    likely = [seed for seed in sabotage.likely if seed < seeds]
    yield from likely
    yield from (seed for seed in range(seeds) if seed not in likely)


@click.command(help="Break the product in twenty ways, and see each caught by the simulation.")
@click.argument("names", nargs=-1, type=click.Choice([sabotage.name for sabotage in SABOTAGES]))
@click.option("--seeds", default=SEEDS_MOST, show_default=True, help="Seeds to try for each.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="So many at the same time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def sabotage(names: tuple[str, ...], seeds: int, jobs: int, *, as_json: bool) -> None:
    chosen = [one for one in SABOTAGES if not names or one.name in names]
    results = list(_all(chosen, seeds, jobs))
    missed = [one for one in results if one.seed is None]
    if as_json:
        click.echo(json.dumps(_document(results), indent=2))
    else:
        for one in results:
            told = f"seed {one.seed}: {one.fault}" if one.seed is not None else "NOT CAUGHT"
            click.echo(f"{one.sabotage.name:40} {one.sabotage.area:12} {told[:120]}")
        click.echo(f"{len(results) - len(missed)} of {len(results)} caught")
    sys.exit(1 if missed else 0)


def _all(chosen: list[Sabotage], seeds: int, jobs: int) -> Iterator[Caught]:
    console = Console(stderr=True)
    with tree(None) as place, Player(place) as sound, ThreadPoolExecutor(jobs) as pool:
        running = pool.map(lambda one: caught(one, seeds, sound), chosen)
        yield from track(
            running, "sabotages", total=len(chosen), console=console, disable=not console.is_terminal
        )


def _document(results: list[Caught]) -> dict[str, object]:
    return {
        "sabotages": len(results),
        "caught": sum(one.seed is not None for one in results),
        "by": [
            {
                "name": one.sabotage.name,
                "area": one.sabotage.area,
                "seed": one.seed,
                "tried": one.tried,
                "fault": one.fault,
            }
            for one in results
        ],
    }


if __name__ == "__main__":
    sabotage()
