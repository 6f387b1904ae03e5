"""Troubles of a phased release, each once: late answers, refusals, removals, holds and freezes, long doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.calendar import Calendar, Freeze, Weekday
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import (
    CommandVerb,
    Mode,
    OnNewRelease,
    Outcome,
    ReleaseStatus,
    ReviewState,
    Settlement,
    Store,
    StoreRelease,
    Unread,
    Verb,
)
from stagedrollout.core.notice import NoticeKind
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import UnknownData
from tests.core.apple import ACTIVE, PAUSED, AppleWorld, completed, phased, terms
from tests.core.builders import HOUR, NOON, OLDER, order, shown
from tests.core.test_phased import DAYS, POLL, adopted, exposure, passes, status, told
from tests.core.world import Health, Reply

MINUTE = timedelta(minutes=1)


def order_for(verb: CommandVerb, **more):
    return order(verb, store=Store.APP_STORE, **more)


def halted(world: AppleWorld) -> None:
    world.one_pass(order=order_for(CommandVerb.HALT, id="h"))
    assert world.rollout.phase is Phase.HALTED


def test_a_halted_release_that_reaches_everyone_is_not_called_halted_any_more() -> None:
    world = adopted()
    halted(world)
    world.person(ReleaseStatus.COMPLETED)
    passes(world, HOUR)
    assert world.rollout.phase is Phase.NOT_HALTED
    assert "can NOT be halted" in told(world, NoticeKind.FAILING)[0]


def test_what_apple_completes_after_thirty_pause_days_is_no_persons_doing() -> None:
    world = adopted()
    world.health = Health.FAILED
    passes(world, 30 * DAYS, every=2 * HOUR)
    world.show(completed("COMPLETE on day 1"))
    world.one_pass()
    assert not [entry for entry in world.journal if entry.kind == "drifted"]
    assert "by Apple" in told(world, NoticeKind.COMPLETED)[0]


def test_a_late_window_is_ours_however_long_nobody_looked() -> None:
    world = adopted()
    passes(world, 5.5 * HOUR)
    policy = world.policy
    assert policy.app_store.bake == 12 * HOUR
    passes(world, 6 * HOUR)
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    halted(world)
    world.go(20 * MINUTE)  # the daemon is dead; the request lands meanwhile
    assert status(world) is ACTIVE
    world.crash()
    world.one_pass()
    world.one_pass()
    assert (status(world), world.rollout.phase) == (PAUSED, Phase.HALTED)
    assert not [entry for entry in world.journal if entry.kind == "drifted"]


def test_a_request_that_has_had_no_effect_is_forgotten_so_that_a_persons_resume_counts() -> None:
    world = adopted()
    passes(world, 11.5 * HOUR)
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    world.late.clear()  # it never arrives
    halted(world)
    world.go(10 * MINUTE)
    world.one_pass()
    assert "lapsed" in [entry.kind for entry in world.journal]
    world.go(HOUR)
    world.person(ACTIVE)
    world.one_pass()
    assert [entry.body["meaning"] for entry in world.journal if entry.kind == "drifted"] == ["resumed"]


def test_a_refused_step_leaves_nothing_that_has_to_be_watched() -> None:
    world = adopted()
    passes(world, 11.5 * HOUR)
    world.go(POLL)
    world.one_pass(reply=Reply.REFUSED)
    assert world.rollout.let_go_at is None


def test_a_pause_that_was_not_applied_is_wanted_until_it_shows() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT)
    world.one_pass(reply=Reply.NO_ANSWER)
    assert world.rollout.pause_wanted_since == NOON
    world.go(MINUTE)
    world.one_pass()
    assert world.rollout.pause_wanted_since is None


def test_a_start_that_apple_takes_slowly_is_still_a_start() -> None:
    draft = replace(
        shown(ReleaseStatus.DRAFT, review=ReviewState.APPROVED_NOT_PUBLISHED), status_word="INACTIVE"
    )
    world = AppleWorld(terms(), truth=draft)
    started = world.one_pass(order=order_for(CommandVerb.START, id="s")).sent
    assert started is not None
    assert started.change.verb is Verb.START
    assert world.rollout.steered is False, "the little Apple refuses"
    world.one_pass(order=order_for(CommandVerb.START, id="s2"), reply=Reply.NO_ANSWER)
    world.go(26 * HOUR)
    world.show(phased(ACTIVE, 2))
    world.one_pass()
    assert world.rollout.steered
    world.one_pass()
    assert status(world) is PAUSED


@pytest.mark.parametrize(
    ("state", "asked_again"), [(None, True), ("read", False)], ids=["turned away", "refused by Apple"]
)
def test_only_apples_own_refusal_ends_the_wish_for_phases(state: str | None, asked_again: bool) -> None:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.IN_REVIEW)
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=replace(draft, phased=False))
    look = world.look(timedelta(0)) if state else Unread("an agreement is missing", NOON)
    world._act = lambda *_: Outcome(Settlement.REFUSED, "no", look)  # type: ignore[method-assign]
    world.one_pass()
    change = world.one_pass().decision.change
    assert (change is not None) is asked_again


def test_a_version_removed_from_sale_is_left_alone() -> None:
    world = adopted()
    removed = "removed from sale: the phased release is over for good"
    world.show(replace(phased(ReleaseStatus.WITHDRAWN, 1), status_word=removed, exposure_ppm=0))
    sent = [passed.sent for passed in passes(world, DAYS)]
    assert not any(sent)
    assert world.rollout.phase is Phase.HALTED
    assert removed in world.rollout.reason
    refused = world.one_pass(order=order_for(CommandVerb.RESUME, id="r")).decision
    assert next(fact for fact in refused.also if isinstance(fact, facts.Commanded)).accepted is False


def test_a_removed_version_that_reads_active_again_is_nobodys_resume_and_is_halted_again() -> None:
    """Its phased release was over for good: either the app is back on sale, or the state that told of it forgot."""
    world = adopted()
    removed = replace(phased(ReleaseStatus.WITHDRAWN, 1), status_word="removed from sale", exposure_ppm=0)
    world.show(removed)
    passes(world, HOUR)
    assert world.rollout.phase is Phase.HALTED
    world.show(phased(ACTIVE, 2))
    sent = world.one_pass().sent
    assert sent is not None
    assert sent.change.verb is Verb.HALT
    assert world.rollout.halt is not None
    assert "though it was removed from sale" in " ".join(told(world, NoticeKind.DRIFT))
    passes(world, HOUR)
    assert status(world) is ReleaseStatus.PAUSED
    assert world.rollout.phase is Phase.HALTED


@pytest.mark.promise("R10")
def test_a_removed_version_that_reads_paused_after_a_restart_was_halted_by_nobody_and_cannot_be_resumed() -> (
    None
):
    """Only Apple's refusal told that it was removed; who asks anew reads of the same version that it is paused."""
    world = adopted()
    world.show(replace(phased(ReleaseStatus.WITHDRAWN, 1), status_word="removed from sale", exposure_ppm=0))
    passes(world, HOUR)
    told_before, known = told(world, NoticeKind.DRIFT), world.rollout
    world.show(phased(PAUSED, 1))
    assert not any(passed.sent for passed in passes(world, DAYS))
    assert told(world, NoticeKind.DRIFT) == told_before
    assert (world.rollout.seen, world.rollout.halt) == (known.seen, known.halt)
    refused = world.one_pass(order=order_for(CommandVerb.RESUME, id="r")).decision
    answer = next(fact for fact in refused.also if isinstance(fact, facts.Commanded))
    assert (answer.accepted, "removed from sale" in answer.text) == (False, True)


