"""`report`: how the newest releases went, in the numbers that a team tunes its policy by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.reporting.reading import Found, Wanted

_STORES = ("google_play", "app_store")

HELP = """Tell how the newest releases went: time to 100 %, what it was spent on, halts and the exposure at them, holds and why,
overrides, the evidence each stage was left with, notices; and what that says about the policy.

Reads the database; works without the daemon. Exits with 1 where a journal cannot be read; the others are told.
"""


@click.command(help=HELP)
@app_argument(required=False, default="")
@click.option(
    "--last", type=click.IntRange(1, 10_000), default=10, show_default=True, help="So many releases."
)
@click.option("--store", type=click.Choice(_STORES), help="Only releases on this store.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Only what was started on this day (UTC) or later, like 2026-03-02.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw the course of each into this file, .png or .svg.",
)
@config_option
@json_option
def report(plot: Path | None, config: Path, *, as_json: bool, **asked: Any) -> None:
    found = _found(config, _wanted(**asked))
    if plot:
        _draw(found, plot)
    _tell(found, asked["app"], as_json=as_json)
    if not as_json:
        _say_how_old(config, asked["app"], asked["store"] or "")
    for each in found.damaged:
        click.echo(f"{one_line(str(each.key))}: {one_line(each.why)}", err=True)
    if found.damaged:
        raise SystemExit(1)


def _wanted(app: str, last: int, store: str | None, since: datetime | None) -> Wanted:
    from stagedrollout.core.model import Store  # noqa: PLC0415
    from stagedrollout.reporting.reading import Wanted  # noqa: PLC0415

    since = since.replace(tzinfo=UTC) if since else None
    return Wanted(last, app, Store(store) if store else None, since)


def _found(config: Path, wanted: Wanted) -> Found:
    """Raises StorageError, WrongConfiguration; click.UsageError for an app that the database does not know."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.reporting.reading import find  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_readonly(database_url(config))
    check(engine)
    found = find(engine, wanted)
    if wanted.app and found.apps and wanted.app not in found.apps:
        from stagedrollout.cli.naming import unknown  # noqa: PLC0415

        raise unknown("app", wanted.app, found.apps, "the database")
    return found


def _say_how_old(config: Path, app: str, store: str) -> None:
    """And what is not reported, for it has left the database."""
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.left import left, say_left  # noqa: PLC0415
    from stagedrollout.cli.status import opened  # noqa: PLC0415

    engine = opened(config)
    say_left(left(engine, app, store))
    warn(freshness(engine))


def _draw(found: Found, plot: Path) -> None:
    """Raises MissingExtra, WrongConfiguration, StagedRolloutError in words."""
    from stagedrollout.rehearsal.extra import need  # noqa: PLC0415

    need("matplotlib")
    if not found.releases:
        click.echo(f"no picture: {plot}: there is nothing to draw yet", err=True)
        return
    from stagedrollout.reporting.picture import draw  # noqa: PLC0415

    draw(found.releases, plot)
    click.echo(f"picture: {plot}", err=True)


def _tell(found: Found, app: str, *, as_json: bool) -> None:
    from stagedrollout.reporting.document import document  # noqa: PLC0415

    if as_json:
        click.echo(json.dumps(document(found), indent=2, allow_nan=False))
        return
    if not found.releases:
        of = f" of {one_line(app)}" if app else ""
        click.echo(f"No release{of} that was started is known here: there is nothing to report yet.")
        return
    from stagedrollout.cli.report_text import show  # noqa: PLC0415

    show(document(found))
