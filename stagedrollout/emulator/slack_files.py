"""Slack's uploads in three steps: a URL is asked for, the bytes are sent there, and the file is shared (slack.md
sections 1, 4 and 7).

A file is to be seen only after the third step. The URL needs no token, holds for one upload, and takes exactly as many
bytes as were announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagedrollout.emulator.request import Reply

UPLOADS = "/slack/upload/v1/"
GET_URL, UPLOAD, COMPLETE = "files.getUploadURLExternal", "upload", "files.completeUploadExternal"

PNG, SVG = b"\x89PNG\r\n\x1a\n", b"<?xml"


class NoFile(Exception):
    """Slack's refusal, by its error word."""


@dataclass(slots=True)
class Promised:
    """A file that was announced; `content` is None until its bytes are there."""

    id: str
    filename: str
    length: int
    content: bytes | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as people see it."""

    id: str
    filename: str
    title: str
    content: bytes

    def document(self) -> dict[str, Any]:
        kind = "png" if self.content.startswith(PNG) else "svg" if self.content.startswith(SVG) else "binary"
        told = {"id": self.id, "name": self.filename, "title": self.title}
        return {**told, "filetype": kind, "size": len(self.content)}


class Files:
    """Everything that was announced, by the last part of its URL."""

    def __init__(self) -> None:
        self._promised: dict[str, Promised] = {}

    def promise(self, filename: Any, length: Any) -> tuple[str, str]:
        """The ticket (the end of the URL) and the file's id. Raises NoFile."""
        if not filename or not str(length).isdecimal() or int(length) < 1:
            raise NoFile("invalid_arguments")
        number = len(self._promised) + 1
        promised = Promised(f"F0EMULATED{number}", str(filename), int(length))
        ticket = f"ticket-{number}"
        self._promised[ticket] = promised
        return ticket, promised.id

    def take(self, ticket: str, body: bytes) -> Reply:
        """The bytes, raw. Another number of them than announced, or a second time, and nothing is kept."""
        promised = self._promised.get(ticket)
        if promised is None or promised.content is not None:
            return Reply(404, text="no such upload", applied=False)
        if len(body) != promised.length:
            return Reply(400, text="another length than announced", applied=False)
        promised.content = body
        return Reply(200, text=f"OK - {len(body)}", applied=True)

    def complete(self, asked: Any) -> list[Sent]:
        """The files that are shared now. Raises NoFile for what is no list of files, or was never uploaded."""
        if not isinstance(asked, list) or not asked or not all(isinstance(each, dict) for each in asked):
            raise NoFile("invalid_arguments")
        by_id = {promised.id: promised for promised in self._promised.values()}
        found: list[Sent] = []
        for each in asked:
            promised = by_id.get(str(each.get("id")))
            if promised is None or promised.content is None or promised.shared:
                raise NoFile("file_not_found")
            title = str(each.get("title") or promised.filename)
            found.append(Sent(promised.id, promised.filename, title, promised.content))
        for sent in found:
            by_id[sent.id].shared = True
        return found
