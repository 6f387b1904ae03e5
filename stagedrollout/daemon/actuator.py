"""Acting: a decided change goes to the store and comes back as an Outcome, whatever happens.

An error before anything was applied is a refusal or nothing at all; one after is "in doubt". Nothing here
decides, and nothing is repeated blindly.
"""

from __future__ import annotations

from stagedrollout.core.errors import Denied, EdgeError, LostLease, Preempted, Rejected, Unfounded
from stagedrollout.core.model import Change, Outcome, Settlement, Unread
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.daemon.lanes import Lanes, Permit
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.retrying import persistently


class Actuator:
    def __init__(self, lanes: Lanes, clock: Clock) -> None:
        self._lanes = lanes
        self._clock = clock

    def permit(self, listing: Listing, deadline: float) -> Permit:
        return self._lanes.permit(listing.id, deadline)

    def announce_halt(self, listing: Listing) -> None:
        """Before the halt is even written down, no raise of this store app sends anything more."""
        self._lanes.halt(listing.id)

    def act(
        self, listing: Listing, change: Change, *, seen: str, still_ours: Clearance, permit: Permit
    ) -> Outcome:
        """Bring the change about. `seen` is the fingerprint it was decided on; halts do not look at it."""
        if change.verb.brakes:
            return self._halt(listing, change)
        try:
            with self._lanes.raising(permit, still_ours) as clearance:
                outcome = persistently(lambda: listing.store.apply(change, seen, clearance))
        except (Preempted, LostLease, Unfounded) as stop:
            return self._outcome(Settlement.PREEMPTED, str(stop))
        except EdgeError as error:
            outcome = self._not_done(error)
        if self._lanes.overtaken(permit) and not listing.store.fenced:
            return self._halted_after_all(listing, change)
        return outcome

    def halted_meanwhile(self, listing: Listing, change: Change, outcome: Outcome) -> Outcome:
        """Another replica has halted while a raise was under way: to a store that takes both, the halt is sent again."""
        return outcome if listing.store.fenced else self._halted_after_all(listing, change)

    def _halted_after_all(self, listing: Listing, change: Change) -> Outcome:
        """A halt came while a raise was on its way to a store that takes both: the halt has the last word."""
        halted = self._halt(listing, change)
        detail = f"a halt took over while it was on its way; halted again: {halted.settlement.value}"
        return Outcome(Settlement.PREEMPTED, detail, halted.state)

    def _halt(self, listing: Listing, change: Change) -> Outcome:
        try:
            return persistently(lambda: listing.store.halt(change.release_id))
        except EdgeError as error:
            return self._not_done(error)

    def _not_done(self, error: EdgeError) -> Outcome:
        """Nothing was applied: the edge raises only then."""
        refused = isinstance(error, (Denied, Rejected))
        return self._outcome(Settlement.REFUSED if refused else Settlement.NOT_APPLIED, str(error))

    def _outcome(self, settlement: Settlement, detail: str) -> Outcome:
        return Outcome(settlement, detail, Unread(detail, self._clock.now()))
