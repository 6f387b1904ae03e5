"""A story is over when everything has come to rest, and also its end can be found wanting."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core.model import CommandVerb, Store
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, RolledOut, Submitted
from tests.simulation import run
from tests.simulation.ambush import Ambush
from tests.simulation.by_hand import MONDAY, app, hours, in_the_console, newer_release, order
from tests.simulation.rest import unrest
from tests.simulation.run import Left, play
from tests.simulation.seldom import drawn
from tests.simulation.test_what_seeds_taught import a_plan

STAGED_TO_THE_END = 120


def test_a_daemon_that_has_written_nothing_down_has_overlooked_what_is_being_rolled_out() -> None:
    plan = drawn(STAGED_TO_THE_END)
    left = play(plan)
    assert not list(unrest(plan, left))
    blank = replace(left, evidence=replace(left.evidence, rollouts=[], journal=[], notices=[]))
    assert [text for text in unrest(plan, blank) if "knows of no release" in text]


def test_a_story_ends_early_once_everything_has_come_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = drawn(STAGED_TO_THE_END)
    early = _last_request(play(plan))
    assert plan.rest_from is not None
    assert plan.calm_from < early < plan.rest_from + plan.scenario.poll
    monkeypatch.setattr(run, "unrest", lambda plan, left: ["a notice is still on its way"])
    assert _last_request(play(plan)) > plan.scenario.ends - 2 * plan.scenario.poll


def _last_request(left: Left) -> datetime:
    return max(datetime.fromisoformat(request["at"]) for request in left.evidence.requests)


def test_a_halt_that_would_leave_nothing_to_serve_waits_for_the_store_for_ever() -> None:
    """Google Play refuses it, NOT HALTED is told, and it is tried again: there is no more to be done about it."""
    read_as_new = Fault(GOOGLE_PLAY, "unknown_status", "tracks.get", count=1)
    before_the_next = replace(app(), releases=app().releases[:1])
    plan = a_plan(
        before_the_next,
        orders=(order(5, CommandVerb.HALT, "5.1.0"),),
        ambushes=(Ambush(MONDAY + hours(3.5), read_as_new),),
    )
    left = play(plan)
    assert {row["phase"] for row in left.evidence.rollouts if row["release"] == "5.1.0"} == {"not_halted"}
    assert "" in left.orders.values()
    assert not list(unrest(plan, left))


def test_what_was_removed_from_sale_before_anybody_looked_is_the_past() -> None:
    older, newest = app(APP_STORE).releases
    submitted = Submitted(hours(0.1), hours(0), "after_approval", phased=True)
    releases = (older, replace(newest, submitted=submitted))
    story = replace(app(APP_STORE), releases=releases)
    plan = a_plan(story, people=(in_the_console(0.9, "remove_from_sale", store=APP_STORE),))
    left = play(plan)
    assert left.evidence.rollouts == []
    assert not list(unrest(plan, left))


def test_a_halt_of_what_apple_keeps_back_since_its_app_is_sold_nowhere_stays_wanted_until_it_can_be_paused() -> (
    None
):
    """It is processed and not live, and before that Apple pauses nothing; sold again, it would go out: NOT HALTED is told,
    and nobody can do more about it."""
    plan = a_plan(
        app(APP_STORE),
        orders=(order(3, CommandVerb.HALT, "5.2.0", Store.APP_STORE),),
        people=(in_the_console(0.1, "remove_from_sale", store=APP_STORE),),
    )
    left = play(plan)
    assert [row["phase"] for row in left.evidence.rollouts] == ["not_halted"]
    assert [row["kind"] for row in left.evidence.notices if row["broadcast"]].count("not_halted") == 1
    assert list(left.orders.values()) == [""]
    assert not list(unrest(plan, left))
    sold = replace(plan, scenario=replace(plan.scenario, people=()))
    assert "orders: nobody has answered halt-3" in list(unrest(sold, left))


def test_a_halt_that_waits_for_a_person_to_send_it_for_review_has_no_answer_before() -> None:
    """After a rejection Play takes it only unsent, and people may get the release until somebody sends it in the console."""
    plan = a_plan(
        app(),
        orders=(order(5, CommandVerb.HALT, "5.3.0"),),
        people=(in_the_console(1.5, "reject"), newer_release(2.5)),
    )
    in_review = replace(
        plan.scenario.apps[0].releases[1], rolled_out=RolledOut(timedelta(0), 10_000, hours(9))
    )
    story = replace(plan.scenario.apps[0], releases=(plan.scenario.apps[0].releases[0], in_review))
    plan = replace(plan, scenario=replace(plan.scenario, apps=(story,)))
    left = play(plan)
    newest = next(row for row in left.evidence.rollouts if row["release"] == "5.3.0")
    assert newest["phase"] == "not_halted"
    assert "waits until a person sends it for review" in newest["reason"]
    assert left.orders == {"halt-5": ""}
    assert not list(unrest(plan, left))
    assert not list(unrest(plan, _served_as(left, "NOT_APPROVED")))
    let_through = list(unrest(plan, _served_as(left, "PUBLISHED")))
    assert let_through == ["orders: nobody has answered halt-5"]


def _served_as(left: Left, review: str) -> Left:
    ledger = [
        record | {"review": review} if record["type"] == "served" else record
        for record in left.evidence.ledger
    ]
    return replace(left, evidence=replace(left.evidence, ledger=ledger))
