"""What befalls two replicas, drawn from a seed: which link, which way, which of them, when, and for how many leases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random

from tests.replicas.links import Way

NAMES = ("a", "b")
DATABASE, STORES, SENTRY, SLACK = "database", "stores", "sentry", "slack"
LINKS = (DATABASE, STORES, SENTRY, SLACK)
SHORTEST, LONGEST = 0.5, 3.0
"""For how many leases."""

ANSWERS = (
    ("google_play", "edits.insert"),
    ("google_play", "tracks.update"),
    ("google_play", "edits.commit"),
    ("google_play", "edits.commit"),
    ("app_store", "phased.update"),
    ("app_store", "phased.update"),
    ("app_store", "versions.list"),
)
"""In the middle of which act."""


class Kind(StrEnum):
    LINK = "link"
    STOPPED = "stopped"
    KILLED = "killed"
    BOTH_KILLED = "both killed"
    RESTARTED = "server restarted"
    CRASHED = "server crashed"
    TERMINATED = "backends terminated"


@dataclass(frozen=True, slots=True)
class Trouble:
    """At `hour` of the story, to the replica `who`; where an `answer` is named, to the one that waits for it, in the next
    hours. `at_once`: who was killed is started again at once, otherwise after `leases`."""

    hour: float
    who: str
    kind: Kind
    leases: float
    links: tuple[str, ...] = ()
    way: Way = Way.OPEN
    answer: tuple[str, str] | None = None
    at_once: bool = False

    @property
    def silences(self) -> bool:
        """Whether its replica cannot tell the database that it lives."""
        cut = DATABASE in self.links and self.way not in (Way.OPEN, Way.SLOW)
        return cut or self.kind is Kind.STOPPED or (self.kind is Kind.KILLED and not self.at_once)

    @property
    def word(self) -> str:
        return f"{'+'.join(self.links)} {self.way.value}" if self.kind is Kind.LINK else self.kind.value


_CUTS = (Way.CUT, Way.MUTE, Way.DEAF, Way.HALF_OPEN, Way.RESETS, Way.SLOW)
_DECK: tuple[tuple[Kind, tuple[str, ...], Way], ...] = (
    *((Kind.LINK, (DATABASE,), way) for way in _CUTS),
    *((Kind.LINK, (STORES,), way) for way in _CUTS),
    (Kind.LINK, LINKS, Way.CUT),
    (Kind.LINK, LINKS, Way.HALF_OPEN),
    (Kind.LINK, (SENTRY,), Way.CUT),
    (Kind.LINK, (SLACK,), Way.DEAF),
    (Kind.RESTARTED, (), Way.OPEN),
    (Kind.CRASHED, (), Way.OPEN),
    (Kind.TERMINATED, (), Way.OPEN),
    *((Kind.STOPPED, (), Way.OPEN),) * 4,
)


@dataclass(frozen=True, slots=True)
class Hours:
    """When troubles begin: the first one between those two, each of the others so long `apart` from the one before."""

    first: tuple[float, float]
    apart: float

    def drawn(self, draw: Random, number: int) -> list[float]:
        first = draw.uniform(*self.first)
        return [first + place * self.apart for place in range(number)]


def partitions(seed: int, number: int, hours: Hours) -> tuple[Trouble, ...]:
    """Each kind before any comes again, in the order of their hours."""
    draw = Random(f"{seed}/partitions")
    instants, dealt = hours.drawn(draw, number), _dealt(draw)
    return tuple(_cut(draw, hour, *next(dealt)) for hour in instants)


def _dealt(draw: Random) -> Iterator[tuple[Kind, tuple[str, ...], Way]]:
    for _ in count():
        yield from draw.sample(_DECK, len(_DECK))


def _cut(draw: Random, hour: float, kind: Kind, links: tuple[str, ...], way: Way) -> Trouble:
    in_act = kind is Kind.STOPPED or draw.random() < 0.5
    return Trouble(
        hour,
        draw.choice(NAMES),
        kind,
        draw.uniform(SHORTEST, LONGEST),
        links,
        way,
        draw.choice(ANSWERS) if in_act else None,
    )


def kills(seed: int, number: int, hours: Hours) -> tuple[Trouble, ...]:
    draw = Random(f"{seed}/kills of two")
    return tuple(_kill(draw, hour) for hour in hours.drawn(draw, number))


def _kill(draw: Random, hour: float) -> Trouble:
    kind = Kind.BOTH_KILLED if draw.random() < 0.15 else Kind.KILLED
    return Trouble(
        hour,
        draw.choice(NAMES),
        kind,
        draw.uniform(SHORTEST, 1.3),
        answer=draw.choice(ANSWERS) if draw.random() < 0.6 else None,
        at_once=kind is Kind.BOTH_KILLED or draw.random() < 0.5,
    )
