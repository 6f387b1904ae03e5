"""What becomes of a press, as it is sent to Slack: within its limits, and nothing of what stands there lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from stagedrollout.buttons.pressed import read_heard
from stagedrollout.core.errors import Rejected
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.core.offer import SEALED_MAX, Offer, Press
from stagedrollout.emulator.slack_blocks import blocks_fit, view_fits
from stagedrollout.notify.answers import SlackAnswers
from stagedrollout.notify.blocks import TEXT_MAX
from stagedrollout.notify.offers import ON_BOARD, ON_NOTICE

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "HALTED"}}


def _button(value):
    return {"type": "button", "text": {"type": "plain_text", "text": value}, "value": value}


ACTIONS = {"type": "actions", "block_id": ON_NOTICE, "elements": [_button("seen"), _button("resume")]}


@dataclass(frozen=True)
class Message:
    user: str = "U0ANA"
    channel: str = "C0RELEASE"
    ts: str = "1763892000.000100"
    block_id: str = ON_NOTICE
    text: str = "HALTED"
    blocks: tuple[dict[str, Any], ...] = (SECTION, ACTIONS)
    value: str = "resume"
    stamp: str = "1763892001.5"
    trigger: str = "1.2.abc"


class Slack:
    def __init__(self):
        self.sent = []

    def __call__(self, method, payload):
        self.sent.append((method, payload))
        return {"ok": True}


@pytest.fixture
def slack():
    return Slack()


@pytest.fixture
def answers(slack):
    return SlackAnswers(slack)


def _lines(payload):
    (said,) = payload["blocks"][-1]["elements"]
    return said["text"].split("\n")


def _values(payload):
    actions = [block for block in payload["blocks"] if block["type"] == "actions"]
    return [each["value"] for block in actions for each in block["elements"]]


@pytest.mark.parametrize(
    ("gone", "left"), [(None, []), (frozenset(), ["seen", "resume"]), (frozenset({"seen"}), ["resume"])]
)
def test_the_buttons_that_mean_nothing_any_more_go(slack, answers, gone, left):
    answers.rewrite(Message(), ("Acknowledged by Ana <!channel>",), gone=gone)
    ((method, payload),) = slack.sent
    assert (method, payload["parse"], _values(payload)) == ("chat.update", "none", left)
    assert _lines(payload) == ["Acknowledged by Ana &lt;!channel&gt;"]


def test_what_an_earlier_daemon_has_said_stays(slack, answers):
    answers.rewrite(Message(), ("Acknowledged by Ana & co",), gone=frozenset())
    shown = Message(blocks=tuple(slack.sent[0][1]["blocks"]))
    answers.rewrite(shown, ("Resumed by Ben",), gone=None)
    answers.rewrite(shown, ("Acknowledged by Ana & co", "Resumed by Ben"), gone=None)
    assert (
        _lines(slack.sent[1][1])
        == _lines(slack.sent[2][1])
        == ["Acknowledged by Ana &amp; co", "Resumed by Ben"]
    )


def test_ten_long_lines_on_a_full_message_fit_and_are_told_in_plain_text_too(slack, answers):
    full = Message(text="x" * TEXT_MAX, blocks=(SECTION,) * 50)
    answers.rewrite(full, tuple(f"{n} refused: {'&' * 500}" for n in range(10)), gone=frozenset())
    payload = slack.sent[0][1]
    assert blocks_fit(payload["blocks"])
    assert len(_lines(payload)) == 10
    assert len(payload["text"]) <= TEXT_MAX
    assert payload["text"].split("\n")[-1].startswith("9 refused")


@pytest.mark.parametrize(
    "message", [Message(block_id=ON_BOARD), Message(blocks=())], ids=["the board", "unknown"]
)
def test_what_is_not_ours_to_rewrite_stays(slack, answers, message):
    answers.rewrite(message, ("Resumed by Ana",), gone=None)
    assert slack.sent == []


LONG = RolloutKey("a" * 900, Store.GOOGLE_PLAY, "5020")


@pytest.mark.parametrize("halted", [True, False])
@pytest.mark.parametrize("press", [Press.RESUME, Press.APPROVE])
def test_a_window_fits_and_gives_the_press_back(slack, answers, press, halted):
    pressed = Message(value="v" * SEALED_MAX)
    answers.ask(pressed, Offer(press, LONG, 100_000, halted))
    ((method, sent),) = slack.sent
    assert (method, sent["trigger_id"]) == ("views.open", "1.2.abc")
    assert view_fits(sent["view"])
    state = {"values": {"reason": {"reason": {"type": "plain_text_input", "value": "repaired"}}}}
    user, view = {"id": "U0ANA"}, {**sent["view"], "state": state}
    said = read_heard(json.loads(json.dumps({"type": "view_submission", "user": user, "view": view})))
    assert said.reason == "repaired"
    for name in ("user", "value", "stamp", "channel", "ts", "block_id"):
        assert getattr(said.pressed, name) == getattr(pressed, name)


def test_a_press_without_a_trigger_opens_no_window(answers):
    with pytest.raises(Rejected):
        answers.ask(replace(Message(), trigger=""), Offer(Press.RESUME, LONG, 0, halted=True))
