"""What the journal would not take while something had to be stopped: kept in memory and in a file of its own.

A halt never waits for the database (promise R18). What it would have written is appended here, durably, before
it is sent, and goes into the journal as soon as that can be written again; also by the next daemon, should this
one die first. Where this file cannot be written either, the halt goes out all the same and the log says so.

One JSON object a line, for its owner only. A line is taken out once the journal has it. After a crash in between
it is met again, and recognised: entries carry the instant of their pass, so the same one is never written twice
(recorder.py). The counts a decision was made on are kept in memory only; after a crash they are read anew.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagedrollout.core import facts
from stagedrollout.core.events import Entry
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.unguarded import uncounted
from stagedrollout.storage import durable_file
from stagedrollout.storage.wording import UNREADABLE, json_body, json_text

if TYPE_CHECKING:
    from stagedrollout.daemon.recorder import Learned

log = logging.getLogger(__name__)

SUFFIX = ".spool"
UNREADABLE_SUFFIX = ".unreadable"
WAITING_MAX = 500
"""Batches that are kept; a daemon that halts against a dead database adds one or two with each try."""

BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """One batch of facts, as of the pass that found them, with the counts they were decided on where still known. `behind`: the
    decision on the halt that they tell the outcome of, for a journal that has lost it since. `seq`: the last entry of the journal
    that was known then, and `head` its hash; None and "" where an older version has kept them."""

    rollout: RolloutKey
    news: tuple[facts.Fact, ...]
    at: datetime
    learned: Learned | None = None
    behind: Kept | None = None
    seq: int | None = None
    head: str = ""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """As the journal would hold them."""
        told = (facts.written(fact, self.at) for fact in self.news)
        return tuple(Entry(each.kind, each.at, json_body(json_text(each.body))) for each in told)

    @property
    def line(self) -> str:
        behind = {"behind": self.behind.document} if self.behind else {}
        return json_text({**self.document, **behind}) + "\n"

    @property
    def document(self) -> dict[str, Any]:
        entries = [{"kind": entry.kind, "body": entry.body} for entry in self.entries]
        known = {} if self.seq is None else {"seq": self.seq, "head": self.head}
        return {"rollout": str(self.rollout), "at": self.at.isoformat(), "entries": entries, **known}


def spool_file(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)


def read_spool(path: Path) -> tuple[tuple[Kept, ...], tuple[str, ...]]:
    """What waits, oldest first, and the lines that cannot be read. Raises OSError, ValueError (far too long)."""
    kept, unreadable = list[Kept](), list[str]()
    for line in (durable_file.read_whole(path, BYTES_MAX) or "").splitlines():
        try:
            kept.append(_kept(json.loads(line)))
        except (RecursionError, *UNREADABLE):
            unreadable.append(line)
    return tuple(kept), tuple(unreadable)


def _kept(document: Mapping[str, Any]) -> Kept:
    at = datetime.fromisoformat(document["at"])
    told = [Entry(entry["kind"], at, entry["body"]) for entry in document["entries"]]
    behind = _behind(document)
    key = RolloutKey.parse(document["rollout"])
    seq = int(document["seq"]) if "seq" in document else None
    news = uncounted(tuple(facts.read(entry) for entry in told))  # the counts of another life are not kept
    return Kept(key, news, at, behind=behind, seq=seq, head=str(document.get("head", "")))


def _behind(document: Mapping[str, Any]) -> Kept | None:
    """Without it the halt itself is still worth keeping."""
    try:
        return _kept(document["behind"]) if "behind" in document else None
    except (RecursionError, *UNREADABLE):
        return None


class Spool:
    """Safe from many threads; nothing here raises. `path` is None where there is no place beside the database."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._waiting: list[Kept] = []
        if path is not None:
            self._read(path)

    def add(self, kept: Kept) -> None:
        with self._guard:
            if len(self._waiting) >= WAITING_MAX:
                log.critical("%s: too much waits for the journal; this halt is not kept for it", kept.rollout)
                return
            self._waiting.append(kept)
            try:
                if self._path is not None:
                    durable_file.append(self._path, kept.line)
            except OSError as error:
                words = (
                    "the spool %s cannot be written either (%s); what is halted now is kept in memory only"
                )
                log.critical(words, self._path, error.strerror)

    def waiting(self, rollout: RolloutKey) -> tuple[Kept, ...]:
        """Oldest first."""
        with self._guard:
            return tuple(kept for kept in self._waiting if kept.rollout == rollout)

    def rollouts(self) -> frozenset[RolloutKey]:
        """Of which something waits."""
        with self._guard:
            return frozenset(kept.rollout for kept in self._waiting)

    def drop(self, kept: Kept) -> None:
        """The journal has it."""
        with self._guard:
            self._waiting = [other for other in self._waiting if other is not kept]
            try:
                self._write()
            except OSError as error:  # it is recognised when it is read again
                log.warning("the spool %s cannot be emptied: %s", self._path, error.strerror)

    def _write(self) -> None:
        if self._path is None:
            return
        if self._waiting:
            durable_file.replace_whole(self._path, "".join(kept.line for kept in self._waiting))
        else:
            durable_file.remove(self._path)

    def _read(self, path: Path) -> None:
        """What cannot be read is set aside for a person: half a line is what a crash in the middle leaves."""
        try:
            kept, unreadable = read_spool(path)
            self._waiting = list(kept)
            if unreadable:
                aside = path.with_name(path.name + UNREADABLE_SUFFIX)
                log.critical("%d lines of %s cannot be read; they are in %s", len(unreadable), path, aside)
                durable_file.append(aside, "".join(f"{line}\n" for line in unreadable))
                self._write()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            log.critical("the spool %s cannot be read: %s", path, why)
