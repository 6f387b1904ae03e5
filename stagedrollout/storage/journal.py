"""The journal: the state of record, and the one transaction in which anything is written down.

- Append-only, one hash chain per rollout (promise R16). Two entries after the same one are refused by the
  database itself, so that two writers can never both believe they extended the journal.
- `record` writes entries, intent, notices, board, summary, revisions and standing together or not at all: a
  crash on either side of acting neither loses nor doubles anything (promise R13).
- The guards are read inside that transaction, under its lock: StaleJournal when the rollout or its ledger
  was written to since it was read, LostLease when another daemon has claimed the epoch (promise R14).
  Nothing is written then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.exc import IntegrityError

from stagedrollout.core.errors import LostLease, StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START, Entry, Recorded, chain_hash
from stagedrollout.core.model import Change, RolloutKey, Settlement, StoreApp, Verb
from stagedrollout.storage.batch import Batch, OpenIntent, SettledIntent, Summary
from stagedrollout.storage.engine import Connection, Engine, insert, reading, writing
from stagedrollout.storage.instants import instant, micros, micros_or_none, span_micros_or_none
from stagedrollout.storage.ledger import note
from stagedrollout.storage.outbox import enqueue, want_board
from stagedrollout.storage.schema import daemons, events, intents, rollouts
from stagedrollout.storage.wording import UNREADABLE, json_body, json_text

_UNSETTLED = or_(intents.c.settlement.is_(None), intents.c.settlement == Settlement.IN_DOUBT.value)


@dataclass(frozen=True, slots=True)
class StandingIntent:
    """An intent not settled for good. `settlement` is None (never reported on) or IN_DOUBT."""

    rollout: RolloutKey
    intent: OpenIntent
    opened_at: datetime
    settlement: Settlement | None
    detail: str


class Journal:
    """Safe from many threads. Every method raises StorageError when the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, batch: Batch) -> tuple[Recorded, ...]:
        """Write all of the batch, durably, or nothing. Returns its entries with their place in the journal.

        Only the ledger may be left out, and only of a batch that leaves a guard out (ledger.note).
        Raises StaleJournal (also for an intent opened or settled before), LostLease, StorageError.
        """
        with writing(self._engine) as connection:
            _check_epoch(connection, batch.epoch)
            last_seq, last_hash = _last(connection, batch.rollout)
            if batch.expected_seq is not None and batch.expected_seq != last_seq:
                raise StaleJournal(f"the journal of {batch.rollout} has grown since it was read")
            recorded = _append(connection, batch, last_hash)
            if batch.opened is not None:
                _open(connection, batch, batch.opened)
            if batch.settled is not None:
                _settle(connection, batch, batch.settled)
            for notice in batch.notices:
                enqueue(connection, batch.rollout, notice, batch.at)
            if batch.board is not None:
                want_board(connection, batch.rollout, batch.board)
            if batch.summary is not None:
                seq = recorded[-1].seq if recorded else last_seq
                _summarise(connection, batch, batch.summary, seq)
            note(connection, batch)
        return recorded

    def history(self, rollout: RolloutKey) -> tuple[Recorded, ...]:
        """Everything recorded of one rollout, oldest first."""
        query = select(events).where(events.c.rollout == str(rollout)).order_by(events.c.seq)
        with reading(self._engine) as connection:
            return tuple(_recorded(row) for row in connection.execute(query))

    def told(self, rollout: RolloutKey, kinds: tuple[str, ...]) -> tuple[Recorded, ...]:
        """What is recorded of one rollout in facts of these kinds, oldest first."""
        query = select(events).where(events.c.rollout == str(rollout), events.c.kind.in_(kinds))
        with reading(self._engine) as connection:
            return tuple(_recorded(row) for row in connection.execute(query.order_by(events.c.seq)))

    def tail(self, after_seq: int, limit: int, *, rollout: RolloutKey | None = None) -> tuple[Recorded, ...]:
        """At most `limit` entries after `after_seq`, oldest first, of one rollout or of all."""
        query = select(events).where(events.c.seq > after_seq).order_by(events.c.seq).limit(limit)
        if rollout is not None:
            query = query.where(events.c.rollout == str(rollout))
        with reading(self._engine) as connection:
            return tuple(_recorded(row) for row in connection.execute(query))

    def rollout_keys(self, store_app: StoreApp | None = None) -> tuple[RolloutKey, ...]:
        """Every rollout of the store app (or of all), in the order in which they were begun.

        One whose entries are gone is still named, last, if `status` knew it: `verify` then says so.
        """
        begun = select(events.c.rollout).where(events.c.prev == CHAIN_START).order_by(events.c.seq)
        known = select(rollouts.c.key).order_by(rollouts.c.key)
        with reading(self._engine) as connection:
            names = [*connection.execute(begun).scalars(), *connection.execute(known).scalars()]
        keys = (_key(name) for name in dict.fromkeys(names))
        return tuple(key for key in keys if store_app is None or key.store_app == store_app)

    def head(self, rollout: RolloutKey) -> int:
        """The rollout's last seq; 0 when nothing is recorded of it."""
        with reading(self._engine) as connection:
            return _last(connection, rollout)[0]

    def open_intents(self, of: StoreApp | RolloutKey) -> tuple[StandingIntent, ...]:
        """Intents not settled for good, oldest first: after a crash, each is settled by looking."""
        query = select(intents).where(_UNSETTLED).order_by(intents.c.opened_us, intents.c.key)
        with reading(self._engine) as connection:
            rows = [(_key(row.rollout), row) for row in connection.execute(query)]
        return tuple(_standing(key, row) for key, row in rows if of in (key, key.store_app))

    def verify(self, rollout: RolloutKey) -> int | None:
        """The first seq at which the chain of the rollout is broken (entry changed, or one before it
        missing), the last seq `status` knew of if the end is missing, None if all is as it was written.
        """
        query = select(events).where(events.c.rollout == str(rollout)).order_by(events.c.seq)
        summary = select(rollouts.c.seq).where(rollouts.c.key == str(rollout))
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
            known = connection.execute(summary).scalar()
        prev = CHAIN_START
        for row in rows:
            if not _follows(row, prev):
                return int(row.seq)
            prev = row.hash
        last = rows[-1].seq if rows else 0
        if known is not None and not isinstance(known, int):
            return last  # what `status` knew is no number any more
        return known if known is not None and known > last else None


