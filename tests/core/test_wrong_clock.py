"""A release that went live while the machine's clock was days off: its bake, its watch and its evidence are counted from
when that really was, by the clock of the store."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core import facts
from stagedrollout.core.drift import by_the_right_clock, learn
from stagedrollout.core.facts import DecisionKind, Drift, Fact, Seen
from stagedrollout.core.fold import extend
from stagedrollout.core.hours import hour_ceil
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import ReleaseStatus, Settlement, Store, Verb
from stagedrollout.core.story import sentence
from stagedrollout.core.wording import notices
from tests.core.apple import ACTIVE, PAUSED, phased
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HALTED,
    HOUR,
    NOON,
    STAGED,
    code,
    decided,
    discovered,
    halted,
    intent,
    only,
    policy,
    ppm,
    rolling,
    seen,
    settled,
    shown,
    store,
    told,
    with_facts,
)
from tests.core.test_phased_drift import rolling as apple_rolling

pytestmark = pytest.mark.promise("R5", "R19")

OFF = [-2 * DAY, 2 * DAY]
"""What the machine's clock shows beside the time that it is."""

LIVE = NOON - HOUR
MINUTE = timedelta(minutes=1)
ANYTIME = st.integers(0, 3 * 24 * 60).map(lambda minutes: NOON + minutes * MINUTE)
ANYHOW = st.integers(-40 * 24 * 60, 40 * 24 * 60).map(lambda minutes: minutes * MINUTE)


def found(
    off: timedelta, live: datetime = LIVE, status: ReleaseStatus = STAGED
) -> tuple[Rollout, tuple[Fact, ...]]:
    """Found at `live`, by a clock that is `off`."""
    wrong = live + off
    begun = told(discovered(), facts.Started(ANNA, "go", "standard", "c0"), seen(status), start=wrong)
    news = by_the_right_clock(learn(begun, store(shown(status)), live), wrong, live)
    return extend(begun, news, wrong), news


@pytest.mark.parametrize("off", OFF)
def test_its_bake_is_neither_cut_nor_drawn_out_once_the_clock_is_right(off: timedelta) -> None:
    rollout, _ = found(off)
    early = decided(rollout, policy=policy(10, 50, bake=2 * HOUR))
    assert (early.kind, code(early), early.due) == (DecisionKind.WAIT, "bake", LIVE + 2 * HOUR)
    assert decided(rollout, policy=policy(10, 50, bake=HOUR)).kind is DecisionKind.ADVANCE


@pytest.mark.parametrize("off", OFF)
def test_it_is_watched_for_as_long_after_it_reached_everyone(off: timedelta) -> None:
    rollout, _ = found(off, status=COMPLETED)
    watched = decided(rollout, policy=policy(100, watch=DAY))
    assert (code(watched), watched.due) == ("watch", LIVE + DAY)


@pytest.mark.parametrize("off", OFF)
def test_nobody_is_told_a_second_time_once_the_clock_is_right(off: timedelta) -> None:
    rollout, news = found(off)
    assert [notice.headline for notice in notices(rollout, news, LIVE + off)] != []
    assert learn(rollout, store(shown()), NOON) == ()


@pytest.mark.parametrize("off", OFF)
def test_what_people_do_with_it_counts_from_its_first_hour_so_that_a_halt_comes_as_soon(
    off: timedelta,
) -> None:
    """By a clock that is ahead its run would begin in two days, and nothing be counted until then."""
    rollout, _ = found(off)
    assert (rollout.run_since, rollout.stages[-1].at) == (LIVE, LIVE)


@pytest.mark.promise("R3")
@given(off=ANYHOW)
def test_what_was_found_in_review_by_a_wrong_clock_counts_from_its_first_hour_once_that_is_right(
    off: timedelta,
) -> None:
    drafted = told(discovered(found=shown(DRAFT)), seen(DRAFT), start=LIVE - DAY + off)
    live = extend(drafted, learn(drafted, store(shown()), LIVE), LIVE)
    assert (live.run_since, live.live_since) == (LIVE, LIVE)


def _lowered() -> Rollout:
    lower = seen(STAGED, 5)
    return with_facts(rolling(), lower, facts.Drifted(Drift.LOWERED, seen(), lower))


