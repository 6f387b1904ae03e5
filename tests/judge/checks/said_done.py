"""R4, R13: what the journal calls confirmed was to be seen in the store at some time since it was decided.

Nobody's word counts for that, neither the answer to a request nor ours: a halt that is called one and is none lets
people get what crashes, and nobody looks after it any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import APP_STORE, Key, Served
from tests.judge.phases import LIVE
from tests.judge.signals import GRACE
from tests.judge.terms import PPM_ALL

CHECK = "disagreements"
_ON_ITS_WAY = (LIVE, "PROCESSING_FOR_DISTRIBUTION")


def check(case: Case) -> list[Finding]:
    return [
        Finding(
            CHECK,
            entry.at.isoformat(),
            key.app,
            f"the {entry.body['verb']} of {name} is said to be done; it is not",
        )
        for key, (first, *_) in case.served.items()
        for entry, since, target_ppm in _confirmed(case, key)
        if not _was_seen(case, entry, since, target_ppm)
        for name in (first.name,)
    ]


def _confirmed(case: Case, key: Key) -> Iterator[tuple[Entry, datetime, int]]:
    """Each confirmation, with when it was decided what is confirmed, and which share was wanted."""
    decided = {e.body["intent"]: e for e in case.journal.of(key, "decided") if e.body.get("intent")}
    for entry in case.journal.of(key, "settled"):
        if entry.body["settlement"] == "confirmed" and (wanted := decided.get(entry.body.get("intent"))):
            yield entry, wanted.at - GRACE, int(wanted.body.get("target_ppm") or 0)


def _was_seen(case: Case, entry: Entry, since: datetime, target_ppm: int) -> bool:
    key, verb = entry.key, str(entry.body["verb"])
    before = case.serving_before(key, since)
    shown = [*([before] if before else ()), *(r for r in case.served[key] if since <= r.at <= entry.at)]
    if key.store == APP_STORE:
        return any(_shows_on_apple(record, verb) for record in shown)
    if verb == "halt":
        return any(not record.exposure_ppm for record in shown)
    return any(record.exposure_ppm == target_ppm for record in shown) or _was_asked(case, entry, target_ppm)


def _was_asked(case: Case, entry: Entry, target_ppm: int) -> bool:
    """Play shows what its track was told, also while a review holds that back from people."""
    asked = [c.after_ppm for c in case.of(entry.key) if c.at <= entry.at]
    return target_ppm in asked


def _shows_on_apple(record: Served, verb: str) -> bool:
    match verb:
        case "halt" | "pause":
            return record.paused or not record.exposure_ppm
        case "step" | "resume":
            return record.grows or record.exposure_ppm == PPM_ALL
        case "complete":
            return record.exposure_ppm == PPM_ALL
        case "start":
            return record.exposure_ppm > 0 or record.review in _ON_ITS_WAY
        case _:
            return True
