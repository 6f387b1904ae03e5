"""Many rollouts at once, on several processes. The result of a seed does not depend on how many there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread

from stagedrollout.core.policy import Policy
from stagedrollout.rehearsal.rollout import Played, play
from stagedrollout.rehearsal.world import World

CHUNK = 10
"""Seeds that a process plays before it tells."""

Progress = Callable[[int], None]
"""Told of how many rollouts more were played."""

PlayAll = Callable[[Policy, World, Sequence[int], Progress], tuple[Played, ...]]
"""One rollout for each seed, in the order of the seeds."""


def cores() -> int:
    """How many processes can work at the same time on this machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def silent(_played: int) -> None:
    """No progress is shown."""


@contextmanager
def players(workers: int) -> Iterator[PlayAll]:
    """`workers` >= 1 processes that play; 1 is this one."""
    if workers <= 1:
        yield _here
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow)
    try:

        def spread(
            policy: Policy, world: World, seeds: Sequence[int], progress: Progress
        ) -> tuple[Played, ...]:
            chunks = [tuple(seeds[n : n + CHUNK]) for n in range(0, len(seeds), CHUNK)]
            waiting = [pool.submit(_chunk, policy, world, chunk) for chunk in chunks]
            for done in as_completed(waiting):
                progress(len(done.result()))
            return tuple(played for each in waiting for played in each.result())

        yield spread
    finally:
        pool.shutdown(cancel_futures=True)


def _follow() -> None:
    """A process that plays ends with the one that asked, however that one ends."""
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _here(policy: Policy, world: World, seeds: Sequence[int], progress: Progress) -> tuple[Played, ...]:
    found: list[Played] = []
    for seed in seeds:
        found.append(play(policy, world, seed))
        progress(1)
    return tuple(found)


def _chunk(policy: Policy, world: World, seeds: Sequence[int]) -> tuple[Played, ...]:
    return tuple(play(policy, world, seed) for seed in seeds)
