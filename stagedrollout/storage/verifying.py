"""Whether the journal is what was written: every chain computed again from its entries, nothing believed.

Three things are compared, each kept in another place, so that whoever changes one is betrayed by the others:

- the chains: each entry's hash covers the one before it (promise R16), so a changed byte, an entry that is
  missing in the middle and one that was moved to another rollout show where they are;
- the numbers: each is given once and without a gap, also over rollouts (numbers.py), so the end of a chain
  cannot be cut off;
- the high-water mark outside the database (highwater.py), for a database that is older than it should be.

Nothing here writes, and no daemon is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from stagedrollout.core.events import CHAIN_START
from stagedrollout.storage.engine import Connection, Engine, reading
from stagedrollout.storage.journal import follows
from stagedrollout.storage.numbers import given
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
    """What was found. `head` is one hash over all heads, to be kept elsewhere or shown to somebody."""

    chains: tuple[Chain, ...]
    breaks: tuple[Break, ...]

    @property
    def sound(self) -> bool:
        return not self.breaks

    @property
    def entries(self) -> int:
        return sum(chain.entries for chain in self.chains)

    @property
    def seq(self) -> int:
        """The number of the newest entry; 0 for none."""
        return max((chain.seq for chain in self.chains), default=0)

    @property
    def head(self) -> str:
        said = "".join(f"{chain.rollout} {chain.head}\n" for chain in sorted(self.chains, key=_name))
        return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


@dataclass(slots=True)
class _Walk:
    """Where each chain stands while the entries go by, and what was wrong with them."""

    chains: dict[str, Chain] = field(default_factory=dict)
    breaks: dict[str, Break] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)
    last: int = 0


def verify(engine: Engine) -> Proof:
    """Go over the whole journal, as of one moment. The first break of each rollout is told. Raises StorageError."""
    with reading(engine) as connection:
        walk = _walked(connection)
        known = {row.key: row.seq for row in connection.execute(select(rollouts.c.key, rollouts.c.seq))}
        last = given(connection)
    _note_gaps(walk, last + 1)
    breaks = sorted(
        (*walk.breaks.values(), *_owners(walk, known)), key=lambda found: (found.seq, found.rollout)
    )
    return Proof(tuple(walk.chains.values()), tuple(breaks))


def entries_with(engine: Engine, beginning: str) -> tuple[tuple[str, int, str], ...]:
    """Rollout, number and hash of the entries whose hash begins so (hexadecimal digits only). Raises StorageError."""
    asked = select(events.c.rollout, events.c.seq, events.c.hash).where(events.c.hash.like(f"{beginning}%"))
    with reading(engine) as connection:
        rows = connection.execute(asked.order_by(events.c.seq)).all()
    return tuple((str(row.rollout), int(row.seq), str(row.hash)) for row in rows)


def _walked(connection: Connection) -> _Walk:
    walk = _Walk()
    for row in connection.execute(select(events).order_by(events.c.seq)):
        name, before = str(row.rollout), walk.chains.get(str(row.rollout))
        if name not in walk.breaks and not follows(row, before.head if before else CHAIN_START):
            said = "this entry was changed or moved, or one before it is missing"
            walk.breaks[name] = Break(name, int(row.seq), said)
        _note_gaps(walk, int(row.seq))
        walk.last = int(row.seq)
        walk.chains[name] = Chain(name, (before.entries if before else 0) + 1, walk.last, str(row.hash))
    return walk


def _note_gaps(walk: _Walk, up_to: int) -> None:
    room = GAPS_MAX - len(walk.gaps)
    walk.gaps += range(walk.last + 1, min(up_to, walk.last + 1 + room))


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


def _name(chain: Chain) -> str:
    return chain.rollout
