"""How far the journal had come, kept outside the database: history never runs backwards unnoticed (promise R17).

A database can be restored from a backup, fail over to a copy that lags, or be replaced; it is then whole and
sound, only older, and nothing inside it can tell. So a small file beside it names the newest entry and its hash.
As each hash covers the ones before it, a journal that holds exactly this entry holds everything up to it.

The order is: commit, then mark. A crash in between leaves a mark that is one transaction behind, which the
journal still holds: that is no restored backup. The other order could leave a mark that names what was never
committed, and a healthy journal would look restored. And as a raise is sent only after its intent is marked
(daemon/footing.py), no raise of ours can be missing from a journal without the mark telling.

A mark that the journal does not hold is never moved by what is recorded afterwards: only a person ends that
(`stagedrollout db accept`). The one process that writes the mark is the daemon, and that command.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, inspect, select

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import Recorded
from stagedrollout.storage import durable_file
from stagedrollout.storage.engine import Connection, Engine, beside_database, reading
from stagedrollout.storage.instants import instant_or_none
from stagedrollout.storage.schema import events, retired
from stagedrollout.storage.wording import UNREADABLE

log = logging.getLogger(__name__)

SUFFIX = ".highwater"
ACCEPTANCES_MAX = 20
_BYTES_MAX = 64 * 1024

TO_ACCEPT = 'stagedrollout db accept --reason "..."'

_SEQ: BindParameter[int] = bindparam("of_seq")
_NEWEST = select(events.c.seq, events.c.rollout, events.c.hash).order_by(events.c.seq.desc()).limit(1)
_LATEST = select(func.max(events.c.at_us)).where(events.c.seq > _SEQ)
_MARKED = select(events.c.hash).where(events.c.seq == _SEQ)
_LEFT = select(retired.c.head).where(retired.c.seq == _SEQ)
"""Made once: whether the journal is the newest one is asked twice a pass, and before each request of a raise."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person took a journal as it was: `by`, why, and in words what was lost with it."""

    at: datetime
    by: str
    reason: str
    lost: str
    seq: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest entry that is known to have been committed; `seq` 0: none yet. `accepted`: the newest last."""

    seq: int
    rollout: str
    hash: str
    accepted: tuple[Acceptance, ...] = ()
    acceptances: int = 0

    @property
    def accepted_seq(self) -> int:
        return self.accepted[-1].seq if self.accepted else 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the journal is not taken for the newest one. `code` as reasons have them."""

    code: str
    words: str


BEHIND, UNMARKED, UNWRITABLE = "journal_behind", "journal_unmarked", "highwater_unwritable"


def mark_file(engine: Engine) -> Path | None:
    """Where the mark of a database lies; None for a server without a state folder."""
    database = beside_database(engine)
    return None if database is None else beside(database)


def beside(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)


def read_mark(path: Path) -> Mark | None:
    """The mark, None where there is no file. Raises StorageError for one that cannot be read."""
    try:
        text = durable_file.read_whole(path, _BYTES_MAX)
        return None if text is None else decode(Mark, json.loads(text))
    except (OSError, RecursionError, *UNREADABLE) as error:
        why = getattr(error, "strerror", None) or "it is not what was written"
        raise StorageError(f"the high-water file {path} cannot be read: {why}") from error


def write_mark(path: Path, mark: Mark) -> None:
    """Raises StorageError."""
    try:
        durable_file.replace_whole(path, json.dumps(encode(mark), sort_keys=True) + "\n")
    except OSError as error:
        raise StorageError(f"the high-water file {path} cannot be written: {error.strerror}") from error


def newest(connection: Connection) -> Mark:
    """The mark that the journal itself would make."""
    row = connection.execute(_NEWEST).one_or_none()
    return Mark(0, "", "") if row is None else Mark(row.seq, row.rollout, row.hash)


def latest_instant(connection: Connection, after_seq: int) -> int | None:
    """The newest instant, in microseconds, at which anything after `after_seq` says it was written."""
    found = connection.execute(_LATEST, {_SEQ.key: after_seq}).scalar()
    return None if found is None else int(found)


