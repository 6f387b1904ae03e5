"""What has left the database: a row for each rollout that was retired, with how many entries and which numbers it had, and
its last hash. So nothing is missing unnoticed: what has no number here and no entry in the journal was deleted by somebody.

The rows form a chain of their own, as entries do; what each of them stands for is in its archive (archive.py), which was
whole on the disk before the row was written. Row and deletion are one transaction: a crash leaves a rollout as it was, with
an archive that the next attempt makes again, or retired.

A database server lets only the owner of the tables do this: the daemon's role can delete nothing (roles.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, Row, Table, bindparam, func, inspect, or_, select

from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.events import CHAIN_START, Recorded, canonical
from stagedrollout.core.model import RolloutKey, Settlement
from stagedrollout.storage import archive
from stagedrollout.storage.engine import Connection, Engine, reading, writing
from stagedrollout.storage.errands import ErrandState
from stagedrollout.storage.instants import instant, micros
from stagedrollout.storage.journal import follows, recorded_of
from stagedrollout.storage.numbers import reserve
from stagedrollout.storage.outbox import OutboxState
from stagedrollout.storage.schema import (
    buckets,
    errands,
    events,
    intents,
    outbox,
    retired,
    rollouts,
    standings,
    threads,
)

_OF: BindParameter[str] = bindparam("of_rollout")
_BESIDE: tuple[tuple[Table, Any], ...] = (
    (rollouts, rollouts.c.key),
    *((table, table.c.rollout) for table in (buckets, intents, outbox, errands, standings, threads)),
)
"""The tables that have rows of a rollout, beside its journal, and the column that names it."""

_HISTORY = select(events).where(events.c.rollout == _OF).order_by(events.c.seq)
_ENDS = select(func.count(), func.max(events.c.seq)).where(events.c.rollout == _OF)
_COUNTS = select(func.count(), func.max(buckets.c.seq)).where(buckets.c.rollout == _OF)
_NEWEST = select(func.max(events.c.seq))
_UNDER_WAY = (
    select(intents.c.key).where(
        intents.c.rollout == _OF,
        or_(intents.c.settlement.is_(None), intents.c.settlement == Settlement.IN_DOUBT.value),
    ),
    select(outbox.c.id).where(
        outbox.c.rollout == _OF, outbox.c.state.in_((OutboxState.PENDING.value, OutboxState.SENDING.value))
    ),
    select(errands.c.id).where(
        errands.c.rollout == _OF,
        errands.c.state.not_in((ErrandState.DONE.value, ErrandState.WITHDRAWN.value)),
    ),
)
_RETIRED = select(retired).order_by(retired.c.number)
_LAST_RETIRED = select(retired.c.number, retired.c.hash).order_by(retired.c.number.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Retired:
    """One rollout that left. `numbers`: of its entries, like 3-5,9; `seq` and `head`: the last one's; `revisions`: how many
    counts it had; `newest_us`: when it was written last; `at_us` and `who`: of the retirement; `archive`: its file."""

    number: int
    rollout: str
    entries: int
    numbers: str
    seq: int
    head: str
    revisions: int
    newest_us: int
    at_us: int
    who: str
    archive: str
    prev: str
    hash: str

    @property
    def at(self) -> datetime:
        return instant(self.at_us)

    @property
    def path(self) -> Path:
        return Path(self.archive)

    def follows(self, prev: str) -> bool:
        """Whether it is as it was written, right after the one whose hash is `prev`."""
        return self.prev == prev and self.hash == _hash(_columns(self))

    def spans(self) -> tuple[tuple[int, int], ...]:
        """The numbers of its entries, both ends included. Raises ValueError."""
        return tuple(_span(part) for part in self.numbers.split(","))


def everything(connection: Connection) -> tuple[Retired, ...]:
    """In the order in which they left; none from a database of an older version."""
    if not inspect(connection).has_table(retired.name):
        return ()
    return tuple(map(_read, connection.execute(_RETIRED)))


def all_retired(engine: Engine) -> tuple[Retired, ...]:
    """The same, for whoever only looks. Raises StorageError."""
    with reading(engine) as connection:
        return everything(connection)


def busy(engine: Engine, rollout: RolloutKey) -> bool:
    """Whether a change, a notice or an alarm of it is still under way. Raises StorageError."""
    with reading(engine) as connection:
        return any(connection.execute(query, _of(rollout)).first() for query in _UNDER_WAY)


def retire(engine: Engine, rollout: RolloutKey, folder: Path, now: datetime, who: str) -> Retired:
    """Archive it in `folder`, then take it out of the database, once for all. Raises StorageError, StaleJournal for one
    that went on meanwhile; then it is in the database as it was."""
    with reading(engine) as connection:
        rows = connection.execute(_HISTORY, _of(rollout)).all()
        recorded = _whole(rollout, rows)
        beside = [
            (table.name, dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name for it
            for table, column in _BESIDE
            for row in connection.execute(select(table).where(column == _OF), _of(rollout))
        ]
        revisions = connection.execute(_COUNTS, _of(rollout)).one()
    last = recorded[-1]
    path = archive.file_of(folder.absolute(), rollout, last.seq, last.hash)
    written = archive.write(path, recorded, beside)
    if written != archive.Archived(str(rollout), len(recorded), last.seq, last.hash):
        raise StorageError(f"the archive {path} does not hold what was to be archived")
    told = {
        "rollout": str(rollout),
        "entries": len(recorded),
        "numbers": _numbers(each.seq for each in recorded),
        "seq": last.seq,
        "head": last.hash,
        "revisions": int(revisions[0]),
        "newest_us": micros(last.entry.at),
        "at_us": micros(now),
        "who": who,
        "archive": str(path),
    }
    with writing(engine) as connection:
        reserve(connection, 0)  # nobody appends until all is deleted
        _as_archived(connection, rollout, (len(recorded), last.seq), tuple(revisions))
        return _leave(connection, rollout, told)


def _whole(rollout: RolloutKey, rows: Iterable[Row[Any]]) -> tuple[Recorded, ...]:
    """Raises StorageError for a journal that is not as it was written: it is evidence, and stays."""
    prev, found = CHAIN_START, list[Recorded]()
    for row in rows:
        if not follows(row, prev):
            raise StorageError(f"the journal of {rollout} is not as it was written, from seq {row.seq} on")
        found.append(recorded_of(row))
        prev = row.hash
    if not found:
        raise StorageError(f"the journal knows no rollout {rollout}")
    return tuple(found)


def _as_archived(
    connection: Connection, rollout: RolloutKey, ends: tuple[int, int], counts: tuple[Any, ...]
) -> None:
    if connection.execute(_NEWEST).scalar() == ends[1]:
        raise StorageError(f"{rollout} has the newest entry of the journal, which the high-water mark names")
    now = (connection.execute(query, _of(rollout)).one() for query in (_ENDS, _COUNTS))
    if [tuple(each) for each in now] != [ends, counts]:
        raise StaleJournal(f"{rollout} went on while it was archived")


def _leave(connection: Connection, rollout: RolloutKey, told: dict[str, Any]) -> Retired:
    before = connection.execute(_LAST_RETIRED).one_or_none()
    row = {
        "number": before.number + 1 if before else 1,
        **told,
        "prev": before.hash if before else CHAIN_START,
    }
    row["hash"] = _hash(row)
    connection.execute(retired.insert(), row)
    for table, column in ((events, events.c.rollout), *_BESIDE):
        connection.execute(table.delete().where(column == _OF), _of(rollout))
    return Retired(**row)


def _hash(row: dict[str, Any]) -> str:
    said = canonical({name: value for name, value in row.items() if name != "hash"})
    return hashlib.sha256(said.encode()).hexdigest()


def _columns(row: Retired) -> dict[str, Any]:
    return {each.name: getattr(row, each.name) for each in fields(row)}


def _read(row: Row[Any]) -> Retired:
    return Retired(**row._mapping)  # noqa: SLF001 - as above


def _numbers(seqs: Iterable[int]) -> str:
    spans: list[list[int]] = []
    for seq in seqs:
        if spans and spans[-1][1] == seq - 1:
            spans[-1][1] = seq
        else:
            spans.append([seq, seq])
    return ",".join(f"{first}-{last}" if first < last else f"{first}" for first, last in spans)


def _span(written: str) -> tuple[int, int]:
    first, _, last = written.partition("-")
    return int(first), int(last or first)


def _of(rollout: RolloutKey) -> dict[str, Any]:
    return {_OF.key: str(rollout)}


def covered(rows: Iterable[Retired]) -> Iterator[tuple[int, int]]:
    """The numbers of entries that left, lowest first; what cannot be read covers nothing."""
    found: list[tuple[int, int]] = []
    for row in rows:
        try:
            found += row.spans()
        except ValueError:
            continue
    yield from sorted(found)