def test_a_hold_stands_on_a_release_that_nobody_started_even_if_its_pause_got_lost() -> None:
    world = AppleWorld(terms(Pacing.FOLLOW))
    world.one_pass()
    world.one_pass(order=order_for(CommandVerb.HOLD, id="h"), reply=Reply.NO_ANSWER)
    assert status(world) is ACTIVE
    world.go(MINUTE)
    world.one_pass()
    assert status(world) is PAUSED


@pytest.mark.promise("R7")
@pytest.mark.parametrize("reply", [Reply.DONE, Reply.NO_ANSWER, Reply.LOST_APPLIED])
def test_a_person_s_hold_stops_apple_also_where_the_app_ignores_the_release(reply: Reply) -> None:
    """Held is held; and whether our pause was applied is settled by looking, like everywhere."""
    world = AppleWorld(terms(Pacing.FOLLOW), choice=OnNewRelease.IGNORE)
    world.one_pass()
    world.one_pass(order=order_for(CommandVerb.HOLD, id="h"), reply=reply)
    passes(world, HOUR)
    assert status(world) is PAUSED
    assert world.rollout.intent is None
    assert world.rollout.ignored


def test_a_hold_that_runs_out_on_a_release_that_nobody_started_is_over() -> None:
    world = AppleWorld(terms(Pacing.FOLLOW))
    world.one_pass()
    world.one_pass(order=order_for(CommandVerb.HOLD, id="h", hold_for=HOUR))
    passes(world, 2 * HOUR)
    assert world.rollout.hold is None


