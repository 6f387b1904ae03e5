"""One app on both stores: the lead goes first, and a halt on either side holds the other until a person answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, reduce
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest

from stagedrollout.core import facts, link_facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.counterpart import of_link
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind, Drift
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.link_facts import Linked, LinkHeld
from stagedrollout.core.linking import Link, LinkState, other_store
from stagedrollout.core.model import (
    DAEMON,
    Change,
    Command,
    CommandVerb,
    Mode,
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    Settlement,
    Store,
    Verb,
)
from stagedrollout.core.news import of_decision
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.rules.linked import outdated
from stagedrollout.core.story import sentence
from stagedrollout.core.units import PPM_ALL
from stagedrollout.core.wording import board, notices
from tests.core.apple import APPLE_KEY, PAUSED, AppleWorld, terms
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    KEY,
    NOON,
    OLDER,
    RELEASE,
    STAGED,
    answer,
    case,
    code,
    halted,
    intent,
    order,
    policy,
    rolling,
    seen,
    settled,
    shown,
    store,
    waiting,
    with_facts,
)
from tests.core.situations import FROZEN, SITUATIONS, Situation
from tests.core.test_decision_table import ORDERS

LINK = Link(lead=Store.GOOGLE_PLAY)
PLAY_LINKED = Linked(Store.GOOGLE_PLAY, 200_000, "5.2.0 (5020)", steered=True)
HELD = LinkHeld("shop/x", Store.APP_STORE, "5.2.0", ANNA, "it eats photos", NOON - HOUR)
APPLES = Release("5.2.0", "5.2.0", "33417")


def led_by(rollout: Rollout, earned: float | str = 0, **more: Any) -> Rollout:
    """The rollout follows the other store, whose evidence has raised it to `earned` percent."""
    lead = Store.APP_STORE if rollout.key.store is Store.GOOGLE_PLAY else Store.GOOGLE_PLAY
    ppm = int(Decimal(str(earned)) * 10_000)
    return with_facts(rollout, replace(PLAY_LINKED, lead=lead, earned_ppm=ppm, **more))


def on_apple(rollout: Rollout, version: str = "5.2.0") -> Rollout:
    release = Release(version, version, "33417")
    return replace(rollout, key=replace(APPLE_KEY, release_id=version), release=release)


def raised(rollout: Rollout, percent: float) -> Rollout:
    """Raised by the daemon itself, on evidence, and read back."""
    by_machine = replace(intent(percent=percent), actor=DAEMON)
    live = facts.WentLive(int(percent * 10_000))
    return with_facts(rollout, by_machine, seen(STAGED, percent), settled(), live)


# -- what the lead's evidence is ---------------------------------------------------------------------


def test_what_counts_is_how_far_evidence_has_raised_the_lead() -> None:
    assert rolling().proven_ppm == 0, "at 10 %, but nobody knows why"
    assert raised(rolling(), 50).proven_ppm == 500_000
    refused = with_facts(
        rolling(), replace(intent(), actor=DAEMON), settled(Settlement.REFUSED), facts.WentLive(500_000)
    )
    assert refused.proven_ppm == 0


def test_a_person_who_raises_the_lead_is_no_evidence_but_one_who_completes_it_ends_the_waiting() -> None:
    by_hand = with_facts(rolling(), intent(), seen(STAGED, 50), settled(), facts.WentLive(500_000))
    assert by_hand.proven_ppm == 0
    console = with_facts(
        raised(rolling(), 20),
        seen(STAGED, 50),
        facts.Drifted(Drift.RAISED, seen(STAGED, 20), seen(STAGED, 50)),
        facts.WentLive(500_000),
    )
    assert console.proven_ppm == 200_000
    assert rolling(shown(COMPLETED)).proven_ppm == PPM_ALL


def test_what_a_lead_had_earned_before_a_halt_does_not_count_after_it() -> None:
    resumed = with_facts(
        halted(raised(rolling(), 50)),
        facts.Drifted(Drift.RESUMED, seen(HALTED), seen(STAGED, 50)),
        facts.WentLive(500_000),
    )
    assert (resumed.halt, resumed.proven_ppm) == (None, 0)


# -- the lead goes first -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earned", "kind"),
    [(0, "WAIT"), (20, "WAIT"), ("49.9", "WAIT"), (50, "ADVANCE"), (100, "ADVANCE")],
)
def test_a_follower_goes_no_further_than_evidence_has_raised_the_lead(earned: Any, kind: str) -> None:
    decision = decide(case(led_by(rolling(), earned)))
    assert decision.kind.value == kind
    assert (code(decision) == "linked_lead") is (kind == "WAIT")


def test_a_follower_waits_although_the_lead_is_ahead_of_it_while_that_is_short_of_after() -> None:
    at_1 = rolling(shown(STAGED, 1))
    assert code(decide(case(led_by(at_1, 10)))) == "linked_lead"
    assert decide(case(led_by(at_1, 20))).kind is DecisionKind.ADVANCE


def test_the_lead_itself_waits_for_nobody() -> None:
    assert decide(case(with_facts(rolling(), PLAY_LINKED))).kind is DecisionKind.ADVANCE


def test_it_says_what_it_waits_for() -> None:
    def words(**more: Any) -> str:
        return decide(case(led_by(rolling(shown(STAGED, 1)), 5, **more))).reasons[0].text

    assert words() == "waits until App Store is at 20 %: evidence has raised App Store 5.2.0 (5020) to 5 %"
    assert "no release of this version" in words(release="")
    assert "5.3.0 took its place" in words(superseded_by="5.3.0")
    assert "nobody has started it" in words(steered=False)


def test_a_person_may_go_ahead_of_the_lead_by_name() -> None:
    for verb in (CommandVerb.ADVANCE, CommandVerb.COMPLETE):
        decision = decide(case(led_by(rolling()), command=order(verb)))
        assert decision.change is not None
        assert not decision.change.verb.brakes


def test_a_start_waits_for_its_turn_and_the_daemon_sends_it_then() -> None:
    draft = led_by(waiting(found=shown(DRAFT)), 5)
    told = decide(case(draft, command=order(CommandVerb.START)))
    assert (told.kind, told.change) == (DecisionKind.WAIT, None)
    assert "waits until App Store is at 20 %" in answer(told).text
    begun = extend(draft, of_decision(draft, told, "f1"), NOON)
    assert (begun.steered, begun.phase) == (True, Phase.WAITING)
    assert "waiting for its turn" in board(begun).headline
    assert code(decide(case(begun))) == "linked_lead"
    its_turn = decide(case(led_by(begun, 20)))
    assert (its_turn.kind, its_turn.actor, its_turn.command) == (DecisionKind.START, ANNA, "c1")
    sent = extend(begun, of_decision(begun, its_turn, "f1"), NOON)
    assert sent.start_awaited is None, "what the store does not take is not tried for ever"


def test_a_start_that_waited_goes_out_in_the_hours_for_raises_and_in_no_freeze_or_hold() -> None:
    started = facts.Started(ANNA, "go", "standard", "c1")
    turn = with_facts(led_by(waiting(found=shown(DRAFT)), 100), started)
    assert decide(case(turn)).kind is DecisionKind.START
    assert code(decide(case(turn, policy=policy(calendar=FROZEN)))) == "freeze"
    held = with_facts(turn, facts.Held(ANNA, "not today", None))
    assert code(decide(case(held))) == "human_hold"


def test_a_start_whose_turn_comes_while_the_app_is_only_observed_is_written_once() -> None:
    started = facts.Started(ANNA, "go", "standard", "c1")
    turn = with_facts(led_by(waiting(found=shown(DRAFT)), 100), started)
    would = decide(case(turn, mode=Mode.OBSERVE))
    assert (would.kind, would.change) == (DecisionKind.START, None)
    told = extend(turn, of_decision(turn, would, "f1"), NOON)
    assert of_decision(told, decide(case(told, mode=Mode.OBSERVE)), "f1") == ()


def test_a_halt_keeps_back_a_start_that_waits_for_its_turn() -> None:
    started = facts.Started(ANNA, "go", "standard", "c1")
    turn = with_facts(led_by(waiting(found=shown(DRAFT)), 5), started)
    stop = decide(case(turn, command=order(CommandVerb.HALT, id="c2")))
    assert (stop.kind, stop.change, answer(stop).accepted) == (DecisionKind.HOLD, None, True)
    kept = extend(turn, of_decision(turn, stop, "f1"), NOON)
    its_turn = led_by(kept, 100)
    assert code(decide(case(its_turn))) == "human_hold"
    lifted = decide(case(its_turn, command=order(CommandVerb.RESUME, id="c3")))
    goes = extend(its_turn, of_decision(its_turn, lifted, "f1"), NOON)
    assert decide(case(goes)).kind is DecisionKind.START, "only a person lets it go"


def test_a_start_that_waited_meets_what_has_come_up_since() -> None:
    started = facts.Started(ANNA, "go", "standard", "c1")
    draft = replace(shown(DRAFT), codes=("4990", RELEASE.id))
    turn = with_facts(led_by(waiting(found=draft), 100), started)
    worse = replace(halted(rolling()), release=Release("4990", "5.1.0", "4990"))
    turned_bad = decide(case(turn, look=store(draft), others=(worse,)))
    assert (turned_bad.kind, code(turned_bad)) == (DecisionKind.HOLD, "known_bad")
    older = shown(STAGED, 10, release=OLDER)
    taken_up = decide(case(turn, look=store(draft, older)))
    assert (taken_up.kind, code(taken_up)) == (DecisionKind.WAIT, "waits_for_the_older")
    knowing = replace(turn, start_awaited=replace(started, instead_of=OLDER.label))
    assert decide(case(knowing, look=store(draft, older))).kind is DecisionKind.START


def test_a_start_that_waited_is_over_with_the_release_and_does_not_come_back_with_it() -> None:
    started = facts.Started(ANNA, "go", "standard", "c1")
    over = with_facts(led_by(waiting(found=shown(DRAFT)), 5), started, facts.Superseded("5.3.0"))
    assert over.start_awaited is None
    assert "waiting for its turn" not in board(over).headline
    moved = with_facts(led_by(waiting(found=shown(DRAFT)), 5), started, facts.Returned(None, seen(DRAFT)))
    assert (moved.steered, moved.start_awaited) == (False, None), "on another track it is another rollout"


def test_a_start_without_evidence_does_not_wait() -> None:
    knowingly = order(CommandVerb.START, without_evidence=True)
    assert decide(case(led_by(waiting(found=shown(DRAFT))), command=knowingly)).kind is DecisionKind.START


def test_an_approved_version_is_released_when_the_lead_has_its_evidence() -> None:
    draft = shown(DRAFT, review=ReviewState.APPROVED_NOT_PUBLISHED)
    started = facts.Started(ANNA, "go", "standard", "c1")
    begun = with_facts(on_apple(waiting(found=draft)), started)
    look = AppleWorld(terms()).look(timedelta(0))
    look = replace(look, releases=(replace(draft, release=APPLES),), as_of=NOON)
    waits = decide(case(led_by(begun, 10), look=look, policy=terms()))
    goes = decide(case(led_by(begun, 20), look=look, policy=terms()))
    assert (code(waits), goes.kind) == ("linked_lead", DecisionKind.START)


# -- on the App Store silence raises -----------------------------------------------------------------


def active(share: float = 1, pacing: Pacing = Pacing.FOLLOW, **more: Any) -> Case:
    """A phased release that Apple is about to raise; it follows a lead that has earned nothing."""
    rollout = replace(rolling(shown(STAGED, share)), key=APPLE_KEY)
    return case(led_by(rollout, **more), policy=terms(pacing))


@pytest.mark.parametrize("pacing", Pacing)
def test_apple_is_not_let_go_ahead_of_the_lead(pacing: Pacing) -> None:
    decision = decide(active(pacing=pacing))
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE


def test_apples_clock_is_held_for_the_lead_and_followed_as_far_as_that_goes() -> None:
    ahead = decide(active())
    assert (ahead.kind, code(ahead)) == (DecisionKind.HOLD, "linked_lead")
    behind = decide(active(earned=20))
    assert (behind.kind, behind.change, code(behind)) == (DecisionKind.WAIT, None, "apple")
    caught_up = decide(active(share=20, earned=20))
    assert (caught_up.kind, code(caught_up)) == (DecisionKind.HOLD, "linked_lead")


def test_a_window_that_evidence_opened_is_closed_when_the_lead_has_to_begin_again() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT)
    for _ in range(30):
        world.go(HOUR)
        world.one_pass()
        if world.rollout.window:
            break
    by_evidence, now = world.rollout, world.now
    assert by_evidence.window
    fresh = world.look(timedelta(0))
    told = case(led_by(by_evidence, 20), now=now, look=fresh, policy=terms())
    assert (decide(told).kind, decide(told).change) == (DecisionKind.WAIT, None)
    again = decide(replace(told, rollout=led_by(by_evidence)))
    assert (again.kind, code(again)) == (DecisionKind.HOLD, "linked_lead")
    by_hand = replace(by_evidence.window, actor=ANNA)
    theirs = decide(replace(told, rollout=replace(led_by(by_evidence), window=by_hand)))
    assert (theirs.kind, theirs.change) == (DecisionKind.WAIT, None), "the step is theirs who opened it"


# -- a halt on one side holds the other --------------------------------------------------------------


def held(rollout: Rollout) -> Rollout:
    return with_facts(rollout, PLAY_LINKED, HELD)


def test_who_starts_what_apple_raises_while_the_other_store_is_halted_sees_it_paused() -> None:
    """To be looked after raises nothing, and to be left to Apple would."""
    rollout = replace(waiting(found=shown(STAGED, 1)), key=APPLE_KEY)
    stopped = with_facts(rollout, PLAY_LINKED, replace(HELD, store=Store.GOOGLE_PLAY))
    decision = decide(case(stopped, command=order(CommandVerb.START), policy=terms(Pacing.FOLLOW)))
    assert answer(decision).accepted
    assert (decision.kind, code(decision), decision.due) == (DecisionKind.HOLD, "linked_halt", None)
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE


def test_a_halt_on_the_other_store_holds_and_says_whose_and_why() -> None:
    decision = decide(case(held(rolling())))
    assert (decision.kind, code(decision), decision.change) == (DecisionKind.HOLD, "linked_halt", None)
    for words in (
        "App Store 5.2.0",
        "anna",
        "it eats photos",
        "stagedrollout resume shop --store google_play",
    ):
        assert words in decision.reasons[0].text


@pytest.mark.parametrize("steered", [True, False])
@pytest.mark.parametrize("pacing", Pacing)
def test_on_the_app_store_that_hold_is_a_pause(pacing: Pacing, *, steered: bool) -> None:
    rollout = replace(rolling(shown(STAGED, 1)), key=APPLE_KEY, steered=steered)
    play = replace(HELD, store=Store.GOOGLE_PLAY)
    decision = decide(case(with_facts(rollout, PLAY_LINKED, play), policy=terms(pacing)))
    assert decision.kind is DecisionKind.HOLD
    assert decision.change is not None
    assert decision.change.verb is Verb.PAUSE


def test_what_nobody_looks_after_is_left_alone() -> None:
    ignored = replace(waiting(OnNewRelease.IGNORE, shown(STAGED, 1)), key=APPLE_KEY)
    decision = decide(case(with_facts(ignored, PLAY_LINKED, HELD), policy=terms(Pacing.FOLLOW)))
    assert (code(decision), decision.change) == ("ignored", None)


@pytest.mark.parametrize("verb", [CommandVerb.ADVANCE, CommandVerb.COMPLETE, CommandVerb.START])
def test_nothing_goes_on_before_somebody_has_answered(verb: CommandVerb) -> None:
    rollout = held(waiting(found=shown(DRAFT)) if verb is CommandVerb.START else rolling())
    told = answer(decide(case(rollout, command=order(verb, without_evidence=True))))
    assert not told.accepted
    assert "resume" in told.text


def test_a_person_answers_by_resuming_the_held_side() -> None:
    rollout = held(rolling())
    decision = decide(case(rollout, command=order(CommandVerb.RESUME, reason="not our bug")))
    assert answer(decision).accepted
    assert decision.change is None
    after = extend(rollout, of_decision(rollout, decision, "f1"), NOON)
    assert after.link.holding == ()
    assert after.link.halts[0].answered == "anna resumed it here: not our bug"
    assert decide(case(after)).kind is DecisionKind.ADVANCE


def test_one_resume_answers_both_a_persons_hold_and_the_halt_elsewhere() -> None:
    rollout = with_facts(held(rolling()), facts.Held(ANNA, "lunch", None))
    decision = decide(case(rollout, command=order(CommandVerb.RESUME)))
    after = extend(rollout, of_decision(rollout, decision, "f1"), NOON)
    assert (after.hold, after.link.holding) == (None, ())


def test_who_resumes_a_halt_here_has_answered_the_one_there() -> None:
    rollout = held(halted(rolling()))
    decision = decide(case(rollout, command=order(CommandVerb.RESUME)))
    assert decision.kind is DecisionKind.RESUME
    assert extend(rollout, decision.also, NOON).link.holding == ()


def test_an_order_given_before_the_halt_was_known_does_not_answer_it() -> None:
    rollout = held(with_facts(rolling(), facts.Held(ANNA, "lunch", None)))
    told = decide(replace(case(rollout, command=order(CommandVerb.RESUME)), learned=(HELD,)))
    assert not answer(told).accepted
    assert "halted meanwhile" in answer(told).text


def test_once_a_person_has_answered_the_follower_has_its_own_evidence_only() -> None:
    answered = link_facts.LinkAnswered(HELD.by, HELD.halted_at, "anna resumed it here: not our bug")
    rollout = led_by(with_facts(rolling(), PLAY_LINKED, HELD, answered), 1, halted=True)
    assert decide(case(rollout)).kind is DecisionKind.ADVANCE
    resumed_there = led_by(rollout, 0, halted=False)
    assert code(decide(case(resumed_there))) == "linked_lead"


def test_a_raise_is_not_sent_once_the_lead_begins_anew_after_it_was_decided() -> None:
    """Seed 2711: Android was resumed in the console; its pass wrote that down while the one of iOS was about to raise."""
    answered = link_facts.LinkAnswered(HELD.by, HELD.halted_at, "anna resumed it here: not our bug")
    rollout = led_by(with_facts(rolling(), PLAY_LINKED, HELD, answered), 1, halted=True)
    given = case(rollout)
    decision = decide(given)
    assert outdated(given, decision, rollout.link) is None
    begun_anew = outdated(given, decision, led_by(rollout, 0, halted=False).link)
    assert begun_anew is not None
    assert begun_anew.code == "linked_lead"


def test_a_raise_is_not_sent_once_the_other_store_is_halted_after_it_was_decided() -> None:
    """Nor one that a person ordered, who did not know; but by name they may be ahead of the lead's evidence."""
    rollout = led_by(rolling(), 100)
    held = rollout.link.knowing(HELD)
    for command in (None, order(CommandVerb.ADVANCE)):
        given = case(rollout, command=command)
        halted_meanwhile = outdated(given, decide(given), held)
        assert halted_meanwhile is not None
        assert halted_meanwhile.code == "linked_halt"
    by_name = case(rollout, command=order(CommandVerb.ADVANCE))
    assert outdated(by_name, decide(by_name), led_by(rollout, 0).link) is None


