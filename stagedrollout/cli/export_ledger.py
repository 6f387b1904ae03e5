"""`export`, and `export ledger`: the counts of a rollout as the CSV that `policy evaluate` reads."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.export_journal import journal
from stagedrollout.cli.options import config_option

if TYPE_CHECKING:
    from stagedrollout.explaining.finding import Kept

COLUMNS = (
    "bucket_start",
    "candidate_sessions",
    "candidate_crashed",
    "baseline_sessions",
    "baseline_crashed",
    "stage_percent",
)


@click.group(help="Write out what the database keeps, for other programs.")
def export() -> None:
    pass


export.add_command(journal)


@export.command(
    help="Write the hours of a rollout's present monitoring run as CSV, for `policy evaluate` and for spreadsheets."
    " Reads the database; works without the daemon."
)
@app_argument()
@store_option("google_play or app_store. Default: the app's only store.")
@release_option("Version or build. Default: the newest rollout that is not over.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Into this file. Default: to the terminal."
)
@config_option
def ledger(app: str, store: str, release: str, out: Path | None, config: Path) -> None:
    from stagedrollout.cli.meant import kept_of, meant  # noqa: PLC0415

    found = meant(config, app, store)
    if len(found.apps) > 1:
        stores = ", ".join(each.store.value for each in found.apps)
        raise click.UsageError(f"{app} is on {stores}: say which with --store")
    text = _csv(kept_of(found, release)[0])
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise click.FileError(str(out), error.strerror or str(error)) from None


def _csv(kept: Kept) -> str:
    """Raises ClickException where nothing was counted."""
    rows = list(ledger_rows(kept))
    if not rows:
        raise click.ClickException(f"{kept.key}: no session was counted in its present monitoring run yet")
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerows([COLUMNS[: len(rows[0])], *rows])
    return written.getvalue()


def ledger_rows(kept: Kept) -> Iterator[tuple[str, ...]]:
    """One row for each hour, the oldest first, all strata together; without a stage where none is known.

    The stage is the one that the evidence counts the hour to: that in which a stage begins is its own already.
    """
    from stagedrollout.core.evidence.course import Marks, rows_of  # noqa: PLC0415
    from stagedrollout.core.hours import hour_floor  # noqa: PLC0415
    from stagedrollout.core.ledger import Measure  # noqa: PLC0415
    from stagedrollout.core.run_terms import run_of  # noqa: PLC0415

    run = run_of(kept.rollout)
    if run is None:
        return
    counted = kept.ledger.of(Measure.CRASHED)
    own = {place: tally for place, tally in counted.items() if run.counts(Measure.CRASHED, place)}
    for row in rows_of(own, Measure.CRASHED, Marks(run.stages, None, run.terms.s)):
        first, *others = row.strata
        total = sum(others, first)
        begun = [stage.ppm for stage in run.stages if hour_floor(stage.at) <= row.start]
        stage = [_percent(ppm) for ppm in (begun[-1:] or [each.ppm for each in run.stages[:1]])]
        counts = (total.n_c, total.k_c, total.n_b, total.k_b)
        yield (f"{row.start:%Y-%m-%dT%H:%M:%SZ}", *map(str, counts), *stage)


def _percent(ppm: int) -> str:
    """ "1", "0.5": exact, as `policy evaluate` reads it."""
    from stagedrollout.core.units import percent_text  # noqa: PLC0415

    return percent_text(ppm).removesuffix(" %")
