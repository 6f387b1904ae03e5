"""`policy evaluate`: what the evidence in a ledger would have decided, hour by hour."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.options import json_option
from stagedrollout.core.evidence.grid import LOOPS_UNKNOWN

if TYPE_CHECKING:
    from rich.console import Console

    from stagedrollout.core.evidence.ratio import Interval
    from stagedrollout.rehearsal.evaluate import Evaluated, Evaluation

SHOWN = 20
"""Rows of the table; with --json there are all."""

FILE_COLUMNS = 120
"""Where nobody looks at a terminal no number is cut."""

COLOURS = {"HALT": "red", "HOLD": "yellow", "ADVANCE": "green", "WAIT": "cyan"}

HELP = """Tell what the evidence in LEDGER would have decided at the close of each hour: HALT, HOLD, ADVANCE or WAIT.

LEDGER is a CSV file. Its first line names the columns, in any order: bucket_start, candidate_sessions,
candidate_crashed, baseline_sessions, baseline_crashed and, if you like, stage_percent. One row for each UTC hour
follows, the oldest first; hours may be missing. bucket_start is like 2026-03-02T09:00:00Z (UTC where no offset is
named). A stage starts where stage_percent changes; without that column nothing ever says ADVANCE.

Crashed sessions against the baseline decide alone, or together with --floor. Every row is treated as settled, and
counts only: bake times, minimum samples and calendars are a policy's. A candidate with more crashes than sessions
counts as crashed whole for HALT, never for ADVANCE, and is marked. HALT stays: no later row takes it back.
"""


class Finite(click.FloatRange):
    """A number that is one: NaN is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


