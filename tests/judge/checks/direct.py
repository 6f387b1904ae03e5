"""R9, R12: what a person has halted past the daemon is raised by no daemon that comes after, before a person says so."""

from __future__ import annotations

from tests.judge.case import Case
from tests.judge.direct import Direct, halts
from tests.judge.finding import Finding
from tests.judge.ledger import RAISES, Change

CHECK = "unhalted"
_TAKES_BACK = ("start", "resume", "complete")


def check(case: Case) -> list[Finding]:
    text = "was raised although a person had halted it past the daemon, and nobody had taken that back"
    return [
        Finding(CHECK, raised.at.isoformat(), raised.key.app, f"{raised.name} {text}")
        for one in halts(case)
        for raised in case.raises()
        if one.means(raised.key) and raised.asked_at > one.ended and not _taken_back(case, one, raised)
    ]


def _taken_back(case: Case, one: Direct, raised: Change) -> bool:
    by_console = any(
        not change.ours and change.kind in RAISES and one.begun <= change.at <= raised.at
        for change in case.of(raised.key)
    )
    return by_console or case.journal.ordered_between(raised.key, one.begun, raised.at, *_TAKES_BACK)
