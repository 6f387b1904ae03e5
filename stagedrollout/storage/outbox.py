"""Notices on their way out, and each rollout's thread.

A notice is written in the transaction that records what it tells, and sent afterwards: at least once, in
order per rollout. A rollout's newer notice waits behind its older ones; other rollouts go on (promise R20).
A row is marked `sending` before the request leaves. Found `sending` later, its fate is unknown: it comes
back as ambiguous, and whoever sends it first looks whether it already arrived.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, not_, or_, select

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.core.notice import Board, Notice, NoticeKind
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.instants import instant, instant_or_none, micros
from stagedrollout.storage.put_off import AT_ONCE, at, come, first
from stagedrollout.storage.schema import outbox, threads
from stagedrollout.storage.wording import UNREADABLE, value_of, value_text

log = logging.getLogger(__name__)


class OutboxState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


_UNSENT = or_(*(outbox.c.state == state.value for state in (OutboxState.PENDING, OutboxState.SENDING)))
_HEADS = select(func.min(outbox.c.id)).where(_UNSENT).group_by(outbox.c.rollout)
"""Of every rollout its oldest notice not yet sent: the only one that may go."""

LOST_LATELY = timedelta(days=1)
"""For so long, from when it was written, an urgent notice that was given up is a reason to wake somebody."""

WAITING_MAX = 200
"""Notices of one rollout that wait at most, urgent ones apart: more than that nobody reads."""

_URGENT = or_(outbox.c.broadcast, outbox.c.kind == NoticeKind.IN_DOUBT.value)
"""What is delivered within ten minutes, somewhere (promise R20)."""

OF_THE_DAEMON = RolloutKey("(daemon)", Store.GOOGLE_PLAY, "itself")
"""Whose notices those of the daemon itself are: no app can be called so. It has no thread."""

_ID: BindParameter[int] = bindparam("of_id")
_OF: BindParameter[str] = bindparam("of_rollout")
_BY: BindParameter[int] = bindparam("by_us")
_NOW: BindParameter[int] = bindparam("now_shown")

_DUE = select(outbox).where(outbox.c.id.in_(_HEADS), come(outbox.c.next_try_us)).order_by(outbox.c.id)
_NEXT_HEAD = select(first(outbox.c.next_try_us)).where(outbox.c.id.in_(_HEADS))
_URGENT_ROWS = (
    select(outbox.c.id, outbox.c.rollout, outbox.c.created_us).where(_UNSENT, _URGENT).order_by(outbox.c.id)
)
_BODY = select(outbox.c.body).where(outbox.c.id == _ID)
_CHANGE = outbox.update().where(outbox.c.id == _ID, _UNSENT)
_MARK_SENDING = _CHANGE.values(state=OutboxState.SENDING.value, attempts=outbox.c.attempts + 1)
_EXCESS = (
    select(outbox.c.id)
    .where(outbox.c.rollout == _OF, outbox.c.state == OutboxState.PENDING.value, not_(_URGENT))
    .order_by(outbox.c.id.desc())
    .offset(WAITING_MAX)
    .limit(1)
)
_GIVE_WAY = (
    outbox.update()
    .where(outbox.c.id == _EXCESS.scalar_subquery())
    .values(state=OutboxState.FAILED.value, error=f"{WAITING_MAX} newer notices of this rollout wait")
)
"""Of a rollout that flaps while nobody can be told, the newest notices wait and all urgent ones."""

_BEHIND = threads.c.wanted > threads.c.shown
_THREAD = select(threads).where(threads.c.rollout == _OF)
_STALE = (
    select(threads)
    .where(_BEHIND, come(threads.c.next_try_us))
    .order_by(threads.c.next_try_us, threads.c.rollout)
)
_NEXT_BOARD = select(first(threads.c.next_try_us)).where(_BEHIND)
_NEXT_DUE = select(_NEXT_HEAD.scalar_subquery(), _NEXT_BOARD.scalar_subquery())
_MINE = threads.update().where(threads.c.rollout == _OF)
_SHOWN = _MINE.where(threads.c.shown < _NOW).values(shown=_NOW, attempts=0)
_SHOW_AGAIN = _MINE.values(next_try_us=_BY, attempts=threads.c.attempts + 1)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A notice whose turn it is. `attempts` counts the times it was marked sending."""

    id: int
    rollout: RolloutKey
    notice: Notice
    attempts: int
    ambiguous: bool
    created_at: datetime
    error: str


