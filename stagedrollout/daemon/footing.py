"""What every raise stands on, beside store and signals: a journal that is the newest one, and clocks that agree.

Asked once at the beginning of a pass, so that the decision has its reason, and again right before each request
of a raise is sent. Halts do not ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from stagedrollout.core.clocks import ClockReading, disagreement, time_by
from stagedrollout.core.errors import Unfounded
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import RolloutKey
from stagedrollout.daemon.clock_watch import ClockWatch
from stagedrollout.daemon.peers import Peers
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.highwater import HighWater, mark_file
from stagedrollout.storage.presence import DaemonRow

KEEPS_A_MARK: dict[str, Any] = {"highwater": True}
"""What a daemon says of itself that keeps the journal's high-water mark: where one has run, the file is no news."""


class Footing(Protocol):
    def reasons(self, now: datetime) -> tuple[Reason, ...]:
        """Why nothing may be raised; empty where there is nothing. Raises nothing."""
        ...

    def check(self, now: datetime) -> None:
        """Raises Unfounded where there is such a reason."""
        ...

    def time(self, now: datetime) -> datetime:
        """What time it is for the signals, as well as anybody can tell."""
        ...

    def clocks(self) -> tuple[ClockReading, ...]:
        """What the other clocks say beside this machine's."""
        ...

    def passed(self, rollout: RolloutKey, since: datetime | None, now: datetime) -> timedelta | None:
        """What has passed since then by every clock; None where nobody can tell better than `now`."""
        ...


class Firm:
    """Nothing to say: for whoever keeps neither a mark nor a watch."""

    def reasons(self, now: datetime) -> tuple[Reason, ...]:  # noqa: ARG002 - the common signature
        return ()

    def check(self, now: datetime) -> None:
        """There is nothing that speaks against it."""

    def time(self, now: datetime) -> datetime:
        return now

    def clocks(self) -> tuple[ClockReading, ...]:
        return ()

    def passed(self, rollout: RolloutKey, since: datetime | None, now: datetime) -> timedelta | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class KeptFooting:
    """`highwater` is None where there is no place for it outside the database, `peers` where nobody else can be there."""

    highwater: HighWater | None
    watch: ClockWatch
    peers: Peers | None = None

    def reasons(self, now: datetime) -> tuple[Reason, ...]:  # noqa: ARG002 - a pass's `now` may be minutes old
        doubt = self.highwater.doubt() if self.highwater else None
        apart = disagreement(self.clocks())
        return (
            *((Reason(doubt.code, doubt.words),) if doubt else ()),
            *((apart,) if apart else ()),
            *(self.peers.reasons() if self.peers else ()),
        )

    def of_the_journal(self) -> tuple[Reason, ...] | None:
        """Those of `reasons` that the journal and other replicas give, as of the last look; None before the first. Asks nobody."""
        if self.highwater and not self.highwater.looked:
            return None
        doubt = self.highwater.found if self.highwater else None
        told = (Reason(doubt.code, doubt.words),) if doubt else ()
        return (*told, *(self.peers.reasons() if self.peers else ()))

    def clocks(self) -> tuple[ClockReading, ...]:
        newest = self.highwater.newest_instant() if self.highwater else None
        return (*self.watch.readings(newest), *(self.peers.clocks() if self.peers else ()))

    def time(self, now: datetime) -> datetime:
        return time_by(self.watch.of_a_store(), now)

    def passed(self, rollout: RolloutKey, since: datetime | None, now: datetime) -> timedelta | None:
        return self.watch.passed(rollout, since, now)

    def check(self, now: datetime) -> None:
        """Raises Unfounded."""
        for reason in (*self.reasons(now), *(self.peers.unheard() if self.peers else ())):
            raise Unfounded(reason.text)


def open_highwater(engine: Engine, before: DaemonRow | None) -> HighWater | None:
    """The mark of this database; `before` is the daemon that claimed it last. Raises StorageError."""
    path = mark_file(engine)
    if path is None:
        return None
    highwater = HighWater(path, engine)
    highwater.begin(at_first=before is None or not before.info.get("highwater"))
    return highwater
