"""The changes that reach the store, one after the other, as somebody sees them who knows nothing of the core.

Shares, instants, who asked, what the readings really say, which answers were lost: no verdict, phase or journal of ours
is asked here, so a core that deceives itself, and its checks with it, is found out all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core.model import ActorKind, Command, CommandVerb, Mode, StoreRelease, Verb
from tests.core.builders import HALTED, HOUR
from tests.core.world import Cut, Health, Passed, Reply, Sent, World

UNDOES_A_HALT = (CommandVerb.RESUME, CommandVerb.START)
HOURS_OF_PROOF = 3
"""Bad in so many hours one after the other, however late the first of them is told: nobody calls that a doubt."""

LOST = (Reply.LOST_APPLIED, Reply.LOST_NOT_APPLIED)


@dataclass
class Bystander:
    world: World
    left: StoreRelease | None = None
    sent_at: datetime | None = None
    doubt_at: datetime | None = None
    sick_at: list[datetime] = field(default_factory=list)
    failed: bool = False
    stopping: bool = False

    def sees(
        self,
        found: StoreRelease | None,
        passed: Passed,
        command: Command | None,
        lag: timedelta | None,
        reply: Reply,
        cut: Cut,
    ) -> None:
        """One pass, which began while the store truly had `found`."""
        if found is not self.left:  # somebody has been at the console: what went before is theirs now
            self.failed, self.sick_at, self.stopping = False, [], False
        if command is not None and command.verb in UNDOES_A_HALT:
            self.failed, self.sick_at, self.stopping = False, [], False
        self._is_stopped_until_the_store_shows_it(found, passed, lag)
        if passed.sent and not passed.sent.change.verb.brakes:
            self._goes_up(passed.sent, lag)
            self._looked_before(passed.sent, lag)
        self._remember(found, passed, reply, cut)

    def _goes_up(self, sent: Sent, lag: timedelta | None) -> None:
        assert not self.failed, "raised what had failed, and no person took it up again (R3, R9)"
        if sent.truth is not None and lag == timedelta(0):
            assert sent.change.exposure_ppm >= sent.truth.exposure_ppm, (
                "lowered what people already have (R10)"
            )

    def _looked_before(self, sent: Sent, lag: timedelta | None) -> None:
        assert lag is not None, "raised without a look at the store (R1)"
        if self.doubt_at is not None:
            assert sent.at - lag >= self.doubt_at, "raised on a look from before a change in doubt (R13)"

    def _is_stopped_until_the_store_shows_it(
        self, found: StoreRelease | None, passed: Passed, lag: timedelta | None
    ) -> None:
        if not self.stopping or found is None or not found.live or lag != timedelta(0):
            return
        change = passed.decision.change
        assert change is not None, "the store serves it, a halt is wanted, and nothing is sent (R4)"
        assert change.verb is Verb.HALT, (
            f"the store serves it, a halt is wanted, and {change.verb} is sent (R4)"
        )

    def _remember(self, found: StoreRelease | None, passed: Passed, reply: Reply, cut: Cut) -> None:
        world, sent = self.world, passed.sent
        recorded = cut is not Cut.BEFORE_RECORDING
        self.left = world.truth
        if sent:
            self.sent_at = sent.at
        if sent and (reply in LOST or cut is Cut.AFTER_ACTING):
            self.doubt_at = sent.at
        decision = passed.decision
        if recorded and decision.change and decision.change.verb is Verb.HALT:
            self.stopping = world.mode is Mode.ACT or decision.actor.kind is ActorKind.HUMAN
        if world.truth is None or world.truth.status is HALTED:
            self.stopping = False
        read = recorded and found is not None and found.live and passed.rollout.live_since is not None
        sure = (
            world.policy.evidence is None
        )  # one bad hour of few people is no proof where proof is asked for
        if not (read and sure) or world.health is not Health.SICK:
            self.sick_at = []
        elif not self.sick_at or world.now - self.sick_at[-1] >= HOUR:
            self.sick_at.append(world.now)
        self.failed = self.failed or len(self.sick_at) > HOURS_OF_PROOF
