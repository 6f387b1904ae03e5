"""What happens to a phased release: windows, steps, pauses, and the budget of pause-days."""

from __future__ import annotations

from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.calendar import Calendar, Freeze
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import CommandVerb, OnNewRelease, ReleaseStatus, Verb
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.phasing import AppStoreTerms, Pacing, PauseClock
from stagedrollout.core.policy import Completion
from stagedrollout.core.units import PPM_ALL
from tests.core.apple import ACTIVE, PAUSED, AppleWorld, phased, terms
from tests.core.builders import HOUR, NOON, order
from tests.core.world import Health, Passed, Reply

POLL = timedelta(minutes=30)
DAYS = timedelta(days=1)


def adopted(policy=None, **more) -> AppleWorld:
    """A release found active on Apple's first day, and adopted in the first pass."""
    world = AppleWorld(policy or terms(), choice=OnNewRelease.ADOPT, **more)
    for _ in range(2):
        world.one_pass()
    return world


def passes(world: AppleWorld, span: timedelta, every: timedelta = POLL) -> list[Passed]:
    return [_after(world, every) for _ in range(int(span / every))]


def _after(world: AppleWorld, span: timedelta) -> Passed:
    world.go(span)
    return world.one_pass()


def status(world: AppleWorld) -> ReleaseStatus:
    assert world.truth is not None
    return world.truth.status


def exposure(world: AppleWorld) -> int:
    assert world.truth is not None
    return world.truth.exposure_ppm


def told(world: AppleWorld, kind: NoticeKind) -> list[str]:
    return [notice.headline for notice in world.notices if notice.kind is kind]


def test_a_guarded_release_is_paused_in_the_pass_that_adopts_it() -> None:
    world = adopted()
    assert status(world) is PAUSED
    assert world.rollout.phase is Phase.ROLLING_OUT


def test_a_guarded_release_gets_its_window_after_the_bake_and_is_paused_after_the_step() -> None:
    world = adopted()
    passes(world, 11 * HOUR)
    assert (status(world), exposure(world)) == (PAUSED, 10_000)
    passes(world, 2 * HOUR)
    assert status(world) is ACTIVE
    passes(world, 25 * HOUR)
    assert (status(world), exposure(world)) == (PAUSED, 20_000)
    assert world.steps == 1


def test_a_healthy_guarded_release_reaches_everyone_by_our_own_decision() -> None:
    world = adopted()
    decisions = [passed.decision for passed in passes(world, 14 * DAYS)]
    assert status(world) is ReleaseStatus.COMPLETED
    assert exposure(world) == PPM_ALL
    assert world.steps == 5, "1 to 50 % are Apple's steps, 100 % is a decision"
    assert [d.change.verb for d in decisions if d.kind is DecisionKind.COMPLETE and d.change] == [
        Verb.COMPLETE
    ]


def test_completion_by_hand_stays_paused_at_half_of_the_users() -> None:
    world = adopted(terms(completion=Completion.BY_HAND))
    passes(world, 14 * DAYS)
    assert (status(world), exposure(world)) == (PAUSED, 500_000)


def test_a_policy_that_names_an_early_completion_completes_from_that_share() -> None:
    world = adopted(terms(complete_from=10))
    passes(world, 14 * DAYS)
    assert status(world) is ReleaseStatus.COMPLETED
    assert world.steps == 3


@pytest.mark.parametrize("health", [h for h in Health if h is not Health.HEALTHY])
def test_anything_but_a_pass_closes_an_open_window_at_once(health: Health) -> None:
    world = adopted()
    passes(world, 14 * HOUR)
    assert status(world) is ACTIVE
    world.health = health
    _after(world, POLL)
    assert status(world) is PAUSED


def test_a_daemon_that_dies_outside_a_window_costs_nothing() -> None:
    world = adopted()
    passes(world, 3 * HOUR)
    world.go(3 * DAYS)
    assert exposure(world) == 10_000


def test_a_daemon_that_dies_inside_a_window_costs_one_step_a_day() -> None:
    world = adopted()
    passes(world, 14 * HOUR)
    world.go(3 * DAYS)
    assert exposure(world) == 100_000
    world.one_pass()
    assert status(world) is PAUSED, "the first look of the next daemon ends it"


def test_a_window_in_which_apple_takes_no_step_is_closed_after_a_day() -> None:
    world = adopted()
    passes(world, 13 * HOUR)
    assert status(world) is ACTIVE
    world.into_day = timedelta(days=-30)  # Apple does not step, for whatever reason
    passes(world, 24 * HOUR)
    assert any(
        "no step within 24 h" in entry.body["reasons"][0]["text"]
        for entry in world.journal
        if entry.kind == "decided"
    )