def test_a_phased_release_is_made_whatever_the_other_store_s_journal_tells_meanwhile() -> None:
    """It keeps the version from reaching everyone at once."""
    rollout = led_by(rolling(), 100)
    makes = Decision(DecisionKind.PREPARE, (), change=Change(Verb.PREPARE, RELEASE.id, 0))
    assert outdated(case(rollout), makes, rollout.link.knowing(HELD)) is None


def test_while_nobody_knows_about_the_other_store_nothing_is_raised() -> None:
    rollout = with_facts(rolling(), replace(PLAY_LINKED, unread="the journal is damaged"))
    decision = decide(case(rollout))
    assert (decision.kind, code(decision)) == (DecisionKind.HOLD, "link_unread")
    assert not answer(decide(case(rollout, command=order(CommandVerb.ADVANCE)))).accepted
    knowingly = order(CommandVerb.ADVANCE, without_evidence=True)
    assert answer(decide(case(rollout, command=knowingly))).accepted


# -- what the other store's journals bring -----------------------------------------------------------


def ios(**more: Any) -> Rollout:
    return replace(on_apple(rolling(shown(STAGED, 1))), **more)


def brings(rollout: Rollout, *others: Rollout, link: Link | None = LINK, **more: Any) -> tuple[Any, ...]:
    return of_link(rollout, link, others, **more)


