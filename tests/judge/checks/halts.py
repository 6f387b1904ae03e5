"""R3: a gate that fails, confirmed as it defines, halts the release in the store within one poll and a minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import Key, instant
from tests.judge.signals import Poll, Word
from tests.judge.terms import Gate

_SLACK = timedelta(seconds=60)


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
        for gate in case.terms(key).gates:
            for one in _confirmations(case, key, gate):
                if one.run not in by_run or one.at < by_run[one.run].at:
                    by_run[one.run] = one
        found += by_run.values()
    return tuple(sorted(found, key=lambda one: one.at))


def check(case: Case) -> list[Finding]:
    findings = []
    for one in due(case):
        stopped = _stopped_at(case, one)
        deadline = _deadline(case, one, stopped or case.ended_at)
        if _held_back_by_review(case, one, deadline):
            continue
        name = case.served[one.key][0].name
        if stopped is None and deadline <= case.ended_at:
            text = f"{name} was never halted, although {one.gate} had failed"
            findings.append(Finding("halts_lost", one.at.isoformat(), one.key.app, text))
        elif stopped is not None and stopped > deadline:
            text = f"{name} was halted {stopped - one.at} after {one.gate} had failed"
            findings.append(Finding("halts_late", one.at.isoformat(), one.key.app, text))
    return findings


def _confirmations(case: Case, key: Key, gate: Gate) -> Iterator[Due]:
    """Not hearing from a gate neither confirms nor clears it; any other word clears it."""
    count, counted_at, run = 0, None, None
    for poll in case.polls_about(key, gate.metric):
        if not _can_and_must_be_halted(case, key, poll):
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


def _can_and_must_be_halted(case: Case, key: Key, poll: Poll) -> bool:
    """Offered to people, watched by us, not only observed, and with something else for the store to serve."""
    serving = case.serving_before(key, poll.at)
    return (
        serving is not None
        and serving.exposure_ppm > 0
        and not case.observes(key.app)
        and case.has_fallback(key)
        and _watched(case, key, poll.at)
    )


def _watched(case: Case, key: Key, at: datetime) -> bool:
    first = case.served[key][0]
    if first.cause == "start" and first.status == "completed":
        return False
    if any(entry.at <= at for entry in case.journal.of(key, "closed", "superseded")):
        return False
    ignored = any(e.body.get("choice") == "ignore" for e in case.journal.of(key, "discovered"))
    return not ignored or any(entry.at <= at for entry in case.journal.of(key, "started"))


def _stopped_at(case: Case, one: Due) -> datetime | None:
    """When the store really offered it to nobody any more, halted or replaced by a newer release."""
    return next(
        (
            record.at
            for record in case.served[one.key]
            if record.at >= one.at and record.exposure_ppm == 0 and record.status in ("halted", "replaced")
        ),
        None,
    )


def _held_back_by_review(case: Case, one: Due, deadline: datetime) -> bool:
    """The halt was committed in time, and the store reviews it before it lets it take effect."""
    asked = [
        c.at for c in case.changes if c.key == one.key and c.kind == "halt" and one.at <= c.at <= deadline
    ]
    reviewed = [r.at for r in case.served[one.key] if r.review != "PUBLISHED" and r.exposure_ppm > 0]
    return any(at >= asked[0] for at in reviewed) if asked else False


def _deadline(case: Case, one: Due, until: datetime) -> datetime:
    """One poll and a minute, counted again from each time the store failed or the daemon died."""
    patience = case.poll + _SLACK
    deadline = one.at + patience
    for obstacle in _obstacles(case, one.at, until):
        if obstacle <= deadline:
            deadline = max(deadline, obstacle + patience)
    return deadline


def _obstacles(case: Case, since: datetime, until: datetime) -> list[datetime]:
    failed = [
        instant(request["at"])
        for request in case.evidence.requests
        if request["service"] in ("google_play", "oauth")
        and (request.get("fault") or request.get("status") is None or request["status"] >= 500)
    ]
    died = [instant(death) for death in case.evidence.deaths]
    return sorted(at for at in (*failed, *died) if since <= at <= until)
