"""One rollout in a rehearsed world: the daemon's own passes, poll by poll, with the store and the sources left out.

Each pass assesses and decides with the core's `assess` and `decide` and writes the core's facts; a raise is confirmed by
the store at once. A pass is made where something can have changed (`where_it_matters`), which gives the same raises and
the same halts as one at each poll; a test holds it to that.

A person takes part where the policy asks for one: completing when it says ready, advancing when it asks about
inconclusive evidence, at the next poll within the calendar's hours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import news
from stagedrollout.core.assessment import Assessment, Verdict, assess
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import DecisionKind, Discovered, Fact, Started, TermsSet
from stagedrollout.core.fold import begin, extend
from stagedrollout.core.gates import OnDark, Role
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    DAEMON,
    Actor,
    ActorKind,
    Command,
    CommandVerb,
    Mode,
    OnNewRelease,
    Outcome,
    Release,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Settlement,
    Store,
    StoreRelease,
    StoreState,
)
from stagedrollout.core.observation import Observation
from stagedrollout.core.policy import OnUnknown, Policy
from stagedrollout.core.run_terms import run_of, terms_of
from stagedrollout.core.schedule import window
from stagedrollout.core.units import PPM_ALL
from stagedrollout.daemon.listening import circumstances
from stagedrollout.rehearsal.books import LIVE, POLL, Books, at
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, Crowd, World, past

RELEASE = Release("2", "2.0.0", "2")
SOMEONE = Actor(ActorKind.HUMAN, "a person in the rehearsal")
DAYS_MAX = 60
"""A rollout that a policy neither completes nor halts in so many days is left there."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Raise:
    """People are offered the release at `ppm` from this poll on."""

    poll: int
    ppm: int


@dataclass(frozen=True, slots=True)
class Played:
    """How one rollout went. Polls are quarters of an hour since the release went live; None: it did not happen.

    `blamed`: the gate that halted it. `sessions`: the candidate's by the end; `since_onset`: those of them since the
    regression was there (all, if from the start or never). `share`: of all users (0..1) who had it by the end.
    `passes`: how often everything was assessed and decided.
    """

    seed: int
    raises: tuple[Raise, ...]
    halted_at: int | None
    blamed: str
    completed_at: int | None
    onset_at: int | None
    ended_at: int
    sessions: int
    since_onset: int
    share: float
    passes: int


When = Callable[["Playing", int], bool]
"""Whether a pass is made at a poll."""


def play(policy: Policy, world: World, seed: int, when: When | None = None) -> Played:
    """One rollout on Google Play, until it is halted or the watch after 100 % is over."""
    playing, asks = Playing(policy, world, seed), when or where_it_matters
    playing.go_live()
    for poll in range(DAYS_MAX * 24 * POLLS_PER_HOUR):
        if poll:
            playing.books.count(poll)
        if asks(playing, poll):
            playing.one_pass(poll)
        if playing.over:
            break
    return playing.played(poll)


def at_each_poll(_playing: Playing, _poll: int) -> bool:
    """As the daemon does."""
    return True


def where_it_matters(playing: Playing, poll: int) -> bool:
    """Whether the decision of this poll can differ from the last one in what is raised or halted.

    A halt needs evidence of 10 : 1 and more, or a floor that is breached. A raise needs what the last decision waits
    for: an instant, a person, an hour that has settled, or that a doubt goes away, which it may do at any poll.
    """
    if playing.pends(poll):
        return False
    if playing.restless or playing.alarmed(poll) or playing.answers(poll):
        return True
    if playing.due is not None:
        return at(poll) >= playing.due
    if playing.overdue(poll):
        return True
    return (poll % POLLS_PER_HOUR == 0 or playing.settles(poll)) and playing.may_leave(poll)


