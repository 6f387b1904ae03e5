"""What a decision is made from (Case), what it is (Decision), and the few sentences rules share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import facts, link_facts
from stagedrollout.core.apple_drift import shown
from stagedrollout.core.assessment import Assessment, Reason
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Hold, Rollout
from stagedrollout.core.model import (
    DAEMON,
    Actor,
    Change,
    Command,
    CommandVerb,
    Mode,
    ReleaseStatus,
    Store,
    StoreRelease,
    Supersede,
    Unread,
    is_final,
)
from stagedrollout.core.observation import Observation
from stagedrollout.core.people import People
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Policy
from stagedrollout.core.schedule import Window, opening, window


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why. `change` is None when nothing is to be sent to the store.

    `also` are facts that become true with the decision (an order taken up, a hold set or lifted).
    """

    kind: DecisionKind
    reasons: tuple[Reason, ...]
    actor: Actor = DAEMON
    change: Change | None = None
    command: str = ""
    also: tuple[facts.Fact, ...] = ()
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a decision may depend on. `order` is the one human command under consideration; `learned` is what
    this pass has found out, and whoever gave that order may not have known. `others` are the rollouts of the store
    app's other releases, as their journals tell them."""

    rollout: Rollout
    observation: Observation
    assessment: Assessment
    policy: Policy
    mode: Mode
    order: Command | None = None
    unknown_policy: str = ""
    """The name of the policy that should steer this rollout, if this daemon does not know it."""
    learned: tuple[facts.Fact, ...] = ()

    others: tuple[Rollout, ...] = ()
    supersede: Supersede = Supersede.FINISH
    footing: tuple[Reason, ...] = ()
    """Why nothing may be raised whatever store and signals say; empty while the journal is the newest one and the
    clocks agree."""

    people: People = field(default_factory=People)
    """Who may approve now: what somebody allowed counts while it is theirs to allow."""

    own: Policy | None = None
    """The policy that the configuration names for the app, whichever steers this rollout; None: the same. Whom it asks is
    asked for every raise, so that nobody gets around them by choosing another one."""

    passed: timedelta | None = None
    """What has passed of this stage by the clock that passes live by and by one that nobody can set, whichever says
    less; None where only the former is known."""

    @property
    def now(self) -> datetime:
        return self.observation.now

    @property
    def lasted(self) -> timedelta | None:
        """How long people have had it at this exposure; None while they do not."""
        since = self.rollout.live_since
        if since is None:
            return None
        by_now = self.now - since
        return by_now if self.passed is None else min(by_now, self.passed)

    @property
    def found(self) -> StoreRelease | None:
        """The release as the store shows it in this pass; None if unread or missing."""
        store = self.observation.store
        return None if isinstance(store, Unread) else shown(self.rollout, store)

    @property
    def window(self) -> Window:
        """What the calendar says of a raise to the next share, and of whatever else a person may want to be raised:
        a freeze is for all shares alike."""
        upcoming = self.policy.next_share(self.rollout.key.store, self.rollout.exposure_ppm)
        return self.window_to(upcoming or self.rollout.exposure_ppm)

    def window_to(self, target_ppm: int) -> Window:
        return window(self.policy.calendar.for_share(target_ppm), self.now)

    @property
    def step_window(self) -> Window:
        """The same for the schedule's next raise: Apple's day for its step must be one for raises as well."""
        store = self.rollout.key.store
        upcoming = self.policy.next_share(store, self.rollout.exposure_ppm)
        return opening(self.policy, store, upcoming or self.rollout.exposure_ppm, self.now)

    @property
    def hold(self) -> Hold | None:
        """A person's hold that is in force now; one whose time has run out forbids nothing."""
        hold = self.rollout.hold
        return None if hold and hold.until and self.now >= hold.until else hold

    @property
    def pacing(self) -> Pacing | None:
        """How a phased release is steered; None where the store has no pace of its own (Google Play)."""
        return self.policy.app_store.mode if self.rollout.key.store is Store.APP_STORE else None

    @property
    def status(self) -> ReleaseStatus | None:
        """What the store does with the release, as of this pass or, if it could not be read, of the last one."""
        if self.found is not None:
            return self.found.status
        unread = isinstance(self.observation.store, Unread)
        return self.rollout.seen.status if unread and self.rollout.seen else None

    @property
    def final(self) -> bool:
        """No halt can come true any more."""
        return is_final(self.rollout.key.store, self.status)

    def ordered(self, verb: CommandVerb) -> Command | None:
        return self.order if self.order and self.order.verb is verb else None


def wait(code: str, text: str, *, due: datetime | None = None) -> Decision:
    return Decision(DecisionKind.WAIT, (Reason(code, text),), due=due)


def taken(order: Command, text: str) -> facts.Commanded:
    return _answered(order, text, accepted=True)


def answered_links(case: Case, order: Command) -> tuple[link_facts.LinkAnswered, ...]:
    """With a resume a person answers every halt on the other store that holds this rollout."""
    why = f"{order.actor} resumed it here: {order.reason}"
    return tuple(link_facts.LinkAnswered(h.by, h.halted_at, why) for h in case.rollout.link.holding)


def refused(decision: Decision) -> bool:
    """Whether it only answers an order, with no."""
    return any(isinstance(fact, facts.Commanded) and not fact.accepted for fact in decision.also)


def turned_down(case: Case, text: str) -> tuple[facts.Fact, ...]:
    """The answer to an order, if there is one, where something else must happen instead."""
    return (_answered(case.order, text, accepted=False),) if case.order else ()


def refuse(case: Case, code: str, text: str) -> Decision:
    """The order is not carried out, and the person is told why. Nothing else happens for it."""
    order = case.order
    if order is None:
        raise ValueError("there is no order to refuse")
    refused = _answered(order, text, accepted=False)
    return Decision(
        DecisionKind.HOLD if case.rollout.halt else DecisionKind.WAIT,
        (Reason(code, text),),
        actor=order.actor,
        command=order.id,
        also=(refused,),
    )


def refuse_frozen(case: Case) -> Decision:
    freeze = case.window.freeze
    if freeze is None:
        raise ValueError("nothing is frozen")
    return refuse(case, freeze.code, f"{freeze.text}: nothing is raised, not by hand either")


def refuse_held(case: Case, hold: Hold) -> Decision:
    return refuse(case, "human_hold", f"held by {hold.actor}: {hold.reason}; resume it first")


def _answered(order: Command, text: str, *, accepted: bool) -> facts.Commanded:
    return facts.Commanded(
        command=order.id,
        verb=order.verb,
        actor=order.actor,
        reason=order.reason,
        accepted=accepted,
        text=text,
        without_evidence=order.without_evidence,
    )
