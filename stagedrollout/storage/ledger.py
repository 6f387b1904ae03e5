"""The ledger as rows: every revision of every bucket, and what the newest pass found of each rollout.

Append-only, one hash chain per rollout, as the journal is. A decision names the head of the ledger it was made
on: read up to there, the revisions are what was known then, and a missing end of the chain shows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Executable, Row, bindparam, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from stagedrollout.core.errors import CountedOn, StorageError
from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.ledger import Ledger, Measure, Place, Revision, Tally, chained
from stagedrollout.core.model import RolloutKey
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import Connection, Engine, insert, reading
from stagedrollout.storage.instants import instant, micros
from stagedrollout.storage.schema import buckets, standings, storable
from stagedrollout.storage.wording import UNREADABLE, json_body, json_text

log = logging.getLogger(__name__)

COUNT_MAX = 2**63 - 1
"""What the databases can hold; counts that are true stay far below (1e12)."""


_OF: BindParameter[str] = bindparam("of_rollout")
_DIGEST: BindParameter[str] = bindparam("of_hash")

_NEWEST = (
    select(func.max(buckets.c.seq).label("seq"), func.min(buckets.c.seq).label("first"))
    .where(buckets.c.rollout == _OF)
    .group_by(buckets.c.measure, buckets.c.start_us, buckets.c.stratum)
    .subquery()
)
_LOAD = select(buckets).join(_NEWEST, buckets.c.seq == _NEWEST.c.seq).order_by(_NEWEST.c.first)
"""In the order in which the buckets came up, which is the order a replay leaves them in."""

_REVISIONS = select(buckets).where(buckets.c.rollout == _OF).order_by(buckets.c.seq)
_REVISIONS_UNTIL = _REVISIONS.where(buckets.c.seq <= bindparam("until"))
_HEAD = select(buckets.c.hash).where(buckets.c.rollout == _OF).order_by(buckets.c.seq.desc()).limit(1)
_SEQ = (
    select(buckets.c.seq)
    .where(buckets.c.rollout == _OF, buckets.c.hash == _DIGEST)
    .order_by(buckets.c.seq)
    .limit(1)
)
_ADD = buckets.insert()
_STANDING = select(standings).where(standings.c.rollout == _OF)


class LedgerTable:
    """Safe from many threads. Every method raises StorageError when the database fails or a row it needs is
    damaged.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, rollout: RolloutKey) -> Ledger:
        """The newest revision of every bucket and the head, as if all revisions had been replayed.

        Older revisions are not read: they may be ten times as many. The chain is not looked at (`verify`).
        """
        with reading(self._engine) as connection:
            rows = connection.execute(_LOAD, _of(rollout)).all()
        found: dict[Measure, dict[Place, Tally]] = {}
        for revision in map(_revision, rows):
            found.setdefault(revision.measure, {})[revision.place] = revision.tally
        # The last revision of all is the newest one of its bucket, so it is among the rows.
        head = max(rows, key=lambda row: int(row.seq)).hash if rows else CHAIN_START
        return Ledger(str(rollout), head, found)

    def revisions(self, rollout: RolloutKey, until: str | None = None) -> tuple[Revision, ...]:
        """Everything that was ever known, oldest first, up to and with the revision whose hash is `until`.

        None: all of it. CHAIN_START, the head of an empty ledger: nothing. Raises StorageError for a hash that
        the ledger of this rollout does not have.
        """
        if until == CHAIN_START:
            return ()
        asked, query = _of(rollout), _REVISIONS
        with reading(self._engine) as connection:
            if until is not None:
                query, asked = _REVISIONS_UNTIL, {**asked, "until": _seq(connection, rollout, until)}
            return tuple(_revision(row) for row in connection.execute(query, asked))

    def head(self, rollout: RolloutKey) -> str:
        """The hash of the last revision; CHAIN_START when there is none."""
        with reading(self._engine) as connection:
            return _head(connection, rollout)

    def verify(self, rollout: RolloutKey) -> int | None:
        """The first seq at which the chain of the rollout is broken: the revision was changed, or one before it
        is missing. None if all is as it was written; a missing end shows only against a head that was told.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(_REVISIONS, _of(rollout)).all()
        prev = CHAIN_START
        for row in rows:
            if not _follows(row, prev, str(rollout)):
                return int(row.seq)
            prev = row.hash
        return None

    def standing(self, rollout: RolloutKey) -> tuple[datetime, dict[str, Any]] | None:
        """What the newest pass found and decided, and when; None before the first one. Never decide by it."""
        with reading(self._engine) as connection:
            row = connection.execute(_STANDING, _of(rollout)).one_or_none()
        if row is None:
            return None
        try:
            return instant(_whole(row.at_us)), json_body(row.body)
        except UNREADABLE as error:
            raise StorageError(f"the standing of {rollout} cannot be read: {error}") from error


def note(connection: Connection, batch: Batch) -> None:
    """Add the batch's revisions and rewrite the standing, inside the transaction in which it is recorded.

    Raises CountedOn when the ledger has grown since it was read: by what it holds now the decision would come out
    otherwise, and is written down without its counts or not at all. StorageError for what cannot be stored, of a batch
    with all guards: raises fail closed. Halts fail open: a batch that leaves a guard out is a brake, and is recorded
    whatever is wrong with its revisions or its standing; they are left out, and the next pass takes them anew.
    """
    if batch.revisions:
        _attempt(connection, batch, _add)
    if batch.standing is not None:
        _attempt(connection, batch, _stand)


def _attempt(connection: Connection, batch: Batch, write: Callable[[Connection, Batch], None]) -> None:
    savepoint = connection.begin_nested()
    try:
        write(connection, batch)
    except CountedOn:
        savepoint.rollback()
        raise
    except (SQLAlchemyError, StorageError) as error:
        # Fails itself where the database has given up the transaction: then nothing of the batch may stay.
        savepoint.rollback()
        if batch.guarded:
            raise
        log.warning("%s: recorded without its ledger: %s", batch.rollout, error)
    else:
        savepoint.commit()


def _add(connection: Connection, batch: Batch) -> None:
    if _head(connection, batch.rollout) != batch.ledger_prev:
        raise CountedOn(f"the ledger of {batch.rollout} has grown since it was read")
    try:
        rows = list(_rows(batch))
    except UNREADABLE as error:
        raise StorageError(f"the ledger of {batch.rollout} cannot take this: {error}") from error
    try:
        connection.execute(_ADD, rows)
    except IntegrityError as error:
        raise CountedOn(f"somebody else has just written to the ledger of {batch.rollout}") from error


def _rows(batch: Batch) -> Iterator[dict[str, Any]]:
    rollout, prev = str(batch.rollout), batch.ledger_prev
    for given in batch.revisions:
        start_us, read_at_us = micros(given.place.start), micros(given.read_at)
        # Hashed as it will be read again, in UTC and without what no database takes.
        place = Place(instant(start_us), storable(given.place.stratum))
        tally = _countable(given.tally)
        digest = chained(prev, rollout, Revision(given.measure, place, tally, instant(read_at_us)))
        yield {
            "rollout": rollout,
            "measure": given.measure.value,
            "start_us": start_us,
            "stratum": place.stratum,
            "read_at_us": read_at_us,
            "n_c": tally.n_c,
            "k_c": tally.k_c,
            "n_b": tally.n_b,
            "k_b": tally.k_b,
            "prev": prev,
            "hash": digest,
        }
        prev = digest


def _stand(connection: Connection, batch: Batch) -> None:
    row = {
        "rollout": str(batch.rollout),
        "at_us": micros(batch.at),
        "body": json_text(batch.standing or {}),
    }
    connection.execute(_stands(connection.dialect.name), row)


@cache
def _stands(dialect: str) -> Executable:
    statement = insert(dialect, standings)
    told = {"at_us": statement.excluded.at_us, "body": statement.excluded.body}
    return statement.on_conflict_do_update(index_elements=["rollout"], set_=told)


def _of(rollout: RolloutKey) -> dict[str, Any]:
    return {_OF.key: str(rollout)}


def _head(connection: Connection, rollout: RolloutKey) -> str:
    found = connection.execute(_HEAD, _of(rollout)).scalar()
    return CHAIN_START if found is None else str(found)


def _seq(connection: Connection, rollout: RolloutKey, digest: str) -> int:
    found = connection.execute(_SEQ, {**_of(rollout), _DIGEST.key: digest}).scalar()
    if found is None:
        raise StorageError(f"the ledger of {rollout} has no revision {digest!r}")
    return int(found)


def _revision(row: Row[Any]) -> Revision:
    try:
        place = Place(instant(_whole(row.start_us)), row.stratum)
        tally = _countable(Tally(row.n_c, row.k_c, row.n_b, row.k_b))
        return Revision(Measure(row.measure), place, tally, instant(_whole(row.read_at_us)))
    except UNREADABLE as error:
        raise StorageError(f"the ledger is damaged at seq {row.seq}: {error}") from error


def _follows(row: Row[Any], prev: str, rollout: str) -> bool:
    try:
        found = _revision(row)
        return bool(row.prev == prev and row.hash == chained(prev, rollout, found))
    except UNREADABLE:
        return False


def _countable(tally: Tally) -> Tally:
    """The same counts. Raises ValueError for what is no count."""
    counts = (tally.n_c, tally.k_c, tally.n_b, tally.k_b)
    if not all(isinstance(count, int) and 0 <= count <= COUNT_MAX for count in counts):
        raise ValueError(f"these are no counts: {counts}")
    return tally


def _whole(number: Any) -> int:
    """SQLite keeps anything in any column: an instant that is no integer was not written by us."""
    if not isinstance(number, int):
        raise TypeError(f"not a whole number: {number!r}")
    return number
