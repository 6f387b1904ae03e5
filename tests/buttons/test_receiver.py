"""The socket: when an envelope is acknowledged, and what becomes of connections that break."""

from __future__ import annotations

import json
import threading
from queue import Queue

import pytest
from websockets.sync.server import serve

from stagedrollout.buttons import socket
from stagedrollout.buttons.socket import LASTED_SECONDS, WAIT_MAX_SECONDS, Receiver
from stagedrollout.core.errors import Denied, Unreachable
from stagedrollout.http.endpoint import Endpoint

HERE = Endpoint("slack", "http://127.0.0.1:1/slack/api/")
PRESS = {"type": "interactive", "envelope_id": "e1", "payload": {"type": "block_actions"}}


class Slack:
    """One socket server: `heard` is what the app says on it, `says` what goes out after the hello."""

    def __init__(self):
        self.says, self.heard, self.opened = Queue(), Queue(), 0
        self.server = serve(self._talk, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _talk(self, line):
        line.send(json.dumps({"type": "hello"}))
        threading.Thread(target=self._hear, args=(line,), daemon=True).start()
        while (said := self.says.get()) is not None:
            line.send(json.dumps(said))

    def _hear(self, line):
        for frame in line:
            self.heard.put(json.loads(frame))

    def open_line(self):
        self.opened += 1
        return {"url": self.url}


@pytest.fixture
def slack():
    found = Slack()
    yield found
    found.says.put(None)
    found.server.shutdown()


@pytest.fixture
def arrived(slack):
    """What arrives at the desk."""
    queue = Queue(2)
    receiver = Receiver(slack.open_line, HERE, queue, lambda: 0.0)
    thread = threading.Thread(target=receiver.run, daemon=True)
    thread.start()
    yield queue
    receiver.stop()
    slack.says.put(None)
    thread.join(10)


@pytest.mark.promise("R12")
def test_a_press_is_acknowledged_once_it_is_dealt_with(slack, arrived):
    slack.says.put(PRESS)
    press = arrived.get(timeout=5)
    assert slack.heard.empty()
    press.dealt_with.set()
    assert slack.heard.get(timeout=5) == {"envelope_id": "e1"}


def test_what_takes_long_is_acknowledged_while_slack_waits(slack, arrived, monkeypatch):
    monkeypatch.setattr(socket, "ACK_SECONDS", 0.05)
    slack.says.put(PRESS)
    assert slack.heard.get(timeout=3) == {"envelope_id": "e1"}
    assert not arrived.get(timeout=5).dealt_with.is_set()


def test_what_is_wrong_with_a_reason_comes_with_the_acknowledgement(slack, arrived):
    slack.says.put(PRESS)
    press = arrived.get(timeout=5)
    press.answer = {"response_action": "errors", "errors": {"reason": "Say why"}}
    press.dealt_with.set()
    assert slack.heard.get(timeout=5)["payload"] == press.answer


def test_what_finds_no_place_is_not_acknowledged(slack, arrived, monkeypatch):
    monkeypatch.setattr(socket, "ACK_SECONDS", 0.01)
    for number in range(4):
        slack.says.put({**PRESS, "envelope_id": f"e{number}"})
    slack.says.put({"type": "events_api", "envelope_id": "last", "payload": {}})
    heard = [slack.heard.get(timeout=5)["envelope_id"] for _ in range(3)]
    assert heard == ["e0", "e1", "last"]
    assert arrived.qsize() == 2


class Scripted(Receiver):
    """Connections that end as they are told: after so many seconds, with this error."""

    def __init__(self, *ends):
        self.now, self.ends = 0.0, list(ends)
        super().__init__(dict, HERE, Queue(), lambda: self.now)

    def _listen(self):
        seconds, error = self.ends.pop(0)
        if seconds is not None:
            self._well()
            self.now += seconds
        if error:
            raise error

    def waits(self):
        return [self._line() for _ in range(len(self.ends))]


BROKEN = Unreachable("slack", "the socket", "ConnectionClosedError")


def test_a_connection_that_lasted_is_opened_again_at_once():
    assert Scripted((LASTED_SECONDS, None)).waits() == [0.0]


@pytest.mark.parametrize("error", [None, BROKEN])
def test_connections_that_do_not_last_are_tried_later_and_later(error):
    waits = Scripted(*[(1.0, error)] * 12).waits()
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, WAIT_MAX_SECONDS)


def test_one_that_lasted_begins_the_waits_anew():
    waits = Scripted(*[(None, BROKEN)] * 5, (LASTED_SECONDS, BROKEN)).waits()
    assert waits[-1] == waits[0]


@pytest.mark.promise("R13")
def test_a_mistake_of_ours_ends_a_connection_and_nothing_else(caplog):
    receiver = Scripted((None, RuntimeError("oops")), (LASTED_SECONDS, None))
    assert receiver.waits() == [0.5, 0.0]
    assert "the socket broke off" in caplog.text


def test_what_is_wrong_is_known_until_it_is_over():
    receiver = Scripted((None, Denied("slack", "apps.connections.open", "token_revoked")))
    receiver.waits()
    assert "token_revoked" in receiver.problem()
    receiver._well()
    assert receiver.problem() == ""
