"""From an order to its answer, and to the people who wait for that: on the message, and to the presser alone.

On a thread of its own: Slack may be slow, and another press may be a halt.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.buttons.ports import Answers, Orders
from stagedrollout.buttons.pressed import Pressed
from stagedrollout.core.errors import EdgeError, StorageError
from stagedrollout.core.offer import Offer, Press
from stagedrollout.core.ports import Clock

log = logging.getLogger(__name__)

WAITING_MAX = 200
"""Orders that are followed, and things to tell: so many people do not press at once."""

KNOWN_MAX = 1_000
UNEASY = timedelta(seconds=30)
"""After this long without an end, people are told how it stands."""

FORGOTTEN = timedelta(hours=6)

DONE = {
    Press.HALT: "Halted",
    Press.HOLD: "Held",
    Press.RESUME: "Resumed",
    Press.APPROVE: "Approved",
    Press.ACKNOWLEDGE: "Acknowledged",
}


@dataclass(slots=True)
class _Followed:
    order: str
    pressed: Pressed
    offer: Offer
    by: str
    at: datetime
    since: datetime
    uneasy: bool = False


@dataclass(frozen=True, slots=True)
class _Telling:
    pressed: Pressed
    text: str
    on_message: bool
    keeps: bool = False


class Following:
    """`order`, `told` and `whisper` from the desk's thread; `tell` from another one."""

    def __init__(self, orders: Orders, answers: Answers, wall: Clock) -> None:
        self._orders = orders
        self._answers = answers
        self._wall = wall
        self._followed: deque[_Followed] = deque(maxlen=WAITING_MAX)
        self._to_tell: deque[_Telling] = deque(maxlen=WAITING_MAX)
        self._known: dict[str, None] = {}
        self._lines: dict[tuple[str, str], tuple[str, ...]] = {}
        self.without_effect: deque[str] = deque(maxlen=WAITING_MAX)
        """Orders that came to nothing; whoever keeps claims takes them from here."""

    def knows(self, order: str) -> bool:
        """Whether the order is followed, or was."""
        return order in self._known

    @property
    def waits(self) -> bool:
        """Whether somebody has not heard the end yet."""
        return bool(self._followed or self._to_tell)

    def order(self, order: str, pressed: Pressed, offer: Offer, by: str, at: datetime) -> None:
        while len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[order] = None
        self._followed.append(_Followed(order, pressed, offer, by, at, self._wall.now()))

    def told(self, pressed: Pressed, line: str, *, keeps: bool) -> None:
        self._to_tell.append(_Telling(pressed, line, on_message=True, keeps=keeps))

    def whisper(self, pressed: Pressed, text: str) -> None:
        self._to_tell.append(_Telling(pressed, text, on_message=False))

    def tell(self) -> None:
        """Look what has its answer, and tell whatever is to be told. Raises nothing but a mistake of ours."""
        for _ in range(len(self._followed)):
            each = self._followed.popleft()
            if not self._answered(each):
                self._followed.append(each)
        while self._to_tell:
            self._send(self._to_tell.popleft())

    def _answered(self, each: _Followed) -> bool:
        """Whether there is no more to follow."""
        try:
            row = self._orders.find(each.order)
        except StorageError as error:
            log.warning("an order by Slack cannot be followed: %s", error)
            return self._wall.now() - each.since > FORGOTTEN
        waited = self._wall.now() - each.since
        if row is None or waited > FORGOTTEN:
            return True
        if row.finished_at is None:
            if waited > UNEASY and not each.uneasy:
                each.uneasy = True
                so_far = row.answer or "it is not finished yet"
                self.whisper(each.pressed, f"Your {each.offer.press.value} is under way: {so_far}")
            return False
        if row.result != "done":
            self.without_effect.append(each.order)
        self.told(each.pressed, _line(each, row.result or "failed", row.answer), keeps=False)
        return True

    def _send(self, telling: _Telling) -> None:
        pressed = telling.pressed
        try:
            if telling.on_message:
                said = self._also_said(pressed, telling.text)
                self._answers.rewrite(pressed, said, keeps=telling.keeps)
        except EdgeError as error:
            log.warning("a message in Slack cannot be rewritten: %s", error)
        try:
            self._answers.whisper(pressed, telling.text)
        except EdgeError as error:
            log.warning("what became of a press in Slack cannot be told to %s: %s", pressed.user, error)

    def _also_said(self, pressed: Pressed, line: str) -> tuple[str, ...]:
        """What stands below the message already, and this: whoever presses a moment later sees the message as it was."""
        place = (pressed.channel, pressed.ts)
        said = (*self._lines.pop(place, ()), line)[-10:]
        while len(self._lines) >= KNOWN_MAX:
            del self._lines[next(iter(self._lines))]
        self._lines[place] = said
        return said


def _line(each: _Followed, result: str, answer: str) -> str:
    """ "Resumed by Ana Lima at 12:03 UTC", or why not."""
    by = f"by {each.by} at {each.at:%H:%M} UTC"
    if result == "done":
        return f"{DONE[each.offer.press]} {by}"
    return f"{each.offer.press.value.capitalize()} {by} {result}: {answer}"
