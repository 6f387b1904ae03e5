"""Files in a Slack thread, in Slack's three steps (slack.md section 4): ask for a URL, send the bytes there, share it.

Needs the scope files:write. Nothing here is tried again: a file is a courtesy, and what it belongs to is told already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.slack import TIMEOUT_SECONDS, Call
from stagedrollout.notify.slack_answer import SERVICE

Upload = Callable[[str, bytes], None]
"""(address, bytes): send them, without any token, to an address that Slack has named. Raises EdgeError."""

GET_URL, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"
TITLE_MAX = 250


@dataclass(frozen=True, slots=True)
class SlackFile:
    """`title` stands above it; `description` is read to people who cannot see it."""

    content: bytes
    filename: str
    title: str
    description: str


def open_upload(endpoint: Endpoint, timeout_seconds: float = TIMEOUT_SECONDS) -> Upload:
    """`endpoint` is the Web API's: only addresses below its host are used. `timeout_seconds` bounds one upload."""
    from stagedrollout.notify.slack_wire import wired_upload  # noqa: PLC0415 - slack_sdk is slow to import

    return wired_upload(endpoint, timeout_seconds)


class SlackFiles:
    """Shares files in one channel, by its id."""

    def __init__(self, call: Call, upload: Upload, channel: str) -> None:
        self._call = call
        self._upload = upload
        self._channel = channel

    def share(self, file: SlackFile, thread: str) -> None:
        """Show the file below the message `thread`. Raises EdgeError; Denied where the token lacks files:write."""
        asked = {
            "filename": file.filename,
            "length": len(file.content),
            "alt_txt": file.description[:TITLE_MAX],
        }
        promised = self._call(GET_URL, asked)
        url, file_id = (_text(promised, name) for name in ("upload_url", "file_id"))
        self._upload(url, file.content)
        shown = {"files": [{"id": file_id, "title": file.title[:TITLE_MAX]}]}
        self._call(COMPLETE, {**shown, "channel_id": self._channel, "thread_ts": thread})


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Faulty(SERVICE, GET_URL, f"an answer without {name}")
    return value
