"""A state folder that was copied, with its machine or alone, while the daemon whose folder it is goes on elsewhere.

Both would run in the same place: whoever begins there takes the other one for dead, and ends it. So a daemon whose lock file
is not where it was asks the database first whether somebody in this place still gives signs of life. On the same machine, and in
the same folder, the kernel's lock has said already that nobody does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from stagedrollout.core.errors import StorageError
from stagedrollout.core.units import duration_text
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.presence import Presence

log = logging.getLogger(__name__)

BEATS = 2.5
"""For so many the signs of one that lives are waited for: one of them may be late."""

LOOKS_EACH_BEAT = 4


def refuse_a_copy(
    lock: SingleDaemonLock, presence: Presence, beat: timedelta, pause: Callable[[float], None] = time.sleep
) -> None:
    """Waits where the lock file has moved, and whoever ran there last may live. Raises StorageError where it does."""
    before = presence.of_place(lock.place) if lock.moved else None
    if before is not None and not (before.lapsed or before.stopped):
        log.warning(
            "the lock file %s is not where it was when %s ran with it: whether that one goes on is waited for, %s",
            lock.path, before.holder, duration_text(BEATS * beat),
        )  # fmt: skip
        for _ in range(int(BEATS * LOOKS_EACH_BEAT)):
            pause(beat.total_seconds() / LOOKS_EACH_BEAT)
            row = presence.of_place(lock.place)
            if row is None or row.lapsed or row.stopped:
                break
            if (row.epoch, row.heard_at) != (before.epoch, before.heard_at):
                raise StorageError(
                    f"the state folder was copied, and {row.holder} runs with the one it was copied from: remove"
                    f" {lock.path} and the other files of the copy that begin like it, and start again"
                )
    lock.settle()
