"""What a policy's plan says, against the rules that the daemon goes by."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from stagedrollout.core.calendar import Calendar, Weekday
from stagedrollout.core.model import OnNewRelease, Store
from stagedrollout.core.phasing import AppStoreTerms, Pacing
from stagedrollout.core.plan import plan
from stagedrollout.core.policy import Completion
from stagedrollout.core.units import PPM_ALL
from tests.core.apple import AppleWorld, terms
from tests.core.builders import DAY, HOUR, NOON, policy

WEEK = tuple(Weekday)[:5]


@pytest.mark.parametrize(
    "made",
    [
        terms(),
        terms(hours=6, calendar=Calendar(weekdays=WEEK)),
        terms(hours=0),
        terms(complete_from=10),
        terms(Pacing.FOLLOW),
        terms(Pacing.FOLLOW, complete_from=5, hours=5),
    ],
    ids=["guarded", "weekdays", "no bake", "early", "follow", "follow early"],
)
def test_a_healthy_release_keeps_to_the_plan(made) -> None:
    planned = plan(made, Store.APP_STORE, NOON)
    world = AppleWorld(made, choice=OnNewRelease.ADOPT)
    reached = {world.truth.exposure_ppm: world.now}
    world.one_pass()
    for _ in range(30 * 24 * 4):
        world.go(timedelta(minutes=15))
        reached.setdefault(world.truth.exposure_ppm, world.now)
        world.one_pass()
        reached.setdefault(world.truth.exposure_ppm, world.now)
    for step in planned.steps:
        assert step.begins is not None
        assert abs(reached[step.exposure_ppm] - step.begins) <= 2 * HOUR, step
    assert abs(world.rollout.pauses.at(world.now) - planned.paused) <= 6 * HOUR


def test_what_a_person_completes_has_no_end_in_the_plan() -> None:
    planned = plan(terms(completion=Completion.BY_HAND), Store.APP_STORE, NOON)
    assert planned.takes is None
    assert (planned.steps[-1].exposure_ppm, planned.steps[-1].begins) == (PPM_ALL, None)


def test_a_policy_that_ends_below_everyone_has_no_end_either() -> None:
    planned = plan(policy(5, 20, completion=Completion.BY_HAND), Store.GOOGLE_PLAY, NOON)
    assert [step.exposure_ppm for step in planned.steps] == [50_000, 200_000]


@pytest.mark.parametrize("days", [("tue",), ("mon", "wed"), ("mon", "wed", "fri")])
def test_a_calendar_without_two_days_in_a_row_is_refused_for_guarded_mode(days) -> None:
    calendar = Calendar(weekdays=tuple(Weekday(day) for day in days))
    with pytest.raises(ValueError, match="two weekdays in a row"):
        policy(1, 100, calendar=calendar)
    follow = AppStoreTerms(mode=Pacing.FOLLOW, complete_from=Decimal(5))
    assert plan(policy(1, 100, calendar=calendar, app_store=follow), Store.APP_STORE, NOON).takes is not None


def test_google_plays_plan_is_made_of_stages() -> None:
    planned = plan(policy(1, 10, 100), Store.GOOGLE_PLAY, NOON)
    assert [step.begins for step in planned.steps] == [NOON, NOON + DAY, NOON + 2 * DAY]
