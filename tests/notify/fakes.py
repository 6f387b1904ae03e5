"""A workspace that can refuse, lose and forget messages, rows that survive a crash, and a clock of our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.core.errors import EdgeError, Rejected, Unreachable
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.core.notice import Board, Fact, Notice, NoticeKind

NOW = datetime(2026, 3, 2, 11, 2, 7, tzinfo=UTC)
CHANNEL = "C0RELEASE"
SHOP = RolloutKey("shop", Store.GOOGLE_PLAY, "412")
CHAT = RolloutKey("chat", Store.GOOGLE_PLAY, "77")
MAPS = RolloutKey("maps", Store.GOOGLE_PLAY, "9")


def notice(key: str, headline: str = "", *, broadcast: bool = False) -> Notice:
    kind = NoticeKind.HALTED if broadcast else NoticeKind.RAISED
    return Notice(key, kind, broadcast, headline or key, (Fact("Sample", "12 000"),), "policy standard")


def board(headline: str) -> Board:
    return Board(headline, (Fact("Exposure", "20 %"),), "policy standard")


def refused(word: str) -> Rejected:
    return Rejected("slack", "chat.postMessage", word, status=200)


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> None:
        self.at += timedelta(**span)


Trouble = Callable[[str, dict[str, Any]], EdgeError | None]


@dataclass
class Workspace:
    """Called like Slack's Web API. `messages` is what people see, in the order in which it arrived.

    `trouble` fails a call before it is applied, `lost` swallows the answer of one that was applied.
    `deduplicates`: whether it looks at client_msg_id.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    trouble: Trouble = lambda method, payload: None
    lost: Trouble = lambda method, payload: None
    deduplicates: bool = False
    calls: int = 0

    def __call__(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        if error := self.trouble(method, payload):
            raise error
        answer = self._post(payload) if method == "chat.postMessage" else self._update(payload)
        if error := self.lost(method, payload):
            raise error
        return {"ok": True, "channel": payload["channel"], **answer}

    def _post(self, payload: dict[str, Any]) -> dict[str, Any]:
        same = [m for m in self.messages if m.get("client_msg_id") == payload.get("client_msg_id")]
        if self.deduplicates and same:
            return {"ts": same[0]["ts"], "is_duplicate": True}
        ts = f"1763892000.{len(self.messages) + 1:06d}"
        self.messages.append({**payload, "ts": ts})
        return {"ts": ts}

    def _update(self, payload: dict[str, Any]) -> dict[str, Any]:
        for message in self.messages:
            if message["ts"] == payload["ts"]:
                message.update(payload)
                return {"ts": payload["ts"]}
        raise refused("message_not_found")

    def told(self, thread: str | None = None) -> list[str]:
        """The headlines of the notices, of one thread or of all."""
        return [
            first_line(message)
            for message in self.messages
            if "metadata" in message and (thread is None or message.get("thread_ts") == thread)
        ]

    def heads(self) -> list[dict[str, Any]]:
        return [m for m in self.messages if "metadata" not in m]


def first_line(message: dict[str, Any]) -> str:
    return str(message["text"]).splitlines()[0]


@dataclass(frozen=True)
class Row:
    id: int
    rollout: RolloutKey
    notice: Notice
    attempts: int = 0
    ambiguous: bool = False
    state: str = "pending"
    due_at: datetime = NOW
    error: str = ""
    message_id: str = ""
    created_at: datetime = NOW


@dataclass(frozen=True)
class Head:
    rollout: RolloutKey
    channel: str = ""
    message_id: str | None = None
    board: Board | None = None
    wanted: int = 0
    shown: int = 0
    attempts: int = 0
    due_at: datetime = NOW


class Crash(BaseException):
    """The process ends here."""


class Rows:
    """The outbox, as durable as a database: a Relay made later goes on where another one crashed."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.rows: dict[int, Row] = {}
        self.heads: dict[RolloutKey, Head] = {}
        self.crash_at = ""

    def enqueue(self, rollout: RolloutKey, *notices: Notice) -> None:
        for each in notices:
            number = len(self.rows) + 1
            self.rows[number] = Row(number, rollout, each, created_at=self.clock.now())

    def want(self, rollout: RolloutKey, shown: Board) -> None:
        head = self.heads.get(rollout, Head(rollout))
        self.heads[rollout] = replace(head, board=shown, wanted=head.wanted + 1)

    def states(self) -> list[str]:
        return [row.state for row in self.rows.values()]

    def urgent(self) -> tuple[Row, ...]:
        return tuple(
            r for r in self.rows.values() if r.state in ("pending", "sending") and r.notice.broadcast
        )

    def notice(self, row: int) -> Notice | None:
        return self.rows[row].notice

    def due(self, now: datetime) -> tuple[Row, ...]:
        return tuple(row for row in self._oldest() if row.due_at <= now)

    def next_due(self, now: datetime) -> datetime | None:
        behind = [head.due_at for head in self.heads.values() if head.wanted > head.shown]
        return min([*(row.due_at for row in self._oldest()), *behind], default=None)

    def mark_sending(self, row: int) -> None:
        attempts = self.rows[row].attempts + 1
        self._change(row, state="sending", ambiguous=True, attempts=attempts)
        self._crash("mark_sending")

    def mark_sent(self, row: int, message_id: str, now: datetime) -> None:
        self._crash("mark_sent")
        self._change(row, state="sent", message_id=message_id)

    def retry_at(self, row: int, when: datetime, error: str) -> None:
        self._change(row, state="pending", ambiguous=False, due_at=when, error=error)

    def doubt_until(self, row: int, when: datetime, error: str) -> None:
        self._change(row, due_at=when, error=error)

    def mark_failed(self, row: int, error: str) -> None:
        self._change(row, state="failed", error=error)

    def thread(self, rollout: RolloutKey) -> Head | None:
        return self.heads.get(rollout)

    def set_thread(self, rollout: RolloutKey, channel: str, message_id: str) -> None:
        self._crash("set_thread")
        head = self.heads.get(rollout, Head(rollout))
        self.heads[rollout] = replace(head, channel=channel, message_id=message_id)

    def stale_boards(self, now: datetime) -> tuple[Head, ...]:
        return tuple(h for h in self.heads.values() if h.wanted > h.shown and h.due_at <= now)

    def board_shown(self, rollout: RolloutKey, revision: int) -> None:
        self.heads[rollout] = replace(self.heads[rollout], shown=revision, attempts=0)

    def board_retry_at(self, rollout: RolloutKey, when: datetime) -> None:
        head = self.heads[rollout]
        self.heads[rollout] = replace(head, due_at=when, attempts=head.attempts + 1)

    def _oldest(self) -> list[Row]:
        found: dict[RolloutKey, Row] = {}
        for row in self.rows.values():
            if row.state in ("pending", "sending"):
                found.setdefault(row.rollout, row)
        return list(found.values())

    def _change(self, row: int, **values: Any) -> None:
        self.rows[row] = replace(self.rows[row], **values)

    def _crash(self, where: str) -> None:
        if self.crash_at == where:
            self.crash_at = ""
            raise Crash


def unreachable() -> Unreachable:
    return Unreachable("slack", "chat.postMessage", "no answer in time")
