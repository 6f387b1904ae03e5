"""A world to rehearse in: who takes up a release, how often they open it, and how often it crashes.

Time is counted in polls, a quarter of an hour each, from the moment the release goes live. A world is drawn from its
seed: what happens in a quarter depends on the seed, on the quarter and on who has the release by then, and on nothing
else. So the same seed gives the same people to every policy that raises alike, however many processes draw.

- Of the users who are offered the release, those without it take it up exponentially (time constant 12 h). Cohorts are
  nested: a raise keeps those who have it.
- Sessions are Poisson. Crashes come in loops of geometric length of mean `loops` (1: each session by itself), so their
  count is compound Poisson. Nothing is drawn session by session: a world of 100 million users costs what a small one does.
- People who crash are counted once a day. Crashes are known at once: reporting lag is not in this world.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, NamedTuple

from stagedrollout.core.ledger import Past
from stagedrollout.core.units import PPM_ALL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Rates = NDArray[np.float64]

POLLS_PER_HOUR = 4
SESSIONS_PER_USER = 4
"""A day."""

UPTAKE_HOURS = 12
BIAS_HOURS = 48
"""Time constants of uptake, and of the early adopters' bias."""

ABNORMAL_RATE = 0.001
"""Share of the sessions that do not crash and end abnormally, in both arms alike."""

INCIDENT_HOURS = 3
INCIDENT_AFTER_HOURS = 6
"""How long an incident lasts, and how long after the start it comes at the earliest."""

_BLOCK = 24 * POLLS_PER_HOUR
_PAST_DAYS = 7
_BUSIEST_HOUR = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`daily_users` >= 1. `crash_rate`: of the baseline's sessions, above 0 and below 1. `regression`: the candidate's
    crash rate over the baseline's, from the start (`onset_ppm` 0) or once it goes live at `onset_ppm` or more.

    `loops` >= 1: mean length of a crash loop. `bias`: how much more early adopters crash at first (0.2 is 20 %),
    decaying. `noise`: relative deviation of the candidate's crash rate from hour to hour. `incident`: factor on both
    arms for three hours, at a moment drawn from the first `incident_within` hours. `swing` in 0..1: day and night.
    """

    daily_users: int
    crash_rate: float = 0.004
    regression: float = 1.0
    onset_ppm: int = 0
    loops: float = 1.0
    bias: float = 0.0
    noise: float = 0.0
    incident: float = 1.0
    incident_within: int = 7 * 24
    swing: float = 0.0

    @property
    def sessions_per_hour(self) -> float:
        """Of both arms together, on average."""
        return self.daily_users * SESSIONS_PER_USER / 24


class Totals(NamedTuple):
    """Everything since the release went live: the candidate's sessions, crashed ones, crash loops and abnormal ends;
    the same of the baseline."""

    n_c: int
    k_c: int
    loops_c: int
    abnormal_c: int
    n_b: int
    k_b: int
    loops_b: int
    abnormal_b: int


NOBODY = Totals(0, 0, 0, 0, 0, 0, 0, 0)


class Crowd:
    """The people of one seeded world, as far as they were drawn: `totals[i]` is what was counted by poll i."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.totals: list[Totals] = [NOBODY]
        self.onset: int | None = 0 if world.onset_ppm == 0 else None
        """The poll from which on the regression is there."""
        self._seed = seed
        self._offers: list[tuple[int, float, float]] = [(0, 0.0, 0.0)]
        self._noise, self._incident = _weather(world, seed)

    def offer(self, poll: int, ppm: int) -> None:
        """From this poll on the release is offered to this share. What was drawn beyond it is drawn again."""
        self._offers.append((poll, self.share(poll), ppm / PPM_ALL))
        if self.onset is None and ppm >= self.world.onset_ppm:
            self.onset = poll
        del self.totals[poll + 1 :]

    def share(self, poll: float) -> float:
        """The share of all users (0..1) who have the release at a poll of the present offer."""
        since, had, offered = self._offers[-1]
        return offered - (offered - had) * exp(-(poll - since) / (UPTAKE_HOURS * POLLS_PER_HOUR))

    def until(self, poll: int) -> Totals:
        """Everything by this poll."""
        while len(self.totals) <= poll:
            self._draw()
        return self.totals[poll]

    def _draw(self) -> None:
        """The next quarters at the present offer, until the end of the block."""
        import numpy as np  # noqa: PLC0415

        first = len(self.totals) - 1
        size = _BLOCK - first % _BLOCK
        draw = _source(self._seed, 2, first)
        middle = np.arange(first, first + size, dtype=np.float64) + np.float64(0.5)
        since, had, offered = self._offers[-1]
        share = offered - (offered - had) * np.exp((since - middle) / (UPTAKE_HOURS * POLLS_PER_HOUR))
        sessions = self.world.sessions_per_hour / POLLS_PER_HOUR * self._busy(middle)
        usual = self._usual(first, size)
        candidate = self._arm(draw, sessions * share, usual * self._factor(middle))
        baseline = self._arm(draw, sessions * (1 - share), usual)
        drawn = np.cumsum(np.stack([*candidate, *baseline]), axis=1) + np.array(self.totals[-1])[:, None]
        self.totals += map(Totals._make, drawn.T.tolist())

    def _arm(self, draw: np.random.Generator, sessions: Rates, rate: Rates) -> tuple[Counts, ...]:
        """Sessions, crashed ones, loops, abnormal ends: by quarter."""
        import numpy as np  # noqa: PLC0415

        n = draw.poisson(sessions)
        crashed, loops = _crashes(draw, n, np.minimum(rate, 1.0), self.world.loops)
        return n, crashed, loops, draw.binomial(n - crashed, ABNORMAL_RATE)

    def _usual(self, first: int, size: int) -> Rates:
        """The baseline's crash rate by quarter, an incident included."""
        import numpy as np  # noqa: PLC0415

        rate = np.full(size, self.world.crash_rate)
        begins, ends = (max(0, at - first) for at in self._incident)
        rate[begins:ends] *= self.world.incident
        return rate

    def _factor(self, middle: Rates) -> Rates:
        """The candidate's crash rate over the baseline's."""
        import numpy as np  # noqa: PLC0415

        hours = middle / POLLS_PER_HOUR
        factor = self._noise[hours.astype(np.int64) % len(self._noise)]
        factor = factor * (1 + self.world.bias * np.exp(-hours / BIAS_HOURS))
        return factor * self.world.regression if self.onset is not None else factor

    def _busy(self, middle: Rates) -> Rates:
        import numpy as np  # noqa: PLC0415

        hours = middle / POLLS_PER_HOUR + 9  # it goes live at nine
        return 1 + self.world.swing * np.cos(2 * np.pi * (hours - _BUSIEST_HOUR) / 24)


