"""Buttons in Slack: what was pressed, what was ordered, and who heard of it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest

from tests.judge.story import BEGIN, Story, at

pytestmark = pytest.mark.promise("R11")

ANA = {"name": "Ana Lima", "os_user": "ana", "slack": "U0ANA"}
LEE = {"name": "Lee Park", "os_user": "lee", "slack": "U0LEE"}
SECOND = 1 / 3600
MINUTE = 1 / 60
HOUR = 10.0


def value(press: str, exposure_ppm: int = 10_000) -> str:
    rollout = {"app": "acme", "store": "google_play", "release_id": "5020"}
    offer = {"press": press, "rollout": rollout, "exposure_ppm": exposure_ppm, "halted": False}
    return urlsafe_b64encode(json.dumps(offer).encode()).decode() + ".sealed"


def pressing(*people: dict[str, Any]) -> Story:
    told = Story(until=20)
    told.people = list(people or (ANA, LEE))
    told.ends("rolling_out", 10_000)
    return told


def presses(
    told: Story,
    user: str,
    press: str,
    hour: float = HOUR,
    *,
    age: float = 0,
    shown: bool = True,
    heard: bool = True,
    says: float | None = SECOND,
    reason: str = "looked at",
) -> None:
    """`says`: how long after the press it is said why, where that is asked; None: never."""
    stamp = f"{(BEGIN + timedelta(hours=hour - age)).timestamp():.6f}"
    told._ledger(
        hour,
        "slack_press",
        user=user,
        value=value(press),
        shown=shown,
        stamp=stamp,
        envelopes=["1"],
        label=press,
    )
    if press in ("resume", "approve"):
        window = {"user": user, "value": value(press), "stamp": stamp, "view": "V1"}
        told._ledger(hour, "slack_view", state="opened", **window)
        if says is not None:
            told._ledger(hour + says, "slack_view", state="submitted", reason=reason, **window)
    if heard:
        told._ledger(hour + SECOND, "slack_ephemeral", user=user, text="it is done")


def orders(
    told: Story, user: str, verb: str, hour: float = HOUR, *, times: int = 1, number: str = "1"
) -> None:
    """Left by Slack, and taken by the daemon so many times."""
    command = f"slack{verb}{user}{number}"
    rollout = {"app": "acme", "store": "google_play", "release": "5020"}
    saw = [{"release": "5020", "exposure_ppm": 10_000}]
    told.left.append(
        {"id": command, "verb": verb, "account": user, "via": "slack", "at": at(hour), "saw": saw, **rollout}
    )
    name = next((person["name"] for person in told.people if person["slack"] == user), user)
    for _ in range(times):
        body = {"command": command, "verb": verb, "actor": {"kind": "human", "name": name}, "accepted": True}
        told.writes(hour + SECOND, "commanded", **body)


def test_what_somebody_pressed_is_ordered_once_and_told():
    told = pressing()
    presses(told, "U0ANA", "hold")
    orders(told, "U0ANA", "hold")
    assert told.blamed() == {}


@pytest.mark.parametrize("times", [1, 2, 9])
def test_a_button_that_is_pressed_again_within_seconds_is_one_wish(times):
    told = pressing()
    for number in range(times):
        presses(told, "U0ANA", "hold", HOUR + number * SECOND)
    orders(told, "U0ANA", "hold")
    orders(told, "U0ANA", "hold", HOUR + 9 * SECOND, number="2")
    assert told.blamed() == {"presses_doubled": 2}  # the second order, and both were done on one sighting
    told.left.pop()
    del told.journal[-1]
    assert told.blamed() == {}


def test_who_presses_again_after_a_while_wants_it_again():
    told = pressing()
    for number in (0, 10):
        presses(told, "U0ANA", "hold", HOUR + number * MINUTE)
        orders(told, "U0ANA", "hold", HOUR + number * MINUTE, number=f"{number}")
    assert told.blamed() == {}


def test_a_daemon_that_died_between_two_clicks_knows_nothing_of_the_first():
    told = pressing()
    for number in (0, 5):
        presses(told, "U0ANA", "hold", HOUR + number * SECOND)
        orders(told, "U0ANA", "hold", HOUR + number * SECOND, number=f"{number}")
    told.dies(HOUR + 2 * SECOND)
    assert told.blamed() == {}


def test_one_order_is_carried_out_once():
    told = pressing()
    presses(told, "U0ANA", "hold")
    orders(told, "U0ANA", "hold", times=2)
    assert told.blamed() == {"presses_doubled": 1}


@pytest.mark.parametrize(
    ("second", "late", "blamed"),
    [("resume", SECOND, 1), ("hold", SECOND, 1), ("resume", 2 * MINUTE, 0), ("halt", SECOND, 0)],
)
def test_of_two_people_who_look_at_the_same_one_gets_their_way_and_a_halt_always(second, late, blamed):
    told = pressing()
    for user, verb, after in (("U0ANA", "hold", 0), ("U0LEE", second, late)):
        presses(told, user, verb, HOUR + after)
        orders(told, user, verb, HOUR + after)
    if second == "halt":
        told.served(HOUR + MINUTE, "halted", 0, cause="console")
    assert told.blamed().get("presses_doubled", 0) == blamed


def test_who_insists_on_a_brake_has_seen_what_came_before():
    told = pressing()
    for user, verb, after in (("U0ANA", "resume", 0), ("U0LEE", "hold", 10 * SECOND)):
        presses(told, user, verb, HOUR + after)
        orders(told, user, verb, HOUR + after + SECOND)
    assert told.blamed().get("presses_doubled", 0) == 0


@pytest.mark.parametrize("after", [10 * SECOND, 2 * MINUTE])
def test_what_is_said_late_counts_from_when_it_is_said(after):
    """Two windows for the same are open at once, and of two reasons within a minute one is the first."""
    told = pressing()
    presses(told, "U0ANA", "resume", says=5 * MINUTE)
    presses(told, "U0LEE", "resume", HOUR + 2 * MINUTE, says=3 * MINUTE + after)
    for user, at_hour in (("U0ANA", HOUR + 5 * MINUTE), ("U0LEE", HOUR + 5 * MINUTE + after)):
        orders(told, user, "resume", at_hour + SECOND)
    assert told.blamed().get("presses_doubled", 0) == (after < MINUTE)


@pytest.mark.parametrize("verb", ["resume", "approve"])
@pytest.mark.parametrize(
    "how", [{"says": None}, {"reason": "   "}, {"says": 20 * MINUTE}], ids=["never", "blank", "too late"]
)
def test_what_lets_more_people_have_it_needs_a_reason_in_time(verb, how):
    told = pressing()
    presses(told, "U0ANA", verb, **how)
    orders(told, "U0ANA", verb, HOUR + max(how.get("says") or 0, SECOND))
    assert "orders_without_right" in told.blamed()


def test_a_reason_does_not_come_after_its_order():
    told = pressing()
    presses(told, "U0ANA", "approve", says=9 * MINUTE)
    orders(told, "U0ANA", "approve", HOUR + MINUTE)
    assert "orders_without_right" in told.blamed()


@pytest.mark.parametrize(("says", "blamed"), [(None, 0), (SECOND, 1)])
def test_who_is_asked_why_has_heard_of_it_and_hears_once_more_after_that(says, blamed):
    told = pressing()
    presses(told, "U0ANA", "approve", says=says, heard=False)
    assert told.blamed().get("presses_lost", 0) == blamed


def test_two_people_may_approve_the_same():
    told = pressing()
    for user in ("U0ANA", "U0LEE"):
        presses(told, user, "approve")
        orders(told, user, "approve")
    assert told.blamed() == {}


@pytest.mark.parametrize("how", ["nobody pressed", "forged", "another one pressed", "too late"])
def test_what_nobody_has_pressed_who_may_is_ordered_for_nobody(how):
    told = pressing()
    if how != "nobody pressed":
        user = "U0LEE" if how == "another one pressed" else "U0ANA"
        presses(told, user, "approve", shown=how != "forged", age=1 if how == "too late" else 0)
    orders(told, "U0ANA", "approve")
    assert "orders_without_right" in told.blamed()


@pytest.mark.parametrize("verb", ["hold", "approve"])
def test_who_is_not_listed_presses_nothing_not_even_a_brake(verb):
    told = pressing()
    presses(told, "U0EVE", verb)
    orders(told, "U0EVE", verb)
    assert "orders_without_right" in told.blamed()


@pytest.mark.promise("R12")
@pytest.mark.parametrize(
    ("user", "age", "blamed"), [("U0ANA", 0, 1), ("U0ANA", 0.5, 1), ("U0ANA", 1.5, 0), ("U0EVE", 0, 0)]
)
def test_a_halt_that_was_pressed_is_ordered(user, age, blamed):
    told = pressing()
    presses(told, user, "halt", age=age)
    assert told.blamed().get("presses_lost", 0) == blamed


@pytest.mark.promise("R12")
@pytest.mark.parametrize(("acknowledged", "blamed"), [(True, 1), (False, 0)])
def test_a_halt_that_was_acknowledged_is_ordered_whoever_dies(acknowledged, blamed):
    told = pressing()
    presses(told, "U0ANA", "halt")
    if acknowledged:
        told._ledger(HOUR + SECOND, "slack_ack", envelope="1", seconds=1.0, payload=None)
    told.dies(HOUR + 2 * SECOND)
    assert told.blamed().get("presses_lost", 0) == blamed


@pytest.mark.parametrize("trouble", ["dies", "cannot write"])
def test_a_halt_may_be_lost_with_the_daemon_that_had_it(trouble):
    told = pressing()
    presses(told, "U0ANA", "halt")
    if trouble == "dies":
        told.dies(HOUR + SECOND)
    else:
        told.unwritten.append(at(HOUR + SECOND))
    assert told.blamed() == {}


def test_whoever_pressed_hears_of_it_themselves():
    told = pressing()
    presses(told, "U0LEE", "hold")
    presses(told, "U0ANA", "hold", HOUR + 5 * MINUTE, heard=False)
    assert told.blamed() == {"presses_lost": 1}
    told._ledger(11, "fault", service="slack", kind="500", request=None)
    assert told.blamed() == {}
