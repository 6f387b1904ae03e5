"""R20: people are told, once and in order. Each halt that was carried out reaches the whole channel; one that was
cut off by a newer release, with the news of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Entry, key_of, shows_a_halt
from tests.judge.ledger import Key, instant
from tests.judge.messages import Message, by_key, delivered

_ON_ITS_WAY = timedelta(seconds=45)
"""A request takes no longer."""

_LOST = ("sent", "failed")


def lost(case: Case) -> list[Finding]:
    messages = list(delivered(case.evidence))
    arrived = by_key(messages)
    findings = []
    for row in case.evidence.notices:
        if row["state"] in _LOST and row["key"] not in arrived:
            text = f"{row['headline']!r} is marked {row['state']}, but never arrived"
            findings.append(_finding("notices_lost", "", row["rollout"], text))
    for key, halts in _halts(case).items():
        told = {m.key for m in _about(messages, key, "halted", "not_halted", "superseded")}
        for halt in halts[len(told) :]:
            if _is_sent_again(halt) or _told_that_nothing_stops_it(messages, key, halt):
                continue
            text = f"the halt of {key.id} was never broadcast"
            findings.append(Finding("notices_lost", halt.at.isoformat(), key.app, text))
    return findings


def _told_that_nothing_stops_it(messages: list[Message], key: Key, halt: Entry) -> bool:
    """Before the halt was sent the store had no brake left: somebody had completed it."""
    return any(
        message.at >= halt.at and message.key.endswith("/not_halted")
        for message in _about(messages, key, "failing")
    )


def doubled(case: Case) -> list[Finding]:
    messages = list(delivered(case.evidence))
    findings = []
    for copies in by_key(messages).values():
        for first, again in pairwise(copies):
            if not _in_doubt(case, first, again):
                text = f"the notice {again.key} arrived again although the first one was acknowledged"
                findings.append(_finding("notices_doubled", again.at.isoformat(), again.rollout, text))
    repeated = _ordered_again(case)
    for key, halts in _halts(case).items():
        told = {m.key: m for m in _about(messages, key, "halted")}
        for message in list(told.values())[len(halts) + repeated[key] :]:
            text = f"the halt of {key.id} was broadcast as if it were another one"
            findings.append(_finding("notices_doubled", message.at.isoformat(), message.rollout, text))
    return findings


def out_of_order(case: Case) -> list[Finding]:
    """Within one rollout the notices arrive in the order in which they were written down."""
    place = {row["key"]: number for number, row in enumerate(case.evidence.notices)}
    furthest: dict[str, int] = {}
    findings = []
    for copies in by_key(delivered(case.evidence)).values():
        first = copies[0]
        if first.key in place:
            if place[first.key] < furthest.get(first.rollout, -1):
                text = f"the notice {first.key} arrived after a younger one"
                findings.append(_finding("notices_out_of_order", first.at.isoformat(), first.rollout, text))
            furthest[first.rollout] = max(furthest.get(first.rollout, -1), place[first.key])
    return findings


def _finding(check: str, at: str, rollout: str, text: str) -> Finding:
    return Finding(check, at, rollout.split("/", 1)[0], text)


def _about(messages: list[Message], key: Key, *kinds: str) -> Iterator[Message]:
    return (
        message
        for message in messages
        if message.broadcast and message.kind in kinds and message.rollout and key_of(message.rollout) == key
    )


def _halts(case: Case) -> dict[Key, list[Entry]]:
    """The halts that were carried out: a halt tried again and again until it held is one halt."""
    found: dict[Key, list[Entry]] = {}
    shown: dict[Key, bool] = {}  # of each halt that stands, whether the store has shown it
    for entry in case.journal.entries:
        key = entry.key
        if _ends_a_halt(entry) or (shown.get(key) and _may_end_one(entry)):
            shown.pop(key, None)
        elif _carried_out(entry):
            if key not in shown:
                found.setdefault(key, []).append(entry)
            shown.setdefault(key, False)
        elif key in shown:
            shown[key] = (shown[key] or shows_a_halt(entry)) and entry.kind != "overtaken"
    return found


def _carried_out(entry: Entry) -> bool:
    return entry.kind == "decided" and entry.body["decision"] == "HALT" and bool(entry.body.get("intent"))


def _is_sent_again(entry: Entry) -> bool:
    """For a halt that was told when it was decided, whatever else has been seen in the store since; that it holds may be
    told once more."""
    return any(reason.get("code") == "not_halted" for reason in entry.body.get("reasons", ()))


def _ordered_again(case: Case) -> Counter[Key]:
    """How often a person halted what was halted already: that may be told, since the halt is theirs now. And how often a halt
    was lost with the journal's end: it is told once more when it is found, or decided anew."""
    first = {entry.seq for halts in _halts(case).values() for entry in halts}
    lost = frozenset(case.evidence.lost)
    entries = (entry for entry in case.journal.entries if _carried_out(entry) and entry.body.get("command"))
    ordered = Counter(entry.key for entry in entries if entry.seq not in first)
    found = Counter(e.key for e in case.journal.entries if _is_found_again(e, lost))
    return ordered + found + Counter(e.key for e in case.journal.entries if e.seq in first & lost)


def _is_found_again(entry: Entry, lost: frozenset[int]) -> bool:
    untold = entry.kind == "drifted" and bool(entry.body.get("untold")) and entry.body["meaning"] == "halted"
    return bool(lost) and untold and entry.seq > max(lost)


def _ends_a_halt(entry: Entry) -> bool:
    resumed_by_us = entry.kind == "decided" and entry.body["decision"] == "RESUME"
    return resumed_by_us or (entry.kind == "drifted" and entry.body.get("meaning") == "resumed")


_GOES_ON = ("raised", "rolled_out", "unknown")


def _may_end_one(entry: Entry) -> bool:
    """It goes on, or is in a state that nobody understands, which may be that; or it had been replaced, and somebody
    has rolled it out afresh: what reads halted after it is halted anew. A halt that the store had never shown was not
    ended by it, and is wanted until it holds."""
    return entry.kind == "returned" or (entry.kind == "drifted" and entry.body.get("meaning") in _GOES_ON)


def _in_doubt(case: Case, first: Message, again: Message) -> bool:
    """A second copy is forgiven where nobody could know, or write down, that the first had arrived; and one that was about to be
    sent when the machine was suspended, which cannot be told from one that is in time."""
    request = next((r for r in case.evidence.requests if r["seq"] == first.request), None)
    if request and (request.get("fault") or request.get("status") is None or request["status"] >= 500):
        return True
    forgotten = (*case.evidence.deaths, *case.evidence.unwritten)
    if any(first.at <= instant(at) <= again.at for at in forgotten):
        return True
    awoken = (instant(span.split()[1]) for span in case.evidence.suspended)
    return any(timedelta(0) <= again.at - at <= _ON_ITS_WAY for at in awoken)
