"""`halt --direct`: the halt goes to the stores from here, and only then is left for whatever daemon may come.

It works with the daemon dead and the database gone; the code that it leads to can only brake (daemon/direct.py). What
it leaves behind binds the daemons: a marker beside the configuration, and the order in the database if that answers.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.cli.ordering import Answer, acting_user, open_box
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.model import StoreApp
    from stagedrollout.daemon.direct import Nothing, Stopped
    from stagedrollout.storage.brakes import BrakesFolder, HaltMarker
    from stagedrollout.storage.commands import CommandBox

AT_ONCE_MAX = 8
"""Store apps that are asked at the same time."""

LEFT = "left"
NOTHING_THERE = "nothing_there"


def halted_directly(
    config: Path, apps: tuple[StoreApp, ...], *, release: str, reason: str, ends: float
) -> Iterator[Answer]:
    """As they come: no store's halt waits for another's. `ends`: an instant of the monotonic clock."""
    loaded, trouble = _loaded(config)
    behind = _Behind.beside(config, reason)
    with ThreadPoolExecutor(min(len(apps), AT_ONCE_MAX)) as pool:
        futures = {pool.submit(_stopped, loaded, trouble, app, release, ends): app for app in apps}
        for future in as_completed(futures):
            yield from behind.answers(futures[future], future.result())


def _loaded(config: Path) -> tuple[Loaded | None, str]:
    """The configuration without its secrets: one that is missing must not keep the other store from being halted."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415

    try:
        return load(config, environ=os.environ), ""
    except WrongConfiguration as error:
        return None, f"{error}"


def _stopped(
    loaded: Loaded | None, trouble: str, app: StoreApp, release: str, ends: float
) -> tuple[Stopped, ...] | Nothing:
    """Raises nothing: what goes wrong with one store app is its own answer."""
    from stagedrollout.core.errors import StagedRolloutError  # noqa: PLC0415
    from stagedrollout.daemon.direct import Stopped, open_direct  # noqa: PLC0415

    try:
        settings = loaded.settings.app(app.app) if loaded else None
        if loaded is None or settings is None:
            return (Stopped(release, release, halted=False, words=trouble),)
        return open_direct(loaded, settings, app.store).stop(release, ends - time.monotonic())
    except StagedRolloutError as error:
        return (Stopped(release, release, halted=False, words=f"{error}"),)
    except Exception as error:  # noqa: BLE001 - the verdict is NOT HALTED, and the others go on
        words = f"internal error: {type(error).__name__}"
        return (Stopped(release, release, halted=False, words=words),)


@dataclass(frozen=True, slots=True)
class _Behind:
    """What is left behind for daemons, of every halt whether the store shows it or not: they must not raise it."""

    folder: BrakesFolder
    box: CommandBox | None
    no_box: str
    reason: str
    host: str

    @classmethod
    def beside(cls, config: Path, reason: str) -> _Behind:
        from stagedrollout.config.database import database_url  # noqa: PLC0415
        from stagedrollout.core.errors import StorageError, WrongConfiguration  # noqa: PLC0415
        from stagedrollout.storage.brakes import beside  # noqa: PLC0415

        url, box, why = "", None, ""
        try:
            url = database_url(config)
            box = open_box(url)
        except (StorageError, WrongConfiguration) as error:
            why = f"{error}"
        return cls(beside(config, url), box, why, reason, socket.gethostname())

    def answers(self, app: StoreApp, found: tuple[Stopped, ...] | Nothing) -> Iterator[Answer]:
        from stagedrollout.daemon.direct import Nothing  # noqa: PLC0415

        if isinstance(found, Nothing):  # there is nothing that a daemon must be kept from
            yield Answer(self._marker(app, "").order, NOTHING_THERE, found.words, 3)
            return
        for stopped in found:
            yield self._answer(app, stopped)

    def _answer(self, app: StoreApp, stopped: Stopped) -> Answer:
        marker = self._marker(app, stopped.release)
        place, unmarked = self._mark(marker)
        unordered = self._order(marker)
        more = {
            "release": stopped.label,
            "marker": place,
            "marker_problem": unmarked,
            "order": unordered or LEFT,
            "host": self.host,
        }
        kept = not (unmarked and unordered)
        name = f"{stopped.label}: " if stopped.label else ""
        if not stopped.halted:
            text = f"{name}NOT HALTED: {stopped.words}. {by_hand(app)}"
            return Answer(marker.order, "not_halted", text, 3, more)
        text = f"{name}halted past the daemon; {stopped.words}"
        return Answer(marker.order, "done" if kept else "not_kept", text, 0 if kept else 1, more)

    def _marker(self, app: StoreApp, release: str) -> HaltMarker:
        from stagedrollout.core.model import Actor, ActorKind  # noqa: PLC0415
        from stagedrollout.storage.brakes import HaltMarker  # noqa: PLC0415

        return HaltMarker(
            id=uuid.uuid4().hex,
            app=app.app,
            store=app.store,
            release=release,
            actor=Actor(ActorKind.HUMAN, acting_user()),
            reason=self.reason,
            at=datetime.now(UTC),
            host=self.host,
        )

    def _mark(self, marker: HaltMarker) -> tuple[str, str]:
        """Where the marker is, and why it is not."""
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415

        try:
            return f"{self.folder.leave(marker)}", ""
        except StorageError as error:
            return "", f"{error}"

    def _order(self, marker: HaltMarker) -> str:
        """Why the order is not in the database; "" if it is."""
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415

        if self.box is None:
            return self.no_box
        try:
            self.box.put(marker.order)
        except StorageError as error:
            return f"{error}"
        return ""


def by_hand(app: StoreApp) -> str:
    from stagedrollout.core.telling import console_hint  # noqa: PLC0415

    return f"Stop it by hand: {console_hint(app.store)}."


def tell_binding(config: Path, answers: list[Answer]) -> None:
    """Whom the halts bind from here on, said once for all of them."""
    left = [answer.more for answer in answers if answer.more]
    marked = [more for more in left if more["marker"]]
    unordered = next((more["order"] for more in left if more["order"] != LEFT), "")
    unmarked = next((more["marker_problem"] for more in left if more["marker_problem"]), "")
    if unmarked:
        _warn(f"No marker: {unmarked}.")
    if unordered:
        _warn(f"No order in the database: {unordered}.")
    if not left:
        return
    host = left[0]["host"]
    if not unordered:
        click.echo(
            "The order is in the database as well: the daemon takes it over, and knows whose halt it is."
        )
    elif marked:
        _warn(
            f"Bound by the marker: daemons that read {config.absolute()} on {host}; the next one imports it. NOT bound "
            "until then: daemons on other hosts, or with another configuration. Stop those."
        )
    if any(not more["marker"] and more["order"] != LEFT for more in left):
        _warn(
            "NOTHING BINDS THE DAEMONS: neither marker nor order could be written. Let no daemon start before that is "
            "mended, and give the halt again."
        )


def _warn(text: str) -> None:
    click.echo(one_line(text), err=True)
