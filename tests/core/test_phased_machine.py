"""Any course of events for a phased release: time, readings, consoles, orders, crashes and lost replies.

R1, R6, R7 and R9 are held against the little Apple, not against what the journal believes.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import refused
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import ActorKind, Command, CommandVerb, OnNewRelease, ReleaseStatus, Verb
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Completion
from stagedrollout.core.units import PPM_ALL
from tests.core.apple import ACTIVE, PAUSED, AppleWorld, phased, terms
from tests.core.builders import HOUR, order
from tests.core.world import Cut, Health, Passed, Reply

POLICIES = {
    "guarded": terms(),
    "quick": terms(hours=1),
    "by hand": terms(completion=Completion.BY_HAND),
    "early": terms(complete_from=5),
    "follow": terms(Pacing.FOLLOW),
    "follow early": terms(Pacing.FOLLOW, complete_from=10),
    "follow by hand": terms(Pacing.FOLLOW, completion=Completion.BY_HAND),
}
REPLIES = st.sampled_from(
    [Reply.DONE] * 8 + [r for r in Reply if r not in (Reply.INTO_REVIEW, Reply.OLD_LOOK)]
)
CUTS = st.sampled_from([Cut.NOWHERE] * 12 + list(Cut))
WAITS = st.sampled_from(
    [timedelta(seconds=30), timedelta(minutes=2), 0.5 * HOUR, 7 * HOUR, 25 * HOUR, 80 * HOUR]
)
HEALTHS = st.sampled_from([Health.HEALTHY] * 6 + [Health.SICK] + list(Health))
SEEN: set[object] = set()


class Phasing(RuleBasedStateMachine):
    @initialize(
        name=st.sampled_from(sorted(POLICIES)),
        choice=st.sampled_from([OnNewRelease.ADOPT, OnNewRelease.ADOPT, OnNewRelease.WAIT]),
        found=st.sampled_from([ACTIVE, ACTIVE, PAUSED]),
        day=st.integers(1, 3),
    )
    def a_version_goes_live(self, name: str, choice: OnNewRelease, found: ReleaseStatus, day: int) -> None:
        self.policy = POLICIES[name]
        self.world = AppleWorld(self.policy, choice=choice, truth=phased(found, day), day=day)
        self.halted = found is PAUSED
        self.orders = 0

    @rule(wait=WAITS, health=HEALTHS, reply=REPLIES, cut=CUTS, blind=st.integers(0, 9))
    def a_pass(self, wait: timedelta, health: Health, reply: Reply, cut: Cut, blind: int) -> None:
        self.world.go(wait)
        self.world.health = health
        self._pass(None, None if blind == 0 else timedelta(0), reply, cut)

    @rule(count=st.integers(4, 40), health=st.sampled_from([Health.HEALTHY] * 5 + [Health.FEW]))
    def quiet_hours(self, count: int, health: Health) -> None:
        self.world.health = health
        for _ in range(count):
            self.world.go(2 * HOUR)
            self._pass()

    @rule(verb=st.sampled_from(list(CommandVerb)), blindly=st.booleans(), reply=REPLIES, health=HEALTHS)
    def an_order(self, verb: CommandVerb, blindly: bool, reply: Reply, health: Health) -> None:
        self.orders += 1
        self.world.health = health
        self._pass(order(verb, id=f"c{self.orders}", without_evidence=blindly), reply=reply)
        self._pass()  # an order makes the app due at once

    @precondition(lambda self: self.world.truth.status in (ACTIVE, PAUSED))
    @rule(wanted=st.sampled_from([ACTIVE, PAUSED, PAUSED, ReleaseStatus.COMPLETED]))
    def a_person_in_the_console(self, wanted: ReleaseStatus) -> None:
        """Long after anything of ours can still be under way, so that there is no doubt who did it."""
        self.world.go(6 * HOUR)
        self._pass()
        now = self.world.truth.status
        if now not in (ACTIVE, PAUSED) or wanted is now or self.world.rollout.intent:
            return
        self.world.person(wanted)
        if wanted is ACTIVE:
            self.halted = False
        elif wanted is PAUSED:
            self.halted = True
        self._pass()

    @rule(idle=st.sampled_from([20, 40, 60]))
    def apple_takes_its_time(self, idle: int) -> None:
        self.world.into_day = min(self.world.into_day, -idle * HOUR)
        self.quiet_hours(20, Health.HEALTHY)

    @rule(verb=st.sampled_from([CommandVerb.HALT, CommandVerb.HOLD]), times=st.integers(1, 3))
    def a_brake_that_does_not_get_through(self, verb: CommandVerb, times: int) -> None:
        self.orders += 1
        self._pass(order(verb, id=f"c{self.orders}"), reply=Reply.NO_ANSWER)
        for _ in range(times):
            self.world.go(HOUR)
            self._pass(reply=Reply.NO_ANSWER)
        self._pass()

    # -- the promises ------------------------------------------------------------------------------

    def _pass(
        self,
        command: Command | None = None,
        lag: timedelta | None = timedelta(0),
        reply: Reply = Reply.DONE,
        cut: Cut = Cut.NOWHERE,
    ) -> None:
        before = self.world.rollout.halt
        passed = self.world.one_pass(order=command, lag=lag, reply=reply, cut=cut)
        SEEN.update({passed.decision.kind, *(r.code for r in passed.decision.reasons)})
        self._raises_stand_on_evidence(passed)
        if passed.decision.kind is DecisionKind.HALT and passed.decision.change:
            self.halted = True
        if passed.decision.kind is DecisionKind.RESUME and passed.decision.actor.kind is ActorKind.HUMAN:
            self.halted = False
        whole = reply is Reply.DONE and cut is Cut.NOWHERE and not passed.lagged
        if whole and not refused(passed.decision):
            self._apple_is_where_it_must_be(passed, halted=before is not None and self.halted)

    def _raises_stand_on_evidence(self, passed: Passed) -> None:
        sent = passed.sent
        if sent is None or sent.change.verb.brakes:
            return
        by_person = sent.decision.actor.kind is ActorKind.HUMAN
        assert by_person or sent.assessment.worst is Verdict.PASS, "R1"
        assert not by_person or sent.order is not None, "R1: a person's raise has an order behind it"
        if sent.change.verb is Verb.COMPLETE and not by_person:
            assert self.policy.completion is Completion.AUTOMATIC, "R6"
        assert sent.assessment.worst is not Verdict.FAIL or sent.order.verb is CommandVerb.RESUME

    def _apple_is_where_it_must_be(self, passed: Passed, *, halted: bool) -> None:
        world, rollout = self.world, self.world.rollout
        active = world.truth.status is ACTIVE and world.truth.exposure_ppm < PPM_ALL
        if not active:
            return
        assert not halted, "R9: only a person undoes a halt"
        if not rollout.steered:
            return
        if self.policy.app_store.mode is Pacing.FOLLOW:
            assert passed.decision.kind is not DecisionKind.HOLD, "R7: HOLD means PAUSED"
            return
        window = rollout.window
        assert window is not None, "R7: everything but an open window means PAUSED"
        assert world.now <= window.closes_at, "R7: a window lasts a day"
        stands = Verdict.PASS if window.actor.kind is ActorKind.MACHINE else Verdict.INSUFFICIENT
        if window.without_evidence:
            stands = Verdict.CONTRADICTORY  # R11: doubt was overridden, knowingly
        opened = passed.sent is not None and passed.sent.change.verb is Verb.STEP
        assert opened or passed.assessment.worst <= stands, "R7: each pass inside it must find PASS"


@pytest.mark.promise("R1", "R6", "R7", "R9")
def test_no_course_of_events_breaks_a_promise_on_the_app_store() -> None:
    SEEN.clear()
    run_state_machine_as_test(Phasing, settings=settings(max_examples=160, stateful_step_count=40))
    wanted = {
        "window_open",
        "stepped",
        "apple",
        "human_resume",
        "not_halted",
        "bake",
    }
    missed = {*wanted, *(set(DecisionKind) - {DecisionKind.PREPARE, DecisionKind.START})} - SEEN
    assert not missed, f"the walk is blind: it never saw {missed}"