def test_starting_a_live_version_during_a_freeze_brakes_it() -> None:
    day = NOON.date()
    world = AppleWorld(terms(calendar=Calendar(freezes=(Freeze(first=day, last=day, reason="quiet"),))))
    world.one_pass()
    world.one_pass(order=order_for(CommandVerb.START, id="s"))
    world.one_pass()
    assert (status(world), world.rollout.steered) == (PAUSED, True)


def test_who_overrides_doubt_knowingly_keeps_the_window_until_it_fails() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    world.health = Health.STALE
    world.one_pass(order=order_for(CommandVerb.ADVANCE, id="a", without_evidence=True))
    passes(world, 3 * HOUR)
    assert status(world) is ACTIVE
    world.health = Health.SICK
    passes(world, 2 * POLL)
    assert (status(world), world.rollout.phase) == (PAUSED, Phase.HALTED)


def test_a_version_that_is_replaced_while_a_change_is_open_is_superseded() -> None:
    world = adopted()
    passes(world, 11.5 * HOUR)
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    world.show(replace(phased(ReleaseStatus.REPLACED, 1), exposure_ppm=0))
    world.one_pass()
    assert world.rollout.phase is Phase.SUPERSEDED


def test_what_people_run_is_looked_up_when_the_version_goes_live() -> None:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.IN_REVIEW)
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=draft)
    assert world.rollout.baseline == ()
    world.others = (_replaced(),)
    world.show(phased(ACTIVE, 1))
    world.one_pass()
    assert world.rollout.baseline == (OLDER,)


def _replaced() -> StoreRelease:
    return replace(phased(ReleaseStatus.REPLACED, 7), release=OLDER, exposure_ppm=0)


def test_a_sample_at_the_edge_does_not_open_and_close_windows_all_the_time() -> None:
    world = adopted(terms(hours=0))
    steps = 0
    for poll in range(4 * 24):
        world.health = Health.FEW if poll % 2 else Health.HEALTHY
        world.go(timedelta(minutes=15))
        sent = world.one_pass().sent
        steps += sent is not None and sent.change.verb is Verb.STEP
    assert steps <= 24, "an hour of pause between two windows at least"


def test_a_daemon_that_is_set_to_observe_closes_its_own_window() -> None:
    world = adopted()
    passes(world, 12 * HOUR)
    assert status(world) is ACTIVE
    world.mode = Mode.OBSERVE
    world.health = Health.FAILED
    passes(world, HOUR)
    assert status(world) is PAUSED
    assert exposure(world) == 10_000


