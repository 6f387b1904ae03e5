"""`policy simulate`: what a policy does in many seeded worlds, as numbers.

Every seed is played twice: as a healthy release, which must not be halted, and with the regression, which must be. The
figures of the planning formulas stand beside what was played.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

from stagedrollout.core.policy import Completion, Policy
from stagedrollout.core.units import PPM_ALL, percent_text
from stagedrollout.rehearsal.clock import Planned, clock, needed, planned
from stagedrollout.rehearsal.limits import at_most, quantile
from stagedrollout.rehearsal.many import PlayAll, Progress
from stagedrollout.rehearsal.rollout import DAYS_MAX, Played
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, SESSIONS_PER_USER, World

SEEN_IN = 0.5
"""Regressions that are halted before 100 % in fewer of the worlds than this are said not to be seen."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """`world` is the one with the regression; `healthy` and `worse` were played in it without and with it."""

    policy: Policy
    world: World
    healthy: tuple[Played, ...]
    worse: tuple[Played, ...]


def simulate(policy: Policy, world: World, seeds: int, play_all: PlayAll, progress: Progress) -> Simulated:
    """Play `seeds` >= 1 worlds both ways, from seed 1 on. Raises ValueError for a policy that requires reviews or
    a team's own signals."""
    every = range(1, seeds + 1)
    healthy = play_all(policy, replace(world, regression=1.0, onset_ppm=0), every, progress)
    return Simulated(policy, world, healthy, play_all(policy, world, every, progress))


def document(found: Simulated) -> dict[str, Any]:
    """Everything as one document. Hours of a regression count from its onset; a share is 0..1; None: never."""
    world, completes = found.world, clock(found.policy).completes
    return {
        "policy": found.policy.name,
        "daily_users": world.daily_users,
        "crash_free_percent": round(100 * (1 - world.crash_rate), 6),
        "loops": world.loops,
        "bias": world.bias,
        "noise": world.noise,
        "incident": world.incident,
        "seeds": len(found.healthy),
        "healthy": _healthy(found, completes),
        "regression": _worse(found, completes),
        "assumptions": list(assumptions(found.policy, world)),
    }


def _healthy(found: Simulated, completes: int | None) -> dict[str, Any]:
    halted = [each for each in found.healthy if each.halted_at is not None]
    return {
        "false_halts": len(halted),
        "chance": len(halted) / len(found.healthy),
        "chance_at_most": at_most(len(halted), len(found.healthy)),
        "completed": sum(each.completed_at is not None for each in found.healthy),
        "hours_to_100": _spread([_hours(each.completed_at) for each in found.healthy]),
        "clock_hours_to_100": None if completes is None else _hours(completes),
    }


def _worse(found: Simulated, completes: int | None) -> dict[str, Any]:
    begun = [each for each in found.worse if each.onset_at is not None]
    caught = [each for each in begun if each.halted_at is not None]
    before_everyone = [each for each in caught if each.completed_at is None]
    sessions, share = [float(each.since_onset) for each in begun], [each.share for each in begun]
    return {
        "ratio": found.world.regression,
        "onset_percent": found.world.onset_ppm / 10_000,
        "begun": len(begun),
        "halted": len(caught),
        "halted_before_100": len(before_everyone),
        "misses": len(begun) - len(caught),
        "blamed": _blamed(caught),
        "hours_to_halt": _spread([hours_to_halt(each) for each in begun]),
        "sessions_exposed": _spread(sessions),
        "share_exposed": _spread(share),
        "planned": _planned_document(planned(found.policy, found.world)),
        "cannot_be_seen": unseen(found, len(before_everyone), len(begun)) if completes else None,
    }


def hours_to_halt(played: Played) -> float:
    """From the onset until it was halted; infinite if it was not."""
    if played.halted_at is None or played.onset_at is None:
        return inf
    return (played.halted_at - played.onset_at) / POLLS_PER_HOUR


def _hours(poll: int | None) -> float:
    return inf if poll is None else poll / POLLS_PER_HOUR


def _spread(values: list[float]) -> dict[str, float | None]:
    return {"median": quantile(values, 0.5), "p90": quantile(values, 0.9)}


def _blamed(caught: list[Played]) -> dict[str, int]:
    names = sorted({each.blamed for each in caught})
    return {name: sum(each.blamed == name for each in caught) for name in names}


def _planned_document(made: Planned | None) -> dict[str, Any] | None:
    if made is None:
        return None
    theory = made.bound
    return {
        "hours_to_halt": {
            "median": made.seen.median if isfinite(made.seen.median) else None,
            "p90": made.seen.p90 if isfinite(made.seen.p90) else None,
        },
        "bound_hours": theory.polls / POLLS_PER_HOUR if theory else None,
        "bound_sessions": round(theory.sessions) if theory else None,
    }


def unseen(found: Simulated, halted: int, begun: int) -> str | None:
    """The honest sentence, where a regression is mostly not seen before everybody has it; else None."""
    if not begun or halted >= SEEN_IN * begun:
        return None
    world, sessions = found.world, needed(found.policy, found.world)
    size = f"x{world.regression:g} cannot be seen at {world.daily_users:,} daily users before 100 %"
    if not isfinite(sessions):
        return f"{size}: it is within what the policy tolerates, however long one looks"
    return f"{size}: it would take about {_rounded(sessions):,} sessions of the release at the last stage"


def _rounded(number: float) -> int:
    """To two digits: more would pretend."""
    return int(float(f"{number:.1e}"))


def assumptions(policy: Policy, world: World) -> tuple[str, ...]:
    """What was taken for granted, in words."""
    user = f"{SESSIONS_PER_USER} sessions per user and day, half of those offered it have it after 8 hours"
    told = [
        f"Google Play; live on a Monday at 09:00 UTC, looked at every 15 minutes; {user}",
        _people(policy),
        "nobody writes reviews, nothing fails, crashes are known at once: outages and lag of the sources come on top",
        f"a rollout is followed until the watch after 100 % is over, {DAYS_MAX} days at most",
    ]
    if world.loops > 1:
        told.append(f"crashes come in loops of {world.loops:g} sessions on average")
    return tuple(each for each in told if each)


def _people(policy: Policy) -> str:
    asks = policy.evidence is not None and policy.evidence.on_inconclusive.value == "ask"
    by_hand = policy.completion is Completion.BY_HAND and policy.stages[-1].exposure_ppm == PPM_ALL
    does = [*(["advances it when asked"] if asks else []), *(["completes it"] if by_hand else [])]
    return (
        f"a person answers within the hour, in the calendar's hours, and {' and '.join(does)}" if does else ""
    )


def onset_words(world: World) -> str:
    """Since when the regression is there: "from the start", "from the 20 % stage"."""
    return f"from the {percent_text(world.onset_ppm)} stage" if world.onset_ppm else "from the start"
