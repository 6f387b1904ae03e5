"""`halt`: stop a release wherever it is going on, and follow until the stores show it.

It is also given where the configuration is broken, and where nothing helps, that is said: exit code 3. Stores do
not wait for each other: one whose order cannot be left, or that does not answer, keeps no other from being halted.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.going_on import where_to_halt
from stagedrollout.cli.ordering import (
    LOOK_AGAIN_SECONDS,
    TAKEN_WITHIN_SECONDS,
    Answer,
    addressed,
    new_command,
    open_box,
    order_command,
    span,
    tell,
    tell_one,
)
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.core.model import Command, Store
    from stagedrollout.storage.commands import CommandBox, CommandRow

_NOTHING_THERE = "nothing_there"


@dataclass(frozen=True, slots=True)
class _Patience:
    """Instants of the monotonic clock, in seconds; one patience for all stores together."""

    taken_by: float
    ends: float


@order_command(
    "halt",
    "Stop the release now, and follow until the store shows it. Exit code 3: NOT HALTED.",
    "google_play or app_store. Default: every store where a rollout is going on.",
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
    answers: list[Answer] = []
    for answer in _weighed(_halted(config, database, commands, ends)):
        answers.append(answer)
        if not as_json:
            tell_one(answer, among_several=len(stores) > 1)
    if as_json:
        tell(sorted(answers, key=lambda answer: commands.index(answer.command)), as_json=True)
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


def _weighed(answers: Iterable[Answer]) -> Iterator[Answer]:
    """As they come. Where there was nothing to halt comes last: that is bad only if nothing was halted at all."""
    nothing: list[Answer] = []
    halted = False
    for answer in answers:
        if answer.result == _NOTHING_THERE:
            nothing.append(answer)
            continue
        halted = halted or answer.code == 0
        yield answer
    for answer in nothing:
        if halted:
            yield Answer(answer.command, _NOTHING_THERE, f"nothing to halt there: {answer.text}", 0)
        else:
            yield _not_halted(answer.command, answer.text)


def _halted(config: Path, database: str, commands: list[Command], ends: float) -> Iterator[Answer]:
    """All orders are left before any is followed: no store's halt waits for another's."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError, WrongConfiguration  # noqa: PLC0415

    try:
        url = database or database_url(config)
        box = open_box(url)
    except (StorageError, WrongConfiguration) as error:
        yield from (_not_halted(command, f"{error}") for command in commands)
        return
    chosen = where_to_halt(url, commands)
    left, failed = _left(box, chosen)
    for command in commands:
        if command not in chosen:
            store = command.store.value
            click.echo(
                f"{store}: nothing is going on there, so it is let be (--store {store} halts it)", err=True
            )
    yield from failed
    yield from _followed(box, left, ends)


def _left(box: CommandBox, commands: list[Command]) -> tuple[list[Command], list[Answer]]:
    """The orders that are in the database now, and the answers for those that are not."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    left: list[Command] = []
    failed: list[Answer] = []
    for command in commands:
        try:
            box.put(command)
        except StorageError as error:
            failed.append(_not_halted(command, f"{error}"))
        else:
            left.append(command)
    return left, failed


def _followed(box: CommandBox, commands: list[Command], ends: float) -> Iterator[Answer]:
    """Each until its store shows the halt, or the patience is over: then it is NOT HALTED, whatever was tried."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415

    patience = _Patience(time.monotonic() + TAKEN_WITHIN_SECONDS, ends)
    waiting, troubled = list(commands), set[str]()
    while waiting:
        for command in tuple(waiting):
            try:
                row = box.find(command.id)
            except StorageError as error:
                answer: Answer | None = _not_halted(command, f"{error}")
            else:
                answer = _answer(command, row, patience)
                if answer is None and row and row.answer and command.id not in troubled:
                    troubled.add(command.id)
                    _say_not_yet(command, row.answer, among_several=len(commands) > 1)
            if answer:
                waiting.remove(command)
                yield answer
        if waiting:
            time.sleep(LOOK_AGAIN_SECONDS)


def _answer(command: Command, row: CommandRow | None, patience: _Patience) -> Answer | None:
    """None while there is something to wait for."""
    if row is None:
        return _not_halted(command, "the order is not in the database any more")
    if row.finished_at:
        return _final(command, row)
    now = time.monotonic()
    if not row.taken_at:
        return _not_taken(command) if now >= patience.taken_by else None
    if now >= patience.ends:
        return _not_halted(command, row.answer or "taken up, and no answer in time")
    return None


def _final(command: Command, row: CommandRow) -> Answer:
    result = row.result.value if row.result else ""
    if result == "done":
        return Answer(command, "done", row.answer, 0)
    if result == "refused" and _nothing_there(command, row.answer):
        return Answer(command, _NOTHING_THERE, row.answer, 3)
    return _not_halted(command, row.answer or "taken up, and given up without a word")


def _nothing_there(command: Command, answer: str) -> bool:
    """By the daemon's words: nobody is meant (core/addressing.py), or only a draft (core/rules/halts.py)."""
    nobody = f"{command.app} on {command.store.value} has no "
    return answer.startswith(nobody) or answer.endswith("there is nothing to halt")


def _not_taken(command: Command) -> Answer:
    silence = f"no daemon took the order within {TAKEN_WITHIN_SECONDS:.0f} s"
    text = f"NOT HALTED: {silence}. {_by_hand(command)} A daemon that starts will carry the order out."
    return Answer(command, "not_taken", text, 3)


def _say_not_yet(command: Command, answer: str, *, among_several: bool) -> None:
    where = f"{command.store.value}: " if among_several else ""
    said = f"{where}NOT HALTED yet: {answer}. The daemon tries again. {_by_hand(command)}"
    click.echo(one_line(said), err=True)


def _not_halted(command: Command, why: str) -> Answer:
    return Answer(command, "not_halted", f"NOT HALTED: {why}. {_by_hand(command)}", 3)


def _by_hand(command: Command) -> str:
    from stagedrollout.core.telling import console_hint  # noqa: PLC0415

    return f"Stop it by hand: {console_hint(command.store)}."
