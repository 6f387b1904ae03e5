"""A tiny world for the state machine: a store that keeps the truth, people, a journal, and one pass of ours.

The pass does what daemon/reconcile.py does, in its order, with the IO left out. It can be cut off at any of
its three records, and the store can answer in every way a StorePort may.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from stagedrollout.core import facts, news, wording
from stagedrollout.core.assessment import Assessment, Circumstances, assess
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.discovery import discover
from stagedrollout.core.drift import learn
from stagedrollout.core.events import Entry
from stagedrollout.core.facts import Fact
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.issue import Issue, NewIssues
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.ledger import Measure, Tally
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import (
    Change,
    Command,
    CommandVerb,
    Mode,
    OnNewRelease,
    Outcome,
    ReviewState,
    RolloutKey,
    Settlement,
    StoreRelease,
    StoreState,
    Supersede,
    Unread,
    Verb,
)
from stagedrollout.core.notice import Notice
from stagedrollout.core.observation import Gap, Observation, Reading
from stagedrollout.core.policy import Policy
from stagedrollout.core.succession import of_newer
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import (
    COMPLETED,
    DRAFT,
    HALTED,
    KEY,
    NEWER,
    NOON,
    POLL,
    PUBLISHED,
    RELEASE,
    STAGED,
    healthy,
    hours,
    nothing,
    shown,
    sick,
)
from tests.core.weighed import failed, heard, run, terms

OLD = timedelta(minutes=9)
"""How far a look may lag behind the truth: less than drift.STALE_READ."""


CRASHES = facts.IssuesRead(NewIssues("sentry", (Issue("SHOP-1", "it broke", 12, 34),)))
"""What the daemon finds when it looks up what crashed, once it has acted."""


class Health(StrEnum):
    """What the signal says, from best to worst."""

    HEALTHY = "healthy"
    FEW = "few"
    STALE = "stale"
    ABSENT = "absent"
    FAILED = "failed"
    NONSENSE = "nonsense"
    SICK = "sick"


class Reply(StrEnum):
    """How the store answers a change of ours."""

    DONE = "done"
    REFUSED = "refused"
    LOST_APPLIED = "lost_applied"
    LOST_NOT_APPLIED = "lost_not_applied"
    PREEMPTED = "preempted"
    INTO_REVIEW = "into_review"
    CLAIMED = "claimed"
    NO_ANSWER = "no_answer"
    OLD_LOOK = "old_look"


class Cut(StrEnum):
    """Where the daemon dies in a pass."""

    NOWHERE = "nowhere"
    BEFORE_RECORDING = "before_recording"
    BEFORE_ACTING = "before_acting"
    AFTER_ACTING = "after_acting"


@dataclass(frozen=True)
class Sent:
    """A request that reached the store, with everything known when it was decided."""

    change: Change
    decision: Decision
    assessment: Assessment
    order: Command | None
    truth: StoreRelease | None
    at: datetime


@dataclass(frozen=True)
class Passed:
    """What a pass came to."""

    rollout: Rollout
    looked: StoreState | Unread
    lagged: bool
    assessment: Assessment
    decision: Decision
    sent: Sent | None
    notices: tuple[Notice, ...]


@dataclass
class World:
    policy: Policy
    mode: Mode = Mode.ACT
    choice: OnNewRelease = OnNewRelease.WAIT
    key: RolloutKey = KEY
    now: datetime = NOON
    health: Health = Health.HEALTHY
    truth: StoreRelease | None = field(default_factory=lambda: shown(DRAFT))
    others: tuple[StoreRelease, ...] = ()
    beside: tuple[Rollout, ...] = ()
    supersede: Supersede = Supersede.FINISH
    journal: list[Entry] = field(default_factory=list)
    phases: list[tuple[Phase, Phase]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    told: set[type] = field(default_factory=set)
    past: list[tuple[datetime, tuple[StoreRelease, ...]]] = field(default_factory=list)
    published: dict[int, datetime] = field(default_factory=dict)
    served_ppm: int = 0
    served_since: datetime = NOON
    looked_ppm: int = 0

    def __post_init__(self) -> None:
        self.past.append((self.now - timedelta(days=1), self.releases))
        assert self.truth is not None
        ((_, first),) = discover(self.look(timedelta(0)), (), self.policy.name, self.choice)
        self._write(first, self.now)
        self.rollout = self.replayed()

    # -- the store ---------------------------------------------------------------------------------

    @property
    def releases(self) -> tuple[StoreRelease, ...]:
        return (*self.others, *([self.truth] if self.truth else []))

    def show(self, truth: StoreRelease | None) -> None:
        """The truth changes, by whomever."""
        self.truth = truth
        self.past.append((self.now, self.releases))
        if truth and truth.live and self.served_ppm != truth.exposure_ppm:
            self.served_ppm, self.served_since = truth.exposure_ppm, self.now

    def replace_by_newer(self, *, listed: bool) -> None:
        self.others = (shown(STAGED, 5, release=NEWER),)
        halted = self.truth and replace(self.truth, status=HALTED, status_word="halted", exposure_ppm=0)
        self.show(halted if listed else None)

    def newer_draft(self, *, there: bool) -> None:
        """Somebody prepares the next release, or thinks better of it."""
        self.others = (shown(DRAFT, release=NEWER),) if there else ()
        self.show(self.truth)

    def come_back(self, truth: StoreRelease) -> None:
        """It is there again, and what took its place is not."""
        self.others = ()
        self.show(truth)

    @property
    def newer_waits(self) -> bool:
        return any(other.status is DRAFT for other in self.others)

    def look(self, lag: timedelta) -> StoreState:
        if not lag:
            self._looked()
        at = self.now - lag
        releases = next(shown for since, shown in reversed(self.past) if since <= at)
        return StoreState(releases, _fingerprint(releases), self.now)

    def _looked(self) -> None:
        """Since when people have had this share, as far as looks can tell: up and back down between two of
        them leaves no trace."""
        if self.truth and self.truth.live and self.looked_ppm != self.truth.exposure_ppm:
            self.looked_ppm = self.truth.exposure_ppm
            self.published[self.looked_ppm] = self.served_since

    # -- the daemon --------------------------------------------------------------------------------

    def replayed(self) -> Rollout:
        rollout = fold(self.key, tuple((facts.read(entry), entry.at) for entry in self.journal))
        assert rollout is not None
        return rollout

    def crash(self) -> None:
        self.rollout = self.replayed()

    def one_pass(
        self,
        *,
        order: Command | None = None,
        lag: timedelta | None = timedelta(0),
        reply: Reply = Reply.DONE,
        cut: Cut = Cut.NOWHERE,
    ) -> Passed:
        """`lag` None: the store cannot be read."""
        look = Unread("no answer", self.now) if lag is None else self.look(lag)
        if order and order.verb is CommandVerb.HALT:
            look = Unread("a halt does not wait for a look", self.now)
        learned = learn(self.rollout, look, self.now)
        known = extend(self.rollout, learned, self.now)
        warned = (*news.of_pauses(known, self.now), *of_newer(known, look, self.beside, self.supersede))
        begun = self._terms(extend(known, warned, self.now))
        learned, known = (*learned, *warned, *begun), extend(known, (*warned, *begun), self.now)
        readings = self.readings() if self._listens(known) else ()
        assessment = self.assess(known, readings)
        findings = news.of_assessment(known, assessment) if readings else ()
        looked = Observation(self.now, look, readings)
        case = Case(
            known, looked, assessment, self.policy, self.mode, order,
            others=self.beside, supersede=self.supersede,
        )  # fmt: skip
        decision = decide(case)
        sent = None
        if cut is not Cut.BEFORE_RECORDING:
            after = extend(known, findings, self.now)
            fingerprint = look.fingerprint if isinstance(look, StoreState) else ""
            self._record((*learned, *findings, *news.of_decision(after, decision, fingerprint)))
            if cut is not Cut.BEFORE_ACTING and decision.change and self.rollout.intent:
                sent = Sent(decision.change, decision, assessment, order, self.truth, self.now)
                intent = self.rollout.intent.key
                outcome = self._act(decision.change, fingerprint, reply)
                if cut is not Cut.AFTER_ACTING:
                    self._record(news.of_outcome(self.rollout, intent, outcome))
        if cut is not Cut.NOWHERE:
            self.crash()
        elif self.rollout.issues_wanted(self.now) and not self.rollout.finished:
            self._record((CRASHES,))
        lagged = lag is None or lag > timedelta(0) or bool(order and order.verb is CommandVerb.HALT)
        return Passed(known, look, lagged, assessment, decision, sent, tuple(self.notices))

    def assess(
        self, known: Rollout, readings: tuple[Reading, ...], health: Health | None = None
    ) -> Assessment:
        return assess(
            self.policy,
            readings,
            Circumstances(
                now=self.now,
                run_since=known.run_since,
                live_since=known.live_since or self.now,
                poll=POLL,
                suspicions=known.suspicions,
                exposure_ppm=known.exposure_ppm,
                heard=self.heard(known, health),
            ),
        )

    def heard(self, known: Rollout, health: Health | None = None) -> Heard:
        """What the evidence is judged on: the same health, told hour by hour of both arms."""
        if self.policy.evidence is None or known.terms is None or known.live_since is None:
            return NOTHING_HEARD
        share = max(known.exposure_ppm, 10_000) // 10_000
        return _heard(health or self.health, self.now.replace(minute=0), share)

    def readings(self, health: Health | None = None) -> tuple[Reading, ...]:
        return _readings(health or self.health, self.now.replace(minute=0))

    def _terms(self, known: Rollout) -> tuple[Fact, ...]:
        listening = self.policy.evidence is not None and self._listens(known)
        return (facts.TermsSet(terms()),) if listening and known.terms is None else ()

    def _listens(self, rollout: Rollout) -> bool:
        over = rollout.finished or rollout.ignored or (rollout.halt and not rollout.still_served)
        return rollout.live_since is not None and not over

    def _record(self, fresh: tuple[Fact, ...]) -> None:
        before = self.rollout.phase
        self._write(fresh, self.now)
        self.rollout = extend(self.rollout, fresh, self.now)
        if self.rollout.phase is not before:
            self.phases.append((before, self.rollout.phase))
        keys = {notice.key for notice in self.notices}
        told = wording.notices(self.rollout, fresh, self.now)
        self.notices += [notice for notice in told if notice.key not in keys]

    def _write(self, fresh: tuple[Fact, ...], at: datetime) -> None:
        self.journal += [facts.written(fact, at) for fact in fresh]
        self.told |= {type(fact) for fact in fresh}

    # -- what becomes of a change ------------------------------------------------------------------

    def _act(self, change: Change, fingerprint: str, reply: Reply) -> Outcome:
        if reply is Reply.PREEMPTED and not change.verb.brakes:
            return Outcome(Settlement.PREEMPTED, "a halt took over", Unread("not looked", self.now))
        if reply is Reply.NO_ANSWER:
            return Outcome(Settlement.NOT_APPLIED, "connection refused", Unread("no answer", self.now))
        state = self.look(OLD if reply is Reply.OLD_LOOK and change.verb is Verb.HALT else timedelta(0))
        unsent = self._unsent(change, fingerprint, state)
        if unsent is not None:
            return Outcome(unsent, "not sent", state)
        if reply is Reply.REFUSED:
            return Outcome(Settlement.REFUSED, "the store says no", self.look(timedelta(0)))
        if reply is Reply.LOST_NOT_APPLIED:
            return Outcome(Settlement.IN_DOUBT, "no answer", Unread("no answer", self.now))
        review = ReviewState.IN_REVIEW if reply is Reply.INTO_REVIEW else PUBLISHED
        self.show(self._changed(change, review))
        if reply is Reply.LOST_APPLIED:
            return Outcome(Settlement.IN_DOUBT, "no answer", Unread("no answer", self.now))
        if reply is Reply.CLAIMED:
            return Outcome(Settlement.ALREADY, "it already was so", Unread("no answer", self.now))
        pending = change.verb is Verb.HALT and review is not PUBLISHED
        settlement = Settlement.IN_DOUBT if pending else Settlement.CONFIRMED
        return Outcome(settlement, "read back", self.look(timedelta(0)))

    def _unsent(self, change: Change, fingerprint: str, state: StoreState) -> Settlement | None:
        """What google_play/port.py finds before it writes anything; None if it goes on to write."""
        if change.verb is Verb.HALT:
            found = state.find(RELEASE.id)
            if found is None or found.status is DRAFT or self.truth is None:
                return Settlement.REFUSED
            if found.status is HALTED:
                return Settlement.ALREADY if found.stopped else Settlement.IN_DOUBT
            return None
        if _fingerprint(self.releases) != fingerprint:
            return Settlement.MOVED
        assert self.truth is not None
        done = self._changed(change, self.truth.review)
        if (done.status, done.exposure_ppm) == (self.truth.status, self.truth.exposure_ppm):
            return Settlement.ALREADY
        start = {
            Verb.START: DRAFT,
            Verb.RAISE: STAGED,
            Verb.COMPLETE: STAGED,
            Verb.RESUME: HALTED,
        }[change.verb]
        lower = self.truth.exposure_ppm > change.exposure_ppm
        return Settlement.REFUSED if self.truth.status is not start or lower else None

    def _changed(self, change: Change, review: ReviewState) -> StoreRelease:
        assert self.truth is not None
        if change.verb is Verb.HALT:
            status, exposure = HALTED, 0 if self.truth.status is COMPLETED else self.truth.exposure_ppm
        else:
            status = COMPLETED if change.exposure_ppm == PPM_ALL else STAGED
            exposure = change.exposure_ppm
        return StoreRelease(RELEASE, status, status.value, exposure, review, review.value)


def _fingerprint(releases: tuple[StoreRelease, ...]) -> str:
    return "; ".join(f"{r.release.id} {r.status_word} {r.exposure_ppm}" for r in releases)


def raises(decision: Decision) -> bool:
    return decision.change is not None and not decision.change.verb.brakes


@lru_cache(maxsize=4096)
def _heard(health: Health, hour: datetime, percent: int) -> Heard:
    many = Tally(100 * percent, percent // 3, 10_000 - 100 * percent, 40)
    few = Tally(percent, 0, 100, 0)
    bad = Tally(100 * percent, 10 * percent, 10_000 - 100 * percent, 40)
    run_ = run(hour - timedelta(hours=12), percent)
    match health:
        case Health.HEALTHY:
            return heard(*[many] * 12, of=run_, until=hour)
        case Health.FEW:
            return heard(*[few] * 4, of=run_, until=hour)
        case Health.STALE:
            return heard(*[many] * 8, of=run_, until=hour - timedelta(hours=4))
        case Health.ABSENT:
            return heard(*[many] * 8, of=run_, until=hour, read=(failed(Measure.CRASHED, Gap.ABSENT),))
        case Health.FAILED:
            return heard(*[many] * 12, of=run_, until=hour, read=(failed(Measure.CRASHED, Gap.FAILED),))
        case Health.NONSENSE:
            return heard(*[many] * 12, of=run_, until=hour, read=(failed(Measure.CRASHED, Gap.IMPLAUSIBLE),))
        case Health.SICK:
            return heard(*[many] * 11, bad, of=run_, until=hour)


@lru_cache(maxsize=4096)
def _readings(health: Health, hour: datetime) -> tuple[Reading, ...]:
    match health:
        case Health.HEALTHY:
            return (healthy(hour),)
        case Health.FEW:
            return (hours(*[(10, 0)] * 12, until=hour),)
        case Health.STALE:
            return (healthy(hour - timedelta(hours=4)),)
        case Health.ABSENT:
            return (nothing(Gap.ABSENT),)
        case Health.FAILED:
            return (nothing(Gap.FAILED),)
        case Health.NONSENSE:
            return (nothing(Gap.IMPLAUSIBLE),)
        case Health.SICK:
            return (sick(hour),)
