"""R11: while the line is stopped nothing is raised, by the schedule or by hand. What was sent before that may still arrive.

Halts go on meanwhile, and are judged as always.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.checks.phases import goes_on_after, stretches
from tests.judge.finding import Finding
from tests.judge.line import stops
from tests.judge.patience import ONE_WAY, a_poll, awake_for, deadline_of_the_living, stood_still

CHECK = "raises_on_a_stopped_line"
_ASKED_AND_SENT = ONE_WAY + timedelta(seconds=1)
"""Right before each request it is looked whether the line is stopped; then it is on its way."""


def check(case: Case) -> list[Finding]:
    text = "was raised although people had stopped the line at"
    return [
        Finding(CHECK, raised.at.isoformat(), raised.key.app, f"{raised.name} {text} {begun.isoformat()}")
        for begun, ended in stops(case)
        for raised in case.raises()
        if awake_for(case, _awake_from(case, begun), _ASKED_AND_SENT) < raised.asked_at < ended
    ]


def _awake_from(case: Case, begun: datetime) -> datetime:
    """A process that stood still then had looked before that, and goes on with what it was about to send."""
    return max((until for since, until in stood_still(case) if since <= begun <= until), default=begun)


def growth(case: Case) -> list[Finding]:
    """Apple goes on by itself: on a stopped line it is paused within a poll, and stays so."""
    found = []
    for begun, ended in stops(case):
        for stretch in stretches(case):
            since, until = max(begun, stretch.begun), min(ended, stretch.ended or case.ended_at)
            if since >= until:
                continue
            due = deadline_of_the_living(case, stretch.key, since, patience=a_poll(case), until=until)
            if due is not None and due < ended and goes_on_after(case, stretch, due):
                text = (
                    f"{stretch.name} was let grow although people had stopped the line at {begun.isoformat()}"
                )
                found.append(Finding(CHECK, since.isoformat(), stretch.key.app, text))
    return found
