"""From an order to its answer, and to the people who wait for that: on the message, and to the presser alone.

On a thread of its own: Slack may be slow, and another press may be a halt. What Slack does not take is told again, a few
times; a message that cannot be rewritten keeps nobody from hearing what came of their press.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from stagedrollout.buttons.ports import Answers, Gone, Orders
from stagedrollout.buttons.pressed import Pressed
from stagedrollout.core.errors import EdgeError, StorageError, Throttled
from stagedrollout.core.offer import Offer, Press
from stagedrollout.core.ports import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

WAITING_MAX = 200
"""Orders that are followed, and things to tell: so many people do not press at once."""

KNOWN_MAX = 1_000
LINES_MAX = 10
UNEASY = timedelta(seconds=30)
"""After this long without an end, people are told how it stands."""

FORGOTTEN = timedelta(hours=6)
TRIES_MAX = 5
WAIT = timedelta(seconds=2)
WAIT_MAX = timedelta(minutes=1)

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
    """On the message, or (`on_message` False) to the presser alone. `not_before`: None for at once."""

    pressed: Pressed
    text: str
    on_message: bool
    tries: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was last said below a message, and which of its buttons are gone: who presses a moment later sends it as it
    was before."""

    lines: tuple[str, ...] = ()
    gone: Gone = frozenset()

    def with_line(self, line: str, gone: Gone) -> _Shown:
        both = None if self.gone is None or gone is None else self.gone | gone
        return _Shown((*self.lines, line)[-LINES_MAX:], both)


class Following:
    """`order`, `told` and `whisper` from the desk's thread; `tell` from another one."""

    def __init__(self, orders: Orders, answers: Answers, wall: Clock) -> None:
        self._orders = orders
        self._answers = answers
        self._wall = wall
        self._followed: deque[_Followed] = deque(maxlen=WAITING_MAX)
        self._to_tell: deque[_Telling] = deque(maxlen=2 * WAITING_MAX)
        self._known: dict[str, None] = {}
        self._shown: dict[tuple[str, str], _Shown] = {}
        self.without_effect: deque[str] = deque(maxlen=WAITING_MAX)
        """Orders that came to nothing; whoever keeps claims takes them from here."""

    def go_on_from(self, before: Following) -> None:
        """What another one followed and had to tell, which has ended: nobody waits for an answer in vain."""
        self._known.update(before._known)
        self._shown.update(before._shown)
        while (each := _next(before._followed)) is not None:
            self._followed.append(each)
        while (telling := _next(before._to_tell)) is not None:
            self._to_tell.append(telling)

    @property
    def waits(self) -> bool:
        """Whether somebody has not heard the end yet."""
        return bool(self._followed or self._to_tell)

    def knows(self, press: str) -> bool:
        """Whether this press was dealt with: its order is followed, or was, or its presser is told why there is none."""
        return press in self._known

    def note(self, press: str) -> None:
        while len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[press] = None

    def order(self, order: str, pressed: Pressed, offer: Offer, by: str, at: datetime) -> None:
        self.note(order)
        self._followed.append(_Followed(order, pressed, offer, by, at, self._wall.now()))

    def told(self, pressed: Pressed, line: str, *, gone: Gone) -> None:
        place = (pressed.channel, pressed.ts)
        shown = self._shown.pop(place, _Shown()).with_line(line, gone)
        while len(self._shown) >= KNOWN_MAX:
            del self._shown[next(iter(self._shown))]
        self._shown[place] = shown
        self._to_tell.append(_Telling(pressed, line, on_message=True))
        self.whisper(pressed, line)

    def whisper(self, pressed: Pressed, text: str) -> None:
        self._to_tell.append(_Telling(pressed, text, on_message=False))

    def tell(self) -> None:
        """Look what has its answer, and tell whatever is to be told. Raises nothing but a mistake of ours."""
        for _ in range(len(self._followed)):
            each = _next(self._followed)
            if each and not self._answered(each):
                self._followed.append(each)
        for _ in range(len(self._to_tell)):
            telling = _next(self._to_tell)
            if telling and not self._sent(telling):
                break

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
        done = row.result == "done"
        if not done:
            self.without_effect.append(each.order)
        line = _line(each, row.result or "failed", row.answer)
        self.told(each.pressed, line, gone=_gone(each) if done else frozenset())
        return True

    def _sent(self, telling: _Telling) -> bool:
        """False: Slack asks to wait, so the rest waits too."""
        if not self._is_due(telling):
            self._to_tell.append(telling)
            return True
        pressed = telling.pressed
        try:
            if telling.on_message:
                shown = self._shown.get((pressed.channel, pressed.ts), _Shown((telling.text,)))
                self._answers.rewrite(pressed, shown.lines, gone=shown.gone)
            else:
                self._answers.whisper(pressed, telling.text)
        except EdgeError as error:
            return self._failed(telling, error)
        return True

    def _is_due(self, telling: _Telling) -> bool:
        """A clock that was set back keeps nobody waiting."""
        left = telling.not_before - self._wall.now() if telling.not_before else timedelta(0)
        return not timedelta(0) < left <= WAIT_MAX

    def _failed(self, telling: _Telling, error: EdgeError) -> bool:
        what = "a message in Slack cannot be rewritten"
        if not telling.on_message:
            what = f"what became of a press in Slack cannot be told to {telling.pressed.user}"
        log.warning("%s: %s", what, error)
        if not error.again or telling.tries >= TRIES_MAX:
            return True
        wait = WAIT * 2**telling.tries
        if isinstance(error, Throttled):
            wait = max(wait, timedelta(seconds=error.wait_seconds))
        again_at = self._wall.now() + min(wait, WAIT_MAX)
        self._to_tell.append(replace(telling, tries=telling.tries + 1, not_before=again_at))
        return not isinstance(error, Throttled)


def _next(waiting: deque[T]) -> T | None:
    """None where another thread was faster."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _gone(each: _Followed) -> Gone:
    """Which buttons mean nothing any more. More people may have to approve; a hold can still become a halt."""
    match each.offer.press:
        case Press.APPROVE:
            return frozenset()
        case Press.HOLD | Press.ACKNOWLEDGE:
            return frozenset({each.pressed.value})
        case _:
            return None


def _line(each: _Followed, result: str, answer: str) -> str:
    """ "Resumed by Ana Lima at 12:03 UTC", or why not."""
    by = f"by {each.by} at {each.at:%H:%M} UTC"
    if result == "done":
        return f"{DONE[each.offer.press]} {by}"
    return f"{each.offer.press.value.capitalize()} {by} {result}: {answer}"
