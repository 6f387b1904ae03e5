"""The lives of a release: from when people are offered it, until a halt; and when somebody lets what is counted begin anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.judge import detours
from tests.judge.detours import Detour
from tests.judge.ledger import APP_STORE, Key, Served

if TYPE_CHECKING:
    from tests.judge.case import Case


@lru_cache(maxsize=8)
def lives(case: Case, key: Key) -> tuple[datetime, ...]:
    begun: list[datetime] = []
    stopped, records = True, case.served.get(key, ())
    for place, record in enumerate(records):
        if record.exposure_ppm > 0 and stopped:
            begun.append(record.at)
            stopped = False
        again = next((r.at for r in records[place:] if r.exposure_ppm > 0), case.ended_at)
        stopped = stopped or (record.status == "halted" and not goes_unseen(case, record, again))
    taken_up = _taken_up(case, key) if begun and key.store == APP_STORE else ()
    return tuple(sorted({*begun, *taken_up, *case.terms_anew(key).values()}))


def _taken_up(case: Case, key: Key) -> Iterator[datetime]:
    """App Store: a person lifted a halt, there or here. A pause alone ends no life: everyone keeps it."""
    yield from (entry.at for entry in case.journal.of(key, "taken_up"))
    for change in case.of(key):
        if change.kind == "step":
            decision = case.journal.decision_behind(change)
            by_person = not change.ours and not case.taken_for_ours(change)
            if by_person or (decision and decision.word == "RESUME"):
                yield change.at


@lru_cache(maxsize=8)
def detours_of(case: Case, key: Key) -> tuple[Detour, ...]:
    seen, drifted = detours.looks(case.evidence, key), list(case.journal.of(key, "drifted"))
    return tuple(detours.detours(case.of(key), seen, drifted, case.ended_at))


def goes_unseen(case: Case, record: Served, again: datetime) -> bool:
    return any(detour.hides(record.at, again) for detour in case.detours(record.key))
