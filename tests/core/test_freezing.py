"""What freezes now, whoever says so: nothing is raised, by hand or by the schedule, and everybody is told why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar, Freeze, Holidays, Hours, Share, Weekday
from stagedrollout.core.case import Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.freezing import Cause, Entry, Frozen, unread
from stagedrollout.core.model import CommandVerb, Mode, Store
from stagedrollout.core.phasing import Pacing, PauseClock
from stagedrollout.core.schedule import (
    endless,
    frozen_at,
    frozen_by,
    opening,
    step_window,
    thaw,
    whole_days,
    window,
)
from tests.core.apple import terms
from tests.core.apple_situations import APPLE_SITUATIONS
from tests.core.builders import (
    DAY,
    DRAFT,
    HOUR,
    NOON,
    answer,
    code,
    decided,
    halted,
    order,
    policy,
    rolling,
    shown,
    waiting,
)

OFFICE_DAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
FRIDAY = datetime(2026, 3, 6, 12, tzinfo=UTC)
BERLIN = Calendar(time_zone="Europe/Berlin")
BY_SHARE = Calendar(
    weekdays=OFFICE_DAYS,
    shares=(
        Share(at_least=Decimal(10), weekdays=OFFICE_DAYS[:4]),
        Share(at_least=Decimal(50), hours=Hours(start=time(10), end=time(14))),
    ),
)


def holiday(calendar: Calendar, day: date) -> Calendar:
    asked = replace(calendar, holidays=(Holidays(country="DE"),))
    return asked.with_holidays((whole_days(asked, Cause.HOLIDAY, "a day off", day, day),))


def with_entry(calendar: Calendar, begins: date, ends: date) -> Calendar:
    asked = replace(calendar, icalendars=("company",))
    return asked.with_entries((frozen_by(Entry("audit", begins, ends), asked, "company"),))


def unreadable(calendar: Calendar = BERLIN) -> Calendar:
    return replace(calendar, icalendars=("company",)).with_entries((unread("calendar company: gone"),))


KINDS = {
    "a dated freeze": Calendar(freezes=(Freeze(first=NOON.date(), last=NOON.date(), reason="fair"),)),
    "a holiday": holiday(Calendar(), NOON.date()),
    "an entry": with_entry(Calendar(), NOON - HOUR, NOON + HOUR),
    "an entry of a day": with_entry(Calendar(), NOON.date(), NOON.date() + DAY),
    "unreadable": unreadable(),
    "holidays not looked up": Calendar(holidays=(Holidays(country="DE"),)),
    "never read": Calendar(icalendars=("company",)),
    "never read, holidays known": holiday(Calendar(icalendars=("company",)), date(2026, 1, 1)),
}


@pytest.mark.promise("R11")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "verb", [CommandVerb.START, CommandVerb.RESUME, CommandVerb.ADVANCE, CommandVerb.COMPLETE]
)
def test_whatever_freezes_nobody_raises_and_the_answer_names_it(kind: str, verb: CommandVerb) -> None:
    by = policy(calendar=KINDS[kind])
    rollout = {CommandVerb.START: waiting(found=shown(DRAFT)), CommandVerb.RESUME: halted(rolling())}
    decision = decided(rollout.get(verb, rolling()), command=order(verb, without_evidence=True), policy=by)
    freeze = frozen_at(by.calendar, NOON)
    assert decision.change is None
    assert freeze is not None
    assert not answer(decision).accepted
    assert freeze.text in answer(decision).text


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_freezes_the_schedule_holds(kind: str) -> None:
    decision = decided(rolling(), policy=policy(calendar=KINDS[kind]))
    assert (decision.kind, decision.change) == (DecisionKind.HOLD, None)
    assert code(decision) == ("calendar_unread" if frozen_at(KINDS[kind], NOON).ends is None else "freeze")


@pytest.mark.promise("R3")
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_freezes_a_halt_goes_out(kind: str) -> None:
    decision = decided(rolling(), command=order(CommandVerb.HALT), policy=policy(calendar=KINDS[kind]))
    assert decision.kind is DecisionKind.HALT
    assert decision.change is not None


@pytest.mark.parametrize(
    ("target", "at", "open_"),
    [
        (10_000, FRIDAY, True),
        (99_999, FRIDAY, True),
        (100_000, FRIDAY, False),
        (500_000, FRIDAY, False),
        (100_000, FRIDAY - DAY, True),
        (500_000, FRIDAY - DAY, True),
        (500_000, FRIDAY - DAY + 3 * HOUR, False),
    ],
)
def test_one_percent_on_friday_is_fine_and_ten_is_not(target: int, at: datetime, open_: bool) -> None:
    assert window(BY_SHARE.for_share(target), at).open is open_
    assert opening(policy(calendar=BY_SHARE), Store.GOOGLE_PLAY, target, at).open is open_


def test_the_schedule_asks_for_the_share_it_goes_to() -> None:
    mornings = Share(at_least=Decimal(50), hours=Hours(start=time(8), end=time(9)))
    assert decided(rolling(), policy=policy(calendar=Calendar(shares=(mornings,)))).kind is DecisionKind.WAIT
    other = replace(mornings, at_least=Decimal(51))
    assert decided(rolling(), policy=policy(calendar=Calendar(shares=(other,)))).kind is DecisionKind.ADVANCE
    by_hand = decided(
        rolling(), command=order(CommandVerb.ADVANCE), policy=policy(calendar=Calendar(shares=(mornings,)))
    )
    assert by_hand.change is not None, "a person overrides hours"


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        (
            "guarded, paused, baked",
            "outside the hours for raises, Apple's day for its step included; the next",
        ),
        (
            "guarded, half of the users, automatic",
            "outside the hours for raises; the next begin Mon 2026-03-02",
        ),
    ],
)
def test_only_where_apple_takes_a_step_its_day_counts_and_is_named(situation: str, words: str) -> None:
    built = APPLE_SITUATIONS[situation](Verdict.PASS, None, Mode.ACT)
    evenings = Calendar(hours=Hours(start=time(18), end=time(20)))
    decision = decide(replace(built, policy=replace(built.policy, calendar=evenings)))
    assert code(decision) == "window"
    assert decision.reasons[0].text.startswith(words)


def test_on_google_play_the_hours_for_raises_are_named_alone() -> None:
    waits = decided(policy=policy(calendar=Calendar(hours=Hours(start=time(18), end=time(20)))))
    assert waits.reasons[0].text == "outside the hours for raises; the next begin Mon 2026-03-02 18:00 UTC"


@pytest.mark.parametrize(
    "shares",
    [
        ((10, None, None),),
        ((10, (), None),),
        ((10, OFFICE_DAYS, None), (10, OFFICE_DAYS, None)),
        ((20, OFFICE_DAYS, None), (10, OFFICE_DAYS, None)),
    ],
)
def test_shares_that_say_nothing_or_fall_are_refused(shares: tuple) -> None:
    with pytest.raises(ValueError, match=r"at_least|weekdays|rise"):
        Calendar(shares=tuple(Share(at_least=Decimal(a), weekdays=w, hours=h) for a, w, h in shares))


def test_a_guarded_policy_whose_larger_shares_have_no_two_days_in_a_row_is_refused() -> None:
    fridays = Calendar(shares=(Share(at_least=Decimal(20), weekdays=(Weekday.FRI,)),))
    with pytest.raises(ValueError, match="two weekdays in a row"):
        terms(calendar=fridays)
    assert terms(Pacing.FOLLOW, calendar=fridays)
    everyone = Calendar(shares=(Share(at_least=Decimal(100), weekdays=(Weekday.FRI,)),))
    assert terms(calendar=everyone), "100 % is no step of Apple's"


def test_an_entry_of_some_hours_freezes_those_and_the_window_opens_when_it_is_over() -> None:
    calendar = with_entry(Calendar(hours=Hours(start=time(9), end=time(17))), NOON, NOON + 2 * HOUR)
    assert window(calendar, NOON - HOUR).open
    shut = window(calendar, NOON)
    assert (shut.open, shut.opens_at) == (False, NOON + 2 * HOUR)
    assert window(calendar, NOON + 2 * HOUR).open
    late = with_entry(Calendar(hours=Hours(start=time(9), end=time(17))), NOON, NOON + 6 * HOUR)
    assert window(late, NOON).opens_at == NOON - 3 * HOUR + DAY


def test_apple_is_not_let_go_on_into_an_entry_of_some_hours() -> None:
    calendar = with_entry(Calendar(), NOON + 20 * HOUR, NOON + 22 * HOUR)
    shut = step_window(calendar, NOON)
    assert (shut.open, shut.opens_at) == (False, NOON + 22 * HOUR)
    assert step_window(calendar, NOON - 5 * HOUR).open


def test_freezes_that_follow_each_other_thaw_together_and_an_unknown_end_never() -> None:
    first = Frozen(Cause.ICALENDAR, "a", NOON, NOON + HOUR)
    second = Frozen(Cause.ICALENDAR, "b", NOON + HOUR, NOON + 2 * HOUR)
    calendar = Calendar(icalendars=("c",)).with_entries((first, second))
    assert thaw(calendar, NOON) == NOON + 2 * HOUR
    assert thaw(calendar, NOON - HOUR) == NOON - HOUR
    assert endless(calendar, NOON) is None
    lost = calendar.with_entries((first, unread("gone")))
    assert thaw(lost, NOON) is None
    assert endless(lost, NOON) == unread("gone")
    ever = Frozen(Cause.ICALENDAR, "ever", NOON + 2 * HOUR, None)
    assert endless(calendar.with_entries((first, second, ever)), NOON) == ever
    assert endless(calendar, NOON - HOUR) is None


def test_a_freeze_until_the_last_day_there_is_ends_never() -> None:
    ever = Calendar(time_zone="Pacific/Apia", freezes=(Freeze(first=date.min, last=date.max, reason="ever"),))
    shut = window(ever, NOON)
    assert (shut.open, shut.opens_at) == (False, None)
    assert step_window(ever, NOON).opens_at is None


def test_apple_is_not_let_go_on_into_a_freeze_that_never_ends() -> None:
    tomorrow = Freeze(first=NOON.date() + DAY, last=date.max, reason="ever")
    shut = step_window(Calendar(freezes=(tomorrow,)), NOON)
    assert (shut.open, shut.freeze, shut.opens_at) == (False, None, None)


def test_the_days_of_an_entry_are_over_when_its_last_one_is() -> None:
    calendar = with_entry(BERLIN, date(2026, 3, 2), date(2026, 3, 4))
    (found,) = calendar.closed
    assert (found.last, found.ends) == (date(2026, 3, 3), datetime(2026, 3, 3, 23, tzinfo=UTC))
    assert window(calendar, found.ends).open


def test_holidays_that_are_known_freeze_nothing_but_their_days_and_unknown_ones_freeze_everything() -> None:
    berlin = Holidays(country="DE", subdivision="BE")
    assert (str(berlin), str(Holidays(country="DE"))) == ("DE-BE", "DE")
    asked = Calendar(holidays=(berlin,))
    assert window(asked.with_holidays(()), NOON).open
    assert not window(asked.with_entries(()), NOON).open


def test_what_floats_is_meant_in_the_calendar_s_own_time() -> None:
    calendar = with_entry(BERLIN, datetime(2026, 3, 2, 9), datetime(2026, 3, 2, 10))  # noqa: DTZ001 - it floats
    (found,) = calendar.closed
    assert (found.begins, found.ends) == (
        datetime(2026, 3, 2, 8, tzinfo=UTC),
        datetime(2026, 3, 2, 9, tzinfo=UTC),
    )


def frozen_on_apple(spent: int, calendar: Calendar) -> Decision:
    """Of a version that follows Apple's clock, and was paused for so many days before."""
    built = APPLE_SITUATIONS["follow, active, in a freeze"](Verdict.PASS, None, Mode.ACT)
    rollout = replace(built.rollout, pauses=PauseClock(timedelta(days=spent)))
    return decide(replace(built, rollout=rollout, policy=replace(built.policy, calendar=calendar)))