def kinds(news: tuple[facts.Fact, ...]) -> list[str]:
    return [type(fact).__name__ for fact in news]


def test_only_what_is_new_is_news() -> None:
    play = raised(rolling(), 50)
    (linked,) = brings(ios(), play)
    assert linked == replace(PLAY_LINKED, earned_ppm=500_000)
    assert brings(with_facts(ios(), linked), play) == ()


def test_a_halt_not_yet_seen_in_the_store_holds_as_well() -> None:
    wanted = with_facts(rolling(), intent(Verb.HALT, 10, "h1"))
    assert wanted.halt is not None
    assert not wanted.halt.confirmed
    assert kinds(brings(ios(), wanted)) == ["Linked", "LinkHeld"]


def test_a_halt_holds_once_and_is_told_in_both_threads() -> None:
    play = halted(rolling())
    follower = with_facts(ios(), *brings(ios(), play))
    assert brings(follower, play) == ()
    linked, holds = brings(play, follower)
    assert isinstance(holds, link_facts.LinkHolds)
    told = notices(play, (holds,), NOON)
    assert "its halt also holds 5.2.0 (33417) on App Store" in told[0].headline
    assert brings(with_facts(play, linked, holds), follower) == ()


def test_a_halt_of_the_follower_holds_the_lead() -> None:
    stopped = replace(ios(), halt=halted(rolling()).halt)
    lead = with_facts(rolling(), *brings(rolling(), stopped))
    assert code(decide(case(lead))) == "linked_halt"


