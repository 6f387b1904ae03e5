"""Uploads in three steps, as Slack wants them (slack.md sections 1, 4 and 7)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from stagedrollout.emulator.request import Request
from tests.emulator.calls import entries, slack, world_at

C = "C0RELEASE"
GET_URL, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"
PNG = b"\x89PNG\r\n\x1a\n1234"


def form(world: Any, method: str, **arguments: Any) -> dict[str, Any]:
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": f"Bearer {world.credentials.slack_token}",
        "host": "127.0.0.1:8080",
    }
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
    body = urlencode(told).encode()
    answer = world.handle(Request.to("POST", f"/slack/api/{method}", headers=headers, body=body))
    document: dict[str, Any] = json.loads(answer.body)
    return document


def sends(world: Any, url: str, body: bytes = PNG) -> int:
    return int(world.handle(Request.to("POST", url, body=body)).status)


def promised(world: Any, length: int = len(PNG)) -> dict[str, Any]:
    return form(world, GET_URL, filename="x.png", length=length)


def test_a_file_is_to_be_seen_in_its_thread_only_once_it_is_completed():
    world = world_at(1)
    thread = slack(world, "chat.postMessage", channel=C, text="HALTED")["ts"]
    got = promised(world)
    assert got["upload_url"].startswith("http://127.0.0.1:8080/slack/upload/")
    assert sends(world, got["upload_url"]) == 200
    assert entries(world, "slack_file") == []
    shared = {"files": [{"id": got["file_id"], "title": "so it went"}], "channel_id": C, "thread_ts": thread}
    assert form(world, COMPLETE, **shared)["files"] == [{"id": got["file_id"], "title": "so it went"}]
    (file,) = entries(world, "slack_file")
    assert (file["thread_ts"], file["title"], file["filetype"], file["size"]) == (
        thread,
        "so it went",
        "png",
        len(PNG),
    )
    replies = slack(world, "conversations.replies", channel=C, ts=thread)["messages"]
    assert [len(message.get("files", ())) for message in replies] == [0, 1]
    assert form(world, COMPLETE, **shared) == {"ok": False, "error": "file_not_found"}


def test_what_slack_refuses_is_refused():
    world = world_at(1)
    assert slack(world, GET_URL, filename="x.png", length=12)["error"] == "invalid_arguments"  # JSON
    assert form(world, GET_URL, filename="x.png", length="0")["error"] == "invalid_arguments"
    got = promised(world)
    assert sends(world, got["upload_url"], PNG + b"more") == 400
    nothing = [{"id": got["file_id"]}]
    assert form(world, COMPLETE, files=nothing, channel_id=C)["error"] == "file_not_found"
    assert sends(world, got["upload_url"]) == 200
    assert sends(world, got["upload_url"]) == 404
    assert form(world, COMPLETE, files="nonsense", channel_id=C)["error"] == "invalid_arguments"


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ({"channel_id": "C0NOWHERE"}, "channel_not_found"),
        ({"channel_id": C, "thread_ts": "1.1"}, "invalid_thread_ts"),
    ],
)
def test_a_file_goes_nowhere_where_there_is_no_such_place(place, error):
    world = world_at(1)
    got = promised(world)
    sends(world, got["upload_url"])
    assert form(world, COMPLETE, files=[{"id": got["file_id"]}], **place)["error"] == error
    assert entries(world, "slack_file") == []
