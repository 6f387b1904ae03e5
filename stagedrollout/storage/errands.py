"""Alarms on their way to places beside the rollouts' threads: at least once, each key once for each place.

An errand waits until its place takes it, is withdrawn while nobody needs it any more, or is told as over where it had
been told before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, case, func, select

from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Notice
from stagedrollout.storage.engine import Engine, insert, reading, writing
from stagedrollout.storage.instants import instant_or_none, micros
from stagedrollout.storage.put_off import AT_ONCE, at, come, first
from stagedrollout.storage.schema import errands, events
from stagedrollout.storage.wording import UNREADABLE, value_of, value_text

log = logging.getLogger(__name__)

DUE_MAX = 20
"""Errands of one round; the rest is left to the next."""


class ErrandState(StrEnum):
    """OVER: to be told that it is over; WITHDRAWN: it was before it had been told; DONE: nothing is left to tell."""

    WAITING = "waiting"
    SENT = "sent"
    OVER = "over"
    DONE = "done"
    WITHDRAWN = "withdrawn"


_STANDING = (ErrandState.WAITING.value, ErrandState.SENT.value)
_ID: BindParameter[int] = bindparam("of_id")
_KEY: BindParameter[str] = bindparam("of_key")
_OPEN = errands.c.state.in_((ErrandState.WAITING.value, ErrandState.OVER.value))
_DUE = select(errands).where(_OPEN, come(errands.c.next_try_us)).order_by(errands.c.id).limit(DUE_MAX)
_NEXT = select(first(errands.c.next_try_us)).where(_OPEN)
_HEAD = select(func.max(events.c.seq))
_ONE = errands.update().where(errands.c.id == _ID)
_OF_KEY = errands.update().where(errands.c.key == _KEY)
_WITHDRAW = _OF_KEY.where(errands.c.state == ErrandState.WAITING.value, errands.c.attempts == 0)
_END = _OF_KEY.where(
    errands.c.state.in_((ErrandState.SENT.value, ErrandState.WAITING.value)), errands.c.attempts > 0
)
_WITHDRAWN = _WITHDRAW.values(state=ErrandState.WITHDRAWN.value)
_ENDED = _END.values(state=ErrandState.OVER.value, next_try_us=AT_ONCE)
_TRIED = _ONE.values(attempts=errands.c.attempts + 1)


@dataclass(frozen=True, slots=True)
class Errand:
    """`over`: it was told before, and is to be told as over now. `attempts`: how often that was tried before."""

    id: int
    key: str
    place: str
    rollout: RolloutKey
    notice: Notice
    over: bool
    attempts: int


class ErrandTable:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, key: str, places: Iterable[str], rollout: RolloutKey, notice: Notice, now: datetime
    ) -> None:
        """One for each place; where there is one of that key it stays as it is, unless it was over: then it begins anew."""
        rows = [
            {
                "key": key,
                "place": place,
                "rollout": str(rollout),
                "body": value_text(notice),
                "state": ErrandState.WAITING.value,
                "attempts": 0,
                "next_try_us": AT_ONCE,
                "created_us": micros(now),
                "error": "",
            }
            for place in places
        ]
        with writing(self._engine) as connection:
            for row in rows:
                connection.execute(_put(connection.dialect.name), row)

    def standing(self) -> tuple[tuple[str, str], ...]:
        """Key and rollout of what was told or is to be, and is not over."""
        query = select(errands.c.key, errands.c.rollout).where(errands.c.state.in_(_STANDING)).distinct()
        with reading(self._engine) as connection:
            return tuple((row.key, row.rollout) for row in connection.execute(query))

    def end(self, keys: Sequence[str]) -> None:
        """Nobody needs these any more: what was never sent is withdrawn, what was is told as over."""
        if not keys:
            return
        with writing(self._engine) as connection:
            for key in keys:
                connection.execute(_WITHDRAWN, {_KEY.key: key})
                connection.execute(_ENDED, {_KEY.key: key})

    def due(self, now: datetime) -> tuple[Errand, ...]:
        with reading(self._engine) as connection:
            rows = connection.execute(_DUE, at(now)).all()
        return tuple(found for row in rows if (found := _errand(row)) is not None)

    def next_due(self, now: datetime) -> datetime | None:
        """Long past if at once; None while nothing waits."""
        with reading(self._engine) as connection:
            return instant_or_none(connection.execute(_NEXT, at(now)).scalar())

    def head(self) -> int:
        """How far all journals together have come."""
        with reading(self._engine) as connection:
            return int(connection.execute(_HEAD).scalar() or 0)

    def trying(self, id: int) -> None:  # noqa: A002 - the row's own word
        """Before the request leaves: from here on it may have been told."""
        with writing(self._engine) as connection:
            connection.execute(_TRIED, {_ID.key: id})

    def told(self, errand: Errand) -> None:
        """Only what it was when it was sent: it may be over meanwhile, and that is still to be told."""
        was = ErrandState.OVER if errand.over else ErrandState.WAITING
        becomes = ErrandState.DONE if errand.over else ErrandState.SENT
        statement = _ONE.where(errands.c.state == was.value).values(state=becomes.value, error="")
        with writing(self._engine) as connection:
            connection.execute(statement, {_ID.key: errand.id})

    def retry_at(self, id: int, when: datetime, error: str) -> None:  # noqa: A002
        statement = _ONE.values(next_try_us=micros(when), error=error)
        with writing(self._engine) as connection:
            connection.execute(statement, {_ID.key: id})


@cache
def _put(dialect: str) -> Executable:
    """What was over and is not any more is told again; so is one whose end is not told yet, for it may never have been."""
    new = insert(dialect, errands)
    over = errands.c.state.not_in(_STANDING)
    was_told = errands.c.state == ErrandState.OVER.value
    anew = {
        "state": ErrandState.WAITING.value,
        "attempts": case((was_told, errands.c.attempts), else_=0),
        "next_try_us": AT_ONCE,
        "body": new.excluded.body,
        "error": "",
    }
    return new.on_conflict_do_update(index_elements=["key", "place"], set_=anew, where=over)


def _errand(row: Row[Any]) -> Errand | None:
    try:
        rollout, notice = RolloutKey.parse(row.rollout), value_of(Notice, row.body)
    except UNREADABLE as error:
        log.warning("errand %s cannot be read and stays: %s", row.id, error)
        return None
    over = row.state == ErrandState.OVER.value
    return Errand(row.id, row.key, row.place, rollout, notice, over, row.attempts)