@dataclass(frozen=True, slots=True)
class UrgentRow:
    """A notice to everybody, or a doubt, that is not sent yet, whether its turn has come or not."""

    id: int
    rollout: RolloutKey
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Telling:
    """A notice and how far it has got; `message_id` is where Slack keeps it, None until it is sent."""

    rollout: str
    notice: Notice
    state: OutboxState
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Sendings:
    """So many notices of a rollout that are alike; `kind` and `state` as written."""

    rollout: str
    kind: str
    broadcast: bool
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """`waiting` notices are not sent, the oldest for `oldest` (None: none waits); `failed` were given up.

    `problem`: what the last try of the oldest tried one came to ("": not refused). `lost`: failed, urgent, of the last day.
    """

    waiting: int
    oldest: timedelta | None
    failed: int
    problem: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    """A rollout's thread. `message_id` is its first message, None until that is posted (`channel` is "").

    The board is shown when `shown` has reached `wanted`, the revision that was last asked for.
    """

    rollout: RolloutKey
    channel: str
    message_id: str | None
    board: Board | None
    wanted: int
    shown: int
    attempts: int


class OutboxTable:
    """Safe from many threads; one thread sends. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime) -> tuple[OutboxRow, ...]:
        """At most one notice per rollout, oldest first: those whose turn and time have come."""
        with reading(self._engine) as connection:
            rows = connection.execute(_DUE, at(now)).all()
        return tuple(found for row in rows if (found := _due(row)) is not None)

    def everything(self) -> tuple[Telling, ...]:
        """Every notice ever written, oldest first; for exports."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(outbox).order_by(outbox.c.id)).all()
        return tuple(
            Telling(row.rollout, value_of(Notice, row.body), OutboxState(row.state), row.message_id)
            for row in rows
        )

    def sendings(self) -> tuple[Sendings, ...]:
        """How many notices of which kind each rollout had, and how far they got; without their words."""
        alike = (outbox.c.rollout, outbox.c.kind, outbox.c.broadcast, outbox.c.state)
        query = select(*alike, func.count()).group_by(*alike).order_by(*alike)
        with reading(self._engine) as connection:
            return tuple(Sendings(*row) for row in connection.execute(query))

    def announce(self, notice: Notice, at: datetime) -> None:
        """A notice of the daemon itself, to the channel; one whose key is known is not told again."""
        with writing(self._engine) as connection:
            enqueue(connection, OF_THE_DAEMON, notice, at)

    def newest_of_the_daemon(self, begins: str) -> str:
        """The key of its newest notice whose key begins so; "" for none."""
        ours = (outbox.c.rollout == str(OF_THE_DAEMON), outbox.c.key.startswith(begins, autoescape=True))
        query = select(outbox.c.key).where(*ours).order_by(outbox.c.id.desc()).limit(1)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar() or ""

    def tell(self, rollout: RolloutKey, notice: Notice, at: datetime) -> None:
        """A notice in the rollout's thread that tells of nothing new in its journal; told once for its key."""
        with writing(self._engine) as connection:
            enqueue(connection, rollout, notice, at)

    def next_due(self, now: datetime) -> datetime | None:
        """When `due` or `stale_boards` next has something, long past if at once; None while nothing waits."""
        with reading(self._engine) as connection:
            found = connection.execute(_NEXT_DUE, at(now)).one()
        return instant_or_none(min((us for us in found if us is not None), default=None))

    def undelivered(self, now: datetime) -> Undelivered:
        """`now` by the clock that gave the batches their `at`."""
        waiting = select(func.count(), func.min(outbox.c.created_us)).where(_UNSENT)
        given_up = select(func.count()).where(outbox.c.state == OutboxState.FAILED.value)
        lately = given_up.where(_URGENT, outbox.c.created_us > micros(now - LOST_LATELY))
        why = select(outbox.c.error).where(_UNSENT, outbox.c.error != "").order_by(outbox.c.id).limit(1)
        with reading(self._engine) as connection:
            count, oldest_us = connection.execute(waiting).one()
            failed = connection.execute(given_up).scalar_one()
            lost = connection.execute(lately).scalar_one()
            problem = connection.execute(why).scalar() or ""
        oldest = None if oldest_us is None else max(now - instant(oldest_us), timedelta(0))
        return Undelivered(count, oldest, failed, problem, lost)

    def urgent(self) -> tuple[UrgentRow, ...]:
        """Oldest first, without the words: there may be many, and this is asked often."""
        with reading(self._engine) as connection:
            rows = connection.execute(_URGENT_ROWS).all()
        found = (_urgent(row.id, row.rollout, row.created_us) for row in rows)
        return tuple(row for row in found if row is not None)

    def notice(self, id: int) -> Notice | None:  # noqa: A002 - the row's own word
        """None for one that is not there, or cannot be read."""
        with reading(self._engine) as connection:
            body = connection.execute(_BODY, {_ID.key: id}).scalar()
        try:
            return None if body is None else value_of(Notice, body)
        except UNREADABLE as error:
            log.warning("notice %s cannot be read: %s", id, error)
            return None

    def mark_sending(self, id: int) -> None:  # noqa: A002 - the row's own word
        """Before the request leaves. Raises StorageError for a notice that is already sent or given up."""
        self._update(_MARK_SENDING, id)

    def mark_sent(self, id: int, message_id: str, now: datetime) -> None:  # noqa: A002
        self._change(id, state=OutboxState.SENT.value, message_id=message_id, sent_us=micros(now), error="")

    def retry_at(self, id: int, when: datetime, error: str) -> None:  # noqa: A002
        """It surely was not sent: try again at `when`."""
        self._change(id, state=OutboxState.PENDING.value, next_try_us=micros(when), error=error)

    def doubt_until(self, id: int, when: datetime, error: str) -> None:  # noqa: A002
        """No reply came, so it may have been sent: at `when` it is due again, as ambiguous."""
        self._change(id, state=OutboxState.SENDING.value, next_try_us=micros(when), error=error)

    def mark_failed(self, id: int, error: str) -> None:  # noqa: A002
        """Give it up, so that the rollout's later notices go; `undelivered` goes on counting it."""
        self._change(id, state=OutboxState.FAILED.value, error=error)

    def thread(self, rollout: RolloutKey) -> Thread | None:
        with reading(self._engine) as connection:
            row = connection.execute(_THREAD, {"of_rollout": str(rollout)}).one_or_none()
        return None if row is None else _thread(row)

    def set_thread(self, rollout: RolloutKey, channel: str, message_id: str) -> None:
        """The thread's first message is posted."""
        row = {
            "rollout": str(rollout),
            "channel": channel,
            "message_id": message_id,
            "wanted": 0,
            "shown": 0,
            "next_try_us": AT_ONCE,
            "attempts": 0,
        }
        with writing(self._engine) as connection:
            connection.execute(_set_thread(connection.dialect.name), row)

    def stale_boards(self, now: datetime) -> tuple[Thread, ...]:
        """Threads whose board is behind, or whose first message is not posted yet, and may be tried now."""
        with reading(self._engine) as connection:
            rows = connection.execute(_STALE, at(now)).all()
        return tuple(thread for row in rows if (thread := _readable(row)) is not None)

    def board_shown(self, rollout: RolloutKey, revision: int) -> None:
        """`revision` is the thread's `wanted` when its board was read; a newer one stays wanted."""
        with writing(self._engine) as connection:
            connection.execute(_SHOWN, {_OF.key: str(rollout), _NOW.key: revision})

    def board_retry_at(self, rollout: RolloutKey, when: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(_SHOW_AGAIN, {_OF.key: str(rollout), _BY.key: micros(when)})

    def _change(self, row_id: int, **values: Any) -> None:
        self._update(_CHANGE, row_id, values)

    def _update(self, statement: Executable, row_id: int, values: dict[str, Any] | None = None) -> None:
        with writing(self._engine) as connection:
            if connection.execute(statement, {_ID.key: row_id, **(values or {})}).rowcount != 1:
                raise StorageError(f"notice {row_id} is not waiting to be sent")


def enqueue(connection: Connection, rollout: RolloutKey, notice: Notice, at: datetime) -> None:
    """Put a notice into the caller's transaction; one whose key is known is not told again."""
    row = {
        "key": notice.key,
        "rollout": str(rollout),
        "kind": notice.kind.value,
        "broadcast": notice.broadcast,
        "body": value_text(notice),
        "state": OutboxState.PENDING.value,
        "attempts": 0,
        "next_try_us": AT_ONCE,
        "created_us": micros(at),
        "error": "",
    }
    connection.execute(_enqueue(connection.dialect.name), row)
    connection.execute(_GIVE_WAY, {"of_rollout": str(rollout)})


def want_board(connection: Connection, rollout: RolloutKey, board: Board) -> None:
    """Ask, in the caller's transaction, for the board to be shown; one that says the same is no revision."""
    row = {
        "rollout": str(rollout),
        "channel": "",
        "board": value_text(board),
        "wanted": 1,
        "shown": 0,
        "next_try_us": AT_ONCE,
        "attempts": 0,
    }
    connection.execute(_want_board(connection.dialect.name), row)


@cache
def _enqueue(dialect: str) -> Executable:
    return insert(dialect, outbox).on_conflict_do_nothing(index_elements=["key"])


@cache
def _set_thread(dialect: str) -> Executable:
    statement = insert(dialect, threads)
    place = {"channel": statement.excluded.channel, "message_id": statement.excluded.message_id}
    return statement.on_conflict_do_update(index_elements=["rollout"], set_=place)


@cache
def _want_board(dialect: str) -> Executable:
    statement = insert(dialect, threads)
    return statement.on_conflict_do_update(
        index_elements=["rollout"],
        set_={"board": statement.excluded.board, "wanted": threads.c.wanted + 1},
        where=threads.c.board.is_distinct_from(statement.excluded.board),
    )


def _due(row: Row[Any]) -> OutboxRow | None:
    try:
        rollout, notice = RolloutKey.parse(row.rollout), value_of(Notice, row.body)
        created = instant(row.created_us)
    except UNREADABLE as error:
        # Only this rollout waits, and `undelivered` shows it; the others' halts must still be told.
        log.warning("notice %s cannot be read and stays unsent: %s", row.id, error)
        return None
    ambiguous = row.state == OutboxState.SENDING.value
    return OutboxRow(row.id, rollout, notice, row.attempts, ambiguous, created, row.error)


def _urgent(row_id: int, rollout: str, created_us: int) -> UrgentRow | None:
    try:
        return UrgentRow(row_id, RolloutKey.parse(rollout), instant(created_us))
    except UNREADABLE:  # `due` says so, and `undelivered` counts it
        return None


def _readable(row: Row[Any]) -> Thread | None:
    try:
        return _thread(row)
    except StorageError as error:
        log.warning("the thread of %s cannot be read and stays as it is: %s", row.rollout, error)
        return None


def _thread(row: Row[Any]) -> Thread:
    try:
        rollout = RolloutKey.parse(row.rollout)
    except UNREADABLE as error:
        raise StorageError(f"the database names a rollout that cannot be read: {row.rollout!r}") from error
    board = None if row.board is None else value_of(Board, row.board)
    return Thread(rollout, row.channel, row.message_id, board, row.wanted, row.shown, row.attempts)