def _check_epoch(connection: Connection, epoch: int | None) -> None:
    if epoch is None:
        return
    claimed = connection.execute(select(daemons.c.epoch).with_for_update(read=True)).scalar()
    if claimed != epoch:
        raise LostLease(f"this daemon's epoch is {epoch}, the database is held under {claimed}")


def _last(connection: Connection, rollout: RolloutKey) -> tuple[int, str]:
    of_rollout = select(events.c.seq, events.c.hash).where(events.c.rollout == str(rollout))
    row = connection.execute(of_rollout.order_by(events.c.seq.desc()).limit(1)).one_or_none()
    return (0, CHAIN_START) if row is None else (row.seq, row.hash)


def _append(connection: Connection, batch: Batch, prev: str) -> tuple[Recorded, ...]:
    recorded: list[Recorded] = []
    for given in batch.entries:
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
        }
        try:
            seq = connection.execute(events.insert().values(row).returning(events.c.seq)).scalar_one()
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
        connection.execute(intents.insert().values(row))
    except IntegrityError as error:
        raise StaleJournal(f"the intent {opened.key} was opened before") from error


def _settle(connection: Connection, batch: Batch, settled: SettledIntent) -> None:
    statement = (
        intents.update()
        .where(intents.c.key == settled.key, intents.c.rollout == str(batch.rollout), _UNSETTLED)
        .values(settlement=settled.settlement.value, detail=settled.detail, settled_us=micros(batch.at))
    )
    if connection.execute(statement).rowcount != 1:
        raise StaleJournal(f"the intent {settled.key} is not open")


def _summarise(connection: Connection, batch: Batch, summary: Summary, seq: int) -> None:
    standing: dict[str, Any] = {
        "label": summary.label,
        "phase": summary.phase,
        "exposure_ppm": summary.exposure_ppm,
        "reason": summary.reason,
        "paused_us": span_micros_or_none(summary.pauses.spent),
        "paused_since_us": micros_or_none(summary.pauses.since),
        "updated_us": micros(batch.at),
        "seq": seq,
    }
    named = {
        "key": str(batch.rollout),
        "app": batch.rollout.app,
        "store": batch.rollout.store.value,
        "release_id": batch.rollout.release_id,
    }
    statement = insert(connection, rollouts).values(**named, **standing)
    connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=standing))


def _recorded(row: Row[Any]) -> Recorded:
    try:
        entry = Entry(row.kind, instant(row.at_us), json_body(row.body))
    except UNREADABLE as error:
        raise StorageError(f"the journal is damaged at seq {row.seq}: {error}") from error
    return Recorded(row.seq, _key(row.rollout), entry, row.prev, row.hash)


def _follows(row: Row[Any], prev: str) -> bool:
    try:
        found = _recorded(row)
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
