"""What a seed draws: the story, the policy, the people, which faults exist and how often, and how it dies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from stagedrollout.core.model import Supersede
from stagedrollout.core.people import Person
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Scenario
from tests.simulation import people, stories
from tests.simulation.ambush import Ambush, ambushes
from tests.simulation.buttons import PlannedPress
from tests.simulation.clocks import WrongClock
from tests.simulation.disk import FailingDisk
from tests.simulation.line import LineAct
from tests.simulation.machines import a_failing_disk, a_machine_that_stops, a_wrong_clock
from tests.simulation.pair import Pair, a_pair
from tests.simulation.people import PlannedDirect, PlannedOrder
from tests.simulation.stops import StandingStill, StandsStill
from tests.simulation.weather import Weather, days_without_slack, outages, switches, weather

HTTP_TIMEOUT = timedelta(seconds=20)
LIVENESS = timedelta(hours=7)
"""How long nothing more goes wrong at the end of a story, before everything must have come to rest."""

REST = timedelta(hours=2)
REST_LOOKS = 3
"""A story ends earlier where everything has come to rest: after so long at least, and so many looks of the daemon's."""

MONTH_EVERY = 100
"""Every so many seeds the story is more than a month long: long enough for Apple's pause-days to run out."""

_WEEKS = (
    *(datetime(2026, 3, 2, tzinfo=UTC),) * 4,
    datetime(2026, 3, 26, tzinfo=UTC),
    datetime(2026, 10, 22, tzinfo=UTC),
)
"""Mostly the one with a freeze in it; the others end with a change to summer time, and back."""

_STORES = (
    (GOOGLE_PLAY,),
    (GOOGLE_PLAY,),
    (APP_STORE,),
    (APP_STORE,),
    (APP_STORE,),
    (GOOGLE_PLAY, APP_STORE),
)
_QUICK = ("quick", "quick", "quick", "by-hand", "office", "anxious", "hotfix")
_QUICK_APPLE = ("quick", "quick", "quick", "by-hand", "office", "anxious", "apples-clock", "hotfix")


@dataclass(frozen=True, slots=True)
class Span:
    """How long a story is troubled, how often the daemon looks, and how long all is calm at the end."""

    troubled: timedelta
    poll: timedelta
    calm: timedelta = LIVENESS


class SecondThoughts(StrEnum):
    NONE = "none"
    HALT = "halt"
    NAP = "nap"
    MEANWHILE = "meanwhile"


@dataclass(frozen=True, slots=True)
class Plan:
    """`points_per_life`: how many points of I/O the daemon survives on average (0: all).

    `second_thoughts`: what somebody does about our first request that lets Apple go on: HALT comes while its answer
    is lost and it takes effect late; NAP is a pause in the console that lasts for less than a poll; MEANWHILE is what somebody
    does in the console while that request is on its way.

    `clock`, `disk`, `stops`: what is wrong with the machine the daemon runs on; None: nothing. `listed`: whom the
    configuration names; nobody: rights are not managed. `presses`: what is pressed in Slack; where nothing is, messages
    have no buttons. `line`: when people stop the line, and let it go on.
    `direct`: what is halted past the daemon, which is killed for that.
    `pair`: two daemons live through it, and what befalls each; what is wrong with the one machine, and how its lives end, is
    then not used. None: one.
    `alarms`: whether people are alarmed of halts that nobody answers, reminded, and told once a day how everything stands.
    """

    seed: int
    scenario: Scenario
    weather: Weather
    calm_from: datetime
    points_per_life: int
    orders: tuple[PlannedOrder, ...]
    second_thoughts: SecondThoughts = SecondThoughts.NONE
    supersede: Supersede = Supersede.FINISH
    ambushes: tuple[Ambush, ...] = ()
    clock: WrongClock | None = None
    disk: FailingDisk | None = None
    stops: StandingStill | StandsStill | None = None
    rest_from: datetime | None = None
    listed: tuple[Person, ...] = ()
    presses: tuple[PlannedPress, ...] = ()
    line: tuple[LineAct, ...] = ()
    direct: tuple[PlannedDirect, ...] = ()
    alarms: bool = False
    pair: Pair | None = None

    def words(self) -> str:
        """The plan for people who look for a failure's cause."""
        story = self.scenario
        acts = [
            f"{p.at} {p.act.store} {p.act.app} {p.act.act} {p.act.exposure_ppm or ''}" for p in story.people
        ]
        orders = [
            f"{o.at:%m-%d %H:%M} {o.command.actor}: {o.command.verb} {o.command.app} on {o.command.store}"
            f" {o.command.release} {o.command.policy} {o.command.to_ppm or ''}"
            f"{f' (as seen {o.seen_at:%m-%d %H:%M})' if o.seen_at else ''}"
            for o in self.orders
        ]
        return "\n".join(
            (
                f"policy {story.policy}, poll {story.poll}, {story.on_new_release}, {story.mode}",
                f"supersede {self.supersede}, listed {[person.name for person in self.listed]}",
                f"machine: {self.clock}, {self.disk}, {self.stops}",
                f"{story.start:%a %m-%d %H:%M} for {story.until}, calm from {self.calm_from:%m-%d %H:%M}",
                f"population {[(app.name, app.store, app.population) for app in story.apps]}",
                *(f"release {app.store} {release}" for app in story.apps for release in app.releases[1:]),
                f"faults {dict(self.weather.faults)} with {self.weather.chances}, latency {self.weather.latency}",
                f"outages {[(o.service, o.kind, str(o.begins), str(o.ends)) for o in story.outages]}",
                f"ambushes {[str(ambush) for ambush in self.ambushes]}",
                f"switches {story.switches}, a life of {self.points_per_life or 'endless'} points",
                f"console {acts}, orders {orders}, second thoughts: {self.second_thoughts}",
                f"presses {[str(press) for press in self.presses]}, the line {[str(act) for act in self.line]}",
                *((self.pair.words(),) if self.pair else ()),
                f"alarms {self.alarms}, halted past the daemon {[str(planned) for planned in self.direct]}",
            )
        )


