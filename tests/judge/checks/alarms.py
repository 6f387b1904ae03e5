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
from tests.judge.journal import Entry
from tests.judge.ledger import Key, instant
from tests.judge.patience import a_poll

CHECK = "notices_lost"
IN_THE_END = timedelta(hours=2)
_WORDS = "nobody has answered"
_ENDS = (
    "acknowledged",
    "drifted",
    "superseded",
    "closed",
    "returned",
    "taken_up",
    "left_alone",
    "hold_ended",
)


@dataclass(frozen=True, slots=True)
class Alone:
    """A halt that the daemon decided on at `since`, and that nobody had answered until `until`; None: until the end.
    `over`: whether it needs nobody from then on. What somebody has raised in the console may still have to be halted."""

    key: Key
    since: datetime
    until: datetime | None
    over: bool = False


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
    for key, entries in case.journal.by_rollout.items():
        since: datetime | None = None
        for entry in entries:
            if since is not None and _answers(entry):
                yield Alone(key, since, entry.at, over=entry.body.get("meaning") != "raised")
                since = None
            elif since is None and _halts_by_itself(entry) and not _is_halted(entries, entry):
                since = entry.at
        if since is not None:
            yield Alone(key, since, None)


def _halts_by_itself(entry: Entry) -> bool:
    body = entry.body
    decided = entry.kind == "decided" and body["decision"] == "HALT" and bool(body.get("intent"))
    return decided and not body.get("command") and (body.get("actor") or {}).get("kind") != "human"


def _is_halted(entries: list[Entry], halting: Entry) -> bool:
    """By a person, from before: what is sent again is nobody's new halt."""
    before = [entry for entry in entries if entry.seq < halting.seq]
    ordered = [
        e.seq for e in before if e.kind == "commanded" and e.body.get("accepted") and e.body["verb"] == "halt"
    ]
    found = [e.seq for e in before if e.kind in ("drifted", "discovered", "link_holds", "link_held")]
    lifted = [
        e.seq for e in before if e.kind == "commanded" and e.body.get("accepted") and e.body["verb"] != "halt"
    ]
    return max((*ordered, *found, 0)) > max((*lifted, 0))


def _answers(entry: Entry) -> bool:
    ordered = entry.kind in ("commanded", "started") and entry.body.get("accepted", True)
    return bool(ordered) or entry.kind in _ENDS


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
    if alone.until is None or not alone.over or alone.until + a_poll(case) + IN_THE_END > case.ended_at:
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
            case "slack", _ if record["channel"] == place:
                words = str(record["text"])
                about = True
            case _:
                continue
        if about and _WORDS in words:
            yield record