def test_a_resume_of_the_halted_side_is_an_answer() -> None:
    follower = with_facts(ios(), *brings(ios(), halted(rolling())))
    _, answered = brings(follower, rolling())
    assert answered == link_facts.LinkAnswered(
        str(KEY), follower.link.halts[0].halted_at, "it was resumed on Google Play"
    )


def test_a_resume_of_the_held_side_in_its_console_is_an_answer() -> None:
    play = halted(rolling())
    follower = with_facts(ios(), *brings(ios(), play))
    drifted = facts.Drifted(Drift.RESUMED, seen(PAUSED, 1), seen(STAGED, 1))
    (answered,) = brings(follower, play, learned=(drifted,))
    assert "console" in answered.why
    assert kinds(brings(ios(), play, learned=(drifted,))) == ["Linked", "LinkHeld"], "they did not know"


def test_a_halt_after_the_answer_holds_again() -> None:
    play = halted(rolling())
    follower = with_facts(ios(), *brings(ios(), play))
    answered = link_facts.LinkAnswered(str(KEY), follower.link.halts[0].halted_at, "anna")
    follower = with_facts(follower, answered)
    assert brings(follower, play) == ()
    again = halted(with_facts(rolling(), seen()), at=NOON)
    assert "LinkHeld" in kinds(brings(follower, again))


