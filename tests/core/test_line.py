"""Stop the line: nothing of any app is raised, halts go on, and everybody reads once who did it and why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.fold import extend
from stagedrollout.core.line import Line, news_of_the_line
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.model import DAEMON, CommandVerb, Mode
from stagedrollout.core.phasing import PauseClock
from stagedrollout.core.wording import notices
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import ANNA, HOUR, NOON, answer, code, decided, halted, order, rolling

pytestmark = pytest.mark.promise("R9", "R11")

FOREVER = LineStopped("1", ANNA, "the backend is down", NOON)
SHORT = replace(FOREVER, id="2", until=NOON + 6 * HOUR)
THAWED = LineFreed("1", ANNA, "it is up again", NOON + HOUR)


def stopped_by(line: Line, now=NOON):
    reason = line.reason(now)
    assert reason
    return (reason,)


def test_nothing_is_raised_while_it_is_stopped_neither_by_the_schedule_nor_by_a_person():
    footing = stopped_by(Line(FOREVER))
    held = decided(footing=footing)
    assert (held.kind, code(held), held.change) == (DecisionKind.HOLD, "line_stopped", None)
    raises = (CommandVerb.ADVANCE, CommandVerb.COMPLETE, CommandVerb.START)
    for rollout, verb in (*((rolling(), verb) for verb in raises), (halted(rolling()), CommandVerb.RESUME)):
        refused = decided(rollout, command=order(verb, without_evidence=True), footing=footing)
        assert (refused.change, answer(refused).accepted) == (None, False)
        assert "the backend is down" in answer(refused).text


@pytest.mark.promise("R7")
@pytest.mark.parametrize(
    ("spent", "asks"),
    [(22, ""), (23, ""), (24, "only 6 are left"), (29, "only 1 are left"), (30, "none"), (31, "none")],
)
def test_on_the_app_store_a_line_that_is_stopped_asks_before_the_pause_days_are_over(spent: int, asks: str):
    built = APPLE_SITUATIONS["follow, active, in a freeze"](Verdict.PASS, None, Mode.ACT)
    policy = replace(built.policy, calendar=Calendar())
    rollout = replace(built.rollout, pauses=PauseClock(timedelta(days=spent)))
    held = decide(replace(built, rollout=rollout, policy=policy, footing=stopped_by(Line(FOREVER))))
    assert (held.kind, code(held)) == (DecisionKind.HOLD, "line_stopped")
    asked = [reason.text for reason in held.reasons if reason.code == "freeze_ask"]
    assert [asks in text for text in asked] == ([True] if asks else [])
    fact = facts.Decided(held.kind, held.reasons, DAEMON, "", "", None, 0, "")
    assert [notice.broadcast for notice in notices(rollout, (fact,), NOON)] == ([True] if asks else [])


def test_halts_go_on():
    footing = stopped_by(Line(FOREVER))
    assert decided(verdict=Verdict.FAIL, footing=footing).kind is DecisionKind.HALT
    assert decided(command=order(CommandVerb.HALT), footing=footing).kind is DecisionKind.HALT


def test_a_freeze_for_a_time_ends_by_itself_and_the_daemon_says_so():
    line = Line(SHORT)
    assert line.standing(NOON + 6 * HOUR - timedelta(microseconds=1)) == SHORT
    assert line.reason(NOON + 6 * HOUR) is None
    assert line.ended(NOON + 5 * HOUR) is None
    told = replace(rolling(), line=SHORT)
    (freed,) = news_of_the_line(told, line, NOON + 7 * HOUR)
    assert freed == LineFreed("2", DAEMON, "its time is over", NOON + 6 * HOUR)


def test_what_cannot_be_read_raises_nothing_and_is_no_news():
    line = Line(unread="line.json: no JSON")
    assert stopped_by(line)[0].code == "line_unread"
    assert news_of_the_line(rolling(), line, NOON) == ()


def test_each_journal_has_it_once():
    rollout = rolling()
    news = news_of_the_line(rollout, Line(FOREVER), NOON)
    assert news == (FOREVER,)
    rollout = extend(rollout, news, NOON)
    assert news_of_the_line(rollout, Line(FOREVER), NOON + HOUR) == ()
    assert news_of_the_line(rollout, Line(FOREVER, THAWED), NOON + HOUR) == (THAWED,)
    rollout = extend(rollout, (THAWED,), NOON + HOUR)
    assert news_of_the_line(rollout, Line(FOREVER, THAWED), NOON + 2 * HOUR) == ()


def test_another_freeze_takes_the_place_of_the_one_before():
    rollout = extend(rolling(), (FOREVER,), NOON)
    assert news_of_the_line(rollout, Line(SHORT), NOON) == (SHORT,)


def test_a_freeze_whose_file_was_taken_away_is_over():
    rollout = extend(rolling(), (FOREVER,), NOON)
    (freed,) = news_of_the_line(rollout, Line(), NOON + HOUR)
    assert (freed.id, freed.actor, freed.at) == ("1", DAEMON, NOON + HOUR)


def test_a_rollout_that_is_over_is_told_nothing():
    assert news_of_the_line(replace(rolling(), closed=True), Line(FOREVER), NOON) == ()


def test_people_are_told_once_for_all_apps_and_aloud():
    first, second = rolling(), replace(rolling(), key=replace(rolling().key, app="another"))
    told = [notice for rollout in (first, second) for notice in notices(rollout, (FOREVER,), NOON)]
    assert {notice.key for notice in told} == {"line/1/stopped"}
    assert all(notice.broadcast and "anna" in notice.headline for notice in told)
    (freed,) = notices(first, (THAWED,), NOON)
    assert (freed.key, freed.broadcast) == ("line/1/freed", True)


def test_the_hold_it_causes_is_told_by_nobody_else():
    held = decided(footing=stopped_by(Line(FOREVER)))
    fact = facts.Decided(held.kind, held.reasons, DAEMON, "", "", None, 0, "")
    assert notices(rolling(), (fact,), NOON) == ()