@pytest.mark.promise("R7")
@pytest.mark.parametrize(
    ("spent", "days", "asks"),
    [(0, 10, False), (13, 10, False), (14, 10, True), (29, 10, True), (25, 1, True), (21, 1, False)],
)
def test_on_the_app_store_a_freeze_that_leaves_less_than_seven_pause_days_asks(
    spent: int, days: int, asks: bool
) -> None:
    decision = frozen_on_apple(spent, with_entry(Calendar(), NOON, NOON + days * DAY))
    assert decision.kind is DecisionKind.HOLD
    assert decision.change is not None, "paused meanwhile"
    assert ("freeze_ask" in [reason.code for reason in decision.reasons]) is asks


@pytest.mark.parametrize(
    ("spent", "calendar", "words"),
    [
        (29, unreadable(), "for the freeze so far would leave 1 of Apple's 30 pause-days"),
        (30, unreadable(), "for the freeze so far takes all of Apple's 30 pause-days"),
        (
            20,
            with_entry(Calendar(), NOON, NOON + 9 * DAY),
            "until 2026-03-11 12:00 UTC would leave 1 of Apple's 30 pause-days",
        ),
        (23, unreadable(), ""),
    ],
)
def test_who_has_to_decide_about_a_freeze_is_told_what_it_takes_of_apples_pause_days(
    spent: int, calendar: Calendar, words: str
) -> None:
    """What nobody can read costs nothing ahead: seven days are kept until they are touched."""
    said = [reason.text for reason in frozen_on_apple(spent, calendar).reasons if reason.code == "freeze_ask"]
    assert len(said) == bool(words)
    assert words in "".join(said)


