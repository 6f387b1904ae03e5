"""The power goes while SQLite writes: whatever was acknowledged is there again, and nothing else is half there.

The log that SQLite writes ahead is cut short at every 64th byte, which includes in the middle of a page, of a frame's
header and of the log's own; what the daemon knew to be durable at each length is known from its commits. A disk may also
write the sectors of a commit in any order: each of them is left out alone. And where a sector rots that was written long
ago, which no database can mend, the mark outside tells that the journal lacks its end.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from stagedrollout.core import facts
from stagedrollout.core.fold import fold
from stagedrollout.core.model import RolloutKey
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.highwater import BEHIND, beside, doubt_of
from stagedrollout.storage.journal import Journal
from tests.crash.dying import Chosen
from tests.crash.playing import story_of
from tests.simulation.perils import Perils
from tests.simulation.points import AFTER, COMMIT
from tests.simulation.run import play
from tests.simulation.setting import memory_folder

pytestmark = pytest.mark.promise("R13", "R18")


EVERY = 64
SECTOR = 512
STORY = "apple-halt"
_TABLES = (
    "event",
    "intent",
    "outbox",
    "thread",
    "command",
    "rollout",
    "bucket",
    "standing",
    "pass",
    "replica",
    "lease",
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The log's length when a commit returned, and everything that the database held then. `entries`: the journal's.
    `mark`: what stood outside the database at that moment, which is of the commit before."""

    length: int
    content: str
    entries: int
    mark: bytes


class Photographs(Chosen):
    """Keeps database and log as they are before the last connection is closed, and what each commit left."""

    def __init__(self) -> None:
        super().__init__(None)
        self._database = Path()
        self.database = self.log = b""
        self.acknowledged: list[Acknowledged] = []

    def haunt(self, engine) -> None:
        super().haunt(engine)
        self._database = Path(engine.url.database)

    def met(self, name: str) -> None:
        super().met(name)
        if name != f"{COMMIT}{AFTER}":
            return
        log = self._database.with_name(self._database.name + "-wal")
        content = _content(self._database)
        if not self.acknowledged or self.acknowledged[-1].content != content:
            self.database, self.log = self._database.read_bytes(), log.read_bytes()
            mark = beside(self._database)
            told = mark.read_bytes() if mark.exists() else b""
            self.acknowledged.append(Acknowledged(len(self.log), content, _entries(self._database), told))


class OneLife:
    def __init__(self, life: Perils) -> None:
        self._life = life

    def life(self, world) -> Perils:
        return self._life

    def hours_dead(self) -> float:
        return 0.0


@pytest.fixture
def memory() -> Iterator[Path]:
    """A disk would be made to write thousands of times what is thrown away."""
    with tempfile.TemporaryDirectory(prefix="stagedrollout-power-", dir=memory_folder()) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    life = Photographs()
    play(story_of(STORY).plan, OneLife(life))
    return life


def test_no_acknowledged_commit_is_lost_however_little_of_the_log_is_left(
    photographs: Photographs, memory: Path
) -> None:
    log, acknowledged = photographs.log, photographs.acknowledged
    assert acknowledged[0].length < acknowledged[-1].length == len(log)
    path = memory / "after.db"
    seen = set()
    for length in _lengths(len(log)):
        _restore(photographs.database, log[:length], path)
        found = _content(path)
        durable = [each for each in acknowledged if each.length <= length]
        later = acknowledged[len(durable) :]
        if durable:
            assert found in (durable[-1].content, *(each.content for each in later[:1])), f"cut at {length}"
            seen.add(durable[-1].length)
    assert len(seen) == len({each.length for each in acknowledged}) > 10


