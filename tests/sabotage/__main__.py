"""`./dev sabotage`: every sabotage, or those named; exit code 1 if one of them stays unnoticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from tests.sabotage.copy import tree
from tests.sabotage.sabotages import SABOTAGES, Sabotage

SEEDS_MOST = 500
_SECONDS_MOST = 3600


@dataclass(frozen=True, slots=True)
class Caught:
    """`seed` None: no seed noticed anything."""

    sabotage: Sabotage
    seed: int | None
    fault: str


def caught(sabotage: Sabotage, seeds: int) -> Caught:
    """By the first seed that fails with the sabotage and is clean without it."""
    first = 0
    with tree(sabotage) as damaged, tree(None) as sound:
        while first < seeds:
            found = _hunted(damaged, first, seeds - 1)
            if found is None:
                break
            if _hunted(sound, found["seed"], found["seed"]) is None:
                return Caught(sabotage, found["seed"], found["fault"])
            first = found["seed"] + 1
    return Caught(sabotage, None, "")


def _hunted(place: Path, first: int, last: int) -> dict[str, object] | None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.sabotage.hunt", str(first), str(last)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MOST,
    )
    found: dict[str, object] | None = json.loads(ran.stdout) if ran.stdout.strip() else None
    return found


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
    with ThreadPoolExecutor(jobs) as pool:
        running = pool.map(lambda one: caught(one, seeds), chosen)
        yield from track(
            running, "sabotages", total=len(chosen), console=console, disable=not console.is_terminal
        )


def _document(results: list[Caught]) -> dict[str, object]:
    return {
        "sabotages": len(results),
        "caught": sum(one.seed is not None for one in results),
        "by": [
            {"name": one.sabotage.name, "area": one.sabotage.area, "seed": one.seed, "fault": one.fault}
            for one in results
        ],
    }


if __name__ == "__main__":
    sabotage()
