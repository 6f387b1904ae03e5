"""What a pass leaves for who watches: of every rollout that goes on, and nothing that could break the pass."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from stagedrollout.core.assessment import Assessment, Judgement, Reason, Verdict
from stagedrollout.core.case import Decision
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import NOTHING_HEARD
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.daemon.watched.memory import Memory, PassEnded
from tests.core.builders import KEY, NOON, gate, halted, rolling

WAIT = Decision(DecisionKind.WAIT, ())


def judged(verdict: Verdict, **numbers: Any) -> Assessment:
    floor = gate()
    return Assessment((Judgement(floor, verdict, Reason("x", "in words", floor.name, **numbers)),), (), 0)


FINE = judged(
    Verdict.PASS, value_ppm=998_000, threshold_ppm=990_000, sample=1_200, sample_needed=1_000, as_of=NOON
)


def looked(
    memory: Memory, found: Rollout, assessment: Assessment = FINE, *, heard: Any = NOTHING_HEARD
) -> None:
    memory.looked(found, WAIT, assessment, heard)


def test_a_look_is_kept_with_its_numbers():
    memory = Memory()
    looked(memory, rolling())
    (look,) = memory.looks.values()
    (found,) = look.gates
    assert (look.release, look.phase, look.exposure_ppm, look.decision) == (
        "5.2.0 (5020)",
        Phase.ROLLING_OUT,
        100_000,
        "WAIT",
    )
    assert (found.gate, found.role, found.verdict) == ("crash_free_sessions", "required", 0)
    assert (found.value_ppm, found.threshold_ppm, found.sample, found.sample_needed) == (
        998_000,
        990_000,
        1_200,
        1_000,
    )


def test_a_gate_that_nobody_listened_to_has_no_verdict_to_alarm_anybody():
    memory = Memory()
    looked(memory, rolling())
    looked(memory, rolling(), judged(Verdict.MISSING), heard=None)
    assert memory.looks[KEY].gates == ()


def test_what_a_release_was_halted_for_stays_to_be_seen_and_judges_nothing():
    memory = Memory()
    looked(memory, rolling(), judged(Verdict.FAIL, ln_e=5.0))
    for _ in range(2):
        looked(memory, halted(rolling()), judged(Verdict.MISSING), heard=None)
        (found,) = memory.looks[KEY].gates
        assert (found.ln_harm, found.verdict, found.as_of, found.sample) == (5.0, None, None, None)


def test_a_rollout_that_is_over_is_forgotten():
    memory = Memory()
    looked(memory, rolling())
    looked(memory, replace(rolling(), closed=True))
    assert memory.looks == {}


def test_a_mistake_in_telling_is_logged_and_breaks_no_pass(caplog: pytest.LogCaptureFixture):
    memory, broken = Memory(), Assessment(None, (), 0)  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        looked(memory, rolling(), broken)
    assert "cannot be told to who watches" in caplog.text


def test_passes_are_counted_by_how_they_ended():
    memory = Memory()
    for ended in (PassEnded.DONE, PassEnded.DONE, PassEnded.BROKE_OFF):
        memory.passed(KEY.store_app, ended, "" if ended is PassEnded.DONE else "busy")
    assert memory.passes == {(KEY.store_app, PassEnded.DONE): 2, (KEY.store_app, PassEnded.BROKE_OFF): 1}
    assert memory.problems == {KEY.store_app: "busy"}
