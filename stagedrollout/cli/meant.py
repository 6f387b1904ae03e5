"""What a command that only reads needs of the configuration, also where that cannot be used.

A daemon goes on by its old configuration while a broken one stands on the disk, and then above all people ask why. So
the journal is told all the same, without what only policies tell, and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.errors import WrongConfiguration
    from stagedrollout.core.model import StoreApp
    from stagedrollout.core.policy import Policy
    from stagedrollout.explaining.finding import Kept
    from stagedrollout.storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Meant:
    """The store apps that are meant, in which database. `loaded` None: the configuration cannot be used."""

    engine: Engine
    apps: tuple[StoreApp, ...]
    loaded: Loaded | None

    @property
    def policies(self) -> Mapping[str, Policy]:
        return self.loaded.policies if self.loaded else {}

    @property
    def own_policy(self) -> str:
        """The name of the one that the configuration names for the app; "" where that is not known."""
        settings = self.loaded.settings.app(self.apps[0].app) if self.loaded else None
        return settings.policy if settings else ""


def meant(config: Path, app: str, store: str) -> Meant:
    """Raises click.UsageError with the nearest names, StorageError, and WrongConfiguration where not even the database can be
    told."""
    from stagedrollout.cli.ordering import stores_meant  # noqa: PLC0415
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415
    from stagedrollout.core.model import StoreApp  # noqa: PLC0415

    try:
        loaded = load(config, environ=os.environ)
    except WrongConfiguration as error:
        return _from_the_database(config, app, store, error)
    apps = tuple(StoreApp(app, each) for each in stores_meant(loaded, app, store))
    return Meant(_opened(loaded.settings.database), apps, loaded)


def _from_the_database(config: Path, app: str, store: str, wrong: WrongConfiguration) -> Meant:
    from stagedrollout.cli.naming import check_among  # noqa: PLC0415
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415

    engine = _opened(database_url(config))
    there = tuple(dict.fromkeys(key.store_app for key in Journal(engine).rollout_keys()))
    check_among("app", app, [each.app for each in there], "the database")
    apps = tuple(each for each in there if each.app == app)
    check_among("store", store, [each.store.value for each in apps], app)
    first, *more = str(wrong).splitlines()
    others = f" (and {len(more)} more)" if more else ""
    click.echo(
        one_line(f"The configuration cannot be used, so what policies say is not told: {first}{others}"),
        err=True,
    )
    return Meant(engine, tuple(each for each in apps if store in ("", each.store.value)), None)


def kept_of(found: Meant, release: str) -> list[Kept]:
    """The rollouts that answer to what was typed, at least one. Raises click.ClickException, StorageError."""
    from stagedrollout.explaining.finding import find  # noqa: PLC0415

    kept = [one for one in (find(found.engine, each, release) for each in found.apps) if one]
    if not kept:
        raise nobody(found, release)
    return kept


def nobody(found: Meant, release: str) -> click.ClickException:
    """The error for a release that no journal of theirs knows, with the nearest ones."""
    from stagedrollout.cli.naming import unknown_release  # noqa: PLC0415
    from stagedrollout.explaining.finding import known  # noqa: PLC0415

    there = [label for each in found.apps for label in known(found.engine, each)]
    return unknown_release(found.apps[0].app, [each.store.value for each in found.apps], release, there)


def _opened(database: str) -> Engine:
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_readonly(database)
    check(engine)
    return engine
