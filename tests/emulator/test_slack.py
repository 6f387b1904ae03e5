"""Slack's Web API as far as notices need it: slack.md sections 2, 3 and 7."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.slack import SECOND_CHANNEL, Channel
from tests.emulator.calls import Caller, entries, pass_time, slack, world_at

C = "C0RELEASE"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


def post(world, **arguments):
    return slack(world, "chat.postMessage", **{"channel": C, "text": "hello", **arguments})


def test_messages_are_named_by_unique_rising_strings():
    world = world_at(1)
    names = [post(world)["ts"] for _ in range(3)]
    pass_time(world, 1)
    names.append(post(world)["ts"])
    assert names == sorted(set(names), key=float)
    assert all(isinstance(ts, str) and len(ts.split(".")[1]) == 6 for ts in names)


def test_replies_live_in_their_thread_and_a_broadcast_shows_in_the_channel_too():
    world = world_at(1)
    parent = post(world)["ts"]
    quiet = post(world, thread_ts=parent)["ts"]
    loud = post(world, thread_ts=parent, reply_broadcast=True)["ts"]
    shown = [m["ts"] for m in slack(world, "conversations.history", channel=C)["messages"]]
    assert shown == [loud, parent]
    replies = slack(world, "conversations.replies", channel=C, ts=parent)["messages"]
    assert [m["ts"] for m in replies] == [parent, quiet, loud]
    told = [(e["thread_ts"], e["broadcast"]) for e in entries(world, "slack")]
    assert told == [(None, False), (parent, False), (parent, True)]


@pytest.mark.parametrize("thread", ["1.000000", "a reply"])
def test_there_is_no_thread_under_a_reply_or_under_nothing(thread):
    world = world_at(1)
    reply = post(world, thread_ts=post(world)["ts"])["ts"]
    answer = post(world, thread_ts=reply if thread == "a reply" else thread)
    assert answer == {"ok": False, "error": "cannot_reply_to_message"}


def test_an_update_replaces_text_and_blocks_and_keeps_absent_metadata():
    world = world_at(1)
    metadata = {"event_type": "rollout", "event_payload": {"id": "d-1"}}
    ts = post(world, blocks=[SECTION], metadata=metadata)["ts"]
    message = slack(world, "chat.update", channel=C, ts=ts, text="new")["message"]
    assert (message["text"], "blocks" in message, message["metadata"]) == ("new", False, metadata)
    gone = slack(world, "chat.update", channel=C, ts=ts, text="new", metadata={})["message"]
    assert "metadata" not in gone
    assert [e["update"] for e in entries(world, "slack")] == [False, True, True]


def test_history_finds_messages_by_their_metadata_page_by_page():
    world = world_at(1)
    for number in range(3):
        post(world, metadata={"event_type": "n", "event_payload": {"number": number}})
    first = slack(world, "conversations.history", channel=C, limit=2, include_all_metadata=True)
    assert [m["metadata"]["event_payload"]["number"] for m in first["messages"]] == [2, 1]
    assert first["has_more"] is True
    cursor = first["response_metadata"]["next_cursor"]
    rest = slack(world, "conversations.history", channel=C, limit=2, cursor=cursor)
    assert (len(rest["messages"]), rest["has_more"]) == (1, False)
    assert "metadata" not in rest["messages"][0]
    oldest = first["messages"][1]["ts"]
    assert len(slack(world, "conversations.history", channel=C, oldest=oldest)["messages"]) == 1
    inclusive = slack(world, "conversations.history", channel=C, oldest=oldest, inclusive=True)
    assert len(inclusive["messages"]) == 2


def button(**more):
    return {"type": "button", "text": {"type": "plain_text", "text": "x"}, **more}


@pytest.mark.parametrize(
    "blocks",
    [
        [SECTION] * 51,
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section"}],
        [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "actions", "elements": [button()] * 26}],
        [{"type": "actions", "elements": [button(text={"type": "plain_text", "text": "x" * 76})]}],
        [{"type": "actions", "elements": [button(value="x" * 2001)]}],
        [{"type": "actions", "elements": [button(confirm={"title": {"type": "plain_text", "text": "x"}})]}],
        [{"type": "carousel"}],
        ["text"],
        "text",
    ],
)
def test_blocks_beyond_slacks_limits_are_refused(blocks):
    world = world_at(1)
    assert post(world, blocks=blocks) == {"ok": False, "error": "invalid_blocks"}
    assert entries(world, "slack") == []


def test_the_halt_message_of_the_fact_sheet_is_taken():
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": ":octagonal_sign: halted", "emoji": True}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Stage*\n20 %"}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "window"}]},
        {"type": "actions", "elements": [button(action_id="open.sentry", url="https://example.invalid")]},
        {"type": "divider"},
    ]
    assert post(world_at(1), blocks=blocks)["ok"] is True


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"channel": "C0OTHER"}, "channel_not_found"),
        ({"channel": "C0SHUT"}, "is_archived"),
        ({"channel": "C0ALIEN"}, "not_in_channel"),
        ({"metadata": {"event_type": 1}}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "x", "event_payload": {"a": "x" * 20_000}}}, "metadata_too_large"),
    ],
)
def test_a_message_that_cannot_be_posted_is_refused_with_its_word(arguments, error):
    world = world_at(1)
    world.slack.channels["C0SHUT"] = Channel("C0SHUT", archived=True)
    world.slack.channels["C0ALIEN"] = Channel("C0ALIEN", member=False)
    assert post(world, **arguments) == {"ok": False, "error": error}


def test_updates_of_nothing_and_of_too_much_are_refused():
    world = world_at(1)
    ts = post(world)["ts"]
    assert slack(world, "chat.update", channel=C, ts="1.0", text="x")["error"] == "message_not_found"
    assert slack(world, "chat.update", channel=C, ts=ts, text="x" * 4001)["error"] == "msg_too_long"


def test_long_text_is_cut():
    assert len(post(world_at(1), text="x" * 50_000)["message"]["text"]) == 40_000


def test_forms_are_read_like_json():
    world = world_at(1)
    headers = {
        "authorization": f"Bearer {world.credentials.slack_token}",
        "content-type": "application/x-www-form-urlencoded",
    }
    body = urlencode({"channel": C, "text": "x", "blocks": '[{"type": "divider"}]'}).encode()
    response = world.handle(Request.to("POST", "/slack/api/chat.postMessage", headers=headers, body=body))
    assert b'"ok":true' in response.body
    assert entries(world, "slack")[0]["blocks"] == [{"type": "divider"}]


def test_the_rate_limit_counts_virtual_seconds():
    world = world_at(1)
    world.turn({"slack_rate_limit": True})
    assert post(world)["ok"] is True
    call = Caller(world, world.credentials.slack_token)
    answer = call("POST", "/slack/api/chat.postMessage", {"channel": C, "text": "x"})
    assert (answer.status, answer.headers["retry-after"], answer.document["error"]) == (
        429,
        "1",
        "ratelimited",
    )
    pass_time(world, 0.001)
    assert post(world)["ok"] is True


def test_how_long_a_burst_has_to_wait_is_a_switch():
    world = world_at(1)
    world.turn({"slack_retry_after_seconds": 60})
    world.faults.add(Fault("slack", "429", count=2))
    call = Caller(world, world.credentials.slack_token)
    answers = [call("POST", "/slack/api/chat.postMessage", {"channel": C, "text": "x"}) for _ in range(3)]
    assert [(a.status, a.headers.get("retry-after")) for a in answers] == [
        (429, "60"),
        (429, "60"),
        (200, None),
    ]


def test_nothing_can_be_said_below_a_deleted_message_and_it_cannot_be_edited():
    world = world_at(1)
    ts = post(world)["ts"]
    world.slack.channels[C].delete(ts)
    assert post(world, thread_ts=ts)["error"] == "cannot_reply_to_message"
    assert slack(world, "chat.update", channel=C, ts=ts, text="x")["error"] == "message_not_found"
    assert slack(world, "conversations.history", channel=C)["messages"] == []


def test_a_second_channel_has_messages_of_its_own():
    world = world_at(1)
    world.slack.channels[C].archived = True
    assert post(world)["error"] == "is_archived"
    assert post(world, channel=SECOND_CHANNEL)["ok"] is True
    assert [entry["channel"] for entry in entries(world, "slack")] == [SECOND_CHANNEL]


@pytest.mark.parametrize(("kind", "arrives"), [("drop", 0), ("drop_after", 1), ("html", 1)])
def test_an_answer_may_be_lost_with_the_message_or_without_it(kind, arrives):
    world = world_at(1)
    world.faults.add(Fault("slack", kind))
    body = b'{"channel": "C0RELEASE", "text": "x"}'
    headers = {
        "authorization": f"Bearer {world.credentials.slack_token}",
        "content-type": "application/json",
    }
    response = world.handle(Request.to("POST", "/slack/api/chat.postMessage", headers=headers, body=body))
    assert (response.drop, len(entries(world, "slack"))) == (kind != "html", arrives)
    assert kind != "html" or (response.status, response.body[:1]) == (200, b"<")


@pytest.mark.parametrize(("deduplicates", "messages"), [(True, 1), (False, 2)])
def test_whether_a_client_message_id_deduplicates_is_a_switch(deduplicates, messages):
    world = world_at(1)
    world.turn({"slack_deduplicates": deduplicates})
    for _ in range(2):
        assert post(world, client_msg_id="11111111-1111-5111-8111-111111111111")["ok"] is True
    assert len(entries(world, "slack")) == messages


def test_auth_test_names_the_bot_and_unknown_methods_are_unknown():
    world = world_at(1)
    assert slack(world, "auth.test")["bot_id"].startswith("B")
    assert slack(world, "chat.delete")["error"] == "unknown_method"


def test_a_revoked_token_and_other_words_can_be_injected():
    world = world_at(1)
    world.faults.add(Fault("slack", "error", detail="token_revoked"))
    world.faults.add(Fault("slack", "403"))
    assert post(world)["error"] == "token_revoked"
    assert post(world)["error"] == "missing_scope"
    assert post(world)["ok"] is True
