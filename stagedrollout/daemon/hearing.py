"""Everything a pass hears of a release: the counts and their evidence first, then what people write.

The evidence must never stop a pass. Where it cannot be kept it may still halt; where it cannot be computed at all, that is
an error of this pass, told and logged, and the floors judge without it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from stagedrollout.core.errors import StorageError
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.ledger import Ledger, Taken
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey, StoreApp, StoreState, Unread
from stagedrollout.core.observation import Reading
from stagedrollout.core.policy import Policy
from stagedrollout.daemon.counting import Counter, Look
from stagedrollout.daemon.listening import circumstances, listened
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.named_signals import counted, declared
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.daemon.weighing import Found, Weigher, again

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hearing:
    """`readings`: what the gates are judged by. `ledger`: the head of the ledger that `found` goes on from.

    `trouble`: why nothing of it can be kept ("" if it can), so that nobody can weigh it again.
    """

    readings: tuple[Reading, ...]
    found: Found
    ledger: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Hearer:
    recorder: Recorder
    counter: Counter = field(default_factory=Counter)
    weigher: Weigher = field(default_factory=Weigher)

    def hear(
        self, listing: Listing, rollout: Rollout, policy: Policy, store: StoreState | Unread, now: datetime
    ) -> Hearing:
        """Raises nothing: whatever fails is among what was heard."""
        ledger, trouble = self._ledger(rollout.key)
        look = Look(
            listing.tallies, policy, store, now, lambda: self.recorder.halted(listing.id), declared(listing)
        )
        try:
            return self._heard(listing, rollout, look, ledger, trouble)
        except (ArithmeticError, LookupError, ValueError) as mistake:
            log.exception("%s: the evidence could not be weighed", rollout.key)
            self.weigher.forget(rollout.key)
            heard = Heard(None, problem=f"it could not be weighed: {mistake}")
            readings = listened(listing, rollout, policy, now)
            return Hearing(readings, Found((), rollout, Taken(ledger), heard), ledger.head, trouble)

    def anew(self, app: StoreApp) -> None:
        """Another replica has held it, and may have counted on and weighed what was counted before anew: nothing that is
        remembered from an earlier time holds any more."""
        for key in self.recorder.remembered_of(app):
            self.forget(key)

    def forget(self, key: RolloutKey) -> None:
        """The rollout is over, or what was heard for it could not be written down."""
        self.counter.forget(key)
        self.weigher.forget(key)
        self.recorder.forget(key)

    def _heard(self, listing: Listing, rollout: Rollout, look: Look, ledger: Ledger, trouble: str) -> Hearing:
        count = self.counter.count(rollout, ledger, look, trouble)
        if count is None:
            readings = listened(listing, rollout, look.policy, look.now)
            return Hearing(readings, Found((), rollout, Taken(ledger), NOTHING_HEARD), ledger.head, trouble)
        first = self.weigher.weigh(count, look)
        seen = circumstances(first.rollout, listing.poll, look.now, first.heard)
        count = again(first, count)
        more = counted(count, listing, look, seen)
        # what fails by the team's own counts waits for nobody either
        heard = first.heard if more is count else self.weigher.weigh(more, look).heard
        count = more
        readings = listened(listing, first.rollout, look.policy, look.now, count=count, heard=heard)
        found = self.weigher.weigh(count, look, readings)
        return Hearing(readings, found, ledger.head, trouble)

    def _ledger(self, key: RolloutKey) -> tuple[Ledger, str]:
        """What was counted so far. Where it cannot be read the whole run is read from its source in each pass, and
        nothing of it is kept: that may halt, and it raises nothing."""
        try:
            return self.recorder.ledger(key), ""
        except StorageError as trouble:
            log.error("%s: the ledger cannot be read: %s", key, trouble)  # noqa: TRY400
            return Ledger(str(key)), f"the ledger cannot be read: {trouble}"
