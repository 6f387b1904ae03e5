"""One pass over one rollout: observe, assess, decide, record, act, record, notify.

Notices are written in the same transaction as the facts they tell of; the relay delivers them later, so
telling never delays acting.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from stagedrollout.core import news
from stagedrollout.core.apple_drift import may_still_let_go, pause_settled_at
from stagedrollout.core.assessment import Assessment, Reason, assess
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.counterpart import concerns_the_other
from stagedrollout.core.decision import decide
from stagedrollout.core.drift import believed, by_the_right_clock, learn, told_by_whom
from stagedrollout.core.errors import (
    HaltShown,
    LetGoOn,
    LostLease,
    OrderTaken,
    StaleJournal,
    StorageError,
)
from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.facts import Drifted, Fact, Weighed
from stagedrollout.core.fold import extend
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.lifecycle import Intent, Rollout
from stagedrollout.core.model import (
    Command,
    CommandVerb,
    Outcome,
    ReviewState,
    RolloutKey,
    StoreState,
    Unread,
)
from stagedrollout.core.observation import Observation
from stagedrollout.core.people import People
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clearance, Clock
from stagedrollout.core.run_terms import written_down
from stagedrollout.core.standing import standing
from stagedrollout.core.succession import of_newer
from stagedrollout.core.unguarded import takes_up_an_order
from stagedrollout.daemon import calendar_check, linking
from stagedrollout.daemon.actuator import Actuator
from stagedrollout.daemon.brakes import Brakes, NothingPulled
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.footing import Firm, Footing
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.lanes import Permit
from stagedrollout.daemon.lease import Tenures
from stagedrollout.daemon.linking import Bell, of_the_other
from stagedrollout.daemon.listening import circumstances
from stagedrollout.daemon.listing import Listing, policy_meant, policy_named
from stagedrollout.daemon.looking import looked
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.recorder import Known, Learned, Recorder
from stagedrollout.daemon.watched.memory import Memory
from stagedrollout.daemon.weighing import Found

log = logging.getLogger(__name__)

RETRY_SOON = timedelta(seconds=30)
"""How soon a halt that the store does not show is sent again at first, and an outcome in doubt looked at."""

SETTLE_ATTEMPTS = 3


class Acquaintance(Protocol):
    """Who knows people: see `People.known_as`. Asks nobody outside for it."""

    def known_as(self, order: Command) -> Command: ...

    @property
    def everybody(self) -> People:
        """Those whom it knows now."""
        ...


class Onlooker(Protocol):
    def looked(
        self, rollout: Rollout, decision: Decision, assessment: Assessment, heard: Heard | None
    ) -> None:
        """What a pass came to; `heard`: None where nobody listened. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass came to. `due`: when to look again at the latest."""

    known: Known
    decision: Decision
    outcome: Outcome | None
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """`tenures` tells what this replica holds; `footing` and `brakes` tell what keeps everything from being raised; `deadline_seconds` bounds a pass that wants to raise."""

    recorder: Recorder
    actuator: Actuator
    clock: Clock
    tenures: Tenures
    deadline_seconds: float
    hearer: Hearer
    bell: Bell = field(default_factory=Bell)
    footing: Footing = field(default_factory=Firm)
    people: Acquaintance = field(default_factory=People)
    brakes: Brakes = field(default_factory=NothingPulled)
    onlooker: Onlooker = field(default_factory=Memory)
    reach: Reach = field(default_factory=Reach)

    def reconcile(
        self,
        listing: Listing,
        key: RolloutKey,
        store: StoreState | Unread,
        order: Command | None = None,
        others: tuple[Rollout, ...] = (),
    ) -> Pass:
        """`others`: the rollouts of the store app's other releases; a halt needs none of them.

        Raises StorageError when nothing could be recorded and nothing had to be halted.
        """
        permit = self.actuator.permit(listing, elapsed() + self.deadline_seconds)
        tenure = self.tenures.clearance(listing.id)
        known = self.recorder.load(key)
        if order is not None and order.id in known.rollout.taken:
            raise OrderTaken(f"the order {order.id} was taken up meanwhile")
        observed = self._observe(listing, known, store, order, others)
        assessment, findings = self._assess(observed)
        case = Case(
            rollout=observed.rollout,
            observation=observed.seen,
            assessment=assessment,
            policy=observed.policy,
            mode=listing.mode,
            order=order,
            unknown_policy=listing.unknown(policy_named(observed.rollout, order)),
            learned=observed.learned,
            others=others,
            supersede=listing.supersede,
            footing=observed.footing,
            people=self.people.everybody,
            own=listing.policy_of(listing.policy),
            passed=self.footing.passed(key, observed.rollout.live_since, observed.heard_at),
        )
        decision = decide(case)
        if _stops(decision):
            self.actuator.announce_halt(listing)
        recorded = self._record(known, (*observed.learned, *findings), observed, decision, assessment)
        self._wake_the_other(listing, known, recorded)  # before acting: a slow store must not keep it waiting
        outcome = self._act(listing, recorded, case, decision, permit, tenure)
        settled = self._settle(recorded, outcome)
        self._wake_the_other(listing, recorded, settled)
        if settled.rollout.finished:
            self.hearer.forget(key)
        self.onlooker.looked(
            settled.rollout, decision, assessment, observed.heard if observed.weighed else None
        )
        return Pass(settled, decision, outcome, _due(listing, settled.rollout, decision, observed.seen.now))

    def look(self, listing: Listing) -> StoreState | Unread:
        """The store as it is; Unread in words when it cannot be read."""
        return looked(listing.store.read, listing.id.store, self.clock, self.reach)

    def glance(self, listing: Listing) -> StoreState | Unread:
        """The same on behalf of a halt, which waits for nobody."""
        return looked(listing.store.glance, listing.id.store, self.clock, self.reach)

    def _observe(
        self,
        listing: Listing,
        known: Known,
        store: StoreState | Unread,
        order: Command | None,
        others: tuple[Rollout, ...],
    ) -> _Observed:
        rollout, now = known.rollout, self.clock.now()
        store = believed(rollout, store)
        footing = (
            *self.footing.reasons(now),
            *self.tenures.reasons(listing.id),
            *self.brakes.reasons(listing.id),
        )
        heard_at = self.footing.time(now)
        # The process may have stood still since it looked: what was sent meanwhile, that look cannot show.
        looked = told_by_whom(rollout, learn(rollout, store, store.as_of), footing)
        learned = by_the_right_clock(looked, now, heard_at)
        rollout = extend(rollout, learned, now)
        warned = (
            *news.of_pauses(rollout, now),
            *self.brakes.news(rollout),
            *of_newer(rollout, store, others, listing.supersede),
        )
        learned, rollout = (*learned, *warned), extend(rollout, warned, now)
        stop = order is not None and order.verb is CommandVerb.HALT
        if not stop:  # a person's halt goes by nothing that another store says
            linked = of_the_other(self.recorder, listing, rollout, learned)
            learned, rollout = (*learned, *linked), extend(rollout, linked, now)
        policy = listing.policy_of(policy_meant(rollout, order))
        if stop or not _listens(rollout):
            return _Observed(
                rollout, learned, policy, listing.poll, Observation(now, store, ()), heard_at, footing
            )
        hearing = self.hearer.hear(listing, rollout, policy, store, heard_at)
        return _Observed(
            rollout=hearing.found.rollout,
            learned=(*learned, *hearing.found.learned),
            policy=policy,
            poll=listing.poll,
            seen=Observation(now, store, hearing.readings),
            heard_at=heard_at,
            footing=footing,
            ledger=hearing.ledger,
            weighed=hearing.found,
            unkept=hearing.trouble,
        )

    def _assess(self, observed: _Observed) -> tuple[Assessment, tuple[Fact, ...]]:
        rollout = observed.rollout
        seen = circumstances(rollout, observed.poll, observed.heard_at, observed.heard)
        assessment = assess(observed.policy, observed.seen.readings, seen)
        void = news.of_approvals(rollout, assessment, observed.seen.now)
        found = news.of_assessment(rollout, assessment) if observed.seen.readings else ()
        return assessment, (*void, *found)

    def _record(
        self,
        known: Known,
        found: tuple[Fact, ...],
        observed: _Observed,
        decision: Decision,
        assessment: Assessment,
    ) -> Known:
        rollout = extend(known.rollout, found, observed.seen.now)
        weighed = observed.written_down
        decided = news.of_decision(rollout, decision, observed.fingerprint, weighed)
        facts = (*found, *by_the_right_clock(decided, observed.seen.now, observed.heard_at))
        learned = observed.learned_with(standing(observed.seen.now, decision, assessment, weighed))
        try:
            return self.recorder.record(known, facts, observed.seen.now, learned)
        except StorageError as error:
            needless = isinstance(error, (HaltShown, LetGoOn, OrderTaken))
            if _stops(decision) and not needless and not takes_up_an_order(facts):
                log.critical("the journal cannot be written; halting %s all the same", known.rollout.key)
                return self.recorder.spool(known, facts, observed.seen.now, learned)
            self.hearer.forget(known.rollout.key)  # it keeps nothing of that, and asks for all again
            if not isinstance(error, (StaleJournal, LostLease)):
                self.recorder.suspect(known, facts, observed.seen.now)
            raise

    def _wake_the_other(self, listing: Listing, before: Known, after: Known) -> None:
        if concerns_the_other(before.rollout, after.rollout, listing.link):
            self.bell.ring(listing.counterpart)

    def _act(  # noqa: PLR0913, PLR0917 - what was decided, on what, and by what right
        self,
        listing: Listing,
        known: Known,
        case: Case,
        decision: Decision,
        permit: Permit,
        tenure: Clearance,
    ) -> Outcome | None:
        intent = known.rollout.intent
        if decision.change is None or intent is None:
            return None
        seen = known.rollout.last.seen if known.rollout.last else ""

        def still_ours() -> None:
            self.footing.check(self.clock.now())
            self.brakes.check(listing.id)
            policy = listing.policy_of(policy_meant(case.rollout, case.order))
            calendar_check.check(case, decision, policy, self.clock.now())
            linking.check(self.recorder, listing, known, case, decision)
            if self.tenures.shared:
                self.recorder.check_not_halted(known)
            tenure()  # last: whatever else was asked may have taken its time

        outcome = self.actuator.act(listing, decision.change, seen=seen, still_ours=still_ours, permit=permit)
        if self.tenures.shared and not decision.change.verb.brakes and self.recorder.halted_since(known):
            return self.actuator.halted_meanwhile(listing, decision.change, outcome)
        return outcome

    def _settle(self, known: Known, outcome: Outcome | None) -> Known:
        """Write down how it ended. Whoever wrote to the journal meanwhile, the outcome goes on top of that."""
        intent = known.rollout.intent
        if outcome is None or intent is None:
            return known
        at = self.clock.now()
        for _ in range(SETTLE_ATTEMPTS):
            try:
                known = self.recorder.load(known.rollout.key)
                return self.recorder.settle(known, self._outcome(known, intent, outcome, at), at)
            except StaleJournal:
                continue
            except LostLease as lost:
                log.warning("%s; the outcome of %s is left to the next look", lost, intent.key)
                return known
            except StorageError:
                log.critical("the journal cannot be written; the outcome of %s is kept for it", intent.key)
                return self.recorder.spool(known, self._outcome(known, intent, outcome, at), at)
        log.warning("somebody else writes as well; the outcome of %s is left to the next look", intent.key)
        return known

    def _outcome(self, known: Known, intent: Intent, outcome: Outcome, at: datetime) -> tuple[Fact, ...]:
        found = news.of_outcome(known.rollout, intent.key, outcome)
        if any(
            isinstance(fact, Drifted) for fact in found
        ):  # else nothing is asked before it is written down
            found = told_by_whom(known.rollout, found, self.footing.reasons(at))
        return by_the_right_clock(found, at, self.footing.time(at))


@dataclass(frozen=True, slots=True)
class _Observed:
    """`heard_at`: until when the signals were asked, by the time that a store tells where the machine's is wrong.
    `unkept`: why nothing that was counted can be kept; "" if it can."""

    rollout: Rollout
    learned: tuple[Fact, ...]
    policy: Policy
    poll: timedelta
    seen: Observation
    heard_at: datetime
    footing: tuple[Reason, ...] = ()
    ledger: str = CHAIN_START
    weighed: Found | None = None
    unkept: str = ""

    @property
    def written_down(self) -> Weighed | None:
        """The evidence as it enters the journal: not where its counts are not kept, which nobody could weigh again."""
        if self.unkept:
            return None
        return written_down(self.heard.weighing, self.heard_at - self.policy.settle)

    @property
    def heard(self) -> Heard:
        return self.weighed.heard if self.weighed else NOTHING_HEARD

    def learned_with(self, standing: dict[str, Any]) -> Learned | None:
        """What goes into the ledger and where everything stands; None when nothing was listened to, or is kept."""
        return (
            Learned(self.ledger, self.weighed.taken, standing) if self.weighed and not self.unkept else None
        )

    @property
    def fingerprint(self) -> str:
        return self.seen.store.fingerprint if isinstance(self.seen.store, StoreState) else ""


def _listens(rollout: Rollout) -> bool:
    """Whether the signals have anything to say: people have it, and nobody has stopped it."""
    over = rollout.finished or rollout.ignored or (rollout.halt and not rollout.still_served)
    return rollout.live_since is not None and not over


def _stops(decision: Decision) -> bool:
    return decision.change is not None and decision.change.verb.brakes


def _unsure_since(rollout: Rollout) -> datetime | None:
    """Since when a halt or a pause is wanted that the store does not show, an outcome is in doubt, or a review unread."""
    if rollout.halt and not rollout.halt.confirmed:
        return rollout.halt.at
    opened = rollout.intent.opened_at if rollout.intent else None
    landed = rollout.landing.at if rollout.landing and _review_unread(rollout) else None
    return rollout.pause_wanted_since or opened or landed


def _review_unread(rollout: Rollout) -> bool:
    """A raise is read back without its review; its bake begins when a look finds it published."""
    return rollout.seen is not None and rollout.seen.review is ReviewState.UNREAD


def _due(listing: Listing, rollout: Rollout, decision: Decision, now: datetime) -> datetime:
    """At the latest in a poll; sooner while an outcome or a halt is not certain."""
    wait, unsure = listing.poll, _unsure_since(rollout)
    if unsure:
        wait = max((now - unsure) / 4, RETRY_SOON)  # soon at first; it may need a person
    elif may_still_let_go(rollout, now) or _review_unread(rollout):
        wait = RETRY_SOON
    due = (now + min(wait, listing.poll), decision.due, pause_settled_at(rollout))
    return min(at for at in due if at and at > now)
