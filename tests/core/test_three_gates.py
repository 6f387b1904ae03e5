"""Three gates with every combination of verdicts, in every phase, on every store: what is decided, as a table.

The worst verdict alone decides what is done, however many say otherwise; that is asserted of all 343 combinations, so
that the table needs one line for each worst. After a change that is meant: `DECISION_TABLE=write pytest
tests/core/test_three_gates.py`, and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from stagedrollout.core.assessment import Assessment, Judgement, Reason, Verdict
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import CommandVerb, Mode, OnNewRelease
from stagedrollout.core.observation import Observation
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.units import percent_text
from tests.core.apple import AppleWorld, terms
from tests.core.builders import HOUR, gate, order
from tests.core.situations import SITUATIONS
from tests.core.world import Reply

TABLE = Path(__file__).with_name("three_gates.txt")
HEAD = """\
Three gates, all 343 combinations of verdicts: [phase on a store] worst verdict: DECISION change (reasons).
A * is the reason of a verdict itself."""

ON_PLAY = {
    Phase.WAITING: "rolled out in the console, nobody has started it",
    Phase.WAITING_FOR_REVIEW: "started, in review",
    Phase.ROLLING_OUT: "baked, next 50 %",
    Phase.HELD: "held by a person",
    Phase.HALTED: "halted",
    Phase.NOT_HALTED: "not halted: the store refuses",
    Phase.COMPLETED: "at 100 %, watched",
    Phase.SUPERSEDED: "superseded",
}
Triple = tuple[Verdict, Verdict, Verdict]
TRIPLES: tuple[Triple, ...] = tuple(product(Verdict, repeat=3))  # type: ignore[assignment]


def _apple(pacing: Pacing, phase: Phase, *, baked: bool = False) -> Case | None:
    """A version in this phase as its own world brings it about; None where the App Store has no such phase of ours.
    `baked`: no pass has been made since the bake ended."""
    policy = terms(pacing)
    choice = OnNewRelease.WAIT if phase is Phase.WAITING else OnNewRelease.ADOPT
    world = AppleWorld(policy, choice=choice)
    for _ in range(2):
        world.one_pass()
    world.go(13 * HOUR)
    if not baked:
        world.one_pass()
    reply = Reply.NO_ANSWER if phase is Phase.NOT_HALTED else Reply.DONE
    if phase in (Phase.HALTED, Phase.NOT_HALTED):
        world.one_pass(order=order(CommandVerb.HALT, id="h"), reply=reply)
        world.one_pass(reply=reply)
    if phase is Phase.HELD:
        world.one_pass(order=order(CommandVerb.HOLD, id="h"))
    if phase is Phase.COMPLETED:
        world.one_pass(order=order(CommandVerb.COMPLETE, id="h"))
        world.go(HOUR)
        world.one_pass()
    world.go(timedelta(minutes=20))
    if world.rollout.phase is not phase:
        return None
    look = Observation(world.now, world.look(timedelta(0)), ())
    return Case(world.rollout, look, _judged((Verdict.PASS,) * 3), policy, Mode.ACT)


@cache
def cases() -> dict[str, Case]:
    found = {
        f"{phase.value}, Google Play": SITUATIONS[name](Verdict.PASS, None, Mode.ACT)
        for phase, name in ON_PLAY.items()
    }
    for pacing in Pacing:
        for phase in Phase:
            made = _apple(pacing, phase)
            if made is not None:
                found[f"{phase.value}, App Store {pacing.value}"] = made
        if (made := _apple(pacing, Phase.ROLLING_OUT, baked=True)) is not None:
            found[f"{Phase.ROLLING_OUT.value}, App Store {pacing.value}, baked"] = made
    return found


def _judged(verdicts: Triple) -> Assessment:
    judgements = []
    for number, verdict in enumerate(verdicts, start=1):
        one = gate(floor=Decimal("99.0") - number)
        code = verdict.name.lower()
        judgements.append(Judgement(one, verdict, Reason(code, f"gate {number} says {code}", one.name)))
    return Assessment(tuple(judgements), (), 100_000)


def _cell(decision: Decision) -> str:
    codes = list(dict.fromkeys("*" if _of_a_gate(r) else r.code for r in decision.reasons))
    sent = decision.change
    change = f" {sent.verb.value} {percent_text(sent.exposure_ppm)}" if sent else ""
    return f"{decision.kind.value}{change} ({', '.join(codes)})"


def _of_a_gate(reason: Reason) -> bool:
    return reason.text.startswith("gate ")


def _decided(where: str, verdicts: Triple, mode: Mode = Mode.ACT) -> Decision:
    return decide(replace(cases()[where], assessment=_judged(verdicts), mode=mode))


def rendered() -> str:
    blocks = []
    for where in cases():
        rows: dict[str, list[str]] = {}
        for verdict in Verdict:
            rows.setdefault(_cell(_decided(where, (verdict,) * 3)), []).append(verdict.name)
        blocks.append(
            "\n".join([f"[{where}]", *(f"  {' '.join(names)}: {said}" for said, names in rows.items())])
        )
    return "\n\n".join([HEAD, *blocks]) + "\n"


def test_the_table_of_three_gates_is_the_one_that_was_reviewed() -> None:
    if os.environ.get("DECISION_TABLE") == "write":
        TABLE.write_text(rendered(), encoding="utf-8")
    assert rendered().splitlines() == TABLE.read_text(encoding="utf-8").splitlines()


def test_every_store_and_pace_is_seen_in_the_phases_it_has() -> None:
    seen = {tuple(where.split(", ")[:2]) for where in cases()}
    assert {phase for phase, store in seen if store == "Google Play"} == {phase.value for phase in Phase}
    for pacing in Pacing:
        of_apple = {phase for phase, store in seen if store == f"App Store {pacing.value}"}
        assert of_apple >= {"waiting", "rolling_out", "held", "halted", "not_halted", "completed"}


def _all() -> Iterator[tuple[str, Triple, Decision]]:
    for where in cases():
        for verdicts in TRIPLES:
            yield where, verdicts, _decided(where, verdicts)


@pytest.mark.promise("R1", "R2")
def test_the_worst_of_three_gates_decides_whatever_the_others_say_and_in_whatever_order() -> None:
    alone = {(where, v): _decided(where, (v,) * 3) for where in cases() for v in Verdict}
    for where, verdicts, decision in _all():
        worst = alone[where, max(verdicts)]
        assert (decision.kind, decision.change, decision.due) == (worst.kind, worst.change, worst.due), (
            where,
            verdicts,
        )


@pytest.mark.promise("R1")
def test_nothing_is_raised_unless_all_three_pass_and_then_every_one_is_cited() -> None:
    raised = 0
    for where, verdicts, decision in _all():
        if decision.change and not decision.change.verb.brakes:
            raised += 1
            assert verdicts == (Verdict.PASS,) * 3, (where, verdicts)
            assert sum(_of_a_gate(reason) for reason in decision.reasons) == 3, (where, verdicts)
    assert raised >= 2


@pytest.mark.promise("R3")
def test_one_failing_gate_of_three_halts_wherever_people_can_still_get_it() -> None:
    halted = 0
    for where, verdicts, decision in _all():
        if Verdict.FAIL in verdicts and where.startswith(("rolling_out", "held", "waiting, ")):
            assert decision.kind is DecisionKind.HALT, (where, verdicts)
            halted += 1
    assert halted >= 1_000


@pytest.mark.promise("R2")
def test_a_worse_verdict_of_any_gate_never_raises_what_a_better_one_did_not() -> None:
    def permits(decision: Decision) -> bool:
        return decision.change is not None and not decision.change.verb.brakes

    for where in cases():
        permitted = {verdicts: permits(_decided(where, verdicts)) for verdicts in TRIPLES}
        for verdicts in TRIPLES:
            for place, verdict in enumerate(verdicts):
                if permitted[verdicts] and verdict:
                    better = (*verdicts[:place], Verdict(verdict - 1), *verdicts[place + 1 :])
                    assert permitted[better], (where, verdicts)  # type: ignore[index]


def test_in_mode_observe_three_gates_send_nothing() -> None:
    for where in cases():
        for verdict in Verdict:
            sent = _decided(where, (verdict,) * 3, Mode.OBSERVE).change
            assert sent is None or sent.verb.brakes, where
