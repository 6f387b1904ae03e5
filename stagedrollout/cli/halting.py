"""`halt`: stop a release wherever the app is, and follow until the stores show it.

It is also given where the configuration is broken, and where nothing helps, that is said: exit code 3.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.ordering import (
    TAKEN_WITHIN_SECONDS,
    Answer,
    addressed,
    new_command,
    open_box,
    order_command,
    span,
    tell,
    wait_until,
)

if TYPE_CHECKING:
    from stagedrollout.core.model import Command, Store
    from stagedrollout.storage.commands import CommandBox


@order_command(
    "halt",
    "Stop the release now, and follow until the store shows it. Exit code 3: NOT HALTED.",
    "google_play or app_store. Default: every store the app is on.",
)
@click.option(
    "--wait",
    default="2m",
    show_default=True,
    help="How long to follow a halt that the store does not show; the daemon tries on in any case.",
)
def halt(*, app: str, store: str, config: Path, wait: str, as_json: bool, **terms: Any) -> None:
    ends = time.monotonic() + span(wait, "--wait").total_seconds()
    database, stores = _meant(config, app, store)
    commands = [new_command("halt", app, each, **terms) for each in stores]
    answers = _halted(config, database, commands, ends)
    tell(answers, as_json=as_json)
    sys.exit(max(answer.code for answer in answers))


def _meant(config: Path, app: str, store: str) -> tuple[str, tuple[Store, ...]]:
    """Which stores, and the database if the configuration can be read as a whole; "" if it cannot."""
    from stagedrollout.config.database import stores_of  # noqa: PLC0415
    from stagedrollout.core.errors import WrongConfiguration  # noqa: PLC0415
    from stagedrollout.core.model import Store  # noqa: PLC0415

    with contextlib.suppress(WrongConfiguration):  # then the address of the database is all that is needed
        return addressed(config, app, store, "")
    if store in list(Store):
        return "", (Store(store),)
    return "", tuple(Store(each) for each in stores_of(config, app)) or (Store.GOOGLE_PLAY,)


def _halted(config: Path, database: str, commands: list[Command], ends: float) -> list[Answer]:
    """All orders are left before any is followed: no store's halt waits for another's."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError, WrongConfiguration  # noqa: PLC0415

    try:
        url = database or database_url(config)
        commands = _with_something_to_halt(url, commands)
        box = open_box(url)
        for command in commands:
            box.put(command)
    except (StorageError, WrongConfiguration) as error:
        return [_not_halted(command, f"{error}") for command in commands]
    return [_followed(box, command, ends) for command in commands]


def _with_something_to_halt(database: str, commands: list[Command]) -> list[Command]:
    """Of several stores those where the app has a rollout that is not superseded; all of them where none has."""
    from stagedrollout.core.model import StoreApp  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    if len(commands) == 1:
        return commands
    rows = Presence(open_readonly(database)).statuses().rollouts
    busy = {row.rollout.store_app for row in rows if row.summary.phase != "superseded"}
    return [c for c in commands if StoreApp(c.app, c.store) in busy] or commands


def _followed(box: CommandBox, command: Command, ends: float) -> Answer:
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    try:
        return _until_shown(box, command, ends)
    except StorageError as error:
        return _not_halted(command, f"{error}")


def _until_shown(box: CommandBox, command: Command, ends: float) -> Answer:
    """Until the store shows the halt, or the patience is over: then it is NOT HALTED, whatever was tried."""

    def look() -> Any:
        return box.find(command.id)

    row = wait_until(look, lambda row: row.taken_at or row.finished_at, TAKEN_WITHIN_SECONDS)
    if not (row.taken_at or row.finished_at):
        silence = f"no daemon took the order within {TAKEN_WITHIN_SECONDS:.0f} s"
        text = f"NOT HALTED: {silence}. {_by_hand(command)} A daemon that starts will carry the order out."
        return Answer(command, "not_taken", text, 3)
    row = wait_until(look, lambda row: row.finished_at or row.answer, ends - time.monotonic())
    if row.answer and not row.finished_at:
        click.echo(f"NOT HALTED yet: {row.answer}. The daemon tries again. {_by_hand(command)}", err=True)
        row = wait_until(look, lambda row: row.finished_at, ends - time.monotonic())
    if row.result and row.result.value == "done":
        return Answer(command, "done", row.answer, 0)
    return _not_halted(command, row.answer or "taken up, and no answer in time")


def _not_halted(command: Command, why: str) -> Answer:
    return Answer(command, "not_halted", f"NOT HALTED: {why}. {_by_hand(command)}", 3)


def _by_hand(command: Command) -> str:
    from stagedrollout.core.telling import console_hint  # noqa: PLC0415

    return f"Stop it by hand: {console_hint(command.store)}."
