"""Whom the daemon wakes when nobody answers, what it reminds of, and the digest of the day."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stage import Stage
from tests.acceptance.stories import short, turns_bad


@pytest.fixture
def plays(opens):
    def played(story: dict[str, Any], to: str, **sections: Any) -> Stage:
        stage = opens(story)
        url = json.loads(stage.emulator.out)["url"]
        _configure(stage, url, sections)
        stage.stops_at("0m")
        stage.starts_daemon()
        stage.plays_to(to)
        return stage

    return played


def _configure(stage: Stage, url: str, sections: dict[str, Any]) -> None:
    def change(document: Any) -> None:
        places = {
            "channel": "C0ONCALL",
            "webhook": {"url": f"{url}/webhook/alarms", "secret": {"file": "secrets/webhook-secret"}},
            "pagerduty": {"url": url, "routing_key": {"file": "secrets/pagerduty-key"}},
        }
        document["escalation"] = {"unanswered_after": "15m", "not_halted_after": "5m", **places}
        document["slack"] |= {"buttons": True, "app_token": {"file": "secrets/slack-app-token"}}
        document["people"] = [{"name": "Ana Lima", "slack": "U0ANA"}]
        document |= sections

    stage.edits_config(change)


def _paged(stage: Stage) -> list[tuple[str, str]]:
    """What the pager was told: the action, and which alarm."""
    return [(each["action"], each["key"].rsplit("/", 1)[1]) for each in stage.ledger("pagerduty")]


def _on_call(stage: Stage) -> list[str]:
    return [record["text"] for record in stage.ledger("slack") if record["channel"] == "C0ONCALL"]


def test_a_halt_that_nobody_answers_wakes_each_place_once(plays):
    stage = plays(turns_bad(short(), at="3h"), "8h")
    assert _paged(stage) == [("trigger", "unanswered")]
    (said,) = stage.ledger("webhook")
    assert said["signed"]
    assert said["said"]["event"] == "alarm"
    (told,) = _on_call(stage)
    assert "nobody has answered" in told
    stage.kills_daemon()
    stage.starts_daemon()
    stage.plays_to("10h")
    assert _paged(stage) == [("trigger", "unanswered")]
    stage.is_clean()


@pytest.mark.parametrize("label", ["Acknowledge", "Resume"])
def test_who_answers_in_time_wakes_nobody(plays, label):
    stage = plays(turns_bad(short(), at="3h"), "3h")
    for minutes in range(210, 361, 30):
        stage.plays_to(f"{minutes}m")
        if stage.rollout()["phase"] == "halted":
            break
    stage.asks("slack/press", {"label": label, "user": "U0ANA"})
    eventually(lambda: stage.ledger("slack_ephemeral"), what="the answer")
    stage.plays_to(f"{minutes + 25}m")
    assert _paged(stage) == []
    assert _on_call(stage) == []


def test_an_answer_that_comes_later_ends_the_alarm(plays):
    stage = plays(turns_bad(short(), at="3h"), "8h")
    stage.asks("slack/press", {"label": "Acknowledge", "user": "U0ANA"})
    eventually(lambda: _paged(stage)[1:] == [("resolve", "unanswered")], what="the end of the alarm")
    eventually(lambda: [each["said"]["event"] for each in stage.ledger("webhook")] == ["alarm", "over"])


def test_a_pager_that_is_down_is_told_as_soon_as_it_is_back(plays):
    stage = plays(turns_bad(short(), at="3h"), "3h")
    stage.breaks("pagerduty", "502", count=None)
    stage.plays_to("8h")
    assert stage.served() == ("halted", 0)
    assert _paged(stage) == []
    assert len(_on_call(stage)) == 1
    stage.heals()
    stage.plays_to("9h")
    assert _paged(stage) == [("trigger", "unanswered")]


def test_a_halt_that_the_store_does_not_show_wakes_people_whoever_ordered_it(plays):
    stage = plays(short(), "3h")
    stage.breaks("google_play", "503", count=None)
    stage.begins("halt", "acme", "--reason", "because of a test")
    stage.shows("not_halted")
    stage.plays_to("4h")
    assert ("trigger", "not_halted") in _paged(stage)
    stage.heals()
    stage.plays_to("6h")
    assert _paged(stage) == [("trigger", "not_halted"), ("resolve", "not_halted")]


def test_the_digest_comes_once_a_day_across_restarts(plays):
    stage = plays(short(), "3h", digest={"at": "09:30", "time_zone": "Europe/Berlin"})
    told = len(stage.messages("Today: "))  # 09:00 UTC: half an hour after it was due
    assert told == 1
    stage.plays_to("4h")  # 10:00 UTC
    (digest,) = stage.messages("Today: 1 rollouts")
    assert "acme on Google Play 5.2.0" in digest
    stage.kills_daemon()
    stage.starts_daemon()
    stage.plays_to("6h")
    assert len(stage.messages("Today: ")) == 1


def test_what_waits_on_a_person_is_told_again_and_not_for_ever(plays):
    story = turns_bad(short(until="40h"), at="3h")
    stage = plays(story, "30h", reminders={"every": "2h", "most": 3})
    told = stage.messages("still waits on a person")
    assert len(told) == 3
    assert "for 6h now" in told[-1]