class CrashFree(Finite):
    """A floor as policies have it: the least percentage of sessions without a crash."""

    def __init__(self) -> None:
        super().__init__(min=50, max=100, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(
                f"{error.message} It is a percentage of sessions without a crash, like 99.0.", param, ctx
            )


@click.command(help=HELP)
@click.argument("ledger", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rho0",
    type=Finite(min=1, max=100),
    default=1.2,
    show_default=True,
    metavar="RATIO",
    help="The candidate's crash rate over the baseline's that is tolerated.",
)
@click.option(
    "--s",
    type=Finite(min=1, max=1000),
    default=LOOPS_UNKNOWN,
    show_default=True,
    metavar="LOOPS",
    help="Crashed sessions per crashed user in the baseline.",
)
@click.option(
    "--tau2",
    type=Finite(min=0, max=100),
    metavar="NOISE",
    help="Squared hourly noise of the ratio, fixed (0.0225 is 15 %). Default: learned from the rows before.",
)
@click.option(
    "--floor",
    type=CrashFree(),
    metavar="PERCENT",
    help="Crash-free sessions in percent, like 99.0: more crashes than that are evidence of harm whatever the"
    " baseline does. The floor weighs 0.2 then, and the baseline 0.8.",
)
@click.option("--no-intervals", is_flag=True, help="Leave out the 90 % range of the ratio; faster.")
@json_option
def evaluate(  # noqa: PLR0913 - one parameter for each option
    ledger: Path,
    rho0: float,
    s: float,
    tau2: float | None,
    floor: float | None,
    *,
    no_intervals: bool,
    as_json: bool,
) -> None:
    """Raises WrongConfiguration with every line that is wrong."""
    from stagedrollout.config.problems import refusal  # noqa: PLC0415
    from stagedrollout.rehearsal import evaluate as rehearsal  # noqa: PLC0415
    from stagedrollout.rehearsal.csv_ledger import read  # noqa: PLC0415

    entries, problems = read(ledger)
    if problems:
        raise refusal(problems)
    tolerated = None if floor is None else (100 - floor) / 100
    found = rehearsal.evaluate(entries, rehearsal.terms(rho0, s, tau2, tolerated))
    places = list(range(len(found.rows))) if as_json else _shown(found)
    ranges = {} if no_intervals else dict(zip(places, _watched(found, places), strict=True))
    if as_json:
        rows = [document(row, ranges.get(place)) for place, row in enumerate(found.rows)]
        click.echo(json.dumps({"rows": rows}, indent=2, allow_nan=False))
    else:
        _print(found, places, ranges)


def _shown(found: Evaluation) -> list[int]:
    """The newest rows, and the first one that says HALT."""
    count, halted = len(found.rows), found.halted_at
    newest = range(max(0, count - SHOWN), count)
    return [*newest] if halted is None or halted in newest else [halted, *newest]


def _watched(found: Evaluation, places: list[int]) -> Iterator[Interval]:
    """The ranges of the ratio, with a bar on the error output while a person waits for them."""
    from stagedrollout.rehearsal.evaluate import intervals  # noqa: PLC0415

    if not sys.stderr.isatty():
        return intervals(found, places)
    return _with_bar(intervals(found, places), len(places))


def _with_bar(ranges: Iterable[Interval], total: int) -> Iterator[Interval]:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    bar = Console(stderr=True)
    yield from track(ranges, "Ranges of the ratio", total=total, console=bar, transient=True)


def document(row: Evaluated, known: Interval | None) -> dict[str, Any]:
    """One row for machines. An end of the range that is infinite is null; `clamped` is there only where it is true."""
    told = {
        "bucket_start": row.row.start.isoformat(),
        "ln_e": row.ln_e,
        "reserve": row.reserve,
        "ln_e_advance": row.ln_e_advance,
        "ratio": row.ratio,
        "ratio_low": known.low if known else None,
        "ratio_high": known.high if known and math.isfinite(known.high) else None,
        "decision": row.decision.value,
    }
    return {**told, "clamped": True} if row.clamped else told


def _print(found: Evaluation, places: list[int], ranges: dict[int, Interval]) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console(emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, FILE_COLUMNS)
    if places:
        _print_table(console, found, places, ranges)
    console.print(closing(found), soft_wrap=True)


def _print_table(console: Console, found: Evaluation, places: list[int], ranges: dict[int, Interval]) -> None:
    from rich.table import Table  # noqa: PLC0415

    staged = any(row.ln_e_advance is not None for row in found.rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("HOUR (UTC)", no_wrap=True)
    for name in ("HARM", *(("SAFETY",) if staged else ()), "RATIO", *(("90 % RANGE",) if ranges else ())):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("DECISION", no_wrap=True)
    before = -1
    for place in places:
        if place > before + 1:
            table.add_row(f"[dim]{place - before - 1:,} rows more[/]")
        table.add_row(*_line(found.rows[place], ranges.get(place), staged=staged))
        before = place
    console.print(table)


def _line(row: Evaluated, known: Interval | None, *, staged: bool) -> list[str]:
    from stagedrollout.core.harm import odds_text  # noqa: PLC0415

    cells = [f"{row.row.start:%Y-%m-%d %H:%M}", odds_text(row.ln_e)]
    if staged:
        cells.append("-" if row.ln_e_advance is None else odds_text(row.ln_e_advance))
    cells.append("-" if row.ratio is None else f"{row.ratio:.2f}")
    if known is not None:
        cells.append(_range(known))
    mark = " (clamped)" if row.clamped else ""
    return [*cells, f"[{COLOURS[row.decision.value]}]{row.decision.value}[/]{mark}"]


def _range(known: Interval) -> str:
    if math.isfinite(known.high):
        return f"{known.low:.2f} - {known.high:.2f}"
    return f"from {known.low:.2f}" if known.low else "-"


def closing(found: Evaluation) -> str:
    """What it comes to, in a sentence."""
    from stagedrollout.core.harm import odds_text  # noqa: PLC0415

    if not found.rows:
        return "No rows: no evidence yet."
    newest, halted = found.rows[-1], found.halted_at
    if halted is not None:
        row, worse = found.rows[halted], found.worse(halted)
        harm = f"evidence of harm {odds_text(row.ln_e)} (halt at 100 : 1)"
        times = "" if worse.ratio is None else f", {worse.ratio:.1f} times the baseline's crash rate"
        since = f" since {worse.since:%Y-%m-%d %H:%M}" if times else ""
        return f"HALT at {row.row.start:%Y-%m-%d %H:%M} UTC: {harm}{times}{since}."
    harm = f"evidence of harm {odds_text(newest.ln_e)} (halt at 100 : 1)"
    if newest.decision.value == "HOLD":
        return f"HOLD: {harm}; nothing is raised from 10 : 1 on."
    if newest.ln_e_advance is None:
        return f"{newest.decision.value}: {harm}."
    safe = f"evidence of safety {odds_text(newest.ln_e_advance)} (10 : 1 needed to advance)"
    return f"{newest.decision.value}: {safe}, {harm}."
