"""What judging comes to: a verdict with its reason for each gate, and what the judges must know to give it.

The judges are assessment.py (floors, and the whole), harm.py (evidence), opinion.py (what people write),
named_counts.py and values.py (a team's own signals).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.gates import EvidenceGate, Gate, RatingGate, SignalGate
from stagedrollout.core.ledger import Refused, Tallied, Untallied
from stagedrollout.core.named_gates import NamedGate


class Verdict(IntEnum):
    """Ordered: the larger is the worse."""

    PASS = 0
    INSUFFICIENT = 1
    STALE = 2
    MISSING = 3
    ERROR = 4
    CONTRADICTORY = 5
    FAIL = 6


NOT_HALTED = "not_halted"
"""Code of the reason of a halt that is sent again, for the store does not show it."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for machines and people. Numbers are in ppm and counts; None where a number makes no sense.

    `quotes` are the foreign words behind the numbers ("1 star: crashes on start"): bounded, one line each,
    newest first, and nothing but data to whoever shows them. `ln_e`: evidence as a natural logarithm (ln 39 is
    "39 : 1"), `ln_e_needed` at which it decides.
    """

    code: str
    text: str
    gate: str = ""
    value_ppm: int | None = None
    threshold_ppm: int | None = None
    sample: int | None = None
    sample_needed: int | None = None
    baseline_ppm: int | None = None
    baseline_sample: int | None = None
    as_of: datetime | None = None
    quotes: tuple[str, ...] = ()
    ln_e: float | None = None
    ln_e_needed: float | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A gate breached in `count` looks of their own (counted up to what it needs), last at `counted_at`.

    For crashes a look is a poll; for reviews it is the instant the newest counted reading was asked for, and
    `sample` reviews with the `newest` of them are what it was counted on: the same ones again are no news. For a team's
    own values `newest` is how new the counted reading was.
    """

    gate: str
    count: int
    counted_at: datetime
    sample: int = 0
    newest: datetime | None = None

    def as_of(self, now: datetime) -> Suspicion:
        """What was counted by a clock that was ahead was counted now at the latest: it stands for no longer."""
        return replace(self, counted_at=now) if self.counted_at > now else self


@dataclass(frozen=True, slots=True)
class Judgement:
    gate: Gate | RatingGate | EvidenceGate | SignalGate | NamedGate
    verdict: Verdict
    reason: Reason


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known for the evidence in this pass: what was read, what was refused of it, and the weighing of all.

    `weighing` is None while the run has no terms; `problem` says why. `note`: what people should know beside it.
    """

    weighing: Weighing | None
    tallies: tuple[Tallied | Untallied, ...] = ()
    refused: tuple[Refused, ...] = ()
    problem: str = ""
    note: str = ""


NOTHING_HEARD = Heard(None)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the judges must know besides the readings.

    `run_since`: start of the monitoring run (a human's resume begins a new one). `live_since`: when people
    could first get the release at today's exposure, `exposure_ppm`. `poll`: the interval between regular looks.
    """

    now: datetime
    run_since: datetime
    live_since: datetime
    poll: timedelta
    suspicions: tuple[Suspicion, ...] = ()
    exposure_ppm: int = 0
    heard: Heard = NOTHING_HEARD

    def suspicion(self, gate: Gate | RatingGate | NamedGate) -> Suspicion | None:
        """What the gate suspects already. Not hearing from it neither confirms nor clears that."""
        return next((s for s in self.suspicions if s.gate == gate.name), None)
