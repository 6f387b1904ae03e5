"""What people see for each class of trouble in slack.md section 3, over the emulated Slack and a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.slack import CHANNEL, SECOND_CHANNEL
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.second_channel import SecondChannel
from stagedrollout.notify.slack import Slack, open_call
from tests.notify.fakes import SHOP, Clock, Rows, board, notice

POST = "chat.postMessage"


@pytest.fixture(scope="module")
def emulated() -> Iterator[RunningEmulator]:
    with serve(load_scenario("healthy")) as running:
        yield running


class Room:
    """A relay with both channels of the emulated workspace; a halt waits behind a raise."""

    def __init__(self, running: RunningEmulator) -> None:
        self.world = running.world
        for channel in self.world.slack.channels.values():
            channel.messages.clear()
            channel.member, channel.archived = True, False
        self.world.faults.clear()
        self.world.turn({"slack_deduplicates": False, "slack_retry_after_seconds": 1})
        self.clock = Clock()
        self.rows = Rows(self.clock)
        call = open_call(
            self.world.credentials.slack_token, Endpoint("slack", f"{running.url}/slack/api/"), 5.0
        )
        second = SecondChannel(self.rows, Slack(call, SECOND_CHANNEL), self.clock, first=CHANNEL)
        self.relay = Relay(self.rows, Slack(call, CHANNEL), self.clock, second=second)
        self.rows.want(SHOP, board("5.2.0: rolling out"))
        self.rows.enqueue(SHOP, notice("started"))
        self.goes_on(hours=1)
        self.rows.enqueue(SHOP, notice("raised"), notice("HALTED", broadcast=True))

    def goes_on(self, hours: float) -> None:
        until = self.clock.at + timedelta(hours=hours)
        for _ in range(200):
            self.relay.deliver_due()
            due = self.relay.next_due()
            if due is None or due > until:
                self.clock.at = until
                return
            self.clock.at = max(due, self.clock.at)
        raise AssertionError("the relay finds no rest")

    def hit(self, kind: str, detail: str = "", *, operation: str = POST, count: int | None = 1) -> None:
        self.world.faults.add(Fault("slack", kind, operation, count=count, detail=detail))

    def shown(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        return self.world.slack.channels[channel].messages

    def heads(self) -> list[str]:
        return [text(m) for m in self.shown() if m.get("thread_ts", m["ts"]) == m["ts"]]

    def replies(self) -> list[str]:
        return [text(m) for m in self.shown() if m.get("thread_ts", m["ts"]) != m["ts"]]


def text(message: dict[str, Any]) -> str:
    return str(message["text"]).splitlines()[0]


@pytest.fixture
def room(emulated: RunningEmulator) -> Iterator[Room]:
    room = Room(emulated)
    yield room
    room.world.faults.clear()


def test_a_quiet_day_is_one_thread(room: Room) -> None:
    room.goes_on(1)
    assert (room.heads(), room.replies()) == (["5.2.0: rolling out"], ["started", "raised", "HALTED"])
    assert room.shown(SECOND_CHANNEL) == []


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        *(("error", word) for word in ("internal_error", "fatal_error", "service_unavailable")),
        *(("error", word) for word in ("request_timeout", "team_added_to_org")),
        *((kind, "") for kind in ("500", "502", "503", "drop", "429")),
        *(("error", word) for word in ("ratelimited", "rate_limited", "message_limit_exceeded")),
    ],
)
def test_trouble_before_anything_arrived_changes_nothing_people_see(
    room: Room, kind: str, detail: str
) -> None:
    room.hit(kind, detail, count=2)
    room.goes_on(1)
    assert room.replies() == ["started", "raised", "HALTED"]
    assert room.shown(SECOND_CHANNEL) == []
    assert room.relay.problem() == ""


@pytest.mark.parametrize("kind", ["drop_after", "html", "empty_body", "truncated", "500_after", "502_after"])
@pytest.mark.parametrize("deduplicates", [True, False])
def test_a_message_whose_answer_was_lost_is_sent_again_and_says_so(
    room: Room, kind: str, deduplicates: bool
) -> None:
    room.world.turn({"slack_deduplicates": deduplicates})
    room.hit(kind)
    room.goes_on(1)
    again = [] if deduplicates else ["raised"]
    assert room.replies() == ["started", "raised", *again, "HALTED"]
    marked = [text(m) for m in room.shown() if "sent again: this may have been told before" in m["text"]]
    assert marked == again
    assert len({m["client_msg_id"] for m in room.shown() if text(m) == "raised"}) == 1


def test_a_burst_that_has_to_wait_a_minute_waits_a_minute_and_keeps_its_order(room: Room) -> None:
    room.world.turn({"slack_retry_after_seconds": 60})
    room.hit("429", count=3)
    begun = room.clock.at
    for minute in range(3):
        assert room.relay.deliver_due() == 0
        due = room.relay.next_due()
        assert due == begun + timedelta(minutes=minute + 1)
        room.clock.at = due
    assert room.relay.deliver_due() == 2
    assert room.replies() == ["started", "raised", "HALTED"]


CREDENTIALS = [
    *("invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive", "missing_scope"),
    *("not_allowed_token_type", "no_permission", "access_denied", "org_login_required"),
]
DESTINATION = [
    *("channel_not_found", "not_in_channel", "is_archived", "restricted_action", "team_not_found"),
    *("restricted_action_read_only_channel", "messages_tab_disabled", "ekm_access_denied", "new_word"),
]


@pytest.mark.parametrize("word", CREDENTIALS + DESTINATION)
def test_what_a_person_must_mend_is_shown_logged_as_critical_and_told_in_order_once_mended(
    room: Room, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    room.hit("error", word, count=None)
    room.goes_on(1)
    assert word in room.relay.problem()
    assert [r.levelname for r in caplog.records if "HALTED" in r.getMessage()] == ["CRITICAL"]
    room.world.faults.clear()
    room.goes_on(1)
    assert room.replies() == ["started", "raised", "HALTED"]
    assert room.relay.problem() == ""


@pytest.mark.parametrize("why", ["archived", "removed"])
def test_a_halt_goes_to_the_fallback_while_the_channel_is_closed(room: Room, why: str) -> None:
    channel = room.world.slack.channels[CHANNEL]
    channel.archived, channel.member = why == "archived", why != "removed"
    room.goes_on(1)
    assert [text(m) for m in room.shown(SECOND_CHANNEL)] == ["HALTED"]
    assert f"where it belongs: {CHANNEL}" in room.shown(SECOND_CHANNEL)[0]["text"]
    channel.archived, channel.member = False, True
    room.goes_on(1)
    assert room.replies() == ["started", "raised", "HALTED"]
    assert [text(m) for m in room.shown(SECOND_CHANNEL)] == ["HALTED"]


@pytest.mark.parametrize(
    "word",
    [
        *("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"),
        *("too_many_attachments", "attachment_payload_limit_exceeded"),
        *("metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema"),
    ],
)
def test_a_layout_slack_refuses_is_told_as_plain_text_and_logged(
    room: Room, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    room.hit("error", word)
    room.goes_on(1)
    assert room.replies() == ["started", "raised", "HALTED"]
    assert [text(m) for m in room.shown() if "blocks" not in m] == ["raised"]
    assert [r.getMessage() for r in caplog.records] == [
        f"Slack refuses part of a message ({word}); it is sent without"
    ]


def test_a_deleted_thread_is_begun_anew(room: Room) -> None:
    channel = room.world.slack.channels[CHANNEL]
    channel.delete(channel.messages[0]["ts"])
    room.goes_on(1)
    assert room.heads() == ["5.2.0: rolling out"]
    new = next(m["ts"] for m in room.shown() if text(m) == "5.2.0: rolling out")
    assert [text(m) for m in room.shown() if m.get("thread_ts") == new and m["ts"] != new] == [
        "raised",
        "HALTED",
    ]
    assert [text(m) for m in room.shown() if m.get("subtype") == "thread_broadcast"] == ["HALTED"]


@pytest.mark.parametrize(
    "word",
    ["message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "block_mismatch"],
)
def test_a_board_that_cannot_be_edited_any_more_is_posted_anew(room: Room, word: str) -> None:
    room.goes_on(1)
    room.hit("error", word, operation="chat.update")
    room.rows.want(SHOP, board("5.2.0: HALTED"))
    room.goes_on(1)
    assert room.heads() == ["5.2.0: rolling out", "5.2.0: HALTED"]
    room.rows.want(SHOP, board("5.2.0: resumed"))
    room.goes_on(1)
    assert room.heads() == ["5.2.0: rolling out", "5.2.0: resumed"]
