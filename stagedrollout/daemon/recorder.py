"""Recording: facts go into the journal with everything that belongs to them, in one transaction.

A raise is only recorded by the daemon that holds the lease, on a journal nobody has written to since it
was read. A halt is recorded whatever has happened meanwhile; and where the journal cannot be read, the
last known state still serves to halt by (promise R18).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts, wording
from stagedrollout.core.errors import StorageError
from stagedrollout.core.fold import apply, begin, extend
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Change, RolloutKey, Settlement, StoreApp, Verb
from stagedrollout.storage.batch import Batch, OpenIntent, SettledIntent, Summary
from stagedrollout.storage.journal import Journal


@dataclass(frozen=True, slots=True)
class Known:
    """A rollout as of entry `seq` of the journal."""

    rollout: Rollout
    seq: int


class Recorder:
    """`epoch` is the lease this daemon claimed at its start."""

    def __init__(self, journal: Journal, epoch: int) -> None:
        self._journal = journal
        self._epoch = epoch
        self._guard = threading.Lock()
        self._cache: dict[RolloutKey, Known] = {}
        self._spooled: list[tuple[RolloutKey, tuple[facts.Fact, ...], datetime]] = []

    def keys(self, app: StoreApp) -> tuple[RolloutKey, ...]:
        """All rollouts of a store app; from memory if the database cannot be read."""
        try:
            return self._journal.rollout_keys(app)
        except StorageError:
            remembered = tuple(key for key in self._cache if key.store_app == app)
            if not remembered:
                raise
            return remembered

    def load(self, key: RolloutKey) -> Known:
        """The rollout as the journal tells it. Raises StorageError if it was never read and cannot be now."""
        cached = self._cache.get(key)
        try:
            self._unspool(key)
            if cached and self._journal.head(key) == cached.seq:
                return cached
            return self._remember(key, self._read(key))
        except StorageError:
            if cached is None:
                raise
            return cached

    def begin(self, key: RolloutKey, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Write the first facts of a new rollout."""
        rollout = extend(begin(key, news[0], at), news[1:], at)
        return self._write(rollout, news, at, Batch(key, at, expected_seq=0, epoch=self._epoch))

    def record(self, known: Known, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Write facts on top of what is known. Raises StaleJournal, LostLease or StorageError.

        Facts that carry a halt have no guard: they are true whoever writes them, and cannot wait.
        """
        if not news:
            return known
        if any(_halts(fact) for fact in news):
            known = self.load(known.rollout.key)
            batch = Batch(known.rollout.key, at)
        else:
            batch = Batch(known.rollout.key, at, expected_seq=known.seq, epoch=self._epoch)
        return self._write(extend(known.rollout, news, at), news, at, batch)

    def spool(self, known: Known, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Keep facts that the database would not take, to be written as soon as it does (promise R18)."""
        with self._guard:
            self._spooled.append((known.rollout.key, news, at))
        return Known(extend(known.rollout, news, at), known.seq)

    def _unspool(self, key: RolloutKey) -> None:
        with self._guard:
            waiting = [kept for kept in self._spooled if kept[0] == key]
            self._spooled = [kept for kept in self._spooled if kept[0] != key]
        while waiting:
            _, news, at = waiting[0]
            try:
                known = self._read(key)
                self._write(extend(known.rollout, news, at), news, at, Batch(key, at))
            except StorageError:
                with self._guard:
                    self._spooled = waiting + self._spooled
                raise
            waiting.pop(0)

    def _write(self, rollout: Rollout, news: tuple[facts.Fact, ...], at: datetime, batch: Batch) -> Known:
        written = self._journal.record(
            Batch(
                rollout=batch.rollout,
                at=at,
                entries=tuple(facts.written(fact, at) for fact in news),
                expected_seq=batch.expected_seq,
                epoch=batch.epoch,
                opened=_opened(rollout, news, self._epoch),
                settled=_settled(news),
                notices=wording.notices(rollout, news, at),
                board=wording.board(rollout),
                summary=_summary(rollout),
            )
        )
        return self._remember(rollout.key, Known(rollout, written[-1].seq))

    def _read(self, key: RolloutKey) -> Known:
        history = self._journal.history(key)
        if not history:
            raise StorageError(f"the journal knows no rollout {key}")
        rollout = begin(key, facts.read(history[0].entry), history[0].entry.at)
        for recorded in history[1:]:
            rollout = apply(rollout, facts.read(recorded.entry), recorded.entry.at)
        return Known(rollout, history[-1].seq)

    def _remember(self, key: RolloutKey, known: Known) -> Known:
        with self._guard:
            self._cache[key] = known
        return known


def _halts(fact: facts.Fact) -> bool:
    verb = fact.verb if isinstance(fact, (facts.Decided, facts.Settled)) else None
    return verb is Verb.HALT


def _opened(rollout: Rollout, news: tuple[facts.Fact, ...], epoch: int) -> OpenIntent | None:
    for fact in news:
        if isinstance(fact, facts.Decided) and fact.intent and fact.verb:
            change = Change(fact.verb, rollout.release.id, fact.target_ppm)
            return OpenIntent(fact.intent, change, fact.seen, epoch)
    return None


def _settled(news: tuple[facts.Fact, ...]) -> SettledIntent | None:
    final = [f for f in news if isinstance(f, facts.Settled) and f.settlement is not Settlement.IN_DOUBT]
    return SettledIntent(final[-1].intent, final[-1].settlement, final[-1].detail) if final else None


def _summary(rollout: Rollout) -> Summary:
    return Summary(rollout.release.version, rollout.phase.value, rollout.exposure_ppm, rollout.reason)
