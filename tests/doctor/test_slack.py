"""What `doctor` says of Slack."""

from __future__ import annotations

from stagedrollout.doctor.finding import State
from stagedrollout.emulator.slack import CHANNEL, SECOND_CHANNEL
from tests.doctor.desk import Desk, in_section


def test_a_token_with_just_enough_says_that_posting_alone_shows_the_channel(desk: Desk) -> None:
    desk.examines()
    assert "the bot stagedrollout's, in the workspace Acme" in desk.finding("slack", "token").said
    assert desk.finding("slack", "scopes").state is State.OK
    assert "notify test" in desk.finding("slack", "channel").right


def test_scopes_that_are_missing_and_to_spare_are_told_apart(desk: Desk) -> None:
    desk.world.turn({"slack_scopes": "files:write,admin,users:read"})
    desk.examines()
    assert desk.finding("slack", "scopes", "lacks chat:write").state is State.PROBLEM
    assert desk.finding("slack", "beyond need").said.endswith("admin, users:read")


def test_a_token_that_may_look_tells_of_channels_that_are_closed(desk: Desk) -> None:
    desk.world.turn({"slack_scopes": "chat:write,channels:read"})
    desk.configures(in_section("slack", fallback_channel=SECOND_CHANNEL))
    desk.world.slack.channels[CHANNEL].archived = True
    desk.world.slack.channels[SECOND_CHANNEL].member = False
    desk.examines()
    assert desk.finding("slack", "scopes", "no picture").state is State.NOTE
    assert desk.finding("slack", "channel", f"channel {CHANNEL} is archived").state is State.PROBLEM
    invited = desk.finding("slack", "channel", f"not in fallback channel {SECOND_CHANNEL}")
    assert invited.right == "type /invite @stagedrollout there"


def test_a_token_that_was_revoked_is_told_with_where_to_get_another(desk: Desk) -> None:
    desk.breaks("slack", "401")
    desk.examines()
    assert "copy the Bot User OAuth Token" in desk.finding("slack", "token").right


def test_a_channel_that_does_not_exist_is_named(desk: Desk) -> None:
    desk.world.turn({"slack_scopes": "chat:write,channels:read"})
    desk.configures(in_section("slack", channel="C0NOWHERE"))
    desk.examines()
    assert "C0NOWHERE" in desk.finding("slack", "channel", "channel_not_found").right


def _buttons(app_token: str = "slack-app-token"):
    token = {"file": f"secrets/{app_token}"}
    return in_section("slack", buttons=True, app_token=token, user_groups=[{"id": "S0RELEASE"}])


def test_buttons_are_tried_out_without_pressing_any(desk: Desk) -> None:
    desk.world.turn({"slack_scopes": "chat:write,files:write,usergroups:read"})
    desk.world.slack.people.groups["S0RELEASE"] = ["U0ANA", "U0BEN"]
    desk.world.slack.lines.address = "ws://127.0.0.1:9"
    desk.configures(_buttons())
    desk.examines()
    assert desk.finding("slack", "app token").state is State.OK
    assert "2 members" in desk.finding("slack", "user group").said


def test_an_app_token_of_the_wrong_kind_is_told_with_where_to_get_another(desk: Desk) -> None:
    desk.configures(_buttons("slack-token"))
    desk.examines()
    assert "connections:write" in desk.finding("slack", "app token").right
    assert "missing_scope" in desk.finding("slack", "user group").said