def test_a_long_freeze_asks_nobody_where_no_pause_days_are_spent() -> None:
    decision = decided(policy=policy(calendar=with_entry(Calendar(), NOON, NOON + 40 * DAY)))
    assert [reason.code for reason in decision.reasons] == ["freeze"]


@given(
    begins=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),  # noqa: DTZ001 - walls
    lasts=st.timedeltas(min_value=timedelta(minutes=1), max_value=timedelta(days=40)),
    zone=st.sampled_from(
        ("Europe/Berlin", "America/St_Johns", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kolkata")
    ),
    whole=st.booleans(),
    look=st.integers(-50, 1_000),
)
@pytest.mark.promise("R19")
def test_no_instant_of_an_entry_is_open_whatever_clocks_do(
    begins: datetime, lasts: timedelta, zone: str, whole: bool, look: int
) -> None:
    """By the wall clock, told twice where it shows an hour twice."""
    ends = begins + lasts
    entry = (begins.date(), ends.date() + DAY) if whole else (begins, ends)
    calendar = with_entry(Calendar(time_zone=zone), *entry)
    (frozen,) = calendar.closed
    at = frozen.begins + look * HOUR
    local = at.astimezone(calendar.zone).replace(tzinfo=None)
    inside = entry[0] <= local.date() < entry[1] if whole else begins <= local < ends
    if inside and at >= frozen.begins:
        assert not window(calendar, at).open
    shut = window(calendar, at)
    if not shut.open:
        assert shut.opens_at is not None
        assert window(calendar, shut.opens_at).open
        assert frozen_at(calendar, shut.opens_at - timedelta(microseconds=1))
