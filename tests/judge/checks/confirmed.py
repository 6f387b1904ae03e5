"""R13, R4: what the journal calls confirmed was so in the store, and was not said before the store had been asked.

Looking settles what became of an intent, so the store was as wanted at some moment between the decision and that look.
One change of the store's confirms one raise: who confirms a raise, dies, and decides on it once more has confirmed the
first one before it was sent. A brake may find itself pulled already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import APP_STORE, Change, Key, Served
from tests.judge.terms import PPM_ALL

CHECK = "disagreements"
OLD_LOOK = timedelta(minutes=10)
"""For so long after a change a look may still show the state before it (google-play.md E14)."""

ON_ITS_WAY = "PROCESSING_FOR_DISTRIBUTION"
"""Apple's word for a version that was released and will be there in a while (app-store-connect.md section 1)."""

_BRAKES = ("halt", "pause")
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Wish:
    verb: str
    target_ppm: int

    def granted_by_play(self, status: str, desired_ppm: int) -> bool:
        if self.verb == "halt":
            return status == "halted"
        return status in ("inProgress", "completed") and desired_ppm == self.target_ppm

    def granted_by_apple(self, served: Served) -> bool:
        match self.verb:
            case "halt":
                return served.status == "PAUSED" or served.exposure_ppm == 0
            case "pause":
                return served.status == "PAUSED"
            case "step":
                return served.status == "ACTIVE"
            case "resume":
                return served.status in ("ACTIVE", "COMPLETE")
            case "complete":
                return served.exposure_ppm == PPM_ALL
            case _:
                return served.exposure_ppm > 0 or served.review == ON_ITS_WAY


@dataclass(frozen=True, slots=True)
class _Spell:
    """While the store was as wanted, without a break."""

    since: datetime
    until: datetime


def check(case: Case) -> list[Finding]:
    return [
        Finding(
            CHECK,
            entry.at.isoformat(),
            key.app,
            f"{case.served[key][0].name}: the {entry.body['verb']} is said to be confirmed, and the store {text}",
        )
        for key in case.served
        for entry, text in _unfounded(case, key)
    ]


def _unfounded(case: Case, key: Key) -> Iterator[tuple[Entry, str]]:
    counted: dict[_Wish, datetime] = {}
    for entry, decision in _settled(case, key):
        if entry.body["settlement"] != "confirmed" or not entry.body.get("intent"):
            continue
        if decision is None:
            yield entry, "had not been asked for it, by the journal that there was"
            continue
        wish = _Wish(entry.body["verb"], int(decision.body.get("target_ppm") or 0))
        found = [
            spell
            for spell in _spells(case, key, wish)
            if spell.since <= entry.at and spell.until >= decision.at - OLD_LOOK
        ]
        if not found:
            yield entry, "was not as that had wanted it"
        elif wish.verb not in _BRAKES and counted.get(wish) == found[-1].since:
            yield entry, "has not changed since the last one that was"
        else:
            counted[wish] = found[-1].since


def _settled(case: Case, key: Key) -> Iterator[tuple[Entry, Entry | None]]:
    """What became of what was decided before. Where a database was put back, its journal knows nothing of the decisions
    that are lost, and may give their names again."""
    lost = frozenset(case.evidence.lost)
    decided: dict[str, Entry] = {}
    for entry in case.journal.of(key, "decided", "settled"):
        if entry.kind == "decided":
            decided[str(entry.body.get("intent"))] = entry
            continue
        decision = decided.get(str(entry.body.get("intent")))
        gone = decision is not None and decision.seq in lost and entry.seq not in lost
        yield entry, None if gone else decision


def _spells(case: Case, key: Key, wish: _Wish) -> list[_Spell]:
    if wish.verb == "prepare":  # nobody is offered anything else by that
        return [_Spell(change.at, _NEVER) for change in case.of(key) if change.kind == "prepare"]
    if key.store == APP_STORE:
        return list(_unbroken((r.at, wish.granted_by_apple(r)) for r in case.served[key]))
    return list(_unbroken(_on_play(case.of(key), wish)))


def _on_play(changes: list[Change], wish: _Wish) -> Iterator[tuple[datetime, bool]]:
    for first in changes[:1]:
        yield _EVER, wish.granted_by_play(first.before_status, first.before_ppm)
    for change in changes:
        yield change.at, wish.granted_by_play(change.after_status, change.after_ppm)


def _unbroken(states: Iterable[tuple[datetime, bool]]) -> Iterator[_Spell]:
    since: datetime | None = None
    for at, granted in states:
        if granted and since is None:
            since = at
        elif not granted and since is not None:
            yield _Spell(since, at)
            since = None
    if since is not None:
        yield _Spell(since, _NEVER)
