"""What Play itself reports of an app, and how late (google-play.md sections 8 and 9)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Vital(StrEnum):
    """The share of a day's, or an hour's, users who met it at least once."""

    USER_PERCEIVED_CRASH_RATE = "user_perceived_crash_rate"
    CRASH_RATE = "crash_rate"
    USER_PERCEIVED_ANR_RATE = "user_perceived_anr_rate"
    ANR_RATE = "anr_rate"


class Period(StrEnum):
    """What is counted together: days of Los Angeles, or hours of UTC. Play has no others."""

    DAILY = "daily"
    HOURLY = "hourly"

    @property
    def length(self) -> timedelta:
        """Of all but the two days a year on which clocks are changed."""
        return timedelta(days=1) if self is Period.DAILY else timedelta(hours=1)

    @property
    def lag(self) -> timedelta:
        """Days have been seen 1 to 4 days late. Of hours no figure is known; a gate can say `freshness`."""
        return timedelta(days=4) if self is Period.DAILY else timedelta(hours=6)


RATINGS_LAG = timedelta(days=2)
"""Of the files with ratings: one to two days, sometimes more."""


def window_min(lag: timedelta, period: timedelta) -> timedelta:
    """A gate's shortest window that always holds one whole period of such a report: the lag, the period, and the part
    of another one at the window's beginning."""
    return lag + 2 * period
