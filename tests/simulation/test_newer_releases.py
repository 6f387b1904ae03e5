"""What becomes of a rollout and its users when a newer release lies beside it, or a bad one comes back.

The daemon is the real one, on a good day: whole stories without faults, told by the store's own ledger.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stagedrollout.core.model import CommandVerb, Store, Supersede
from stagedrollout.emulator.scenario import APP_STORE, AppStory, PlannedAct, ReleaseStory, Scenario, Submitted
from tests.judge import judge
from tests.simulation.by_hand import FINE, MONDAY, a_draft, app, hours, in_the_console, newer_release, order
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.run import Left, play


def told(
    until: float,
    supersede: Supersede = Supersede.FINISH,
    *events: PlannedAct | PlannedOrder,
    stories: AppStory | None = None,
    policy: str = "quick",
    adopts: str = "adopt",
) -> Left:
    """The whole story, which no judge has anything to say against."""
    scenario = Scenario(
        name="newer",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(until),
        poll=hours(2),
        policy=policy,
        mode="act",
        on_new_release=adopts,
        apps=(stories or app(),),
        people=tuple(event for event in events if isinstance(event, PlannedAct)),
        outages=(),
        switches={},
    )
    plan = Plan(
        seed=7,
        scenario=scenario,
        weather=FINE,
        calm_from=MONDAY,
        points_per_life=0,
        orders=tuple(event for event in events if isinstance(event, PlannedOrder)),
        supersede=supersede,
    )
    left = play(plan)
    assert judge(left.evidence).findings == []
    return left


def served(left: Left, release: str, before: float = 1000) -> list[tuple[str, int]]:
    """What people were offered of it until so many hours had passed, in order, in percent."""
    found: list[tuple[str, int]] = []
    for record in left.evidence.ledger:
        of_it = record["type"] == "served" and record["release"] == release and record["exposure_ppm"]
        if of_it and datetime.fromisoformat(record["at"]) < MONDAY + hours(before):
            now = (record["status"], record["exposure_ppm"] // 10_000)
            found += [now] if found[-1:] != [now] else []
    return found


def most(left: Left, release: str) -> int:
    return max((share for _, share in served(left, release)), default=0)


def state(left: Left, release: str) -> dict[str, Any]:
    """What `status` says of it in the end."""
    return next(dict(row) for row in left.evidence.rollouts if row["release"] == release)


def messages(left: Left, *words: str) -> list[str]:
    texts = [
        str(record) for record in left.evidence.ledger if record["type"] == "slack" and not record["update"]
    ]
    return [text for text in texts if all(word in text for word in words)]


def test_a_new_draft_does_not_disturb_the_rollout_that_is_running():
    left = told(24, Supersede.FINISH, a_draft(3))
    assert most(left, "5.2.0") == 100
    assert state(left, "5.3.0")["phase"] == "waiting"
    assert len(messages(left, "goes on; 5.3.0 (5030) waits until it is over")) == 1


def test_the_newer_one_is_not_started_over_a_running_rollout_by_mistake_but_knowingly():
    start = order(6, CommandVerb.START, "5.3.0")
    knowing = order(7, CommandVerb.START, "5.3.0", supersede=True)
    left = told(10, Supersede.FINISH, a_draft(3), start, knowing)
    assert left.orders == {"start-6": "refused", "start-7": "done"}
    assert most(left, "5.2.0") < 100
    assert state(left, "5.2.0")["phase"] == "superseded"
    assert most(left, "5.3.0") > 0
    assert messages(left, "REFUSED", "5.2.0 (5020) is still being rolled out")


def test_a_rollout_is_held_until_a_person_has_it_go_on():
    left = told(32, Supersede.HOLD, a_draft(1), order(16, CommandVerb.RESUME, "5.2.0"))
    assert served(left, "5.2.0", before=16) == [("inProgress", 1)]
    assert most(left, "5.2.0") == 100
    assert len(messages(left, "a person decides between them")) == 1


def test_the_newer_one_takes_the_place_of_the_older_which_nobody_raises_while_it_waits():
    orders = [order(at, verb, "5.2.0") for at, verb in ((10, CommandVerb.ADVANCE), (11, CommandVerb.RESUME))]
    left = told(18, Supersede.REPLACE, a_draft(1), *orders, order(14, CommandVerb.START, "5.3.0"))
    assert left.orders == {"advance-10": "refused", "resume-11": "refused", "start-14": "done"}
    assert served(left, "5.2.0") == [("inProgress", 1)]
    assert state(left, "5.2.0")["phase"] == "superseded"
    assert most(left, "5.3.0") > 0
    assert len(messages(left, "waits to take its place")) >= 1


def test_a_hotfix_goes_out_while_the_older_one_is_halted_and_the_halt_stays():
    halt = order(2, CommandVerb.HALT, "5.2.0")
    left = told(12, Supersede.FINISH, halt, a_draft(3), order(4, CommandVerb.START, "5.3.0"))
    assert left.orders == {"halt-2": "done", "start-4": "done"}
    assert most(left, "5.3.0") > 1
    assert served(left, "5.2.0") == [("inProgress", 1)]
    assert "halted by ana" in state(left, "5.2.0")["reason"]


def test_a_halted_release_that_ci_rolls_out_again_is_raised_only_by_a_person_who_knows():
    left = told(
        22,
        Supersede.FINISH,
        order(1, CommandVerb.HALT, "5.2.0"),
        newer_release(2),
        in_the_console(4, "roll_out", code=5020, exposure_ppm=20_000),
        order(12, CommandVerb.START, "5.2.0"),
        order(13, CommandVerb.START, "5.2.0", known_bad=True),
    )
    assert left.orders == {"halt-1": "done", "start-12": "refused", "start-13": "done"}
    assert served(left, "5.2.0", before=13) == [("inProgress", 1), ("inProgress", 2)]
    assert most(left, "5.2.0") > 2
    assert len(messages(left, "KNOWN BAD", "halted by ana", "--known-bad")) == 1
    assert messages(left, "REFUSED", "5.2.0 (5020) was halted by ana")
    assert messages(left, "is steered from here, by ana", "Known bad", "halted by ana")


def test_a_console_halt_is_not_undone_by_the_schedule():
    left = told(12, Supersede.FINISH, in_the_console(3, "halt"))
    assert served(left, "5.2.0") == [("inProgress", 1)]
    assert "halted in the console: inProgress at 1 % -> halted" in state(left, "5.2.0")["reason"]
    assert messages(left, "was halted in the console", "inProgress at 1 % -&gt; halted")


def test_a_console_raise_starts_a_new_bake():
    left = told(9, Supersede.FINISH, in_the_console(3, "raise", exposure_ppm=300_000), policy="standard")
    assert served(left, "5.2.0") == [("inProgress", 1), ("inProgress", 30)]
    assert "raised in the console: inProgress at 1 % -> inProgress at 30 %" in state(left, "5.2.0")["reason"]


def test_on_the_app_store_a_version_is_paused_while_a_newer_one_waits_until_that_one_is_started():
    coming = ReleaseStory("5.3.0", 33500, 998_000, submitted=Submitted(hours(4), hours(1), "manual", True))
    start = order(30, CommandVerb.START, "5.3.0", Store.APP_STORE)
    left = told(36, Supersede.HOLD, start, stories=app(APP_STORE, coming), policy="apples-clock")
    assert served(left, "5.2.0")[:2] == [("ACTIVE", 1), ("PAUSED", 1)]
    assert most(left, "5.2.0") == 1
    assert state(left, "5.2.0")["phase"] == "superseded"
    assert most(left, "5.3.0") == 1
