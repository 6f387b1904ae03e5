"""What else people may order, what every order is held against, and who may give it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from stagedrollout.core import facts, news
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.decision import decide
from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import (
    Actor,
    ActorKind,
    Command,
    CommandVerb,
    Expected,
    Mode,
    OnNewRelease,
    ReleaseStatus,
    Verb,
    Via,
)
from stagedrollout.core.people import (
    GroupName,
    OsUser,
    People,
    Person,
    PersonName,
    Right,
    SlackGroupId,
    SlackId,
    doubles,
)
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HOUR,
    NOON,
    RELEASE,
    answer,
    code,
    decided,
    halted,
    halted_since,
    not_halted,
    order,
    policy,
    rolling,
    seen,
    shown,
    unread,
    waiting,
    with_facts,
)

ADVANCE, SKIP, IGNORE, SET = (
    CommandVerb.ADVANCE,
    CommandVerb.SKIP_BAKE,
    CommandVerb.IGNORE,
    CommandVerb.SET_POLICY,
)
PERMISSIVE = [verb for verb in CommandVerb if not verb.brakes]
BRAKES = [verb for verb in CommandVerb if verb.brakes]


def saw(exposure_ppm: int = 100_000, *, halted: bool = False) -> dict[str, Any]:
    return {"expected": (Expected(RELEASE.id, 7, exposure_ppm, halted),)}


# -- what the person saw ---------------------------------------------------------------------------


@pytest.mark.promise("R10", "R11")
@pytest.mark.parametrize("verb", PERMISSIVE)
@pytest.mark.parametrize("what", [saw(50_000), saw(halted=True)])
def test_what_was_ordered_of_a_release_that_has_moved_on_is_refused_and_its_state_told(
    verb: CommandVerb, what: dict[str, Any]
) -> None:
    decision = decided(command=order(verb, policy="slow", without_evidence=True, **what))
    assert (code(decision), decision.change) == ("moved_on", None)
    assert "at 10 % now" in answer(decision).text


@pytest.mark.parametrize("verb", BRAKES)
def test_a_brake_is_meant_whatever_its_person_saw(verb: CommandVerb) -> None:
    assert answer(decided(command=order(verb, **saw(990_000)))).accepted


def test_two_people_who_advance_at_the_same_time_skip_no_stage() -> None:
    first = decided(command=order(ADVANCE, **saw()))
    assert first.change is not None
    raised = with_facts(rolling(), seen(percent=50), facts.WentLive(500_000))
    second = decided(raised, command=order(ADVANCE, id="c2", **saw()))
    assert (code(second), second.change) == ("moved_on", None)
    assert "it was at 10 % when that was ordered, and is at 50 % now" in answer(second).text


def test_a_release_that_was_not_known_yet_is_meant_only_by_its_name() -> None:
    elsewhere = (Expected("another", 3, 1, True),)
    assert code(decided(command=order(ADVANCE, expected=elsewhere))) == "moved_on"
    assert answer(decided(command=order(ADVANCE, expected=elsewhere, release="5.2.0"))).accepted
    assert answer(decided(command=order(ADVANCE))).accepted, "who saw nothing at all means what there is"
    draft, start = waiting(found=shown(DRAFT)), order(CommandVerb.START, expected=elsewhere)
    assert answer(decided(draft, command=start)).accepted, "what is started is new"


@pytest.mark.promise("R9", "R11")
@pytest.mark.parametrize(
    "since",
    [
        (facts.Held(ANNA, "wait", None),),
        (facts.PolicySet(ANNA, "slower", "slow"),),
        (facts.TakenUp(ANNA, "again"), facts.WentLive(100_000)),
    ],
)
def test_what_was_ordered_before_somebody_else_stepped_in_is_refused(since: tuple[facts.Fact, ...]) -> None:
    """At the same share as before, and yet another state."""
    seen_then = Expected(RELEASE.id, 7, 100_000, False, rolling().mark)
    assert answer(decided(command=order(ADVANCE, expected=(seen_then,)))).accepted
    after = with_facts(rolling(), *since)
    assert code(decided(after, command=order(ADVANCE, expected=(seen_then,)))) == "moved_on"


def test_a_halt_that_its_person_had_not_seen_is_not_undone_by_an_older_resume() -> None:
    before, now = halted(rolling()), halted_since(halted(rolling()), NOON + HOUR)
    seen_then = Expected(RELEASE.id, 7, before.exposure_ppm, True, before.mark)
    assert answer(decided(before, command=order(CommandVerb.RESUME, expected=(seen_then,)))).accepted
    decision = decided(now, command=order(CommandVerb.RESUME, expected=(seen_then,)))
    assert (code(decision), decision.change) == ("moved_on", None)


@pytest.mark.parametrize(("hours", "accepted"), [(0, True), (1, False)])
def test_the_button_of_one_halt_does_not_lift_another(hours: int, accepted: bool) -> None:
    """A message in Slack tells when the halt began that it is about, and little else."""
    told = halted(rolling())
    assert told.halt is not None
    button = Expected(RELEASE.id, 0, told.exposure_ppm, True, halted_at=told.halt.at)
    now = halted_since(told, told.halt.at + hours * HOUR)
    assert answer(decided(now, command=order(CommandVerb.RESUME, expected=(button,)))).accepted is accepted


@pytest.mark.promise("R3", "R4", "R11")
@pytest.mark.parametrize(
    "command",
    [
        order(ADVANCE, barred="not listed"),
        order(CommandVerb.RESUME, barred="not listed"),
        order(CommandVerb.RESUME, **saw(990_000)),
    ],
)
@pytest.mark.parametrize("wanted", [False, True])
def test_no_order_that_is_refused_keeps_a_halt_from_being_sent(command: Command, wanted: bool) -> None:
    rollout, verdict = (not_halted(rolling()), Verdict.PASS) if wanted else (rolling(), Verdict.FAIL)
    decision = decided(rollout, verdict, command=command)
    assert decision.change is not None
    assert decision.change.verb is Verb.HALT
    assert not answer(decision).accepted


def test_a_hold_is_not_ended_by_a_shorter_one_of_somebody_else() -> None:
    held = with_facts(rolling(), facts.Held(ANNA, "look at the crashes", None))
    assert code(decided(held, command=order(CommandVerb.HOLD, hold_for=HOUR))) == "held_longer"
    until = with_facts(rolling(), facts.Held(ANNA, "lunch", NOON + HOUR))
    assert code(decided(until, command=order(CommandVerb.HOLD, hold_for=HOUR / 2))) == "held_longer"
    assert answer(decided(until, command=order(CommandVerb.HOLD, hold_for=HOUR))).accepted
    assert answer(decided(until, command=order(CommandVerb.HOLD, hold_for=2 * HOUR))).accepted
    assert answer(decided(until, command=order(CommandVerb.REJECT))).accepted


# -- skip-bake -------------------------------------------------------------------------------------


def baking() -> Any:
    return replace(rolling(), live_since=NOON - HOUR)


def test_a_skipped_bake_is_not_waited_for_and_everything_else_is() -> None:
    assert code(decided(baking())) == "bake"
    skipped = with_facts(baking(), *decided(baking(), command=order(SKIP)).also)
    raised = decided(skipped)
    assert (raised.kind, raised.change is not None) == (DecisionKind.ADVANCE, True)
    for verdict in Verdict:
        if verdict is not Verdict.PASS:
            assert decided(skipped, verdict).kind is not DecisionKind.ADVANCE
    assert code(decided(skipped, policy=policy(min_sample=10_000_000))) == "stage_sample"


def test_who_skips_a_bake_is_told_until_when_it_would_have_lasted() -> None:
    assert answer(decided(baking(), command=order(SKIP))).text.startswith(
        "the bake at 10 % (until 2026-03-03 11:00 UTC) is skipped"
    )


def test_a_skipped_bake_is_over_with_its_stage() -> None:
    skipped = with_facts(baking(), facts.BakeSkipped(ANNA, "a hotfix", 100_000))
    assert with_facts(skipped, facts.WentLive(500_000)).bake_skipped is None


@pytest.mark.parametrize(
    "rollout",
    [
        rolling(),
        replace(rolling(), live_since=NOON - DAY),
        with_facts(baking(), facts.BakeSkipped(ANNA, "x", 100_000)),
    ],
)
def test_no_bake_is_skipped_where_none_is_waited_for(rollout: Any) -> None:
    assert code(decided(rollout, command=order(SKIP))) == "no_bake"


# -- set-policy ------------------------------------------------------------------------------------


def test_under_another_policy_bake_and_evidence_begin_anew() -> None:
    decision = decided(command=order(SET, policy="slow"))
    assert "bake and evidence begin anew" in answer(decision).text
    after = with_facts(rolling(), *decision.also)
    assert code(decided(after, policy=policy(bake=24 * HOUR))) == "bake"
    assert (after.policy, after.runs, after.live_since, after.terms) == ("slow", 2, NOON - HOUR, None)
    assert after.steered


def test_another_policy_makes_nothing_known_bad_forgotten() -> None:
    bad = replace(rolling(), known_bad=halted(rolling()).halt)
    assert with_facts(bad, facts.PolicySet(ANNA, "slower", "slow")).known_bad == bad.known_bad


def test_another_policy_keeps_no_failing_release_from_being_halted_while_the_store_cannot_be_read() -> None:
    after = with_facts(rolling(), facts.PolicySet(ANNA, "slower", "slow"))
    assert decided(after, Verdict.FAIL, look=unread()).kind is DecisionKind.HALT


@pytest.mark.promise("R16")
def test_what_was_decided_by_the_old_terms_comes_out_again_by_them() -> None:
    """It was written down on evidence of the old run, so the new one begins after it."""
    decision = decided(command=order(SET, policy="slow"))
    told = news.of_decision(rolling(), decision, "f1")
    assert [type(fact) for fact in told] == [facts.Commanded, facts.Decided, facts.PolicySet]
    assert with_facts(rolling(), *told).last is None


def test_another_policy_undoes_no_halt() -> None:
    after = with_facts(halted(rolling()), facts.PolicySet(ANNA, "slower", "slow"))
    assert (after.policy, after.runs) == ("slow", 1)
    assert after.halt is not None
    told = decided(halted(rolling()), command=order(SET, policy="slow"))
    assert told.kind is DecisionKind.HOLD
    assert "begin anew" not in answer(told).text


def test_who_sets_another_policy_before_anybody_has_the_release_is_told_of_no_new_beginning() -> None:
    assert answer(decided(waiting(found=shown(DRAFT)), command=order(SET, policy="slow"))).text == (
        "steered by slow from here"
    )


def test_what_everyone_has_is_steered_by_no_other_policy() -> None:
    refused = decided(rolling(shown(COMPLETED)), command=order(SET, policy="slow"))
    assert answer(refused).text == "it is at 100 %: there is nothing left to steer"


def test_the_bake_of_a_version_that_rests_begins_when_its_policy_was_set() -> None:
    """Nothing else would ever tell that it is live: Apple shows it paused all along."""
    paused = APPLE_SITUATIONS["guarded, paused, baked"](Verdict.PASS, None, Mode.ACT).rollout
    after = with_facts(paused, facts.PolicySet(ANNA, "slower", "slow"), at=NOON)
    assert after.live_since == NOON
    assert after.stages == (StageStart(NOON, paused.exposure_ppm),)


@pytest.mark.parametrize(("named", "said"), [("", "no_policy"), ("standard", "same_policy")])
def test_a_policy_must_be_named_and_another_one(named: str, said: str) -> None:
    assert code(decided(command=order(SET, policy=named))) == said


def test_a_policy_that_this_daemon_does_not_know_is_refused() -> None:
    assert code(decided(command=order(SET, policy="gone"), unknown_policy="gone")) == "unknown_policy"


# -- ignore ----------------------------------------------------------------------------------------


def test_what_is_left_alone_is_neither_raised_nor_halted_until_somebody_starts_it() -> None:
    after = with_facts(rolling(), *decided(command=order(IGNORE)).also)
    assert (after.ignored, after.choice) == (True, OnNewRelease.IGNORE)
    for verdict in Verdict:
        assert decided(after, verdict).change is None
    assert with_facts(after, facts.Started(ANNA, "again", "")).ignored is False


def test_a_halt_is_not_left_alone() -> None:
    assert code(decided(halted(rolling()), command=order(IGNORE))) == "halted"


def test_a_version_that_apple_raises_is_not_paused_by_leaving_it_alone() -> None:
    """Nobody would let it go on again."""
    active = APPLE_SITUATIONS["guarded, active"](Verdict.PASS, order(IGNORE), Mode.ACT)
    assert active.status is ReleaseStatus.IN_PROGRESS
    assert decide(active).change is None


# -- people ----------------------------------------------------------------------------------------

ANA = Person(name="Ana Lima", os_user="ana", slack="U0ANA", groups=("qa",))
BO = Person(name="Bo", os_user="bo", rights=(Right.APPROVE,))
LISTED = People((ANA, BO))


def by(user: str, verb: CommandVerb = ADVANCE, via: Via = Via.CLI) -> Command:
    return order(verb, actor=Actor(ActorKind.HUMAN, user), via=via)


@pytest.mark.promise("R11")
@pytest.mark.parametrize("verb", PERMISSIVE)
def test_who_is_not_listed_raises_nothing_and_that_stands_in_the_journal(verb: CommandVerb) -> None:
    decision = decided(command=LISTED.known_as(by("eve", verb)))
    assert (code(decision), decision.change) == ("no_right", None)
    assert "eve is not listed" in answer(decision).text
    assert str(answer(decision).actor) == "eve (not listed)"


@pytest.mark.parametrize("verb", BRAKES)
def test_who_is_not_listed_may_stop_and_hold(verb: CommandVerb) -> None:
    assert answer(decided(command=LISTED.known_as(by("eve", verb)))).accepted


def test_both_accounts_of_a_person_are_that_person() -> None:
    cli, slack = LISTED.known_as(by("ana")), LISTED.known_as(by("U0ANA", via=Via.SLACK))
    assert cli.actor == slack.actor == Actor(ActorKind.HUMAN, "Ana Lima")
    assert cli.groups == slack.groups == ("qa",)


def test_an_account_counts_only_where_it_is_one() -> None:
    assert LISTED.known_as(by("ana", via=Via.SLACK)).barred
    assert LISTED.known_as(by("U0ANA")).barred


def test_rights_are_kept_apart() -> None:
    assert LISTED.known_as(by("bo")).barred == "Bo has no right to raise (people: rights)"
    assert not LISTED.known_as(by("bo", CommandVerb.APPROVE)).barred


def test_by_ordering_it_only_those_agree_who_may_approve() -> None:
    only_raises = replace(ANA, rights=(Right.RAISE,))
    assert LISTED.known_as(by("ana")).approves
    assert not People((only_raises,)).known_as(by("ana")).approves
    assert not LISTED.known_as(by("eve")).approves


def test_where_nobody_is_listed_rights_are_not_managed() -> None:
    assert People().known_as(by("eve")).barred == ""
    assert People().lacks(Right.APPROVE, ANNA, None) == ""
    assert LISTED.known_as(by("ana")).barred == ""


def test_one_account_of_two_people_is_a_mistake() -> None:
    said = doubles((ANA, replace(BO, os_user="ana")))
    assert said == ("os_user 'ana' stands for two people: two persons are two entries",)
    assert doubles((ANA, BO)) == ()
    assert "who is meant is not plain" in doubles((ANA, replace(BO, name="ana")))[0]
    assert "daemon" in doubles((replace(BO, name="stagedrollout"),))[0]


@pytest.mark.parametrize(
    ("kind", "fits", "others"),
    [
        (GroupName, "release", ["Release", "", 7, None]),
        (PersonName, "Ana Lima", ["", "a*b", ["Ana"]]),
        (OsUser, "ana", ["an a", "root:x", 0]),
        (SlackId, "U012AB3CD", ["ana", "U1\n", 12]),
        (SlackGroupId, "S012AB3CD", ["U012AB3CD", None]),
    ],
)
def test_what_can_be_no_account_or_group_is_refused_in_words(
    kind: Any, fits: str, others: list[object]
) -> None:
    (written,) = get_args(kind)[1:]
    assert written.read(fits) == fits
    assert written.read(written.example) == written.example
    for other in others:
        with pytest.raises(ValueError, match=r"has up to|is written as|begins with"):
            written.read(other)