def test_a_halted_release_that_is_merely_back_in_the_store_answers_nothing() -> None:
    play = halted(rolling())
    follower = with_facts(ios(), *brings(ios(), play))
    over = with_facts(play, facts.Superseded("5.3.0"))
    back = with_facts(over, seen(DRAFT), facts.Returned(play.seen, seen(DRAFT)))
    assert (back.halt, back.known_bad) == (None, play.halt)
    follower = with_facts(follower, *brings(follower, back))
    assert follower.link.holding
    assert code(decide(case(follower, policy=terms()))) == "linked_halt"
    assert "LinkHeld" in kinds(brings(ios(), back)), "found only now, it is held as well"
    knowingly = facts.Started(ANNA, "it was the server", "standard", "c1", known_bad="it eats photos")
    assert "LinkAnswered" in kinds(brings(follower, with_facts(back, knowingly)))


def test_another_version_is_none_of_its_business() -> None:
    other = replace(halted(rolling()), release=Release("5030", "5.3.0", "5030"))
    (linked,) = brings(ios(), other)
    assert linked == Linked(Store.GOOGLE_PLAY, 200_000)


def test_the_newest_build_leads_and_a_halt_of_an_older_one_holds() -> None:
    older, newest = Release("5020", "5.2.0", "5020"), Release("5021", "5.2.0", "5021")
    first = replace(
        halted(rolling()), release=older, key=replace(KEY, release_id="5020"), superseded_by="5.2.0"
    )
    second = replace(raised(rolling(), 50), release=newest, key=replace(KEY, release_id="5021"))
    linked, holding = brings(ios(), second, first)
    assert (linked.release, linked.earned_ppm, linked.halted) == ("5.2.0 (5021)", 500_000, False)
    assert holding.by == "shop/google_play/5020"


