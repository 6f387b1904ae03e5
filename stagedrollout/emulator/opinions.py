"""What people think of a release: stars of many, words of a few, and when a store shows them.

Everything is drawn from the seed and the place (app, release, quarter of an hour), never from a running
generator, so that asking in another order, or twice, gives the same people.

- Of the sessions of a release a small share ends with a written review, and ten times as many with stars
  only. Neither knows of the other: a store counts both, and lists only the written ones
  (google-play.md section 7, app-store-connect.md section 11).
- What a release is worth is the scenario's `stars`, from `stars_onset` on its stars; where neither is said
  it follows from the chance to crash: STARS_USUAL less STARS_PER_CRASH_PERCENT for each percent.
- A review is shown some hours after it was written, at most a day. A few are rewritten later, a few are
  deleted, some get an answer from the team. Averages keep what was first given: the changes are too few
  to show in them.
"""

from __future__ import annotations

import functools
import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

from stagedrollout.emulator import review_texts
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.draws import poisson, source
from stagedrollout.emulator.population import DAY, HOUR, SLOT, Crowd
from stagedrollout.emulator.review_texts import STOREFRONTS, Storefront
from stagedrollout.emulator.scenario import APP_STORE, AppStory
from stagedrollout.emulator.switches import Switches

HISTORY_DAYS = 8
"""Reviews of the time before the story: one day more than Play ever shows."""

STARS_ONLY_PER_REVIEW = 10
STARS_USUAL = 4.74
STARS_PER_CRASH_PERCENT = 0.4
STARS_WORST = 1.4

EDITED_SHARE = 0.05
DELETED_SHARE = 0.02
ANSWERED_SHARE = 0.10
VERSION_UNKNOWN_SHARE = 0.08
"""Of reviews: Play does not know every writer's version (google-play.md section 7)."""

STEEPEST = 60.0
"""Tilts beyond this leave nothing but one star, or five."""

_J_SHAPE = (0.10, 0.04, 0.07, 0.17, 0.62)
"""How stars of 1 to 5 lie in stores: most people give the most, and the angry the least."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a review says. `at`: seconds since 1970 at which it was written so."""

    at: float
    stars: int
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Review:
    """One written review as it stands at some moment. Instants are seconds since 1970.

    `appears`: when the store first shows it. `first`: as it was written, `said`: as it reads now.
    `version_known`: whether the store knows the version. None in `edited`, `deleted` and `answered`: never.
    """

    id: str
    code: int
    version: str
    nickname: str
    front: Storefront
    appears: float
    first: Words
    said: Words
    version_known: bool
    edited: Words | None
    deleted: float | None
    answered: float | None

    def changes(self, *, at_once: bool) -> Iterator[float]:
        """When the store shows it for the first time, otherwise, or no more."""
        yield self.first.at if at_once else self.appears
        yield from (at for at in (self.answered, self.deleted) if at is not None)
        if self.edited is not None:
            yield self.edited.at

    def seen(self, at: float, *, at_once: bool) -> Review | None:
        """As the store shows it at `at`; None where it is not shown yet, or no more."""
        if at < (self.first.at if at_once else self.appears):
            return None
        if self.deleted is not None and at >= self.deleted:
            return None
        if self.edited is None and self.answered is None:
            return self  # most of them, and there are many
        edited = self.edited if self.edited and at >= self.edited.at else None
        answered = self.answered if self.answered is not None and at >= self.answered else None
        return replace(self, said=edited or self.first, answered=answered)


@dataclass(frozen=True, slots=True)
class Stars:
    """`count` ratings with `total` stars together."""

    count: int = 0
    total: float = 0

    def __add__(self, other: Stars) -> Stars:
        return Stars(self.count + other.count, self.total + other.total)

    @property
    def average(self) -> float:
        return self.total / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Mood:
    """What people give a release on average; `onset`: instant and stars from then on."""

    stars: float | None = None
    onset: tuple[float, float] | None = None


