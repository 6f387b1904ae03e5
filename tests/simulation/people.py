"""What people do, in the consoles and with orders; some of it will not be possible then, and is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, Act, AppStory, PlannedAct, Scenario
from tests.simulation.drawing import some_hours

_ACTS = {
    GOOGLE_PLAY: (
        "halt", "halt", "raise", "lower", "complete", "resume", "resume", "new_release", "publish",
        "send_for_review", "reject",
    ),
    APP_STORE: (
        "pause", "pause", "pause", "resume", "resume", "resume", "complete", "new_release", "release", "release",
        "remove_from_sale",
    ),
}  # fmt: skip
_ORDERS = (
    CommandVerb.START, CommandVerb.HOLD, CommandVerb.RESUME, CommandVerb.HALT, CommandVerb.ADVANCE, CommandVerb.COMPLETE,
    CommandVerb.RESUME, CommandVerb.ADVANCE,
)  # fmt: skip
"""What is drawn here; the others are drawn apart (overriding.py), so that these stories stay as they are."""

_WITH_SHARE = ("raise", "lower", "resume", "new_release")
_LONG_PAUSE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """`seen_at`: when its person looked at what the journals told, and the order goes by that; None: they saw nothing.
    `direct`: a halt that is given past the daemon and its database: to the store, and left beside the configuration."""

    at: datetime
    command: Command
    seen_at: datetime | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class PlannedDirect:
    """The daemon is killed at `at`, if it is alive, and then a person halts. `ordered`: the database answers them."""

    at: datetime
    app: str
    store: Store
    ordered: bool = True

    def __str__(self) -> str:
        return (
            f"{self.at:%m-%d %H:%M} {self.app} on {self.store} {'' if self.ordered else 'without a database'}"
        )


def acts(draw: Random, apps: tuple[AppStory, ...], troubled: timedelta) -> tuple[PlannedAct, ...]:
    """What people do in the consoles."""
    times = sorted(some_hours(draw, troubled) for _ in range(draw.choice((0, 0, 0, 1, 1, 2, 4))))
    found = [PlannedAct(at, _act(draw, draw.choice(apps), number, at)) for number, at in enumerate(times)]
    return tuple(found)


def _act(draw: Random, app: AppStory, number: int, at: timedelta) -> Act:
    act = draw.choice(_ACTS[app.store])
    if act == "new_release" and app.store == APP_STORE and not _all_out(app, at):
        act = "pause"
    share = draw.choice((10_000, 30_000, 100_000, 500_000))
    new = act == "new_release"
    return Act(
        app=app.name,
        act=act,
        exposure_ppm=share if app.store == GOOGLE_PLAY and act in _WITH_SHARE else None,
        version=f"6.{number}.0" if new else None,
        code=6000 + number if new else None,
        crash_free_ppm=998_000 if new else None,
        store=app.store,
    )


def with_other_releases(
    draw: Random, apps: tuple[AppStory, ...], troubled: timedelta
) -> tuple[PlannedAct, ...]:
    """On Google Play, in some stories: a draft of the next release; and whatever became of it, somebody rolls the
    first one out again."""
    app = draw.choice(apps)
    if app.store != GOOGLE_PLAY or draw.random() < 0.7:
        return ()
    draft = Act(app.name, "new_draft", version="7.0.0", code=7000, crash_free_ppm=998_000, store=app.store)
    again = Act(app.name, "roll_out", code=5020, exposure_ppm=20_000, store=app.store)
    found = [PlannedAct(some_hours(draw, troubled), act) for act in (draft, again) if draw.random() < 0.6]
    return tuple(sorted(found, key=lambda planned: planned.at))


def _all_out(app: AppStory, at: timedelta) -> bool:
    """Apple takes no new version while another one is on its way, so that none comes out after a higher one."""
    return all(
        release.submitted.release_type == "after_approval"
        and release.submitted.at + release.submitted.review + release.submitted.processing < at
        for release in app.releases
        if release.submitted
    )


def a_long_pause(draw: Random, apps: tuple[AppStory, ...]) -> tuple[PlannedAct, ...]:
    """Mostly somebody pauses early on, and nobody thinks of it for weeks; some wake up shortly before the end."""
    paused = PlannedAct(_LONG_PAUSE, Act(apps[0].name, "pause", store=apps[0].store))
    resumed = PlannedAct(timedelta(days=27), Act(apps[0].name, "resume", store=apps[0].store))
    return draw.choice(((paused, resumed), (paused,), (paused,), ()))


def orders(draw: Random, scenario: Scenario, troubled: timedelta) -> tuple[PlannedOrder, ...]:
    found = []
    for number in range(draw.choice((0, 0, 1, 2, 4, 6))):
        at = scenario.start + some_hours(draw, troubled)
        verb = draw.choice(_ORDERS)
        order = _order(draw, f"{scenario.seed}-{number}", verb, draw.choice(scenario.apps), at)
        found.append(PlannedOrder(at, order))
    return tuple(sorted(found, key=lambda order: order.at))


def second_thoughts(seed: int, app: AppStory, at: datetime) -> PlannedOrder:
    """A person's halt that comes right after a request of ours."""
    halt = Command(
        id=f"{seed}-second-thoughts",
        verb=CommandVerb.HALT,
        app=app.name,
        store=Store(app.store),
        actor=Actor(ActorKind.HUMAN, "kim"),
        reason="second thoughts",
        created_at=at,
        expires_at=None,
    )
    return PlannedOrder(at, halt)


def _order(draw: Random, name: str, verb: CommandVerb, app: AppStory, at: datetime) -> Command:
    long_enough = draw.random() < 0.7
    knowing = Random(f"{name}/knowing")
    return Command(
        id=name,
        verb=verb,
        app=app.name,
        store=Store(app.store),
        actor=Actor(ActorKind.HUMAN, "kim"),
        reason="because",
        created_at=at,
        expires_at=None,
        release=draw.choice(("", "", "5.2.0", "5.3.0")),
        hold_for=timedelta(hours=draw.randrange(1, 6)) if long_enough else None,
        without_evidence=draw.random() < 0.3,
        known_bad=knowing.random() < 0.4,
        supersede=knowing.random() < 0.4,
    )
