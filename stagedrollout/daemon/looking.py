"""A look at a store: its state, or in words why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from stagedrollout.core.errors import Denied, EdgeError
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Store, StoreState, Unread
from stagedrollout.core.ports import Clock
from stagedrollout.core.reading_back import STALE_READ
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.retrying import persistently


def looked(read: Callable[[], StoreState], store: Store, clock: Clock, reach: Reach) -> StoreState | Unread:
    """`reach` is told whether anybody answered."""
    try:
        state = persistently(read)
    except EdgeError as error:
        reach.met(store.value, error)
        return Unread(str(error), clock.now(), denied=isinstance(error, Denied))
    reach.met(store.value, None)
    return state


def overtaken(asked_at: datetime, known: Iterable[Rollout]) -> bool:
    """Whether a change of ours has landed since a look was begun, by a halt on its own lane or by another replica: what it read
    may be from before that, and cannot be told from somebody's undoing it. (A clock that was once far ahead is no landing.)"""
    landings = (each.landing for each in known if each.landing is not None)
    return any(timedelta(0) < landing.at - asked_at < STALE_READ for landing in landings)
