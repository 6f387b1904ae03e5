"""A bound on how much runs at once that nobody who hangs can turn into a wait for the others (promises R3, R22).

However many apps are due at once, a few are looked at at a time, in the order in which they came: a processor that two
hundred share is late for each of them, and for a person's halt as well. But eight passes that wait for a store which does
not answer must not keep the ninth app's pass, and with it that app's halt, waiting for their time-outs. So a place
is lent for a while, shorter while the processor has nothing to do. Whoever takes longer goes on, but stands in nobody's way
any more.

Each store has places, a crowd and a queue of its own: from within one it cannot be told whether a hundred that are under way
hang or wait for each other, but those of a store that hangs say nothing of the other one's.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from stagedrollout.core.model import Store, StoreApp

PATIENCE_SECONDS = 1.0
"""About as long as a pass over services that are well takes, and far shorter than one time-out of one that hangs."""

LOOK_SECONDS, IDLE_SHARE = 0.05, 0.7
"""How often it is asked how busy this process keeps a processor while somebody waits, and below which share of one somebody
who has a place is taken to wait for something else. One more at each look: a store is not to be asked by all at once."""

AHEAD_SECONDS, AHEAD_AGAIN_SECONDS = 1.0, 10.0
"""For how long nobody begins while a person's halt goes ahead, and how soon once more: one that the store refuses is tried
again at every turn, and must keep nobody from being looked at."""

CROWD = 8
PROGRESS_SECONDS = 1.0
"""For each place so many are under way at most while the processor is busy, or somebody has ended within so long: then those who
have been at it for long do not hang, they wait for each other, and one more makes all of them later. Of two thousand that were
due at once a thousand were under way together, and the database gave up on some of them. Whoever has waited for BEGUN_SECONDS
goes all the same, but one after the other."""

QUEUED_MOST = 64
"""So many wait for a place with a thread of their own; of two thousand threads each costs a hundred kilobytes."""

BEGUN_SECONDS = 40.0
"""Whoever waits behind others that hang has begun by then; promised is that a halt comes 60 s after the pass that finds the
failure was due."""


class StorePlaces:
    """The `count` places (at least 1) of a daemon, shared out evenly among the stores on which it has apps. The rest as for
    `Places`."""

    def __init__(
        self,
        count: int,
        stores: Iterable[Store],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        seconds: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        shares = max(len(frozenset(stores)), 1)
        opened = partial(
            Places,
            math.ceil(count / shares),
            patience_seconds=patience_seconds,
            queued_most=QUEUED_MOST // shares,
            seconds=seconds,
            worked=worked,
        )
        self._of = {store: opened() for store in Store}  # a reload may bring another one

    def admitted(self, due: Sequence[StoreApp]) -> list[StoreApp]:
        """Those that may come to wait here now, in their order; see `Places.admitted`."""
        by_store = defaultdict[Store, list[StoreApp]](list)
        for app in due:
            by_store[app.store].append(app)
        may = {app for store, apps in by_store.items() for app in apps[: self._of[store].admitted(len(apps))]}
        return [app for app in due if app in may]

    @contextmanager
    def taken(self, store: Store) -> Iterator[None]:
        """Run inside once the store has a place."""
        with self._of[store].taken():
            yield

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Run inside at once, and before those of any store that have not begun."""
        with ExitStack() as stack:
            for places in self._of.values():
                stack.enter_context(places.ahead())
            yield


