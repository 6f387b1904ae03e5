"""How a failover goes in a story of two: when the server is gone, what each of them can know of it then, and when people take the
journal as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from stagedrollout.emulator.clock import Timeline, iso
from tests.simulation.failover import FailsOver, Lost, Standby, accept_in
from tests.simulation.files import by_others
from tests.simulation.keeping import Keeper
from tests.simulation.lines import Line
from tests.simulation.sides import OneSide

TELLS = timedelta(seconds=60)
"""Whoever has been there for so long has given a sign of life and has looked at what the others say: a few times."""


class PutBack:
    """`over` is told what is lost, as soon as the standby has the server's place."""

    def __init__(
        self,
        planned: FailsOver,
        folder: Path,
        *,
        people: Engine,
        sides: Sequence[OneSide],
        keeper: Keeper,
        timeline: Timeline,
        marks: Counter[str],
        over: Callable[[Lost], None],
    ) -> None:
        self._planned = planned
        self._places = [folder / each.name / "simulated.db" for each in sides]
        self._sides, self._keeper, self._timeline, self._marks, self._over = (
            sides,
            keeper,
            timeline,
            marks,
            over,
        )
        self.standby = Standby(folder / "simulated.db", people)
        self._armed = self._gone = False
        self._over_at: datetime | None = None
        self._accepted_at: datetime | None = None
        self._ahead: list[bool] = []

    def plan(self) -> None:
        planned = self._planned
        if planned.lag is None:
            self._timeline.at(planned.at, self._arm)
            self._timeline.at(planned.in_vain_at, partial(self._lose_the_server, "in vain"))
        else:
            self._timeline.at(planned.at - planned.lag, self._hear)
            self._timeline.at(planned.at, partial(self._lose_the_server, "lagging"))

    def wrote(self) -> None:
        """One of them has written something, but no act."""
        if self._armed:
            with by_others():
                self.standby.hear()

    def decided(self) -> None:
        """One of them has written down an act."""
        if self._armed:
            self._lose_the_server("over an act")

    def known(self, runs: Iterable[tuple[int, OneSide]], now: datetime) -> Iterator[dict[str, Any]]:
        """From when until when which run knew of it: by its place's own mark, or by what another has told since."""
        if self._over_at is None:
            return
        until = self._accepted_at or now
        for run, one in runs:
            since = self._knew_from(self._sides.index(one), now)
            if since is not None and since < until:
                yield {"run": run, "from": iso(since), "until": iso(until)}

    def is_open(self, now: datetime, rest: timedelta) -> bool:
        """Whether a person has yet to take the journal as it is, or has done so less than `rest` ago."""
        if self._planned.accepted_after is None:
            return False
        return self._accepted_at is None or now < self._accepted_at + rest

    def _arm(self) -> None:
        self._hear()
        self._armed = True

    def _hear(self) -> None:
        self._keeper.disturb()  # whoever sleeps has given its signs until now
        with by_others():
            self.standby.hear()

    def _lose_the_server(self, how: str) -> None:
        if self._gone:
            return
        self._armed, self._gone = False, True
        self._marks[f"database: lost {how}"] += 1
        for each in self._sides:
            each.loses_the_database(self._planned.takes, Line.REFUSED)
        self._timeline.at(self._timeline.now + self._planned.takes, self._fail_over)

    def _fail_over(self) -> None:
        self._over_at = self._timeline.now
        self._keeper.disturb()
        with by_others():
            lost = self.standby.take_over()
            self._ahead = [self.standby.is_ahead(place, lost) for place in self._places]
        self._marks["database: failed over"] += 1
        self._marks["database: put back, known to both"] += all(self._ahead)
        self._marks["database: put back, known to one"] += sum(self._ahead) == 1
        self._marks["database: put back, known to nobody"] += bool(lost.journal) and not any(self._ahead)
        self._over(lost)
        self._keeper.disturb()
        if self._planned.accepted_after:
            self._timeline.at(self._over_at + self._planned.accepted_after, self._accept)

    def _accept(self) -> None:
        self._accepted_at = self._timeline.now
        with by_others():
            for _ in accept_in(self._places, self._accepted_at):
                self._marks["database: taken as it is"] += 1
        for each in self._sides:
            each.replica.stir()

    def _knew_from(self, number: int, now: datetime) -> datetime | None:
        if self._over_at is None or not any(self._ahead):
            return None
        if self._ahead[number]:
            return self._over_at
        told = self._there_from(1 - number, self._over_at, now)
        return told and self._there_from(number, told, now)

    def _there_from(self, number: int, since: datetime, now: datetime) -> datetime | None:
        """When it had been there for long enough, from then on."""
        begun = since
        for gone, back in self._sides[number].until_now():
            if begun + TELLS <= gone:
                break
            begun = max(begun, back) if back > begun else begun
        return begun + TELLS if begun + TELLS <= now else None
