"""./dev simulate: seeds, each a story of its own that must break no promise; or one seed, told."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation import record
from tests.simulation.campaign import Result, Wanted, again, campaign
from tests.simulation.outcome import PLAYED_BY, Outcome, outcome_of, plan_for
from tests.simulation.shrink import check_of, shrunk

SHRUNK_MOST = 5
"""Failing seeds whose causes are looked for: it takes up to 80 runs for each."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(1), default=200, show_default=True, help="How many to play.")
@click.option("--first", type=click.IntRange(0), default=None, help="The first of them.  [default: 0]")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=None, help="Stop after so long.")
@click.option("--resume", is_flag=True, help="Go on after the last seed of the ledger, and add to it.")
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Write what was counted there.  [default with --resume: tests/simulation/campaign.jsonl; of two daemons: campaign-two.jsonl]",
)
@click.option("--jobs", type=click.IntRange(1), default=_cores(), help="Processes.  [default: one per core]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@click.option(
    "--instances",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="How many daemons live through each story, on one database.",
)
@click.option("--seed", type=click.IntRange(0), default=None, help="Only this one, with its timeline.")
@click.option(
    "--failed",
    is_flag=True,
    help="Play the ledger's seeds that failed once more, and write down what came of it.",
)
def main(
    *,
    seeds: int,
    first: int | None,
    minutes: float | None,
    resume: bool,
    ledger: Path | None,
    jobs: int,
    as_json: bool,
    instances: int,
    seed: int | None,
    failed: bool,
) -> None:
    """Play seeds against emulated stores and services that fail, and judge each by the emulator's own ledger.

    Exit code 1 where a promise was broken, where a seed told another story the second time, or where 1,000 seeds
    and more have not met everything that can go wrong.
    """
    if seed is not None:
        sys.exit(_one(seed, instances))
    usual = record.LEDGERS[instances]
    file = ledger or (usual if resume else None)
    try:
        if failed:
            sys.exit(_once_more(ledger or usual, jobs, instances, as_json=as_json))
        start = first if first is not None else record.after_the_last(file) if file and resume else 0
        wanted = Wanted(start, seeds, jobs, minutes, file, instances)
        result = _with_a_bar(wanted)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(document(result)) if as_json else table(result))
    sys.exit(0 if result.kept else 1)


def _one(seed: int, instances: int) -> int:
    """The seed's plan and all that came of it; of one that fails, what its failure needs as well."""
    told = outcome_of(plan_for(seed, instances), told=True)
    click.echo(told.story)
    for mark, times in sorted(told.marks.items()):
        click.echo(f"{times:8} {mark}")
    if not told.faults:
        click.echo(f"seed {seed}: nothing is wrong ({told.cpu:.2f} s)")
        return 0
    click.echo(_with_its_cause(told, instances))
    return 1


def _once_more(ledger: Path, jobs: int, instances: int, *, as_json: bool) -> int:
    def tell(told: Outcome) -> None:
        if told.faults:
            click.echo("\n".join((f"seed {told.seed} still fails:", *told.faults)), err=True)

    retrial = again(ledger, jobs, tell, PLAYED_BY[instances])
    words = f"{len(retrial.again)} seeds that had failed, played again: {len(retrial.failing)} still fail"
    click.echo(json.dumps(asdict(retrial)) if as_json else words)
    return 1 if retrial.failing else 0


def _with_its_cause(told: Outcome, instances: int) -> str:
    cause = shrunk(plan_for(told.seed, instances), check_of(told.faults[0]))
    of_two = f" --instances {instances}" if instances > 1 else ""
    command = f"once more: ./dev simulate --seed {told.seed}{of_two}"
    return "\n".join((f"seed {told.seed} failed:", *told.faults, cause.words(), command))


def _with_a_bar(wanted: Wanted) -> Result:
    """Failures are told at once, their causes at the end; all of that, like the bar, on stderr."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("seeds", total=wanted.seeds)

        def tell(told: Outcome) -> None:
            progress.advance(bar)
            if told.faults:
                progress.console.print(told.words(), markup=False, highlight=False, soft_wrap=True)

        result = campaign(wanted, tell)
    for failed in result.failed[:SHRUNK_MOST]:
        console.print(
            _with_its_cause(failed, wanted.instances), markup=False, highlight=False, soft_wrap=True
        )
    return result


def document(result: Result) -> dict[str, Any]:
    tally = result.tally
    return {
        "first": result.first,
        "instances": result.instances,
        "seeds": tally.seeds,
        "faults": sum(tally.faults.values()),
        "violations": tally.violations,
        "blind_marks": result.blind_marks,
        "replay_mismatches": len(tally.mismatches),
        "replayed": tally.replayed,
        "months": tally.months,
        "failing_seeds": tally.failing,
        "mismatching_seeds": tally.mismatches,
        "cpu_per_seed": round(tally.cpu / tally.seeds, 3) if tally.seeds else 0.0,
        "seconds": round(tally.seconds, 1),
        "faults_by_kind": tally.faults,
        "marks": dict(sorted(tally.marks.items())),
        "ledger": _of_the_ledger(result),
    }


def _of_the_ledger(result: Result) -> dict[str, Any]:
    whole = result.whole
    return {
        "seeds": whole.seeds,
        "faults": sum(whole.faults.values()),
        "months": whole.months,
        "violations": whole.violations,
        "replayed": whole.replayed,
        "replay_mismatches": len(whole.mismatches),
    }


def table(result: Result) -> str:
    tally, by = result.tally, f" by {result.instances} daemons each" if result.instances > 1 else ""
    lines = [f"{times:8} {mark}" for mark, times in sorted(tally.marks.items())]
    lines.append(
        f"{tally.seeds} seeds from {result.first}{by}, {tally.months} of them of a month: "
        f"{sum(tally.faults.values())} faults, {tally.violations} violations; {tally.replayed} played again, "
        f"{len(tally.mismatches)} of them otherwise; {tally.seconds:.0f} s"
    )
    lines += [f"failed: {', '.join(map(str, tally.failing))}"] if tally.failing else []
    lines += [f"not the same the second time: {', '.join(map(str, tally.mismatches))}"] * bool(
        tally.mismatches
    )
    lines += [f"BLIND, never met (or too rarely): {mark}" for mark in result.blind_marks]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
