"""The whole decision table: every situation x order x verdict x mode, as text, compared with what was reviewed.

After a change that is meant: `DECISION_TABLE=write pytest tests/core/test_decision_table.py`, and read the
difference. What must hold of every single row, whatever the table says, is asserted besides.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import pytest

from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import Commanded, DecisionKind, HoldEnded, Started
from stagedrollout.core.model import ActorKind, Command, CommandVerb, Mode, Verb
from stagedrollout.core.units import PPM_ALL, percent_text
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import COMPLETED, STAGED, UNKNOWN, order
from tests.core.situations import SITUATIONS, Situation

HEAD = """\
What is decided in every situation: [orders], verdict: DECISION change (reasons) +facts.
A * is the reason of the verdict itself; "advance!" is advance --without-evidence, "start!" start --known-bad --supersede."""

TABLE = Path(__file__).with_name("decision_table.txt")

PLACES: dict[str, Situation] = SITUATIONS | {
    f"App Store: {name}": build for name, build in APPLE_SITUATIONS.items()
}

ORDERS: dict[str, Command | None] = {
    "none": None,
    **{verb.value: order(verb) for verb in CommandVerb},
    "start!": order(CommandVerb.START, known_bad=True, supersede=True),
    "advance!": order(CommandVerb.ADVANCE, without_evidence=True),
    "complete!": order(CommandVerb.COMPLETE, without_evidence=True),
}


class Row(NamedTuple):
    situation: str
    mode: Mode
    order: str
    verdict: Verdict
    case: Case
    decision: Decision

    @property
    def where(self) -> str:
        return f"{self.situation} (mode {self.mode.value}): {self.order} on {self.verdict.name}"


@cache
def every_row() -> tuple[Row, ...]:
    built = (
        (situation, mode, name, verdict, build(verdict, command, mode))
        for situation, build in PLACES.items()
        for mode in Mode
        for name, command in ORDERS.items()
        for verdict in Verdict
    )
    return tuple(Row(*row, decide(row[-1])) for row in built)


def cell(decision: Decision, verdict: Verdict) -> str:
    """One decision in a few words; a reason that is the verdict itself is a star."""
    refused = any(isinstance(f, Commanded) and not f.accepted for f in decision.also)
    codes = ", ".join("*" if r.code == verdict.name.lower() else r.code for r in decision.reasons)
    if refused and decision.command:
        return f"refused ({codes})"
    sent = decision.change
    change = f" {sent.verb.value} {percent_text(sent.exposure_ppm)}" if sent else ""
    also = "".join(f" +{type(f).__name__}" for f in decision.also if not isinstance(f, Commanded))
    return f"{decision.kind.value}{change} ({codes}){also}" + (", order refused" if refused else "")


def answers(command: Command | None, build: Situation, mode: Mode) -> str:
    """The answers to one order, verdicts with the same answer together."""
    by_answer: dict[str, list[str]] = {}
    for verdict in Verdict:
        by_answer.setdefault(cell(decide(build(verdict, command, mode)), verdict), []).append(verdict.name)
    if len(by_answer) == 1:
        return next(iter(by_answer))
    common = max(by_answer, key=lambda answer: len(by_answer[answer]))
    return "\n".join(
        f"{'otherwise' if answer == common else ' '.join(names)}: {answer}"
        for answer, names in sorted(by_answer.items(), key=lambda item: item[0] == common)
    )


def block(title: str, build: Situation, mode: Mode) -> str:
    """One situation: orders with the same answers share a row."""
    by_answers: dict[str, list[str]] = {}
    for name, command in ORDERS.items():
        by_answers.setdefault(answers(command, build, mode), []).append(name)
    rows = [f"  [{', '.join(names)}]\n{indent(said, '      ')}" for said, names in by_answers.items()]
    return "\n".join([f"{title} (mode {mode.value})", *rows])


BLOCKS = [(title, mode) for mode in (Mode.ACT, Mode.OBSERVE) for title in PLACES]


def rendered() -> str:
    blocks = [block(title, PLACES[title], mode) for title, mode in BLOCKS]
    return "\n\n".join([HEAD, *blocks]) + "\n"


@cache
def reviewed() -> dict[str, str]:
    """The blocks of the table by their first line."""
    if os.environ.get("DECISION_TABLE") == "write":
        TABLE.write_text(rendered(), encoding="utf-8")
    _, *blocks = TABLE.read_text(encoding="utf-8").removesuffix("\n").split("\n\n")
    return {each.partition("\n")[0]: each for each in blocks}


@pytest.mark.parametrize(("title", "mode"), BLOCKS)
def test_a_situation_is_decided_as_it_was_reviewed(title: str, mode: Mode) -> None:
    decided = block(title, PLACES[title], mode)
    assert decided.splitlines() == reviewed()[decided.partition("\n")[0]].splitlines()


def test_the_reviewed_table_has_no_situation_that_is_none_any_more() -> None:
    assert list(reviewed()) == [f"{title} (mode {mode.value})" for title, mode in BLOCKS]


RAISING = (Verb.START, Verb.RAISE, Verb.STEP, Verb.COMPLETE, Verb.RESUME)


def raising() -> list[Row]:
    return [r for r in every_row() if r.decision.change and r.decision.change.verb in RAISING]


@pytest.mark.promise("R1")
def test_the_schedule_raises_on_pass_and_on_nothing_else() -> None:
    by_itself = [row for row in raising() if row.case.order is None]
    assert {row.decision.kind for row in by_itself} == {DecisionKind.ADVANCE, DecisionKind.COMPLETE}
    for row in by_itself:
        assert row.verdict is Verdict.PASS, row.where


@pytest.mark.promise("R11")
def test_a_fail_is_never_overridden_and_doubt_only_knowingly() -> None:
    doubt = (Verdict.CONTRADICTORY, Verdict.ERROR, Verdict.MISSING, Verdict.STALE)
    for row in raising():
        if row.case.order and row.decision.kind in (DecisionKind.ADVANCE, DecisionKind.COMPLETE):
            assert row.verdict is not Verdict.FAIL, row.where
            assert row.verdict not in doubt or row.case.order.without_evidence, row.where


@pytest.mark.promise("R3")
def test_a_fail_halts_whatever_was_ordered_wherever_somebody_can_get_it() -> None:
    for row in every_row():
        rollout = row.case.rollout
        served = rollout.seen and rollout.seen.status in (STAGED, COMPLETED, UNKNOWN)
        free = rollout.live_since and not (rollout.halt or rollout.finished or rollout.ignored)
        if row.verdict is Verdict.FAIL and served and free and not row.case.final:
            assert row.decision.kind is DecisionKind.HALT, row.where


@pytest.mark.promise("R11")
def test_a_freeze_or_a_hold_is_never_raised_over() -> None:
    for row in raising():
        assert not row.case.window.freeze, row.where
        assert row.case.hold is None or row.order == "resume", row.where


def test_mode_observe_sends_nothing_but_a_person_s_halt_and_what_closes_our_own_window() -> None:
    sent = [row for row in every_row() if row.mode is Mode.OBSERVE and row.decision.change]
    assert {row.order for row in sent} >= {"none", "halt"}
    for row in sent:
        by_hand = row.decision.kind is DecisionKind.HALT and row.decision.actor.kind is ActorKind.HUMAN
        window = row.case.rollout.window
        ours = window is not None and window.actor.kind is ActorKind.MACHINE
        closes = row.decision.change is not None and row.decision.change.verb.brakes
        assert by_hand or (ours and closes), row.where


@pytest.mark.promise("R6")
def test_everyone_is_reached_by_completing_or_by_resuming_what_everyone_had() -> None:
    for row in raising():
        change = row.decision.change
        if change and change.exposure_ppm == PPM_ALL:
            assert change.verb is Verb.COMPLETE or row.case.rollout.live_ppm == PPM_ALL, row.where


def test_every_order_is_accepted_or_refused_in_words_in_every_situation() -> None:
    for row in every_row():
        answers = [fact for fact in row.decision.also if isinstance(fact, Commanded)]
        assert len(answers) == (row.order != "none"), row.where
        for said in answers:
            assert said.text.strip(), row.where
            assert said.command == "c1", row.where


def test_nothing_but_a_person_s_order_ends_a_hold_early_or_begins_the_steering() -> None:
    for row in every_row():
        for fact in row.decision.also:
            if isinstance(fact, Started) and row.case.order is None:
                assert "adopts" in row.situation, row.where
            if isinstance(fact, HoldEnded) and row.case.order is None:
                assert "run out" in row.situation, row.where
            change = row.decision.change
            assert not isinstance(fact, HoldEnded) or change is None or change.verb.brakes, row.where


def test_every_decision_has_reasons_in_words() -> None:
    for row in every_row():
        assert row.decision.reasons, row.where
        assert all(reason.code and reason.text.strip() for reason in row.decision.reasons), row.where


@pytest.mark.promise("R16")
def test_the_same_case_is_always_decided_the_same() -> None:
    assert all(decide(row.case) == row.decision for row in every_row())
