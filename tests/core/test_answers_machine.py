"""Any course of answers of the store: applied, refused, lost on the way, late, overtaken, and the daemon dead meanwhile.

The walk of test_machine.py is mostly where nothing is raised any more: halted, completed, in review. Here every step
begins with a release that is being rolled out, so that each kind of request meets each kind of answer, and is looked at
again soon after, perhaps by a look that is older than the request.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import CommandVerb, Mode, OnNewRelease, StoreRelease, Verb
from tests.core.builders import DRAFT, HOUR, STAGED, order, policy, shown
from tests.core.promises import SEEN, Watched
from tests.core.weighed import with_evidence
from tests.core.world import Cut, Health, Reply, World

MINUTE = timedelta(minutes=1)
NOW = timedelta(0)
POLICIES = (policy(1, 10, 50, 100), policy(1, 2, 5, 10, 50, 100), with_evidence(1, 10, 50, 100))
VERBS = (Verb.START, Verb.RAISE, Verb.COMPLETE, Verb.RESUME, Verb.HALT)


class Answer(NamedTuple):
    """What comes back, where the daemon dies, and how soon it looks again, at how old a state (None: at none)."""

    reply: Reply
    cut: Cut
    soon: timedelta
    lag: timedelta | None


WELL = Answer(Reply.DONE, Cut.NOWHERE, MINUTE, NOW)
ANSWERS = st.builds(
    Answer,
    st.sampled_from(Reply),
    st.sampled_from([Cut.NOWHERE] * 6 + list(Cut)),
    st.sampled_from([MINUTE, 4 * MINUTE, 12 * MINUTE]),
    st.sampled_from([NOW, NOW, 3 * MINUTE, 9 * MINUTE, None]),
)
SHARES = st.sampled_from([1, 5, 10, 50])


class Answers(Watched):
    @initialize(share=SHARES, by=st.integers(0, len(POLICIES) - 1))
    def a_release_is_rolled_out(self, share: int, by: int) -> None:
        self.by, self.orders = by, 0
        self._appears(shown(STAGED, share))
        self._order(CommandVerb.START)

    def _appears(self, truth: StoreRelease) -> None:
        self.watch(World(POLICIES[self.by], Mode.ACT, OnNewRelease.WAIT, truth=truth), people=False)
        self.world.show(truth)

    @rule(answer=ANSWERS)
    def a_person_starts_the_next_release(self, answer: Answer) -> None:
        self.teardown()
        self._appears(shown(DRAFT))
        self._order(CommandVerb.START, answer)

    @rule(answer=ANSWERS, share=SHARES)
    def the_next_stage_is_due(self, answer: Answer, share: int) -> None:
        self._is_out(share)
        sent_at = self.bystander.sent_at
        for _ in range(12):
            self._pass(5 * HOUR, answer.reply, answer.cut)
            if self.bystander.sent_at != sent_at:
                break
        self._looks_again(answer)

    @rule(answer=ANSWERS, share=SHARES, verb=st.sampled_from([CommandVerb.ADVANCE, CommandVerb.COMPLETE]))
    def a_person_raises_it(self, answer: Answer, share: int, verb: CommandVerb) -> None:
        self._is_out(share)
        self._order(verb, answer)

    @rule(answer=ANSWERS, share=SHARES)
    def a_person_takes_a_halt_back(self, answer: Answer, share: int) -> None:
        self._is_out(share)
        self._order(CommandVerb.HALT)
        self._pass(HOUR)
        self._order(CommandVerb.RESUME, answer)

    @rule(answer=ANSWERS, share=SHARES)
    def a_person_halts_it(self, answer: Answer, share: int) -> None:
        self._is_out(share)
        self._order(CommandVerb.HALT, answer)

    @rule(answer=ANSWERS, share=SHARES, better=st.booleans())
    def it_fails(self, answer: Answer, share: int, better: bool) -> None:
        """Perhaps the numbers are good again an hour later, which takes no halt back."""
        self._is_out(share)
        self.world.health = Health.SICK
        for _ in range(5):
            self._pass(HOUR, answer.reply, answer.cut)
        self._looks_again(answer)
        self.world.health = Health.HEALTHY if better else Health.SICK
        for _ in range(6):
            self._pass(5 * HOUR, answer.reply)

    def _is_out(self, share: int) -> None:
        """It is being rolled out; where this one cannot be any more, or is in doubt for a day, another one is."""
        self.world.health = Health.HEALTHY
        self._pass(HOUR)
        if self.world.rollout.phase is Phase.HALTED:
            self._order(CommandVerb.RESUME)
            self._pass(HOUR)
        if self.world.rollout.phase is not Phase.ROLLING_OUT:
            self.teardown()
            self._appears(shown(STAGED, share))
            self._order(CommandVerb.START)

    def _order(self, verb: CommandVerb, answer: Answer = WELL) -> None:
        self.orders += 1
        command = order(verb, id=f"c{self.orders}", without_evidence=True)
        self.one_pass(command, NOW, answer.reply, answer.cut)
        self._looks_again(answer)

    def _pass(self, wait: timedelta, reply: Reply = Reply.DONE, cut: Cut = Cut.NOWHERE) -> None:
        self.world.now += wait
        self.one_pass(None, NOW, reply, cut)

    def _looks_again(self, answer: Answer) -> None:
        self.world.now += answer.soon
        self.one_pass(None, answer.lag, Reply.DONE, Cut.NOWHERE)


@pytest.mark.timeout(400)  # half a minute of the processor's time, of which it may not get much
@pytest.mark.promise("R1", "R3", "R4", "R5", "R9", "R10", "R13", "R16")
def test_no_course_of_answers_breaks_a_promise() -> None:
    SEEN.clear()
    run_state_machine_as_test(Answers, settings=settings(max_examples=80, stateful_step_count=40))
    never = {(Verb.HALT, Reply.PREEMPTED)}  # nothing overtakes a halt
    missed = set(product(VERBS, Reply)) - never - SEEN
    assert not missed, f"the walk is blind: it never saw {missed}"
