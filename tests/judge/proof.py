"""Evidence of harm and of safety, computed afresh from counts (decision-engine.md sections 2 to 5).

Restated here from the design, number by number, on purpose: a mistake in the product's arithmetic must not be a
mistake of the judge's as well. Everything is in natural logarithms; `s` is the mean length of a crash loop.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, expm1, inf, log, log1p, sqrt
from typing import NamedTuple

HOUR = timedelta(hours=1)
LN_HALT, LN_HOLD, LN_ADVANCE = log(100), log(10), log(10)
HARMFUL = (1.15, 1.35, 1.65, 2.2, 3.2, 5.0, 10.0, 30.0)
_WEIGHTS = (0.16, 0.16, 0.16, 0.16, 0.12, 0.10, 0.08, 0.06)
_LN_WEIGHTS = tuple(map(log, _WEIGHTS))
_HARMLESS = (1.25, 1.7, 2.6, 6.0)
_LADDER = ((1, 4.0), (2, 3.5), (5, 3.0), (10, 2.5), (20, 2.0), (50, 1.75))
_TAU0_SQUARED, _TAU_MIN_SQUARED, _PRIOR = 0.15**2, 0.03**2, 12
SHARES = {
    "crashed_sessions": 0.60,
    "floor": 0.15,
    "crashed_users": 0.10,
    "abnormal_sessions": 0.05,
    "ratings": 0.10,
}


class Bucket(NamedTuple):
    """`n_c` sessions (or users) of the candidate, `k_c` of them bad; `n_b` and `k_b` of what it is compared with."""

    n_c: int
    k_c: int
    n_b: int
    k_b: int

    @property
    def clamped(self) -> Bucket:
        """A crash loop cannot crash more sessions than there are."""
        return self._replace(k_c=min(self.k_c, self.n_c))


class Stage(NamedTuple):
    """`request`: the number of the request that brought it about, where one did."""

    at: datetime
    ppm: int
    request: int | None = None


class Row(NamedTuple):
    """`stage`: one began in it. `ruled_out`: the ratio that its stage must rule out. `incident`: see `_is_off`."""

    start: datetime
    bucket: Bucket
    stage: bool
    ruled_out: float | None
    incident: bool


class _State(NamedTuple):
    reserve: float
    harm: tuple[float, ...]
    safety: tuple[float, ...]
    excess: float
    pairs: int
    last: tuple[float, float] | None

    @property
    def tau2(self) -> float:
        return max(_TAU_MIN_SQUARED, (_PRIOR * _TAU0_SQUARED + self.excess) / (_PRIOR + self.pairs))


_BEGINNING = _State(1.0, (-inf,) * len(HARMFUL), (0.0,) * len(_HARMLESS), 0.0, 0, None)

Increment = Callable[[Bucket, float], Sequence[float]]
"""What a bucket says for each of HARMFUL, at a noise of tau2."""


def hour_floor(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def log_sum(values: Sequence[float]) -> float:
    largest = max(values)
    return largest if largest == -inf else largest + log(sum(exp(value - largest) for value in values))


def log_add(a: float, b: float) -> float:
    """`log_sum` of two."""
    more, less = (a, b) if a > b else (b, a)
    return more if less == -inf else more + log1p(exp(less - more))


@lru_cache(maxsize=512)
def eta(g: float, s: float) -> float:
    """The largest power at which evidence for `g` stays honest with geometric loops of mean `s`."""
    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        x = g**middle
        left = 1 - x * (1 - 1 / s)
        honest = left > 0 and (x / s) / left - 1 <= middle * s * (g - 1)
        low, high = (middle, high) if honest else (low, middle)
    return low


def two_sample(bucket: Bucket, rho: float, g: float) -> float:
    """L2: the ratio is `g` times `rho`, against `rho`."""
    n_c, k_c, n_b, k_b = bucket
    if not n_c or not n_b:
        return 0.0
    return k_c * log(g) - (k_c + k_b) * log1p(n_c * rho * (g - 1) / (n_c * rho + n_b))


def one_sample(bucket: Bucket, floor: float, g: float) -> float:
    """L1: the candidate crashes `g` times as often as `floor`."""
    return bucket.k_c * log(g) - bucket.n_c * floor * (g - 1)


def _noise(bucket: Bucket, rho: float) -> float:
    share = bucket.n_c * rho / (bucket.n_c * rho + bucket.n_b) if bucket.n_c else 0.0
    return (bucket.k_c + bucket.k_b) * share * (1 - share)


def against_baseline(rho0: float, s: float) -> Increment:
    dampings = [(g, 1 / eta(g, s)) for g in HARMFUL]

    def increment(bucket: Bucket, tau2: float) -> list[float]:
        noise = tau2 * _noise(bucket, rho0)
        return [two_sample(bucket, rho0, g) / (damping + noise) for g, damping in dampings]

    return increment


def against_baseline_by_people(rho0: float, s: float) -> Increment:
    """The same, but silent where the candidate has most of the day's people: who updates is in both arms, and the
    rest of the others are those who seldom open the app."""
    by_ratio = against_baseline(rho0, s)

    def increment(bucket: Bucket, tau2: float) -> list[float]:
        return [0.0] * len(HARMFUL) if bucket.n_c > bucket.n_b else by_ratio(bucket, tau2)

    return increment


def against_floor(floor: float, s: float) -> Increment:
    dampings = [(g, 1 / eta(g, s)) for g in HARMFUL]

    def increment(bucket: Bucket, tau2: float) -> list[float]:
        noise = tau2 * bucket.n_c * floor
        return [one_sample(bucket, floor, g) / (damping + noise) for g, damping in dampings]

    return increment


def _for_safety(bucket: Bucket, rho: float, s: float, tau2: float) -> list[float]:
    noise = tau2 * _noise(bucket, rho)
    return [two_sample(bucket, rho, 1 / g) / (1 / eta(g, s) + noise) for g in _HARMLESS]


def rho_advance(ppm: int) -> float:
    return next((rho for percent, rho in _LADDER if ppm <= percent * 10_000), _LADDER[-1][1])


def tolerated(margin: float, p_ref: float | None) -> float:
    """rho0, the ratio that is tolerated."""
    return min(3.0, 1 + max(margin, 0.0002 / p_ref)) if p_ref else 1 + margin


def merged(weights: Mapping[str, float], ln_e: Mapping[str, float]) -> float:
    """ln of the weighted mean; a signal in `weights` that is not in `ln_e` counts nothing."""
    return log_sum([-inf, *(log(weight) + ln_e[name] for name, weight in weights.items() if name in ln_e)])


class Course:
    """One signal, bucket by bucket; what has not changed is not counted again. `guarded`: silent while the baseline
    itself is off. `tau2`: fixed noise."""

    def __init__(
        self,
        increment: Increment,
        s: float,
        *,
        hours: int = 1,
        p_ref: float | None = None,
        guarded: bool = False,
        tau2: float | None = None,
    ) -> None:
        self._increment, self._s, self._hours = increment, s, hours
        self._p_ref, self._guarded, self._tau2 = p_ref, guarded, tau2
        self.rows: list[Row] = []
        self._states = [_BEGINNING]

    def follow(
        self, buckets: Mapping[datetime, Bucket], stages: Sequence[Stage], since: datetime | None
    ) -> None:
        """Count again everything from `since` on (None: all); earlier buckets are as they were."""
        keep = 0 if since is None else bisect_left(self.rows, since, key=lambda row: row.start)
        before, states = self.rows[keep:], self._states[keep + 1 :]
        del self.rows[keep:]
        del self._states[keep + 1 :]
        after = self.rows[-1].start if self.rows else None
        hours = [(hour_floor(stage.at), stage) for stage in stages]
        for number, start in enumerate(sorted(s for s in buckets if after is None or s > after)):
            row = self._row(start, buckets[start], hours)
            if number < len(before) and row == before[number]:  # and so were all before it
                self._states.append(states[number])
            else:
                before = []
                self._states.append(self._counted(row))
            self.rows.append(row)

    def _row(self, start: datetime, bucket: Bucket, stages: Sequence[tuple[datetime, Stage]]) -> Row:
        begun = [(hour, stage) for hour, stage in stages if hour <= start]
        before = self.rows[-1].start if self.rows else None
        fresh = any(before is None or hour > before for hour, _ in begun)
        rho = rho_advance(begun[-1][1].ppm) if begun else None
        row = Row(start, bucket, fresh, rho, incident=False)
        return row._replace(incident=self._p_ref is not None and self._is_off(row))

    def _is_off(self, row: Row) -> bool:
        """The baseline crashes more than it ever did, in this hour or in it and the two before together."""
        return self._above_usual([row]) or self._above_usual([*self._near(row.start), row])

    def _above_usual(self, rows: Sequence[Row]) -> bool:
        usual = 1.25 * (self._p_ref or 0) * sum(row.bucket.n_b for row in rows)
        crashed = sum(row.bucket.k_b for row in rows)
        return usual > 3 and crashed > usual + 2 * sqrt((2 * self._s - 1) * usual)

    def _near(self, start: datetime) -> list[Row]:
        earlier = self.rows[: bisect_left(self.rows, start, key=lambda row: row.start)]
        return [row for row in earlier[-2:] if start - row.start <= 2 * HOUR]

    def _counted(self, row: Row) -> _State:
        state, bucket = self._states[-1], row.bucket.clamped
        tau2 = state.tau2 if self._tau2 is None else self._tau2
        spent = -expm1(-self._hours / 96)
        spent = 0.5 if not self.rows else 0.2 if row.stage else spent
        mass = state.reserve * spent
        ln_mass = log(mass)
        silent = self._guarded and row.incident
        more = [0.0] * len(HARMFUL) if silent else self._increment(bucket, tau2)
        harm = tuple(
            log_add(so_far, ln_weight + ln_mass) + increment
            for so_far, ln_weight, increment in zip(state.harm, _LN_WEIGHTS, more, strict=True)
        )
        safety = (0.0,) * len(_HARMLESS) if row.stage else state.safety
        if row.ruled_out is not None and row.bucket == bucket:
            safer = _for_safety(bucket, row.ruled_out, self._s, tau2)
            safety = tuple(a + b for a, b in zip(safety, safer, strict=True))
        return _State(state.reserve - mass, harm, safety, *self._learned(state, bucket))

    def _learned(self, state: _State, bucket: Bucket) -> tuple[float, int, tuple[float, float] | None]:
        """What a closed bucket tells of the noise from hour to hour."""
        n_c, k_c, n_b, k_b = bucket
        if k_c < 10 or k_b < 10:
            return state.excess, state.pairs, state.last
        now = (log(k_c / n_c) - log(k_b / n_b), (2 * self._s - 1) * (1 / k_c + 1 / k_b))
        if state.last is None:
            return state.excess, state.pairs, now
        seen = ((now[0] - state.last[0]) ** 2 - now[1] - state.last[1]) / 2
        excess = max(state.excess + max(seen, -_TAU0_SQUARED), -0.9 * _PRIOR * _TAU0_SQUARED)
        return excess, state.pairs + 1, now

    @property
    def tau2(self) -> float:
        return self._states[-1].tau2

    @property
    def reserve(self) -> float:
        return self._states[-1].reserve

    @property
    def ln_e(self) -> float:
        """Evidence of harm."""
        return log_sum([*self._states[-1].harm, log(self.reserve)])

    def safety(self, stage: Stage) -> Callable[[datetime], float]:
        """Evidence that the present stage is safe, by the hours that have settled by a time, as they are counted now."""
        starts, states = [row.start for row in self.rows], self._states[:]

        def until(settled: datetime) -> float:
            count = bisect_right(starts, settled - HOUR)
            if not count or starts[count - 1] < hour_floor(stage.at):
                return 0.0
            return log_sum([log(0.25) + gathered for gathered in states[count].safety])

        return until

    @property
    def outside_incident(self) -> bool:
        """Both arms are worse than usual: that is not the release."""
        if not self.rows or not self.rows[-1].incident:
            return False
        near = [*self._near(self.rows[-1].start), self.rows[-1]]
        crashed = sum(row.bucket.clamped.k_c for row in near)
        return crashed > 1.25 * (self._p_ref or 0) * sum(row.bucket.n_c for row in near)