def test_a_failing_release_is_halted_where_it_rests_and_stays_paused() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.health = Health.SICK
    passes(world, 2 * POLL)
    assert status(world) is PAUSED
    assert world.rollout.phase is Phase.HALTED
    assert len(told(world, NoticeKind.HALTED)) == 1
    world.health = Health.HEALTHY
    passes(world, 5 * DAYS)
    assert (status(world), exposure(world)) == (PAUSED, 10_000)


def test_a_failing_release_in_its_window_is_paused_in_the_pass_that_confirms_it() -> None:
    world = adopted()
    passes(world, 14 * HOUR)
    world.health = Health.SICK
    _after(world, POLL)
    assert status(world) is PAUSED, "the first suspicion closes the window already"
    _after(world, POLL)
    assert world.rollout.phase is Phase.HALTED


def test_a_person_who_pauses_in_the_console_has_halted_it() -> None:
    world = adopted()
    passes(world, 14 * HOUR)
    world.person(PAUSED)
    passes(world, 5 * DAYS)
    assert world.rollout.phase is Phase.HALTED
    assert (status(world), exposure(world)) == (PAUSED, 10_000)


def test_a_person_who_resumes_in_the_console_opens_a_window() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.person(ACTIVE)
    passes(world, 2 * HOUR)
    assert status(world) is ACTIVE
    passes(world, 24 * HOUR)
    assert (status(world), exposure(world)) == (PAUSED, 20_000)


def test_a_resume_lifts_the_halt_and_waits_for_evidence() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.one_pass(order=order(CommandVerb.HALT, id="h"))
    passes(world, 2 * DAYS)
    assert world.rollout.phase is Phase.HALTED
    world.one_pass(order=order(CommandVerb.RESUME, id="r"))
    assert status(world) is PAUSED
    assert world.rollout.phase is Phase.ROLLING_OUT
    passes(world, 2 * DAYS)
    assert exposure(world) == 20_000


def test_an_advance_opens_the_window_before_the_bake_is_over_but_not_on_doubt() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.health = Health.STALE
    world.one_pass(order=order(CommandVerb.ADVANCE, id="a1"))
    assert status(world) is PAUSED
    world.health = Health.FEW
    world.one_pass(order=order(CommandVerb.ADVANCE, id="a2"))
    assert status(world) is ACTIVE
    passes(world, 2 * HOUR)
    assert status(world) is ACTIVE, "a person may know better than a small sample"


def test_a_freeze_closes_the_window_and_keeps_it_closed() -> None:
    day = (NOON + DAYS).date()
    world = adopted(terms(calendar=Calendar(freezes=(Freeze(first=day, last=day, reason="quiet"),))))
    passes(world, 11.5 * HOUR)
    assert status(world) is PAUSED
    passes(world, 3 * HOUR)
    assert status(world) is PAUSED


def test_following_apples_clock_a_healthy_release_is_never_touched() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    seen = passes(world, 8 * DAYS)
    assert status(world) is ReleaseStatus.COMPLETED
    assert not [passed.sent for passed in seen if passed.sent]
    assert world.rollout.phase is Phase.COMPLETED


def test_following_a_small_sample_waits_and_leaves_it_active() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    world.health = Health.FEW
    passes(world, 2 * DAYS)
    assert status(world) is ACTIVE


def test_following_doubt_pauses_and_evidence_lets_it_go_on() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    passes(world, 12 * HOUR)
    world.health = Health.FAILED
    passes(world, 3 * DAYS)
    assert (status(world), exposure(world)) == (PAUSED, 10_000)
    assert told(world, NoticeKind.HELD)
    world.health = Health.FEW
    passes(world, 2 * HOUR)
    assert status(world) is PAUSED, "a raise needs more than the end of doubt"
    world.health = Health.HEALTHY
    passes(world, 2 * HOUR)
    assert status(world) is ACTIVE


@pytest.mark.promise("R7")
@pytest.mark.parametrize(
    ("health", "stands"), [(Health.STALE, PAUSED), (Health.FEW, ACTIVE), (Health.HEALTHY, ACTIVE)]
)
def test_a_hold_that_runs_out_hides_no_doubt_from_what_somebody_let_go_on(
    health: Health, stands: ReleaseStatus
) -> None:
    world = adopted(terms(Pacing.FOLLOW))
    world.one_pass(order=order(CommandVerb.HOLD, id="h", hold_for=HOUR))
    passes(world, POLL)
    assert status(world) is PAUSED
    world.person(ACTIVE)
    world.health = health
    passes(world, HOUR, every=HOUR)
    assert (status(world), world.rollout.hold) == (stands, None)


def test_following_a_person_decides_over_everyone_where_the_policy_says_so() -> None:
    world = adopted(terms(Pacing.FOLLOW, completion=Completion.BY_HAND))
    passes(world, 9 * DAYS)
    assert (status(world), exposure(world)) == (PAUSED, 500_000)


