"""Fifteen short stories. Between them they meet every decision, every verb, and every point in points.py.

All but the last are a good day: what goes wrong in them is the daemon's own death. They are as short as the decision
in question allows, since each is played some hundred times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store, Supersede
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    Act,
    AppStory,
    LinkStory,
    Onset,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Scenario,
    Submitted,
)
from tests.simulation.buttons import PlannedPress
from tests.simulation.overriding import LISTED
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.weather import Weather

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
ANA = Actor(ActorKind.HUMAN, "ana")
_NOTHING = timedelta(0)
_FINE = Weather({}, {}, _NOTHING)


@dataclass(frozen=True, slots=True)
class Story:
    """`meets`: marks that its undisturbed run must have, so that it is still the story that its name says."""

    name: str
    plan: Plan
    meets: tuple[str, ...]


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def _play(share: int, *more: ReleaseStory, bad_from: float | None = None, **other: Any) -> AppStory:
    """5.1.0 is out; 5.2.0 is rolled out to `share` ppm at 06:00 and published at once."""
    newest = ReleaseStory(
        "5.2.0",
        5020,
        998_000,
        rolled_out=RolledOut(_NOTHING, share, _NOTHING),
        onset=None if bad_from is None else Onset(hours(bad_from), 940_000),
    )
    return _app(GOOGLE_PLAY, newest, *more, **other)


def _apple(
    *more: ReleaseStory, submitted: Submitted, bad_from: float | None = None, **other: Any
) -> AppStory:
    onset = None if bad_from is None else Onset(hours(bad_from), 900_000)
    newest = ReleaseStory("5.2.0", 5020, 998_000, submitted=submitted, onset=onset)
    return _app(APP_STORE, newest, *more, **other)


def _app(
    store: str, *releases: ReleaseStory, link: LinkStory | None = None, reviews: float = 0.0
) -> AppStory:
    on_play = store == GOOGLE_PLAY
    return AppStory(
        name="acme",
        store=store,
        package="com.acme.app",
        track="production" if on_play else "",
        population=2_000_000,
        sessions_per_user=4.0,
        uptake=hours(2),
        review=_NOTHING,
        releases=(ReleaseStory("5.1.0", 5010, 998_000), *releases),
        app_id="" if on_play else "6448311069",
        processing=_NOTHING,
        link=link,
        reviews_per_million_sessions=reviews,
    )


def _console(at: float, act: str, store: str = GOOGLE_PLAY, **more: Any) -> PlannedAct:
    return PlannedAct(hours(at), Act("acme", act, store=store, **more))


def _order(
    at: float, verb: CommandVerb, release: str, store: Store = Store.GOOGLE_PLAY, **more: Any
) -> PlannedOrder:
    when = MONDAY + hours(at)
    name = f"{verb.value}-{at}"
    return PlannedOrder(
        when, Command(name, verb, "acme", store, ANA, "for a test", when, None, release, **more)
    )


def _story(
    name: str,
    until: float,
    *apps: AppStory,
    meets: tuple[str, ...],
    policy: str = "quick",
    poll: float = 3,
    happens: tuple[PlannedAct | PlannedOrder | PlannedPress, ...] = (),
    supersede: Supersede = Supersede.FINISH,
    adopts: str = "adopt",
    alarms: bool = False,
) -> Story:
    scenario = Scenario(
        name=name,
        story="",
        seed=7,
        start=MONDAY,
        until=hours(until),
        poll=hours(poll),
        policy=policy,
        mode="act",
        on_new_release=adopts,
        apps=apps,
        people=tuple(event for event in happens if isinstance(event, PlannedAct)),
        outages=(),
        switches={},
    )
    orders = tuple(event for event in happens if isinstance(event, PlannedOrder))
    presses = tuple(event for event in happens if isinstance(event, PlannedPress))
    listed = LISTED if presses else ()
    plan = Plan(
        7,
        scenario,
        _FINE,
        MONDAY,
        0,
        orders,
        supersede=supersede,
        listed=listed,
        presses=presses,
        alarms=alarms,
    )
    return Story(name, plan, meets)


def _press(at: float, user: str, label: str) -> PlannedPress:
    return PlannedPress(MONDAY + hours(at), user, label)


_PHASED = Submitted(_NOTHING, _NOTHING, "after_approval", True, _NOTHING)
_UNPHASED = Submitted(_NOTHING, hours(4), "manual", False, _NOTHING)
_LINK = LinkStory(lead=GOOGLE_PLAY, after_ppm=50_000)
_NEWER = {"version": "5.3.0", "code": 5030, "crash_free_ppm": 998_000}

STORIES = (
    _story(
        "play-raise",
        6.5,
        _play(50_000),
        meets=("sent: raise for ADVANCE", "settled: raise confirmed", "decided on evidence"),
    ),
    _story(
        "play-halt",
        6.5,
        _play(200_000, bad_from=0.5),
        meets=("sent: halt for HALT", "settled: halt confirmed", "because: fail", "fact: issues_read"),
        policy="by-hand",
    ),
    _story(
        "play-complete",
        6.5,
        _play(200_000, reviews=20),
        meets=("sent: complete for COMPLETE", "settled: complete confirmed"),
        policy="office",
    ),
    _story(
        "halted-by-command-and-resumed",
        4,
        _play(200_000),
        meets=("order: halt accepted", "order: resume accepted", "settled: resume confirmed"),
        policy="by-hand",
        happens=(_order(1, CommandVerb.HALT, "5.2.0"), _order(2, CommandVerb.RESUME, "5.2.0")),
    ),
    _story(
        "halted-and-resumed-by-button",
        3.5,
        _play(200_000),
        meets=("pressed: halt accepted", "pressed: resume accepted", "press refused: nobody listed"),
        policy="by-hand",
        poll=1,
        happens=(
            *(_press(at, "U0LEE", "Halt") for at in (1.2, 1.4)),  # again, where the first came to nothing
            _press(1.8, "U0EVE", "Resume"),
            *(_press(at, "U0ANA", "Resume") for at in (2.2, 2.4)),
        ),
    ),
    _story(
        "halted-and-nobody-answers",
        6,
        _play(200_000, bad_from=0.2),
        meets=("alarm: pagerduty trigger", "alarm: pagerduty resolve", "alarm: webhook over", "told: digest"),
        policy="by-hand",
        poll=1,
        happens=(_order(5.5, CommandVerb.RESUME, "5.2.0"),),
        alarms=True,
    ),
    _story(
        "halted-past-the-daemon",
        4,
        _play(200_000),
        meets=("order: halt accepted", "settled: halt confirmed", "end: halted"),
        policy="by-hand",
        happens=(replace(_order(1, CommandVerb.HALT, "5.2.0"), direct=True),),
    ),
    _story(
        "halted-in-the-console",
        4.8,
        _play(200_000),
        meets=("order: hold accepted", "drifted: halted", "drifted: resumed", "fact: hold_ended"),
        policy="by-hand",
        happens=(
            _order(0.5, CommandVerb.HOLD, "5.2.0", hold_for=hours(1)),
            _console(1.5, "halt"),
            _console(4, "resume", exposure_ppm=200_000),
        ),
    ),
    _story(
        "advanced-by-command",
        4,
        _play(200_000),
        meets=("order: start accepted", "order: advance accepted", "sent: raise for ADVANCE"),
        policy="by-hand",
        happens=(
            _order(2, CommandVerb.START, "5.2.0"),
            _order(3, CommandVerb.ADVANCE, "5.2.0", without_evidence=True),
        ),
        adopts="wait",
    ),
    _story(
        "replaced-by-a-newer-one",
        7.5,
        _play(50_000, ReleaseStory("5.3.0", 5030, 998_000)),
        meets=("sent: start for START", "fact: superseded", "fact: newer_waits", "end: superseded"),
        policy="by-hand",
        happens=(_order(4, CommandVerb.START, "5.3.0"),),
        supersede=Supersede.REPLACE,
    ),
    _story(
        "known-bad-and-back",
        4.5,
        _play(200_000),
        meets=("fact: returned", "order: start refused", "order: start accepted", "drifted: halted"),
        policy="by-hand",
        happens=(
            _order(1, CommandVerb.HALT, "5.2.0"),
            _console(1.5, "new_release", exposure_ppm=10_000, **_NEWER),
            _order(1.7, CommandVerb.HOLD, "5.3.0", hold_for=hours(9)),
            _console(2.5, "roll_out", code=5020, exposure_ppm=20_000),
            _order(2.6, CommandVerb.START, "5.2.0"),
            _order(4, CommandVerb.START, "5.2.0", known_bad=True),
        ),
    ),
    _story(
        "apple-window",
        31,
        _apple(submitted=_PHASED),
        meets=(
            "app_store sent: step for ADVANCE",
            "app_store sent: pause for WAIT",
            "window closed by its rise",
        ),
        poll=6,
    ),
    _story(
        "apple-halt",
        12.5,
        _apple(submitted=_PHASED, bad_from=1),
        meets=("app_store sent: halt for HALT", "app_store settled: halt confirmed"),
        poll=6,
        policy="by-hand",
    ),
    _story(
        "apple-prepared-and-completed",
        14,
        _apple(submitted=_UNPHASED, reviews=20),
        meets=(
            "app_store sent: prepare for PREPARE",
            "app_store sent: start for START",
            "app_store sent: complete for COMPLETE",
        ),
        policy="apples-clock",
        happens=(
            _order(5, CommandVerb.START, "5.2.0", Store.APP_STORE),
            _order(13, CommandVerb.COMPLETE, "5.2.0", Store.APP_STORE),
        ),
    ),
    _story(
        "linked-halt",
        9.8,
        _play(200_000, bad_from=0.5, link=_LINK),
        _apple(submitted=_PHASED, link=_LINK),
        meets=("app_store fact: link_held", "app_store fact: link_answered", "sent: halt for HALT"),
        policy="by-hand",
        happens=(_order(9.5, CommandVerb.RESUME, "5.2.0", Store.APP_STORE),),
    ),
)
