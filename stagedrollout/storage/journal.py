"""The journal: the state of record, and the one transaction in which anything is written down.

- Append-only, one hash chain per rollout (promise R16). Two entries after the same one are refused by the
  database itself, so that two writers can never both believe they extended the journal.
- `record` writes entries, intent, notices, board, summary, revisions and standing together or not at all: a
  crash on either side of acting neither loses nor doubles anything (promise R13).
- The guards are read inside that transaction, under its lock: StaleJournal when the rollout or its ledger
  was written to since it was read, LostLease when another daemon holds the lease of the store app (promise R14).
  Nothing is written then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, or_, select
from sqlalchemy.exc import IntegrityError

from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START, Entry, Recorded, chain_hash
from stagedrollout.core.model import Change, RolloutKey, Settlement, StoreApp, Verb
from stagedrollout.core.notice import witnessed
from stagedrollout.storage.batch import Batch, OpenIntent, SettledIntent, Summary
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.highwater import HighWater
from stagedrollout.storage.instants import instant, micros, micros_or_none, span_micros_or_none
from stagedrollout.storage.leases import guard
from stagedrollout.storage.ledger import note
from stagedrollout.storage.numbers import reserve
from stagedrollout.storage.outbox import enqueue, want_board
from stagedrollout.storage.schema import events, intents, rollouts
from stagedrollout.storage.wording import UNREADABLE, json_body, json_text

_UNSETTLED = or_(intents.c.settlement.is_(None), intents.c.settlement == Settlement.IN_DOUBT.value)
_STANDING = select(intents).where(_UNSETTLED).order_by(intents.c.opened_us, intents.c.key)

# Statements are made once: making one costs several times what SQLite needs to carry it out.
_OF: BindParameter[str] = bindparam("of_rollout")
_AFTER: BindParameter[int] = bindparam("after_seq")
_MOST: BindParameter[int] = bindparam("most")

_HISTORY = select(events).where(events.c.rollout == _OF).order_by(events.c.seq)
_TOLD = _HISTORY.where(events.c.kind.in_(bindparam("of_kinds", expanding=True)))
_TAIL = select(events).where(events.c.seq > _AFTER).order_by(events.c.seq).limit(_MOST)
_TAIL_OF = _TAIL.where(events.c.rollout == _OF)
_LAST = (
    select(events.c.seq, events.c.hash).where(events.c.rollout == _OF).order_by(events.c.seq.desc()).limit(1)
)
_NEWEST_OF_ALL = select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
_FROM_ON = (
    select(events.c.seq, events.c.hash, events.c.rollout, events.c.kind, events.c.at_us, events.c.body)
    .where(events.c.seq >= _AFTER)
    .order_by(events.c.seq)
    .limit(_MOST)
)
_LAST_AT = select(events.c.at_us).where(events.c.rollout == _OF).order_by(events.c.seq.desc()).limit(1)

_FROM: BindParameter[str] = bindparam("name_from")
_BELOW: BindParameter[str] = bindparam("name_below")
_FIRST_NAME = select(func.min(events.c.rollout).label("name")).where(
    events.c.rollout >= _FROM, events.c.rollout < _BELOW
)
_NAMES = _FIRST_NAME.cte("names", recursive=True)
_NEXT_NAME = (
    select(func.min(events.c.rollout))
    .where(events.c.rollout > _NAMES.c.name, events.c.rollout < _BELOW)
    .scalar_subquery()
)
_NAMES = _NAMES.union_all(select(_NEXT_NAME).where(_NAMES.c.name.is_not(None)))
"""From name to name by the index: what it takes grows with the rollouts that are meant, not with their entries."""

_BEGUN = (
    select(events.c.seq)
    .where(events.c.rollout == _NAMES.c.name, events.c.prev == CHAIN_START)
    .scalar_subquery()
)
_ENDS = select(func.max(events.c.seq)).where(events.c.rollout == _NAMES.c.name).scalar_subquery()
_HEADS = (
    select(_NAMES.c.name, _BEGUN.label("begun"), _ENDS.label("ends"))
    .where(_NAMES.c.name.is_not(None))
    .order_by("begun")
)
_KNOWN = (
    select(rollouts.c.key).where(rollouts.c.key >= _FROM, rollouts.c.key < _BELOW).order_by(rollouts.c.key)
)
_KNOWN_SEQ = select(rollouts.c.seq).where(rollouts.c.key == _OF)
_APPEND = events.insert().returning(events.c.seq)
_OPEN = intents.insert()
_SETTLE = intents.update().where(intents.c.key == bindparam("intent"), intents.c.rollout == _OF, _UNSETTLED)


@dataclass(frozen=True, slots=True)
class StandingIntent:
    """An intent not settled for good. `settlement` is None (never reported on) or IN_DOUBT."""

    rollout: RolloutKey
    intent: OpenIntent
    opened_at: datetime
    settlement: Settlement | None
    detail: str


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry as a listener hears it, whom no damage may make deaf: `entry` is None where it cannot be read."""

    seq: int
    hash: str
    rollout: str
    entry: Entry | None


