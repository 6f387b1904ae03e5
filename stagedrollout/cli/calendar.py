"""`calendar`: the coming two weeks of every app, which share may come when, and what keeps it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, store_option
from stagedrollout.cli.in_force import policies_in_force
from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from stagedrollout.config.load import Loaded
    from stagedrollout.core.model import StoreApp
    from stagedrollout.core.policy import Policy
    from stagedrollout.explaining.finding import Kept
    from stagedrollout.storage.engine import Engine

DAYS_MAX = 60


@click.command(
    help="Show the coming two weeks: which days are open, which frozen and why, and when each stage may come at the"
    " earliest. APP: only that one. Reads the database, and the iCalendars that the policies name; works without the"
    " daemon."
)
@app_argument(required=False, default="")
@store_option("google_play or app_store. Default: every store the app is on.")
@click.option(
    "--days", type=click.IntRange(1, DAYS_MAX), default=14, show_default=True, help="How many days."
)
@config_option
@json_option
def calendar(app: str, store: str, days: int, config: Path, *, as_json: bool) -> None:
    from stagedrollout.cli.freshness import warn  # noqa: PLC0415
    from stagedrollout.cli.pulled import read_pulled, warn_of_pulled  # noqa: PLC0415
    from stagedrollout.config.load import load  # noqa: PLC0415

    loaded = load(config, environ=os.environ)
    documents, told, trouble = _documents(loaded, _meant(loaded, app, store), days)
    pulled = read_pulled(config)
    if as_json:
        document = {**told, **pulled, "calendars": documents, "database_problem": trouble}
        click.echo(json.dumps(document, indent=2))
        return
    from stagedrollout.cli.calendar_text import show  # noqa: PLC0415

    show(documents, trouble)
    if told:
        warn(told)
    warn_of_pulled(pulled)


def _meant(loaded: Loaded, app: str, store: str) -> list[StoreApp]:
    """Raises click.UsageError with the nearest names."""
    from stagedrollout.cli.naming import check_among  # noqa: PLC0415
    from stagedrollout.cli.ordering import stores_meant  # noqa: PLC0415
    from stagedrollout.core.model import Store, StoreApp  # noqa: PLC0415

    if not app:
        check_among("store", store, Store)
    names = [app] if app else [each.name for each in loaded.settings.apps]
    found = [
        StoreApp(name, each)
        for name in names
        for each in stores_meant(loaded, name, "" if not app else store)
    ]
    if store and not app:
        found = [each for each in found if each.store == store]
    if not found:
        raise click.UsageError(f"no app is on {store!r}")
    return found


def _documents(
    loaded: Loaded, apps: list[StoreApp], days: int
) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """And how fresh they are, as far as there is a database, and why it tells no rollouts; "" if it does."""
    from stagedrollout.cli.freshness import freshness  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    kept: dict[StoreApp, tuple[Kept | None, datetime]] = {}
    told: dict[str, Any] = {}
    trouble = ""
    try:
        engine = _engine(loaded)
        kept, told = {app: _kept(engine, app) for app in apps}, freshness(engine)
    except StorageError as error:
        trouble = str(error)
    standing = [(app, *kept.get(app, (None, _wall()))) for app in apps]
    policies = policies_in_force(loaded, standing[0][2])
    return [_document(loaded, policies, each, days) for each in standing], told, trouble


def _engine(loaded: Loaded) -> Engine:
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_readonly(loaded.settings.database)
    check(engine)
    return engine


def _kept(engine: Engine, app: StoreApp) -> tuple[Kept | None, datetime]:
    """The newest rollout that is not over, and the time by the daemon's clock."""
    from stagedrollout.explaining.finding import clock, find  # noqa: PLC0415

    found = find(engine, app)
    now = found.now if found else clock(engine, app)[0]
    return (None if found and found.rollout.finished else found), now


def _wall() -> datetime:
    from stagedrollout.daemon.clocks import SystemClock  # noqa: PLC0415

    return SystemClock().now()


def _document(
    loaded: Loaded,
    policies: Mapping[str, Policy],
    standing: tuple[StoreApp, Kept | None, datetime],
    days: int,
) -> dict[str, Any]:
    from stagedrollout.explaining.fortnight import fortnight  # noqa: PLC0415

    app, kept, now = standing
    settings = loaded.settings.app(app.app)
    own = settings.policy if settings else ""
    steering = kept.rollout.policy if kept and kept.rollout.policy in policies else own
    return fortnight(app, policies[steering], kept.rollout if kept else None, now, days)
