"""`halt --direct`: the halt goes to the stores from here, and only then is left for whatever daemon may come.

It works with the daemon dead and the database gone; the code that it leads to can only brake (daemon/direct.py). What
it leaves behind binds the daemons: a marker beside the configuration, and the order in the database if that answers.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagedrollout.cli.ordering import REASON_MAX, Answer, acting_user
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.model import Command, StoreApp
    from stagedrollout.daemon.direct import Nothing, Stopped
    from stagedrollout.storage.brakes import HaltMarker
    from stagedrollout.storage.engine import Engine

AT_ONCE_MAX = 8
"""Store apps that are asked at the same time."""

UNDER_WAY_SECONDS = 10.0
"""What is on its way to a store when the patience is over may end within this."""

LEFT = "left"
NOTHING_THERE = "nothing_there"


def halted_directly(
    config: Path, apps: tuple[StoreApp, ...], *, release: str, reason: str, ends: float
) -> Iterator[Answer]:
    """As they come: no store's halt waits for another's. `ends`: an instant of the monotonic clock.

    The halts are on their way before the database is so much as opened, and each has its marker as soon as its store has
    answered; orders come last. Whoever gives up waiting (Ctrl-C) leaves markers for those that have not answered.
    """
    from stagedrollout.daemon.direct import Stopped  # noqa: PLC0415

    sent = _sent(config, apps, release, ends)
    behind = _Behind(config, reason)
    why, waiting = "", list(apps)
    try:
        for future in as_completed(sent, timeout=max(0.0, ends + UNDER_WAY_SECONDS - time.monotonic())):
            waiting.remove(sent[future])
            yield from behind.answers(sent[future], future.result())
    except TimeoutError:
        why = "the store has not answered in the time that --wait gives"
    except KeyboardInterrupt:
        why = "interrupted before the store had answered"
    for app in waiting:
        yield from behind.answers(app, (Stopped(release, release, halted=False, words=why),))
    behind.leave_orders()


def _sent(
    config: Path, apps: tuple[StoreApp, ...], release: str, ends: float
) -> dict[Future[tuple[Stopped, ...] | Nothing], StoreApp]:
    """All of them under way, on threads that keep no process from ending: a store may hang."""
    loaded, trouble = _loaded(config)
    futures: dict[Future[tuple[Stopped, ...] | Nothing], StoreApp] = {Future(): app for app in apps}
    waiting = deque(futures)

    def send() -> None:
        with contextlib.suppress(IndexError):
            while True:
                future = waiting.popleft()
                future.set_result(
                    _stopped(config, loaded, trouble, futures[future], release=release, ends=ends)
                )

    for _ in range(min(len(apps), AT_ONCE_MAX)):
        threading.Thread(target=send, daemon=True).start()
    return futures


def _loaded(config: Path) -> tuple[Loaded | None, str]:
    """The configuration without its secrets: one that is missing must not keep the other store from being halted."""
    from stagedrollout.config.load import load  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415

    try:
        return load(config, environ=os.environ), ""
    except WrongConfiguration as error:
        return None, f"{error}"
    except Exception as error:  # noqa: BLE001 - a mistake in what reads it keeps no halt either
        return None, f"internal error: {type(error).__name__}"


def _stopped(  # noqa: PLR0913 - what one halt is about
    config: Path, loaded: Loaded | None, trouble: str, app: StoreApp, *, release: str, ends: float
) -> tuple[Stopped, ...] | Nothing:
    """Raises nothing: what goes wrong with one store app is its own answer."""
    from stagedrollout.config.braking import read_to_halt  # noqa: PLC0415
    from stagedrollout.core.errors import StagedRolloutError  # noqa: PLC0415
    from stagedrollout.daemon.direct import Stopped, open_direct  # noqa: PLC0415

    try:
        if loaded is None:  # what is wrong elsewhere in it does not matter to this one
            loaded = read_to_halt(config, app, environ=os.environ)
        settings = loaded.settings.app(app.app) if loaded else None
        if loaded is None or settings is None:
            return (Stopped(release, release, halted=False, words=trouble),)
        return open_direct(loaded, settings, app.store).stop(release, ends - time.monotonic())
    except StagedRolloutError as error:
        return (Stopped(release, release, halted=False, words=f"{error}"),)
    except Exception as error:  # noqa: BLE001 - the verdict is NOT HALTED, and the others go on
        words = f"internal error: {type(error).__name__}"
        return (Stopped(release, release, halted=False, words=words),)


class _Behind:
    """What is left behind for daemons, of every halt whether the store shows it or not: they must not raise it."""

    def __init__(self, config: Path, reason: str) -> None:
        from stagedrollout.config.database import database_url  # noqa: PLC0415
        from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415
        from stagedrollout.storage.brakes import beside  # noqa: PLC0415

        self._url, self._no_box = "", ""
        try:
            self._url = database_url(config)
        except WrongConfiguration as error:
            self._no_box = f"{error}"
        self._folder = beside(config, self._url)
        self._engine: Engine | None = None
        self._reason = (reason if reason.strip() else "no reason given")[:REASON_MAX]
        self._host = socket.gethostname()
        self._unordered: list[tuple[Command, dict[str, str]]] = []

    def answers(self, app: StoreApp, found: tuple[Stopped, ...] | Nothing) -> Iterator[Answer]:
        from stagedrollout.daemon.direct import Nothing  # noqa: PLC0415

        if isinstance(found, Nothing):  # there is nothing that a daemon must be kept from
            yield Answer(self._marker(app, "").order, NOTHING_THERE, found.words, 3)
            return
        for stopped in found:
            yield self._answer(app, stopped)

    def leave_orders(self) -> None:
        """In the database, of every halt that has its marker; what became of it is in the answer's `more` then."""
        for order, more in self._unordered:
            try:
                more["order"] = self._order(order) or LEFT
            except KeyboardInterrupt:
                self._no_box = more["order"] = "interrupted"
        alive = self._alive()
        for _, more in self._unordered:
            more["daemon"] = alive

    def _answer(self, app: StoreApp, stopped: Stopped) -> Answer:
        marker = self._marker(app, stopped.release)
        place, unmarked = self._mark(marker)
        more = {
            "release": stopped.label,
            "marker": place,
            "marker_problem": unmarked,
            "marker_owner": self._folder.whose if place else "",
            "order": self._order(marker.order) or LEFT
            if unmarked
            else "",  # then nothing else can bind anybody
            "daemon": "",
            "host": self._host,
        }
        self._unordered.append((marker.order, more))
        kept = not unmarked or more["order"] == LEFT
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
            reason=self._reason,
            at=datetime.now(UTC),
            host=self._host,
        )

    def _mark(self, marker: HaltMarker) -> tuple[str, str]:
        """Where the marker is, and why it is not."""
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415

        try:
            return f"{self._folder.leave(marker)}", ""
        except StorageError as error:
            return "", f"{error}"

    def _order(self, order: Command) -> str:
        """Why the order is not in the database; "" if it is. What could not be done once is not waited for again."""
        from stagedrollout.cli.ordering import open_database  # noqa: PLC0415
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415
        from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415

        if self._no_box:
            return self._no_box
        try:
            self._engine = self._engine or open_database(self._url)
            CommandBox(self._engine).put(order)
        except StorageError as error:
            self._no_box = f"{error}"
        return self._no_box

    def _alive(self) -> str:
        """When a daemon was seen last, in words; "" where none runs, as far as the database tells."""
        from stagedrollout.cli.freshness import freshness  # noqa: PLC0415
        from stagedrollout.core.errors import StorageError  # noqa: PLC0415

        if self._engine is None or self._no_box:
            return ""
        try:
            daemon = freshness(self._engine)["daemon"]
        except StorageError:
            return ""
        return f"{daemon['heartbeat_at']}" if daemon["running"] else ""


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
        _tell_ordered(answers, alive=left[0]["daemon"])
    elif marked:
        _warn(
            f"Bound by the marker: daemons that read {config.absolute()} on {host}; the next one imports it. NOT bound "
            "until then: daemons on other hosts, or with another configuration. Stop those."
        )
    if marked and marked[0]["marker_owner"]:
        _warn(marked[0]["marker_owner"])
    if any(not more["marker"] and more["order"] != LEFT for more in left):
        _warn(
            "NOTHING BINDS THE DAEMONS: neither marker nor order could be written. Let no daemon start before that is "
            "mended, and give the halt again."
        )


def _tell_ordered(answers: list[Answer], *, alive: str) -> None:
    not_halted = any(answer.more and answer.code == 3 for answer in answers)
    if alive:
        tries = ", and goes on trying" if not_halted else ""
        who = f"the daemon, last seen at {alive[:19]} UTC, takes it over{tries}"
    else:
        tries = "until then nobody tries on" if not_halted else "until then nobody watches"
        who = f"no daemon runs, the next one takes it over; {tries}"
    click.echo(one_line(f"The order is in the database as well: {who}."))


def _warn(text: str) -> None:
    click.echo(one_line(text), err=True)
