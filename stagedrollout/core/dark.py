"""A release that sends next to no sessions. A build that dies before its reporter starts looks like this, and so does
one that was built without it: both look healthy to whoever only counts crashes (decision-engine.md section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp

from stagedrollout.core.evidence.course import Row
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.core.ledger import Tally
from stagedrollout.core.units import PPM_ALL

UPTAKE = timedelta(hours=36)
"""Time constant with which people update to what they are offered."""

JUDGED_FROM = timedelta(hours=12)
PREDICTED_MIN = 40
"""Younger stages, and predictions of fewer sessions, say nothing."""

DARK_SHARE = 0.25
SPAN = timedelta(hours=3)
BEFORE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Dark:
    """How many sessions there are, and how many there should be."""

    sessions: int
    predicted: float
    why: str


def dark(
    rows: Sequence[Row], *, live_since: datetime, exposure_ppm: int, now: datetime, settle: timedelta
) -> Dark | None:
    """Whether the candidate is dark, by its hours, oldest first; None if it is not, or nobody can tell."""
    return _never_came(rows, live_since, exposure_ppm, now) or _went_away(rows, now, settle)


def _never_came(rows: Sequence[Row], live_since: datetime, exposure_ppm: int, now: datetime) -> Dark | None:
    if now - live_since < JUDGED_FROM or exposure_ppm >= PPM_ALL:
        return None
    share, sessions, predicted = exposure_ppm / PPM_ALL, 0, 0.0
    for row in reversed(rows):
        since_live = row.start + HOUR / 2 - live_since
        if since_live <= timedelta(0):
            break
        if row.start + HOUR <= now:
            total = row.total
            sessions += total.n_c
            predicted += (total.n_c + total.n_b) * share * (1 - exp(-(since_live / UPTAKE)))
    if predicted < PREDICTED_MIN or sessions >= DARK_SHARE * predicted:
        return None
    return Dark(sessions, predicted, f"{sessions} sessions since it is live, about {predicted:.0f} expected")


def _went_away(rows: Sequence[Row], now: datetime, settle: timedelta) -> Dark | None:
    """Three settled hours against what it had before, relative to the releases beside it: a raise in between only
    makes more of it, and night falls on both."""
    end = hour_floor(now - settle)
    today, before = _over(rows, end - SPAN, end), _over(rows, end - SPAN - BEFORE, end - SPAN)
    if before.n_b == 0:
        return None
    expected = before.n_c / before.n_b * today.n_b
    if expected < PREDICTED_MIN or today.n_c >= DARK_SHARE * expected:
        return None  # too little to compare with, or everybody has fallen silent: that is no release's doing
    why = f"{today.n_c} sessions in three hours, about {expected:.0f} expected by the day before"
    return Dark(today.n_c, expected, why)


def _over(rows: Sequence[Row], since: datetime, end: datetime) -> Tally:
    near = rows[-2 * int((BEFORE + SPAN) / HOUR) :]
    return sum((row.total for row in near if since <= row.start < end), Tally(0, 0, 0, 0))