@dataclass(slots=True)
class Playing:
    """A rollout under way. `fickle`: what the policy raises or halts by may come or go at any poll. `longest`: when
    its stage has lasted for its longest. `asked`: what a person is asked to
    order, and `answers_from` when that is done."""

    policy: Policy
    world: World
    seed: int
    books: Books = field(init=False)
    rollout: Rollout = field(init=False)
    store: StoreState = field(init=False)
    decision: Decision | None = None
    assessment: Assessment | None = None
    asked: CommandVerb | None = None
    answers_from: datetime | None = None
    raises: list[Raise] = field(default_factory=list)
    passes: int = 0
    fickle: bool = False
    longest: datetime = LIVE

    def __post_init__(self) -> None:
        self.fickle = _fickle(self.policy)
        if self.policy.ratings is not None and self.policy.ratings.role is Role.REQUIRED:
            raise ValueError("a policy that requires reviews cannot be rehearsed: nobody writes any here")
        needed = [gate.signal for gate in self.policy.signals if gate.role is Role.REQUIRED]
        if needed:
            names = ", ".join(needed)
            raise ValueError(
                f"a policy that requires {names} cannot be rehearsed: no signal of yours is asked here"
            )

    @property
    def crowd(self) -> Crowd:
        return self.books.crowd

    def go_live(self) -> None:
        """The first stage is out, and the schedule steers it from here."""
        first = self.policy.stages[0].exposure_ppm
        self.store = _shown(first, LIVE)
        live = ReleaseStatus.IN_PROGRESS, ReviewState.PUBLISHED
        found = Discovered(RELEASE, self.policy.name, OnNewRelease.ADOPT, *live, first)
        self.rollout = begin(_KEY, found, LIVE)
        self._write((Started(DAEMON, "rehearsed", self.policy.name),), 0)
        self._write(learn(self.rollout, self.store, LIVE), 0)
        gate = self.policy.evidence
        if gate is not None:
            terms = terms_of(gate, past(self.world, self.seed), reviewed=self.policy.ratings is not None)
            self._write((TermsSet(terms, gate.settings),), 0)
        self.books = Books(Crowd(self.world, self.seed), self.rollout.terms)
        self._offered(0)

    def one_pass(self, poll: int) -> None:
        """Assess, decide, record, act."""
        self.passes += 1
        now, readings = at(poll), self.books.readings(self.policy.horizon, poll)
        seen = circumstances(self.rollout, POLL, now, self._heard(poll))
        self.assessment = assess(self.policy, readings, seen)
        findings = news.of_assessment(self.rollout, self.assessment)
        order = self._order(poll)
        looked = Observation(now, self.store, readings)
        case = Case(self.rollout, looked, self.assessment, self.policy, Mode.ACT, order)
        self.decision = decide(case)
        self._write(findings, poll)
        self._write(news.of_decision(self.rollout, self.decision, ""), poll)
        self._ask(poll, self._question(self.decision))
        if self.decision.change is not None:
            self._act(poll)

    @property
    def over(self) -> bool:
        return self.rollout.closed or self.rollout.halt is not None

    @property
    def restless(self) -> bool:
        """A doubt was there that may be gone at any poll, or nothing was decided yet."""
        if self.decision is None or self.assessment is None or self.decision.change is not None:
            return True
        doubt = self.decision.kind is DecisionKind.HOLD and self.assessment.worst > Verdict.INSUFFICIENT
        return doubt or bool(self.rollout.suspicions) or self.fickle

    def pends(self, poll: int) -> bool:
        """Whether all that was and is wrong is evidence that forbids raises and halts nothing yet."""
        if self.fickle or self.decision is None or self.rollout.suspicions or self.asked:
            return False
        suspected = [reason.code == "suspected" for reason in self.decision.reasons]
        if self.decision.kind is not DecisionKind.HOLD or not all(suspected):
            return False
        return not self._breached(poll) and self.books.pends(poll)

    @property
    def due(self) -> datetime | None:
        return self.decision.due if self.decision else None

    def alarmed(self, poll: int) -> bool:
        """Whether anything speaks against the release at this poll."""
        return self._breached(poll) or self.books.suspected(poll)

    def _breached(self, poll: int) -> bool:
        return any(self.books.breached(gate, poll) for gate in self.policy.gates)

    def answers(self, poll: int) -> bool:
        """Whether the person who was asked answers at this poll."""
        return self.answers_from is not None and at(poll) >= self.answers_from

    def settles(self, poll: int) -> bool:
        """Whether one more hour counts as settled since the poll before."""
        until = at(poll) - self.policy.settle - LIVE
        return until // _HOUR != (until - POLL) // _HOUR

    def may_leave(self, poll: int) -> bool:
        """Whether what the last decision waits for may be there, as far as it says; an hour must have settled for it."""
        codes = [r.code for r in self.decision.reasons if r.code not in _ASKING] if self.decision else []
        until = at(poll) - self.policy.settle
        if codes == ["inconclusive"]:
            return self.books.safe(self.rollout.live_since or LIVE, until)
        if codes == ["stage_sample"]:
            needed = self.policy.stay_at(Store.GOOGLE_PLAY, self.rollout.exposure_ppm).min_sample
            return self.books.sessions(self.rollout.live_since or LIVE, until) >= needed
        return True

    def overdue(self, poll: int) -> bool:
        """Whether the stage has lasted for its longest just now."""
        return at(poll - 1) < self.longest <= at(poll)

    def played(self, poll: int) -> Played:
        halted, totals, onset = self.rollout.halt is not None, self.crowd.totals, self.crowd.onset
        blamed = self.decision.reasons[0].gate if halted and self.decision else ""
        return Played(
            seed=self.seed,
            raises=tuple(self.raises),
            halted_at=poll if halted else None,
            blamed=blamed,
            completed_at=next((each.poll for each in self.raises if each.ppm == PPM_ALL), None),
            onset_at=onset,
            ended_at=poll,
            sessions=totals[poll].n_c,
            since_onset=totals[poll].n_c - totals[onset or 0].n_c,
            share=self.crowd.share(poll),
            passes=self.passes,
        )

    def _heard(self, poll: int) -> Heard:
        run = run_of(self.rollout)
        if run is None:
            return NOTHING_HEARD
        return Heard(self.books.weighing(run, poll), self.books.tallied(at(poll)))

    def _order(self, poll: int) -> Command | None:
        if self.asked is None or not self.answers(poll):
            return None
        name = f"order-{self.passes}"
        return Command(name, self.asked, "rehearsal", Store.GOOGLE_PLAY, SOMEONE, "asked to", at(poll), None)

    def _ask(self, poll: int, question: CommandVerb | None) -> None:
        """The person answers at the next poll in the calendar's hours; asked the same again, when it was due before."""
        if question is None or self.asked is not question:
            soonest = at(poll + 1)
            upcoming = self.policy.next_share(Store.GOOGLE_PLAY, self.rollout.exposure_ppm)
            calendar = self.policy.calendar.for_share(upcoming or self.rollout.exposure_ppm)
            opens = window(calendar, soonest).opens_at if question else None
            self.answers_from = max(soonest, opens) if opens else None
        self.asked = question

    def _question(self, decision: Decision) -> CommandVerb | None:
        """What a person is asked to do, if anything."""
        codes = {reason.code for reason in decision.reasons}
        upcoming = self.policy.next_share(Store.GOOGLE_PLAY, self.rollout.exposure_ppm)
        if "by_hand" in codes or ("inconclusive_ask" in codes and upcoming == PPM_ALL):
            return CommandVerb.COMPLETE
        return CommandVerb.ADVANCE if "inconclusive_ask" in codes and upcoming else None

    def _act(self, poll: int) -> None:
        """The store does what it is asked, and shows it at once."""
        change, intent = (self.decision.change if self.decision else None), self.rollout.intent
        if change is None or intent is None:
            return
        halts = change.verb.brakes
        self.store = _shown(change.exposure_ppm, at(poll), halted=halts)
        outcome = Outcome(Settlement.CONFIRMED, "", self.store)
        self._write(news.of_outcome(self.rollout, intent.key, outcome), poll)
        if not halts:
            self._offered(poll)

    def _offered(self, poll: int) -> None:
        self.books.stages = self.rollout.stages
        self.crowd.offer(poll, self.rollout.live_ppm)
        self.raises.append(Raise(poll, self.rollout.live_ppm))
        self.longest = at(poll) + self.policy.stay_at(Store.GOOGLE_PLAY, self.rollout.live_ppm).max_bake

    def _write(self, facts: tuple[Fact, ...], poll: int) -> None:
        self.rollout = extend(self.rollout, facts, at(poll))


_ASKING = ("inconclusive_ask", "inconclusive_hold")
"""What is said beside evidence that is inconclusive for long."""

_KEY = RolloutKey("rehearsal", Store.GOOGLE_PLAY, RELEASE.id)


def _fickle(policy: Policy) -> bool:
    """Whether what such a policy raises or halts by may come or go at any poll."""
    dark = policy.evidence is not None and policy.evidence.dark is OnDark.HALT
    unknown = policy.unknown_data.action is OnUnknown.HALT
    return dark or unknown or any(gate.role is Role.REQUIRED for gate in policy.gates)


def _shown(ppm: int, now: datetime, *, halted: bool = False) -> StoreState:
    status = ReleaseStatus.COMPLETED if ppm == PPM_ALL else ReleaseStatus.IN_PROGRESS
    if halted:
        status = ReleaseStatus.HALTED
    found = StoreRelease(RELEASE, status, status.value, ppm, ReviewState.PUBLISHED, "published")
    return StoreState((found,), "", now)
