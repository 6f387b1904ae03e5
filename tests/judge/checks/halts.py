"""R3: a gate that fails, confirmed as it defines, halts the release in the store within one poll and a minute; and
so does evidence of harm of 100 : 1, in the look that first shows it.

On the App Store a halt is a pause, and a release that is paused already is stopped. One that is complete there
can be stopped by nobody: then people must have been told that it fails (R4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, Key, Served
from tests.judge.passes import surely_looked_before
from tests.judge.patience import a_poll, deadline
from tests.judge.signals import GRACE, Word
from tests.judge.terms import PPM_ALL, Gate
from tests.judge.weighing import WHOLE, looks, looks_between


@dataclass(frozen=True, slots=True)
class Due:
    """From `at` on the daemon knew that the release must stop. `run` is when that life of it began."""

    key: Key
    at: datetime
    gate: str
    run: datetime | None


@lru_cache(maxsize=1)
def due(case: Case) -> tuple[Due, ...]:
    """Every halt that had to come, one for each life of a release, at the earliest gate's confirmation."""
    found: list[Due] = []
    for key in case.served:
        by_run: dict[datetime | None, Due] = {}
        for one in _all_due(case, key):
            if one.run not in by_run or one.at < by_run[one.run].at:
                by_run[one.run] = one
        found += by_run.values()
    return tuple(sorted(found, key=lambda one: one.at))


def _all_due(case: Case, key: Key) -> Iterator[Due]:
    for gate in dict.fromkeys(
        gate for terms in case.all_terms(key) for gate in (*terms.gates, *terms.vetoes)
    ):
        yield from _confirmations(case, key, gate)
    for look in looks(case, key):
        if look.words[WHOLE] == {Word.BREACH} and _can_and_must_be_halted(case, key, look.at):
            yield Due(key, look.at, "the evidence", case.run_begun(key, look.at))


def something_failed(case: Case, key: Key, since: datetime, until: datetime) -> bool:
    """Whether a gate or the evidence may be said to have failed in a look of that time."""
    return any(
        Word.BREACH in case.words(key, gate, poll)
        for terms in case.all_terms(key)
        for gate in (*terms.gates, *terms.vetoes)
        for poll in case.polls_about(key, gate.metric)
        if since <= poll.at <= until and case.terms(key, poll.at) is terms
    ) or any(Word.BREACH in look.words[WHOLE] for look in looks_between(case, key, since, until))


def check(case: Case) -> list[Finding]:
    return [finding for one in due(case) for finding in _faults(case, one)]


def _faults(case: Case, one: Due) -> Iterator[Finding]:
    stopped = stopped_at(case, one)
    until = stopped or case.ended_at
    latest = deadline(case, one.key, one.at, patience=a_poll(case), until=until)
    if held_back_by_review(case, one, latest) or _taken_up_again(case, one, latest):
        return
    name = case.served[one.key][0].name
    if (stopped is None or stopped > latest) and _is_final(case, one, latest):
        if latest <= case.ended_at and not _was_told(case, one, latest):
            text = f"{name} is complete and cannot be halted; nobody was told that {one.gate} fails"
            yield Finding("notices_lost", one.at.isoformat(), one.key.app, text)
    elif stopped is None and latest <= case.ended_at:
        text = f"{name} was never halted, although {one.gate} had failed"
        yield Finding("halts_lost", one.at.isoformat(), one.key.app, text)
    elif stopped is not None and stopped > latest:
        text = f"{name} was halted {stopped - one.at} after {one.gate} had failed"
        yield Finding("halts_late", one.at.isoformat(), one.key.app, text)


def _taken_up_again(case: Case, one: Due, latest: datetime) -> bool:
    """A person has answered the halt before it had to be in the store, and only a person may (R9)."""
    halts = [
        e.at for e in case.journal.of(one.key, "decided") if e.body["decision"] == "HALT" and e.at <= latest
    ]
    orders = case.journal.of(one.key, "commanded")
    resumed = [
        e.at for e in orders if e.body["verb"] == "resume" and e.body.get("accepted") and e.at <= latest
    ]
    return any(halt <= answer and one.at <= answer for halt in halts for answer in resumed)


def _is_final(case: Case, one: Due, latest: datetime) -> bool:
    """Complete on the App Store: there is no brake left, and what replaces it later is no halt."""
    serving = case.serving_before(one.key, latest)
    return one.key.store == APP_STORE and serving is not None and serving.status == "COMPLETE"


def _was_told(case: Case, one: Due, latest: datetime) -> bool:
    """The decision was written down in time, and a notice of it too; that it arrives is asked elsewhere."""
    decided = any(
        entry.body["decision"] == "HALT" and entry.at <= latest and _may_be_about(case, one, entry.at)
        for entry in case.journal.of(one.key, "decided")
    )
    rollout = "/".join(one.key)
    return decided and any(
        row["rollout"] == rollout and row["kind"] in ("failing", "not_halted")
        for row in case.evidence.notices
    )


