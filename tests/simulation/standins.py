"""`threading` as the product sees it during a run: who has to wait gives the baton up.

Between two points of the world's nobody else works, so that a lock that is held across none is never contended and
costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from tests.simulation.kernel import Kernel, Task

_FOR_EVER = -1
_MOMENT = 1e-6
"""Seconds: what is shorter does not exist in the world's time."""


class _Awaited:
    """What tasks wait for, named by the line of the product that made it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.owner: Task | None = None
        made = sys._getframe(2)
        while made.f_globals.get("__name__") == __name__ and made.f_back:
            made = made.f_back
        self._made = (made.f_globals.get("__name__"), made.f_lineno)

    @property
    def name(self) -> str:
        module, line = self._made
        held = f", which {self.owner.name} holds" if self.owner else ""
        return f"the {type(self).__name__} of {module}:{line}{held}"

    def _wait_until(self, free: Callable[[], Any], seconds: float | None) -> Any:
        """What `free` says in the end; it is asked again each time somebody says that things have changed."""
        ends = None if seconds is None else self._kernel.elapsed + seconds
        while not (found := free()):
            left = None if ends is None else ends - self._kernel.elapsed
            if left is not None and left < _MOMENT:
                break
            self._kernel.wait(self, left)
        return found


class Lock(_Awaited):
    def acquire(self, blocking: bool = True, timeout: float = _FOR_EVER) -> bool:
        if self.owner is not None:
            if not blocking:
                return False
            self._wait_until(lambda: self.owner is None, None if timeout < 0 else timeout)
            if self.owner is not None:
                return False
        self.owner = self._kernel.running
        return True

    def release(self) -> None:
        if self.owner is None and not self._kernel.over:
            raise RuntimeError("release unlocked lock")
        self.owner = None
        self._kernel.ready(self)

    def locked(self) -> bool:
        return self.owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Condition(_Awaited):
    """With a lock of its own, which `wait` lets go."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self._lock = Lock(kernel)
        self._told = 0

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        told = self._told
        self._lock.release()
        self._wait_until(lambda: self._told != told, timeout)
        self._lock.acquire()
        return self._told != told

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        ends = None if timeout is None else self._kernel.elapsed + timeout
        while not (found := predicate()):
            left = None if ends is None else ends - self._kernel.elapsed
            if left is not None and left < _MOMENT:
                break
            self.wait(left)
        return found

    def notify_all(self) -> None:
        self._told += 1
        self._kernel.ready(self)

    notify = notify_all
    """Whoever waits looks again; to wake more than one is allowed, and this way the draw says who is first."""


class Event(_Awaited):
    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self._set = False

    def set(self) -> None:
        self._set = True
        self._kernel.ready(self)

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        return bool(self._wait_until(self.is_set, timeout))


class Semaphore(_Awaited):
    def __init__(self, kernel: Kernel, value: int = 1) -> None:
        super().__init__(kernel)
        self._left = value

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if self._left <= 0 and blocking:
            self._wait_until(lambda: self._left > 0, timeout)
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def release(self) -> None:
        self._left += 1
        self._kernel.ready(self)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Thread(_Awaited):
    def __init__(
        self,
        kernel: Kernel,
        *,
        target: Callable[[], None],
        name: str = "thread",
        daemon: bool = True,
    ) -> None:
        super().__init__(kernel)
        self._target = target
        self._called = name

    @property
    def name(self) -> str:
        return f"the end of {self._called}"

    def start(self) -> Self:
        self.owner = self._kernel.start(self._called, self._run)
        return self

    def join(self, timeout: float | None = None) -> None:
        self._wait_until(lambda: not self.is_alive(), timeout)

    def is_alive(self) -> bool:
        return self.owner is not None

    def _run(self) -> None:
        try:
            self._target()
        finally:
            self.owner = None
            self._kernel.ready(self)


class Threading:
    """In the place of the module `threading`."""

    def __init__(self, kernel: Kernel) -> None:
        self.Lock = partial(Lock, kernel)
        self.Condition = partial(Condition, kernel)
        self.Event = partial(Event, kernel)
        self.Semaphore = partial(Semaphore, kernel)
        self.BoundedSemaphore = partial(Semaphore, kernel)
        self.Thread = partial(Thread, kernel)
        self.get_ident = lambda: kernel.running.number
