"""R20: where people are to be woken, a halt of the daemon's that nobody answers wakes them, wherever they want to be told;
and they hear when it needs nobody any more.

At least once, for a place knows a key again. Looked at is what was due long before the end, when nothing goes wrong any more:
then nothing excuses silence. How soon they are told is a figure of another kind (tests/acceptance/test_alarms.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.halted import halt_after
from tests.judge.journal import Entry
from tests.judge.ledger import Key, instant
from tests.judge.patience import a_poll

CHECK = "notices_lost"
IN_THE_END = timedelta(hours=2)
_WORDS = "nobody has answered"
_ENDS = ("acknowledged", "superseded", "closed", "returned", "taken_up", "left_alone")
_HALTED_THERE = ("halted", "lowered", "withdrawn")
"""In the console: from then on it is that person's halt."""


@dataclass(frozen=True, slots=True)
class Alone:
    """A halt that the daemon decided on at `since`, and that nobody had answered until `until`; None: until the end."""

    key: Key
    since: datetime
    until: datetime | None


def check(case: Case) -> list[Finding]:
    wake = case.evidence.scenario.get("wake")
    if not wake:
        return []
    after = timedelta(minutes=float(wake["unanswered_after_minutes"]))
    return [
        Finding(CHECK, alone.since.isoformat(), alone.key.app, text)
        for alone in _alone(case)
        for text in (*_untold(case, alone, after, wake["places"]), *_not_told_as_over(case, alone))
    ]


def _alone(case: Case) -> Iterator[Alone]:
    lost = frozenset(
        case.evidence.lost
    )  # and with it who was woken for it, and has to be told that it is over
    for key, entries in case.journal.by_rollout.items():
        since, halt, left = None, "", ""
        for entry in entries:
            before = left if lost and entry.seq > max(lost) else halt
            halt = halt_after(before, entry)
            left = left if entry.seq in lost else halt_after(left, entry)
            if since is not None and (not halt or _answers(entry)):
                yield Alone(key, since, entry.at)
                since = None
            elif since is None and halt and not before and _by_itself(entry) and entry.seq not in lost:
                since = entry.at
        if since is not None:
            yield Alone(key, since, None)


def _by_itself(entry: Entry) -> bool:
    """Nobody has ordered it, here or for the other store, nor done it in the console."""
    body = entry.body
    by_person = bool(body.get("command")) or (body.get("actor") or {}).get("kind") == "human"
    return entry.kind == "decided" and body["decision"] == "HALT" and not by_person


def _answers(entry: Entry) -> bool:
    ordered = entry.kind in ("commanded", "started") and entry.body.get("accepted", True)
    return bool(ordered) or entry.kind in _ENDS or entry.body.get("meaning") in _HALTED_THERE


def _untold(case: Case, alone: Alone, after: timedelta, places: list[str]) -> Iterator[str]:
    due = alone.since + after
    long_ago = max(due, alone.since) + a_poll(case) + IN_THE_END
    if (
        alone.until is not None and alone.until <= due + a_poll(case) + IN_THE_END
    ) or long_ago > case.ended_at:
        return
    for place in places:
        if not any(instant(record["at"]) >= alone.since for record in _told(case, alone.key, place)):
            yield f"{alone.key.id} was halted, nobody answered, and {place} was never told"


def _not_told_as_over(case: Case, alone: Alone) -> Iterator[str]:
    if alone.until is None or alone.until + a_poll(case) + IN_THE_END > case.ended_at:
        return
    told = {
        record["key"]
        for record in _told(case, alone.key, "pagerduty")
        if alone.since <= instant(record["at"]) <= alone.until
    }
    over = {r["key"] for r in case.evidence.ledger if r["type"] == "pagerduty" and r["action"] == "resolve"}
    for _ in told - over:
        yield f"{alone.key.id} needs nobody any more, and pagerduty was never told"


def _told(case: Case, key: Key, place: str) -> Iterator[Record]:
    name = "/".join(key)
    for record in case.evidence.ledger:
        match record["type"], place:
            case "pagerduty", "pagerduty":
                about = record["action"] == "trigger" and record["source"] == name
                words = str(record["summary"])
            case "webhook", "webhook":
                said = record["said"] or {}
                about = bool(record["signed"]) and said.get("event") == "alarm"
                about = about and (said["app"], said["store"], said["release"]) == key
                words = str(said.get("headline"))
            case "slack", _ if record.get("channel") == place:
                words = str(record["text"])
                about = True
            case _:
                continue
        if about and _WORDS in words:
            yield record
