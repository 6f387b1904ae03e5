"""What must be true of every pass of the state machine: the promises, held against the little world.

After every pass what was sent is compared with what the world really is, not with what the journal believes.
R4, R5, R6 and R9 to R11 are checked that way; R1 and R2 against the health the world chose.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar, Freeze, Hours, Weekday
from stagedrollout.core.case import Case
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import (
    ApprovalsLapsed,
    Approved,
    BakeSkipped,
    DecisionKind,
    Drifted,
    Held,
    HoldEnded,
    PolicySet,
    SetAside,
    Started,
)
from stagedrollout.core.gates import OnInconclusive
from stagedrollout.core.lifecycle import STEPS, Phase
from stagedrollout.core.model import ActorKind, Command, CommandVerb, Mode, Supersede, Verb
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.observation import Observation
from stagedrollout.core.policy import Completion
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import (
    COMPLETED,
    DAY,
    HALTED,
    STAGED,
)
from tests.core.bystander import Bystander
from tests.core.world import Cut, Health, Passed, Reply, Sent, World, raises

LAG = timedelta(minutes=10)
OFFICE = Calendar(
    weekdays=(Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI),
    hours=Hours(start=time(8), end=time(18)),
    freezes=(Freeze(first=date(2026, 3, 5), last=date(2026, 3, 5), reason="fair"),),
)
SERVED = (STAGED, COMPLETED)
SEEN: set[object] = set()


class Account:
    """Keeps account of what people did, and checks every pass."""

    world: World
    steps = 0

    def watch(self, world: World, *, people: bool) -> None:
        """`people`: somebody else has changed something in the store."""
        self.world = world
        self.bystander = Bystander(world, left=world.truth)
        self.people = people
        self.stopped = False  # a halt is in force that we know of, and nobody has taken it back since
        self.aside = False  # a person has let the newer release wait
        self.hold_until: datetime | None = None
        self.last_raise_at: datetime | None = None
        self.bake_skipped = False  # a person does not wait for the rest of it
        self.approved: dict[int, datetime] = {}  # until when somebody allows which step

    def one_pass(self, command: Command | None, lag: timedelta | None, reply: Reply, cut: Cut) -> None:
        world = self.world
        self.steps += 1
        before, found = world.rollout, world.truth
        passed = world.one_pass(order=command, lag=lag, reply=reply, cut=cut)
        if passed.sent:
            SEEN.add((passed.sent.change.verb, reply))
        self.bystander.sees(found, passed, command, lag, reply, cut)
        if passed.sent:
            self._nothing_else_is_sent(passed.sent)
        self._worse_readings_raise_nothing(passed, command)
        self._failing_is_stopped(passed)
        self._what_is_wanted_is_sent(passed, command)
        if cut is not Cut.BEFORE_RECORDING:
            self._keep_account(passed, command)
        if cut is Cut.NOWHERE:
            self._every_order_is_answered(passed, command)
            self._consoles_are_respected(passed, before.exposure_ppm if before.seen else 0)
        self._halted_is_true()
        self._remember(passed)
        if self.stopped:
            forgiven = not (world.rollout.bad or world.rollout.finished)
            assert not forgiven, "a halt was undone, or forgotten, without a person (R9)"
        assert not (world.rollout.known_bad and world.rollout.steered), "known bad, and steered"

    def _nothing_else_is_sent(self, sent: Sent) -> None:
        world, decision, command = self.world, sent.decision, sent.order
        human_halt = decision.kind is DecisionKind.HALT and decision.actor.kind is ActorKind.HUMAN
        assert world.mode is Mode.ACT or human_halt, "mode observe sends nothing"
        if sent.change.verb is Verb.HALT:
            wanted = world.rollout.halt is not None
            assert wanted
            return
        applied = sent.truth is not world.truth
        assert self._frozen() is False, "raised in a freeze (R11)"
        if command is None:
            self._machine_may_raise(sent, applied)
        else:
            self._person_may_raise(sent, command)
        assert (sent.change.exposure_ppm == PPM_ALL) <= (sent.change.verb in (Verb.COMPLETE, Verb.RESUME))
        if applied and sent.change.verb is not Verb.RESUME:
            knowing = sent.change.verb is Verb.START and command is not None and command.known_bad
            assert knowing or not self.stopped, "raised over a halt (R9)"
        if applied and world.newer_waits:
            self._is_not_in_the_way_of_the_newer(sent)

    def _is_not_in_the_way_of_the_newer(self, sent: Sent) -> None:
        """What the app's `supersede` forbids, whoever wants it."""
        SEEN.add(f"raised beside a newer one: {self.world.supersede.value}")
        assert self.world.supersede is not Supersede.REPLACE, "raised what a newer one replaces"
        if self.world.supersede is Supersede.HOLD:
            decides = sent.change.verb in (Verb.RESUME, Verb.START)
            assert decides or self.aside, "raised what a newer one holds, and nobody decided between them"

    def _machine_may_raise(self, sent: Sent, applied: bool) -> None:
        world, truth = self.world, sent.truth
        assert sent.change.verb in (Verb.RAISE, Verb.COMPLETE)
        if not self._chosen_by_policy(sent):
            assert world.health is Health.HEALTHY, "raised without evidence (R1)"
            assert sent.assessment.worst is Verdict.PASS
        assert not self._held(), "raised over a person's hold (R11)"
        if world.policy.calendar is OFFICE:
            assert world.now.weekday() < 5
            assert 8 <= world.now.hour < 18
        if sent.change.verb is Verb.COMPLETE:
            assert world.policy.completion is Completion.AUTOMATIC, "completed without permission (R6)"
        if not applied:
            return
        assert truth is not None
        assert truth.live, "raised before it was published"
        above = [s for s in world.policy.stages if s.exposure_ppm > truth.exposure_ppm]
        assert sent.change.exposure_ppm == above[0].exposure_ppm, "skipped a stage (R5)"
        bake = timedelta(0) if self.bake_skipped else world.policy.stages[0].bake
        assert world.now - world.published[truth.exposure_ppm] >= bake, "cut the bake (R5)"
        assert self.last_raise_at is None or world.now - self.last_raise_at >= bake, (
            "two stages in a row (R5)"
        )
        if self.bake_skipped and world.now - world.published[truth.exposure_ppm] < DAY:
            SEEN.add("raised without its bake")
        self.last_raise_at, self.bake_skipped = world.now, False
        if above[0].approvals:
            SEEN.add("raised with approval")
            assert world.now < self.approved[sent.change.exposure_ppm], "raised although nobody allowed it"

    def _chosen_by_policy(self, sent: Sent) -> bool:
        """The policy's named choice for inconclusive evidence: written down as that, and late enough (R1)."""
        if "inconclusive_by_policy" not in {reason.code for reason in sent.decision.reasons}:
            return False
        world, gate = self.world, self.world.policy.evidence
        SEEN.add("inconclusive_by_policy")
        assert gate is not None
        assert gate.on_inconclusive is OnInconclusive.ADVANCE
        assert world.health is Health.FEW, (
            "the choice is for what nobody knows, not for what speaks against it"
        )
        if sent.truth is not None and sent.truth.exposure_ppm in world.published:
            longest = 2 * world.policy.stages[0].bake
            assert world.now - world.published[sent.truth.exposure_ppm] >= longest, "chosen too early"
        return True

    def _person_may_raise(self, sent: Sent, command: Command) -> None:
        verbs = {
            Verb.START: CommandVerb.START,
            Verb.RAISE: CommandVerb.ADVANCE,
            Verb.COMPLETE: CommandVerb.COMPLETE,
            Verb.RESUME: CommandVerb.RESUME,
        }
        assert command.verb is verbs[sent.change.verb]
        if command.verb is not CommandVerb.RESUME:
            assert not self._held(), "a person's hold comes before a person's advance (R11)"
        if command.verb in (CommandVerb.ADVANCE, CommandVerb.COMPLETE):
            worst = sent.assessment.worst
            assert worst is not Verdict.FAIL
            assert worst in (Verdict.PASS, Verdict.INSUFFICIENT) or command.without_evidence
        if command.verb is CommandVerb.ADVANCE:
            stages = [s.exposure_ppm for s in self.world.policy.stages]
            assert sent.change.exposure_ppm in stages
            if sent.truth is not self.world.truth and sent.truth is not None:
                between = [s for s in stages if sent.truth.exposure_ppm < s < sent.change.exposure_ppm]
                assert not between, "a person's advance is one stage at a time (R5)"

    def _worse_readings_raise_nothing(self, passed: Passed, command: Command | None) -> None:
        """R2: the same pass with worse data never raises where this one did not."""
        world, listening = self.world, passed.rollout.live_since is not None and not passed.rollout.halt
        if raises(passed.decision) or not listening:
            return
        worse = list(Health)[list(Health).index(world.health) + 1 :]
        for health in worse:
            readings = world.readings(health)
            assessment = world.assess(passed.rollout, readings, health)
            look = Observation(world.now, passed.looked, readings)
            again = decide(Case(passed.rollout, look, assessment, world.policy, world.mode, command))
            assert not raises(again), f"{health} raised what {world.health} did not (R2)"

    def _failing_is_stopped(self, passed: Passed) -> None:
        rollout = passed.rollout
        served = rollout.live_since and rollout.seen and rollout.seen.status in SERVED
        free = not (rollout.finished or rollout.ignored or rollout.halt)
        if served and free and passed.assessment.worst is Verdict.FAIL:
            assert passed.decision.kind is DecisionKind.HALT, "a FAIL that does not halt (R3)"
            assert passed.decision.change or self.world.mode is Mode.OBSERVE

    def _what_is_wanted_is_sent(self, passed: Passed, command: Command | None) -> None:
        halt = passed.rollout.halt
        if halt is None or halt.confirmed or passed.rollout.superseded_by:
            return
        if passed.rollout.never_out and passed.decision.kind is DecisionKind.HOLD:
            return  # it is kept from going out
        taken_back = command is not None and command.verb is CommandVerb.RESUME
        may = self.world.mode is Mode.ACT or halt.actor.kind is ActorKind.HUMAN
        if may and not taken_back:
            assert passed.decision.kind is DecisionKind.HALT
            assert passed.decision.change, "a halt that is wanted was not sent again (R4)"

    def _every_order_is_answered(self, passed: Passed, command: Command | None) -> None:
        if command is None:
            return
        answers = [f for f in passed.decision.also if getattr(f, "command", "") == command.id]
        assert answers, f"{command.verb} was not answered"

    def _keep_account(self, passed: Passed, command: Command | None) -> None:
        decision = passed.decision
        if decision.kind is DecisionKind.HALT and decision.change:
            self.stopped = True
        if decision.kind is DecisionKind.RESUME and self._served():
            self.stopped = False
        if any(isinstance(fact, Started) and fact.known_bad for fact in decision.also):
            SEEN.add("started although known bad")
            self.stopped = False
        self.aside = self.aside or any(isinstance(fact, SetAside) for fact in decision.also)
        for fact in decision.also:
            if isinstance(fact, Held):
                self.hold_until = fact.until or datetime.max.replace(tzinfo=UTC)
            elif isinstance(fact, HoldEnded):
                self.hold_until = None
            elif isinstance(fact, BakeSkipped):
                self.bake_skipped = True
            elif isinstance(fact, Approved):
                self.approved[fact.target_ppm] = fact.until
            elif isinstance(fact, (ApprovalsLapsed, PolicySet)):
                self.approved.clear()

    def _consoles_are_respected(self, passed: Passed, before_ppm: int) -> None:
        """R10, where this pass could see the truth and nothing of ours is on its way."""
        world, rollout = self.world, self.world.rollout
        landing = passed.rollout.landing
        settling = landing is not None and world.now - landing.at < LAG
        blind = passed.lagged or settling or passed.rollout.intent or passed.sent
        truth = world.truth
        if blind or rollout.finished or passed.rollout.ignored or truth is None:
            return
        if truth.status is HALTED:
            assert rollout.halt, "a halt in the console went unnoticed (R10)"
        if truth.status is STAGED and truth.exposure_ppm < before_ppm < PPM_ALL:
            anew = rollout.phase is Phase.WAITING
            assert rollout.halt or rollout.unknown_drift or anew, (
                "a lowering in the console went unnoticed (R10)"
            )
        assert rollout.seen
        assert rollout.seen.exposure_ppm == truth.exposure_ppm

    def _halted_is_true(self) -> None:
        """R4: what is called halted was halted in the store."""
        rollout = self.world.rollout
        if rollout.phase is not Phase.HALTED or rollout.halt is None:
            return
        if rollout.halt.actor.kind is ActorKind.CONSOLE:
            return
        since = rollout.halt.at
        past = self.world.past
        in_force = [
            shown for n, (_, shown) in enumerate(past) if n + 1 == len(past) or past[n + 1][0] >= since
        ]
        assert any(r.status is HALTED for shown in in_force for r in shown), "called halted, never was (R4)"

    def _served(self) -> bool:
        return self.world.truth is not None and self.world.truth.status in SERVED

    def _remember(self, passed: Passed) -> None:
        """What was seen at least once: a walk that sees too little proves nothing."""
        SEEN.update(self.world.told)
        SEEN.add(passed.decision.kind)
        SEEN.add(self.world.rollout.phase)
        SEEN.add(passed.assessment.worst)

    def _held(self) -> bool:
        return self.hold_until is not None and self.world.now < self.hold_until

    def _frozen(self) -> bool:
        freezes = self.world.policy.calendar.freezes
        return any(f.first <= self.world.now.date() <= f.last for f in freezes)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        assert world.replayed() == world.rollout, "the journal tells another story (R16)"
        intents = [e.body["intent"] for e in world.journal if e.kind == "decided" and e.body["intent"]]
        assert len(intents) == len(set(intents)), "two changes share a key (R13)"
        assert self.people or Drifted not in world.told, "our own doing was taken for somebody else's (R10)"
        for before, after in world.phases:
            assert after in STEPS[before], f"{before} -> {after} is no step"
        told = [n.key for n in world.notices if n.kind is NoticeKind.HALTED]
        assert len(told) == len(set(told))


class Watched(Account, RuleBasedStateMachine):
    """A walk whose steps Hypothesis chooses, under such an account."""
