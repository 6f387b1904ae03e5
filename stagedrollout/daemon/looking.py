"""A look at a store: its state, or in words why there is none."""

from __future__ import annotations

from collections.abc import Callable

from stagedrollout.core.errors import Denied, EdgeError
from stagedrollout.core.model import Store, StoreState, Unread
from stagedrollout.core.ports import Clock
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
