"""Whom to wake and when, what to remind of, and when the digest of a day is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.fold import apply
from stagedrollout.core.lifecycle import Halt
from stagedrollout.core.model import DAEMON
from stagedrollout.core.waiting import (
    AHEAD_MAX,
    LATE_DIGEST,
    alarms,
    digest,
    digest_times,
    next_reminder,
    reminder,
    waits_on_people,
)
from tests.core.builders import ANNA, HOUR, NOON, rolling

MINUTE = timedelta(minutes=1)
BY_MACHINE = Halt(DAEMON, "crashes", NOON, confirmed=True)
TERMS = (15 * MINUTE, 5 * MINUTE)


def _halted(**changes):
    return replace(rolling(), halt=replace(BY_MACHINE, **changes))


def _kinds(rollout):
    return [alarm.key.rsplit("/", 1)[1] for alarm in alarms(rollout, *TERMS)]


def test_the_machines_halt_waits_for_an_answer_and_a_persons_does_not():
    (alarm,) = alarms(_halted(), *TERMS)
    assert alarm.due == NOON + 15 * MINUTE
    assert _kinds(_halted(actor=ANNA)) == []


@pytest.mark.promise("R4")
def test_whoever_halts_it_what_the_store_does_not_show_wakes_people():
    assert _kinds(_halted(confirmed=False)) == ["not_halted", "unanswered"]
    assert _kinds(_halted(actor=ANNA, confirmed=False)) == ["not_halted"]


def test_an_answer_ends_what_was_told():
    halted = _halted()
    (alarm,) = alarms(halted, *TERMS)
    assert alarm.key == f"{halted.key}/{NOON.isoformat()}/unanswered"
    answered = apply(halted, facts.Acknowledged(ANNA, NOON), NOON + HOUR)
    assert alarms(answered, *TERMS) == ()


def test_a_halt_that_is_lifted_needs_nobody_any_more():
    assert alarms(replace(_halted(), halt=None), *TERMS) == ()
    assert alarms(replace(_halted(confirmed=False), closed=True), *TERMS) == ()


def test_a_halt_from_the_future_waits_for_no_clock():
    (alarm,) = alarms(_halted(), *TERMS)
    assert not alarm.is_due(NOON)
    assert not alarm.is_due(NOON - AHEAD_MAX)
    assert alarm.is_due(NOON - AHEAD_MAX - MINUTE)
    assert alarm.is_due(alarm.due)


def test_the_next_halt_has_alarms_of_its_own():
    first, second = _halted(), _halted(at=NOON + HOUR)
    assert {a.key for a in alarms(first, *TERMS)} & {a.key for a in alarms(second, *TERMS)} == set()
    answered = apply(first, facts.Acknowledged(ANNA, NOON), NOON)
    assert _kinds(replace(answered, halt=second.halt)) == ["unanswered"]


def test_reminders_come_one_at_a_time_and_end():
    halted = _halted()
    due = (reminder(halted, 4 * HOUR, 3, NOON + hours * HOUR) for hours in range(1, 30))
    assert len({notice.key for notice in due if notice}) == 3
    assert reminder(halted, 4 * HOUR, 3, NOON + HOUR) is None
    assert next_reminder(halted, 4 * HOUR, 3, NOON + HOUR) == NOON + 4 * HOUR
    assert next_reminder(halted, 4 * HOUR, 3, NOON + 20 * HOUR) is None


def _asks(text):
    return facts.Decided(
        DecisionKind.HOLD, (Reason("approval", text),), DAEMON, "", "", None, 100_000, "f1", weighed=None
    )


def test_what_waits_for_a_person_waits_from_the_first_time_on_whatever_happens_meanwhile():
    asked = apply(rolling(), _asks("1 approval"), NOON)
    again = apply(asked, _asks("1 approval, of qa"), NOON + HOUR)
    pressed = apply(again, facts.PressRefused(ANNA, "approve", "not hers"), NOON + 2 * HOUR)
    assert waits_on_people(pressed).since == NOON
    goes_on = apply(pressed, replace(_asks(""), reasons=(Reason("bake", "bakes"),)), NOON + 3 * HOUR)
    assert waits_on_people(goes_on) is None
    assert waits_on_people(apply(goes_on, _asks("1 approval"), NOON + 9 * HOUR)).since == NOON + 9 * HOUR


def test_what_rolls_out_waits_for_nobody():
    assert waits_on_people(rolling()) is None
    assert reminder(rolling(), HOUR, 3, NOON + 9 * HOUR) is None
    assert next_reminder(rolling(), HOUR, 3, NOON) is None


def test_a_digest_is_due_by_the_clock_on_the_wall():
    nine = time(9, 0)
    due = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert digest_times(nine, "Europe/Berlin", due - MINUTE) == (None, due)
    assert digest_times(nine, "Europe/Berlin", due) == (due, due + timedelta(days=1))
    assert digest_times(nine, "Europe/Berlin", due + LATE_DIGEST + MINUTE) == (None, due + timedelta(days=1))


def test_a_digest_of_the_late_evening_is_told_after_midnight_too():
    late = time(23, 30)
    due = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert digest_times(late, "UTC", due + HOUR) == (due, due + timedelta(days=1))
    assert digest_times(late, "UTC", due + LATE_DIGEST + MINUTE) == (None, due + timedelta(days=1))


def test_a_digest_has_one_key_a_day_also_when_clocks_change():
    days = [datetime(2026, 3, 28, 12, tzinfo=UTC) + timedelta(days=n) for n in range(3)]
    due = [digest_times(time(9, 0), "Europe/Berlin", day)[0] for day in days]
    assert [each.hour for each in due] == [8, 7, 7]
    assert len({digest((), each).key for each in due}) == 3


def test_a_digest_tells_first_what_waits_on_people():
    told = digest((rolling(), _halted(), replace(rolling(), closed=True)), NOON)
    assert told.headline == "Today: 2 rollouts, 1 waiting on a person"
    assert "halted by stagedrollout" in told.facts[0].text
    assert digest((), NOON).headline == "Today: nothing is rolling out"