def _may_be_about(case: Case, one: Due, decided_at: datetime) -> bool:
    """It may have known a look sooner; or any time in that life, in a look of which that may be said."""
    if decided_at >= one.at - a_poll(case):
        return True
    same_life = one.run is not None and one.run <= decided_at
    return same_life and something_failed(case, one.key, decided_at - GRACE, decided_at + GRACE)


def _confirmations(case: Case, key: Key, gate: Gate) -> Iterator[Due]:
    """Not hearing from a gate neither confirms nor clears it; any other word clears it."""
    count, counted_at, run = 0, None, None
    for poll in case.polls_about(key, gate.metric):
        terms = case.terms(key, poll.at)
        if gate not in (*terms.gates, *terms.vetoes) or not _can_and_must_be_halted(case, key, poll.at):
            count, counted_at = 0, None
            continue
        begun = case.run_begun(key, poll.at)
        if begun != run:
            count, counted_at, run = 0, None, begun
        words = case.words(key, gate, poll)
        if words & {Word.PASS, Word.INSUFFICIENT}:
            count, counted_at = 0, None
        elif words == {Word.BREACH} and (counted_at is None or poll.at - counted_at >= case.poll / 2):
            count, counted_at = count + 1, poll.at
            if count == gate.confirm:
                yield Due(key, poll.at, gate.metric, run)


def _can_and_must_be_halted(case: Case, key: Key, at: datetime) -> bool:
    """Offered to people, watched by us, not only observed, and with something else for the store to serve."""
    serving = case.serving_before(key, at)
    return (
        serving is not None
        and serving.exposure_ppm > 0
        and not case.observes(key.app)
        and (key.store == APP_STORE or case.has_fallback(key))
        and _watched(case, key, at)
    )


def _watched(case: Case, key: Key, at: datetime) -> bool:
    first = case.served[key][0]
    if first.cause == "start" and first.status in ("completed", "COMPLETE"):
        return False
    if _is_the_past(case, key):
        return False
    if any(entry.at <= at for entry in case.journal.of(key, "closed", "superseded")) or case.left_alone(
        key, at
    ):
        return False
    ignored = any(e.body.get("choice") == "ignore" for e in case.journal.of(key, "discovered"))
    return not ignored or any(entry.at <= at for entry in case.journal.of(key, "started"))


def _is_the_past(case: Case, key: Key) -> bool:
    """Whether it was complete before the daemon may ever have looked, and no journal knows it."""
    if any(case.journal.of(key, "discovered")):
        return False
    complete = next((r.at for r in case.served[key] if r.exposure_ppm == PPM_ALL), None)
    return complete is not None and not surely_looked_before(case, key, complete)


def stopped_at(case: Case, one: Due) -> datetime | None:
    """When nobody new was offered it any more: halted, paused, removed, or replaced by a newer release; or when
    people, or a program of theirs, took it out of Play's track, where nobody can halt it any more."""
    before = [record for record in case.served[one.key] if record.at <= one.at]
    if before and (before[-1].paused if one.key.store == APP_STORE else _is_dropped(before[-1])):
        return one.at
    return next((r.at for r in case.served[one.key] if r.at >= one.at and _is_stopped(r)), None)


def _is_stopped(record: Served) -> bool:
    if record.key.store == APP_STORE:
        return record.paused or record.exposure_ppm == 0
    return _is_dropped(record) or (record.exposure_ppm == 0 and record.status in ("halted", "replaced"))


def _is_dropped(record: Served) -> bool:
    return record.cause in ("console", "api") and record.request is None and record.review == "NOT_LISTED"


def held_back_by_review(case: Case, one: Due, latest: datetime) -> bool:
    """The halt was committed in time, and Play reviews it before it lets it take effect."""
    if one.key.store == APP_STORE:
        return False
    before = [change for change in case.of(one.key) if change.at < one.at][-1:]
    in_time = [change for change in case.of(one.key) if one.at <= change.at <= latest]
    halts = [change for change in (*before, *in_time) if change.after_status == "halted"]
    return any(_in_review(case, one.key, max(halt.at, one.at)) for halt in halts)


def _in_review(case: Case, key: Key, at: datetime) -> bool:
    """Whether people got it then while a change of it waited. A halt that joins a review that runs already changes
    nothing that is served, so that the ledger tells of the review before the halt, and no more with it."""
    known = [record for record in case.served[key] if record.at <= at]
    return bool(known) and known[-1].exposure_ppm > 0 and known[-1].review != "PUBLISHED"