def _source(seed: int, what: int, at: int = 0) -> np.random.Generator:
    import numpy as np  # noqa: PLC0415

    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, what, at))))


def _crashes(draw: np.random.Generator, n: Counts, rate: Rates, loops: float) -> tuple[Counts, Counts]:
    """Crashed sessions and crash loops among `n` sessions. A loop of more sessions than there are is cut."""
    import numpy as np  # noqa: PLC0415

    if loops <= 1:
        crashed = draw.binomial(n, rate)
        return crashed, crashed
    begun = draw.poisson(n * rate / loops)
    more = draw.negative_binomial(np.maximum(begun, 1), 1 / loops)
    crashed = np.minimum(begun + np.where(begun > 0, more, 0), n)
    return crashed, np.minimum(begun, crashed)


_WEATHER_HOURS = 60 * 24


def _weather(world: World, seed: int) -> tuple[Rates, tuple[int, int]]:
    """The noise of each hour, and the incident's first and last poll (0, 0: none): the same whatever a policy does."""
    import numpy as np  # noqa: PLC0415

    draw = _source(seed, 1)
    deep = np.sqrt(np.log1p(world.noise**2))
    noise = np.exp(draw.standard_normal(_WEATHER_HOURS) * deep - deep**2 / 2)
    earliest = INCIDENT_AFTER_HOURS * POLLS_PER_HOUR
    latest = max(world.incident_within * POLLS_PER_HOUR, earliest + 1)
    begins = int(draw.integers(earliest, latest))
    calm = world.incident == 1
    return noise, (0, 0) if calm else (begins, begins + INCIDENT_HOURS * POLLS_PER_HOUR)


def past(world: World, seed: int) -> Past:
    """The baseline's seven days before the release."""
    import numpy as np  # noqa: PLC0415

    draw = _source(seed, 0)
    n = draw.poisson([world.sessions_per_hour * 24.0 * _PAST_DAYS])
    crashed, loops = _crashes(draw, n, np.array([world.crash_rate]), world.loops)
    return Past(int(n[0]), int(crashed[0]), distinct(int(loops[0]), world.daily_users))


def distinct(events: int, people: float) -> int:
    """How many different people are behind so many events of theirs, on average; at most all of either."""
    if events <= 0 or people <= 0:
        return 0
    return min(events, max(1, round(people * (1 - exp(-events / people)))))
