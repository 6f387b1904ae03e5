"""What a reload replaced, until nothing of it is under way any more: then it is let go, and its hosts with it.

One thread for all of it, and a few of them at most are kept whole: whoever reloads every second has neither a thread nor
a set of clients for each time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stagedrollout.daemon.works import Works

RETIRED_AFTER = timedelta(minutes=2)
"""How long what was replaced may still finish: several times what a pass may take, and a picture."""

KEPT_MAX = 3
"""So many may have a picture under way; of the older ones, passes and halts alone go on."""

LOOK_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class _Retired:
    """`works`: None once they are closed. `let_go`: called when nothing is under way any more, or its time is over."""

    works: Works | None
    under_way: Sequence[Future[Any]]
    let_go: Callable[[], None]
    until: float

    @property
    def working(self) -> bool:
        return not all(future.done() for future in self.under_way)


class Retiring:
    """May be shared by threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._left: list[_Retired] = []
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def add(self, works: Works, under_way: Sequence[Future[Any]], let_go: Callable[[], None]) -> None:
        """Raises RuntimeError where no thread is to be had; then it waits for the next one."""
        until = time.monotonic() + RETIRED_AFTER.total_seconds()
        with self._guard:
            self._left.append(_Retired(works, under_way, let_go, until))
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._work, name="retire", daemon=True)
            thread.start()
            self._thread = thread

    def close(self) -> None:
        """Whatever may still have been finishing is over."""
        self._ended.set()
        with self._guard:
            left, self._left = self._left, []
        for each in left:
            _close(each)

    def _work(self) -> None:
        while not self._ended.is_set():
            if not self._look():
                return
            self._ended.wait(LOOK_SECONDS)

    def _look(self) -> bool:
        """Let go of what has ended. False when nothing is left to wait for, and this thread ends."""
        with self._guard:
            whole = [each for each in self._left if each.works is not None]
            over = [each for each in self._left if _over(each)]
            self._left = [each for each in self._left if each not in over]
        for each in whole[:-KEPT_MAX] + over:
            _close(each)
        for each in over:
            each.let_go()
        with self._guard:
            if self._left:
                return True
            self._thread = None
            return False


def _over(retired: _Retired) -> bool:
    drawing = retired.works is not None and retired.works.relay.busy
    return time.monotonic() >= retired.until or not (retired.working or drawing)


def _close(retired: _Retired) -> None:
    works, retired.works = retired.works, None
    if works is not None:
        close(works)


def close(works: Works) -> None:
    works.relay.close()
    works.report.close()
