"""A newer release beside a rollout: `supersede: finish | hold | replace`, and a person's word between the two."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.case import Decision
from stagedrollout.core.facts import DecisionKind, Drift, Fact
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    CommandVerb,
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Store,
    StoreRelease,
    StoreState,
    Supersede,
    Verb,
)
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.succession import of_newer, staged_before, taking_its_place
from stagedrollout.core.wording import notices
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, phased, terms
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    KEY,
    NEWER,
    NOON,
    OLDER,
    RELEASE,
    STAGED,
    UNKNOWN,
    answer,
    case,
    code,
    decided,
    discovered,
    halted,
    only,
    order,
    rolling,
    shown,
    store,
    waiting,
    with_facts,
)

START, RESUME, ADVANCE, COMPLETE = (
    CommandVerb.START,
    CommandVerb.RESUME,
    CommandVerb.ADVANCE,
    CommandVerb.COMPLETE,
)
NEWEST = Release("5040", "5.4.0", "5040")
WAITS = shown(DRAFT, release=NEWER)
FINISH, HOLD, REPLACE = Supersede.FINISH, Supersede.HOLD, Supersede.REPLACE


def of(release: Release, like: Rollout) -> Rollout:
    """A rollout of another release of the same app."""
    return replace(like, release=release, key=RolloutKey(KEY.app, KEY.store, release.id))


NEW = of(NEWER, waiting(found=shown(DRAFT)))
"""5.3.0 is known, a draft, and not started."""


def older_decides(supersede: Supersede, rollout: Rollout | None = None, **terms: Any) -> Decision:
    """What becomes of 5.2.0, baked at 10 % and PASS, while 5.3.0 waits as a draft."""
    look = terms.pop("look", store(shown(), WAITS))
    return decided(
        rollout or rolling(), look=look, supersede=supersede, others=terms.pop("others", (NEW,)), **terms
    )


def newer_decides(
    supersede: Supersede, older: StoreRelease | None = None, *, knowing: bool = False, **terms: Any
) -> Decision:
    """What becomes of a start of the draft 5.3.0 while 5.2.0 is at 10 %."""
    looked = store(older or shown(), WAITS)
    command = order(START, supersede=knowing)
    others = terms.pop("others", (rolling(),))
    return decided(NEW, look=looked, supersede=supersede, others=others, command=command, **terms)


# -- finish --------------------------------------------------------------------------------------------


def test_under_finish_the_running_rollout_goes_on() -> None:
    decision = older_decides(FINISH)
    assert decision.change
    assert decision.change.verb is Verb.RAISE


def test_under_finish_the_newer_one_is_not_started_while_the_older_goes_on() -> None:
    decision = newer_decides(FINISH)
    assert (code(decision), decision.change) == ("older_goes_on", None)
    assert "5.2.0 (5020) is still being rolled out, at 10 %" in answer(decision).text
    assert "--supersede" in answer(decision).text


def test_a_person_who_says_so_lets_it_take_the_older_ones_place_and_that_is_written_down() -> None:
    decision = newer_decides(FINISH, knowing=True)
    assert decision.change
    assert decision.change.instead_of == RELEASE.id
    assert only(facts.Started, decision.also).instead_of == RELEASE.label
    assert "in place of 5.2.0 (5020)" in answer(decision).text


@pytest.mark.parametrize(
    ("older", "its"),
    [
        (shown(HALTED), halted(rolling())),
        (shown(COMPLETED), rolling(shown(COMPLETED))),
        (shown(STAGED, 5), with_facts(rolling(), facts.Drifted(Drift.LOWERED, facts.Seen.of(shown()), facts.Seen.of(shown(STAGED, 5))))),
    ],
    ids=["halted", "completed", "lowered by a person"],
)  # fmt: skip
def test_a_hotfix_waits_for_no_release_that_is_stopped_or_done(older: StoreRelease, its: Rollout) -> None:
    assert newer_decides(FINISH, older, others=(its,)).kind is DecisionKind.START


def test_a_hotfix_leaves_the_halt_of_the_older_one_as_it_is() -> None:
    stopped = halted(rolling())
    superseded = extend(stopped, (facts.Superseded(NEWER.label),), NOON)
    assert superseded.bad == stopped.halt
    assert "known bad: halted by anna" in superseded.reason


def test_the_draft_says_what_it_waits_for() -> None:
    decision = decided(NEW, look=store(shown(), WAITS), others=(rolling(),))
    assert decision.reasons[0].text == "waits while 5.2.0 (5020) is being rolled out (supersede: finish)"


# -- hold ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [None, ADVANCE, COMPLETE])
@pytest.mark.parametrize("supersede", [HOLD, REPLACE])
def test_nothing_of_the_older_one_is_raised_while_a_newer_one_waits(
    supersede: Supersede, verb: CommandVerb | None
) -> None:
    command = order(verb, without_evidence=True) if verb else None
    decision = older_decides(supersede, command=command)
    assert (decision.change, code(decision)) == (None, "newer_waits")
    assert decision.kind is DecisionKind.HOLD or not answer(decision).accepted


def test_under_hold_a_person_has_the_older_one_go_on_until_another_one_appears() -> None:
    resumed = older_decides(HOLD, command=order(RESUME))
    assert answer(resumed).accepted
    on = extend(rolling(), resumed.also, NOON)
    assert older_decides(HOLD, on).kind is DecisionKind.ADVANCE
    again = older_decides(HOLD, on, look=store(shown(), WAITS, shown(DRAFT, release=NEWEST)))
    assert code(again) == "newer_waits"


def test_under_hold_a_person_starts_the_newer_one_and_it_takes_the_older_ones_place() -> None:
    decision = newer_decides(HOLD)
    assert decision.change
    assert decision.change.instead_of == RELEASE.id


def test_who_resumes_it_in_the_console_has_decided_between_the_two() -> None:
    told = with_facts(rolling(), facts.NewerWaits(NEWER, HOLD))
    before, after = facts.Seen.of(shown()), facts.Seen.of(shown(STAGED, 30))
    raised = with_facts(told, after, facts.Drifted(Drift.RAISED, before, after))
    assert older_decides(HOLD, raised, look=store(shown(STAGED, 30), WAITS)).kind is not DecisionKind.HOLD


def test_when_the_draft_is_deleted_the_hold_is_over_by_itself() -> None:
    assert older_decides(HOLD, look=store(shown())).kind is DecisionKind.ADVANCE


def test_a_hold_of_a_person_and_of_a_newer_one_are_lifted_together() -> None:
    held = with_facts(rolling(), facts.Held(ANNA, "lunch", None))
    lifted = older_decides(HOLD, held, command=order(RESUME))
    assert older_decides(HOLD, extend(held, lifted.also, NOON)).kind is DecisionKind.ADVANCE


# -- replace -------------------------------------------------------------------------------------------


def test_under_replace_nobody_has_the_older_one_go_on() -> None:
    for its in (rolling(), halted(rolling())):
        look = store(shown(its.seen.status), WAITS)  # type: ignore[union-attr]
        decision = older_decides(REPLACE, its, look=look, command=order(RESUME))
        assert (decision.change, answer(decision).accepted) == (None, False)
        assert "5.3.0 (5030) waits to take its place" in answer(decision).text


def test_under_replace_the_newest_of_two_takes_the_place_and_the_one_between_is_not_started() -> None:
    look = store(shown(), WAITS, shown(DRAFT, release=NEWEST))
    newest = of(NEWEST, waiting(found=shown(DRAFT)))
    between = decided(NEW, look=look, supersede=REPLACE, others=(rolling(), newest), command=order(START))
    assert (between.change, code(between)) == (None, "newer_waits")
    first = decided(newest, look=look, supersede=REPLACE, others=(rolling(), NEW), command=order(START))
    assert first.kind is DecisionKind.START


@pytest.mark.parametrize("supersede", list(Supersede))
@pytest.mark.parametrize("status", [STAGED, COMPLETED])
def test_nothing_raises_what_a_newer_one_that_is_out_is_about_to_replace(
    supersede: Supersede, status: ReleaseStatus
) -> None:
    decision = older_decides(supersede, look=store(shown(), shown(status, release=NEWER)))
    assert (decision.kind, code(decision), decision.change) == (DecisionKind.HOLD, "overtaken", None)


@pytest.mark.parametrize("supersede", list(Supersede))
def test_nothing_raises_the_older_one_once_somebody_has_started_the_newer(supersede: Supersede) -> None:
    begun = with_facts(NEW, facts.Started(ANNA, "go", "", "c2"))
    assert code(older_decides(supersede, others=(begun,))) == "overtaken"


# -- who stands in nobody's way ------------------------------------------------------------------------


@pytest.mark.parametrize("supersede", [HOLD, REPLACE])
@pytest.mark.parametrize(
    "its",
    [
        of(NEWER, waiting(OnNewRelease.IGNORE, shown(DRAFT))),
        of(NEWER, with_facts(halted(rolling()), facts.Superseded("5.4.0"))),
    ],
    ids=["ignored", "known bad"],
)
def test_a_release_that_nobody_may_start_stands_in_nobodys_way(supersede: Supersede, its: Rollout) -> None:
    assert older_decides(supersede, others=(its,)).kind is DecisionKind.ADVANCE


def test_a_draft_whose_journal_nobody_knows_stands_in_the_way() -> None:
    assert code(older_decides(HOLD, others=())) == "newer_waits"


def test_a_newer_one_in_a_state_that_nobody_knows_stands_in_the_way() -> None:
    assert code(older_decides(HOLD, look=store(shown(), shown(UNKNOWN, release=NEWER)))) == "newer_waits"


def test_an_older_draft_stands_in_nobodys_way() -> None:
    assert older_decides(HOLD, look=store(shown(), shown(DRAFT, release=OLDER))).kind is DecisionKind.ADVANCE


# -- telling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("supersede", list(Supersede))
def test_that_a_newer_one_waits_is_told_once(supersede: Supersede) -> None:
    rollout, look = rolling(), store(shown(), WAITS)
    fresh = of_newer(rollout, look, (NEW,), supersede)
    (told,) = notices(extend(rollout, fresh, NOON), fresh, NOON)
    assert "5.3.0 (5030)" in told.headline
    assert told.broadcast is (supersede is not FINISH)
    rollout = extend(rollout, fresh, NOON)
    assert of_newer(rollout, look, (NEW,), supersede) == ()
    held = older_decides(supersede, rollout)
    if held.kind is DecisionKind.HOLD:
        fact: Fact = facts.Decided(held.kind, held.reasons, held.actor)
        assert notices(extend(rollout, (fact,), NOON), (fact,), NOON) == ()


@pytest.mark.parametrize(
    "rollout",
    [waiting(), halted(rolling()), rolling(shown(COMPLETED))],
    ids=["not started", "halted", "completed"],
)
def test_of_what_is_no_rollout_nothing_is_told(rollout: Rollout) -> None:
    assert of_newer(rollout, store(shown(), WAITS), (NEW,), HOLD) == ()


# -- App Store -----------------------------------------------------------------------------------------

UPCOMING = Release("5.3.0", "5.3.0", "33500")


def upcoming(review: ReviewState = ReviewState.APPROVED_NOT_PUBLISHED) -> StoreRelease:
    return replace(shown(DRAFT, review=review, release=UPCOMING), status_word="INACTIVE")


def apple_decides(found: StoreRelease, newer: StoreRelease, supersede: Supersede, mode: Pacing) -> Decision:
    """5.2.0 as `found`, its bake of 12 h long over, with PASS."""
    release = Release("5.2.0", "5.2.0", "33417")
    found = replace(found, release=release)
    told = (discovered(found=found), facts.Started(ANNA, "go", ""), facts.Seen.of(found), facts.WentLive(found.exposure_ppm))  # fmt: skip
    key = replace(APPLE_KEY, release_id=release.id)
    rollout = fold(key, tuple((fact, NOON - 30 * HOUR) for fact in told))
    look = StoreState((newer, found), "f1", NOON)
    return decided(rollout, look=look, policy=terms(mode), supersede=supersede)


@pytest.mark.parametrize("supersede", [HOLD, REPLACE])
def test_apple_is_not_left_to_raise_what_a_newer_version_holds(supersede: Supersede) -> None:
    decision = apple_decides(phased(ACTIVE, 3), upcoming(), supersede, Pacing.FOLLOW)
    assert decision.change
    assert (decision.change.verb, code(decision)) == (Verb.PAUSE, "newer_waits")
    assert apple_decides(phased(PAUSED, 3), upcoming(), supersede, Pacing.GUARDED).change is None


def test_under_finish_apple_goes_on_whatever_waits() -> None:
    assert apple_decides(phased(ACTIVE, 3), upcoming(), FINISH, Pacing.FOLLOW).change is None
    step = apple_decides(phased(PAUSED, 3), upcoming(), FINISH, Pacing.GUARDED).change
    assert step
    assert step.verb is Verb.STEP


@pytest.mark.parametrize(
    "review", [ReviewState.DRAFT, ReviewState.NOT_SENT_FOR_REVIEW, ReviewState.NOT_APPROVED]
)
def test_a_version_that_nobody_has_submitted_is_a_plan_and_holds_nothing(review: ReviewState) -> None:
    decision = apple_decides(phased(PAUSED, 3), upcoming(review), HOLD, Pacing.GUARDED)
    assert decision.kind is DecisionKind.ADVANCE


def test_while_apple_processes_the_newer_version_the_older_one_is_let_go_no_further() -> None:
    on_its_way = replace(phased(ACTIVE, 1), release=UPCOMING, review=ReviewState.IN_REVIEW)
    decision = apple_decides(phased(ACTIVE, 3), on_its_way, FINISH, Pacing.FOLLOW)
    assert decision.change
    assert (decision.change.verb, code(decision)) == (Verb.PAUSE, "overtaken")


def test_a_start_of_the_newer_version_waits_for_the_older_one_on_the_app_store_too() -> None:
    key = RolloutKey(KEY.app, Store.APP_STORE, UPCOMING.id)
    newer = replace(NEW, release=UPCOMING, key=key)
    look = StoreState(
        (upcoming(), replace(phased(PAUSED, 3), release=Release("5.2.0", "5.2.0", "1"))), "f", NOON
    )
    decision = decided(newer, look=look, policy=terms(), command=order(START))
    assert code(decision) == "older_goes_on"
    knowing = decided(newer, look=look, policy=terms(), command=order(START, supersede=True))
    assert knowing.kind is DecisionKind.START


def test_a_resume_of_what_nobody_has_started_sets_nothing_aside() -> None:
    refused = older_decides(HOLD, replace(rolling(), steered=False), command=order(CommandVerb.RESUME))
    assert not answer(refused).accepted
    assert "neither halted nor held" in answer(refused).text


def test_a_newer_release_that_is_over_and_that_nobody_gets_takes_no_place() -> None:
    begun = of(NEWER, rolling())
    stopped = store(shown(), shown(HALTED, release=NEWER))
    assert taking_its_place(case(others=(begun,), look=stopped)) == NEWER
    assert taking_its_place(case(others=(replace(begun, closed=True),), look=stopped)) is None


def test_no_release_takes_the_place_of_itself() -> None:
    assert staged_before(case(look=store(shown()))) is None
    assert staged_before(case(look=store(shown(), shown(release=OLDER)))) == shown(release=OLDER)