def test_after_the_power_is_back_every_journal_can_be_read_and_its_chain_holds(
    photographs: Photographs, memory: Path
) -> None:
    log = photographs.log
    told: dict[str, int] = {}
    for length in range(0, len(log), 41 * EVERY):
        path = memory / f"{length}.db"
        _restore(photographs.database, log[:length], path)
        for key, entries in _journals(path):
            assert entries >= told.get(str(key), 0), "more of the log, and less in the journal"
            told[str(key)] = entries
    assert told


def _zeroed(written: bytes) -> bytes:
    return bytes(len(written))


def _flipped(written: bytes) -> bytes:
    """One bit of the last byte."""
    return written[:-1] + bytes([written[-1] ^ 1])


def _stale(written: bytes) -> bytes:
    """What a log used before left there: something else that was written once."""
    return written[::-1]


@pytest.mark.parametrize("torn", [_zeroed, _flipped, _stale])
def test_a_commit_of_which_one_sector_did_not_reach_the_disk_is_not_there_at_all(
    photographs: Photographs, memory: Path, torn: Callable[[bytes], bytes]
) -> None:
    """The one before it is whole."""
    path, sectors = memory / "after.db", 0
    for before, after in pairwise(photographs.acknowledged):
        log = photographs.log[: after.length]
        for first, last in _sectors(before.length, after.length):
            left = log[:first] + torn(log[first:last]) + log[last:]
            if left == log:  # an empty sector is the same without having been written
                continue
            sectors += 1
            _restore(photographs.database, left, path)
            assert _content(path) == before.content, f"sector at {first}"
    assert sectors > 150


def test_a_sector_that_rots_under_an_acknowledged_commit_is_a_journal_without_its_end(
    photographs: Photographs, memory: Path
) -> None:
    """SQLite takes it for the end of its log and says nothing; nothing is raised on such a journal (promise R17)."""
    path, found = memory / "after.db", 0
    for before, rotten, after in zip(
        photographs.acknowledged, photographs.acknowledged[1:], photographs.acknowledged[2:], strict=False
    ):
        if rotten.entries == before.entries:
            continue
        log = photographs.log[: after.length]
        first, last = next(_sectors(before.length, rotten.length))
        _restore(photographs.database, log[:first] + _zeroed(log[first:last]) + log[last:], path)
        beside(path).write_bytes(after.mark)
        engine = open_engine(f"sqlite:///{path}")
        try:
            doubt = doubt_of(engine)
        finally:
            engine.dispose()
        assert doubt is not None
        assert doubt.code == BEHIND
        found += 1
    assert found > 3


def _sectors(begun: int, ended: int) -> Iterator[tuple[int, int]]:
    """What was written from `begun` to `ended`, sector by sector. SQLite takes for granted that a disk leaves bytes alone
    that it does not write, also beside others in their sector."""
    for sector in range(begun // SECTOR, -(-ended // SECTOR)):
        yield max(begun, sector * SECTOR), min(ended, (sector + 1) * SECTOR)


def _lengths(whole: int) -> Iterator[int]:
    """Every 64th byte; and the end, which must be the whole truth."""
    yield from range(0, whole, EVERY)
    yield whole


def _restore(database: bytes, log: bytes, path: Path) -> None:
    path.write_bytes(database)
    path.with_name(path.name + "-wal").write_bytes(log)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)


def _content(path: Path) -> str:
    """All that is committed, read by a connection of its own."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as connection:
        rows = [(t, connection.execute(f"SELECT * FROM {t} ORDER BY rowid").fetchall()) for t in _TABLES]
    return repr(rows)


def _entries(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def _journals(path: Path) -> Iterator[tuple[RolloutKey, int]]:
    """Every rollout's journal, as the product opens it: its chain holds, and it folds."""
    engine = open_engine(f"sqlite:///{path}")
    try:
        journal = Journal(engine)
        for key in journal.rollout_keys():
            assert journal.verify(key) is None
            history = journal.history(key)
            assert fold(key, tuple((facts.read(each.entry), each.entry.at) for each in history)) is not None
            yield key, len(history)
    finally:
        engine.dispose()
