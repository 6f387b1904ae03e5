"""Numbers out of what services write, and nothing but numbers: shared by the sources that are asked by a query."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite, isnan
from typing import Any

from stagedrollout.signals.base import Count, Implausible, Release, Setting, Span

COUNT_MAX = 10.0**12


def number_of(value: Any) -> float | None:
    """A number, also one written as a text ("0.25"); None where there is none (null, NaN). Raises Implausible."""
    if value is None:
        return None
    try:
        number = (
            float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        number = None
    if number is None:
        raise Implausible(f"what should be a number is a {type(value).__name__}")
    if isnan(number):
        return None  # nothing divided by nothing
    if not isfinite(number):
        raise Implausible("a value that is infinite")
    return number


def count_of(value: Any) -> int:
    """A count; rates and extrapolations make fractions of them. None of anything is 0. Raises Implausible."""
    number = number_of(value)
    if number is None:
        return 0
    if not -0.5 <= number <= COUNT_MAX:
        raise Implausible("a count that is below 0 or beyond belief")
    return round(number)


def hour(start: datetime, total: float | None, bad: float | None) -> Count:
    """An hour of which `bad` of `total` were bad: no more than all, where rounding and extrapolation alone make it more.

    Raises Implausible where it is clearly more: then it is counted in another unit.
    """
    of, found = count_of(total), count_of(bad)
    if found > of * 1.02 + 1:
        raise Implausible("more is bad than there is: do both count the same things?")
    return Count(start, of, min(found, of))


def instant_of(value: Any, *, milliseconds: bool = False) -> datetime:
    """The instant of a Unix time. Raises Implausible."""
    number = number_of(value)
    try:
        return datetime.fromtimestamp((number or 0.0) / (1_000 if milliseconds else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise Implausible("a time that is none") from None


def texts_of(release: Release, setting: Setting) -> dict[str, str]:
    """What stands for a release in queries."""
    return {"package": setting.app, "version": release.version, "build": release.build}


def minutes(span: Span) -> int:
    """How long a span is, at least a minute."""
    return max(1, round((span.until - span.since).total_seconds() / 60))
