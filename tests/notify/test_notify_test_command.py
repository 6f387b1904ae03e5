"""`stagedrollout notify test`: somebody who sets Slack up learns at once whether it works, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stagedrollout.config.shipped import policies_folder
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.slack import CHANNEL, SECOND_CHANNEL
from stagedrollout.emulator.write_config import write_config
from tests.acceptance.processes import Done, run

Setup = tuple[RunningEmulator, Path]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("conf")
    with serve(load_scenario("healthy")) as running:
        yield running, write_config(folder, running.world, url=running.url, policies=policies_folder())


class Desk:
    """A person at a terminal, a configuration and a workspace in its first state."""

    def __init__(self, setup: Setup) -> None:
        self.running, self.config = setup
        self._original = self.config.read_text("utf-8")
        self.slack = self.running.world.slack
        for channel in self.slack.channels.values():
            channel.messages.clear()
            channel.member, channel.archived = True, False

    def configures(self, **slack: Any) -> None:
        document = YAML(typ="safe").load(self._original)
        document["slack"].update(slack)
        self.writes(document)

    def writes(self, document: Any) -> None:
        with self.config.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(document, file)

    def without_slack(self) -> None:
        document = YAML(typ="safe").load(self._original)
        del document["slack"]
        self.writes(document)

    def trouble(self, kind: str, detail: str = "") -> None:
        self.running.world.faults.add(Fault("slack", kind, "chat.postMessage", detail=detail))

    def tests(self, *options: str) -> Done:
        return run("notify", "test", "--config", str(self.config), *options)

    def shown(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return self.slack.channels[channel].messages

    def tidies(self) -> None:
        self.config.write_text(self._original, "utf-8")
        self.running.world.faults.clear()


@pytest.fixture
def desk(setup: Setup) -> Iterator[Desk]:
    desk = Desk(setup)
    yield desk
    desk.tidies()


def test_a_message_that_arrives_is_marked_as_a_test_and_its_place_is_told(desk: Desk) -> None:
    done = desk.tests()
    assert done.code == 0, done.said
    [message] = desk.shown()
    assert done.out == f"channel {CHANNEL}: the test message is there (ts {message['ts']})\n"
    assert message["text"].startswith("TEST: stagedrollout can post in this channel\n")
    assert "no release was looked at or touched" in message["text"]
    assert "metadata" not in message, "nobody may take it for a notice"
    assert list((desk.config.parent / "state").iterdir()) == [], "no database is needed, none is made"


def test_each_test_is_a_message_of_its_own(desk: Desk) -> None:
    desk.running.world.turn({"slack_deduplicates": True})
    for _ in range(2):
        assert desk.tests().code == 0
    desk.running.world.turn({"slack_deduplicates": False})
    assert len(desk.shown()) == 2


def test_both_channels_are_tried_and_told_in_one_document(desk: Desk) -> None:
    desk.configures(fallback_channel=SECOND_CHANNEL)
    done = desk.tests("--fallback", "--json")
    assert done.code == 0, done.said
    told = json.loads(done.out)
    assert told["ok"] is True
    assert [(m["role"], m["channel"], m["ok"], m["problem"]) for m in told["messages"]] == [
        ("channel", CHANNEL, True, ""),
        ("fallback", SECOND_CHANNEL, True, ""),
    ]
    assert told["messages"][1]["ts"] == desk.shown(SECOND_CHANNEL)[0]["ts"]


def test_the_fallback_is_tried_also_when_the_channel_is_closed(desk: Desk) -> None:
    desk.configures(fallback_channel=SECOND_CHANNEL)
    desk.slack.channels[CHANNEL].archived = True
    done = desk.tests("--fallback")
    assert done.code == 1
    assert f"channel {CHANNEL}: slack: chat.postMessage: is_archived; unarchive the channel" in done.err
    assert f"fallback {SECOND_CHANNEL}: the test message is there" in done.out


def test_a_bot_that_is_not_in_the_channel_is_to_be_invited_by_its_name(desk: Desk) -> None:
    desk.slack.channels[CHANNEL].member = False
    done = desk.tests()
    assert done.code == 1
    assert "not_in_channel; invite the bot: type /invite @stagedrollout in the channel" in done.err


@pytest.mark.parametrize(
    ("kind", "detail", "said"),
    [
        ("error", "invalid_auth", "invalid_auth; copy the Bot User OAuth Token (xoxb-...) again"),
        ("error", "token_revoked", "token_revoked; install the app again"),
        (
            "403",
            "",
            "missing_scope (the token needs chat:write and has files:write); add the scope chat:write",
        ),
        ("error", "channel_not_found", "channel_not_found; check the channel's id"),
        ("error", "restricted_action_read_only_channel", "posting permissions"),
        ("error", "a_new_word", "a_new_word; look the word up"),
        ("429", "", "wait 1 s and try again"),
        ("drop", "", "look into the channel, the message may be there"),
        ("html", "", "check slack.endpoint and the proxy"),
    ],
)
def test_what_slack_says_is_told_with_what_would_be_right(
    desk: Desk, kind: str, detail: str, said: str
) -> None:
    desk.trouble(kind, detail)
    done = desk.tests()
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.said
    assert desk.running.world.credentials.slack_token not in done.said


def test_a_fallback_that_is_not_configured_is_said_so(desk: Desk) -> None:
    done = desk.tests("--fallback")
    assert done.code == 1
    assert "there is no fallback channel" in done.err
    assert "add `fallback_channel:`" in done.err
    assert len(desk.shown()) == 1


def test_without_slack_one_learns_that_notices_go_to_the_log(desk: Desk) -> None:
    desk.without_slack()
    done = desk.tests()
    assert done.code == 1
    assert "notices go to the daemon's log" in done.err
    told = json.loads(desk.tests("--json").out)
    assert (told["ok"], told["messages"][0]["ok"]) == (False, False)


def test_a_fallback_that_is_the_channel_itself_is_a_wrong_configuration(desk: Desk) -> None:
    desk.configures(fallback_channel=CHANNEL)
    done = desk.tests()
    assert done.code == 2
    assert "slack.fallback_channel: this is the same channel" in done.err
    assert desk.shown() == []


def test_only_slacks_secret_is_read(desk: Desk) -> None:
    desk.configures()
    (desk.config.parent / "secrets" / "sentry-token").rename(desk.config.parent / "secrets" / "away")
    try:
        assert desk.tests().code == 0
    finally:
        (desk.config.parent / "secrets" / "away").rename(desk.config.parent / "secrets" / "sentry-token")


def test_a_slack_secret_that_is_missing_is_a_wrong_configuration(desk: Desk) -> None:
    desk.configures(token={"file": "secrets/nowhere"})
    done = desk.tests()
    assert done.code == 2
    assert "secrets/nowhere" in done.err
