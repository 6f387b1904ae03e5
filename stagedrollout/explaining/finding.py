"""Which rollout is meant, and everything that the database keeps of it, as of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.baseline import age_of
from stagedrollout.core.codec import decode
from stagedrollout.core.errors import StorageError
from stagedrollout.core.evidence.weighing import Weighing, weigh
from stagedrollout.core.fold import fold
from stagedrollout.core.ledger import Ledger
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.core.run_terms import run_of
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.presence import Presence

LOOKS = 3
"""How often standing and ledger are read again while a daemon writes between the two."""

Told = tuple[facts.Fact, datetime]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the newest pass that listened found and decided, as it was written down (core/standing.py)."""

    at: datetime
    found: dict[str, Any]

    @property
    def weighed(self) -> facts.Weighed | None:
        """The evidence in numbers. Raises StorageError where the document is not one of ours."""
        written = self.found.get("weighed")
        try:
            return decode(facts.Weighed, written) if written else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(f"the standing cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Kept:
    """A rollout with its journal, its counts and its newest standing. `now` is by the daemon's own clock;
    `next_look`: when it means to look again, None if nobody does."""

    rollout: Rollout
    told: tuple[Told, ...]
    ledger: Ledger
    standing: Standing | None
    now: datetime
    next_look: datetime | None = None

    @property
    def key(self) -> RolloutKey:
        return self.rollout.key

    @property
    def seen_at(self) -> datetime:
        """As of when the evidence is told."""
        return self.standing.at if self.standing else self.now

    @property
    def decided_at(self) -> datetime | None:
        """When the newest decision of the journal was written; a later pass that repeats it writes none."""
        found = (at for fact, at in reversed(self.told) if isinstance(fact, facts.Decided))
        return next(found, None)

    def weighing(self) -> Weighing | None:
        """The evidence, computed again from the counts; None while the run has no terms."""
        run = run_of(self.rollout)
        return weigh(run, self.ledger) if run else None


def find(engine: Engine, app: StoreApp, release: str = "") -> Kept | None:
    """The named release's rollout; without a name the newest that is not over, or else the newest of all.

    None if there is none. Raises StorageError.
    """
    journal = Journal(engine)
    keys = sorted(journal.rollout_keys(app), key=lambda key: age_of(key.release_id), reverse=True)
    fallback: tuple[Rollout, tuple[Told, ...]] | None = None
    for key in keys:
        rollout, told = _history(journal, key)
        if rollout.release.answers_to(release) if release else _goes_on(rollout):
            return _kept(engine, rollout, told)
        if not release and (fallback is None or (fallback[0].finished and not rollout.finished)):
            fallback = rollout, told
    return _kept(engine, *fallback) if fallback else None


def find_at(engine: Engine, app: StoreApp, at: datetime) -> Kept | None:
    """The newest rollout that was known at an instant and not over yet, or else `find`. Raises StorageError."""
    journal = Journal(engine)
    keys = sorted(journal.rollout_keys(app), key=lambda key: age_of(key.release_id), reverse=True)
    for key in keys:
        rollout, told = _history(journal, key)
        then = fold(key, tuple(one for one in told if one[1] <= at))
        if then is not None and _goes_on(then):
            return _kept(engine, rollout, told)
    return find(engine, app)


def known(engine: Engine, app: StoreApp) -> tuple[str, ...]:
    """The releases that could have been meant. Raises StorageError."""
    journal = Journal(engine)
    return tuple(_history(journal, key)[0].release.label for key in journal.rollout_keys(app))


def _goes_on(rollout: Rollout) -> bool:
    """A draft that nobody has started is meant only where nothing else is."""
    begun = rollout.steered or rollout.live_since is not None or rollout.halt is not None
    return begun and not rollout.finished


def _history(journal: Journal, key: RolloutKey) -> tuple[Rollout, tuple[Told, ...]]:
    told = tuple((facts.read(recorded.entry), recorded.entry.at) for recorded in journal.history(key))
    rollout = fold(key, told)
    if rollout is None:
        raise StorageError(f"the journal knows no rollout {key}")
    return rollout, told


def _kept(engine: Engine, rollout: Rollout, told: tuple[Told, ...]) -> Kept:
    table, key = LedgerTable(engine), rollout.key
    standing, ledger = None, Ledger(str(key))
    for _ in range(LOOKS):
        written = table.standing(key)
        standing = Standing(*written) if written else None
        ledger = table.load(key)
        weighed = standing.weighed if standing else None
        if weighed is None or weighed.ledger == ledger.head:
            break
    now, next_look = clock(engine, key.store_app, standing)
    return Kept(rollout, told, ledger, standing, now, next_look)


def clock(
    engine: Engine, app: StoreApp, standing: Standing | None = None
) -> tuple[datetime, datetime | None]:
    """The daemon's time, and when it means to look again (None: nobody does). In a rehearsal the time is the
    emulator's, which stands in its last pass."""
    statuses = Presence(engine).looks()
    row = next((row for row in statuses.passes if row.store_app == app), None)
    stopped = statuses.daemon is None or "stopped_at" in statuses.daemon.info
    next_look = row.next_due_at if row and not stopped else None
    if statuses.daemon and statuses.daemon.info.get("clock") == "emulator":
        looked = row.finished_at if row else None
        return max(
            (at for at in (looked, standing.at if standing else None) if at), default=_wall()
        ), next_look
    return _wall(), next_look


def _wall() -> datetime:
    return datetime.now(UTC)
