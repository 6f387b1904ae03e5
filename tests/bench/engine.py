"""What the evidence costs: a fortnight of five signals folded anew, and a look at which nothing has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from statistics import median

from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.evidence.terms import SignalId, Terms, shared_out
from stagedrollout.core.evidence.weighing import Run, weigh
from stagedrollout.core.hours import DAY, HOUR
from stagedrollout.core.ledger import Counted, Ledger, Measure, Place, Tallied, Tally, take
from tests.bench.figure import Figure

HOURS, DAYS, SEED = 336, 14, 1
RUNS = 15
FULL_MS, QUIET_MS = 100, 1
BEGAN = datetime(2026, 3, 2, tzinfo=UTC)


def measure() -> list[Figure]:
    ledger, run = _ledger(), _run()
    whole = weigh(run, ledger)
    full = _milliseconds(lambda: weigh(run, ledger).ln_e)
    quiet = _milliseconds(lambda: weigh(run, ledger, whole).ln_e) / len(run.terms.weights)
    what = f"median of {RUNS}, {HOURS} hours"
    return [
        Figure("evidence of five signals, from nothing", round(full, 1), "ms", FULL_MS, what),
        Figure("evidence of one signal, nothing changed", round(quiet, 3), "ms", QUIET_MS, what),
    ]


def _milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1_000)
    return median(taken)


def _run() -> Run:
    weights = shared_out(tuple(SignalId))
    terms = Terms(rho0=1.2, s=2.0, p_ref=0.004, floor=0.008, weights=weights, mu_base=4.4)
    return Run(terms, BEGAN, (StageStart(BEGAN, 10_000), StageStart(BEGAN + 30 * HOUR, 50_000)))


def _ledger() -> Ledger:
    draw, ledger = Random(SEED), Ledger("bench")
    for measure_, mean in ((Measure.CRASHED, 40), (Measure.ABNORMAL, 10)):
        counted = tuple(Counted(Place(BEGAN + n * HOUR), _hour(draw, mean)) for n in range(HOURS))
        ledger = take(ledger, Tallied("bench", measure_, counted, BEGAN), BEGAN).ledger
    users = tuple(Counted(Place(BEGAN + n * DAY), Tally(60_000, 900, 500_000, 8_000)) for n in range(DAYS))
    ledger = take(ledger, Tallied("bench", Measure.USERS, users, BEGAN), BEGAN).ledger
    stars = tuple(
        Counted(Place(BEGAN + n * DAY, str(given)), Tally(3, 0, 0, 0))
        for n in range(DAYS)
        for given in range(1, 6)
    )
    return take(ledger, Tallied("bench", Measure.RATINGS, stars, BEGAN), BEGAN).ledger


def _hour(draw: Random, mean: int) -> Tally:
    crashed = max(0, round(draw.gauss(mean, mean**0.5)))
    beside = max(0, round(draw.gauss(9 * mean, (9 * mean) ** 0.5)))
    return Tally(10_000, crashed, 90_000, beside)
