"""Apple's 30 pause-days are never spent silently (R7): people are warned at 20, 25 and 28 days, once each.

The days are counted afresh, from what the store really served since the release was found. The daemon sees what
others do a poll late, so each such turn is worth a poll; what it does itself it reads back at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, Key, instant
from tests.judge.messages import by_key, delivered
from tests.judge.patience import a_poll, deadline_of_the_living

CHECK = "pause_warnings_wrong"
KIND = "pause_budget"
_DAYS = (20, 25, 28)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Pause:
    begun: datetime
    ended: datetime


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, at.isoformat(), key.app, f"{case.served[key][0].name}: {text}")
        for key in _watched(case)
        for at, text in (*_untold(case, key), *_told_wrongly(case, key))
    ]


def pause_days(case: Case, key: Key) -> float:
    """Days spent paused in all, whether anybody looked or not."""
    spent = sum((p.ended - p.begun for p in _pauses(case, key, None)), timedelta(0))
    return round(spent / _DAY, 2)


def warnings_told(case: Case, key: Key | None = None) -> int:
    """How many warnings arrived; one that had to be sent again counts once."""
    rollout = "/".join(key) if key else None
    arrived = by_key(delivered(case.evidence)).values()
    return sum(1 for first, *_ in arrived if first.kind == KIND and rollout in (None, first.rollout))


def _watched(case: Case) -> Iterator[Key]:
    for key in case.served:
        found = next(case.journal.of(key, "discovered"), None)
        ignored = found is None or (found.body.get("choice") == "ignore" and not case.steered(key))
        if key.store == APP_STORE and not ignored:
            yield key


def _untold(case: Case, key: Key) -> Iterator[tuple[datetime, str]]:
    told = [(entry.at, int(entry.body["days"])) for entry in case.journal.of(key, "pause_warned")]
    for days in _DAYS:
        due = _spent_at(case, key, days * _DAY)
        if due is None or any(entry.at <= due for entry in case.journal.of(key, "closed")):
            return  # who has it all, and is watched no longer, loses nothing by a pause
        patience = a_poll(case) + _blur(case, key, due)
        latest = deadline_of_the_living(case, key, due, patience=patience, until=case.ended_at)
        if latest is None or latest > case.ended_at:
            return
        if not any(at <= latest and said >= days for at, said in told):
            yield due, f"nobody was warned within a poll that {days} pause-days were spent"


def _told_wrongly(case: Case, key: Key) -> Iterator[tuple[datetime, str]]:
    said: set[int] = set()
    for entry in case.journal.of(key, "pause_warned"):
        days = int(entry.body["days"])
        if days in said:
            yield entry.at, f"the warning at {days} pause-days came twice"
        said.add(days)
        counted = _spent_by(case, key, entry.at) + _blur(case, key, entry.at) + a_poll(case)
        if counted < days * _DAY:
            yield entry.at, f"the warning at {days} pause-days came before they were spent"
    rollout = "/".join(key)
    written = [row for row in case.evidence.notices if (row["rollout"], row["kind"]) == (rollout, KIND)]
    if len(written) != len(said):
        yield case.ended_at, f"{len(said)} warnings stand in the journal, {len(written)} were told"


def _spent_at(case: Case, key: Key, days: timedelta) -> datetime | None:
    """When so much was spent since the release was found."""
    left = days
    for pause in _pauses(case, key, _found_at(case, key)):
        if pause.ended - pause.begun >= left:
            return pause.begun + left
        left -= pause.ended - pause.begun
    return None


def _spent_by(case: Case, key: Key, at: datetime) -> timedelta:
    """How much was spent by then. It may never come to what the daemon counts: it ends the last pause itself."""
    pauses = _pauses(case, key, _found_at(case, key))
    return sum((min(p.ended, at) - p.begun for p in pauses if p.begun < at), timedelta(0))


def _found_at(case: Case, key: Key) -> datetime:
    return next(case.journal.of(key, "discovered")).at


def _pauses(case: Case, key: Key, since: datetime | None) -> Iterator[_Pause]:
    for record, following in pairwise([*case.served[key], None]):
        if record is not None and record.paused:
            begun = max(record.at, since) if since else record.at
            ended = following.at if following else case.ended_at
            if ended > begun:
                yield _Pause(begun, ended)


def _blur(case: Case, key: Key, until: datetime) -> timedelta:
    """What the daemon's count may be off by: a poll for each turn that others brought about or hindered."""
    turns = [record for record in case.served[key] if record.at <= until and record.cause != "api"]
    hindrances = sum(1 for death in case.evidence.deaths if instant(death) <= until)
    return case.poll * (len(turns) + hindrances)
