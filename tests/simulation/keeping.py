"""Signs of life that nobody would miss are left out, as turns are that would find nothing: what they would have written is
written when there is something to do again.

A lease lasts a minute, and stories last days. While all that are there have nothing to do, and nobody's lease has changed
hands for longer than anything about leases takes, they sleep until one of them has. Whoever is dead, stands still or is cut off
from the database is not there, and none of its signs of life is made up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from sqlalchemy import Engine, text

from stagedrollout.emulator.clock import Timeline

_SIGN_SECONDS = (6.0, 15.0)
"""From one turn to the next while others may have to know: more seldom than the product's, so that stories are cheap."""

_CALM = 1.6
"""Leases: after so long without a change of hands nothing about them is under way any more."""

_MICROSECOND = timedelta(microseconds=1)


class Sleeper(Protocol):
    """A life, as far as this goes: its number in the database, how often leases changed hands by it, and whether it is there."""

    @property
    def epoch(self) -> int: ...

    @property
    def hands_changed(self) -> int: ...

    @property
    def is_there(self) -> bool: ...

    def wake(self) -> None: ...


@dataclass(slots=True)
class _State:
    resting: bool = False
    asleep: bool = False


class Keeper:
    """Of all lives on one database, `people` being a way into that which nobody haunts."""

    def __init__(self, timeline: Timeline, people: Engine, lease: timedelta, draw: Random) -> None:
        self._timeline = timeline
        self._people = people
        self._lease = lease
        self._draw = draw
        self._states: dict[Sleeper, _State] = {}
        self._changed_at = timeline.now
        self._hands = 0
        self._asleep_since: datetime | None = None
        self.changed: Callable[[], None] = lambda: None
        """Told when a lease may have changed hands."""

    def born(self, life: Sleeper) -> None:
        self.disturb()
        self._states[life] = _State()

    def gone(self, life: Sleeper) -> None:
        self.disturb()
        self._states.pop(life, None)

    def rests(self, life: Sleeper, *, working: bool, left: timedelta | None) -> timedelta | None:
        """It waits for `left` now (None: for ever): how long it may, before it has to give a sign."""
        self._note_changes()
        state = self._states[life]
        state.resting, state.asleep = not working, False
        if not life.is_there:  # nobody would hear of it
            return left
        if working:  # which takes time
            self._wake_sleepers()
        others = [each for other, each in self._states.items() if other is not life and other.is_there]
        calm = self._timeline.now - self._changed_at >= _CALM * self._lease
        if calm and state.resting and all(each.resting for each in others):
            state.asleep = True
            if all(each.asleep for each in others):
                self._asleep_since = self._timeline.now
            return left
        sign = timedelta(seconds=self._draw.uniform(*_SIGN_SECONDS))
        return sign if left is None else min(left, sign)

    def wakes(self, life: Sleeper) -> None:
        """It takes a turn."""
        self._rouse()
        self._states[life].resting = self._states[life].asleep = False

    def disturb(self) -> None:
        """Something happens to one of them that is none of its turns."""
        self._rouse()
        self._changed_at = self._timeline.now
        for life, state in self._states.items():
            state.asleep = False
            life.wake()

    def _rouse(self) -> None:
        """Whoever has slept until now is taken for having given its signs."""
        since, self._asleep_since = self._asleep_since, None
        if since is None:
            return
        slept = self._timeline.now - since
        for life, state in self._states.items():
            if state.asleep and life.is_there:
                self._give_signs(life.epoch, slept)
        self._wake_sleepers()

    def _wake_sleepers(self) -> None:
        for life, state in self._states.items():
            if state.asleep:
                state.asleep = False
                life.wake()

    def _give_signs(self, epoch: int, slept: timedelta) -> None:
        if slept <= timedelta(0):
            return
        statement = text(
            "UPDATE replica SET expires_us = expires_us + :slept, heard_us = heard_us + :slept,"
            " heartbeat_us = heartbeat_us + :slept WHERE epoch = :epoch"
        )
        with self._people.begin() as connection:
            connection.execute(statement, {"slept": slept // _MICROSECOND, "epoch": epoch})

    def _note_changes(self) -> None:
        hands = sum(life.hands_changed for life in self._states)
        if hands != self._hands:
            self._hands, self._changed_at = hands, self._timeline.now
            self.changed()
