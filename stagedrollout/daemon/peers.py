"""The other replicas on the same database, as far as each tells of itself in its row: whether they agree with this one.

Two that steer by different configurations, that know different schemas, or of which one finds the journal older than it was,
must not raise: neither can know which of them is right (promises R14, R17). That holds for two clusters that were given one
database by mistake as well.

A replica without a high-water mark on a database where marks are kept cannot tell whether the journal is the newest one.
Another one that lives, and still finds what it marked, can: it is believed once it has said so after this one began.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import inf

from stagedrollout.core.clocks import ClockReading
from stagedrollout.core.judgement import Reason
from stagedrollout.core.units import duration_text
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.daemon.health.replicas import DOUBT, DOUBT_CODE, LINE, doubting, unlike
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.highwater import BEHIND, HighWater
from stagedrollout.storage.migrate import HEAD, revision
from stagedrollout.storage.presence import DaemonRow, Presence

log = logging.getLogger(__name__)

DIFFERENT, DOUBTED, OTHER_SCHEMA = "replicas_differ", "replica_doubts", "schema_moved_on"
LINE_ELSEWHERE = "line_stopped_elsewhere"
UNHEARD = "replicas_unheard"


class Peers:
    """Of the replica whose epoch is `replica`. `vouching_after`: by then a second sign of life of another one is due, and what it
        said with the first one is of this database. `believed_for`: as long as a lease what the last look found is what counts, by
    `steady`; then nobody knows what the others say. `look` is for one thread; the rest for any, and raises nothing."""

    def __init__(  # noqa: PLR0913 - whose, of what, and for how long
        self,
        engine: Engine,
        replica: int,
        highwater: HighWater | None,
        vouching_after: timedelta,
        *,
        believed_for: timedelta = timedelta(seconds=60),
        steady: Elapsed = elapsed,
    ) -> None:
        self._engine = engine
        self._presence = Presence(engine)
        self._replica = replica
        self._highwater = highwater
        self._begun: datetime | None = None
        self._vouching_after = vouching_after
        self._believed_for, self._steady = believed_for, steady
        self._looked_at = -inf
        self._reasons: tuple[Reason, ...] = ()
        self._lost = False
        self._clock: tuple[ClockReading, ...] = ()

    def look(self, line: str = "") -> bool:
        """After each sign of life; whether the journal is found to lack its end, and was not so before: what was read of it until
        then may be what it lacks. `line`: why nothing is raised at this one's place, where somebody has stopped the line.
        Raises StorageError."""
        asked = self._steady()
        rows = self._presence.replicas()
        mine = next((row for row in rows if row.epoch == self._replica), None)
        if mine is None:
            self._reasons = (
                Reason(OTHER_SCHEMA, "this replica's own row is gone: the database was put back"),
            )
            self._looked_at = asked
            return False
        self._begun = self._begun or mine.heard_at
        elsewhere = [row for row in rows if row is not mine]
        others = [row for row in elsewhere if not (row.lapsed or row.stopped)]
        doubt = self._follow(
            mine, line, (row for row in others if row.heard_at - self._begun > self._vouching_after)
        )
        self._clock = (ClockReading("the database server", -mine.ahead, -mine.ahead),)
        found = (*_moved_on(self._engine), *_differences(mine, others), *_doubts(elsewhere))
        for reason in set(found) - set(self._reasons):
            log.warning("nothing is raised: %s", reason.text)
        self._reasons, self._looked_at = found, asked
        before, self._lost = self._lost, doubt == BEHIND or any(reason.code == DOUBTED for reason in found)
        return self._lost and not before

    def reasons(self) -> tuple[Reason, ...]:
        """Why nothing may be raised, as of the last look."""
        return self._reasons

    def unheard(self) -> tuple[Reason, ...]:
        """Where that look was too long ago. No request of a raise is sent then; but it is no cause to pause anything: whoever has
        stood still or was cut off for so long has lost its lease, and would write down what it saw before that."""
        silent = self._steady() - self._looked_at
        if silent <= self._believed_for.total_seconds():
            return ()
        told = "yet" if silent == inf else f"for {duration_text(timedelta(seconds=int(silent)))}"
        return (Reason(UNHEARD, f"what the other replicas say has not been read {told}"),)

    def clocks(self) -> tuple[ClockReading, ...]:
        """What the database's clock says beside this machine's, as of the last sign of life."""
        return self._clock

    def _follow(self, mine: DaemonRow, line: str, others: Iterable[DaemonRow]) -> str:
        """The others write to the journal too: the mark goes on with it, as long as it holds; the code of a doubt."""
        doubt = None
        if self._highwater is not None:
            self._highwater.follow(vouched=any(row.info.get(DOUBT) == "" for row in others))
            doubt = self._highwater.doubt()
        told = {DOUBT: doubt.words if doubt else "", DOUBT_CODE: doubt.code if doubt else "", LINE: line}
        if any(mine.info.get(key) != said for key, said in told.items()):
            self._presence.tell(self._replica, told)
        return doubt.code if doubt else ""


def _differences(mine: DaemonRow, others: Iterable[DaemonRow]) -> Iterator[Reason]:
    for row in others:
        if said := unlike(mine, row):
            yield Reason(DIFFERENT, said)
        if line := row.info.get(LINE):
            yield Reason(LINE_ELSEWHERE, f"{row.holder} says: {line}")


def _doubts(others: Iterable[DaemonRow]) -> Iterator[Reason]:
    """Also of those that have fallen silent, or ended: until a person has taken the journal as it is (accepting.py)."""
    return (Reason(DOUBTED, said) for row in others if (said := doubting(row)))


def _moved_on(engine: Engine) -> Iterator[Reason]:
    found = revision(engine)
    if found != HEAD:
        said = f"the database has the schema {found} by now, and this daemon knows {HEAD}: replace it by the newer version"
        yield Reason(OTHER_SCHEMA, said)
