"""The releases that are meant, read from the database; what cannot be read is named, and the others are reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.errors import StorageError
from stagedrollout.core.ledger import Ledger
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.explaining.finding import clock
from stagedrollout.reporting.release import Kept, NoticesOfKind, ReleaseReport, begun, release_report
from stagedrollout.reporting.steps import Told
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.outbox import OutboxState, OutboxTable, Sendings

UNREADABLE = (StorageError, ValueError, TypeError, KeyError, AttributeError)
"""What a journal raises that this version cannot read whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which releases: the `last` that were started, of `app` ("": of all), on `store`, not before `since`."""

    last: int
    app: str = ""
    store: Store | None = None
    since: datetime | None = None

    def means(self, key: RolloutKey) -> bool:
        return self.app in ("", key.app) and self.store in (None, key.store)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A release whose journal or ledger is not what was written, and what is wrong with it."""

    key: RolloutKey
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """`releases`: the oldest first. `older`: so many more would have been meant. `apps`: every app that is known."""

    releases: tuple[ReleaseReport, ...]
    damaged: tuple[Damaged, ...]
    older: int
    apps: tuple[str, ...]


def find(engine: Engine, wanted: Wanted) -> Found:
    """Raises StorageError where the database itself cannot be read."""
    journal, sendings = Journal(engine), OutboxTable(engine).sendings()
    keys = journal.rollout_keys()
    damaged: list[Damaged] = []
    started: list[tuple[datetime, RolloutKey, Told]] = []
    for key in filter(wanted.means, keys):
        try:
            told = _told(journal, key)
        except UNREADABLE as error:
            damaged.append(Damaged(key, f"its journal cannot be read: {error}"))
            continue
        first = begun(told)
        if first and (wanted.since is None or first.at >= wanted.since):
            started.append((first.at, key, told))
    started.sort(key=lambda each: (each[0], str(each[1])))
    releases: list[ReleaseReport] = []
    for _, key, told in started[-wanted.last :]:
        now, _ = clock(engine, key.store_app)
        try:
            counted = _counts(engine, key, damaged)
            releases.append(release_report(Kept(key, told, now, counted, _of(sendings, key))))
        except UNREADABLE as error:
            damaged.append(Damaged(key, f"its journal makes no sense: {error}"))
    older = max(len(started) - wanted.last, 0)
    return Found(tuple(releases), tuple(damaged), older, tuple(dict.fromkeys(key.app for key in keys)))


def _told(journal: Journal, key: RolloutKey) -> Told:
    """Raises StorageError as well where the journal is not what was written (promise R16)."""
    broken = journal.verify(key)
    told = tuple((facts.read(recorded.entry), recorded.entry.at) for recorded in journal.history(key))
    if broken is not None:
        raise StorageError(f"it is not as it was written, from seq {broken} on")
    return told


def _counts(engine: Engine, key: RolloutKey, damaged: list[Damaged]) -> Ledger | None:
    """None, and named, where the ledger cannot be read: the rest is reported without sessions."""
    try:
        return LedgerTable(engine).load(key)
    except UNREADABLE as error:
        damaged.append(Damaged(key, f"its counts cannot be read: {error}"))
        return None


def _of(sendings: tuple[Sendings, ...], key: RolloutKey) -> tuple[NoticesOfKind, ...]:
    own = [each for each in sendings if each.rollout == str(key)]
    return tuple(_tallied(kind, [s for s in own if s.kind == kind]) for kind in sorted({s.kind for s in own}))


def _tallied(kind: str, own: list[Sendings]) -> NoticesOfKind:
    unsent = (OutboxState.PENDING.value, OutboxState.SENDING.value)
    return NoticesOfKind(
        kind=kind,
        count=sum(each.count for each in own),
        broadcast=sum(each.count for each in own if each.broadcast),
        waiting=sum(each.count for each in own if each.state in unsent),
        failed=sum(each.count for each in own if each.state == OutboxState.FAILED.value),
    )
