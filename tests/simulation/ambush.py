"""Faults that lie in wait at one place each, where they matter most: at a commit, at a PATCH, at the counts.

What befalls any request now and then (weather.py) rarely meets the few that change a store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from stagedrollout.emulator.faults import Fault, places_of
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY
from tests.simulation.drawing import some_hours
from tests.simulation.weather import SLACK_WORDS, kinds_that_befall, services

_TOO_LATE, _LATE = 30.0, 3.0
_PLACES = {
    GOOGLE_PLAY: ("edits.commit", "edits.commit", "edits.commit", "tracks.update", "tracks.get", "edits.insert"),
    APP_STORE: ("phased.update", "phased.update", "versions.list"),
    "sentry": ("sessions",),
    "slack": ("chat.postMessage", "chat.postMessage", "chat.update"),
    "itunes": ("*",),
    "oauth": ("*",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ambush:
    """From `at` on `fault` waits for its request."""

    at: datetime
    fault: Fault

    def __str__(self) -> str:
        fault = self.fault
        return f"{self.at:%m-%d %H:%M} {fault.service} {fault.kind} at {fault.operation} x{fault.count}"

    def lay(self, at: Callable[[datetime, Callable[[], None]], None], add: Callable[..., object]) -> None:
        """`at` plans what happens in the world, `add` makes a fault wait there."""
        at(self.at, partial(add, self.fault, self.at))


def ambushes(
    draw: Random, stores: tuple[str, ...], start: datetime, troubled: timedelta
) -> tuple[Ambush, ...]:
    """Which kinds there are in this story, and then when each of them waits."""
    kinds = [_kind(draw, stores) for _ in range(draw.choice((0, 2, 4, 6)))]
    found = [
        Ambush(start + some_hours(draw, troubled), _fault(draw, *draw.choice(kinds)))
        for _ in range(draw.choice((4, 8, 12, 16)) if kinds else 0)
    ]
    return tuple(sorted(found, key=lambda ambush: ambush.at))


def _kind(draw: Random, stores: tuple[str, ...]) -> tuple[str, str, str]:
    service = draw.choice((*services(stores), *stores, "sentry"))
    place, kind = draw.choice(_PLACES[service]), draw.choice(kinds_that_befall(service))
    known = places_of(kind)
    return service, kind, place if not known or place in known else "*"


def _fault(draw: Random, service: str, kind: str, operation: str) -> Fault:
    word = draw.choice(SLACK_WORDS) if kind == "error" else ""
    return Fault(
        service,
        kind,
        operation,
        count=draw.choice((1, 1, 2, 3)),
        skip=draw.choice((0, 0, 0, 1)),
        seconds=draw.choice((_LATE, _TOO_LATE)),
        detail=word,
    )
