"""Recording: facts go into the journal with everything that belongs to them, in one transaction.

A raise is only recorded by the daemon that holds the lease, on a journal nobody has written to since it
was read. A brake (a halt, a pause) is recorded whatever has happened meanwhile; and where the journal cannot be read, the
last known state still serves to halt by (promise R18).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from stagedrollout.core import facts
from stagedrollout.core.errors import (
    CountedOn,
    LostLease,
    Preempted,
    StaleJournal,
    StorageError,
)
from stagedrollout.core.events import Recorded
from stagedrollout.core.fold import begin, extend, fold
from stagedrollout.core.ledger import Ledger, Revision, Taken
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.core.unguarded import (
    alone,
    check_still_wanted,
    decides_a_brake,
    ends_a_brake,
    permits,
    takes_up_an_order,
    uncounted,
)
from stagedrollout.daemon.catching_up import CatchingUp
from stagedrollout.daemon.filling import filled
from stagedrollout.daemon.lost_halts import brake_behind
from stagedrollout.daemon.shelf import Shelf
from stagedrollout.daemon.spool import Kept, Spool
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.wording import UNREADABLE

log = logging.getLogger(__name__)

HALT_ATTEMPTS = 3
"""How often the journal is read again for a halt, when others write to it at the same time."""


@dataclass(frozen=True, slots=True)
class Known:
    """A rollout as of entry `seq` of the journal, whose hash is `head`."""

    rollout: Rollout
    seq: int
    head: str = ""

    def after(self, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """With news that are not in the journal."""
        return replace(self, rollout=extend(self.rollout, news, at))


@dataclass(frozen=True, slots=True)
class Learned:
    """What a pass adds to the ledger: `added` after the revision `prev`; and where it found everything to stand."""

    prev: str
    taken: Taken
    standing: dict[str, Any]

    @property
    def added(self) -> tuple[Revision, ...]:
        return self.taken.added


class WritesWithoutALease(Protocol):
    """Facts that stop something on top of what is known. Raises StaleJournal, StorageError."""

    def __call__(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None = None
    ) -> Known: ...


def no_lease(app: StoreApp) -> int:
    """For whoever is no daemon, and writes down only what needs no lease. Raises LostLease."""
    raise LostLease(f"only a daemon holds the lease of {app}")


class Recorder:
    """`epoch` gives that of the lease of a store app, or raises LostLease; `spool` keeps halts that the database does not
    take."""

    def __init__(
        self,
        journal: Journal,
        ledgers: LedgerTable,
        epoch: Callable[[StoreApp], int],
        spool: Spool | None = None,
    ) -> None:
        self._journal = journal
        self._ledgers = ledgers
        self._epoch = epoch
        self._guard = threading.Lock()
        self._cache: dict[RolloutKey, Known] = {}
        self._ledger: Shelf[RolloutKey, Ledger] = Shelf()
        self._spool = spool or Spool(None)
        self._catching_up = CatchingUp(journal, self._spool, self._understood, self._write_halt)

    def keys(self, app: StoreApp) -> tuple[RolloutKey, ...]:
        """All rollouts of a store app; from memory if the database cannot be read."""
        try:
            return self._journal.rollout_keys(app)
        except StorageError:
            with self._guard:
                remembered = tuple(key for key in self._cache if key.store_app == app)
            if not remembered:
                raise
            return remembered

    def load(self, key: RolloutKey) -> Known:
        """The rollout as the journal tells it. Raises StorageError if it was never read and cannot be now."""
        return self._as_told(key, self._journal.head)

    def halted_since(self, known: Known) -> bool:
        """Whether another replica, or a person past all daemons, has halted the rollout since; False where nobody can tell."""
        try:
            now = self.load(known.rollout.key)
        except StorageError:
            return False
        return now.seq > known.seq and now.rollout.halt is not None and known.rollout.halt is None

    def check_not_halted(self, known: Known) -> None:
        """Before each request of a raise. Raises Preempted where it was halted since."""
        if self.halted_since(known):
            raise Preempted("a halt took over, on another replica")

    def remembered(self, key: RolloutKey) -> Known | None:
        """The rollout as this process has read or written it last, without asking whether the journal has gone on."""
        return self._cache.get(key)

    def load_all(self, app: StoreApp) -> tuple[tuple[Known, ...], dict[RolloutKey, StorageError]]:
        """`load` of all `keys`: those that can be read, and what is wrong with the others. The journal is asked once
        how far they all go. Raises StorageError if they cannot be listed."""
        try:
            heads = self._journal.heads(app)
        except StorageError:
            return self._each(self.keys(app), self._journal.head)
        return self._each(heads, heads.__getitem__)

    def _each(
        self, keys: Iterable[RolloutKey], head: Callable[[RolloutKey], int]
    ) -> tuple[tuple[Known, ...], dict[RolloutKey, StorageError]]:
        found, unread = list[Known](), dict[RolloutKey, StorageError]()
        for key in keys:
            try:
                found.append(self._as_told(key, head))
            except StorageError as trouble:
                unread[key] = trouble
        return tuple(found), unread

    def _as_told(self, key: RolloutKey, head: Callable[[RolloutKey], int]) -> Known:
        """From memory where that goes as far as the journal does, or where the journal cannot be read."""
        try:
            self._catching_up.write_of(key)
            cached = self._cache.get(key)
            if cached and head(key) == cached.seq:
                return cached
            return self._remember(key, self._read(key))
        except StorageError:
            remembered = self._cache.get(key)
            if remembered is None:
                raise
            return remembered

    def ledger(self, key: RolloutKey) -> Ledger:
        """What was counted so far. Raises StorageError if it was never read and cannot be now."""
        kept = self._ledger.get(key)
        if kept is not None:
            return kept
        found = self._ledgers.load(key)
        self._ledger.put(key, found)
        return found

    def halted(self, app: StoreApp) -> frozenset[str]:
        """The ids of its releases that are halted or known bad by their journals, or whose journals cannot be read:
        nobody knows that those are not."""
        known, unread = self.load_all(app)
        halted = (each.rollout.key for each in known if each.rollout.bad is not None)
        return frozenset(key.release_id for key in (*halted, *unread))

    def told(self, key: RolloutKey) -> tuple[facts.Fact, ...]:
        """Everything that the journal holds of a rollout, oldest first. Raises StorageError."""
        try:
            return tuple(facts.read(recorded.entry) for recorded in self._journal.history(key))
        except UNREADABLE as error:
            raise StorageError(f"the journal of {key} cannot be understood: {error}") from error

    def forget(self, key: RolloutKey) -> None:
        """The rollout is over: its ledger stays in the database only."""
        self._ledger.forget(key)

    def remembered_of(self, app: StoreApp) -> tuple[RolloutKey, ...]:
        """The rollouts of the store app that this process has read or written."""
        with self._guard:
            return tuple(key for key in self._cache if key.store_app == app)

    def read_anew(self, app: StoreApp) -> None:
        """The database may have been put back: by the numbers of its entries nobody can tell whether it has gone on since."""
        with self._guard:
            for key in [key for key in self._cache if key.store_app == app]:
                del self._cache[key]

    def begin(self, key: RolloutKey, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Write the first facts of a new rollout."""
        begun = Known(begin(key, news[0], at), 0).after(news[1:], at)
        return self._write(begun, news, Batch(key, at, expected_seq=0, epoch=self._epoch(key.store_app)))

    def record(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None = None
    ) -> Known:
        """Write facts on top of what is known, with what was learned for the ledger. Raises StaleJournal, LostLease
        or StorageError.

        Facts that carry a halt need no lease, and a journal that has gone on is read again for them: they
        are true whoever writes them, and cannot wait for another pass. Only a halt of the daemon's own, of what was
        seen halted in the store by somebody else meanwhile, is not needed any more: HaltShown; and what a person has let go
        on is judged anew: LetGoOn. And an order that came in two ways is carried out once: OrderTaken.
        """
        if not news and learned is None:
            return known
        if not decides_a_brake(news) or takes_up_an_order(news):
            return self._write_guarded(known, news, at, learned)
        with suppress(StaleJournal, LostLease):
            self._epoch(known.rollout.key.store_app)  # whoever does not hold it may have an old look
            write = self._write_guarded if permits(news) else self._write_halt
            return write(known, news, at, learned)
        return self._brake_meanwhile(known, news, at, learned)

    def _brake_meanwhile(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None
    ) -> Known:
        """Somebody has written, or may have looked again: what stops goes on top of what they wrote, alone."""
        for _ in range(HALT_ATTEMPTS - 1):
            now = self._remember(known.rollout.key, self._read(known.rollout.key))
            check_still_wanted(known.rollout, now.rollout, news)
            with suppress(StaleJournal):
                return self._write_halt(now, alone(now.rollout, news), at, learned)
        raise StaleJournal(
            f"{HALT_ATTEMPTS} times somebody wrote to the journal of {known.rollout.key} meanwhile"
        )

    def settle(self, known: Known, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Write how an act of this replica's ended. That of a halt or a pause needs no lease: nobody else knows it. Raises
        StaleJournal (what it means depends on what was written meanwhile), LostLease or StorageError."""
        if not news:
            return known
        write = self._write_halt if ends_a_brake(news) else self._write_guarded
        return write(known, news, at)

    def note(self, key: RolloutKey, news: tuple[facts.Fact, ...], at: datetime) -> Known:
        """Write what a person did past the daemon, and holds: it permits nothing, so it needs no lease, and goes on top
        of whatever was written meanwhile. Raises StorageError."""
        for _ in range(HALT_ATTEMPTS - 1):
            with suppress(StaleJournal):
                return self._write_halt(self._read(key), news, at)
        return self._write_halt(self._read(key), news, at)

    def _write_guarded(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None = None
    ) -> Known:
        epoch = self._epoch(known.rollout.key.store_app)
        batch = Batch(known.rollout.key, at, expected_seq=known.seq, epoch=epoch)
        return self._write(known.after(news, at), news, batch, learned)

    def _write_halt(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None = None
    ) -> Known:
        """With what was counted for it, or, where another has counted on since, without."""
        batch = Batch(known.rollout.key, at, expected_seq=known.seq)
        try:
            return self._write(known.after(news, at), news, batch, learned)
        except CountedOn:
            news = uncounted(news)
            return self._write(known.after(news, at), news, batch)

    def suspect(self, known: Known, news: tuple[facts.Fact, ...], at: datetime) -> None:
        """Keep in memory what a pass found out that could not be written, so that the next pass counts on."""
        doubts = tuple(fact for fact in news if isinstance(fact, (facts.Suspected, facts.Cleared)))
        self._remember(known.rollout.key, known.after(doubts, at))

    def spool(
        self, known: Known, news: tuple[facts.Fact, ...], at: datetime, learned: Learned | None = None
    ) -> Known:
        """Keep facts that the database would not take, to be written as soon as it does (promise R18), with the counts
        they were decided on."""
        if not news:
            return known
        behind = brake_behind(known, news)
        self._spool.add(Kept(known.rollout.key, news, at, learned, behind, known.seq, known.head))
        return self._remember(known.rollout.key, known.after(news, at))

    def write_what_was_kept(self) -> None:
        """Also of what another replica holds by now: nobody else has it. Raises StorageError."""
        self._catching_up.write_all()

    def _write(
        self, known: Known, news: tuple[facts.Fact, ...], batch: Batch, learned: Learned | None = None
    ) -> Known:
        """`known` is as it is after the news."""
        key = known.rollout.key
        with self._ledger_in_step(key, batch, learned):
            written = self._journal.record(filled(batch, known.rollout, news, learned))
        last = written[-1] if written else None
        return self._remember(key, replace(known, seq=last.seq, head=last.hash) if last else known)

    @contextmanager
    def _ledger_in_step(self, key: RolloutKey, batch: Batch, learned: Learned | None) -> Iterator[None]:
        """What is remembered of the ledger goes on with what is written. After a failure, or a brake (which may be
        written without it), it is read anew."""
        try:
            yield
        except StorageError:
            self.forget(key)
            raise
        if learned is None:
            return
        if not batch.guarded:
            self.forget(key)
            return
        if learned.added:
            self._ledger.put(key, learned.taken.ledger)

    def _read(self, key: RolloutKey) -> Known:
        return self._understood(key, self._journal.history(key))

    def _understood(self, key: RolloutKey, history: tuple[Recorded, ...]) -> Known:
        """Raises StorageError."""
        try:
            told = tuple((facts.read(recorded.entry), recorded.entry.at) for recorded in history)
            rollout = fold(key, told)
        except UNREADABLE as error:
            raise StorageError(f"the journal of {key} cannot be understood: {error}") from error
        if rollout is None:
            raise StorageError(f"the journal knows no rollout {key}")
        return Known(rollout, history[-1].seq, history[-1].hash)

    def _remember(self, key: RolloutKey, known: Known) -> Known:
        with self._guard:
            self._cache[key] = known
        return known
