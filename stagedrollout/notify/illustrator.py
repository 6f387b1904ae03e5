"""The picture that follows a halt: drawn and shared on a thread of its own, after the halt's text has arrived.

It never delays a text, and its failure is nobody's: it is logged, and not tried again. One picture at a time; while
PENDING_MAX wait, no more are taken. What waits when the daemon ends is dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Protocol

from stagedrollout.core.errors import StagedRolloutError
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.plain import one_line
from stagedrollout.notify.slack_files import SlackFile

log = logging.getLogger(__name__)

PENDING_MAX = 8
CLOSING_SECONDS = 3.0
"""How long the picture that is being drawn still has when the daemon is told to end, beside whatever else that waits for."""

Share = Callable[[SlackFile, str], None]
"""(file, message): show the file below the message. Raises EdgeError."""


class Undrawn(StagedRolloutError):
    """There is no picture, and why."""


class Draughtsman(Protocol):
    def draw(self, rollout: RolloutKey) -> bytes:
        """A PNG of how the rollout came to where it is. Raises Undrawn."""
        ...

    def stop(self) -> None:
        """Break off what is being drawn; nothing is drawn any more."""
        ...


class Illustrator:
    """May be called from any thread."""

    def __init__(self, draughtsman: Draughtsman, share: Share) -> None:
        self._draughtsman = draughtsman
        self._share = share
        self._waiting: Queue[tuple[RolloutKey, str, str]] = Queue(PENDING_MAX)
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ends_at: float | None = None

    def follow(self, rollout: RolloutKey, headline: str, thread: str) -> None:
        """Let a picture follow below the message `thread`. Returns at once and raises nothing."""
        try:
            self._waiting.put_nowait((rollout, headline, thread))
        except Full:
            log.warning("%s: no picture follows its halt: too many are waiting", rollout)
            return
        with self._guard:
            if self._ends_at is not None or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._work, name="picture", daemon=True)
            self._thread.start()

    def ends(self) -> float:
        """Nothing is begun any more, and what is under way has a little time left, from the first call on: until when."""
        with self._guard:
            if self._ends_at is None:
                self._ends_at = time.monotonic() + CLOSING_SECONDS
            return self._ends_at

    @property
    def busy(self) -> bool:
        """Whether a picture is being drawn or waits for it."""
        with self._guard:
            return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Nothing follows any more, once that time is over. May be called twice."""
        left = self.ends() - time.monotonic()
        with self._guard:
            working = self._thread
        if working:
            working.join(max(left, 0))
        self._draughtsman.stop()

    def _work(self) -> None:
        """Until nothing waits; the next halt begins a new thread."""
        while True:
            with self._guard:
                try:
                    rollout, headline, thread = self._waiting.get_nowait()
                except Empty:
                    self._thread = None
                    return
                if self._ends_at is not None:
                    return
            self._follow(rollout, headline, thread)

    def _follow(self, rollout: RolloutKey, headline: str, thread: str) -> None:
        try:
            content = self._draughtsman.draw(rollout)
            words = one_line(headline)
            name = f"{rollout.app}-{rollout.store.value}-{rollout.release_id}.png"
            self._share(SlackFile(content, name, f"How it came to that: {words}", words), thread)
        except StagedRolloutError as why:
            level = logging.WARNING if self._ends_at is None else logging.INFO  # broken off on purpose
            log.log(level, "%s: no picture follows its halt: %s", rollout, why)
        except Exception:
            log.exception("%s: no picture follows its halt", rollout)
