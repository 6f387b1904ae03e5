"""The report as one document of plain values; its keys are stable.

Instants are ISO 8601 in UTC, hours are hours, shares are in ppm, odds are odds. What is not known is null. Top level:

    releases  one for each, the oldest start first: `_release`
    overall   medians, ranges and sums: `_overall`; null without a release
    hints     sentences about the policy, each citing its numbers; none from fewer than `overall.enough` needs
    older     so many more releases would have been meant
    damaged   releases whose journal or counts cannot be read, and why

`hours` names every cause that took time (causes.Cause), and adds up to `lasted_hours`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.evidence.course import odds
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Tally
from stagedrollout.core.model import Actor
from stagedrollout.core.units import PPM_ALL
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hints import hints
from stagedrollout.reporting.overall import Overall, Spread, overall
from stagedrollout.reporting.reading import Damaged, Found
from stagedrollout.reporting.release import NoticesOfKind, ReleaseReport
from stagedrollout.reporting.spans import Stretch, stretches
from stagedrollout.reporting.stages import Stage
from stagedrollout.reporting.stops import Stop

_DIGITS = 6


def document(found: Found) -> dict[str, Any]:
    whole = overall(found.releases)
    return {
        "releases": [_release(each) for each in found.releases],
        "overall": _overall(whole) if found.releases else None,
        "hints": list(hints(found.releases, whole)),
        "older": found.older,
        "damaged": [_damaged(each) for each in found.damaged],
    }


def _release(each: ReleaseReport) -> dict[str, Any]:
    return {
        "app": each.key.app,
        "store": each.key.store.value,
        "release": each.label,
        "release_id": each.key.release_id,
        "policy": each.policy,
        "started_at": each.started_at.isoformat(),
        "started_by": _actor(each.started_by),
        "ended_at": each.ended_at.isoformat(),
        "lasted_hours": _hours(each.lasted),
        "outcome": each.outcome.value,
        "phase": each.phase.value,
        "exposure_ppm": each.ppm,
        "superseded_by": each.superseded_by or None,
        "hours_to_100": _hours(each.time_to_all),
        "hours": _by_cause(each.hours),
        "holds": each.holds,
        "held": [_stretch(s) for s in stretches(each.course, Cause.HELD)],
        "other": [_stretch(s) for s in stretches(each.course, Cause.OTHER)],
        "halts": [_stop(stop) for stop in each.stops],
        "failing": [
            {"at": one.at.isoformat(), "why": one.why.value, "words": one.words, "exposure_ppm": one.ppm}
            for one in each.failing
        ],
        "stages": [_stage(stage) for stage in each.stages],
        "overrides": [
            {
                "kind": one.kind.value,
                "at": one.at.isoformat(),
                "by": one.by,
                "reason": one.reason,
                "without_evidence": one.without_evidence,
            }
            for one in each.overrides
        ],
        "console": {meaning.value: count for meaning, count in each.console},
        "troubles": [
            {"verb": one.verb.value, "settlement": one.settlement.value, "count": one.count}
            for one in each.troubles
        ],
        "notices": _notices(each.notices),
    }


def _notices(told: tuple[NoticesOfKind, ...]) -> dict[str, dict[str, int]]:
    return {
        one.kind: {
            "count": one.count,
            "broadcast": one.broadcast,
            "waiting": one.waiting,
            "failed": one.failed,
        }
        for one in told
    }


def _actor(actor: Actor) -> dict[str, str]:
    return {"kind": actor.kind.value, "name": actor.name}


def _stretch(stretch: Stretch) -> dict[str, Any]:
    because = stretch.because
    return {
        "code": because.code,
        "gate": because.gate,
        "words": because.words,
        "hours": _hours(stretch.length),
        "times": stretch.times,
    }


def _stop(stop: Stop) -> dict[str, Any]:
    return {
        "at": stop.at.isoformat(),
        "by": _actor(stop.actor),
        "code": stop.code,
        "gate": stop.gate,
        "words": stop.words,
        "exposure_ppm": stop.ppm,
        "sessions": stop.sessions,
        "suspected_at": _iso(stop.suspected_at),
        "hours_from_suspicion": _hours(stop.suspicion),
        "confirmed_at": _iso(stop.confirmed_at),
        "hours_to_confirm": _hours(stop.unconfirmed),
        "refused": stop.refused,
        "resumed_at": _iso(stop.resumed_at),
        "resumed_by": _actor(stop.resumed_by) if stop.resumed_by else None,
        "reached_100_after": stop.reached_all,
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "exposure_ppm": stage.ppm,
        "since": stage.since.isoformat(),
        "until": stage.until.isoformat(),
        "hours": _hours(stage.until - stage.since),
        "left": stage.left.value,
        "odds_of_harm": _odds(stage.ln_harm),
        "odds_of_safety": _odds(stage.ln_safety),
        "sessions": stage.counted.n_c if stage.counted else None,
        "crash_free_ppm": candidate_ppm(stage.counted),
        "baseline_sessions": stage.counted.n_b if stage.counted else None,
        "baseline_crash_free_ppm": baseline_ppm(stage.counted),
    }


def candidate_ppm(counted: Tally | None) -> int | None:
    """Crash-free sessions of the release; None without a session."""
    return (counted.n_c - counted.k_c) * PPM_ALL // counted.n_c if counted and counted.n_c else None


def baseline_ppm(counted: Tally | None) -> int | None:
    """Crash-free sessions of what people ran beside it; None without a session."""
    return (counted.n_b - counted.k_b) * PPM_ALL // counted.n_b if counted and counted.n_b else None


def _overall(whole: Overall) -> dict[str, Any]:
    return {
        "releases": whole.releases,
        "over": whole.over,
        "enough": whole.enough,
        "outcomes": {outcome.value: count for outcome, count in whole.outcomes.items()},
        "hours_to_100": _spread(whole.hours_to_all),
        "halted": whole.halted,
        "share_halted": round(whole.halted / whole.releases, _DIGITS),
        "halts": whole.halts,
        "machine_halts": whole.machine_halts,
        "taken_back": whole.taken_back,
        "exposure_at_halt_ppm": _spread(whole.exposure_at_halt),
        "sessions_at_halt": _spread(whole.sessions_at_halt),
        "hours_from_suspicion": _spread(whole.to_halt),
        "hours_to_confirm": _spread(whole.to_confirm),
        "hours": _by_cause(whole.hours),
        "held": [_stretch(stretch) for stretch in whole.held],
        "overrides": whole.overrides,
        "overrides_per_release": round(whole.overrides / whole.releases, _DIGITS),
        "notices": _notices(whole.notices),
        "undelivered": whole.undelivered,
    }


def _spread(found: Spread | None) -> dict[str, float] | None:
    if found is None:
        return None
    median, low, high = (round(value, _DIGITS) for value in (found.median, found.low, found.high))
    return {"median": median, "low": low, "high": high, "count": found.count}


def _damaged(each: Damaged) -> dict[str, str]:
    key = each.key
    return {"app": key.app, "store": key.store.value, "release_id": key.release_id, "why": each.why}


def _by_cause(hours: Mapping[Cause, timedelta]) -> dict[str, float]:
    return {cause.value: round(length / HOUR, _DIGITS) for cause, length in hours.items()}


def _odds(ln: float | None) -> float | None:
    return None if ln is None else round(odds(ln), _DIGITS)


def _hours(length: timedelta | None) -> float | None:
    return None if length is None else round(length / HOUR, _DIGITS)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
