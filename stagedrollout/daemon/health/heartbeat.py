"""A file that says "still here", for whatever a team watches its machines with.

One JSON object: `at` (the machine's time), `version`, `epoch` (of the daemon's claim on the database),
`next_due` (by the clock the passes live by; in the past: a pass is under way, or late) and `problem`, the worst
one in words. Whoever reads it finds the old content or the new one, never half of either.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime
from pathlib import Path

from stagedrollout import __version__
from stagedrollout.daemon.health.rounds import Standing

log = logging.getLogger(__name__)

MODE = 0o600
"""A problem's words may name services and releases: for the daemon's user only."""


class HeartbeatFile:
    """Written by one thread. That it cannot be written is logged once, until that changes."""

    def __init__(self, path: Path, epoch: int) -> None:
        self._path = path
        self._epoch = epoch
        self._wrong = ""

    def beat(self, now: datetime, standing: Standing) -> None:
        """Raises nothing: a full disk must not stop a pass."""
        document = {
            "at": now.isoformat(),
            "version": __version__,
            "epoch": self._epoch,
            "next_due": standing.next_due.isoformat(),
            "problem": standing.problem,
        }
        try:
            self._write(json.dumps(document) + "\n")
        except (OSError, ValueError) as error:
            self._note(getattr(error, "strerror", None) or type(error).__name__)
        else:
            self._note("")

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)  # of a daemon that was killed in between
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(self._path)

    def _note(self, wrong: str) -> None:
        if wrong and wrong != self._wrong:
            log.warning("the heartbeat file %s cannot be written: %s", self._path, wrong.lower())
        elif self._wrong and not wrong:
            log.warning("the heartbeat file %s is written again", self._path)
        self._wrong = wrong
