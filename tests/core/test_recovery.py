"""One daemon, every step of an action, one crash: before recording, between recording and sending, between the store's
answer and its record, with every way in which the store can answer; and then once more in the recovery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product

import pytest

from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import Command, CommandVerb, ReleaseStatus, Verb
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import (
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    IN_REVIEW,
    PUBLISHED,
    STAGED,
    order,
    policy,
    shown,
)
from tests.core.world import Cut, Reply, World

ACTS = ("start", "raise", "complete", "resume", "halt")


def _before(act: str) -> tuple[World, Command | None]:
    """Just before this is to be done, and who wants it (None: the schedule)."""
    found = {"start": shown(DRAFT), "complete": shown(STAGED, 50)}.get(act, shown(STAGED, 10))
    world = World(policy(1, 10, 50, 100), truth=found)
    if act == "start":
        return world, order(CommandVerb.START, id="c1")
    world.one_pass(order=order(CommandVerb.START, id="c0"))
    if act in ("raise", "complete"):
        world.now += 25 * HOUR
        return world, None
    world.now += HOUR
    halt = order(CommandVerb.HALT, id="c1")
    if act == "halt":
        return world, halt
    world.one_pass(order=halt)
    world.now += HOUR
    world.one_pass()
    return world, order(CommandVerb.RESUME, id="c2")


def _changes(world: World, since: int) -> list[tuple[ReleaseStatus, int]]:
    """What the store was changed to, one after the other."""
    told = [(r.status, r.exposure_ppm) for _, shown_then in world.past[since - 1 :] for r in shown_then]
    return [after for before, after in pairwise(told) if after != before]


WANTED = {
    "start": (STAGED, 10_000),
    "raise": (STAGED, 500_000),
    "complete": (COMPLETED, PPM_ALL),
    "resume": (STAGED, 100_000),
    "halt": (HALTED, 100_000),
}


@pytest.mark.promise("R13", "R16")
@pytest.mark.parametrize("act", ACTS)
def test_a_crash_at_any_step_neither_loses_nor_doubles_what_was_begun(act: str) -> None:
    for reply, cut, again, later in product(Reply, Cut, (Reply.DONE, Reply.NO_ANSWER), Cut):
        world, command = _before(act)
        since = len(world.past)
        world.one_pass(order=command, reply=reply, cut=cut)
        where = f"{reply} {cut}, then {again} {later}"
        for answer, dies in [(again, later), *[(Reply.DONE, Cut.NOWHERE)] * 4]:
            world.now += timedelta(minutes=11)
            if world.truth and world.truth.review is IN_REVIEW:  # review ends; until then nobody can tell
                world.show(replace(world.truth, review=PUBLISHED))
            world.one_pass(reply=answer, cut=dies)
        done = _changes(world, since)
        assert done.count(WANTED[act]) <= 1, f"{where}: done twice, {done}"
        assert set(done) <= {WANTED[act]}, f"{where}: something else was done, {done}"
        assert world.rollout.intent is None, f"{where}: never settled"
        assert world.replayed() == world.rollout, where
        begun = any(e.kind == "decided" and e.body["verb"] == _verb(act) for e in world.journal)
        if act == "halt" and begun:
            assert world.rollout.phase is Phase.HALTED, f"{where}: a halt was lost"
        if act in ("raise", "complete") and reply is Reply.DONE:
            assert done == [WANTED[act]], f"{where}: what the schedule wants was lost"


def _verb(act: str) -> str:
    return {"start": Verb.START, "raise": Verb.RAISE, "complete": Verb.COMPLETE, "resume": Verb.RESUME}.get(
        act, Verb.HALT
    ).value
