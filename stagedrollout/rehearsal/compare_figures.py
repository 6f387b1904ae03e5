"""What came out of a comparison, as numbers: one document for machines, the table and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any

from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.compare import Compared, Ended, Tried
from stagedrollout.rehearsal.limits import quantile
from stagedrollout.rehearsal.simulate import assumptions, onset_words
from stagedrollout.rehearsal.world import POLLS_PER_HOUR

Z975 = 1.959964
"""Of a two-sided interval of 95 %."""


_CHOSEN = (
    "each model is a published rule moved to crash-free sessions; how strict it is its users choose, and other numbers"
    " give other results (--floor sets the floor of those that have one)"
)
_BOUND = (
    "the bound: the sessions that a test with one false halt in 100 needs on average, and one poll; a rule below it pays"
    " with more false halts"
)


def document(found: Compared) -> dict[str, Any]:
    """Everything as one document. Hours count from the onset; a share is 0..1; None: never, or half of them never."""
    world = found.world
    return {
        "policies": [policy.name for policy in found.policies],
        "daily_users": world.daily_users,
        "crash_free_percent": round(100 * (1 - world.crash_rate), 6),
        "regression": world.regression,
        "onset_percent": 100 * world.onset_ppm / PPM_ALL,
        "loops": world.loops,
        "seeds": found.seeds,
        "rules": [_tried(each) for each in found.tried],
        "assumptions": [*_fairness(found), *assumptions(found.policies[0], world)],
    }


def _tried(each: Tried) -> dict[str, Any]:
    rule = each.model
    return {
        "name": each.name,
        "kind": "policy" if rule is None else "model",
        "model_of": rule.model_of if rule else None,
        "rule": rule.words if rule else "the daemon's own decisions",
        "sources": list(rule.sources) if rule else [],
        "healthy": {kind: false_halts(ended) for kind, ended in each.healthy.items()},
        "regression": _worse(each),
    }


def false_halts(ended: Sequence[Ended]) -> dict[str, Any]:
    """Of healthy releases: how many were halted, and per 1,000 with its 95 % interval."""
    halted = sum(each.halted_at is not None for each in ended)
    low, high = between(halted, len(ended))
    return {
        "releases": len(ended),
        "false_halts": halted,
        "per_1000": 1000 * halted / len(ended),
        "per_1000_low": 1000 * low,
        "per_1000_high": 1000 * high,
    }


def _worse(tried: Tried) -> dict[str, Any]:
    """Only where the regression was there before anything was halted."""
    begun = [each for each in tried.worse if each.onset_at is not None]
    caught = [each for each in begun if each.halted_at is not None]
    exposed = [exposure(each) for each in begun]
    median, bound = quantile(exposed, 0.5), tried.bound
    return {
        "begun": len(begun),
        "halted": len(caught),
        "halted_before_100": sum(each.everyone_at is None for each in caught),
        "misses": len(begun) - len(caught),
        "hours_to_halt": _spread([hours_to_halt(each) for each in begun]),
        "sessions_exposed": _spread(exposed),
        "share_exposed": _spread([each.share if each.halted_at is not None else inf for each in begun]),
        "bound_sessions": round(bound.plus_one) if bound else None,
        "over_bound": median / bound.plus_one if bound and median is not None else None,
    }


def exposure(ended: Ended) -> float:
    """The candidate's sessions from the onset to the halt; infinite without one."""
    return inf if ended.halted_at is None else float(ended.sessions)


def hours_to_halt(ended: Ended) -> float:
    """From the onset; infinite without a halt."""
    if ended.halted_at is None or ended.onset_at is None:
        return inf
    return (ended.halted_at - ended.onset_at) / POLLS_PER_HOUR


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    return {"median": quantile(values, 0.5), "p90": quantile(values, 0.9)}


def between(hits: int, tries: int) -> tuple[float, float]:
    """The chance of a hit (0..1), two-sided 95 % (Wilson 1927). `tries` >= 1."""
    square = Z975**2
    middle = (hits + square / 2) / (tries + square)
    half = Z975 / (tries + square) * sqrt(hits * (tries - hits) / tries + square / 4)
    low = 0.0 if hits == 0 else middle - half
    return low, 1.0 if hits == tries else middle + half


def title(found: Compared) -> str:
    """What was compared, in a line."""
    world = found.world
    return (
        f"{world.daily_users:,} daily users, {100 * (1 - world.crash_rate):.6g} % crash-free, x{world.regression:g}"
        f" crashes {onset_words(world)}"
    )


def _fairness(found: Compared) -> list[str]:
    first = found.policies[0].name
    clocked = (
        f"a model raises by the clock of {first} (its bakes, its calendar) whatever it sees, in the same worlds: only"
        " what halts it differs. A policy goes by its own clock, and may wait for its evidence besides"
    )
    told = [
        clocked,
        _CHOSEN,
        "sessions, users and hours count from the onset to the halt; half of the rollouts stay below what is told",
        "a miss is a regression that was halted neither before everyone had it nor in the watch after 100 %",
        _BOUND,
        f"{found.seeds:,} worlds of each kind, seeds 1 to {found.seeds:,}",
    ]
    beyond = found.tried[0].bound is None
    return [*told, "nothing could know within the watch: there is no bound"] if beyond else told
