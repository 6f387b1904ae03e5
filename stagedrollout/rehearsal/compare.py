"""`policy compare`: policies and the rules of others in the same seeded worlds. Needs numpy.

A policy is played by the daemon's own decisions (rehearsal/rollout.py). A rule of others is a model
(rehearsal/rules_of_others.py) that raises by the clock of the first policy, whatever it sees, until it halts: so all of
them offer the release to the same people at the same time, and only what halts it differs. A policy raises later than
its clock where its evidence keeps it waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stagedrollout.core.policy import Policy
from stagedrollout.rehearsal.clock import Bound, Clock, clock, planned
from stagedrollout.rehearsal.many import PlayAll, Progress
from stagedrollout.rehearsal.rollout import Played
from stagedrollout.rehearsal.rules_of_others import Counted, Rule, halts_at
from stagedrollout.rehearsal.world import Crowd, World

PLAIN = "plain"
HEALTHY: Mapping[str, Callable[[World], World]] = {
    PLAIN: replace,
    "early adopters": lambda world: replace(world, bias=0.2),
    "incident": lambda world: replace(world, incident=3.0),
    "noise": lambda world: replace(world, noise=0.1),
}
"""Kinds of healthy worlds: nothing special; early adopters crash 20 % more at first; both arms crash three times as much
for three hours; the release's crash rate varies by 10 % from hour to hour."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one rollout ended, in polls since it went live; None: it never did.

    `everyone_at`: everyone was offered it. `sessions`: the candidate's from the onset (from the start, if it is healthy)
    to the end. `share`: of all users (0..1) who had it by the end.
    """

    halted_at: int | None
    onset_at: int | None
    everyone_at: int | None
    sessions: int
    share: float


@dataclass(frozen=True, slots=True)
class Tried:
    """What one rule did. `model`: None for a policy. `bound`: of theory, along its clock; None: beyond reach."""

    name: str
    model: Rule | None
    healthy: Mapping[str, tuple[Ended, ...]]
    worse: tuple[Ended, ...]
    bound: Bound | None


@dataclass(frozen=True, slots=True)
class Compared:
    """`world` is the one with the regression. `tried`: the policies in their order, then the models."""

    policies: tuple[Policy, ...]
    world: World
    seeds: int
    tried: tuple[Tried, ...]


def compare(  # noqa: PLR0913 - what to try, where, how often, and by whom
    policies: Sequence[Policy],
    models: Sequence[Rule],
    world: World,
    seeds: int,
    *,
    play_all: PlayAll,
    progress: Progress,
) -> Compared:
    """Try all in `seeds` >= 1 worlds of each kind, from seed 1 on. Raises ValueError for a policy that requires reviews
    and for no policy at all."""
    if not policies:
        raise ValueError("name at least one policy: the rules of others raise by its clock")
    every = range(1, seeds + 1)
    plain = replace(world, regression=1.0, onset_ppm=0)
    healthy = {kind: made(plain) for kind, made in HEALTHY.items()}
    worlds = {**healthy, "": world}
    tried: list[Tried] = []
    for policy in policies:
        ended = {kind: _played(play_all(policy, each, every, progress)) for kind, each in worlds.items()}
        tried.append(_tried(policy.name, None, ended, policy, world))
    schedule = clock(policies[0])
    by_kind = {kind: judged(models, schedule, each, every, progress) for kind, each in worlds.items()}
    for place, rule in enumerate(models):
        ended = {kind: found[place] for kind, found in by_kind.items()}
        tried.append(_tried(rule.name, rule, ended, policies[0], world))
    return Compared(tuple(policies), world, seeds, tuple(tried))


def rollouts(policies: int, seeds: int) -> int:
    """How many rollouts the progress counts."""
    return (policies + 1) * (len(HEALTHY) + 1) * seeds


def _tried(
    name: str, rule: Rule | None, ended: Mapping[str, tuple[Ended, ...]], policy: Policy, world: World
) -> Tried:
    made = planned(policy, world)
    healthy = {kind: ended[kind] for kind in HEALTHY}
    return Tried(name, rule, healthy, ended[""], made.bound if made else None)


def _played(found: Sequence[Played]) -> tuple[Ended, ...]:
    return tuple(
        Ended(each.halted_at, each.onset_at, each.completed_at, each.since_onset, each.share)
        for each in found
    )


def judged(
    models: Sequence[Rule], schedule: Clock, world: World, seeds: Sequence[int], progress: Progress
) -> tuple[tuple[Ended, ...], ...]:
    """For each rule, how the rollout of each seed ends."""
    shares = tuple(_shares(schedule, world))
    found: list[list[Ended]] = [[] for _ in models]
    for seed in seeds:
        crowd = offered(schedule, world, seed)
        counted = Counted.of(crowd.totals[: schedule.watched + 1])
        for rule, ended in zip(models, found, strict=True):
            ended.append(_ended(halts_at(rule, counted), schedule, crowd, shares))
        progress(1)
    return tuple(map(tuple, found))


def offered(schedule: Clock, world: World, seed: int) -> Crowd:
    """A world in which everything is raised by the clock, drawn to the end of the watch."""
    crowd = Crowd(world, seed)
    for offer in schedule.offers:
        crowd.until(offer.poll)
        crowd.offer(offer.poll, offer.ppm)
    crowd.until(schedule.watched)
    return crowd


def _shares(schedule: Clock, world: World) -> Iterator[float]:
    """By poll, the share of all users who have the release."""
    crowd = Crowd(world, 0)
    ends = [*(offer.poll for offer in schedule.offers[1:]), schedule.watched + 1]
    for offer, end in zip(schedule.offers, ends, strict=True):
        crowd.offer(offer.poll, offer.ppm)
        yield from map(crowd.share, range(offer.poll, end))


def _ended(halted_at: int | None, schedule: Clock, crowd: Crowd, shares: Sequence[float]) -> Ended:
    end = schedule.watched if halted_at is None else halted_at
    onset, everyone = (
        at if at is not None and at < end else None for at in (crowd.onset, schedule.completes)
    )
    sessions = crowd.totals[end].n_c - crowd.totals[onset or 0].n_c
    return Ended(halted_at, onset, everyone, sessions, shares[end])
