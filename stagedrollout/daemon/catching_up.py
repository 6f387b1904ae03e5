"""What was kept while the journal could not be written goes into it as soon as it can be, oldest first, each once (promise R18).

Where nobody else has written since, it is written as it was kept. Otherwise what stops goes on top of what they wrote, alone:
unless a person has let the release go on meanwhile, or it was halted by somebody whom the journal knows when it was looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stagedrollout.core.errors import HaltShown, LetGoOn, OrderTaken, StaleJournal
from stagedrollout.core.events import Recorded
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.unguarded import (
    alone,
    beside_the_brake,
    check_still_wanted,
    decides_a_brake,
    permits,
    renamed,
    stopped_before,
)
from stagedrollout.daemon.lost_halts import bare, has_gone_on, recorded_as, told_of
from stagedrollout.daemon.spool import Kept, Spool
from stagedrollout.storage.journal import Journal

if TYPE_CHECKING:
    from stagedrollout.daemon.recorder import Known, WritesWithoutALease

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often the journal is read again when others write to it at the same time."""


@dataclass(slots=True)
class _SoFar:
    """Of one rollout. `reached`: by the entry that was the last when something was kept, how far what was kept then has taken the
    journal, if nothing of others came between; `needless`: what was not written, for it had been halted before."""

    reached: dict[int | None, int] = field(default_factory=dict)
    needless: list[Kept] = field(default_factory=list)

    def is_next(self, known: Known, kept: Kept) -> bool:
        """Whether nobody else has written since that was kept."""
        return known.seq == self.reached.get(kept.seq, kept.seq)

    def has_dropped(self, kept: Kept) -> bool:
        return any(bare(kept.entries[-1]) == bare(other.entries[-1]) for other in self.needless)


class CatchingUp:
    """`understand` makes a rollout of its entries; it and `write` raise StorageError."""

    def __init__(
        self,
        journal: Journal,
        spool: Spool,
        understand: Callable[[RolloutKey, tuple[Recorded, ...]], Known],
        write: WritesWithoutALease,
    ) -> None:
        self._journal = journal
        self._spool = spool
        self._understand = understand
        self._write = write

    def write_all(self) -> None:
        """Raises StorageError."""
        for key in self._spool.rollouts():
            self.write_of(key)

    def write_of(self, key: RolloutKey) -> None:
        """Of one rollout. Raises StorageError; what is left then stays kept."""
        so_far = _SoFar()
        for kept in self._spool.waiting(key):
            self._write_kept(kept, so_far)
            self._spool.drop(kept)

    def _write_kept(self, kept: Kept, so_far: _SoFar) -> None:
        for _ in range(ATTEMPTS):
            if recorded_as(self._journal, kept):
                log.info("%s: the journal has what was kept for it already", kept.rollout)
                return
            try:
                self._write_once(kept, so_far)
            except (OrderTaken, LetGoOn, HaltShown) as needless:
                if isinstance(needless, HaltShown):
                    so_far.needless.append(kept)
                break
            except StaleJournal:  # written by another thread, or something else was
                continue
            return
        log.warning("%s: the journal does not take what was kept for it, for it has gone on", kept.rollout)

    def _write_once(self, kept: Kept, so_far: _SoFar) -> None:
        """Raises OrderTaken, LetGoOn or HaltShown where it is not to be written, StaleJournal where it is to be tried again."""
        known = self._understand(kept.rollout, self._journal.history(kept.rollout))
        whole = so_far.is_next(known, kept)
        known, news = self._behind(known, kept, so_far) if kept.behind else (known, kept.news)
        written = self._write(known, self._wanted(known, kept, news, so_far), kept.at, kept.learned)
        if whole:
            so_far.reached[kept.seq] = written.seq

    def _behind(self, known: Known, kept: Kept, so_far: _SoFar) -> tuple[Known, tuple[Fact, ...]]:
        """Once the decision stands in the journal: that, and how it ended."""
        lost = kept.behind
        decided = lost and recorded_as(self._journal, lost)
        if lost is not None and decided is None:
            if so_far.has_dropped(lost):
                raise HaltShown(f"{kept.rollout} had been halted before")
            if has_gone_on(self._journal, lost):
                raise LetGoOn(f"{kept.rollout} is not as that halt left it")
            known = self._write(known, self._wanted(known, lost, lost.news, so_far), lost.at, None)
            decided = recorded_as(self._journal, lost)
        return known, told_of(kept, decided) if decided else kept.news

    def _wanted(self, known: Known, kept: Kept, news: tuple[Fact, ...], so_far: _SoFar) -> tuple[Fact, ...]:
        """What is to be written of it, for who else has written meanwhile."""
        if not decides_a_brake(news):
            return news
        if so_far.is_next(known, kept) and not permits(news):
            return renamed(known.rollout, news)
        before = self._as_of(kept)
        try:
            check_still_wanted(before, known.rollout, news)
        except (HaltShown, LetGoOn) as needless:
            shown = isinstance(needless, HaltShown)
            if not shown or stopped_before(before, known.rollout, news, kept.at):
                if said := beside_the_brake(news):
                    return said
                raise
        return alone(known.rollout, news)

    def _as_of(self, kept: Kept) -> Rollout:
        """As it was known when that was kept. A journal that was put back counts anew: then also by the instant."""
        history = self._journal.history(kept.rollout)
        seq = kept.seq
        if seq is not None:
            same = any(each.seq == seq and each.hash == kept.head for each in history)
            then = [each for each in history if each.seq <= seq and (same or each.entry.at <= kept.at)]
            history = tuple(then) or history
        return self._understand(kept.rollout, history).rollout
