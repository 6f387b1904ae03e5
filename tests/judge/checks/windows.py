"""R7: a window that evidence opened is asked for once, and closed before Apple's step only for a cause.

Closed for nothing it costs a day of the rollout and spends pause-days: opened and closed at every look, the release
never gets on, and nobody is told why. Asked for again at every look, it is told again each time, and its day begins
anew and never ends. What people opened is looked at in apple_people.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.checks import raises, schedule
from tests.judge.checks.apple_people import cuts, is_bound, words_between
from tests.judge.finding import Finding
from tests.judge.ledger import Change
from tests.judge.phases import Window
from tests.judge.signals import Word

CHECK = "windows_wrong"

_ONE_LOOK = timedelta(minutes=1)


def check(case: Case) -> list[Finding]:
    return [*_cut(case), *_asked_for_again(case)]


def _cut(case: Case) -> list[Finding]:
    text = "was paused in a window of ours, although nothing spoke against Apple's step there"
    return [
        Finding(CHECK, paused.at.isoformat(), key.app, f"{paused.name} {text}")
        for key in case.served
        for window in case.windows(key)
        for paused in case.of(key)
        if not window.by_person and case.guarded(key, paused.at)
        if paused.ours and paused.kind == "pause" and cuts(case, window, paused)
        if not _has_cause(case, window, paused)
    ]


def _has_cause(case: Case, window: Window, paused: Change) -> bool:
    """A HOLD has named one of its own."""
    key, since, until = paused.key, window.opened.at, paused.at
    decision = case.journal.decision_behind(paused)
    waited = decision is not None and decision.word == "WAIT"
    passed = all(said == {Word.PASS} for said in words_between(case, key, since, until))
    alone = _allowed_anew(case, window, paused)
    return not waited or not passed or is_bound(case, key, since, until) or _was_wrong(case, window) or alone


def _allowed_anew(case: Case, window: Window, paused: Change) -> bool:
    """What allowed it had run out, and the look that says so counts no newer word yet: until the next one nobody allows it."""
    lapsed = case.journal.of(paused.key, "approvals_lapsed")
    return any(
        window.opened.at < entry.at <= paused.at and paused.at - entry.at < _ONE_LOOK for entry in lapsed
    )


def _was_wrong(case: Case, window: Window) -> bool:
    """It should not have been opened at all: who finds that out is right to close it."""
    opened = window.opened
    blamed = (*schedule.bakes(case), *raises.check(case))
    known = case.journal.decision_behind(opened) is not None
    return not known or any((f.at, f.app) == (opened.at.isoformat(), opened.key.app) for f in blamed)


def _asked_for_again(case: Case) -> list[Finding]:
    """A step that the journal knew to be done was decided once more while its window was open."""
    return [
        Finding(
            CHECK, again.at.isoformat(), key.app, f"a step of {case.served[key][0].name} was asked for twice"
        )
        for key in case.served
        for window in case.windows(key)
        if window.opened.ours and case.guarded(key, window.opened.at)
        for again in case.journal.decisions
        if (again.key, again.kind, again.command) == (key, "step", "")
        if _known_to_be_open(case, window, again.at)
    ]


def _known_to_be_open(case: Case, window: Window, at: datetime) -> bool:
    settled = (
        entry.at
        for entry in case.journal.of(window.opened.key, "settled")
        if (entry.body["verb"], entry.body["settlement"]) == ("step", "confirmed")
    )
    return any(window.opened.at <= known < at < window.ends for known in settled)
