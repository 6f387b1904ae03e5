"""Spoiled answers of Slack: an answer, or one of our errors."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.notice import Board
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.slack import Slack
from stagedrollout.notify.slack_answer import failure
from stagedrollout.notify.slack_files import SlackFile, SlackFiles
from stagedrollout.notify.slack_survey import found_channel, identity
from stagedrollout.notify.slack_wire import _is_slacks, _object
from tests.fuzz.sound import sound
from tests.fuzz.spoiling import SPOILS, Spoil
from tests.fuzz.target import fuzz
from tests.storage.rows import SHOP, notice

ANSWERS: dict[str, dict[str, Any]] = {
    "chat.postMessage": {
        "ok": True,
        "channel": "C0RELEASE",
        "ts": "1.2",
        "message": {"text": "x", "bot_id": "B1"},
    },
    "chat.update": {"ok": True, "channel": "C0RELEASE", "ts": "1.2"},
    "auth.test": {"ok": True, "user": "bot", "team": "acme", "bot_id": "B1", "user_id": "U1"},
    "conversations.info": {
        "ok": True,
        "channel": {"id": "C0RELEASE", "is_archived": False, "is_member": True},
    },
    "conversations.history": {
        "ok": True,
        "messages": [{"ts": "1.2", "bot_id": "B1", "metadata": {"event_payload": {}}}],
    },
    "conversations.replies": {
        "ok": True,
        "messages": [{"ts": "1.2", "bot_id": "B1", "metadata": {"event_payload": {}}}],
    },
    "files.getUploadURLExternal": {"ok": True, "upload_url": "https://files.slack.com/x", "file_id": "F1"},
    "files.completeUploadExternal": {"ok": True, "files": [{"id": "F1"}]},
}
REFUSALS = (
    "ratelimited",
    "invalid_blocks",
    "msg_too_long",
    "thread_not_found",
    "missing_scope",
    "fatal_error",
    "new_word",
)


class Line:
    """As slack_wire reads an answer, without its sockets."""

    def __init__(self, spoils: list[Spoil | None], refuses: list[str]) -> None:
        self.spoils, self.refuses, self.asked = spoils, refuses, 0

    def ask(self, method: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        answer = ANSWERS[method]
        word = self.refuses[self.asked % len(self.refuses)] if self.refuses else ""
        if word:
            answer = {"ok": False, "error": word, "needed": "chat:write"}
        spoil = self.spoils[self.asked % len(self.spoils)]
        self.asked += 1
        body, status, headers = json.dumps(answer).encode(), 200, {}
        if spoil is not None:
            body, status, headers = spoil.of(body), spoil.status or 200, dict(spoil.headers)
        read = _object(method, status, headers, body)
        if status == 200 and read.get("ok") is True:
            return read, headers
        raise failure(method, status, headers, read)

    def call(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        return self.ask(method, payload)[0]


DRAWN = st.tuples(
    st.lists(st.none() | SPOILS | SPOILS | SPOILS, min_size=1, max_size=4),
    st.just([]) | st.lists(st.sampled_from(["", *REFUSALS]), min_size=1, max_size=4),
)


@fuzz("slack", DRAWN, examples=120)
def test_any_answer_of_slack_is_an_answer_or_our_error(drawn):
    line = Line(*drawn)
    slack, files = (
        Slack(line.call, "C0RELEASE"),
        SlackFiles(line.call, lambda url, content: _sent(url), "C0RELEASE"),
    )
    for says in (
        lambda: slack.open_thread(Board("5.2.0 at 5 %"), key="k"),
        lambda: slack.post(notice("n"), "1.2", rollout=SHOP),
        lambda: slack.update(Board("5.2.0 at 5 %"), "1.2"),
        slack.bot,
        lambda: identity(line.ask),
        lambda: found_channel(line.ask, "C0RELEASE"),
        lambda: files.share(SlackFile(b"x", "a.png", "t", "d"), "1.2"),
    ):
        try:
            sound(says())
        except EdgeError as error:
            sound(str(error))


def _sent(url: str) -> None:
    _is_slacks(url, Endpoint("slack", "https://slack.com/api/"))
