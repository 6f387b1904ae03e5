"""Presses that need a reason: the window for it, and the press kept until it comes.

What lets more people have a release is confirmed by saying why, which then stands in the journal as it does from the
command line; a brake takes one tap and waits for no typing. Slack opens the window for three seconds after the press, so
asking has a thread of its own; whether it was opened is told, and who presses again is asked again.
"""

from __future__ import annotations

import logging
from collections import deque
from queue import Empty, Full, Queue

from stagedrollout.buttons.following import Following
from stagedrollout.buttons.ports import Answers
from stagedrollout.buttons.pressed import Pressed
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.offer import Offer, Press

log = logging.getLogger(__name__)

ASKED_MAX = 100
IN_WORDS = frozenset({Press.RESUME, Press.APPROVE})
"""Presses that are an order only with a reason."""

NOT_OPENED = "NOT DONE: Slack did not open the window for your reason. Press again, or use the command line."


class Asking:
    """`ask`, `asked`, `forget` from the desk's thread; `serve` from another one."""

    def __init__(self, answers: Answers, following: Following) -> None:
        self._answers = answers
        self._following = following
        self._waiting: Queue[tuple[str, Pressed, Offer]] = Queue(ASKED_MAX)
        self._asked: dict[str, Pressed] = {}
        self.in_vain: deque[str] = deque(maxlen=ASKED_MAX)
        """Presses whose window was not opened; whoever keeps claims takes them from here."""

    def go_on_from(self, before: Asking) -> None:
        self._asked.update(before._asked)

    def ask(self, press: str, pressed: Pressed, offer: Offer) -> None:
        """Once for each press, however often it arrives."""
        if press in self._asked:
            return
        while len(self._asked) >= ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        self._asked[press] = pressed
        try:
            self._waiting.put_nowait((press, pressed, offer))
        except Full:
            self._not_opened(press, pressed)

    def asked(self, press: str, said: Pressed) -> Pressed:
        """The press itself, with the message as it was; after a restart only what Slack kept of it."""
        return self._asked.get(press, said)

    def forget(self, press: str) -> None:
        self._asked.pop(press, None)

    def serve(self, seconds: float) -> bool:
        """Open the next window; False where there is none within this time."""
        try:
            press, pressed, offer = self._waiting.get(timeout=seconds)
        except Empty:
            return False
        try:
            self._answers.ask(pressed, offer)
        except EdgeError as error:
            log.warning("a window for the reason of %s cannot be opened: %s", pressed.user, error)
            self._not_opened(press, pressed)
        return True

    def _not_opened(self, press: str, pressed: Pressed) -> None:
        self._following.whisper(pressed, NOT_OPENED)
        self.in_vain.append(press)
