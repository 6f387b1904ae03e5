"""What was halted for a cause is not started again unless a person says so, however it comes back into the store.

A halt is what the ledger shows as one on Google Play, by whomever, and what the journal decided as one; but not what
somebody halted in the console and nobody could read before it was replaced. It is lifted by
a person's resume, in the console or by an order, and by a start that names the halt. Everything else that raises the
release afterwards, or takes it up by itself, is wrong: also on another track, or after it was gone. Who undoes a halt
in its place is blamed elsewhere (people.py, apple_people.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import GOOGLE_PLAY, Change, Key
from tests.judge.passes import read_between

CHECK = "known_bad_started"


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, at.isoformat(), key.app, f"{case.served[key][0].name} {text}")
        for key in case.served
        for at, text in _faults(case, key)
    ]


def _faults(case: Case, key: Key) -> Iterator[tuple[datetime, str]]:
    for raised in case.raises() if key.store == GOOGLE_PLAY else ():
        if (
            raised.key == key
            and raised.kind != "resume"
            and (halted := _in_force(case, key, raised.asked_at))
        ):
            yield raised.at, f"was raised ({raised.kind}), although it was halted at {halted.isoformat()}"
    for entry in case.journal.of(key, "started"):
        if not _by_a_person(entry) and (halted := _in_force(case, key, entry.at)):
            yield entry.at, f"was taken up by itself, although it was halted at {halted.isoformat()}"


def _in_force(case: Case, key: Key, at: datetime) -> datetime | None:
    """The halt that nobody had lifted by then."""
    halts = [c.at for c in case.of(key) if c.kind == "halt" and (c.ours or _was_readable(case, c))]
    halts += [d.at for d in case.journal.decisions if d.key == key and d.word == "HALT"]
    newest = max((halted for halted in halts if halted < at), default=None)
    if newest is None or any(newest <= lifted <= at for lifted in _lifts(case, key)):
        return None
    return newest


def _was_readable(case: Case, halted: Change) -> bool:
    """Whether a look was answered, undamaged, while the store showed the halt: not once something newer was rolled out
    in its place, though until that is reviewed people get what they had."""
    later = (record for record in case.served[halted.key] if record.at > halted.at)
    gone = (record.at for record in later if record.status != "halted" or record.review == "NOT_LISTED")
    until = next(gone, case.ended_at)
    return read_between(case, halted.at, until)


def _lifts(case: Case, key: Key) -> Iterator[datetime]:
    by_people = [c for c in case.of(key) if not c.ours]
    yield from (c.at for c in by_people if c.kind in ("resume", "step") or _reads_as_a_resume(case, c))
    yield from (order.at for order in case.journal.orders if order.key == key and order.verb == "resume")
    named = (entry for entry in case.journal.of(key, "started") if entry.body.get("known_bad"))
    yield from (entry.at for entry in named if _by_a_person(entry))


def _reads_as_a_resume(case: Case, started: Change) -> bool:
    """Rolled out afresh after it had been replaced, and nobody had read the track while it was not there."""
    gone = [r.at for r in case.served[started.key] if r.status == "replaced" and r.at <= started.at]
    if started.kind != "start" or not gone or read_between(case, gone[-1], started.at):
        return False
    told = (e for e in case.journal.of(started.key, "superseded", "returned", "drifted") if e.at >= gone[-1])
    first = next(told, None)
    return first is not None and first.body.get("meaning") == "resumed"


def _by_a_person(entry: Entry) -> bool:
    return bool(entry.body.get("actor", {}).get("kind") == "human")
