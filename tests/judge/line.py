"""While people had stopped the line: nothing of any app is raised, by whomever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.ledger import instant


def stops(case: Case) -> Iterator[tuple[datetime, datetime]]:
    for span in case.evidence.line:
        begun, ended = span.split()
        yield instant(begun), instant(ended)


def is_stopped(case: Case, since: datetime, until: datetime) -> bool:
    """At any time of these."""
    return any(begun <= until and since <= ended for begun, ended in stops(case))
