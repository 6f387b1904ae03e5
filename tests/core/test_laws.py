"""Laws that hold between two decisions: what may be changed about the world without changing what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core import facts
from stagedrollout.core.assessment import Circumstances, Verdict, assess
from stagedrollout.core.calendar import Calendar, Hours, Weekday
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.drift import learn
from stagedrollout.core.events import Entry
from stagedrollout.core.fold import extend
from stagedrollout.core.ledger import Counted, Ledger, Measure, Place, Tallied, Tally, take
from stagedrollout.core.model import Command, CommandVerb, Mode, ReleaseStatus, ReviewState, StoreState
from stagedrollout.core.observation import Gap, Metric, Observation, Opinion, Reading, Unheard
from tests.core.builders import (
    COMPLETED,
    HALTED,
    HOUR,
    NOON,
    STAGED,
    case,
    gate,
    hours,
    order,
    policy,
    rolling,
    shown,
)
from tests.core.situations import SITUATIONS
from tests.core.world import Cut, Health, Reply, World, raises

ORDERS: tuple[Command | None, ...] = (
    None,
    *(order(verb) for verb in CommandVerb),
    *(order(verb, without_evidence=True) for verb in (CommandVerb.ADVANCE, CommandVerb.COMPLETE)),
)
BY_DATE = (
    "in a freeze",
    "outside the hours",
    "a draft in a freeze",
    "held in a freeze",
    "halted in a freeze",
)
"""What stands in a calendar is a date of its own, which does not move along."""


def moved(value: Any, by: timedelta) -> Any:
    """The same value, with every instant in it so much later."""
    match value:
        case datetime():
            return value + by
        case tuple():
            return tuple(moved(item, by) for item in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            init = {f.name: moved(getattr(value, f.name), by) for f in fields(value) if f.init}
            return replace(value, **init)
        case _:
            return value


def _situations() -> Iterator[tuple[str, Case]]:
    for name, build in SITUATIONS.items():
        for verdict in Verdict:
            for command in ORDERS:
                yield name, build(verdict, command, Mode.ACT)


def _bare(decision: Decision) -> tuple[Any, ...]:
    return (
        decision.kind,
        decision.change,
        tuple(r.code for r in decision.reasons),
        [type(f) for f in decision.also],
    )


@pytest.mark.promise("R19")
def test_the_same_case_some_weeks_later_is_decided_the_same_some_weeks_later() -> None:
    by = timedelta(weeks=5)
    for name, one in _situations():
        if any(part in name for part in BY_DATE):
            continue
        later = replace(moved(replace(one, policy=policy()), by), policy=one.policy)
        now, then = decide(one), decide(later)
        assert _bare(now) == _bare(then), name
        assert then.due == (now.due + by if now.due else None), name


class Step(NamedTuple):
    """What a pass of a course is played with."""

    wait: timedelta
    health: Health
    reply: Reply
    cut: Cut
    verb: CommandVerb | None
    outside: ReleaseStatus | None


STEPS = st.builds(
    Step,
    st.sampled_from([timedelta(minutes=4), HOUR, 7 * HOUR, 25 * HOUR, 25 * HOUR]),
    st.sampled_from([Health.HEALTHY] * 6 + list(Health)),
    st.sampled_from([Reply.DONE] * 6 + list(Reply)),
    st.sampled_from([Cut.NOWHERE] * 6 + list(Cut)),
    st.sampled_from([None] * 6 + list(CommandVerb)),
    st.sampled_from([None] * 8 + [HALTED, STAGED, COMPLETED]),
)
WEEKDAYS = Calendar(weekdays=tuple(Weekday)[:5], hours=Hours(start=time(8), end=time(18)))


def _played(steps: list[Step], begins: datetime) -> list[tuple[Any, ...]]:
    """Every decision of the course, and what the store came to show, by the time since it began."""
    world = World(
        policy(1, 10, 50, 100, calendar=WEEKDAYS), now=begins, truth=shown(STAGED, 5), served_since=begins
    )
    world.one_pass(order=order(CommandVerb.START, id="c"))
    course = []
    for number, step in enumerate(steps):
        world.now += step.wait
        world.health = step.health
        if step.outside and world.truth:
            percent = world.truth.exposure_ppm / 10_000
            world.show(shown(step.outside, percent if step.outside is STAGED else None))
        command = order(step.verb, id=f"c{number}", without_evidence=True) if step.verb else None
        passed = world.one_pass(order=command, reply=step.reply, cut=step.cut)
        due = passed.decision.due
        course.append((world.now - begins, _bare(passed.decision), due and due - begins, world.truth))
    return course


@pytest.mark.promise("R19")
@settings(max_examples=60)
@given(steps=st.lists(STEPS, min_size=5, max_size=40), weeks=st.integers(1, 500))
def test_a_course_that_happens_some_weeks_later_takes_the_same_course(steps: list[Step], weeks: int) -> None:
    """Weekdays and hours of a window, bakes, holds, stale looks: all by the time since it began. In UTC, where no
    clock is put forward between the two."""
    assert _played(steps, NOON + timedelta(weeks=weeks)) == _played(steps, NOON)


@pytest.mark.promise("R13")
def test_whoever_decides_twice_on_one_observation_acts_once() -> None:
    """Two passes on the same look: the second one finds the first one's intent, and sends nothing more."""
    world = World(policy(1, 10, 50, 100))
    world.one_pass(order=order(CommandVerb.START, id="c0"))
    for _ in range(12):
        world.now += 5 * HOUR
        world.one_pass()
    for _ in range(20):
        world.now += 26 * HOUR
        before = len(world.past)
        first = world.one_pass()
        again = world.one_pass()
        assert not (first.sent and again.sent), "one observation, two raises"
        assert len(world.past) - before <= 1
    lost = World(policy(1, 10, 50, 100))
    lost.one_pass(order=order(CommandVerb.START, id="c0"), reply=Reply.LOST_APPLIED)
    assert lost.one_pass().sent is None


