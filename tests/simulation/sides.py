"""One of two daemons in a story: what befalls it by itself, and when, and what others are told of that afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY
from tests.simulation.keeping import Keeper
from tests.simulation.kernel import Kernel
from tests.simulation.life import Life
from tests.simulation.lines import Line
from tests.simulation.pair import CUTS, Aim, Blow, Side, Trouble
from tests.simulation.perils import SimulatedCrash
from tests.simulation.replica import Replica

KILLED = "daemon: killed"
_LEADS_TO = {
    "google_play": Blow.LOSES_STORES,
    "play_reporting": Blow.LOSES_STORES,
    "oauth": Blow.LOSES_STORES,
    "app_store": Blow.LOSES_STORES,
    "itunes": Blow.LOSES_STORES,
    "sentry": Blow.LOSES_SIGNALS,
    "slack": Blow.LOSES_SLACK,
    "pagerduty": Blow.LOSES_SLACK,
    "webhook": Blow.LOSES_SLACK,
}
_READS = ("GET", "HEAD")
_FOR_EVER = timedelta(days=10_000)
_LATELY = timedelta(seconds=30)

Span = tuple[datetime, datetime]


def acts_on_a_store(service: str, method: str) -> bool:
    return service in (GOOGLE_PLAY, APP_STORE) and method not in _READS


class OneSide:
    """`replica` runs in a process of its own, and lives while the story lasts. `away`: when it could take nothing over, being
    dead, frozen or without its database; `storeless`: when it could not reach the stores; `hindered`: when it could not reach
    the signals or Slack."""

    def __init__(self, name: str, side: Side, kernel: Kernel, marks: Counter[str]) -> None:
        self.name = name
        self.side = side
        self._kernel = kernel
        self._marks = marks
        self._cuts: list[tuple[Blow, Line, datetime]] = []
        self._armed: list[Trouble] = []
        self._dead_for: timedelta | None = None
        self._dead_since: datetime | None = kernel.now
        self._silences: list[tuple[datetime, str]] = []
        self.away: list[Span] = []
        self.storeless: list[Span] = []
        self.hindered: list[Span] = []
        self.deaths: list[datetime] = []
        self.born: Life | None = None
        self.run = 0
        self.replica: Replica
        self.keeper: Keeper
        self.held: Callable[[], bool] = lambda: True
        """Whether nobody may be started yet."""

    def plan(self, at: Callable[[datetime, Callable[[], None]], None], calm_from: datetime) -> None:
        self._calm_from = calm_from
        self._at = at
        for trouble in self.side.troubles:
            befalls = self._arm if trouble.aim else self._befall
            at(trouble.at, partial(befalls, trouble))

    def live_on(self) -> None:
        """Life after life."""
        try:
            while True:
                self._dead_for = None
                if self.replica.live(lambda life: life.until(self._kernel.now + _FOR_EVER)):
                    self.deaths.append(self._kernel.now)
                self._dead_since = self._dead_since or self._kernel.now
                self._lie_dead()
        except SimulatedCrash:
            pass  # the run is over

    def began(self, life: Life, run: int) -> None:
        """It has, under this number."""
        self.born, self.run = life, run
        if self._dead_since:
            self.away.append((self._dead_since, self._kernel.now))
        self._dead_since = None

    @property
    def is_there(self) -> bool:
        return self.replica.life is not None and self.replica.machine.is_there

    @property
    def is_storeless(self) -> bool:
        return self._line(Blow.LOSES_STORES) is not Line.WHOLE

    def until_now(self) -> list[Span]:
        """`away`, with what lasts still."""
        still = [(self._dead_since, self._kernel.now)] if self._dead_since else []
        return sorted([*self.away, *still])

    def why_away(self, run: int | None = None) -> str:
        """In a word, for one of its lives, or whichever it is in; "" where that is not."""
        if self.replica.life is None or run not in (None, self.run):
            return "a death"
        if self.replica.machine.reaches_its_database:
            return "" if self.is_there else "a freeze"
        return "a cut"

    def why_silent(self, run: int) -> str:
        """In a word: why it is away, or was a moment ago."""
        if why := self.why_away(run):
            return why
        now = self._kernel.now
        lately = [why for until, why in self._silences if now - _LATELY <= until]
        return lately[-1] if lately else "silence"

    def line_of(self, service: str) -> Line:
        return self._line(_LEADS_TO.get(service, Blow.LOSES_SIGNALS))

    def line_of_the_database(self) -> Line:
        return self._line(Blow.LOSES_DATABASE)

    def sends(self, service: str, method: str) -> None:
        """A request is about to be sent: what waited for one that would change a store befalls it now."""
        if acts_on_a_store(service, method):
            self._strike(Aim.SENDS)

    def decided(self) -> None:
        """An act was written down."""
        self._strike(Aim.DECIDED)

    def freezes(self, until: datetime) -> None:
        """Its machine stands still, or its process does."""
        self.keeper.disturb()
        self.away.append((self._kernel.now, until))
        self._silences.append((until, "a freeze"))
        self._at(until, self.keeper.disturb)

    def loses_the_database(self, lasts: timedelta, line: Line) -> None:
        """From now on."""
        self._is_cut(Blow.LOSES_DATABASE, line, self._kernel.now + lasts)

    def calm_down(self) -> None:
        self._armed.clear()
        self._cuts.clear()
        self.replica.machine.process.frozen_until = None
        self.replica.calm_down()
        self.keeper.disturb()

    def _arm(self, trouble: Trouble) -> None:
        self._armed.append(trouble)

    def _strike(self, aim: Aim) -> None:
        due = [trouble for trouble in self._armed if trouble.aim is aim]
        self._armed = [trouble for trouble in self._armed if trouble.aim is not aim]
        for trouble in due:
            if self._kernel.now + trouble.lasts < self._calm_from:
                self._befall(trouble)

    def _lie_dead(self) -> None:
        ends = self._kernel.now + _FOR_EVER
        again = self._kernel.now + self._dead_for if self._dead_for else self.replica.back_at(ends)
        while self._kernel.now < again or not self.held():
            self._kernel.pause(max(again - self._kernel.now, timedelta(seconds=1)))

    def _line(self, of: Blow) -> Line:
        now = self._kernel.now
        return next((line for blow, line, until in self._cuts if blow is of and now < until), Line.WHOLE)

    def _befall(self, trouble: Trouble) -> None:
        until, life = self._kernel.now + trouble.lasts, self.replica.life
        if life is None:
            return
        self._marks[f"process: {trouble.blow}" if trouble.blow not in CUTS else f"cut: {trouble.blow}"] += 1
        match trouble.blow:
            case Blow.KILLED:
                self._dead_for = trouble.lasts
                self.replica.kill(KILLED)
            case Blow.LEAVES:
                self._dead_for = trouble.lasts
                life.leave()
            case Blow.FREEZES:
                self.replica.machine.freeze(trouble.lasts)
            case Blow.SUSPENDED:
                self.replica.machine.suspend(trouble.lasts)
            case _:
                self._is_cut(trouble.blow, trouble.line, until)

    def _is_cut(self, blow: Blow, line: Line, until: datetime) -> None:
        self._cuts.append((blow, line, until))
        self._lacks(blow).append((self._kernel.now, until))
        self._silences += [(until, "a cut")] if blow is Blow.LOSES_DATABASE else []
        self.keeper.disturb()
        self._at(until, self.keeper.disturb)

    def _lacks(self, cut: Blow) -> list[Span]:
        match cut:
            case Blow.LOSES_DATABASE:
                return self.away
            case Blow.LOSES_STORES:
                return self.storeless
            case _:
                return self.hindered
