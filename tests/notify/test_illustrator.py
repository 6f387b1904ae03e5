"""A picture follows a halt, and never stands in its way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from stagedrollout.core.errors import Denied, Faulty, Rejected
from stagedrollout.core.model import RolloutKey
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.illustrator import PENDING_MAX, Illustrator, Undrawn
from stagedrollout.notify.relay import Relay
from stagedrollout.notify.slack import Slack
from stagedrollout.notify.slack_files import COMPLETE, GET_URL, SlackFile, SlackFiles, open_upload
from tests.notify.fakes import CHANNEL, CHAT, SHOP, board, notice
from tests.notify.loopback import says, served
from tests.notify.world import World

PICTURE = SlackFile(b"\x89PNG...", "shop.png", "How it came to that: HALTED", "HALTED")


@dataclass
class Draughtsman:
    """Draws whatever it is asked for, once it may."""

    may: threading.Event = field(default_factory=threading.Event)
    fails: Exception | None = None
    stopped: bool = False

    def draw(self, rollout: RolloutKey) -> bytes:
        assert self.may.wait(10)
        if self.fails:
            raise self.fails
        return str(rollout).encode()

    def stop(self) -> None:
        self.stopped = True
        self.may.set()


@dataclass
class Shared:
    files: list[tuple[SlackFile, str]] = field(default_factory=list)
    fails: Exception | None = None

    def __call__(self, file: SlackFile, thread: str) -> None:
        if self.fails:
            raise self.fails
        self.files.append((file, thread))


def soon(look: Callable[[], Any]) -> None:
    ends = time.monotonic() + 10
    while not look():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_halt_is_told_before_its_picture_is_drawn_and_other_notices_have_none(world: World) -> None:
    draughtsman, shared = Draughtsman(), Shared()
    follower = Illustrator(draughtsman, shared)
    relay = Relay(world.rows, Slack(world.workspace, CHANNEL), world.clock, follower=follower)
    world.rows.want(SHOP, board("5.2.0: HALTED"))
    world.rows.enqueue(SHOP, notice("raised"), notice("halt", "5.2.0 HALTED at 20 %", broadcast=True))
    world.rows.enqueue(CHAT, notice("halt of another", broadcast=True))
    assert relay.deliver_due() == 3  # while nothing can be drawn
    assert world.rows.states() == ["sent", "sent", "sent"]
    assert shared.files == []
    draughtsman.may.set()
    soon(lambda: len(shared.files) == 2)
    [head] = world.workspace.heads()
    alone = next(m for m in world.workspace.messages if m["text"].startswith("halt of another"))
    below = {file.content: thread for file, thread in shared.files}
    assert below == {str(SHOP).encode(): head["ts"], str(CHAT).encode(): alone["ts"]}
    assert "5.2.0 HALTED at 20 %" in {file.description for file, _ in shared.files}
    relay.close()


@pytest.mark.parametrize(
    "failure", [Undrawn("it was not drawn within 60 s"), RuntimeError("a bug")], ids=["undrawn", "bug"]
)
def test_a_picture_that_fails_is_logged_and_the_next_one_follows(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    draughtsman, shared = Draughtsman(fails=failure), Shared()
    draughtsman.may.set()
    follower = Illustrator(draughtsman, shared)
    with caplog.at_level(logging.WARNING):
        follower.follow(SHOP, "HALTED", "1.1")
        soon(lambda: caplog.records)
    assert [r.getMessage().split(": ")[1] for r in caplog.records] == ["no picture follows its halt"]
    draughtsman.fails = None
    follower.follow(CHAT, "HALTED", "1.2")
    soon(lambda: shared.files)
    assert [thread for _, thread in shared.files] == ["1.2"]


def test_slacks_refusal_of_a_picture_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    refusal = Denied("slack", GET_URL, "missing_scope (the token needs files:write)", status=200)
    draughtsman = Draughtsman()
    draughtsman.may.set()
    with caplog.at_level(logging.WARNING):
        Illustrator(draughtsman, Shared(fails=refusal)).follow(SHOP, "HALTED", "1.1")
        soon(lambda: caplog.records)
    assert "files:write" in caplog.text
    assert len(caplog.records) == 1


def test_the_end_of_the_daemon_breaks_a_picture_off_and_more_are_dropped_than_pile_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stagedrollout.notify.illustrator.CLOSING_SECONDS", 0.05)
    draughtsman, shared = Draughtsman(), Shared()
    follower = Illustrator(draughtsman, shared)
    for number in range(PENDING_MAX + 2):
        follower.follow(SHOP, "HALTED", str(number))
    assert "too many" in caplog.text
    follower.close()
    assert draughtsman.stopped
    follower.follow(SHOP, "HALTED", "late")
    time.sleep(0.1)
    assert len(shared.files) <= 1


def test_a_daemon_that_took_its_time_to_end_waits_no_longer_for_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine: what was under way, and after that the picture, were more than who stops a daemon waits for."""
    monkeypatch.setattr("stagedrollout.notify.illustrator.CLOSING_SECONDS", 60.0)
    draughtsman, now = Draughtsman(), [100.0]
    follower = Illustrator(draughtsman, Shared())
    monkeypatch.setattr("stagedrollout.notify.illustrator.time.monotonic", lambda: now[0])
    follower.follow(SHOP, "HALTED", "1.1")
    Relay(*([None] * 3), follower=follower).ends()
    now[0] += 61.0
    closing = threading.Thread(target=follower.close, daemon=True)
    closing.start()
    closing.join(5)
    assert draughtsman.stopped


