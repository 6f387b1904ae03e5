"""Which rollouts people are shown: what goes on and the newest that is complete, of each store app; or page after page of all.

A team's database has ten times as many rollouts that are over as go on. What is not shown is counted in an index, and no row
of it is read: `status` takes as long after years as it did after a week.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, Row, and_, bindparam, func, or_, select

from stagedrollout.core.errors import StorageError
from stagedrollout.core.lifecycle import Phase
from stagedrollout.storage.engine import Connection
from stagedrollout.storage.schema import rollouts

_COMPLETED, _SUPERSEDED = Phase.COMPLETED.value, Phase.SUPERSEDED.value

_FROM: BindParameter[str] = bindparam("key_from")
_BELOW: BindParameter[str] = bindparam("key_below")
_AFTER: BindParameter[str] = bindparam("key_after")
_STORE: BindParameter[str] = bindparam("of_store")
_MOST: BindParameter[int] = bindparam("most")
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)

_PHASE, _KEY = rollouts.c.phase, rollouts.c.key
_OURS = and_(_KEY >= _FROM, _KEY < _BELOW, or_(_STORE == "", rollouts.c.store == _STORE))
_OVER = _PHASE.in_((_COMPLETED, _SUPERSEDED))
# Ranges and no "is neither", which no index answers; a phase that this version does not know is among them.
_GOES_ON = or_(_PHASE < _COMPLETED, and_(_PHASE > _COMPLETED, _PHASE < _SUPERSEDED), _PHASE > _SUPERSEDED)
_LAST = (
    select(rollouts.c.app, rollouts.c.store, func.max(rollouts.c.seq).label("seq"))
    .where(_PHASE == _COMPLETED)
    .group_by(rollouts.c.app, rollouts.c.store)
    .subquery()
)
_SAME = and_(rollouts.c.app == _LAST.c.app, rollouts.c.store == _LAST.c.store, rollouts.c.seq == _LAST.c.seq)

_GOING_ON = select(rollouts).where(_GOES_ON, _OURS)
_NEWEST_COMPLETED = select(rollouts).join(_LAST, _SAME).where(_PHASE == _COMPLETED, _OURS)
_ALSO = select(rollouts).where(_KEY.in_(_KEYS), _OURS)
_COUNTED = select(_PHASE, func.count()).where(_OVER, _OURS).group_by(_PHASE)
_COUNTED_OF_ALL = select(_PHASE, func.count()).where(_OVER).group_by(_PHASE)
_PAGE = select(rollouts).where(_OURS, _KEY > _AFTER).order_by(_KEY).limit(_MOST)


@dataclass(frozen=True, slots=True)
class Which:
    """Of `app` and `store` ("": of all) what goes on and the newest that is complete, and those in `also` by key; with
    `everything` all of them, in the order of their keys: at most `most` after the key `after` (None: without end)."""

    app: str = ""
    store: str = ""
    everything: bool = False
    also: frozenset[str] = frozenset()
    after: str = ""
    most: int | None = None


EVERYTHING = Which(everything=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """`hidden`: how many others there are in phases that are over. `more`: after which key the next page begins, "" for
    none."""

    rows: tuple[Row[Any], ...]
    hidden: dict[str, int] = field(default_factory=dict)
    more: str = ""


def shown(connection: Connection, which: Which) -> Shown:
    """In the order of apps and stores, the oldest first."""
    begins = f"{which.app}/" if which.app else ""
    below = f"{which.app}0" if which.app else chr(0x10FFFF)  # "0" is the sign after "/"
    asked: dict[str, Any] = {_FROM.key: begins, _BELOW.key: below, _STORE.key: which.store}
    if which.everything:
        return _page(connection, which, asked)
    found = [*connection.execute(_GOING_ON, asked), *connection.execute(_NEWEST_COMPLETED, asked)]
    if which.also:
        found += connection.execute(_ALSO, {**asked, _KEYS.key: sorted(which.also)})
    rows = {row.key: row for row in found}.values()
    every = not (which.app or which.store)
    counted = connection.execute(_COUNTED_OF_ALL if every else _COUNTED, {} if every else asked)
    hidden = {phase: count - sum(row.phase == phase for row in rows) for phase, count in counted}
    return Shown(_in_order(rows), {phase: count for phase, count in hidden.items() if count > 0})


def _page(connection: Connection, which: Which, asked: dict[str, Any]) -> Shown:
    most = which.most if which.most is not None else 2**62
    rows = list(connection.execute(_PAGE, {**asked, _AFTER.key: which.after, _MOST.key: most + 1}))
    more = rows[most - 1].key if len(rows) > most else ""
    return Shown(_in_order(rows[:most]), more=more)


def _in_order(rows: Iterable[Row[Any]]) -> tuple[Row[Any], ...]:
    """Raises StorageError: SQLite keeps anything in any column."""
    try:
        return tuple(sorted(rows, key=lambda row: (row.app, row.store, row.seq)))
    except TypeError as error:
        raise StorageError(f"a rollout cannot be read: {error}") from error