def test_mode_observe_completes_nothing_though_a_window_of_ours_is_still_open() -> None:
    """Somebody turns to `follow` with an early completion, and to observe, between two passes of an open window."""
    world = adopted()
    passes(world, 14 * HOUR)
    assert status(world) is ACTIVE
    world.mode, world.policy = Mode.OBSERVE, terms(Pacing.FOLLOW, complete_from=1)
    told_of = passes(world, 3 * HOUR)
    assert DecisionKind.COMPLETE in {passed.decision.kind for passed in told_of}
    assert not [passed.sent for passed in told_of if passed.sent]


def test_no_window_lets_apple_step_on_a_day_without_raises() -> None:
    weekdays = tuple(Weekday)[:5]
    world = adopted(terms(hours=1, calendar=Calendar(weekdays=weekdays)))
    grew = []
    before = exposure(world)
    for _ in range(14 * 24):
        world.go(HOUR)
        if exposure(world) != before:
            before = exposure(world)
            grew.append(world.now.weekday())
        world.one_pass()
    assert grew
    assert not {5, 6} & set(grew)


def test_doubt_that_lasts_is_said_aloud_as_the_policy_promises() -> None:
    world = adopted(terms(unknown_data=UnknownData(after=DAYS)))
    world.health = Health.FAILED
    passes(world, 23 * HOUR)
    assert not [n for n in world.notices if n.kind is NoticeKind.HELD and n.broadcast]
    passes(world, 2 * HOUR)
    assert [n for n in world.notices if n.kind is NoticeKind.HELD and n.broadcast]


def test_a_healthy_guarded_release_sends_two_notices_a_step() -> None:
    world = adopted()
    passes(world, 14 * DAYS)
    raised = told(world, NoticeKind.RAISED)
    assert len(raised) == 2 * world.steps
    assert len(world.notices) <= 2 * world.steps + 4


def test_a_pause_that_lands_late_is_no_persons_halt() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    world.health = Health.FAILED
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    assert status(world) is ACTIVE
    world.health = Health.HEALTHY
    world.go(timedelta(seconds=60))
    world.one_pass()  # all is well again, and nothing is to be paused any more
    world.go(timedelta(seconds=60))
    assert status(world) is PAUSED, "the request landed late"
    world.one_pass()
    assert world.rollout.halt is None
    passes(world, 2 * HOUR)
    assert status(world) is ACTIVE


def test_a_pause_that_never_landed_does_not_excuse_a_person_hours_later() -> None:
    world = adopted(terms(Pacing.FOLLOW))
    world.health = Health.FAILED
    world.go(POLL)
    world.one_pass(reply=Reply.LOST_NOT_APPLIED)
    world.late.clear()
    world.health = Health.HEALTHY
    passes(world, 2 * HOUR)
    world.person(PAUSED)
    passes(world, HOUR)
    assert world.rollout.phase is Phase.HALTED


def test_one_odd_answer_is_held_by_and_forgotten() -> None:
    world = adopted()
    passes(world, 2 * HOUR)
    before = world.truth
    world.show(replace(phased(ReleaseStatus.UNKNOWN, 1), status_word="ASLEEP", exposure_ppm=0))
    world.go(POLL)
    held = world.one_pass().decision
    assert held.reasons[0].code == "unknown_status"
    world.show(before)
    passes(world, HOUR)
    assert world.rollout.phase is Phase.ROLLING_OUT
    assert not [entry for entry in world.journal if entry.kind == "drifted"]


def test_adopting_in_doubt_pauses_at_once_also_where_apples_clock_leads() -> None:
    world = AppleWorld(terms(Pacing.FOLLOW), choice=OnNewRelease.ADOPT)
    world.health = Health.FAILED
    world.one_pass()
    assert status(world) is PAUSED
