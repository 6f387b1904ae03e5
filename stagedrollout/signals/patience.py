"""Waiting for code that is not ours, and only so long.

A package may do as it likes inside: no time-out of our client bounds what it computes or whom it asks by itself. So it
is asked on a thread of its own, which is left behind when its time is over; while it is still busy no further question
is asked, so that at most one thread of each signal is ever left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stagedrollout.core.errors import Unreachable

T = TypeVar("T")


@dataclass(slots=True)
class Patience:
    """`name`: the signal. `seconds`: how long one look may take. May be shared by threads."""

    name: str
    seconds: float
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _left: threading.Thread | None = None

    def get(self, ask: Callable[[], T]) -> T:
        """What `ask` returns or raises. Raises Unreachable where that takes too long, now or still."""
        results: list[T] = []
        raised: list[Exception] = []

        def run() -> None:
            try:
                results.append(ask())
            except Exception as error:  # noqa: BLE001 - it is raised again where somebody waits for it
                raised.append(error)
            except SystemExit:
                return  # sys.exit(): that ends the look, not the daemon

        with self._asking:
            if self._left is not None and self._left.is_alive():
                raise Unreachable(self.name, "ask its source", "it is still busy with an earlier look")
            thread = threading.Thread(target=run, name=f"signal-{self.name}", daemon=True)
            self._left = thread
            thread.start()
        thread.join(self.seconds)
        if thread.is_alive():
            raise Unreachable(self.name, "ask its source", f"no answer within {self.seconds:g} s")
        if raised:
            raise raised[0]
        if not results:
            raise Unreachable(self.name, "ask its source", "it left without an answer")
        return results[0]
