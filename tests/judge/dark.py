"""Whether a release is dark: next to no sessions, as of a build that dies before its reporter starts (section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp

from tests.judge.proof import HOUR, Row, Stage, hour_floor
from tests.judge.terms import PPM_ALL

_UPTAKE = timedelta(hours=36)
_JUDGED_FROM = timedelta(hours=12)
_EXPECTED_LEAST = 40
_DAY = timedelta(days=1)
_SPAN = 3 * HOUR


def dark(rows: Sequence[Row], stage: Stage, now: datetime, settle: timedelta, slack: float = 1.0) -> bool:
    """`slack`: below 1 only what is certainly dark, above 1 also what nearly is."""
    return _never_came(rows, stage, now, slack) or _went_away(rows, now, settle, slack)


def _never_came(rows: Sequence[Row], stage: Stage, now: datetime, slack: float) -> bool:
    if now - stage.at < _JUDGED_FROM or stage.ppm >= PPM_ALL:
        return False
    sessions, expected = 0, 0.0
    for start, bucket, *_ in rows:
        since_live = start + HOUR / 2 - stage.at
        if since_live > timedelta(0) and start + HOUR <= now:
            sessions += bucket.n_c
            reached = stage.ppm / PPM_ALL * (1 - exp(-(since_live / _UPTAKE)))
            expected += (bucket.n_c + bucket.n_b) * reached
    return expected * slack >= _EXPECTED_LEAST and sessions < expected * slack / 4


def _went_away(rows: Sequence[Row], now: datetime, settle: timedelta, slack: float) -> bool:
    """Three settled hours against the day before them, both relative to what is compared with."""
    end = hour_floor(now - settle)
    today, beside = _over(rows, end - _SPAN, end)
    before, beside_before = _over(rows, end - _SPAN - _DAY, end - _SPAN)
    expected = slack * before / beside_before * beside if beside_before else 0.0
    return expected >= _EXPECTED_LEAST and today < expected / 4


def _over(rows: Sequence[Row], since: datetime, end: datetime) -> tuple[int, int]:
    near = [row.bucket for row in rows if since <= row.start < end]
    return sum(bucket.n_c for bucket in near), sum(bucket.n_b for bucket in near)
