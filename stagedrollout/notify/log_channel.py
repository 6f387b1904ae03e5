"""Where notices go when nobody configured a place for them: one line each in the log, so none is lost.

An operator who watches the log, or ships it somewhere, sees the same words as a Slack channel would.
"""

from __future__ import annotations

import logging

from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board, Fact, Notice
from stagedrollout.core.plain import one_line

log = logging.getLogger(__name__)

LINE_MAX = 4_000


class LogChannel:
    """A NoticeChannel that cannot fail. `level` is that of every notice; 0: it depends on the notice."""

    channel = "log"

    def __init__(self, level: int = 0) -> None:
        self._level = level

    def post(self, notice: Notice, thread: str | None, *, rollout: RolloutKey) -> str:  # noqa: ARG002
        """Broadcast notices are warnings, the others information, unless all are of one level."""
        level = self._level or (logging.WARNING if notice.broadcast else logging.INFO)
        log.log(level, "%s", _line(f"[{notice.kind.value}] {notice.headline}", notice.facts, notice.footer))
        return notice.key

    def open_thread(self, board: Board, *, key: str) -> str:
        log.debug("%s", _line(board.headline, board.facts, board.footer))
        return key

    def update(self, board: Board, message_id: str) -> None:  # noqa: ARG002
        log.debug("%s", _line(board.headline, board.facts, board.footer))


def _line(headline: str, facts: tuple[Fact, ...], footer: str) -> str:
    parts = (headline, *(f"{fact.name}: {fact.text}" for fact in facts), footer)
    line = " | ".join(shown for part in parts if (shown := one_line(part)))
    return line if len(line) <= LINE_MAX else line[: LINE_MAX - 1] + "…"