class Journal:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine, highwater: HighWater | None = None) -> None:
        """`highwater`: kept beside the database by the daemon, which alone writes it."""
        self._engine = engine
        self._highwater = highwater

    def record(self, batch: Batch) -> tuple[Recorded, ...]:
        """Write all of the batch, durably, or nothing. Returns its entries with their place in the journal.

        Only what the ledger does not take may be left out, and only of a batch that leaves a guard out (ledger.note).
        Raises StaleJournal (also for an intent opened or settled before), LostLease, StorageError.
        """
        with writing(self._engine) as connection:
            if batch.epoch is not None:
                guard(connection, str(batch.rollout.store_app), batch.epoch)
            before = reserve(connection, len(batch.entries))
            marked = self._highwater is not None and self._highwater.held(connection)
            last_seq, last_hash = _last(connection, batch.rollout)
            if batch.expected_seq is not None and batch.expected_seq != last_seq:
                raise StaleJournal(f"the journal of {batch.rollout} has grown since it was read")
            recorded = _append(connection, batch, last_hash, before)
            if batch.opened is not None:
                _open(connection, batch, batch.opened)
            if batch.settled is not None:
                _settle(connection, batch, batch.settled)
            head = (recorded[-1].seq, recorded[-1].hash) if recorded else (last_seq, last_hash)
            for notice in batch.notices:
                enqueue(connection, batch.rollout, witnessed(notice, *head), batch.at)
            if batch.board is not None:
                want_board(connection, batch.rollout, batch.board)
            if batch.summary is not None:
                seq = recorded[-1].seq if recorded else last_seq
                _summarise(connection, batch, batch.summary, seq)
            note(connection, batch)
        if self._highwater is not None and marked and recorded:
            self._highwater.reached(recorded[-1])  # after the commit, never before: see highwater.py
        return recorded

    def history(self, rollout: RolloutKey) -> tuple[Recorded, ...]:
        """Everything recorded of one rollout, oldest first."""
        with reading(self._engine) as connection:
            return tuple(recorded_of(row) for row in connection.execute(_HISTORY, _of(rollout)))

    def told(self, rollout: RolloutKey, kinds: tuple[str, ...]) -> tuple[Recorded, ...]:
        """What is recorded of one rollout in facts of these kinds, oldest first."""
        asked = {**_of(rollout), "of_kinds": kinds}
        with reading(self._engine) as connection:
            return tuple(recorded_of(row) for row in connection.execute(_TOLD, asked))

    def tail(self, after_seq: int, limit: int, *, rollout: RolloutKey | None = None) -> tuple[Recorded, ...]:
        """At most `limit` entries after `after_seq`, oldest first, of one rollout or of all."""
        asked: dict[str, Any] = {_AFTER.key: after_seq, _MOST.key: limit}
        query = _TAIL
        if rollout is not None:
            query, asked = _TAIL_OF, {**asked, **_of(rollout)}
        with reading(self._engine) as connection:
            return tuple(recorded_of(row) for row in connection.execute(query, asked))

    def place(self) -> tuple[int, str]:
        """The number of the newest entry of all rollouts and its hash; 0 and "" while there is none."""
        with reading(self._engine) as connection:
            row = connection.execute(_NEWEST_OF_ALL).one_or_none()
        return (0, "") if row is None else (row.seq, row.hash)

    def heard(self, from_seq: int, limit: int) -> tuple[Heard, ...]:
        """At most `limit` entries of all rollouts from `from_seq` on, oldest first."""
        asked = {_AFTER.key: from_seq, _MOST.key: limit}
        with reading(self._engine) as connection:
            return tuple(_as_heard(row) for row in connection.execute(_FROM_ON, asked))

    def rollout_keys(self, store_app: StoreApp | None = None) -> tuple[RolloutKey, ...]:
        """Every rollout of the store app (or of all), in the order in which they were begun.

        One whose entries are gone is still named, last, if `status` knew it: `verify` then says so.
        """
        keys = _parsed(self._names_and_heads(store_app)[0])
        return tuple(key for key in keys if store_app is None or key.store_app == store_app)

    def heads(self, store_app: StoreApp) -> dict[RolloutKey, int]:
        """`rollout_keys` and the `head` of each, as of one moment."""
        names, heads = self._names_and_heads(store_app)
        keys = (key for key in _parsed(names) if key.store_app == store_app)
        return {key: heads.get(str(key), 0) for key in keys}

    def head(self, rollout: RolloutKey) -> int:
        """The rollout's last seq; 0 when nothing is recorded of it."""
        with reading(self._engine) as connection:
            return _last(connection, rollout)[0]

    def newest(self, rollout: RolloutKey) -> datetime:
        """When its last entry says it was written. Raises StorageError as well where nothing is recorded of it."""
        with reading(self._engine) as connection:
            found = connection.execute(_LAST_AT, _of(rollout)).scalar()
        if found is None:
            raise StorageError(f"the journal knows no rollout {rollout}")
        return instant(found)

    def _names_and_heads(self, store_app: StoreApp | None) -> tuple[list[str], dict[str, int]]:
        asked = dict(zip((_FROM.key, _BELOW.key), names_of(store_app), strict=True))
        with reading(self._engine) as connection:
            rows = connection.execute(_HEADS, asked).all()
            known = connection.execute(_KNOWN, asked).scalars().all()
        return [*(name for name, first, _ in rows if first), *known], {name: last for name, _, last in rows}

    def open_intents(self, of: StoreApp | RolloutKey) -> tuple[StandingIntent, ...]:
        """Intents not settled for good, oldest first: after a crash, each is settled by looking."""
        with reading(self._engine) as connection:
            rows = [(_key(row.rollout), row) for row in connection.execute(_STANDING)]
        return tuple(_standing(key, row) for key, row in rows if of in (key, key.store_app))

    def verify(self, rollout: RolloutKey) -> int | None:
        """The first seq at which the chain of the rollout is broken (entry changed, or one before it
        missing), the last seq `status` knew of if the end is missing, None if all is as it was written.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(_HISTORY, _of(rollout)).all()
            known = connection.execute(_KNOWN_SEQ, _of(rollout)).scalar()
        prev = CHAIN_START
        for row in rows:
            if not follows(row, prev):
                return int(row.seq)
            prev = row.hash
        last = rows[-1].seq if rows else 0
        if known is not None and not isinstance(known, int):
            return last  # what `status` knew is no number any more
        return known if known is not None and known > last else None


def names_of(store_app: StoreApp | None) -> tuple[str, str]:
    """From which name on, and below which one, all rollouts of the store app are (None: of all), byte by byte."""
    if store_app is None:
        return "", _AFTER_ALL
    return f"{store_app.app}/{store_app.store.value}/", f"{store_app.app}/{store_app.store.value}0"


_AFTER_ALL = chr(0x10FFFF)


def _of(rollout: RolloutKey) -> dict[str, Any]:
    return {_OF.key: str(rollout)}


def _parsed(names: Iterable[str]) -> Iterator[RolloutKey]:
    return (_key(name) for name in dict.fromkeys(names))


def _last(connection: Connection, rollout: RolloutKey) -> tuple[int, str]:
    row = connection.execute(_LAST, _of(rollout)).one_or_none()
    return (0, CHAIN_START) if row is None else (row.seq, row.hash)


def _append(connection: Connection, batch: Batch, prev: str, before: int | None) -> tuple[Recorded, ...]:
    """`before`: the number before the first one's, None where the database gives them."""
    recorded: list[Recorded] = []
    for place, given in enumerate(batch.entries, 1):
        text = json_text(given.body)
        # Hashed and returned as it will be read again, so that a replay sees the same entries.
        entry = Entry(given.kind, given.at.astimezone(UTC), json_body(text))
        digest = chain_hash(prev, batch.rollout, entry)
        row = {
            "rollout": str(batch.rollout),
            "at_us": micros(given.at),
            "kind": entry.kind,
            "body": text,
            "prev": prev,
            "hash": digest,
            **({} if before is None else {"seq": before + place}),
        }
        try:
            seq = connection.execute(_APPEND, row).scalar_one()
        except IntegrityError as error:
            raise StaleJournal(f"somebody else has just written to the journal of {batch.rollout}") from error
        recorded.append(Recorded(seq, batch.rollout, entry, prev, digest))
        prev = digest
    return tuple(recorded)


