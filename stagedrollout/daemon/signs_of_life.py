"""What a daemon does every few seconds beside its passes: it says that it lives, and looks whose turn it is with what.

The sign of life comes every ten seconds, or six times in a lease; where replicas share the apps, what nobody holds any more is looked for more often,
so that a halt is late by little more than the lease of the one that fell silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.works import Beside, Works

log = logging.getLogger(__name__)

LOOK = timedelta(seconds=2)
"""How often what nobody holds is looked for."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class SignsOfLife:
    """For one thread. `wake`: a store app is this replica's from now on. `idle`: nothing of it is under way, or (None) of telling people."""

    def __init__(self, wake: Callable[[StoreApp], None], idle: Callable[[StoreApp | None], bool]) -> None:
        self._wake, self._idle = wake, idle
        self._beaten_at = self._looked_at = LONG_AGO
        self._beside = Beside()
        self.lost = False
        """Whether another daemon runs in this one's place."""

    def give(self, works: Works) -> None:
        """Raises nothing."""
        now = works.wall.now()
        if timedelta(0) <= now - self._beaten_at < works.leases.beat:  # not while a clock set back catches up
            self._look(works, now)
            return
        problem = ""
        try:
            works.leases.renew()
            self._beaten_at = now
        except LostLease as lost:
            log.critical("%s; this daemon raises nothing more and stops", lost)
            self.lost = True
            return
        except StorageError as error:
            problem = f"the database cannot be written: {error}"
            log.error("%s", problem)  # noqa: TRY400 - the words are enough
        else:
            self._beside.tell(works)
            self._look_at_the_others(works)
            self._look(works, now)
        if works.leases.shared:
            works.report.holds([app for app in works.listings if works.leases.holds(app)])
        works.report.beat(now, problem)

    @staticmethod
    def _look_at_the_others(works: Works) -> None:
        try:
            if works.peers:
                line = works.brakes.line()
                if works.peers.look(line.text if line else ""):
                    for app in works.listings:
                        works.passes.reconciler.hearer.anew(app)
                        works.passes.recorder.read_anew(app)
                works.passes.recorder.write_what_was_kept()
        except StorageError as error:
            log.error("the other replicas cannot be looked at: %s", error)  # noqa: TRY400

    def _look(self, works: Works, now: datetime) -> None:
        again = timedelta(0) <= now - self._looked_at < LOOK
        if again or not works.leases.wants(works.listings):
            return
        self._looked_at = now
        self._beside.tell(works)  # what does not answer here is the others' to know before it is let go of
        try:
            for app in works.leases.tend(works.listings, self._idle):
                works.passes.reconciler.hearer.anew(app)
                self._wake(app)
        except StorageError as error:
            log.error("what nobody holds cannot be looked for: %s", error)  # noqa: TRY400
