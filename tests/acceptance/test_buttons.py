"""What people press in Slack: a real daemon, an emulated Slack with its socket, and what becomes of it in the store."""

from __future__ import annotations

import signal
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stage import Stage
from tests.acceptance.stories import short, turns_bad

ANA, BEN, EVE, KIM = "U0ANA", "U0BEN", "U0EVE", "U0KIM"
PEOPLE = [
    {"name": "Ana Lima", "slack": ANA},
    {"name": "Ben Ode", "slack": BEN},
]


def _with_buttons(stage: Stage, **slack: Any) -> None:
    def change(document: Any) -> None:
        document["slack"] |= {"buttons": True, "app_token": {"file": "secrets/slack-app-token"}, **slack}
        document["people"] = PEOPLE

    stage.edits_config(change)


@pytest.fixture
def plays(opens):
    """A story with buttons, played to a time; the socket is open then."""

    def played(story: dict[str, Any], to: str, **slack: Any) -> Stage:
        stage = opens(story)
        _with_buttons(stage, **slack)
        stage.stops_at("0m")
        stage.starts_daemon()
        eventually(lambda: _sockets(stage) == 1, what="the socket")
        stage.plays_to(to)
        return stage

    return played


def _sockets(stage: Stage) -> int:
    states = [record["state"] for record in stage.ledger("slack_socket")]
    return states.count("open") - states.count("closed")


def _press(stage: Stage, label: str, user: str = ANA, **more: Any) -> dict[str, Any]:
    """As soon as there is such a button: what a store shows comes before the messages about it."""

    def pressed() -> dict[str, Any]:
        try:
            return stage.asks("slack/press", {"label": label, "user": user, **more})
        except HTTPError as error:
            if error.code != HTTPStatus.CONFLICT:
                raise
            return {}

    return eventually(pressed, within=20, what=f"a button {label!r}")


def _whispers(stage: Stage, user: str, *words: str) -> list[str]:
    told = [record["text"] for record in stage.ledger("slack_ephemeral") if record["user"] == user]
    return [text for text in told if all(word in text for word in words)]


def _hears(stage: Stage, user: str, *words: str) -> str:
    return eventually(lambda: _whispers(stage, user, *words), within=20, what=f"{user} hears {words}")[0]


def _facts(stage: Stage, kind: str) -> list[dict[str, Any]]:
    return [entry["body"] for entry in stage.document("history")["history"] if entry["kind"] == kind]


def _orders(stage: Stage) -> list[tuple[str, str, bool]]:
    """Verb, actor and whether it was accepted, of every order in the journal."""
    told = _facts(stage, "commanded")
    return [(each["verb"], each["actor"]["name"], each["accepted"]) for each in told]


def _shown(stage: Stage, *words: str) -> list[str]:
    """What stands in messages now: the newest text of each."""
    texts = {(record["channel"], record["ts"]): record["text"] for record in stage.ledger("slack")}
    return [text for text in texts.values() if all(word in text for word in words)]


def test_one_tap_halts(plays):
    stage = plays(short(), "3h")
    _press(stage, "Halt", ANA)
    stage.serves("halted", 0)
    _hears(stage, ANA, "Halted by Ana Lima at ")
    assert [record["seconds"] < 3 for record in stage.ledger("slack_ack")] == [True]
    assert stage.shows("halted")["exposure_ppm"] == 100_000
    assert _orders(stage) == [("halt", "Ana Lima", True)]
    eventually(lambda: _shown(stage, "Last order: halt by Ana Lima at "), what="the board tells who")
    stage.is_clean()


