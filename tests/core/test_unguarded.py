"""What needs no lease is what stops, and how that ended; and over what a person has said since nobody stops anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stagedrollout.core import facts, link_facts
from stagedrollout.core.errors import HaltShown, LetGoOn, OrderTaken
from stagedrollout.core.facts import DecisionKind, Fact
from stagedrollout.core.fold import extend
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import DAEMON, SOMEBODY, UNKNOWN_ACTOR, Actor, CommandVerb, Settlement, Verb
from stagedrollout.core.unguarded import (
    alone,
    beside_the_brake,
    check_still_wanted,
    decides_a_brake,
    ends_a_brake,
    permits,
    renamed,
    stopped_before,
    takes_up_an_order,
)
from tests.core.builders import (
    ANNA,
    HALTED,
    HOUR,
    NOON,
    STAGED,
    discovered,
    halted,
    intent,
    ppm,
    rolling,
    seen,
    settled,
    told,
)

FAILS = Reason("fail", "crash-free 95.1 % < 99 %")


def decides(
    verb: Verb | None, kind: DecisionKind = DecisionKind.HALT, *, sent: bool = True, by: str = ""
) -> facts.Decided:
    return facts.Decided(kind, (FAILS,), DAEMON, by, "x9" if sent else "", verb, ppm(10), "f1")


def ordered(verb: CommandVerb, command: str = "c9") -> facts.Commanded:
    return facts.Commanded(command, verb, ANNA, "because", True, "so be it")


WAITS = decides(None, DecisionKind.WAIT, sent=False)
HALT, PAUSE = decides(Verb.HALT), decides(Verb.PAUSE, DecisionKind.HOLD)
RESUMES = (ordered(CommandVerb.RESUME, "c7"), intent(Verb.RESUME, 10, "s1", "c7"))
RESUMED = (seen(STAGED, 10), settled(verb=Verb.RESUME, key="s1"))
ANSWERED = link_facts.LinkAnswered("shop/app_store/7", NOON, "it was resumed")


@pytest.mark.parametrize(
    ("news", "stops"),
    [
        ((HALT,), True),
        ((PAUSE,), True),
        ((decides(Verb.HALT, sent=False),), True),  # where it only observes
        ((seen(), settled(verb=Verb.HALT), HALT), True),
        ((WAITS,), False),
        ((settled(verb=Verb.PAUSE),), False),  # by a look, and a look may be old
        ((settled(Settlement.NOT_APPLIED, Verb.HALT), WAITS), False),
        ((decides(Verb.RAISE, DecisionKind.ADVANCE),), False),
        ((HALT, decides(Verb.RAISE, DecisionKind.ADVANCE)), False),
        ((HALT, decides(Verb.RAISE, DecisionKind.ADVANCE, sent=False)), True),
        ((seen(),), False),
        ((), False),
    ],
)
def test_whoever_stops_something_needs_no_lease(news: tuple[Fact, ...], stops: bool) -> None:
    assert decides_a_brake(news) is stops


@pytest.mark.parametrize(
    ("news", "ends"),
    [
        ((settled(verb=Verb.HALT),), True),
        ((seen(HALTED), settled(Settlement.REFUSED, Verb.PAUSE)), True),
        ((settled(verb=Verb.RAISE),), False),
        ((settled(verb=Verb.RESUME),), False),
        ((settled(verb=Verb.HALT), ANSWERED), False),
        ((HALT,), False),
        ((), False),
    ],
)
def test_how_a_halt_ended_needs_no_lease_to_be_told(news: tuple[Fact, ...], ends: bool) -> None:
    assert ends_a_brake(news) is ends


@pytest.mark.parametrize(
    "fact",
    [
        facts.Started(ANNA, "go", "standard", "c0"),
        facts.TakenUp(ANNA, "go"),
        facts.HoldEnded("it has run out"),
        ANSWERED,
        link_facts.Unlinked(),
    ],
)
def test_what_permits_something_waits_for_the_lease(fact: Fact) -> None:
    assert permits((seen(), fact))
    assert not permits((seen(), HALT, settled()))


def test_what_is_written_on_top_of_what_others_wrote_says_nothing_of_an_older_look() -> None:
    held, order = facts.Held(ANNA, "because", None), ordered(CommandVerb.HALT)
    news = (seen(), settled(), ANSWERED, facts.Suspected("g", 1, NOON, FAILS), order, held, HALT)
    assert alone(RUNS, news) == (order, held, replace(HALT, intent=f"{RUNS.key}/1/halt"))


def test_what_is_written_on_top_of_what_others_wrote_rests_on_no_counts_of_its_own() -> None:
    """They may have counted on, and set other terms: it would not come out again as it did."""
    weighed = facts.Weighed("a1", 5.0, 0.0, (), 0.5, 0.02, 1.2, 2.5, NOON)
    (written,) = alone(RUNS, (replace(HALT, weighed=weighed),))
    assert written == replace(HALT, intent=f"{RUNS.key}/1/halt")


def test_an_act_that_is_written_on_top_of_others_has_a_name_of_its_own() -> None:
    acted = later(
        RUNS, intent(Verb.HALT, 10, f"{RUNS.key}/1/halt"), intent(Verb.RAISE, 50, f"{RUNS.key}/2/raise")
    )
    by_order = decides(Verb.HALT, by="c9")
    named = [
        fact.intent for fact in renamed(acted, (seen(), PAUSE, by_order)) if isinstance(fact, facts.Decided)
    ]
    assert named == [f"{RUNS.key}/3/pause", f"{RUNS.key}/3/halt/c9"]


def test_what_sends_nothing_has_no_name() -> None:
    for fact in (WAITS, decides(Verb.HALT, sent=False)):
        assert renamed(RUNS, (fact,)) == (fact,)


def later(rollout: Rollout, *news: Fact, at: datetime = NOON) -> Rollout:
    return extend(rollout, news, at)


RUNS = rolling()


@pytest.mark.parametrize("brake", [HALT, PAUSE, decides(Verb.HALT, sent=False)])
def test_what_others_wrote_keeps_nothing_from_being_halted(brake: Fact) -> None:
    for now in (
        RUNS,
        later(RUNS, WAITS),
        later(RUNS, intent(Verb.RAISE, 50)),
        later(RUNS, intent(Verb.HALT, 10, "h1")),
        later(RUNS, facts.Held(ANNA, "because", None)),
    ):
        check_still_wanted(RUNS, now, (brake,))


def test_what_a_person_has_let_go_on_is_not_halted_for_what_was_known_before() -> None:
    stopped = halted(RUNS)
    going_on, gone_on = later(stopped, *RESUMES), later(stopped, *RESUMES, *RESUMED)
    for before, now in ((RUNS, going_on), (stopped, going_on), (stopped, gone_on), (RUNS, gone_on)):
        with pytest.raises(LetGoOn):
            check_still_wanted(before, now, (HALT,))
    for before, now in ((gone_on, gone_on), (gone_on, later(gone_on, WAITS))):
        check_still_wanted(before, now, (HALT,))


def test_what_was_judged_after_a_persons_word_is_halted_whatever_was_said_before_it() -> None:
    refused = later(halted(RUNS), *RESUMES, settled(Settlement.REFUSED, Verb.RESUME, "s1"))
    with pytest.raises(HaltShown):
        check_still_wanted(refused, refused, (HALT,))


def test_what_a_person_lets_go_on_that_somebody_halted_in_the_console_is_judged_anew() -> None:
    """It is the first thing that is done about it by us."""
    drifted = facts.Drifted(facts.Drift.HALTED, seen(STAGED, 10), seen(HALTED))
    stopped = later(RUNS, seen(HALTED), drifted)
    with pytest.raises(LetGoOn):
        check_still_wanted(stopped, later(stopped, *RESUMES), (HALT,))


def test_another_resume_than_the_one_that_was_known_is_a_word_of_its_own() -> None:
    first = later(halted(RUNS), *RESUMES)
    again = later(first, settled(Settlement.REFUSED, Verb.RESUME, "s1"), intent(Verb.RESUME, 10, "s2", "c8"))
    with pytest.raises(LetGoOn):
        check_still_wanted(first, again, (HALT,))


def test_what_a_person_wants_left_alone_is_not_halted_by_the_daemon() -> None:
    left = later(RUNS, facts.LeftAlone(ANNA, "ours"))
    with pytest.raises(LetGoOn):
        check_still_wanted(RUNS, left, (HALT,))
    check_still_wanted(left, left, (HALT,))


def test_what_a_person_orders_is_theirs_whatever_another_has_let_go_on() -> None:
    by_order = (ordered(CommandVerb.HALT), decides(Verb.HALT, by="c9"))
    check_still_wanted(RUNS, later(halted(RUNS), *RESUMES, *RESUMED), by_order)
    check_still_wanted(RUNS, later(RUNS, facts.LeftAlone(ANNA, "ours")), by_order)


def test_an_order_is_carried_out_once() -> None:
    order = ordered(CommandVerb.HALT)
    with pytest.raises(OrderTaken, match="c9"):
        check_still_wanted(RUNS, later(RUNS, order), (order, decides(Verb.HALT, by="c9")))


def test_what_is_shown_to_be_halted_is_not_halted_again() -> None:
    with pytest.raises(HaltShown):
        check_still_wanted(RUNS, halted(RUNS, NOON - HOUR), (HALT,))


def test_nothing_is_known_of_a_release_that_was_only_found() -> None:
    found = told(discovered(), start=NOON - timedelta(days=1))
    check_still_wanted(found, found, (HALT,))


@pytest.mark.parametrize(
    ("verb", "beside", "whole"),
    [
        (CommandVerb.START, PAUSE, True),
        (CommandVerb.RESUME, PAUSE, True),
        (CommandVerb.SET_POLICY, WAITS, True),
        (CommandVerb.START, HALT, False),  # a halt waits for no order
        (CommandVerb.HALT, HALT, False),
        (CommandVerb.HOLD, PAUSE, False),
        (CommandVerb.REJECT, PAUSE, False),
        (CommandVerb.APPROVE, PAUSE, False),
    ],
)
def test_an_order_that_takes_effect_beside_a_pause_is_written_whole_or_not_at_all(
    verb: CommandVerb,
    beside: Fact,
    whole: bool,
) -> None:
    assert takes_up_an_order((ordered(verb), beside)) is whole
    refused = replace(ordered(verb), accepted=False)
    assert not takes_up_an_order((refused, beside))


DRIFTED = facts.Drifted(facts.Drift.HALTED, seen(STAGED, 10), seen(HALTED))


@pytest.mark.parametrize(
    ("now", "news", "stopped"),
    [
        (halted(RUNS), (seen(HALTED), DRIFTED, HALT), True),
        (halted(RUNS), (HALT,), False),  # somebody had resumed it
        (halted(RUNS), (seen(HALTED), DRIFTED, seen(STAGED, 10), HALT), False),
        (RUNS, (seen(HALTED), HALT), False),
    ],
)
def test_a_halt_that_was_sent_has_stopped_nothing_where_its_look_showed_what_another_had_halted(
    now: Rollout, news: tuple[Fact, ...], stopped: bool
) -> None:
    assert stopped_before(RUNS, now, news, NOON) is stopped


@pytest.mark.parametrize("nobody", [SOMEBODY, UNKNOWN_ACTOR])
def test_what_was_only_seen_halted_may_have_been_halted_by_whoever_could_not_say_so(nobody: Actor) -> None:
    before = halted(RUNS)
    assert before.halt is not None
    only_seen = replace(before, halt=replace(before.halt, actor=nobody))
    assert not stopped_before(RUNS, only_seen, (seen(HALTED), HALT), NOON)
    assert stopped_before(RUNS, before, (seen(HALTED), HALT), NOON)


def test_whose_look_is_not_known_has_stopped_something() -> None:
    """A release that was only found may never have been looked at."""
    assert not stopped_before(replace(RUNS, seen=None), halted(RUNS), (HALT,), NOON)


def test_what_a_person_said_stands_without_the_brake_beside_it() -> None:
    order = ordered(CommandVerb.APPROVE)
    assert beside_the_brake((seen(), order, HALT, settled())) == (order,)
