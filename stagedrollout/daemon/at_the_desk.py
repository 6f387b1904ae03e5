"""Buttons where replicas share the work: pressed where notices are told from, for only there the messages carry its seal.

A replica that takes the telling over writes the messages anew under its own seal (pressing.py) and listens from then on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from stagedrollout.core.errors import StagedRolloutError
from stagedrollout.daemon.pressed import Buttons, NoButtons

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
ENDING_SECONDS = 20.0


class AtTheDesk:
    """`open_buttons` makes them anew for each time on duty; `on_duty`: whether this replica tells people now."""

    def __init__(self, open_buttons: Callable[[], Buttons], on_duty: Callable[[], bool]) -> None:
        self._open, self._on_duty = open_buttons, on_duty
        self._first: Buttons | None = open_buttons()
        self._now: Buttons = NoButtons()
        self._before: Buttons = NoButtons()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slack-duty", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def go_on_from(self, before: Buttons) -> None:
        self._before = before.at_work if isinstance(before, AtTheDesk) else before

    @property
    def at_work(self) -> Buttons:
        return self._now

    def problem(self) -> str:
        return self._now.problem()

    def stop(self) -> None:
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join(ENDING_SECONDS)

    def _run(self) -> None:
        sitting = False
        while not self._ends.wait(LOOK_SECONDS if sitting else LOOK_SECONDS / 4):
            if self._on_duty() is not sitting:
                sitting = self._leave() if sitting else self._sit_down()
        if sitting:
            self._leave()

    def _sit_down(self) -> bool:
        try:
            self._now, self._first = self._first or self._open(), None
            self._now.go_on_from(self._before)
            self._now.start()
        except StagedRolloutError as error:
            log.warning("buttons cannot be listened for: %s", error)
            self._now = NoButtons()
            return False
        return True

    def _leave(self) -> bool:
        self._now.stop()
        self._before, self._now = self._now, NoButtons()
        return False
