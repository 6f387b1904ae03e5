"""What a daemon has told of itself, for whoever asks from outside: the newest of everything, and a few counts.

Told by turns and passes, read by other threads. There is no lock: each value is frozen and put in its place as a whole,
and each place has one writer. It outlives a reload.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stagedrollout.core.assessment import Assessment
from stagedrollout.core.case import Decision
from stagedrollout.core.evidence.terms import LN_ADVANCE
from stagedrollout.core.judgement import Heard, Judgement
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.daemon.health.rounds import Rounds

log = logging.getLogger(__name__)

WHOLE = "evidence"
"""What the gate on the evidence as a whole is called; each signal of it has one of its own."""


class PassEnded(StrEnum):
    """TROUBLED: it could not do its work, because a store could not be read or the clocks disagree."""

    DONE = "done"
    TROUBLED = "troubled"
    BROKE_OFF = "broke_off"


@dataclass(frozen=True, slots=True)
class GateLook:
    """A gate as the newest pass judged it; None where there is no such number. `ln_harm`: evidence of harm."""

    gate: str
    role: str
    verdict: int | None = None
    as_of: datetime | None = None
    value_ppm: int | None = None
    threshold_ppm: int | None = None
    sample: int | None = None
    sample_needed: int | None = None
    ln_harm: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A rollout as the newest pass left it. `gates`: empty while its signals have nothing to say."""

    release: str
    phase: Phase
    exposure_ppm: int
    decision: str
    gates: tuple[GateLook, ...] = ()
    ln_safety: float | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest sign of life of the turns, at an instant of `elapsed`; `problem` keeps the daemon as a whole from its
    work ("": nothing does), and `rounds` knows the passes."""

    at: float
    problem: str
    rounds: Rounds


@dataclass(slots=True)
class Memory:
    begun: float = field(default_factory=elapsed)
    beat: Beat | None = None
    written_at: float | None = None
    """When the database last took a sign of life, and said that the lease is ours."""

    turns: int = 0
    """How many have ended, each of which took orders, beat and started what was due."""

    looks: dict[RolloutKey, Look] = field(default_factory=dict)
    passes: dict[tuple[StoreApp, PassEnded], int] = field(default_factory=dict)
    problems: dict[StoreApp, str] = field(default_factory=dict)
    """Of each store app's newest pass; "" where it could do its work."""

    def beaten(self, rounds: Rounds, problem: str) -> None:
        now = elapsed()
        self.beat = Beat(now, problem, rounds)
        if not problem:
            self.written_at = now

    def passed(self, app: StoreApp, ended: PassEnded, problem: str) -> None:
        self.problems[app] = problem
        self.passes[app, ended] = self.passes.get((app, ended), 0) + 1

    def looked(
        self, rollout: Rollout, decision: Decision, assessment: Assessment, heard: Heard | None
    ) -> None:
        """`heard`: None where nobody listened. Raises nothing: telling of a pass must never be what breaks it."""
        try:
            if rollout.finished:
                self.looks.pop(rollout.key, None)
            else:
                before = self.looks.get(rollout.key)
                self.looks[rollout.key] = _look(rollout, decision, assessment, heard, before)
        except Exception:
            log.exception("%s: what a pass saw cannot be told to who watches", rollout.key)


def _look(
    rollout: Rollout, decision: Decision, assessment: Assessment, heard: Heard | None, before: Look | None
) -> Look:
    if heard:
        gates = tuple(_gate(judgement, heard) for judgement in assessment.judgements)
    else:
        gates = _left(before) if before and rollout.halt else ()
    return Look(
        release=rollout.release.label,
        phase=rollout.phase,
        exposure_ppm=rollout.exposure_ppm,
        decision=decision.kind.value,
        gates=gates,
        ln_safety=_safety(assessment) if heard else None,
    )


def _left(before: Look) -> tuple[GateLook, ...]:
    """Of a halted release nobody asks the signals any more: what it was halted for stays to be seen, and judges nothing."""
    return tuple(GateLook(each.gate, each.role, ln_harm=each.ln_harm) for each in before.gates)


def _safety(assessment: Assessment) -> float | None:
    """Where the evidence as a whole cites it: not while harm is suspected."""
    whole = (j.reason for j in assessment.judgements if j.gate.name == WHOLE)
    return next((reason.ln_e for reason in whole if reason.ln_e_needed == LN_ADVANCE), None)


def _gate(judgement: Judgement, heard: Heard) -> GateLook:
    reason = judgement.reason
    return GateLook(
        gate=judgement.gate.name,
        role=judgement.gate.role.value,
        verdict=int(judgement.verdict),
        as_of=reason.as_of,
        value_ppm=reason.value_ppm,
        threshold_ppm=reason.threshold_ppm,
        sample=reason.sample,
        sample_needed=reason.sample_needed,
        ln_harm=_harm(judgement, heard),
    )


def _harm(judgement: Judgement, heard: Heard) -> float | None:
    """Of the evidence as a whole a reason may cite its safety instead."""
    if judgement.gate.name == WHOLE:
        return heard.weighing.ln_e if heard.weighing else None
    return judgement.reason.ln_e