def test_what_was_halted_is_resumed_and_the_message_says_by_whom(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Resume", ANA)
    _hears(stage, ANA, "Resumed by Ana Lima at ")
    stage.serves("inProgress", 100_000)
    (notice,) = _shown(stage, "HALTED at 10 %")
    assert "Resumed by Ana Lima at " in notice
    assert _orders(stage) == [("resume", "Ana Lima", True)]


@pytest.mark.parametrize("presses", [[{"times": 10}], [{}, {}]], ids=["ten replays", "a double click"])
def test_one_wish_is_one_order(plays, presses):
    stage = plays(short(), "3h")
    for press in presses:
        _press(stage, "Halt", ANA, **press)
    _hears(stage, ANA, "Halted by Ana Lima")
    eventually(lambda: len(stage.ledger("slack_ack")) in (2, 10), what="every envelope acknowledged")
    assert _orders(stage) == [("halt", "Ana Lima", True)]
    assert len(_whispers(stage, ANA)) == 1


def test_of_two_people_at_once_one_has_their_way_and_both_hear_of_it(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    ts = _press(stage, "Resume", ANA)["ts"]
    _press(stage, "Resume", BEN, ts=ts)
    assert "Ana Lima has just pressed resume" in _hears(stage, BEN, "Refused")
    _hears(stage, ANA, "Resumed by Ana Lima")
    assert [taken for taken in _orders(stage) if taken[2]] == [("resume", "Ana Lima", True)]
    stage.serves("inProgress", 100_000)


def test_a_halt_waits_for_nobody_elses_press(plays):
    stage = plays(short(), "3h")
    ts = _press(stage, "Hold", ANA)["ts"]
    _press(stage, "Halt", BEN, ts=ts)
    stage.serves("halted", 0)
    _hears(stage, BEN, "Halted by Ben Ode")
    _hears(stage, ANA, "by Ana Lima")


LATER = {"age_seconds": -90}
"""As if it was pressed a minute and a half later, when nobody else's press stands before it."""


def test_a_button_of_another_state_is_refused_by_what_has_become_of_it(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    old = _press(stage, "Resume", ANA)["value"]
    stage.serves("inProgress", 100_000)
    _press(stage, "Halt", BEN, value=old, **LATER)
    said = _hears(stage, BEN, "Resume by Ben Ode at ", "refused")
    assert "it was halted at 10 % when that was ordered, and is at 10 % now" in said
    assert ("resume", "Ben Ode", False) in _orders(stage)


def test_the_button_of_one_halt_does_not_lift_the_next_one(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    old = _press(stage, "Resume", ANA)["value"]
    stage.serves("inProgress", 100_000)
    stage.plays_to("12h")
    stage.shows("halted")  # at the same share, for it is as bad as it was
    _press(stage, "Resume", BEN, value=old, **LATER)
    assert "it was under the halt of " in _hears(stage, BEN, "Resume by Ben Ode at ", "refused")
    assert stage.served() == ("halted", 0)


def test_who_is_not_listed_presses_nothing_not_even_a_halt(plays):
    stage = plays(short(), "3h")
    _press(stage, "Halt", EVE)
    assert _hears(stage, EVE) == "Refused: you are not among the people who may press this."
    assert stage.served() == ("inProgress", 100_000)
    eventually(lambda: _orders(stage) == [("halt", EVE, False)], what="the refusal in the journal")
    stage.is_clean()


def test_a_member_of_a_listed_user_group_presses(plays):
    groups = [{"id": "S0RELEASE", "groups": ["release"]}]
    stage = plays(short(), "1m", user_groups=groups)
    stage.asks("switches", {"slack_scopes": "chat:write,files:write,usergroups:read"})
    stage.asks("slack/group", {"id": "S0RELEASE", "users": [KIM]})
    stage.kills_daemon()
    stage.starts_daemon()
    eventually(lambda: _sockets(stage) == 1, what="the socket")
    stage.plays_to("3h")
    _press(stage, "Halt", KIM)
    stage.serves("halted", 0)
    assert _orders(stage) == [("halt", KIM, True)]


def test_a_forged_value_is_nobodys(plays):
    stage = plays(short(), "3h")
    good = _press(stage, "Hold", EVE)["value"]
    forged = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
    for value in (forged, "x", "halt acme", "e30." + "0" * 64):
        _press(stage, "Halt", ANA, value=value)
    said = eventually(lambda: len(_whispers(stage, ANA)) == 4 and _whispers(stage, ANA), what="four answers")
    assert {text.split(":")[0] for text in said} == {"Refused"}
    assert stage.served() == ("inProgress", 100_000)
    assert [taken for taken in _orders(stage) if taken[1] != EVE] == []
    assert "none of ours" in stage.daemon.said
    (refused,) = _facts(stage, "press_refused")
    assert (refused["actor"]["name"], refused["press"]) == (ANA, "")


def test_what_was_pressed_long_ago_is_refused_and_a_late_halt_is_not(plays):
    stage = plays(short(), "3h")
    _press(stage, "Hold", ANA, age_seconds=3 * 3600)
    assert "took too long" in _hears(stage, ANA)
    assert _orders(stage) == [("hold", "Ana Lima", False)]
    _press(stage, "Halt", BEN, age_seconds=600)
    stage.serves("halted", 0)


@pytest.mark.parametrize("reason", ["", "warning", "refresh_requested", "too_many_websockets"])
def test_a_socket_that_ends_is_opened_again(plays, reason):
    stage = plays(short(), "3h")
    stage.asks("slack/disconnect", {"reason": reason} if reason else {})
    eventually(
        lambda: len([r for r in stage.ledger("slack_socket") if r["state"] == "open"]) == 2, what="anew"
    )
    eventually(lambda: _sockets(stage) == 1, what="one socket")
    _press(stage, "Halt", ANA)
    stage.serves("halted", 0)


def test_without_slack_halts_go_on(plays):
    stage = plays(turns_bad(short(), at="3h"), "2h")
    stage.asks("slack/disconnect", {})
    stage.breaks("slack", "502", count=None)
    stage.plays_to("6h")
    assert stage.served() == ("halted", 0)
    stage.heals()


def test_a_token_that_may_not_open_a_socket_is_told_once_and_stops_nothing(opens):
    stage = opens(turns_bad(short(), at="3h"))
    _with_buttons(stage, app_token={"file": "secrets/slack-token"})
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to("6h")
    assert stage.served() == ("halted", 0)
    assert stage.daemon.said.count("nothing that is pressed in Slack arrives") == 1


def test_the_halt_that_somebody_has_seen(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Acknowledge", ANA)
    _hears(stage, ANA, "Acknowledged by Ana Lima at ")
    _press(stage, "Resume", BEN)  # the other buttons are still there
    _hears(stage, BEN, "Resumed by Ben Ode")
    (notice,) = _shown(stage, "HALTED at 10 %")
    assert "Acknowledged by Ana Lima" in notice
    assert "Resumed by Ben Ode" in notice


REASON = "the login is <!channel> & repaired"


def test_a_resume_needs_a_reason_and_ten_of_the_same_are_one(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Resume", ANA, reason=None)
    eventually(lambda: stage.ledger("slack_view"), what="the window")
    stage.asks("slack/window", {"user": ANA, "reason": "  "})
    refused = eventually(lambda: [a for a in stage.ledger("slack_ack") if a["payload"]], what="the error")
    assert refused[0]["payload"]["response_action"] == "errors"
    assert stage.served() == ("halted", 0)
    stage.asks("slack/window", {"user": ANA, "reason": REASON, "times": 10})
    _hears(stage, ANA, "Resumed by Ana Lima at ")
    stage.serves("inProgress", 100_000)
    eventually(lambda: len(stage.ledger("slack_ack")) == 12, what="every envelope acknowledged")
    assert [(each["verb"], each["reason"]) for each in _facts(stage, "commanded")] == [("resume", REASON)]
    assert len(_whispers(stage, ANA)) == 1
    eventually(lambda: stage.messages("the login is &lt;!channel&gt; &amp; repaired"), what="the notice")
    assert not stage.messages("<!channel>")


def test_who_closes_the_window_has_ordered_nothing_and_may_press_again(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Resume", ANA, reason=None)
    eventually(lambda: stage.ledger("slack_view"), what="the window")
    stage.asks("slack/window", {"user": ANA, "close": True})
    _press(stage, "Resume", ANA)
    _hears(stage, ANA, "Resumed by Ana Lima at ")
    assert _orders(stage) == [("resume", "Ana Lima", True)]


def test_a_reload_loses_no_window_and_no_answer(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Resume", ANA, reason=None)
    eventually(lambda: stage.ledger("slack_view"), what="the window")
    stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: "is in force" in stage.daemon.said, what="the reload")
    eventually(lambda: _sockets(stage) == 1, within=20, what="one socket")
    stage.asks("slack/window", {"user": ANA, "reason": REASON})
    _hears(stage, ANA, "Resumed by Ana Lima at ")
    (notice,) = _shown(stage, "HALTED at 10 %")
    assert "Resumed by Ana Lima at " in notice


@pytest.mark.parametrize("label", ["Halt", "Resume"])
def test_while_slack_opens_no_window_people_are_told_and_halts_take_one_tap(plays, label):
    stage = plays(
        short() if label == "Halt" else turns_bad(short(), at="3h"), "3h" if label == "Halt" else "6h"
    )
    stage.breaks("slack", "error", operation="views.open", detail="expired_trigger_id", count=None)
    _press(stage, label, ANA)
    if label == "Halt":
        stage.serves("halted", 0)
    else:
        _hears(stage, ANA, "did not open the window")
        assert _orders(stage) == []


def test_a_strangers_acknowledgement_ends_no_alarm_and_stands_in_the_journal(plays):
    stage = plays(turns_bad(short(), at="3h"), "6h")
    stage.shows("halted")
    _press(stage, "Acknowledge", EVE)
    _hears(stage, EVE, "not among the people")
    (refused,) = eventually(lambda: _facts(stage, "press_refused"), what="the refusal in the journal")
    assert (refused["actor"]["name"], refused["press"]) == (EVE, "acknowledge")
    assert _facts(stage, "acknowledged") == []


def test_a_token_that_is_revoked_shows_in_health(plays):
    stage = plays(short(), "1h")
    stage.breaks("slack", "401", count=None)
    stage.asks("slack/disconnect", {})
    said = eventually(
        lambda: "nothing that is pressed" in (found := stage.types("health")).said and found.said, within=40
    )
    assert "invalid_auth" in said
    stage.heals()


@pytest.mark.parametrize("how", ["a reload that switches them on", "a restart with another secret"])
def test_buttons_that_are_not_valid_are_written_anew(opens, how):
    stage = opens(short())
    if how.startswith("a restart"):
        _with_buttons(stage)
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to("3h")
    edits = len(stage.ledger("slack"))
    if how.startswith("a restart"):
        stage.kills_daemon()
        (secret,) = stage.folder.rglob("*.seal")
        secret.unlink()
        stage.starts_daemon()
    else:
        _with_buttons(stage)
        stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: _sockets(stage) == 1, within=20, what="the socket")
    eventually(lambda: len(stage.ledger("slack")) > edits, within=20, what="the first message, anew")
    _press(stage, "Halt", ANA)
    stage.serves("halted", 0)