RESTS = Seen.of(phased(PAUSED, 1))
RESUMES: dict[str, tuple[Rollout, tuple[Fact, ...]]] = {
    "by an order": (halted(rolling()), (intent(Verb.RESUME, 10, "i9"), settled(verb=Verb.RESUME, key="i9"))),
    "in the console": (halted(rolling()), (seen(), facts.Drifted(Drift.RESUMED, seen(HALTED), seen()))),
    "raised again in the console": (
        _lowered(),
        (seen(), facts.Drifted(Drift.RAISED, seen(STAGED, 5), seen())),
    ),
    "put there afresh": (halted(rolling()), (seen(DRAFT, 0), facts.Returned(seen(HALTED), seen(DRAFT, 0)))),
    "while it rests": (
        with_facts(halted(apple_rolling(phased(ACTIVE, 1))), RESTS),
        (facts.TakenUp(ANNA, "it is fine"),),
    ),
}
"""What begins a run anew: a halted rollout, and what a person does with it."""


def resumed(how: str, true: datetime, off: timedelta) -> Rollout:
    """At this time, by a clock that is `off`."""
    stopped, acts = RESUMES[how]
    return extend(stopped, by_the_right_clock(acts, true + off, true), true + off)


@pytest.mark.promise("R3")
@pytest.mark.parametrize("how", RESUMES)
@given(true=ANYTIME, off=ANYHOW)
def test_what_a_person_lets_go_on_is_watched_from_there_on_whatever_the_clock_says(
    how: str, true: datetime, off: timedelta
) -> None:
    """By one that is ahead no halt of ours would come for days; by one that is behind, what it was halted for would
    count once more and halt it again."""
    rollout = resumed(how, true, off)
    assert (rollout.halt, rollout.run_since) == (None, hour_ceil(true))
    if rollout.key.store is Store.GOOGLE_PLAY:  # and it is found to be live by the same look
        assert rollout.live_since is None
        rollout = extend(
            rollout, by_the_right_clock((facts.WentLive(ppm(10)),), true + off, true), true + off
        )
    assert (rollout.run_since, rollout.live_since) == (hour_ceil(true), true)
    assert [stage.at for stage in rollout.stages] == [true]


@pytest.mark.parametrize("how", RESUMES)
def test_history_says_when_that_was_by_the_store(how: str) -> None:
    fact = by_the_right_clock(RESUMES[how][1], NOON + DAY, NOON)[-1]
    assert f"{NOON:%Y-%m-%d %H:%M} UTC by the store" in sentence(fact)
    assert "by the store" not in sentence(RESUMES[how][1][-1])


@given(off=ANYHOW)
def test_nothing_else_that_is_written_down_has_another_time_beside_the_machines(off: timedelta) -> None:
    others = (
        seen(),
        facts.Drifted(Drift.HALTED, seen(), seen(HALTED)),
        settled(),
        settled(Settlement.IN_DOUBT, Verb.RESUME),
    )
    assert by_the_right_clock(others, NOON + off, NOON) == others


@pytest.mark.parametrize("off", OFF)
def test_what_was_counted_before_a_halt_was_lifted_does_not_count_again(off: timedelta) -> None:
    """Also where no store told the time when it was, as in journals from before that was asked."""
    rollout, _ = found(timedelta(0), NOON - 3 * DAY)
    wrong = NOON + off
    begun = with_facts(rollout, intent(Verb.RESUME, 10, "i9"), settled(verb=Verb.RESUME, key="i9"), at=wrong)
    assert begun.live_since is None
    again = by_the_right_clock(learn(begun, store(shown()), NOON), wrong, NOON)
    assert extend(begun, again, wrong).run_since == max(hour_ceil(wrong), NOON)


def test_history_says_that_the_clock_was_wrong_and_what_time_it_was() -> None:
    _, news = found(-2 * DAY)
    said = sentence(only(facts.WentLive, news))
    assert f"{LIVE:%Y-%m-%d %H:%M} UTC by the store" in said
    assert "clock is wrong" in said


def test_a_clock_that_is_right_is_what_a_bake_is_counted_by() -> None:
    rollout, news = found(timedelta(0))
    assert (only(facts.WentLive, news).since, rollout.live_since) == (None, LIVE)


def test_a_journal_from_before_clocks_were_told_apart_is_read_as_it_was() -> None:
    entry = facts.written(facts.WentLive(100_000), NOON)
    old = {name: value for name, value in entry.body.items() if name != "since"}
    assert facts.read(replace(entry, body=old)) == facts.WentLive(100_000)
