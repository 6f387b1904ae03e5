"""A desk with everything that stands around it, none of it on a thread or a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.buttons.asking import Asking
from stagedrollout.buttons.claims import Claims
from stagedrollout.buttons.desk import Desk
from stagedrollout.buttons.following import Following
from stagedrollout.buttons.pressed import Pressed, Said
from stagedrollout.buttons.roster import Group, Roster
from stagedrollout.core.errors import EdgeError, StorageError
from stagedrollout.core.fold import apply
from stagedrollout.core.lifecycle import Halt, Rollout
from stagedrollout.core.model import DAEMON, Command, RolloutKey
from stagedrollout.core.offer import Offer, Press, Seal
from stagedrollout.core.people import People, Person
from tests.core.builders import KEY, NOON, rolling

ANA, BEN, EVE = "U0ANA", "U0BEN", "U0EVE"
PEOPLE = People((Person(name="Ana Lima", slack=ANA), Person(name="Ben Ode", slack=BEN)))
SEAL = Seal(b"k" * 32)
PLACE = ("C0RELEASE", "1763892000.000100")
BY_MACHINE = Halt(DAEMON, "crashes", NOON, confirmed=True)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Row:
    finished_at: datetime | None = None
    result: str | None = None
    answer: str = ""


@dataclass
class Orders:
    """`broken`: the database takes nothing."""

    put_in: list[Command] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    broken: bool = False

    def put(self, command: Command) -> None:
        if self.broken:
            raise StorageError("the disk is full")
        if command.id not in self.rows:
            self.put_in.append(command)
            self.rows[command.id] = Row()

    def find(self, id: str) -> Row | None:  # noqa: A002
        return self.rows.get(id)

    def ends(self, result: str = "done", answer: str = "") -> None:
        for row in self.rows.values():
            if row.finished_at is None:
                row.finished_at, row.result, row.answer = NOON, result, answer


@dataclass
class Book:
    found: Rollout
    notes: list[tuple[RolloutKey, Any]] = field(default_factory=list)
    messages: dict[tuple[str, str], RolloutKey] = field(default_factory=lambda: {PLACE: KEY})

    def rollout(self, _key: RolloutKey) -> Rollout:
        return self.found

    def note(self, key: RolloutKey, news: tuple[Any, ...], at: datetime) -> None:
        for fact in news:
            self.notes.append((key, fact))
            self.found = apply(self.found, fact, at)

    def told_by(self, channel: str, ts: str) -> RolloutKey | None:
        return self.messages.get((channel, ts))


@dataclass
class Answers:
    """`trouble`: what each method raises."""

    trouble: dict[str, EdgeError] = field(default_factory=dict)
    whispers: list[tuple[str, str]] = field(default_factory=list)
    messages: list[tuple[tuple[str, ...], frozenset[str] | None]] = field(default_factory=list)
    windows: list[tuple[str, Press]] = field(default_factory=list)

    def _may(self, method: str) -> None:
        if method in self.trouble:
            raise self.trouble[method]

    def ask(self, pressed: Pressed, offer: Offer) -> None:
        self._may("ask")
        self.windows.append((pressed.user, offer.press))

    def whisper(self, pressed: Pressed, text: str) -> None:
        self._may("whisper")
        self.whispers.append((pressed.user, text))

    def rewrite(self, pressed: Pressed, said: tuple[str, ...], *, gone: frozenset[str] | None) -> None:
        self._may("rewrite")
        self.messages.append((said, gone))


class Around:
    """The desk and its neighbours; `presses` and `says` as Slack tells of them."""

    def __init__(
        self, people: People = PEOPLE, groups: tuple[Group, ...] = (), rollout: Rollout | None = None
    ):
        self.wall, self.orders, self.answers = Clock(), Orders(), Answers()
        self.book = Book(rollout or replace(rolling(), halt=BY_MACHINE))
        self.desk = self.another(people, groups)

    def another(self, people: People = PEOPLE, groups: tuple[Group, ...] = ()) -> Desk:
        following = Following(self.orders, self.answers, self.wall)
        return Desk(
            seal=SEAL,
            roster=Roster(people, groups, None, lambda: 0.0),
            orders=self.orders,
            book=self.book,
            following=following,
            asking=Asking(self.answers, following),
            wall=self.wall,
            clock=self.wall,
            claims=Claims(),
            noted={},
        )

    def offer(self, press: Press) -> Offer:
        halt = self.book.found.halt
        return Offer(press, KEY, 100_000, halt is not None, halt.at if halt else None)

    def press(self, press: Press, user: str = ANA, *, value: str = "", age: float = 0.0) -> Pressed:
        at = self.wall.at - timedelta(seconds=age)
        stamp = f"{at.timestamp():.6f}"
        blocks = ({"type": "section", "text": {"type": "mrkdwn", "text": "HALTED"}},)
        value = value or SEAL.sealed(self.offer(press))
        return Pressed(user, value, at, stamp, *PLACE, "stagedrollout.notice", "HALTED", blocks, "1.2.a")

    def takes(self, *heard: Any) -> list[str]:
        return [self.desk.take(each) for each in heard]

    def says(self, pressed: Pressed, reason: str = "repaired") -> str:
        return self.desk.take(Said(replace(pressed, text="", blocks=(), trigger=""), reason))

    def told(self) -> list[tuple[str, str]]:
        """Everything that was whispered until now."""
        self.desk.asking.serve(0)
        self.desk.following.tell()
        return self.answers.whispers
