"""Buttons in Slack: what people press there and when, and the daemon's end of the line, without a socket.

The emulator's Slack makes the payloads, with whatever is wrong with them, and the daemon's own desk takes them, on tasks
of its own. What the socket itself does (it breaks, it is opened anew) is tested over real ones.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from stagedrollout.daemon.pressing import Pressing
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.slack import Slack
from stagedrollout.emulator.slack_people import REASON, Lines
from tests.simulation.kernel import Kernel, Process
from tests.simulation.standins import Event

Messages = list[tuple[str, dict[str, Any]]]

SEAL = "5e" * 32
"""What this machine seals its buttons with: a drawn one would make each run another."""

_SOON, _SELDOM = 1.0, 600.0
"""Seconds from one look for answers to the next: fewer while something happens. (The product looks four times a second.)"""


class Forged(StrEnum):
    """A value that none of our messages shows: with another mark, of another release, or none of ours at all."""

    NO = ""
    MARK = "mark"
    CONTENT = "content"
    NONSENSE = "nonsense"


class Typed(StrEnum):
    """What its person does with the window in which a reason is asked for. BLANK: spaces at first, and a reason later."""

    AT_ONCE = "at once"
    TWICE = "twice"
    BLANK = "blank"
    LATER = "later"
    NEVER = "never"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class PlannedPress:
    """The newest button `label` of the channel as it looked at `seen_at` (None: as it does then). `times`: how often its
    payload arrives, `age`: how long after it was pressed. `thinks`: how long after the press a window is dealt with that is
    not at once."""

    at: datetime
    user: str
    label: str
    seen_at: datetime | None = None
    times: int = 1
    age: timedelta = timedelta(0)
    forged: Forged = Forged.NO
    typed: Typed = Typed.AT_ONCE
    thinks: timedelta = timedelta(0)

    def __str__(self) -> str:
        seen = f" as seen {self.seen_at:%m-%d %H:%M:%S}" if self.seen_at else ""
        bad = "".join((f" x{self.times}" if self.times > 1 else "", f" {self.forged}" if self.forged else ""))
        typed = "" if self.typed is Typed.AT_ONCE else f", typed {self.typed} after {self.thinks}"
        return f"{self.at:%m-%d %H:%M:%S} {self.user} {self.label}{seen}{bad} aged {self.age}{typed}"


_LATER = (Typed.BLANK, Typed.LATER, Typed.CLOSED)
_TYPED: Mapping[Typed, dict[str, Any]] = {
    Typed.AT_ONCE: {"reason": REASON},
    Typed.TWICE: {"reason": REASON, "submits": 2},
    Typed.BLANK: {"reason": "  "},
}
"""What they have sent the moment that the window opens; else nothing."""


class Fingers:
    """Presses as planned. `marks` counts what became of them on their way."""

    def __init__(self, slack: Slack, marks: Counter[str]) -> None:
        self._slack = slack
        self._marks = marks
        self._seen: dict[datetime, Messages] = {}

    def plan(self, press: PlannedPress, at: Callable[[datetime, Callable[[], None]], None]) -> None:
        if seen_at := press.seen_at:
            at(seen_at, lambda: self._look(seen_at))
        at(press.at, lambda: self._press(press))
        if press.typed in _LATER:
            at(press.at + press.thinks, lambda: self._finish(press))

    def _look(self, at: datetime) -> None:
        self._seen[at] = deepcopy(self._slack.messages())

    def _press(self, press: PlannedPress) -> None:
        seen = self._seen.get(press.seen_at) if press.seen_at else None
        messages = self._slack.messages() if seen is None else seen
        found = _value(messages, press.label)
        if found is None:
            self._marks["press: no such button"] += 1
            return
        asked: dict[str, Any] = {
            "user": press.user,
            "label": press.label,
            "times": press.times,
            "age_seconds": press.age.total_seconds(),
            **_TYPED.get(press.typed, {"reason": None}),
        }
        if press.forged:
            asked["value"] = forged(found, press.forged)
        try:
            self._slack.people.press(messages, asked)
        except CannotAct:
            self._marks["press: nobody listens"] += 1
            return
        self._marks[f"press: {press.label}"] += 1
        self._marks["press: forged"] += bool(press.forged)
        self._marks["press: arrives late"] += bool(press.age)
        self._marks["press: arrives again"] += press.times > 1

    def _finish(self, press: PlannedPress) -> None:
        """In the newest window that they have, if any was opened: also one that was sent already."""
        said = {"close": True} if press.typed is Typed.CLOSED else {"reason": REASON}
        try:
            self._slack.people.finish({"user": press.user, **said})
        except CannotAct:
            self._marks["window: none to type in, or nobody listens"] += 1


def _value(messages: Messages, label: str) -> str | None:
    """Of the newest button that is called so."""
    found = [
        str(element["value"])
        for _, message in messages
        for block in message.get("blocks") or ()
        if block.get("type") == "actions"
        for element in block["elements"]
        if element["text"]["text"].startswith(label)
    ]
    return found[-1] if found else None


def forged(value: str, how: Forged) -> str:
    said, _, mark = value.partition(".")
    match how:
        case Forged.MARK:
            return f"{said}.{mark[::-1]}"
        case Forged.CONTENT:
            return f"{said[:-8]}{said[:8]}.{mark}"
        case _:
            return "resume"


class Socket:
    """Open while its life lasts. Presses are taken by one task, answers told and windows opened by others, as the product's
    threads do; an envelope is acknowledged once it is dealt with."""

    def __init__(
        self,
        kernel: Kernel,
        lines: Lines,
        pressing: Pressing,
        stir: Callable[[], None],
        process: Process,
    ) -> None:
        self._kernel = kernel
        self._process = process
        self._lines = lines
        self._pressing = pressing
        self._stir = stir
        self._waiting: deque[dict[str, Any]] = deque()
        self._taking = self._telling = self._asking = False
        self._happened = Event(kernel)
        _, _, self._ticket = lines.ticket().partition("ticket=")
        lines.opened(self._ticket, self._heard)

    @property
    def working(self) -> bool:
        return self._taking or self._asking

    def look(self) -> None:
        """Something was done that may be somebody's answer."""
        self._happened.set()

    def close(self) -> None:
        self._lines.closed(self._ticket)

    def _heard(self, frame: str) -> None:
        said = json.loads(frame)
        if said["type"] != "interactive":
            return
        self._waiting.append(said)
        if not self._taking:
            self._taking = True
            self._kernel.start("presses", self._take, self._process)

    def _take(self) -> None:
        while self._waiting:
            said = self._waiting.popleft()
            answer = self._pressing.take(said["payload"])
            self._lines.heard(json.dumps({"envelope_id": said["envelope_id"], "payload": answer}))
            self._stir()
            self._ask()
            self._answer()
        self._taking = False
        self._stir()

    def _ask(self) -> None:
        if not self._asking:
            self._asking = True
            self._kernel.start("windows", self._open, self._process)

    def _open(self) -> None:
        while self._pressing.ask(0.0):
            self._answer()
        self._asking = False
        self._stir()

    def _answer(self) -> None:
        self._happened.set()
        if not self._telling:
            self._telling = True
            self._kernel.start("answers", self._tell, self._process)

    def _tell(self) -> None:
        wait = _SOON
        while self._pressing.tell():
            self._happened.clear()
            wait = _SOON if self._happened.wait(wait) else min(2 * wait, _SELDOM)
        self._telling = False
