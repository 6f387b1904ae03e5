"""What a monitoring run is judged by. Frozen when the run begins: changing any of it later voids the guarantee.

decision-engine.md sections 2 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from stagedrollout.core.evidence.grid import LOOPS_MIN, LOOPS_UNKNOWN
from stagedrollout.core.evidence.noise import TAU0
from stagedrollout.core.ledger import Measure
from stagedrollout.core.named import Named

ALPHA = 0.01
ALPHA_HOLD = 0.10
BETA = 0.10
"""Error rates: of a halt ever, of a hold for suspicion ever, and of a raise although it is worse."""

LN_HALT = log(1 / ALPHA)
LN_HOLD = log(1 / ALPHA_HOLD)
LN_ADVANCE = log(1 / BETA)

MARGIN_ABSOLUTE = 0.0002
"""Tolerated on top of the baseline's crash rate whatever the margin: it matters where crashes are very rare."""

RHO_MAX = 3.0
FLOOR_FACTOR = 2.0
"""The floor where the user names none: so many times the baseline's own past crash rate."""


class SignalId(Named):
    """The signals of the engine, S1 to S5 of decision-engine.md section 2; and a team's own (named.py)."""

    CRASHED_SESSIONS = "crashed_sessions"
    FLOOR = "floor"
    CRASHED_USERS = "crashed_users"
    ABNORMAL_SESSIONS = "abnormal_sessions"
    RATINGS = "ratings"

    @property
    def measure(self) -> Measure | None:
        """Which buckets it is computed from; None for ratings."""
        return Measure(self.value) if self.given else _MEASURES.get(self)

    @property
    def words(self) -> str:
        """As people say it."""
        return f"{self.given.replace('_', ' ')} against the baseline" if self.given else _WORDS[self]


_MEASURES = {
    SignalId.CRASHED_SESSIONS: Measure.CRASHED,
    SignalId.FLOOR: Measure.CRASHED,
    SignalId.CRASHED_USERS: Measure.USERS,
    SignalId.ABNORMAL_SESSIONS: Measure.ABNORMAL,
}

_WORDS = {
    SignalId.CRASHED_SESSIONS: "crashed sessions against the baseline",
    SignalId.FLOOR: "crashed sessions against the floor",
    SignalId.CRASHED_USERS: "crashed users against the baseline",
    SignalId.ABNORMAL_SESSIONS: "abnormal sessions against the baseline",
    SignalId.RATINGS: "star ratings",
}

WEIGHTS: dict[SignalId, float] = {
    SignalId.CRASHED_SESSIONS: 0.60,
    SignalId.FLOOR: 0.15,
    SignalId.CRASHED_USERS: 0.10,
    SignalId.ABNORMAL_SESSIONS: 0.05,
    SignalId.RATINGS: 0.10,
}
"""How the error rate of a halt is shared out where every signal takes part."""

WEIGHT_NAMED = 0.10
"""The share of each of a team's own signals beside those: as much as users have, who are a second opinion too."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A signal's part in the merged evidence; all weights of a run add up to 1."""

    signal: SignalId
    weight: float


@dataclass(frozen=True, slots=True)
class Terms:
    """`rho0` >= 1: the tolerated ratio of crash rates. `s` >= 1.1: crashed sessions per crashed user.

    `p_ref`: the baseline's crash rate over the seven days before (0..1); None without a baseline. `floor`: the
    crash rate that is tolerated at most; None where neither a baseline nor the user gives one. `tau2`: given,
    learns nothing (only when a ledger is evaluated by hand). `mu_base`: what the stars are compared with. `advisory`:
    signals that are shown and take no part. Of a team's own signals, `holding`: those that may hold and never halt, so
    they have no weight; `vetoes`: those whose silence holds nothing up.
    """

    rho0: float
    s: float
    p_ref: float | None
    floor: float | None
    weights: tuple[Weight, ...]
    tau0: float = TAU0
    tau2: float | None = None
    mu_base: float | None = None
    advisory: tuple[SignalId, ...] = ()
    holding: tuple[SignalId, ...] = ()
    vetoes: tuple[SignalId, ...] = ()

    @property
    def computed(self) -> tuple[SignalId, ...]:
        """Every signal that is shown, whether it takes part or not."""
        return (*(weight.signal for weight in self.weights), *self.holding, *self.advisory)

    def weight(self, signal: SignalId) -> float:
        """0 for a signal that takes no part."""
        return next((w.weight for w in self.weights if w.signal is signal), 0.0)

    def loops_of(self, signal: SignalId) -> float:
        """Users are counted once a day however often they crash. How what a team counts gathers on few people nobody
        has measured: it is taken for what crashes are where that is unknown, whatever crashes do in this app."""
        if signal.given:
            return LOOPS_UNKNOWN
        return LOOPS_MIN if signal is SignalId.CRASHED_USERS else self.s


def tolerated(margin: float, p_ref: float) -> float:
    """`rho0` of section 2: by ratio, or by an absolute bit where crashes are very rare. `margin` like 0.2."""
    return min(RHO_MAX, 1 + max(margin, MARGIN_ABSOLUTE / p_ref)) if p_ref > 0 else RHO_MAX


def shared_out(signals: tuple[SignalId, ...]) -> tuple[Weight, ...]:
    """The weights where only these signals take part: the others' are shared out in proportion. Named ones come last,
    in the order given; without any nothing is otherwise than it ever was."""
    named = tuple(signal for signal in signals if signal.given)
    total = sum(WEIGHTS.get(signal, WEIGHT_NAMED) for signal in signals)
    ours = (Weight(signal, WEIGHTS[signal] / total) for signal in SignalId if signal in signals)
    return (*ours, *(Weight(signal, WEIGHT_NAMED / total) for signal in named))
