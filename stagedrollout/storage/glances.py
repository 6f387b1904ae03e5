"""What the journals of many rollouts say in a few of their entries: for people who look, never to decide by.

One statement for all of them: with hundreds of rollouts, one for each costs more than everything else `status` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select

from stagedrollout.core.events import Recorded
from stagedrollout.core.model import RolloutKey
from stagedrollout.storage.engine import Engine, reading
from stagedrollout.storage.instants import instant, instant_or_none, micros
from stagedrollout.storage.journal import recorded_of
from stagedrollout.storage.schema import buckets, events, rollouts

_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_KINDS: BindParameter[Any] = bindparam("kinds", expanding=True)
_MEANT = events.c.rollout.in_(_KEYS) & events.c.kind.in_(_KINDS)
_KIND: BindParameter[str] = bindparam("of_kind")
_NEWEST_OF = (
    select(func.max(events.c.at_us))
    .where(events.c.rollout == rollouts.c.key, events.c.kind == _KIND)
    .scalar_subquery()
)
_NEWEST = select(rollouts.c.key, _NEWEST_OF.label("at_us")).where(rollouts.c.key.in_(_KEYS))
"""One step in an index for each rollout, however many entries it has."""
_TOLD = select(events).where(_MEANT).order_by(events.c.seq)
_BELOW: BindParameter[int] = bindparam("below_seq")
_SINCE: BindParameter[int] = bindparam("since_us")
_MOST: BindParameter[int] = bindparam("most")
_PAGE = (
    select(events)
    .where(events.c.seq < _BELOW, events.c.at_us >= _SINCE)
    .order_by(events.c.seq.desc())
    .limit(_MOST)
)
_PAGE_OF = _PAGE.where(events.c.rollout.in_(_KEYS))
_ALL_ENTRIES = 2**31 - 1
_OF: BindParameter[str] = bindparam("of_rollout")
_AT: BindParameter[int] = bindparam("asked_us")
_READ_BEFORE = select(func.max(buckets.c.read_at_us)).where(
    buckets.c.rollout == _OF, buckets.c.read_at_us <= _AT
)
_READ_AFTER = select(func.min(buckets.c.read_at_us)).where(
    buckets.c.rollout == _OF, buckets.c.read_at_us > _AT
)


def newest(
    engine: Engine, keys: Iterable[RolloutKey], kinds: tuple[str, ...]
) -> dict[tuple[str, str], datetime]:
    """When each rollout's newest fact of each kind was written, by the rollout's key and the kind; of those that `status`
    knows. Raises StorageError."""
    meant, found = [*map(str, keys)], dict[tuple[str, str], datetime]()
    with reading(engine) as connection:
        for kind in kinds:
            rows = connection.execute(_NEWEST, {_KEYS.key: meant, _KIND.key: kind})
            found |= {(row.key, kind): instant(row.at_us) for row in rows if row.at_us is not None}
    return found


def told(engine: Engine, keys: Iterable[RolloutKey], kinds: tuple[str, ...]) -> tuple[Recorded, ...]:
    """All facts of these kinds in these journals, oldest first. Raises StorageError."""
    with reading(engine) as connection:
        rows = connection.execute(_TOLD, {"keys": [*map(str, keys)], "kinds": kinds})
        return tuple(map(recorded_of, rows))


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, oldest first. `before`: below which number the page before it ends; None where there is none."""

    entries: tuple[Recorded, ...]
    before: int | None = None


def page(
    engine: Engine,
    keys: Iterable[RolloutKey] | None = None,
    *,
    below: int | None = None,
    since: datetime | None = None,
    most: int,
) -> Page:
    """The newest entries of these rollouts (None: of all) with numbers below `below`, written at `since` or later: `most` of
    them at most. Raises StorageError."""
    asked: dict[str, Any] = {
        _BELOW.key: _ALL_ENTRIES if below is None else below,
        _SINCE.key: -(2**62) if since is None else micros(since),
        _MOST.key: most + 1,
    }
    query = _PAGE
    if keys is not None:
        query, asked = _PAGE_OF, {**asked, _KEYS.key: [*map(str, keys)]}
    with reading(engine) as connection:
        rows = connection.execute(query, asked).all()
    found = tuple(map(recorded_of, rows[:most][::-1]))
    return Page(found, found[0].seq if len(rows) > most else None)


def reads_around(
    engine: Engine, rollout: RolloutKey, at: datetime
) -> tuple[datetime | None, datetime | None]:
    """When counts were last read anew at or before an instant, and when next after it; None: never.

    A pass that finds nothing new leaves no trace in the journal; where the counts went on, it leaves one here.
    """
    asked = {_OF.key: str(rollout), _AT.key: micros(at)}
    with reading(engine) as connection:
        before = connection.execute(_READ_BEFORE, asked).scalar()
        after = connection.execute(_READ_AFTER, asked).scalar()
    return instant_or_none(before), instant_or_none(after)
