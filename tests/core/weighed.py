"""Builders for what the evidence is judged on: hours of both arms, terms, and a pass that heard all of it.

Unless said otherwise: the run began two days before noon with its one stage, both arms crash in 0.4 % of sessions,
every signal was read in this pass, and the newest hour is the one that ended at noon.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from stagedrollout.core.assessment import Assessment, Circumstances, assess
from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.evidence.terms import SignalId, Terms, shared_out
from stagedrollout.core.evidence.weighing import Run, weigh
from stagedrollout.core.gates import EvidenceGate, Role
from stagedrollout.core.hours import day_floor
from stagedrollout.core.judgement import Heard, Judgement, Verdict
from stagedrollout.core.ledger import Counted, Ledger, Measure, Place, Tallied, Tally, Untallied, take
from stagedrollout.core.observation import Gap
from stagedrollout.core.policy import Policy
from tests.core.builders import DAY, HOUR, NOON, POLL, gate, policy, ppm

SIGNALS = (
    SignalId.CRASHED_SESSIONS,
    SignalId.FLOOR,
    SignalId.CRASHED_USERS,
    SignalId.ABNORMAL_SESSIONS,
)
GOOD = Tally(1_000, 4, 99_000, 396)
BAD = Tally(1_000, 40, 99_000, 396)
QUIET = Tally(10, 0, 990, 4)
SILENT = Tally(0, 0, 99_000, 396)
BOTH_WORSE = Tally(1_000, 20, 99_000, 1_980)


def terms(**other: Any) -> Terms:
    usual: dict[str, Any] = {
        "rho0": 1.2,
        "s": 1.1,
        "p_ref": 0.004,
        "floor": 0.008,
        "weights": shared_out(SIGNALS),
    }
    return Terms(**{**usual, **other})


def run(since: datetime = NOON - 2 * DAY, percent: float = 1, **other: Any) -> Run:
    return Run(terms(**other), since, (StageStart(since, ppm(percent)),))


def sessions(*tallies: Tally, until: datetime = NOON, measure: Measure = Measure.CRASHED) -> Tallied:
    """One hour after the other, the last one ending at `until`."""
    first = until - len(tallies) * HOUR
    counted = tuple(Counted(Place(first + n * HOUR), tally) for n, tally in enumerate(tallies))
    return Tallied("sentry", measure, counted, until)


def users(*tallies: Tally, until: datetime = NOON) -> Tallied:
    """One day after the other; the last one is the day of `until`."""
    first = day_floor(until) - (len(tallies) - 1) * DAY
    counted = tuple(Counted(Place(first + n * DAY), tally) for n, tally in enumerate(tallies))
    return Tallied("sentry", Measure.USERS, counted, until)


def failed(measure: Measure, gap: Gap = Gap.FAILED) -> Untallied:
    return Untallied("sentry", measure, gap, f"the reading is {gap.value}")


def heard(
    *tallies: Tally,
    of: Run | None = None,
    read: tuple[Tallied | Untallied, ...] = (),
    until: datetime = NOON,
    **other: Any,
) -> Heard:
    """A pass that read these hours, and of everything else what is usual. `read`: readings in place of those."""
    usual = (
        sessions(*tallies, until=until),
        sessions(*[Tally(t.n_c, 0, t.n_b, 0) for t in tallies], until=until, measure=Measure.ABNORMAL),
        users(Tally(500, 4, 50_000, 400), until=until),
    )
    ledger = Ledger("shop")
    for reading in usual:
        ledger = take(ledger, reading, until).ledger
    named = {each.measure for each in read}
    told = (*(each for each in usual if each.measure not in named), *read)
    return Heard(weigh(of or run(), ledger), told, **other)


def seen(what: Heard, **other: Any) -> Circumstances:
    usual: dict[str, Any] = {
        "now": NOON,
        "run_since": NOON - 2 * DAY,
        "live_since": NOON - 2 * DAY,
        "poll": POLL,
        "exposure_ppm": ppm(1),
        "heard": what,
    }
    return Circumstances(**{**usual, **other})


def with_evidence(*percents: float, **other: Any) -> Policy:
    """A policy whose only required gate is the evidence; its floor can halt."""
    asked = other.pop("evidence", EvidenceGate())
    return policy(*percents, evidence=asked, gates=(gate(role=Role.VETO),), **other)


def assessed(what: Heard, policy_: Policy | None = None, **other: Any) -> Assessment:
    return assess(policy_ or with_evidence(), (), seen(what, **other))


def whole(found: Assessment) -> Judgement:
    """The judgement on the evidence as a whole."""
    return next(j for j in found.judgements if j.gate.name == "evidence")


def one(found: Assessment, signal: SignalId) -> Judgement:
    return next(j for j in found.judgements if j.gate.name == signal.value)


def says(found: Assessment) -> tuple[Verdict, str]:
    judgement = whole(found)
    return judgement.verdict, judgement.reason.code


def at(what: Heard, **changes: Any) -> Heard:
    return replace(what, **changes)