def holds(connection: Connection, mark: Mark) -> bool:
    """Whether the journal has the marked entry, and with it everything that led to it."""
    if mark.seq == 0:
        return True
    found = connection.execute(_MARKED, {_SEQ.key: mark.seq}).scalar()
    return bool(found == mark.hash) or (found is None and _retired(connection, mark))


def _retired(connection: Connection, mark: Mark) -> bool:
    """Whether the marked entry is the last one of a rollout that has left the journal since."""
    if not inspect(connection).has_table(retired.name):
        return False  # of an older version, as a backup may be
    found = connection.execute(_LEFT, {_SEQ.key: mark.seq}).scalars()
    return mark.hash in found.all()


def doubt_of(engine: Engine) -> Doubt | None:
    """For whoever only looks: what file and database say now; None where the daemon's files are on another machine, as
    they may be with a server. Raises StorageError when the database fails."""
    path = mark_file(engine)
    if path is None or not path.parent.is_dir():
        return None
    with reading(engine) as connection:
        return _doubt(connection, path)


def _doubt(connection: Connection, path: Path) -> Doubt | None:
    have = newest(connection)
    try:
        mark = read_mark(path)
    except StorageError as unreadable:
        return _unmarked(str(unreadable))
    if mark is None:
        return _unmarked(f"the high-water file {path} is missing") if have.seq else None
    return None if holds(connection, mark) else behind(have, mark)


def behind(have: Mark, mark: Mark) -> Doubt:
    happened = "a backup was restored, or the database was replaced"
    said = f"{lost(have, mark)}: {happened}; nothing is raised until a person has looked: {TO_ACCEPT}"
    return Doubt(BEHIND, said)


def lost(have: Mark, mark: Mark) -> str:
    """What a journal that ends at `have` lacks."""
    if have.seq < mark.seq:
        return f"the journal ends at entry {have.seq} and had come to {mark.seq}"
    return f"entry {mark.seq} of the journal is another one than was written"


def _unmarked(why: str) -> Doubt:
    said = f"{why}: nobody can tell whether the journal is the newest one; nothing is raised until a person has looked"
    return Doubt(UNMARKED, f"{said}: {TO_ACCEPT}")