def _open(connection: Connection, batch: Batch, opened: OpenIntent) -> None:
    row = {
        "key": opened.key,
        "rollout": str(batch.rollout),
        "verb": opened.change.verb.value,
        "release_id": opened.change.release_id,
        "exposure_ppm": opened.change.exposure_ppm,
        "seen": opened.seen,
        "epoch": opened.epoch,
        "opened_us": micros(batch.at),
        "detail": "",
    }
    try:
        connection.execute(_OPEN, row)
    except IntegrityError as error:
        raise StaleJournal(f"the intent {opened.key} was opened before") from error


def _settle(connection: Connection, batch: Batch, settled: SettledIntent) -> None:
    told = {"settlement": settled.settlement.value, "detail": settled.detail, "settled_us": micros(batch.at)}
    asked = {"intent": settled.key, **_of(batch.rollout)}
    if connection.execute(_SETTLE, {**told, **asked}).rowcount != 1:
        raise StaleJournal(f"the intent {settled.key} is not open")


def _summarise(connection: Connection, batch: Batch, summary: Summary, seq: int) -> None:
    row = {
        "key": str(batch.rollout),
        "app": batch.rollout.app,
        "store": batch.rollout.store.value,
        "release_id": batch.rollout.release_id,
        "label": summary.label,
        "phase": summary.phase,
        "exposure_ppm": summary.exposure_ppm,
        "reason": summary.reason,
        "paused_us": span_micros_or_none(summary.pauses.spent),
        "paused_since_us": micros_or_none(summary.pauses.since),
        "updated_us": micros(batch.at),
        "seq": seq,
    }
    connection.execute(_summary(connection.dialect.name), row)


