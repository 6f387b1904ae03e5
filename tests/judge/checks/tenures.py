"""R14, R15: of several daemons on one database only the holder of an app's lease raises it, and after a takeover not before
what the one before may have sent has arrived, or can arrive no more. And R13: what was decided once is done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.journal import Decision
from tests.judge.ledger import APP_STORE, RAISES, Change, Key, instant

LAPSED, OVERLAP, EARLY, DOUBLED = "raises_lapsed", "raises_overlap", "raises_early", "intents_doubled"


def check(case: Case) -> list[Finding]:
    return [] if not case.evidence.senders else [*_lapsed(case), *_overlapping(case)]


def _lapsed(case: Case) -> Iterator[Finding]:
    for raised in case.raises():
        sender, tenure = _sender(case, raised), _tenure(case, raised)
        if sender is None:
            continue
        if tenure is None or tenure["run"] != sender:
            holder = "nobody" if tenure is None else f"run {tenure['run']}"
            yield _finding(LAPSED, raised, f"by run {sender}, while {holder} held the lease")
        elif tenure["raise_after"] and raised.asked_at < instant(tenure["raise_after"]):
            yield _finding(EARLY, raised, f"before {tenure['raise_after']}, when the lease before is over")


def _overlapping(case: Case) -> Iterator[Finding]:
    """In the order in which they took effect."""
    newest: dict[tuple[str, str], int] = {}
    for raised in case.raises():
        tenure = _tenure(case, raised)
        if tenure is None or _sender(case, raised) is None:
            continue
        place, epoch = (raised.key.app, raised.key.store), int(tenure["epoch"])
        if epoch < newest.get(place, 0):
            yield _finding(OVERLAP, raised, f"under epoch {epoch}, after a raise under {newest[place]}")
        newest[place] = max(newest.get(place, 0), epoch)


def doubled(case: Case) -> list[Finding]:
    """The n-th raise to the same share, or the n-th of its kind on the App Store, needs n decisions before it."""
    findings, done = [], Counter[tuple[Key, str, int]]()
    for raised in case.raises():
        what = _what(raised.key, raised.kind, raised.after_ppm)
        done[what] += 1
        meant = (d for d in case.journal.decisions if _is_a_raise(d) and d.at <= raised.at)
        decided = sum(_what(d.key, d.kind, d.target_ppm) == what for d in meant)
        if decided < done[what] and case.journal.decision_behind(raised) is not None:
            text = f"for the {done[what]}. time, and was decided {decided} times"
            findings.append(_finding(DOUBLED, raised, text))
    return findings


def _is_a_raise(decision: Decision) -> bool:
    return decision.kind in RAISES


def _what(key: Key, kind: str, ppm: int) -> tuple[Key, str, int]:
    return (key, kind, 0) if key.store == APP_STORE else (key, "raise", ppm)


def _sender(case: Case, change: Change) -> int | None:
    return case.evidence.senders.get(str(change.request))


def _tenure(case: Case, raised: Change) -> Record | None:
    """Whose lease it was when the request was there."""
    return holder_at(case, raised.key, raised.asked_at)


def holder_at(case: Case, key: Key, at: datetime) -> Record | None:
    """Whose lease it was then."""
    name = f"{key.app}/{key.store}"
    known = [each for each in case.evidence.tenures if each["name"] == name and instant(each["at"]) <= at]
    return known[-1] if known else None


def _finding(check: str, raised: Change, why: str) -> Finding:
    return Finding(check, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised {why}")
