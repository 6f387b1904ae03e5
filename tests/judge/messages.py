"""The messages that really arrived, each with the notice it carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.judge.evidence import Evidence, Record
from tests.judge.ledger import instant

EVENT_TYPE = "stagedrollout_notice"


@dataclass(frozen=True, slots=True)
class Message:
    """A delivered message, not an edit. `key`, `kind` and `rollout` are empty where it carries no notice."""

    seq: int
    at: datetime
    key: str
    kind: str
    rollout: str
    broadcast: bool
    request: int | None
    text: str = ""


def delivered(evidence: Evidence) -> Iterator[Message]:
    """A message that lost its metadata (Slack may refuse them) is known by its time stamp. What was to be told aloud and
    stands in the channel itself, for no thread of it is known any more, is seen by everybody."""
    by_stamp = {row.get("ts"): row for row in evidence.notices if row.get("ts")}
    for record in evidence.ledger:
        if record["type"] == "slack" and not record.get("update"):
            row = by_stamp.get(record["ts"], {})
            in_channel = bool(row.get("broadcast")) and not record.get("thread_ts")
            yield _message(record, _payload(record) or row, in_channel=in_channel)


def by_key(messages: Iterable[Message]) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for message in messages:
        if message.key:
            found.setdefault(message.key, []).append(message)
    return found


def halts_told(messages: Iterable[Message]) -> int:
    """How many halts were broadcast; a message that had to be sent again tells nothing new."""
    return len({m.key or m.seq for m in messages if m.broadcast and m.kind == "halted"})


def _payload(record: Record) -> Mapping[str, str]:
    metadata = record.get("metadata") or {}
    payload: Mapping[str, str] = metadata.get("event_payload") or {}
    return payload if metadata.get("event_type") == EVENT_TYPE else {}


def _message(record: Record, notice: Mapping[str, Any], *, in_channel: bool) -> Message:
    return Message(
        seq=record["seq"],
        at=instant(record["at"]),
        key=str(notice.get("key", "")),
        kind=str(notice.get("kind", "")),
        rollout=str(notice.get("rollout", "")),
        broadcast=bool(record.get("broadcast")) or in_channel,
        request=record.get("request"),
        text=str(record.get("text", "")),
    )