@cache
def _summary(dialect: str) -> Executable:
    statement = insert(dialect, rollouts)
    named = ("key", "app", "store", "release_id")
    standing = {column.name: column for column in statement.excluded if column.name not in named}
    return statement.on_conflict_do_update(index_elements=["key"], set_=standing)


def recorded_of(row: Row[Any]) -> Recorded:
    """An entry as it is kept. Raises StorageError for a damaged one."""
    try:
        entry = Entry(row.kind, instant(row.at_us), json_body(row.body))
    except UNREADABLE as error:
        raise StorageError(f"the journal is damaged at seq {row.seq}: {error}") from error
    return Recorded(row.seq, _key(row.rollout), entry, row.prev, row.hash)


def _as_heard(row: Any) -> Heard:
    try:
        entry = Entry(row.kind, instant(row.at_us), json_body(row.body))
    except UNREADABLE:
        return Heard(row.seq, row.hash, str(row.rollout), None)
    return Heard(row.seq, row.hash, row.rollout, entry)


def follows(row: Row[Any], prev: str) -> bool:
    """Whether an entry is as it was written, right after the one whose hash is `prev`."""
    try:
        found = recorded_of(row)
        return found.prev == prev and found.hash == chain_hash(prev, found.rollout, found.entry)
    except UNREADABLE:
        return False


def _standing(rollout: RolloutKey, row: Row[Any]) -> StandingIntent:
    try:
        change = Change(Verb(row.verb), row.release_id, row.exposure_ppm)
        settlement = None if row.settlement is None else Settlement(row.settlement)
        opened = instant(row.opened_us)
    except UNREADABLE as error:
        raise StorageError(f"the intent {row.key} cannot be read: {error}") from error
    intent = OpenIntent(row.key, change, row.seen, row.epoch)
    return StandingIntent(rollout, intent, opened, settlement, row.detail)


def _key(name: str) -> RolloutKey:
    try:
        return RolloutKey.parse(name)
    except UNREADABLE as error:
        raise StorageError(f"the database names a rollout that cannot be read: {name!r}") from error