class Places:
    """`count` at least 1, each lent for `patience_seconds` at most. Safe to use from many threads. `seconds` only goes forward,
    `worked` tells how many of them this process has used a processor."""

    def __init__(  # noqa: PLR0913 - its bounds, and how it tells the time
        self,
        count: int,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        begun_seconds: float = BEGUN_SECONDS,
        queued_most: int = QUEUED_MOST,
        seconds: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        self._count, self._seconds, self._worked = count, seconds, worked
        self._looked = (-math.inf, 0.0)
        self._patience_seconds, self._begun_seconds = patience_seconds, begun_seconds
        self._queued_most = queued_most
        self._guard = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._waits_since: dict[threading.Event, float] = {}
        self._lent: dict[object, float] = {}
        self._inside, self._busy, self._behind = 0, False, 0
        self._ended, self._began = -math.inf, -math.inf
        self._ahead = 0
        self._ahead_until, self._ahead_again = -math.inf, -math.inf

    def admitted(self, due: int) -> int:
        """How many of so many that are due may come to wait here now. The others are counted as waiting, and come later."""
        with self._guard:
            admitted = min(due, max(self._queued_most - len(self._queue), 0))
            self._behind = due - admitted
            return admitted

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Run inside once there is a place."""
        me = threading.Event()
        with self._guard:
            if self._queue:
                self._waits_since[me] = self._seconds()
            elif (
                self._inside >= self._count
            ):  # nobody can have ended yet since there is a queue: they are given time
                self._ended = max(self._ended, self._seconds())
            self._queue.append(me)
        while (wait_seconds := self._waits(me)) != 0:
            me.wait(wait_seconds)
        try:
            yield
        finally:
            with self._guard:
                self._inside -= 1
                if self._queue:
                    self._ended = self._seconds()
                self._lent.pop(me, None)
                self._call_the_next()

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Run inside at once, and before those that have not begun."""
        with self._guard:
            self._ahead += 1
            if (now := self._seconds()) >= self._ahead_again:
                self._ahead_until, self._ahead_again = now + AHEAD_SECONDS, now + AHEAD_AGAIN_SECONDS
        try:
            yield
        finally:
            with self._guard:
                self._ahead -= 1
                self._call_the_next()

    def _waits(self, me: threading.Event) -> float | None:
        """How long until it may be `me`'s turn; 0 where it is, None where those before have to go first."""
        with self._guard:
            me.clear()
            if self._queue[0] is not me:
                return None
            now = self._seconds()
            wait_seconds = self._ahead_until - now if self._ahead else 0.0
            wait_seconds = max(wait_seconds, self._full(now))
            if wait_seconds > 0:
                return wait_seconds
            self._queue.popleft()
            self._waits_since.pop(me, None)
            self._inside += 1
            self._lent[me] = self._began = now
            self._call_the_next()
            return 0

    def _full(self, now: float) -> float:
        """How long until somebody may be in nobody's way any more; 0 where there is a place."""
        if self._inside < self._count:
            return 0.0
        idle = self._idle(now)
        if self._crowded(now):
            return LOOK_SECONDS
        if len(self._lent) < self._count:
            return 0.0
        if idle:
            del self._lent[min(self._lent, key=self._lent.__getitem__)]  # the one that has been longest at it
        waiting = len(self._queue) + self._behind
        patience_seconds = min(self._patience_seconds, self._begun_seconds * self._count / waiting)
        self._lent = {who: since for who, since in self._lent.items() if now < since + patience_seconds}
        if len(self._lent) < self._count:
            return 0.0
        return min(LOOK_SECONDS, min(self._lent.values()) + patience_seconds - now)

    def _crowded(self, now: float) -> bool:
        """Whether so many are under way that one more would only make them later."""
        progress = self._busy or now - self._ended < PROGRESS_SECONDS
        if self._inside < CROWD * self._count or not progress:
            return False
        waited = now - self._waits_since.setdefault(self._queue[0], now)
        return waited < self._begun_seconds or now - self._began < LOOK_SECONDS

    def _idle(self, now: float) -> bool:
        """Whether those who have a place have not used the processor much since the last look."""
        (since, before), worked = self._looked, self._worked()
        if now - since < LOOK_SECONDS:
            return False
        self._looked = (now, worked)
        recently = now - since < 1.0  # before that, nobody waited
        idle = worked - before < IDLE_SHARE * (now - since)
        self._busy = recently and not idle
        return recently and idle

    def _call_the_next(self) -> None:
        if self._queue:
            self._queue[0].set()
