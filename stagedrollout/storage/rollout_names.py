"""Which rollouts a store app has, and how far the journal of each goes, however many other apps the journal tells of.

A pass asks that twice, and grouping all entries of a thousand apps took four times as long as all the rest of it. So what
the journal is asked once is remembered, and after that only what was added: entries are numbered in the order in which they are
committed (numbers.py), and whoever sees one sees all before it. What is remembered are names alone. Whether there still is
anything of them, and how far it goes, is read each time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.model import RolloutKey, StoreApp
from stagedrollout.storage.schema import events, rollouts
from stagedrollout.storage.wording import UNREADABLE

_AFTER: BindParameter[int] = bindparam("after_seq")
_NAMES: BindParameter[Sequence[str]] = bindparam("names", expanding=True)

_NEWEST = select(func.max(events.c.seq))
_TOLD_OF = select(events.c.rollout).distinct()
_TOLD_OF_SINCE = _TOLD_OF.where(events.c.seq > _AFTER)
_SUMMED_UP = select(rollouts.c.key)
_FIRSTS = select(events.c.rollout, events.c.seq).where(
    events.c.rollout.in_(_NAMES), events.c.prev == CHAIN_START
)
_LASTS = (
    select(events.c.rollout, func.max(events.c.seq).label("last"))
    .where(events.c.rollout.in_(_NAMES))
    .group_by(events.c.rollout)
)
_STILL_SUMMED_UP = _SUMMED_UP.where(rollouts.c.key.in_(_NAMES)).order_by(rollouts.c.key)


class RolloutNames:
    """Of one journal, all transactions of one process. Safe from many threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._named: dict[StoreApp, dict[str, None]] = {}
        self._seen: int | None = None

    def heads(self, connection: Connection, app: StoreApp) -> dict[RolloutKey, int]:
        """The rollouts of the store app in the order in which they were begun, and the last seq of each. One whose beginning
        is gone comes last, if `status` knew it; 0 where all its entries are gone. Raises StorageError."""
        names = self._of(connection, app)
        if not names:
            return {}
        asked = {_NAMES.key: names}
        firsts = [(seq, name) for name, seq in connection.execute(_FIRSTS, asked)]
        lasts = {row.rollout: int(row.last) for row in connection.execute(_LASTS, asked)}
        known = connection.execute(_STILL_SUMMED_UP, asked).scalars()
        begun = [*(name for _, name in sorted(firsts)), *known]
        return {_key(name): lasts.get(name, 0) for name in dict.fromkeys(begun)}

    def _of(self, connection: Connection, app: StoreApp) -> tuple[str, ...]:
        newest = connection.execute(_NEWEST).scalar() or 0
        with self._guard:
            if self._seen is None:
                self._name(connection.execute(_TOLD_OF).scalars())
                self._name(connection.execute(_SUMMED_UP).scalars())
                self._seen = newest
            elif newest > self._seen:
                self._name(connection.execute(_TOLD_OF_SINCE, {_AFTER.key: self._seen}).scalars())
                self._seen = newest
            return tuple(self._named.get(app, ()))

    def _name(self, names: Iterable[str]) -> None:
        for name in names:
            self._named.setdefault(_key(name).store_app, {}).setdefault(name)


def _key(name: str) -> RolloutKey:
    try:
        return RolloutKey.parse(name)
    except UNREADABLE as error:
        raise StorageError(f"the database names a rollout that cannot be read: {name!r}") from error