class HighWater:
    """The daemon's hand on the mark. Safe from many threads; nothing here raises but `begin`.

    What it has once read or written it remembers, so that a file that is deleted or put back under it is
    written again rather than believed.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        self._guard = threading.Lock()
        self._mark: Mark | None = None
        self._unwritten = ""
        self._why_unmarked = ""
        self._missing = False
        self._newest: datetime | None = None
        self._newest_after: int | None = None
        self._looked = False
        self._found: Doubt | None = None

    def begin(self, *, at_first: bool) -> None:
        """At the daemon's start. `at_first`: no daemon that keeps a mark has ever run on this database, so a
        missing file was never written. Raises StorageError when the database cannot be read."""
        with reading(self._engine) as connection:
            have = newest(connection)
        try:
            self._mark = read_mark(self._path)
        except StorageError as unreadable:
            self._why_unmarked = str(unreadable)
            return
        if self._mark is None and (at_first or have.seq == 0):
            self._keep(have)
        elif self._mark is None:
            self._why_unmarked = f"the high-water file {self._path} is missing"
            self._missing = True

    @property
    def accepted_seq(self) -> int:
        """Up to which entry a person has taken the journal as it was; 0 where nobody had to."""
        return self._mark.accepted_seq if self._mark else 0

    def held(self, connection: Connection) -> bool:
        """Whether the journal, in this transaction, is the one that is marked: only then the mark may move."""
        return self._mark is not None and holds(connection, self._mark)

    def reached(self, newest_entry: Recorded) -> None:
        """It is committed, and followed what was marked. What cannot be written is a doubt until it can."""
        with self._guard:
            mark = self._mark
            self._newest = max(filter(None, (self._newest, newest_entry.entry.at)))
            if mark is not None and newest_entry.seq > mark.seq:
                rollout, digest = str(newest_entry.rollout), newest_entry.hash
                self._keep(replace(mark, seq=newest_entry.seq, rollout=rollout, hash=digest))

    def follow(self, *, vouched: bool) -> None:
        """Others write to this journal too: the mark goes on with it, if it still holds what is marked. `vouched`: somebody who
        keeps a mark as well finds nothing wrong, so that a missing file is begun anew. Raises StorageError."""
        with self._guard:
            mark = self._mark
            if mark is None and not (vouched and self._missing):
                return
            with reading(self._engine) as connection:
                if mark is not None and not holds(connection, mark):
                    return
                have = newest(connection)
            if mark is None:
                log.warning(
                    "%s: another replica vouches for the journal, and it is begun anew", self._why_unmarked
                )
                self._keep(have)
            elif have.seq > mark.seq:
                self._keep(replace(mark, seq=have.seq, rollout=have.rollout, hash=have.hash))

    def doubt(self) -> Doubt | None:
        """Why nothing may be raised on this journal; None: it is the newest one, and that is written down."""
        try:
            found = self._doubt()
        except StorageError as error:
            return Doubt(UNMARKED, f"whether the journal is the newest one cannot be told: {error}")
        self._found, self._looked = found, True
        return found

    @property
    def looked(self) -> bool:
        """Whether `found` is of any look."""
        return self._looked

    @property
    def found(self) -> Doubt | None:
        """The doubt of the last look that could tell. Asks nobody."""
        return self._found

    def _doubt(self) -> Doubt | None:
        """Raises StorageError."""
        with self._guard:
            self._look()
            if self._mark is None:
                return _unmarked(self._why_unmarked)
            if self._unwritten:
                return Doubt(UNWRITABLE, f"{self._unwritten}; nothing is raised until it can be")
            mark = self._mark
        with reading(self._engine) as connection:
            return None if holds(connection, mark) else behind(newest(connection), mark)

    def newest_instant(self) -> datetime | None:
        """The newest instant at which anything says it was written that a person has not accepted as it is: one in the
        future tells that a clock was set back. None for none, or where the database cannot be read."""
        with self._guard:
            after = self.accepted_seq
            if self._newest_after != after:
                try:
                    with reading(self._engine) as connection:
                        found = latest_instant(connection, after)
                except StorageError:
                    return None
                self._newest, self._newest_after = instant_or_none(found), after
            return self._newest

    def _look(self) -> None:
        """Take up what a person has accepted meanwhile; put back what somebody took away."""
        try:
            found = read_mark(self._path)
        except StorageError as unreadable:
            found, self._why_unmarked = None, str(unreadable)
        known = self._mark
        if found is not None and (known is None or _newer(found, known)):
            self._mark = found
        elif known is not None and (found != known or self._unwritten):
            if not self._unwritten:
                log.warning("the high-water file %s was changed by somebody else: written again", self._path)
            self._keep(known)

    def _keep(self, mark: Mark) -> None:
        self._mark = mark
        try:
            write_mark(self._path, mark)
        except StorageError as error:
            if not self._unwritten:
                log.critical("%s; nothing is raised until it can be", error)
            self._unwritten = str(error)
        else:
            if self._unwritten:
                log.warning("the high-water file %s is written again", self._path)
            self._unwritten = ""


def _newer(found: Mark, known: Mark) -> bool:
    if found.acceptances != known.acceptances:
        return found.acceptances > known.acceptances
    return found.seq > known.seq


def accepted(have: Mark, mark: Mark | None, acceptance: Acceptance) -> Mark:
    """The mark after a person has taken the journal as it is."""
    before = mark.accepted if mark else ()
    count = mark.acceptances if mark else 0
    kept = (*before, acceptance)[-ACCEPTANCES_MAX:]
    return replace(have, accepted=kept, acceptances=count + 1)


def as_document(mark: Mark | None) -> dict[str, Any] | None:
    return None if mark is None else {"seq": mark.seq, "hash": mark.hash, "rollout": mark.rollout}
