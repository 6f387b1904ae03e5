"""Any course of events: time, readings, consoles, orders, crashes and lost replies, against the promises.

What must be true of every pass is in promises.py, the world in which it happens in world.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stagedrollout.core import facts, link_facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.facts import KINDS, DecisionKind
from stagedrollout.core.gates import EvidenceGate, OnInconclusive
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import (
    Command,
    CommandVerb,
    Mode,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    Supersede,
)
from stagedrollout.core.policy import (
    Completion,
    OnUnknown,
    UnknownData,
)
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import (
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    IN_REVIEW,
    POLL,
    PUBLISHED,
    STAGED,
    UNKNOWN,
    asks_for_approval,
    order,
    policy,
    shown,
)
from tests.core.promises import LAG, OFFICE, SEEN, Account, Watched
from tests.core.weighed import with_evidence
from tests.core.world import Cut, Health, Reply, World

MINUTE = timedelta(minutes=1)
APPLES = {
    *(facts.Stepped, facts.Overtaken, facts.Identified, facts.PauseWarned, facts.TakenUp),
    facts.Lapsed,
    facts.Compared,
    DecisionKind.PREPARE,
}
"""What only happens on the App Store; test_phased_machine.py walks there."""
LINKS = set(link_facts.LinkFact.__args__)
"""What only happens to an app whose stores are linked; test_linked.py walks there."""
REMOVALS = {facts.RemovalOrdered, facts.RemovalTold}
"""What only a person's removal of the whole app writes, beside every pass (tests/acceptance has it)."""

ACCEPTED = {facts.JournalAccepted}
"""What only a person writes who goes on with a journal that lacks its end (test_footing.py has it)."""

ORDERS_NOTHING = {facts.Acknowledged, facts.PressRefused}
"""What it makes of a rollout: test_offers.py."""

LINE = {facts.LineStopped, facts.LineFreed}
"""What only a freeze of the whole line writes, which stands beside the configuration (test_line.py has it)."""

BESIDE = {facts.Returned, facts.NewerWaits, facts.SetAside}
"""What only happens beside other releases, and to one that comes back; the second walk goes there."""

OVERRIDES = {facts.Approved, facts.ApprovalsLapsed, facts.BakeSkipped, facts.PolicySet, facts.LeftAlone}
"""What only some orders write; the third walk is full of them."""

USUAL = [
    *(CommandVerb.START, CommandVerb.HOLD, CommandVerb.RESUME),
    *(CommandVerb.HALT, CommandVerb.ADVANCE, CommandVerb.COMPLETE),
]
HURRIED = [
    *[CommandVerb.APPROVE] * 4,
    *[CommandVerb.SKIP_BAKE] * 2,
    *(CommandVerb.SET_POLICY, CommandVerb.REJECT, CommandVerb.IGNORE),
]

HEALTHS_IN_A_HURRY = [Health.HEALTHY] * 6 + [Health.FEW, Health.ABSENT]

POLICIES = {
    "plain": policy(1, 10, 50, 100),
    "ceiling": policy(5, 20, completion=Completion.BY_HAND),
    "by hand": policy(1, 10, 50, 100, completion=Completion.BY_HAND),
    "office hours": policy(1, 10, 50, 100, calendar=OFFICE, min_sample=1500),
    "evidence": with_evidence(1, 10, 50, 100, evidence=EvidenceGate(on_inconclusive=OnInconclusive.ADVANCE)),
    "halts blindly": policy(10, 100, unknown_data=UnknownData(action=OnUnknown.HALT, after=6 * HOUR)),
}
FOUND = {
    "draft": shown(DRAFT),
    "staged": shown(STAGED, 5),
    "in review": shown(STAGED, 5, IN_REVIEW),
    "halted": shown(HALTED),
}
MAYBE_LATE = st.sampled_from([timedelta(0)] * 6 + [3 * MINUTE, 9 * MINUTE, None])
REPLIES = st.sampled_from([Reply.DONE] * 8 + list(Reply))
CUTS = st.sampled_from([Cut.NOWHERE] * 12 + list(Cut))
WAITS = st.sampled_from([MINUTE, 4 * MINUTE, POLL, HOUR, 7 * HOUR, 25 * HOUR, timedelta(days=5)])
HEALTHS = st.sampled_from([Health.HEALTHY] * 4 + [Health.SICK] * 2 + list(Health))


