"""People's orders: left by the command line, carried out by the daemon, answered in words.

An order is acknowledged once `put` returns, for then it is on the disk (promise R12). It stays `waiting`
until it is finished, so that a daemon that dies while carrying it out leaves it to the next one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, or_, select

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Expected, Store, Via
from stagedrollout.storage.engine import Engine, insert, reading, writing
from stagedrollout.storage.instants import (
    instant,
    instant_or_none,
    micros,
    micros_or_none,
    span_micros_or_none,
    span_or_none,
)
from stagedrollout.storage.schema import commands
from stagedrollout.storage.wording import UNREADABLE, json_body, json_text

log = logging.getLogger(__name__)

EXPIRED = "it expired before a daemon could carry it out; nothing was done"

_CARRYING_OUT_MAX = timedelta(minutes=10)
"""A pass has a deadline far below this: an order taken longer ago was left behind by a daemon that died."""

_ID: BindParameter[str] = bindparam("of_id")
_WAITING = select(commands).where(commands.c.finished_us.is_(None)).order_by(commands.c.seq)
_ALL = select(commands).order_by(commands.c.seq)
_ONE = select(commands).where(commands.c.id == _ID)
_CHANGE = commands.update().where(commands.c.id == _ID, commands.c.finished_us.is_(None))


class CommandResult(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CommandRow:
    """An order and what became of it: `taken_at` by a daemon, `result` and `answer` when finished."""

    command: Command
    taken_at: datetime | None
    finished_at: datetime | None
    result: CommandResult | None
    answer: str


class CommandBox:
    """Safe from many threads and processes. Every method raises StorageError when the database fails.

    Every `now` is the machine's own time, as `expires_at` is, also where the daemon follows another clock.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, command: Command) -> None:
        """Leave an order, durably. The same id again changes nothing, so an unheard reply may be repeated."""
        row = {
            "id": command.id,
            "verb": command.verb.value,
            "app": command.app,
            "store": command.store.value,
            "release": command.release,
            "policy": command.policy,
            "actor_kind": command.actor.kind.value,
            "actor": command.actor.name,
            "reason": command.reason,
            "created_us": micros(command.created_at),
            "expires_us": micros_or_none(command.expires_at),
            "hold_for_us": span_micros_or_none(command.hold_for),
            "without_evidence": command.without_evidence,
            "known_bad": command.known_bad,
            "supersede": command.supersede,
            "to_ppm": command.to_ppm,
            "expected": json_text({"seen": [encode(each) for each in command.expected]}),
            "via": command.via.value,
            "answer": "",
        }
        with writing(self._engine) as connection:
            connection.execute(_put(connection.dialect.name), row)

    def waiting(self) -> tuple[Command, ...]:
        """Orders not finished, in the order in which they arrived; call `expire` first.

        Those taken by this daemon, or by one that died, are among them.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(_WAITING).all()
        return tuple(command for row in rows if (command := _readable(row)) is not None)

    def everything(self) -> tuple[Command, ...]:
        """Every order that was ever left, as it was, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(_ALL).all()
        return tuple(command for row in rows if (command := _readable(row)) is not None)

    def take(self, id: str, now: datetime) -> bool:  # noqa: A002 - the row's own word
        """Note that a daemon carries the order out; False when it is finished (or unknown): let it be."""
        return self._change(id, taken_us=micros(now))

    def note(self, id: str, answer: str) -> None:  # noqa: A002
        """Tell how an order stands that is not finished yet."""
        self._change(id, answer=answer)

    def finish(self, id: str, result: CommandResult, answer: str, now: datetime) -> bool:  # noqa: A002
        """Answer the order; False when it has its answer already, which stays."""
        return self._change(id, finished_us=micros(now), result=result.value, answer=answer)

    def expire(self, now: datetime) -> int:
        """Refuse the orders whose time is over, except those being carried out; returns how many."""
        forsaken = commands.c.taken_us < micros(now - _CARRYING_OUT_MAX)
        statement = commands.update().where(
            commands.c.finished_us.is_(None),
            commands.c.expires_us <= micros(now),
            or_(commands.c.taken_us.is_(None), forsaken),
        )
        with writing(self._engine) as connection:
            closed = connection.execute(
                statement.values(finished_us=micros(now), result=CommandResult.REFUSED.value, answer=EXPIRED)
            )
            return closed.rowcount

    def find(self, id: str) -> CommandRow | None:  # noqa: A002
        with reading(self._engine) as connection:
            row = connection.execute(_ONE, {_ID.key: id}).one_or_none()
        if row is None:
            return None
        try:
            result = None if row.result is None else CommandResult(row.result)
            command = _command(row)
            taken, finished = instant_or_none(row.taken_us), instant_or_none(row.finished_us)
        except UNREADABLE as error:
            raise StorageError(f"the order {id} cannot be read: {error}") from error
        return CommandRow(command, taken, finished, result, row.answer)

    def _change(self, row_id: str, **values: Any) -> bool:
        """Of an order that has no answer yet; False when it has one (or is unknown)."""
        with writing(self._engine) as connection:
            return connection.execute(_CHANGE, {_ID.key: row_id, **values}).rowcount == 1


@cache
def _put(dialect: str) -> Executable:
    return insert(dialect, commands).on_conflict_do_nothing(index_elements=["id"])


def _readable(row: Row[Any]) -> Command | None:
    try:
        return _command(row)
    except UNREADABLE as error:
        # A newer command line may know more verbs. It sees that nobody takes the order, and says so.
        log.warning("order %s cannot be read and is left alone: %s", row.id, error)
        return None


def _command(row: Row[Any]) -> Command:
    verb = CommandVerb(row.verb)
    return Command(
        id=row.id,
        verb=verb,
        app=row.app,
        store=Store(row.store),
        actor=Actor(ActorKind(row.actor_kind), row.actor),
        reason=row.reason,
        created_at=instant(row.created_us),
        expires_at=instant_or_none(row.expires_us),
        release=row.release,
        policy=row.policy,
        hold_for=span_or_none(row.hold_for_us),
        without_evidence=row.without_evidence,
        known_bad=row.known_bad,
        supersede=row.supersede,
        to_ppm=row.to_ppm,
        # what a brake was ordered by, and from where, is asked of nobody: it keeps no halt from being taken
        expected=() if verb.brakes else _expected(row.expected),
        via=Via.CLI if verb.brakes and row.via not in list(Via) else Via(row.via),
    )


def _expected(text: str) -> tuple[Expected, ...]:
    return tuple(decode(Expected, each) for each in json_body(text).get("seen", ()))
