"""Those of this process that write to a file take turns before they knock at it.

SQLite has one writer at a time, and whoever finds it busy sleeps and knocks again, at longer and longer intervals, while
holding a connection. Of two that is fair enough; of fifty passes that end at once some gave up after five seconds, their
connections were missing to those that only wanted to read, and the file was free most of the time. A lock of the process wakes the
next one at once. Whoever else has the file (`stagedrollout halt`) is waited for as before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.access import BUSY_SECONDS

_guard = threading.Lock()
_turns: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


@contextmanager
def in_turn(engine: Engine) -> Iterator[None]:
    """Run inside while nobody else of this process writes through this engine; at once where the database is a server. Raises
    StorageError after BUSY_SECONDS."""
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turn(engine)
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise StorageError(f"the database is busy: nothing could be written for {BUSY_SECONDS:g} s")
    try:
        yield
    finally:
        turn.release()


def _turn(engine: Engine) -> threading.Lock:
    with _guard:
        return _turns.setdefault(engine, threading.Lock())