def test_following_an_early_completion_needs_its_bake_and_its_evidence() -> None:
    world = adopted(terms(Pacing.FOLLOW, complete_from=5))
    passes(world, 2.25 * DAYS)
    assert exposure(world) == 50_000
    passes(world, 0.5 * DAYS)
    assert status(world) is ReleaseStatus.COMPLETED


def test_a_release_found_paused_is_under_a_persons_halt() -> None:
    world = adopted(truth=phased(PAUSED, 2), day=2)
    passes(world, 3 * DAYS)
    assert world.rollout.phase is Phase.HALTED
    assert (status(world), exposure(world)) == (PAUSED, 20_000)


def test_a_release_that_nobody_started_goes_on_and_people_are_told_so() -> None:
    world = AppleWorld(terms())
    passes(world, 2 * DAYS)
    assert status(world) is ACTIVE
    assert exposure(world) == 50_000
    first = next(notice for entry in [world] for notice in entry.notices or [None])
    assert first is None or first.kind is not NoticeKind.HALTED


def test_a_pause_whose_answer_is_lost_is_sent_again_until_it_shows() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT)
    world.one_pass(reply=Reply.NO_ANSWER)
    assert status(world) is ACTIVE
    assert told(world, NoticeKind.NOT_HALTED)
    _after(world, POLL)
    assert status(world) is PAUSED


def test_a_late_window_that_opens_after_a_halt_is_closed_again_and_is_nobodys_resume() -> None:
    world = adopted()
    passes(world, 11.5 * HOUR)
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    assert status(world) is PAUSED
    world.one_pass(order=order(CommandVerb.HALT, id="h"))
    assert world.rollout.phase is Phase.HALTED
    world.go(timedelta(seconds=100))
    assert status(world) is ACTIVE, "the request landed late"
    for _ in range(2):
        world.one_pass()
    assert status(world) is PAUSED
    assert world.rollout.phase is Phase.HALTED
    assert not [e for e in world.journal if e.kind == "drifted"]


def test_pause_days_are_warned_of_at_20_25_and_28_and_never_spent_silently() -> None:
    world = adopted()
    world.health = Health.FAILED
    passes(world, 31 * DAYS, every=2 * HOUR)
    assert [h.split(" was paused for ")[1][:2] for h in told(world, NoticeKind.PAUSE_BUDGET)] == [
        "20",
        "25",
        "28",
    ]
    assert world.rollout.pauses.at(world.now) > 30 * DAYS


def test_what_apple_did_by_itself_is_noted_apart() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    passes(world, 3.5 * DAYS)
    stepped = [entry for entry in world.journal if entry.kind == "stepped"]
    assert [entry.body["after"]["exposure_ppm"] for entry in stepped] == [20_000, 50_000, 100_000]
    assert not [entry for entry in world.journal if entry.kind == "drifted"]


def test_somebody_completes_it_in_the_console_and_that_is_no_step_of_apples() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.person(ReleaseStatus.COMPLETED)
    passes(world, 2 * POLL)
    assert world.rollout.phase is Phase.COMPLETED
    assert [entry.body["meaning"] for entry in world.journal if entry.kind == "drifted"] == ["raised"]


def test_a_completed_release_that_fails_is_said_to_be_beyond_halting() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.person(ReleaseStatus.COMPLETED)
    passes(world, 2 * POLL)
    world.health = Health.SICK
    seen = passes(world, 6 * HOUR)
    assert not [passed.sent for passed in seen if passed.sent]
    (failing,) = told(world, NoticeKind.FAILING)
    assert "can NOT be halted" in failing
    refused = world.one_pass(order=order(CommandVerb.HALT, id="h")).decision
    answer = next(fact for fact in refused.also if isinstance(fact, facts.Commanded))
    assert not answer.accepted


def test_terms_that_would_spend_the_pause_budget_on_bake_are_refused() -> None:
    with pytest.raises(ValueError, match="30 pause-days"):
        AppStoreTerms(bake=timedelta(days=4))


def test_terms_may_ask_for_no_bake_and_for_no_longer_wait_than_the_bake() -> None:
    assert AppStoreTerms(bake=timedelta(0)).bake_days == timedelta(0)
    assert AppStoreTerms(bake=HOUR, max_bake=HOUR)
    with pytest.raises(ValueError, match="cannot be shorter than bake"):
        AppStoreTerms(bake=HOUR, max_bake=HOUR / 2)


def test_people_are_warned_at_the_very_day_and_the_daemon_knows_when_the_next_one_comes() -> None:
    paused = PauseClock(timedelta(days=20), NOON)
    assert (paused.warning(NOON - HOUR), paused.warning(NOON)) == (20, 20)
    assert paused.next_warning() == NOON + timedelta(days=5)
    assert PauseClock(timedelta(days=19), NOON).warning(NOON) == 0
    assert PauseClock(timedelta(days=28), NOON).next_warning() is None
    assert PauseClock(timedelta(days=19)).next_warning() is None
