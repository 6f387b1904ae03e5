"""Whether the journal is what was written: every chain computed again from its entries, nothing believed.

Three things are compared, each kept in another place, so that whoever changes one is betrayed by the others:

- the chains: each entry's hash covers the one before it (promise R16), so a changed byte, an entry that is
  missing in the middle and one that was moved to another rollout show where they are;
- the numbers: each is given once and without a gap, also over rollouts (numbers.py), so the end of a chain
  cannot be cut off; what has left the journal has its numbers in a record (retired.py), a chain as well;
- the high-water mark outside the database (highwater.py), for a database that is older than it should be.

Nothing here writes, and no daemon is needed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from stagedrollout.core.events import CHAIN_START
from stagedrollout.storage.engine import Connection, Engine, reading
from stagedrollout.storage.journal import follows
from stagedrollout.storage.numbers import given
from stagedrollout.storage.retired import Retired, covered, everything
from stagedrollout.storage.schema import events, rollouts

GAPS_MAX = 100
"""Missing numbers that are told one by one; of more it is enough to know that there are."""


HASH_LEAST = 8
"""Digits of a hash that somebody must know to ask for it."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something is not as it was written. `rollout` is "" where the database does not tell whose entry it was."""

    rollout: str
    seq: int
    said: str

    @property
    def words(self) -> str:
        return f"{self.rollout or 'no rollout known'}: seq {self.seq}: {self.said}"


@dataclass(frozen=True, slots=True)
class Chain:
    """One rollout's chain as far as it was found: how many entries, the last one's number and hash."""

    rollout: str
    entries: int
    seq: int
    head: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. `retired`: what has left the journal, whole. `head` is one hash over all heads, of what has left as
    well, to be kept elsewhere or shown to somebody: it is another one with each entry, and not where a rollout leaves."""

    chains: tuple[Chain, ...]
    breaks: tuple[Break, ...]
    retired: tuple[Retired, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.breaks

    @property
    def entries(self) -> int:
        return sum(chain.entries for chain in self.chains)

    @property
    def seq(self) -> int:
        """The number of the newest entry; 0 for none."""
        return max((seq for _, seq, _ in self._heads()), default=0)

    @property
    def head(self) -> str:
        said = "".join(f"{rollout} {head}\n" for rollout, _, head in sorted(self._heads()))
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()

    def _heads(self) -> Iterator[tuple[str, int, str]]:
        yield from ((chain.rollout, chain.seq, chain.head) for chain in self.chains)
        yield from ((each.rollout, each.seq, each.head) for each in self.retired)


@dataclass(slots=True)
class _Walk:
    """Where each chain stands while the entries go by, and what was wrong with them. `left`: the numbers, lowest first, of
    entries that have left and would be next."""

    chains: dict[str, Chain] = field(default_factory=dict)
    breaks: dict[str, Break] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)
    last: int = 0
    left: deque[tuple[int, int]] = field(default_factory=deque)


def verify(engine: Engine) -> Proof:
    """Go over the whole journal, as of one moment. The first break of each rollout is told. Raises StorageError."""
    with reading(engine) as connection:
        gone = everything(connection)
        walk = _walked(connection, gone)
        known = {row.key: row.seq for row in connection.execute(select(rollouts.c.key, rollouts.c.seq))}
        last = given(connection)
    _note_gaps(walk, last + 1)
    found = (*walk.breaks.values(), *_owners(walk, known), *_forged(gone))
    breaks = sorted(found, key=lambda each: (each.seq, each.rollout))
    return Proof(tuple(walk.chains.values()), tuple(breaks), gone)


def entries_with(engine: Engine, beginning: str) -> tuple[tuple[str, int, str], ...]:
    """Rollout, number and hash of the entries whose hash begins so (hexadecimal digits only). Raises StorageError."""
    asked = select(events.c.rollout, events.c.seq, events.c.hash).where(events.c.hash.like(f"{beginning}%"))
    with reading(engine) as connection:
        rows = connection.execute(asked.order_by(events.c.seq)).all()
    return tuple((str(row.rollout), int(row.seq), str(row.hash)) for row in rows)


def _walked(connection: Connection, gone: tuple[Retired, ...]) -> _Walk:
    walk = _Walk(left=deque(covered(gone)))
    for row in connection.execute(select(events).order_by(events.c.seq)):
        name, before = str(row.rollout), walk.chains.get(str(row.rollout))
        if name not in walk.breaks and not follows(row, before.head if before else CHAIN_START):
            said = "this entry was changed or moved, or one before it is missing"
            walk.breaks[name] = Break(name, int(row.seq), said)
        _note_gaps(walk, int(row.seq))
        if walk.left and walk.left[0][0] <= int(row.seq):
            said = "this entry is said to have left the journal, and is there"
            walk.breaks.setdefault(name, Break(name, int(row.seq), said))
        walk.last = int(row.seq)
        walk.chains[name] = Chain(name, (before.entries if before else 0) + 1, walk.last, str(row.hash))
    return walk


def _note_gaps(walk: _Walk, up_to: int) -> None:
    """The numbers after the last one and below `up_to` that nothing has, and nothing that has left had."""
    while walk.left and walk.left[0][1] < up_to:
        first, last = walk.left.popleft()
        _note_missing(walk, first)
        walk.last = max(walk.last, last)
    _note_missing(walk, up_to)


def _note_missing(walk: _Walk, up_to: int) -> None:
    room = GAPS_MAX - len(walk.gaps)
    walk.gaps += range(walk.last + 1, min(up_to, walk.last + 1 + room))


def _forged(gone: tuple[Retired, ...]) -> Iterator[Break]:
    """The first record of a retirement that is not as it was written: after it none can be believed."""
    prev = CHAIN_START
    for each in gone:
        if not each.follows(prev):
            said = "the record of its retirement was changed, or one before it is missing"
            yield Break(each.rollout, each.seq, said)
            return
        prev = each.hash


def _owners(walk: _Walk, known: dict[str, int]) -> Iterator[Break]:
    """The missing entries, with their rollout where `status` names it."""
    told = {seq: name for name, seq in known.items()}
    for seq in walk.gaps:
        yield Break(told.get(seq, ""), seq, "this entry is missing")
    gone = set(walk.gaps)
    yield from (found for found in _ends(walk, known) if found.seq not in gone)


def _ends(walk: _Walk, known: dict[str, int]) -> Iterator[Break]:
    """Chains that are shorter than `status` knew them."""
    for name, seq in known.items():
        chain = walk.chains.get(name)
        if seq > (chain.seq if chain else 0):
            yield Break(name, seq, "this entry is missing")