def test_a_name_of_its_own_on_google_play_is_matched_by_a_template() -> None:
    console = Link(lead=Store.GOOGLE_PLAY, match="{build} ({version})")
    named = replace(rolling(), release=Release("5020", "5020 (5.2.0)", "5020"))
    assert brings(ios(), named, link=console)[0].release
    assert not brings(ios(), rolling(), link=console)[0].release


def test_a_link_that_is_taken_out_of_the_configuration_holds_nothing_any_more() -> None:
    follower = with_facts(ios(), *brings(ios(), halted(rolling())))
    assert brings(ios(), halted(rolling()), link=None) == ()
    news = brings(follower, halted(rolling()), link=None)
    assert kinds(news) == ["Unlinked"]
    assert with_facts(follower, *news).link.holding == ()


def test_a_rollout_that_is_over_or_ignored_learns_nothing() -> None:
    over = replace(ios(), closed=True)
    ignored = replace(on_apple(waiting(OnNewRelease.IGNORE)))
    assert brings(over, halted(rolling())) == brings(ignored, halted(rolling())) == ()


def test_every_fact_of_a_link_is_told_in_a_sentence() -> None:
    follower = ios()
    news = (
        *brings(follower, halted(rolling())),
        link_facts.LinkAnswered("x", NOON, "anna"),
        link_facts.Unlinked(),
    )
    unread = replace(PLAY_LINKED, unread="damaged")
    for fact in (*news, link_facts.LinkHolds("x", Store.APP_STORE, "5.2.0"), unread):
        assert sentence(fact)
    assert "it was so" in sentence(news[1])