def test_a_file_is_announced_sent_and_shared_in_the_thread() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    sent: list[tuple[str, bytes]] = []

    def call(method: str, payload: dict[str, Any]) -> dict[str, Any]:
        calls.append((method, payload))
        return {"ok": True, "upload_url": "https://files.slack.com/upload/v1/x", "file_id": "F1"}

    files = SlackFiles(call, lambda url, content: sent.append((url, content)), CHANNEL)
    files.share(PICTURE, "1.1")
    assert sent == [("https://files.slack.com/upload/v1/x", PICTURE.content)]
    assert [method for method, _ in calls] == [GET_URL, COMPLETE]
    assert calls[0][1]["length"] == len(PICTURE.content)
    assert calls[1][1] == {
        "files": [{"id": "F1", "title": PICTURE.title}],
        "channel_id": CHANNEL,
        "thread_ts": "1.1",
    }


def test_an_answer_without_an_address_sends_nothing() -> None:
    sent: list[str] = []
    files = SlackFiles(lambda method, payload: {"ok": True}, lambda url, content: sent.append(url), CHANNEL)
    with pytest.raises(Faulty):
        files.share(PICTURE, "1.1")
    assert sent == []


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://slack.com/api/", "https://slack.com.evil.example/upload"),
        ("https://slack.com/api/", "https://evilslack.com/upload"),
        ("https://slack.com/api/", "http://files.slack.com/upload"),
        ("https://slack.com/api/", "https://files.slack.com:8443/upload"),
        ("https://slack.com/api/", "https://u:p@files.slack.com/upload"),
        ("https://slack.com/api/", "file:///etc/passwd"),
        ("https://slack.com/api/", "http://169.254.169.254/"),
        ("http://127.0.0.1:1/api/", "http://127.0.0.1:2/upload"),
        ("http://127.0.0.1:1/api/", "https://[::1"),
    ],
)
def test_no_bytes_are_sent_to_an_address_that_is_not_slacks(base: str, url: str) -> None:
    with pytest.raises(Faulty, match="not Slack's own"):
        open_upload(Endpoint("slack", base), 1.0)(url, b"x")


def test_an_upload_that_is_refused_is_an_error_with_its_status() -> None:
    with served(says(b"another length than announced", 400)) as fake, pytest.raises(Rejected) as caught:
        open_upload(Endpoint("slack", fake.base_url), 5.0)(fake.base_url + "upload", b"123")
    assert caught.value.status == 400
