"""The gates of a policy: what is measured, from when on it speaks, and what it takes to stop a release.

How a gate judges what was read is in assessment.py (floors), harm.py (evidence) and opinion.py (what people write).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from stagedrollout.core.evidence.terms import SignalId
from stagedrollout.core.observation import Metric
from stagedrollout.core.units import Duration, FromFile, Percent, Written, ppm_from_percent


class Role(StrEnum):
    """REQUIRED gates hold and halt, and a raise needs their PASS. A VETO gate can hold and halt, but its silence
    holds nothing up (a suspicion it has voiced stands for a while: see opinion.py). ADVISORY ones are shown and
    never decide."""

    REQUIRED = "required"
    VETO = "veto"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(FromFile):
    """A catastrophe floor: FAIL when `metric` over the last `window` is under `floor` percent.

    It speaks only from `min_sample` sessions (or users) on, passes only while the newest data are at
    most `freshness` old, and fails only after `confirm` consecutive polls.
    """

    metric: Metric
    floor: Percent
    min_sample: int
    window: Duration = timedelta(hours=24)
    freshness: Duration = timedelta(hours=2)
    confirm: int = 2
    role: Role = Role.REQUIRED

    def __post_init__(self) -> None:
        if not 0 < self.floor < 100:
            raise ValueError("floor is a crash-free percentage between 0 and 100, for example 99.0")
        if self.min_sample < 1:
            raise ValueError("min_sample must be at least 1: a gate without data knows nothing")
        if not 1 <= self.confirm <= 100:
            raise ValueError("confirm is a number of polls from 1 to 100")
        if not timedelta(hours=1) <= self.window <= timedelta(days=14):
            raise ValueError("window must be from 1h to 14d: the sources count in hours")
        if self.freshness < timedelta(minutes=30):
            raise ValueError("freshness must be at least 30m: the sources need that to settle")

    @property
    def floor_ppm(self) -> int:
        return ppm_from_percent(self.floor)

    @property
    def name(self) -> str:
        return self.metric.value

    @property
    def counts_sessions(self) -> bool:
        return self.metric is Metric.CRASH_FREE_SESSIONS


def _stars(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("stars are a number like 0.8")
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("stars are a number like 0.8") from None
    if not number.is_finite() or number != number.quantize(Decimal("0.001")):
        raise ValueError("stars are a number with at most three decimals, like 0.8")
    return number


StarsText = Annotated[Decimal, Written(_stars, "0.8")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingGate(FromFile):
    """What people write in the store: FAIL when the mean of this release's reviews is more than `drop` stars
    below the previous release's, or when more than `one_star` percent of them gave one star.

    It speaks only from `min_reviews` on (of each release, for the drop) and fails only after `confirm` looks that
    brought news: more reviews than the look before, or newer ones. Reviews are read at most once an hour. What
    was read counts for at most `freshness`, and so does a suspicion while nothing complete is heard.
    """

    min_reviews: int = 40
    drop: StarsText = Decimal("0.8")
    one_star: Percent = Decimal(50)
    window: Duration = timedelta(days=7)
    freshness: Duration = timedelta(hours=6)
    confirm: int = 2
    role: Role = Role.VETO

    def __post_init__(self) -> None:
        if self.min_reviews < 5:
            raise ValueError("min_reviews must be at least 5: one angry review is no trend")
        if not 0 < self.drop < 4:
            raise ValueError("drop is a number of stars between 0 and 4, for example 0.8")
        if not 0 < self.one_star < 100:
            raise ValueError("one_star is a percentage between 0 and 100, for example 50")
        if not 1 <= self.confirm <= 100:
            raise ValueError("confirm is a number of looks from 1 to 100")
        if not timedelta(days=1) <= self.window <= timedelta(days=7):
            raise ValueError("window must be from 1d to 7d: Google Play shows a week of reviews")
        if self.freshness < timedelta(hours=2):
            raise ValueError("freshness must be at least 2h: reviews are read once an hour")

    @property
    def name(self) -> str:
        return "reviews"

    @property
    def drop_milli(self) -> int:
        return int(self.drop * 1_000)

    @property
    def one_star_ppm(self) -> int:
        return ppm_from_percent(self.one_star)


class Part(StrEnum):
    """What a signal of the evidence does. ADVISORY ones are shown and decide nothing."""

    REQUIRED = "required"
    ADVISORY = "advisory"
    OFF = "off"


class OnInconclusive(StrEnum):
    """When a stage has lasted for its `max_bake` and the evidence neither clears the release nor speaks against it:
    ask a person, advance all the same, or hold."""

    ASK = "ask"
    ADVANCE = "advance"
    HOLD = "hold"


class OnDark(StrEnum):
    """When a release sends next to no sessions, as a build does that dies before its reporter starts."""

    HOLD = "hold"
    HALT = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(FromFile):
    """Which signals take part in the evidence, S1 to S5 of decision-engine.md section 2."""

    crashed_sessions: Part = Part.REQUIRED
    floor: Part = Part.REQUIRED
    crashed_users: Part = Part.REQUIRED
    abnormal_sessions: Part = Part.REQUIRED
    ratings: Part = Part.REQUIRED

    def __post_init__(self) -> None:
        if Part.REQUIRED not in (self.crashed_sessions, self.floor):
            raise ValueError(
                "crashed_sessions or floor must be required: without either nothing is ever found"
            )

    def of(self, signal: SignalId) -> Part:
        part: Part = getattr(self, signal.value)
        return part

    def that_are(self, part: Part) -> tuple[SignalId, ...]:
        return tuple(signal for signal in SignalId if self.of(signal) is part)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceGate(FromFile):
    """Is the release worse than what people ran before? FAIL once chance is ruled out, PASS once harm is.

    `margin`: percent by which it may be worse (early adopters are not everybody). `floor`: crash-free percent below
    which it is bad whatever the baseline does; left out: twice the baseline's own crash rate of the week before.
    """

    margin: Percent = Decimal(20)
    floor: Percent | None = None
    signals: Parts = field(default_factory=Parts)
    on_inconclusive: OnInconclusive = OnInconclusive.ASK
    dark: OnDark = OnDark.HOLD

    def __post_init__(self) -> None:
        if not 5 <= self.margin <= 100:
            raise ValueError("margin is a percentage from 5 to 100: strict 10, standard 20, lenient 50")
        if self.floor is not None and not 50 <= self.floor < 100:
            raise ValueError("floor is a crash-free percentage from 50 to 100, for example 99.0")

    @property
    def name(self) -> str:
        return "evidence"

    @property
    def role(self) -> Role:
        return Role.REQUIRED

    @property
    def settings(self) -> tuple[str, ...]:
        """What a run is judged by, as far as the policy says it: frozen with the run's terms."""
        parts = tuple(f"{signal.value} {self.signals.of(signal).value}" for signal in SignalId)
        floor = "twice the baseline's" if self.floor is None else f"{self.floor} %"
        return (f"margin {self.margin} %", f"floor {floor}", *parts)

    @property
    def crash_floor(self) -> float | None:
        """The tolerated crash rate (0..1) that the user named."""
        return None if self.floor is None else float(100 - self.floor) / 100


@dataclass(frozen=True, slots=True)
class SignalGate:
    """One signal of the evidence, for a verdict of its own."""

    signal: SignalId
    role: Role

    @property
    def name(self) -> str:
        return self.signal.value