class Outside(StrEnum):
    HALTS = "halts"
    RESUMES = "resumes"
    LOWERS = "lowers"
    RAISES = "raises"
    COMPLETES = "completes"
    STAGES_AGAIN = "stages_again"
    REVIEWS = "reviews"
    REJECTS = "rejects"
    PUBLISHES = "publishes"
    USES_A_NEW_WORD = "uses_a_new_word"
    USES_THE_OLD_WORD = "uses_the_old_word"


class Rollouts(Watched):
    @initialize(
        terms=st.sampled_from(sorted(POLICIES)),
        mode=st.sampled_from([Mode.ACT] * 5 + [Mode.OBSERVE]),
        choice=st.sampled_from([OnNewRelease.WAIT, OnNewRelease.ADOPT, OnNewRelease.IGNORE]),
        found=st.sampled_from(["draft", "staged", "staged", "in review", "halted"]),
        days=st.sampled_from([0, 1, 1, 2, 3, 4]),
        nosy=st.booleans(),
        small=st.sampled_from([False, False, True]),
    )
    def a_release_appears(
        self, terms: str, mode: Mode, choice: OnNewRelease, found: str, days: int, nosy: bool, small: bool
    ) -> None:
        """`small`: hardly anybody opens it during its first days."""
        self.watch(World(POLICIES[terms], mode, choice, truth=FOUND[found]), people=found == "halted")
        self.world.show(self.world.truth)
        self.nosy = nosy  # a look that lags follows soon after every change
        self.orders = 0
        if days:
            self.world.health = Health.FEW if small else Health.HEALTHY
            self.one_pass(order(CommandVerb.START, id="c0"), timedelta(0), Reply.DONE, Cut.NOWHERE)
            self._quiet(*((2 * days, 25 * HOUR) if small else (5 * days, 5 * HOUR)))

    # -- what happens ------------------------------------------------------------------------------

    @rule(wait=WAITS, health=HEALTHS, lag=MAYBE_LATE, reply=REPLIES, cut=CUTS)
    def a_pass(self, wait: timedelta, health: Health, lag: timedelta | None, reply: Reply, cut: Cut) -> None:
        self.world.now += wait
        self.world.health = health
        self.one_pass(None, lag, reply, cut)

    @rule(count=st.integers(1, 8), health=HEALTHS, reply=REPLIES)
    def quiet_hours(self, count: int, health: Health, reply: Reply) -> None:
        self.world.health = health
        self._quiet(count, POLL, reply)

    @rule(count=st.integers(5, 40), reply=REPLIES)
    def good_days(self, count: int, reply: Reply) -> None:
        self.world.health = Health.HEALTHY
        self._quiet(count, 5 * HOUR, reply)

    def _quiet(self, count: int, every: timedelta, reply: Reply = Reply.DONE) -> None:
        for _ in range(count):
            self.world.now += every
            self.one_pass(None, timedelta(0), reply, Cut.NOWHERE)
            if self.nosy and self.world.now - self.world.past[-1][0] < LAG:
                self.world.now += 2 * MINUTE
                self.one_pass(None, 8 * MINUTE, Reply.DONE, Cut.NOWHERE)

    @rule(count=st.integers(1, 6), health=st.sampled_from(list(Health)[1:-1]))
    def doubtful_days(self, count: int, health: Health) -> None:
        self.world.health = health
        self._quiet(count, 25 * HOUR)

    @rule(count=st.integers(1, 10))
    def a_person_puts_it_right(self, count: int) -> None:
        """Without this most walks would end halted or waiting, and see little of what comes after."""
        self.world.health = Health.HEALTHY
        waiting = self.world.rollout.phase is Phase.WAITING
        self.orders += 1
        self.one_pass(
            order(CommandVerb.START if waiting else CommandVerb.RESUME, id=f"c{self.orders}", known_bad=True),
            timedelta(0),
            Reply.DONE,
            Cut.NOWHERE,
        )
        self._quiet(count, 5 * HOUR)

    @rule(
        verb=st.sampled_from([CommandVerb.START, CommandVerb.RESUME, CommandVerb.RESUME, *USUAL]),
        sure=st.booleans(),
        hold_for=st.sampled_from([None, HOUR, timedelta(days=2)]),
        wait=WAITS,
        lag=MAYBE_LATE,
        reply=REPLIES,
        cut=CUTS,
    )
    def an_order(
        self,
        verb: CommandVerb,
        sure: bool,
        hold_for: timedelta | None,
        wait: timedelta,
        lag: timedelta | None,
        reply: Reply,
        cut: Cut,
    ) -> None:
        self.world.now += wait
        self.orders += 1
        command = order(verb, id=f"c{self.orders}", without_evidence=sure, hold_for=hold_for, known_bad=sure)
        self.one_pass(command, lag, reply, cut)

    # -- what happens without us -------------------------------------------------------------------

    @rule(act=st.sampled_from(Outside))
    def somebody_else(self, act: Outside) -> None:
        """People in the console, and the store itself. What makes no sense just now does not happen."""
        truth = self.world.truth
        if truth is None:
            return
        match act, truth.status:
            case Outside.HALTS, ReleaseStatus.IN_PROGRESS | ReleaseStatus.COMPLETED:
                self.world.show(replace(truth, status=HALTED, status_word="halted"))
            case Outside.RESUMES, ReleaseStatus.HALTED:
                percent = truth.exposure_ppm / 10_000 if 0 < truth.exposure_ppm < PPM_ALL else 30
                self.world.show(shown(STAGED, percent))
                self.stopped, self.aside = False, True
            case Outside.LOWERS, ReleaseStatus.IN_PROGRESS:
                self.world.show(replace(truth, exposure_ppm=truth.exposure_ppm // 2))
            case Outside.RAISES, ReleaseStatus.IN_PROGRESS | ReleaseStatus.DRAFT:
                self.world.show(shown(STAGED, min(99, truth.exposure_ppm / 10_000 + 15)))
                self.aside = True
            case Outside.COMPLETES, ReleaseStatus.IN_PROGRESS | ReleaseStatus.DRAFT:
                self.world.show(shown(COMPLETED))
            case Outside.STAGES_AGAIN, ReleaseStatus.COMPLETED:
                self.world.show(shown(STAGED, 40))
            case Outside.REVIEWS, ReleaseStatus.IN_PROGRESS | ReleaseStatus.COMPLETED | ReleaseStatus.HALTED:
                self._review(IN_REVIEW)
            case Outside.REJECTS, ReleaseStatus.IN_PROGRESS | ReleaseStatus.COMPLETED:
                self._review(ReviewState.NOT_APPROVED)
            case Outside.PUBLISHES, _:
                self._review(PUBLISHED)
            case Outside.USES_A_NEW_WORD, ReleaseStatus.IN_PROGRESS:
                self.world.show(replace(truth, status=UNKNOWN, status_word="paused"))
            case Outside.USES_THE_OLD_WORD, ReleaseStatus.UNKNOWN:
                self.world.show(replace(truth, status=STAGED, status_word="in_progress"))

        self.people = self.people or self.world.truth is not truth

    def _review(self, review: ReviewState) -> None:
        assert self.world.truth is not None
        self.world.show(replace(self.world.truth, review=review, review_word=review.value))

    @precondition(lambda self: self.steps > 120)
    @rule(listed=st.booleans())
    def a_newer_release_takes_its_place(self, listed: bool) -> None:
        truth = self.world.truth
        if truth is not None and truth.status is not DRAFT:
            self.people = True
            self.world.replace_by_newer(listed=listed)


@pytest.mark.promise("R1", "R2", "R3", "R4", "R5", "R6", "R9", "R10", "R11", "R13", "R16")
def test_no_course_of_events_breaks_a_promise() -> None:
    SEEN.clear()
    run_state_machine_as_test(Rollouts, settings=settings(max_examples=200, stateful_step_count=40))
    elsewhere = APPLES | LINKS | REMOVALS | ACCEPTED | LINE | BESIDE | OVERRIDES | ORDERS_NOTHING
    missed = {*KINDS.values(), *DecisionKind, *Phase, *Verdict, "inconclusive_by_policy"} - SEEN - elsewhere
    assert not missed, f"the walk is blind: it never saw {missed}"


BACK = st.sampled_from(["draft", "staged", "staged", "in review"])


class Successions(Rollouts):
    """The same, and a newer release lies beside it, it vanishes, and somebody puts it there again."""

    @initialize(
        supersede=st.sampled_from(Supersede),
        choice=st.sampled_from([OnNewRelease.WAIT, OnNewRelease.ADOPT, OnNewRelease.ADOPT]),
        days=st.sampled_from([0, 1, 2]),
    )
    def a_release_appears(self, supersede: Supersede, choice: OnNewRelease, days: int) -> None:
        world = World(POLICIES["plain"], Mode.ACT, choice, truth=FOUND["staged"], supersede=supersede)
        self.watch(world, people=True)
        world.show(world.truth)
        self.nosy, self.orders = False, 0
        if days:
            self.one_pass(order(CommandVerb.START, id="c0"), timedelta(0), Reply.DONE, Cut.NOWHERE)
            self._quiet(5 * days, 5 * HOUR)

    @rule(decides=st.booleans(), stays=st.booleans(), count=st.integers(2, 5))
    def somebody_prepares_the_next_release(self, decides: bool, stays: bool, count: int) -> None:
        """Perhaps a person has the older one go on; perhaps the draft is deleted in the end. Where another one went
        out, nothing happens."""
        if any(other.status is not DRAFT for other in self.world.others):
            return
        self.world.newer_draft(there=True)
        self.world.health = Health.HEALTHY
        self._quiet(count, 13 * HOUR)
        if decides:
            self.a_person_puts_it_right(count)
        if not stays:
            self.world.newer_draft(there=False)  # what was said of it holds when it is there again

    @rule(wait=WAITS)
    def it_vanishes(self, wait: timedelta) -> None:
        if self.world.truth is not None:
            self.world.show(None)
            self._quiet(1, wait)

    @rule(listed=st.booleans(), wait=WAITS)
    def the_newer_one_goes_out(self, listed: bool, wait: timedelta) -> None:
        truth = self.world.truth
        if truth is not None and truth.status is not DRAFT:
            self.world.replace_by_newer(listed=listed)
            self._quiet(1, wait)

    @precondition(lambda self: self.world.truth is None or self.world.rollout.finished)
    @rule(found=BACK, wait=WAITS, knowing=st.booleans())
    def it_comes_back(self, found: str, wait: timedelta, knowing: bool) -> None:
        """Whoever puts it there again: it is the same program."""
        self.world.now += wait
        self.aside = False
        self.world.come_back(FOUND[found])
        self._quiet(2, HOUR)
        if knowing:
            self.a_person_puts_it_right(2)

    @rule(found=BACK, wait=WAITS, knowing=st.booleans())
    def somebody_halts_it_and_puts_it_there_again(self, found: str, wait: timedelta, knowing: bool) -> None:
        self.somebody_else(Outside.HALTS)
        self._quiet(1, HOUR)
        self.it_vanishes(HOUR)
        self.it_comes_back(found, wait, knowing)


@pytest.mark.promise("R9", "R10", "R11")
def test_no_newer_release_and_no_way_back_breaks_a_promise() -> None:
    SEEN.clear()
    run_state_machine_as_test(Successions, settings=settings(max_examples=50, stateful_step_count=20))
    wanted = {
        *BESIDE,
        "started although known bad",
        "raised beside a newer one: finish",
        "raised beside a newer one: hold",
    }
    assert not wanted - SEEN, f"the walk is blind: it never saw {wanted - SEEN}"


class Hurried(Account):
    """A good release, a stage that asks for approvals, and people in a hurry."""

    def __init__(self) -> None:
        asking = asks_for_approval(policy(1, 10, 50, 100), at=50)
        self.watch(World(asking, Mode.ACT, OnNewRelease.ADOPT, truth=FOUND["staged"]), people=False)
        self.world.show(self.world.truth)

    def lives(self, passes: int, command: Command | None) -> None:
        for _ in range(passes):
            self.world.now += 5 * HOUR
            self.one_pass(None, timedelta(0), Reply.DONE, Cut.NOWHERE)
        if command:
            self.one_pass(command, timedelta(0), Reply.DONE, Cut.NOWHERE)


@pytest.mark.promise("R1", "R5", "R11")
def test_no_approval_and_no_skipped_bake_breaks_a_promise() -> None:
    SEEN.clear()
    some_days = st.tuples(st.sampled_from(HURRIED), st.integers(0, 9), st.sampled_from(HEALTHS_IN_A_HURRY))

    @settings(max_examples=120)
    @given(st.lists(some_days, min_size=3, max_size=9))
    def walk(days: list[tuple[CommandVerb, int, Health]]) -> None:
        hurried = Hurried()
        for number, (verb, passes, health) in enumerate(days):
            hurried.world.health = health
            hurried.lives(passes, order(verb, id=f"c{number}", policy=f"policy {number}"))
        hurried.lives(6, None)

    walk()
    missed = {*OVERRIDES, "raised with approval", "raised without its bake"} - SEEN
    assert not missed, f"the walk is blind: it never saw {missed}"