def test_a_link_that_would_wait_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Link(lead=Store.GOOGLE_PLAY, after=Decimal(0))


# -- properties --------------------------------------------------------------------------------------

BEHIND = replace(PLAY_LINKED, lead=Store.APP_STORE)
LINKS: dict[str, tuple[facts.Fact, ...]] = {
    "held": (PLAY_LINKED, HELD),
    "held and behind": (BEHIND, HELD),
    "unread": (replace(PLAY_LINKED, unread="damaged"),),
    "behind": (BEHIND,),
    "free": (replace(BEHIND, earned_ppm=PPM_ALL),),
}
"""As Google Play has them; on the App Store the stores change places."""


class Pair(NamedTuple):
    where: str
    link: str
    case: Case
    without: Decision
    within: Decision

    @property
    def raises(self) -> bool:
        return self.within.change is not None and not self.within.change.verb.brakes


def _linked(plain: Case, link: tuple[facts.Fact, ...]) -> Case:
    state = plain.rollout.link
    for fact in link:
        swapped = isinstance(fact, Linked) and plain.rollout.key.store is Store.APP_STORE
        state = state.knowing(replace(fact, lead=other_store(fact.lead)) if swapped else fact)
    return replace(plain, rollout=replace(plain.rollout, link=state))


def _on_apple(rollout: Rollout, pacing: Pacing) -> Situation:
    def build(verdict: Verdict, command: Command | None, mode: Mode) -> Case:
        return case(rollout, verdict, command, mode=mode, policy=terms(pacing))

    return build


def _situations() -> Iterator[tuple[str, Situation]]:
    yield from SITUATIONS.items()
    for pacing in Pacing:
        for share, status in ((1, STAGED), (1, PAUSED), (50, STAGED), (100, COMPLETED)):
            found = shown(status, share)
            for rollout in (rolling(found), waiting(found=found)):
                named = f"{pacing}, {status} at {share} %, steered: {rollout.steered}"
                yield named, _on_apple(replace(rollout, key=APPLE_KEY), pacing)


@cache
def _pairs() -> tuple[Pair, ...]:
    """Every situation of the decision table, and of the App Store, with each link and without."""
    found = []
    for name, build in _situations():
        for order_name, command in ORDERS.items():
            for verdict in (Verdict.PASS, Verdict.INSUFFICIENT, Verdict.MISSING, Verdict.FAIL):
                plain = build(verdict, command, Mode.ACT)
                without = decide(plain)
                for link, told in LINKS.items():
                    case_of = _linked(plain, told)
                    where = f"{name}: {order_name} on {verdict.name}, {link}"
                    found.append(Pair(where, link, case_of, without, decide(case_of)))
    return tuple(found)


