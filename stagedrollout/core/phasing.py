"""Apple's phased release: seven days, seven shares, one lever, and a budget of days on which it may pause.

Apple raises by itself, one step each 24 hours that it is active (app-store-connect.md sections 1 and 6). We
can only let it (ACTIVE), stop it from growing (PAUSED), or give it to everyone for good (COMPLETE).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from stagedrollout.core.model import Actor
from stagedrollout.core.units import PPM_ALL, Duration, FromFile, Percent, ppm_from_percent

SHARES_PPM = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, PPM_ALL)
"""Who is offered the version on day 1 to 7."""

FIRST_SHARE_PPM = SHARES_PPM[0]
LAST_DAY = len(SHARES_PPM)

WINDOW = timedelta(hours=24)
"""How long Apple may take for its next step: a window that is open for longer is closed without one."""

LATE_WRITE = timedelta(minutes=5)
"""For how long a request whose answer was lost may still take effect: far beyond any time-out. The release is looked
at all the while, and what happens until a look that came later is taken for that request's doing."""

REST = timedelta(hours=1)
"""How long a pause lasts at least before the daemon itself ends it."""

BUDGET = timedelta(days=30)
"""Pause-days in all, over any number of pauses. What comes after them is not documented (section 6)."""

KEPT = timedelta(days=7)
"""How many pause-days a freeze leaves at least, before a person is asked what to do."""

WARNINGS = tuple(timedelta(days=days) for days in (20, 25, 28))
"""When people are told how much of the budget is spent."""


def share_on(day: int) -> int:
    """The exposure in ppm on Apple's day; 0 before day 1. Days beyond 7 are seen, and mean everyone (section 5)."""
    return 0 if day < 1 else SHARES_PPM[min(day, len(SHARES_PPM)) - 1]


def next_share(exposure_ppm: int) -> int:
    """Where Apple's next step leads, in ppm."""
    return next((share for share in SHARES_PPM if share > exposure_ppm), PPM_ALL)


class Pacing(StrEnum):
    """FOLLOW: Apple's clock, paused on HOLD or HALT. GUARDED: paused, but for windows that evidence opens."""

    FOLLOW = "follow"
    GUARDED = "guarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStoreTerms(FromFile):
    """How a policy goes through Apple's shares.

    In `guarded` mode each share is kept for `bake` and `min_sample` sessions before the window to the next one
    opens; in `follow` mode they count only for an early completion. `complete_from`: from this share on 100 %
    may be asked for at once, when the evidence is there, instead of Apple's remaining days.
    """

    mode: Pacing = Pacing.GUARDED
    bake: Duration = timedelta(hours=12)
    min_sample: int = 500
    complete_from: Percent | None = None
    max_bake: Duration | None = None

    def __post_init__(self) -> None:
        if self.max_bake is not None and self.max_bake < self.bake:
            raise ValueError("max_bake is how long to wait for evidence: it cannot be shorter than bake")
        if self.bake < timedelta(0) or self.min_sample < 0:
            raise ValueError("bake and min_sample are 0 or more")
        if self.complete_from is not None and self.complete_from_ppm not in SHARES_PPM[:-1]:
            raise ValueError("complete_from is one of Apple's shares: 1, 2, 5, 10, 20 or 50")
        if self.mode is Pacing.GUARDED and self.bake_days > WARNINGS[0]:
            raise ValueError(
                f"guarded mode would spend {self.bake_days.days} of Apple's 30 pause-days on bake alone; 20 at most"
            )

    @property
    def complete_from_ppm(self) -> int:
        """PPM_ALL when the policy names no early completion."""
        return PPM_ALL if self.complete_from is None else ppm_from_percent(Decimal(self.complete_from))

    @property
    def bake_days(self) -> timedelta:
        """What the bakes alone spend of the pause budget in guarded mode: one at each share below the last."""
        kept = [share for share in SHARES_PPM[:-1] if share <= self.complete_from_ppm]
        return self.bake * len(kept)


@dataclass(frozen=True, slots=True)
class StepWindow:
    """Apple may take one step, to `target_ppm`; opened by evidence (the daemon) or by a person.

    `without_evidence`: by a person who overrode doubt, knowingly; then only a failure closes it.
    """

    opened_at: datetime
    target_ppm: int
    actor: Actor
    without_evidence: bool = False

    @property
    def closes_at(self) -> datetime:
        return self.opened_at + WINDOW


@dataclass(frozen=True, slots=True)
class PauseClock:
    """What was spent of Apple's pause-days, by our own count: `spent` until `since`, and running since then.

    Apple tells a number too, without its unit (section 5); ours begins when the release was first seen.
    """

    spent: timedelta = timedelta(0)
    since: datetime | None = None

    def begun(self, at: datetime) -> PauseClock:
        return self if self.since else PauseClock(self.spent, at)

    def ended(self, at: datetime) -> PauseClock:
        return PauseClock(self.at(at)) if self.since else self

    def at(self, now: datetime) -> timedelta:
        """Spent in all until `now`."""
        return self.spent + (max(now - self.since, timedelta(0)) if self.since else timedelta(0))

    def warning(self, now: datetime) -> int:
        """The highest of the warnings that is due, in days; 0 when none is."""
        return max((limit.days for limit in WARNINGS if self.at(now) >= limit), default=0)

    def next_warning(self) -> datetime | None:
        """When the next warning comes due, if the pause goes on; None while it does not run."""
        if self.since is None:
            return None
        since = self.since
        ahead = [since + (limit - self.spent) for limit in WARNINGS if limit > self.spent]
        return ahead[0] if ahead else None