@pytest.mark.promise("R1")
@given(order_of=st.permutations([0, 1, 2, 3]), which=st.sampled_from(list(Health)))
def test_in_whatever_order_the_readings_come_the_decision_is_the_same(
    order_of: list[int], which: Health
) -> None:
    told = _four(which)
    rules = policy(
        1, 10, 50, 100, gates=(gate(), gate(metric=Metric.CRASH_FREE_USERS, floor=gate().floor - 1))
    )
    seen = Circumstances(now=NOON, run_since=NOON - 48 * HOUR, live_since=NOON - 48 * HOUR, poll=HOUR)
    straight = assess(rules, told, seen)
    shuffled = assess(rules, tuple(told[n] for n in order_of), seen)
    assert straight == shuffled
    assert decide(case(policy=rules, assessment=straight)) == decide(case(policy=rules, assessment=shuffled))


def _four(which: Health) -> tuple[Reading, ...]:
    (sessions,) = World(policy()).readings(which)
    users = hours(*[(500, 1)] * 12, metric=Metric.CRASH_FREE_USERS)
    heard = (
        Unheard("reviews", Opinion.REVIEWS, Gap.ABSENT, "none"),
        Unheard("average", Opinion.AVERAGE, Gap.FAILED, "x"),
    )
    return (sessions, users, *heard)


@pytest.mark.promise("R1")
@given(turn=st.permutations(list(range(8))))
def test_in_whatever_order_the_buckets_come_the_ledger_is_the_same(turn: list[int]) -> None:
    buckets = [Counted(Place(NOON + n * HOUR), Tally(100 + n, n, 900, 3)) for n in range(8)]

    def taken(each: list[Counted]) -> Ledger:
        return take(Ledger("x"), Tallied("s", Measure.CRASHED, tuple(each), NOON + 8 * HOUR), NOON).ledger

    assert taken([buckets[n] for n in turn]) == taken(buckets)


@pytest.mark.promise("R23")
def test_a_word_nobody_knows_changes_nothing_but_towards_holding() -> None:
    """The store says of the release, or of its review, what this version has no word for."""
    for name, one in _situations():
        look = one.observation.store
        if not isinstance(look, StoreState) or one.found is None or one.rollout.halt:
            continue
        known = decide(one)
        for odd in (
            {"status": ReleaseStatus.UNKNOWN, "status_word": "paused"},
            {"review": ReviewState.UNKNOWN, "review_word": "RECONSIDERED"},
        ):
            releases = tuple(
                replace(each, **odd) if each.release.id == one.rollout.release.id else each
                for each in look.releases
            )
            strange = replace(look, releases=releases)
            told = learn(one.rollout, strange, one.now)
            rollout = extend(one.rollout, told, one.now)
            seen = Observation(one.now, strange, one.observation.readings)
            decision = decide(replace(one, rollout=rollout, observation=seen))
            assert raises(known) or not raises(decision), f"{name}: {odd}"
            if one.order is None:
                assert not raises(decision), f"{name}: {odd}"


@pytest.mark.promise("R16", "R23")
def test_a_field_that_a_newer_version_wrote_into_a_fact_changes_nothing() -> None:
    rollout = rolling()
    for fact in (facts.Seen.of(case().found), facts.WentLive(100_000), facts.Superseded("5.3.0")):  # type: ignore[arg-type]
        entry = facts.written(fact, NOON)
        newer = Entry(entry.kind, entry.at, {**entry.body, "mood": {"of": ["the", "store"]}})
        assert facts.read(newer) == fact
        assert extend(rollout, (facts.read(newer),), NOON) == extend(rollout, (fact,), NOON)