def test_a_link_never_makes_anything_more_permissive() -> None:
    forbidden = set()
    for pair in _pairs():
        change = pair.without.change
        if pair.raises:
            assert pair.within.change == change, pair.where
        elif change and not change.verb.brakes:
            forbidden.add(pair.link)
        if pair.without.kind is DecisionKind.HOLD and pair.case.order is None:
            assert pair.within.kind is not DecisionKind.WAIT, pair.where
    assert forbidden == set(LINKS) - {"free"}


def test_a_link_never_delays_or_changes_a_halt_or_a_pause() -> None:
    for pair in _pairs():
        change = pair.without.change
        if pair.without.kind is DecisionKind.HALT:
            assert pair.within == pair.without, pair.where
        if change and change.verb.brakes:
            assert pair.within.change == change, pair.where


def test_while_a_halt_elsewhere_is_unanswered_nothing_is_raised_and_apple_is_paused() -> None:
    for pair in _pairs():
        answers = (CommandVerb.RESUME, CommandVerb.IGNORE)  # what is left alone is nobody's to pause
        answered = pair.case.order is not None and pair.case.order.verb in answers
        if not pair.link.startswith("held") or answered:
            continue
        assert not pair.raises, pair.where
        rollout = pair.case.rollout
        growing = pair.case.status is ReleaseStatus.IN_PROGRESS and not rollout.halt
        refused = any(isinstance(fact, facts.Commanded) and not fact.accepted for fact in pair.within.also)
        if pair.case.pacing and growing and not refused:
            assert pair.within.change is not None, pair.where


# -- where it stands, in one line --------------------------------------------------------------------

ANSWERED = link_facts.LinkAnswered(HELD.by, HELD.halted_at, "anna")


@pytest.mark.parametrize(
    ("told", "on", "line"),
    [
        ((), Store.APP_STORE, ""),
        ((PLAY_LINKED,), Store.GOOGLE_PLAY, "leads 5.2.0 (5020) on App Store"),
        (
            (replace(PLAY_LINKED, release=""),),
            Store.GOOGLE_PLAY,
            "leads no such version yet on App Store",
        ),
        (
            (PLAY_LINKED, HELD),
            Store.GOOGLE_PLAY,
            "held by the halt of App Store 5.2.0 by anna, until a person answers",
        ),
        (
            (replace(PLAY_LINKED, unread="no journal"),),
            Store.APP_STORE,
            "Google Play cannot be judged: no journal",
        ),
        (
            (replace(PLAY_LINKED, halted=True), HELD, ANSWERED),
            Store.APP_STORE,
            "goes by its own evidence: the halt on Google Play is answered",
        ),
        (
            (replace(PLAY_LINKED, earned_ppm=PPM_ALL),),
            Store.APP_STORE,
            "Google Play 5.2.0 (5020) is at 100 %",
        ),
        (
            (replace(PLAY_LINKED, earned_ppm=200_000),),
            Store.APP_STORE,
            "may go up to 20 %, like Google Play 5.2.0 (5020)",
        ),
        (
            (replace(PLAY_LINKED, earned_ppm=100_000),),
            Store.APP_STORE,
            "waits until Google Play is at 20 %: evidence has raised Google Play 5.2.0 (5020) to 10 %",
        ),
        ((PLAY_LINKED, facts.Closed()), Store.GOOGLE_PLAY, "leads 5.2.0 (5020) on App Store"),
    ],
)
def test_people_read_where_the_link_stands(told: tuple[Any, ...], on: Store, line: str) -> None:
    state = reduce(LinkState.knowing, told, LinkState())
    assert state.text(on) == line


@pytest.mark.parametrize(
    ("written", "said"),
    [("{version}-{flavour}", "only {version} and {build}"), ("{build}", "it needs {version}")],
)
def test_a_name_on_google_play_that_no_version_gives_is_refused(written: str, said: str) -> None:
    (template,) = get_args(get_type_hints(Link, include_extras=True)["match"])[1:]
    assert template.read("{build} ({version})") == "{build} ({version})"
    assert template.read("{version}") == "{version}"
    with pytest.raises(ValueError, match=re.escape(said)):
        template.read(written)
