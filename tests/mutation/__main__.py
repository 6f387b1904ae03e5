"""`./dev mutate`: the modules named, or those on which exposure rests; exit code 1 below 90 %."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from random import Random

import click
import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests.mutation.kept import AREAS, ENOUGH, Score, areas, scores, survivors, write, write_left
from tests.mutation.mutants import ROOT, Mutant, mutants
from tests.mutation.playing import Fate, Playing

CORE = ROOT / "stagedrollout" / "core"
TESTS = ("tests/core",)
_LEFT_OUT = (
    "--ignore=tests/core/test_machine.py",  # long stories, of many steps each: they notice much, but not cheaply
    "--ignore=tests/core/test_phased_machine.py",
    "--ignore=tests/core/test_answers_machine.py",
    "--ignore=tests/core/test_purity.py",  # reads the sources
    "--deselect=tests/core/test_schedule.py::test_in_no_zone_does_a_clock_change_lose_a_window_or_open_one_twice",
)

Results = list[tuple[Mutant, Fate]]


def always() -> list[str]:
    """The modules on which exposure rests, with anything in them that can be mutated."""
    files = sorted(
        str(path.relative_to(ROOT)) for pattern in chain(*AREAS.values()) for path in CORE.glob(pattern)
    )
    return [file for file in files if any(mutants(file))]


@click.command(help="Change the code in one place at a time, and see whether a test notices.")
@click.argument("modules", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--tests", multiple=True, default=TESTS, show_default=True, help="Where to take the tests from."
)
@click.option("--sample", default=0, help="So many mutants only, drawn from all of them.")
@click.option("--seed", default=1, show_default=True, help="Of that draw.")
@click.option("--write", "keep", is_flag=True, help="Keep the scores and survivors in survivors.json.")
@click.option(
    "--every", default=1, show_default=True, help="Of the mutants of each module, every so manieth."
)
@click.option("--left", is_flag=True, help="Only those that survivors.json names; implies --write.")
@click.option("--wide", is_flag=True, help="With every test that enters the mutant, not the quick ones only.")
@click.option("--kept", is_flag=True, help="Play none: what survivors.json says of each area.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def mutate(
    modules: tuple[str, ...],
    tests: tuple[str, ...],
    sample: int,
    seed: int,
    every: int,
    *,
    keep: bool,
    left: bool,
    wide: bool,
    kept: bool,
    as_json: bool,
) -> None:
    if kept:
        for area, score in areas().items():
            click.echo(f"{score.percent:6.1f} % {score.killed:4} of {score.mutants:4}  {area}")
        return
    files = [str(Path(module).resolve().relative_to(ROOT)) for module in modules] or always()
    chosen = [mutant for file in files for mutant in islice(mutants(file), 0, None, every)]
    if sample and sample < len(chosen):
        chosen = sorted(Random(seed).sample(chosen, sample), key=lambda mutant: (mutant.file, mutant.line))
    if left:
        chosen = [mutant for mutant in chosen if mutant.name in survivors(mutant.file)]
    keeping = write_left if left else write if keep and not sample else _forget
    results = _played(Playing(chosen, files, wide=wide), tests, keeping)
    told = scores(results)
    whole = Score(sum(s.mutants for s in told.values()), sum(s.killed for s in told.values()))
    if as_json:
        click.echo(json.dumps(_document(results, whole), indent=2))
    else:
        _tell(results, whole)
    sys.exit(0 if whole.percent >= ENOUGH else 1)


def _forget(_: Results) -> None:
    """A sample says too little of a module."""


def _played(playing: Playing, tests: Sequence[str], keeping: Callable[[Results], None]) -> Results:
    """Each module is kept as soon as it is through: the whole takes half an hour."""
    chosen = playing.mutants
    many = Counter(mutant.file for mutant in chosen)
    results: Results = []
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("finding out which test enters what", total=len(chosen))

        def told(mutant: Mutant, fate: Fate) -> None:
            results.append((mutant, fate))
            of_it = [(other, its) for other, its in results if other.file == mutant.file]
            if len(of_it) == many[mutant.file]:
                keeping(of_it)
            progress.update(task, advance=1, description=Path(mutant.file).name)

        playing.told = told
        options = ("-s", "-n0", "-p", "no:randomly", *_LEFT_OUT)
        with redirect_stdout(StringIO()) as said:
            pytest.main([*options, *tests], plugins=[playing])
    if len(results) != len(chosen):
        raise click.ClickException(f"{len(results)} of {len(chosen)} mutants were played: {said.getvalue()}")
    return results


def _tell(results: Results, whole: Score) -> None:
    for mutant, fate in results:
        if fate in (Fate.SURVIVED, Fate.UNTESTED):
            click.echo(f"{fate:9} {mutant.file}:{mutant.line} {mutant.name}")
    for file, score in scores(results).items():
        click.echo(f"{score.percent:6.1f} % {score.killed:4} of {score.mutants:4}  {file}")
    click.echo(f"{whole.percent:6.1f} % {whole.killed:4} of {whole.mutants:4}")


def _document(results: Results, whole: Score) -> dict[str, object]:
    return {
        "mutants": whole.mutants,
        "killed": whole.killed,
        "percent": round(whole.percent, 1),
        "modules": {file: [score.killed, score.mutants] for file, score in scores(results).items()},
        "survivors": [
            f"{mutant.file}:{mutant.line} {mutant.name}"
            for mutant, fate in results
            if fate in (Fate.SURVIVED, Fate.UNTESTED)
        ],
    }


if __name__ == "__main__":
    mutate()