def is_month(seed: int) -> bool:
    return seed % MONTH_EVERY == 0


def plain(seed: int) -> Plan:
    """As it is drawn, with nothing in it that seldom.py adds."""
    draw = Random(f"{seed}")
    month = is_month(seed)
    stores = (APP_STORE,) if month else draw.choice(_STORES)
    policy, span = _month(draw) if month else _days(draw, stores)
    start = draw.choice(_WEEKS) + timedelta(hours=draw.randrange(0, 96))
    apps = stories.apps(draw, stores, min(span.troubled, timedelta(days=4)))
    acts = people.a_long_pause(draw, apps) if month else people.acts(draw, apps, span.troubled)
    acts += people.with_other_releases(Random(f"{seed}/other releases"), apps, span.troubled)
    scenario = Scenario(
        name=f"seed-{seed}",
        story="",
        seed=seed,
        start=start,
        until=span.troubled + span.calm,
        poll=span.poll,
        policy=policy,
        mode="observe" if draw.random() < 0.04 else "act",
        on_new_release=draw.choice(("adopt",) * 8 + ("wait", "ignore")),
        apps=apps,
        people=acts,
        outages=(*outages(draw, stores, span.troubled), *(days_without_slack(draw) if month else ())),
        switches=switches(draw, stores),
    )
    return Plan(
        seed=seed,
        scenario=scenario,
        weather=weather(draw, stores),
        calm_from=start + span.troubled,
        points_per_life=draw.choice((0, 0, 0, 100, 300, 1000)),
        orders=() if month else people.orders(draw, scenario, span.troubled),
        second_thoughts=_second_thoughts(draw) if APP_STORE in stores else SecondThoughts.NONE,
        supersede=Random(f"{seed}/supersede").choice(tuple(Supersede)),
        ambushes=ambushes(Random(f"{seed}/ambushes"), stores, start, span.troubled),
        clock=a_wrong_clock(Random(f"{seed}/clock"), span.troubled),
        disk=a_failing_disk(Random(f"{seed}/disk")),
        stops=a_machine_that_stops(Random(f"{seed}/stops")),
        rest_from=start + span.troubled + max(REST, REST_LOOKS * span.poll),
    )


def of_two(plan: Plan) -> Plan:
    """The same story, lived through by two daemons."""
    return replace(plan, pair=a_pair(plan.seed, plan.scenario.start, plan.calm_from - plan.scenario.start))


def _second_thoughts(draw: Random) -> SecondThoughts:
    return draw.choice(
        (*(SecondThoughts.NONE,) * 10, SecondThoughts.HALT, SecondThoughts.NAP, SecondThoughts.NAP)
    )


def _days(draw: Random, stores: tuple[str, ...]) -> tuple[str, Span]:
    """Apple takes a day for each step, so that stories with the App Store are days long, and polled less often. What a
    story costs is how often the daemon looks."""
    long = draw.random() < 0.05
    if long and APP_STORE in stores:  # long enough for all of Apple's days
        troubled = timedelta(hours=draw.randrange(5 * 24, 9 * 24))
        return draw.choice(("standard", "apples-clock", "apples-clock")), Span(troubled, timedelta(hours=6))
    if long:
        return "standard", Span(timedelta(days=5), timedelta(hours=6))
    if APP_STORE in stores:
        poll = timedelta(hours=draw.choice((1, 2, 2, 3)))
        return draw.choice(_QUICK_APPLE), Span(max(poll * draw.randrange(11, 17), timedelta(hours=26)), poll)
    poll = timedelta(minutes=draw.choice((15, 30, 60, 60, 60, 120)))
    troubled = max(poll * draw.randrange(9, 16), timedelta(hours=6))
    return draw.choice(_QUICK), Span(troubled, poll)


def _month(draw: Random) -> tuple[str, Span]:
    poll = timedelta(hours=draw.choice((4, 6)))
    policy = draw.choice(("quick", "by-hand", "apples-clock", "apples-clock", "cautious", "office"))
    return policy, Span(timedelta(days=draw.choice((31, 34))), poll, timedelta(days=2))