@dataclass(slots=True)
class _Played:
    """All quarters of an hour that are over: what was written, and the ratings by country so far."""

    slot: int
    reviews: list[Review] = field(default_factory=list)
    ratings: list[dict[str, Stars]] = field(default_factory=list)


@dataclass(slots=True)
class _Board:
    """What is shown of all that was written. Time mostly goes on: then only what has changed is looked at anew."""

    at_once: bool
    at: float = -math.inf
    views: list[Review | None] = field(default_factory=list)
    changes: list[tuple[float, int]] = field(default_factory=list)

    def shown(self, written: list[Review], at: float) -> list[Review]:
        if at < self.at:
            return [view for review in written if (view := review.seen(at, at_once=self.at_once))]
        for place in range(len(self.views), len(written)):
            self.views.append(None)
            for change in written[place].changes(at_once=self.at_once):
                heapq.heappush(self.changes, (change, place))
        while self.changes and self.changes[0][0] <= at:
            _, place = heapq.heappop(self.changes)
            self.views[place] = written[place].seen(at, at_once=self.at_once)
        self.at = at
        return [view for view in self.views if view is not None]


class AppOpinions:
    """The opinions of one app's people on one store. `start`: when the story begins, seconds since 1970."""

    def __init__(self, story: AppStory, crowd: Crowd, seed: int, start: float) -> None:
        self.story = story
        self.crowd = crowd
        self._seed = seed
        self.start = start
        self._chance = story.reviews_per_million_sessions / 1_000_000
        self._moods = {
            release.code: Mood(
                release.stars,
                (start + onset.at.total_seconds(), onset.stars) if (onset := release.stars_onset) else None,
            )
            for release in story.releases
        }
        self._played = _Played(math.ceil((start - HISTORY_DAYS * DAY) / SLOT))
        self._first_slot = self._played.slot
        self._boards = {at_once: _Board(at_once) for at_once in (False, True)}
        before = story.ratings
        self._before = {
            front.country: Stars(
                round(before.count * front.weight / 100),
                round(before.count * front.weight / 100) * before.stars,
            )
            for front in STOREFRONTS
        }

    def mean_stars(self, code: int, at: float) -> float:
        """What the release is worth to people at `at`, 1 to 5."""
        mood = self._moods.get(code, Mood())
        if mood.onset and at >= mood.onset[0]:
            return mood.onset[1]
        if mood.stars is not None:
            return mood.stars
        crashed_percent = 100 - self.crowd.crash_free_ppm(code, at) / 10_000
        return max(STARS_WORST, STARS_USUAL - STARS_PER_CRASH_PERCENT * crashed_percent)

    def reviews(self, at: float, *, at_once: bool) -> list[Review]:
        """The written reviews that the store shows at `at`, in the order in which they were written."""
        self._play_until(at)
        return self._boards[at_once].shown(self._played.reviews, at)

    def ratings(self, country: str, at: float) -> Stars | None:
        """All ratings of a country up to `at`, with and without words; None where the app is not sold."""
        before = self._before.get(country)
        if before is None:
            return None
        self._play_until(at)
        over = min(int(at // SLOT) - self._first_slot, len(self._played.ratings))
        return self._played.ratings[over - 1][country] if over > 0 else before

    def _play_until(self, at: float) -> None:
        """Only quarters of an hour that are over: the store may still raise or halt in the running one."""
        played = self._played
        while (played.slot + 1) * SLOT <= at:
            given = dict(played.ratings[-1] if played.ratings else self._before)
            for code in self.crowd.codes:
                self._play(code, played.slot, given)
            played.ratings.append(given)
            played.slot += 1

    def _play(self, code: int, slot: int, given: dict[str, Stars]) -> None:
        opens = slot * SLOT
        sessions = self.crowd.sessions(code, slot)
        if not sessions:
            return
        draw = source(self._seed, self.story.name, self.story.store, "opinions", code, slot)
        weights = star_shares(self.mean_stars(code, opens))
        fronts = []
        for _ in range(poisson(draw, sessions * self._chance)):
            review = self._written(draw, code, opens, weights)
            self._played.reviews.append(review)
            fronts.append((review.front, review.first.stars))
        if self.story.store != APP_STORE:
            return  # only Apple's lookup ever tells of stars without words
        fronts += [
            (review_texts.storefront(draw), _one_star_rating(draw, weights))
            for _ in range(poisson(draw, sessions * self._chance * STARS_ONLY_PER_REVIEW))
        ]
        if opens >= self.start:
            for front, stars in fronts:
                given[front.country] += Stars(1, stars)

    def _written(self, draw: random.Random, code: int, opens: int, weights: tuple[float, ...]) -> Review:
        front = review_texts.storefront(draw)
        written = float(opens + draw.randrange(SLOT))
        appears = written + round(DAY * draw.random() ** 2)
        first = self._words(draw, written, front, weights)
        later = appears + round(draw.uniform(HOUR, 5 * DAY))
        return Review(
            id=str(UUID(int=draw.getrandbits(128), version=4)),
            code=code,
            version=self.crowd.version(code),
            nickname=review_texts.nickname(draw),
            front=front,
            appears=appears,
            first=first,
            said=first,
            version_known=draw.random() >= VERSION_UNKNOWN_SHARE,
            edited=self._words(draw, later, front, weights) if draw.random() < EDITED_SHARE else None,
            deleted=later + HOUR if draw.random() < DELETED_SHARE else None,
            answered=appears + 2 * HOUR if draw.random() < ANSWERED_SHARE else None,
        )

    def _words(self, draw: random.Random, at: float, front: Storefront, weights: tuple[float, ...]) -> Words:
        stars = _one_star_rating(draw, weights)
        return Words(at, stars, *review_texts.words(draw, stars, front.language))


class Opinions:
    """The opinions on all apps of a world, as they are visible now."""

    def __init__(self, timeline: Timeline, seed: int, switches: Callable[[], Switches]) -> None:
        self._timeline = timeline
        self._seed = seed
        self._switches = switches
        self._apps: dict[tuple[str, str], AppOpinions] = {}

    def open(self, story: AppStory, crowd: Crowd) -> None:
        """An app's people begin to talk; its story starts now."""
        opinions = AppOpinions(story, crowd, self._seed, self.now)
        self._apps[story.store, story.package] = opinions
        if story.app_id:
            self._apps[story.store, story.app_id] = opinions

    @property
    def now(self) -> float:
        """Virtual time in seconds since 1970."""
        return self._timeline.now.timestamp()

    def of(self, store: str, app: str) -> AppOpinions | None:
        """The opinions on the app of this package, bundle id or App Store id; None: there is no such app."""
        return self._apps.get((store, app))

    def reviews(self, store: str, app: str, *, at: float) -> list[Review]:
        """What the store shows at `at`; empty where there is no such app."""
        opinions = self.of(store, app)
        return opinions.reviews(at, at_once=self._switches().reviews_at_once) if opinions else []


@functools.lru_cache(maxsize=256)
def star_shares(mean: float) -> tuple[float, ...]:
    """The shares of 1 to 5 stars whose mean is `mean` (1 to 5): the stores' J-shape, tilted to fit."""
    low, high = -STEEPEST, STEEPEST
    for _ in range(60):
        tilt = (low + high) / 2
        shares = _tilted(tilt)
        if sum(stars * share for stars, share in enumerate(shares, 1)) < mean:
            low = tilt
        else:
            high = tilt
    return _tilted((low + high) / 2)


def _tilted(tilt: float) -> tuple[float, ...]:
    weights = [share * math.exp(tilt * (place - 2)) for place, share in enumerate(_J_SHAPE)]
    return tuple(weight / sum(weights) for weight in weights)


def _one_star_rating(draw: random.Random, weights: tuple[float, ...]) -> int:
    return draw.choices((1, 2, 3, 4, 5), weights)[0]
