"""Reviews of whatever store, once read: counted by release, and the worst of them quoted.

The twins play_reviews.py and app_store_reviews.py turn their store's answers into these values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.hours import day_floor
from stagedrollout.core.observation import (
    LOW_STARS,
    LOWEST_MAX,
    DayOfStars,
    Review,
    Reviews,
    SignalQuery,
    Stars,
)
from stagedrollout.signals.quotes import titled

HOUR = timedelta(hours=1)
"""How rarely reviews are read: they come late and in small numbers (google-play.md section 7)."""


@dataclass(frozen=True, slots=True)
class Written:
    """One review as the store shows it now. `release`: the store's name of what it is about; None: not known."""

    id: str
    at: datetime
    stars: int
    release: str | None
    title: str = field(repr=False)
    body: str = field(repr=False)

    @property
    def quotable(self) -> bool:
        return self.stars <= LOW_STARS and bool(self.title.strip() or self.body.strip())


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a store showed at `as_of`. `complete_since`: earlier reviews may be missing from it (None: none are).

    `missing`: the releases whose reviews could not be read at all.
    """

    reviews: tuple[Written, ...]
    as_of: datetime
    complete_since: datetime | None
    missing: frozenset[str] = frozenset()


def counted(
    signal: str, shelf: Shelf, query: SignalQuery, release: str, baseline: Collection[str]
) -> Reviews:
    """The reading for the candidate, called `release` by the store, against those called `baseline`.

    The baseline is counted as far back as the store shows it (Play: a week): it does not begin anew with the
    candidate's run, and on the App Store it dries up as people update. A review from the future says nothing
    about how new the others are.
    """
    lost = shelf.missing.intersection(baseline)
    since = max(query.since, shelf.complete_since or query.since)
    mine = [one for one in shelf.reviews if one.release == release and one.at >= since]
    theirs = [one for one in shelf.reviews if one.release in baseline]
    low = sorted((one for one in mine if one.quotable), key=lambda one: one.at, reverse=True)
    return Reviews(
        signal=signal,
        candidate=_stars(mine),
        baseline=None if not query.baseline or (lost and lost.issuperset(baseline)) else _stars(theirs),
        lowest=tuple(_review(one) for one in low[:LOWEST_MAX]),
        since=since,
        as_of=shelf.as_of,
        baseline_name=", ".join(one.version for one in query.baseline),
        cut_short=since > query.since or bool(lost),
        newest=max((one.at for one in mine if one.at <= shelf.as_of), default=None),
        days=_days(mine),
    )


def _days(reviews: list[Written]) -> tuple[DayOfStars, ...]:
    starts = sorted({day_floor(one.at) for one in reviews})
    return tuple(
        DayOfStars(day, _stars(one for one in reviews if day_floor(one.at) == day)) for day in starts
    )


def stars_of(value: Any) -> int | None:
    """A number of stars from 1 to 5; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5 else None


def _stars(reviews: Iterable[Written]) -> Stars:
    given = [one.stars for one in reviews]
    return Stars(tuple(given.count(stars) for stars in range(1, 6)))


def _review(one: Written) -> Review:
    return Review(one.id, one.at, one.stars, titled(one.title, one.body))
