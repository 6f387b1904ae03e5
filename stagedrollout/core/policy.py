"""A policy: the schedule, the gates, the calendar, and what to do when nobody knows.

These dataclasses are what a policy file is read into; there is no second model. Whatever a field cannot
say alone (order of stages, a calendar that never opens) is checked in `__post_init__`, in words for the
person who wrote the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from stagedrollout.core.approval import ApprovalTerms
from stagedrollout.core.calendar import Calendar
from stagedrollout.core.gates import EvidenceGate, Gate, RatingGate, Role
from stagedrollout.core.model import Store
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.phasing import SHARES_PPM, AppStoreTerms, Pacing, next_share
from stagedrollout.core.units import PPM_ALL, Duration, FromFile, Percent, ppm_from_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(FromFile):
    """Stay at `percent` for at least `bake`, with at least `min_sample` candidate sessions seen in it.

    `approvals`: who must agree before it is reached, on the App Store before the first of Apple's shares that is at least
    as large. `max_bake`: when the evidence is still inconclusive after so long, the policy's choice decides; left out: twice
    the bake.
    """

    percent: Percent
    bake: Duration = timedelta(0)
    min_sample: int = 0
    max_bake: Duration | None = None
    approvals: ApprovalTerms | None = None

    def __post_init__(self) -> None:
        if self.percent <= 0:
            raise ValueError("a stage reaches somebody: percent must be more than 0")
        if self.min_sample < 0:
            raise ValueError("min_sample counts sessions: 0 or more")
        if self.percent < 100 and self.bake <= timedelta(0):
            raise ValueError("a stage below 100 % needs a bake time, for example bake: 24h")
        if self.percent == 100 and (self.bake or self.min_sample):
            raise ValueError("after 100 % there is nothing to wait for: use watch instead of bake")
        if self.max_bake is not None and self.max_bake < self.bake:
            raise ValueError("max_bake is how long to wait for evidence: it cannot be shorter than bake")

    @property
    def exposure_ppm(self) -> int:
        return ppm_from_percent(self.percent)


@dataclass(frozen=True, slots=True)
class Stay:
    """How long an exposure is kept at least, and how many sessions must be seen at it; and after how long the
    policy decides although the evidence is inconclusive."""

    bake: timedelta
    min_sample: int
    max_bake: timedelta = timedelta(0)


class TwoPersons(StrEnum):
    """What cannot be taken back, and so may need a second person."""

    COMPLETE = "complete"
    REMOVE_FROM_SALE = "remove-from-sale"


class OnUnknown(StrEnum):
    HOLD = "hold"
    HALT = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownData(FromFile):
    """When required data stay missing, stale or erroneous for `after`: keep holding, or halt."""

    action: OnUnknown = OnUnknown.HOLD
    after: Duration = timedelta(hours=24)


class Completion(StrEnum):
    """Whether the daemon itself may go from the last stage to everyone."""

    AUTOMATIC = "automatic"
    BY_HAND = "by_hand"


class HaltInReview(StrEnum):
    """When a halt meets changes that are in review: cancel that review at once, or ask a human."""

    CANCEL_REVIEW = "cancel_review"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(FromFile):
    """`settle`: sessions younger than this may halt, but do not count as evidence for a raise,
    because crashes are reported at the next launch (sentry.md section 4)."""

    name: str
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...] = ()
    description: str = ""
    completion: Completion = Completion.BY_HAND
    two_persons: tuple[TwoPersons, ...] = ()
    watch: Duration = timedelta(hours=72)
    settle: Duration = timedelta(hours=1)
    calendar: Calendar = field(default_factory=Calendar)
    unknown_data: UnknownData = UnknownData()
    halt_in_review: HaltInReview = HaltInReview.CANCEL_REVIEW
    evidence: EvidenceGate | None = None
    signals: tuple[NamedGate, ...] = ()
    ratings: RatingGate | None = None
    app_store: AppStoreTerms = field(default_factory=AppStoreTerms)

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("a policy needs at least one stage")
        if self.evidence is None and not any(gate.role is Role.REQUIRED for gate in self.gates):
            raise ValueError(
                "a policy needs evidence, or at least one required gate: it never raises without evidence"
            )
        percents = [stage.percent for stage in self.stages]
        for earlier, later in pairwise(percents):
            if later <= earlier:
                raise ValueError(f"stages must rise: {later} % comes after {earlier} %")
        self._check_signals()
        metrics = [gate.metric for gate in self.gates]
        if len(set(metrics)) != len(metrics):
            raise ValueError("two gates on one metric contradict each other")
        if self.completion is Completion.AUTOMATIC and percents[-1] != Decimal(100):
            raise ValueError("completion: automatic needs a last stage of percent: 100")
        if self.completion is Completion.AUTOMATIC and TwoPersons.COMPLETE in self.two_persons:
            raise ValueError("two_persons: complete is for completing by hand: write completion: by_hand")
        if self.completion is Completion.BY_HAND and self.app_store.complete_from is not None:
            raise ValueError("complete_from completes by itself: it needs completion: automatic")
        if self.app_store.mode is Pacing.GUARDED and not self._lets_apple_step():
            raise ValueError(
                "guarded mode needs two weekdays in a row in the calendar: Apple's step takes up to a day, and none"
                " may fall on a day without raises; add a day, or write app_store: {mode: follow}"
            )

    def _lets_apple_step(self) -> bool:
        """Whether each of Apple's steps that the daemon opens a window for can ever be taken."""
        last = self.app_store.complete_from_ppm
        targets = [share for share in SHARES_PPM[1:-1] if share <= last]
        return all(self.calendar.for_share(target).has_two_days_in_a_row for target in targets)

    def _check_signals(self) -> None:
        names = [gate.signal for gate in self.signals]
        if len(set(names)) != len(names):
            raise ValueError("signals has two gates on one signal: they contradict each other")
        if self.evidence is None and self.named_counts:
            first = self.named_counts[0].signal
            raise ValueError(
                f"signals: {first} is judged by its counts, and that needs evidence; or give it worse_by or limit"
            )

    @property
    def named_counts(self) -> tuple[NamedGate, ...]:
        """The gates on a team's own signals that the evidence judges."""
        return tuple(gate for gate in self.signals if gate.by_evidence)

    @property
    def named_values(self) -> tuple[NamedGate, ...]:
        """The gates on a team's own signals that judge a value."""
        return tuple(gate for gate in self.signals if not gate.by_evidence)

    @property
    def evidence_settings(self) -> tuple[str, ...]:
        """What a run is judged by, as far as the policy says it: frozen with the run's terms."""
        if self.evidence is None:
            return ()
        return (*self.evidence.settings, *(f"{gate.name} {gate.role.value}" for gate in self.named_counts))

    def next_share(self, store: Store, exposure_ppm: int) -> int | None:
        """Where the schedule goes next, in ppm: the next stage, or Apple's next share. None: nowhere."""
        if store is Store.APP_STORE:
            early = exposure_ppm >= self.app_store.complete_from_ppm
            return PPM_ALL if early else next_share(exposure_ppm)
        stage = self.next_stage(exposure_ppm)
        return stage.exposure_ppm if stage else None

    def stay_at(self, store: Store, exposure_ppm: int) -> Stay:
        """What must be there before the schedule leaves this exposure."""
        if store is Store.APP_STORE:
            return _stay(self.app_store)
        return _stay(self.stage_at(exposure_ppm))

    def approvals_between(self, exposure_ppm: int, target_ppm: int) -> tuple[ApprovalTerms, ...]:
        """Who must agree to a step: what each stage asks for that it reaches or passes."""
        crossed = (s for s in self.stages if exposure_ppm < s.exposure_ppm <= target_ppm)
        return tuple(stage.approvals for stage in crossed if stage.approvals)

    def next_stage(self, exposure_ppm: int) -> Stage | None:
        """The first stage above what the store shows; None when there is none. Never skips one."""
        return next((stage for stage in self.stages if stage.exposure_ppm > exposure_ppm), None)

    def stage_at(self, exposure_ppm: int) -> Stage:
        """The stage whose bake and sample count at this exposure: the highest one at or below it.

        Below the first stage (somebody started lower by hand) the first stage's terms hold.
        """
        reached = [stage for stage in self.stages if stage.exposure_ppm <= exposure_ppm < PPM_ALL]
        return reached[-1] if reached else self.stages[0]

    @property
    def horizon(self) -> timedelta:
        """The longest window of its gates."""
        return max((gate.window for gate in self.gates), default=timedelta(hours=24))


BAKES_MAX = 2
"""So many times the bake is waited for evidence where nothing else is said."""


def _stay(terms: Stage | AppStoreTerms) -> Stay:
    longest = terms.max_bake if terms.max_bake is not None else terms.bake * BAKES_MAX
    return Stay(terms.bake, terms.min_sample, longest)
