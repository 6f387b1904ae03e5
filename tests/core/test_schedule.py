"""When raises are allowed: hours, days, freezes and the two hours a year that clocks get wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.calendar import Calendar, Freeze, Hours, TimeOfDay, Weekday
from stagedrollout.core.schedule import bake_ends, first_instant, hours_of, step_window, window
from tests.core.builders import DAY, HOUR, NOON, policy

MINUTE = timedelta(minutes=1)
WORKDAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
OFFICE = Calendar(time_zone="Europe/Berlin", weekdays=WORKDAYS, hours=Hours(start=time(9), end=time(17)))


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).astimezone(UTC)


def calendar(start: time, end: time, zone: str = "Europe/Berlin") -> Calendar:
    return Calendar(time_zone=zone, hours=Hours(start=start, end=end))


def test_the_bake_is_elapsed_time_and_no_clock_change_shortens_it() -> None:
    spring = berlin("2026-03-28T12:00")
    stage = policy(1).stages[0]
    assert bake_ends(stage, spring) - spring == DAY


def test_without_a_calendar_raises_are_always_allowed() -> None:
    assert window(Calendar(), NOON).open


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-03-02T08:59:59", False),
        ("2026-03-02T09:00", True),
        ("2026-03-02T16:59:59", True),
        ("2026-03-02T17:00", False),
        ("2026-03-07T12:00", False),
        ("2026-03-08T12:00", False),
    ],
)
def test_raises_happen_in_working_hours(local: str, open_: bool) -> None:
    assert window(OFFICE, berlin(local)).open is open_


@pytest.mark.parametrize(
    ("local", "next_"),
    [
        ("2026-03-02T07:00", "2026-03-02T09:00"),
        ("2026-03-02T17:00", "2026-03-03T09:00"),
        ("2026-03-06T17:00", "2026-03-09T09:00"),
        ("2026-03-27T18:00", "2026-03-30T09:00"),
    ],
)
def test_people_are_told_when_it_opens_next(local: str, next_: str) -> None:
    assert window(OFFICE, berlin(local)).opens_at == berlin(next_)


def test_midnight_as_end_means_the_end_of_the_day() -> None:
    evening = calendar(time(20), time(0))
    assert window(evening, berlin("2026-03-02T23:59")).open
    assert not window(evening, berlin("2026-03-03T00:00")).open


def test_a_freeze_lasts_from_its_first_day_to_its_last_in_local_time() -> None:
    fair = Freeze(first=date(2026, 12, 20), last=date(2026, 12, 24), reason="Christmas")
    frozen = Calendar(time_zone="Europe/Berlin", freezes=(fair,))
    assert window(frozen, berlin("2026-12-19T23:59")).open
    shut = window(frozen, berlin("2026-12-20T00:00"))
    assert (shut.open, shut.opens_at) == (False, berlin("2026-12-25T00:00"))
    assert shut.freeze is not None
    assert (shut.freeze.reason, shut.freeze.last) == ("Christmas", fair.last)
    assert (shut.freeze.begins, shut.freeze.ends) == (berlin("2026-12-20T00:00"), berlin("2026-12-25T00:00"))
    assert not window(frozen, berlin("2026-12-24T23:59")).open
    assert window(frozen, berlin("2026-12-25T00:00")).open


def test_a_calendar_that_opens_in_three_years_says_so_instead_of_searching_for_ever() -> None:
    long = Freeze(first=date(2026, 1, 1), last=date(2028, 12, 31), reason="no more releases")
    assert window(Calendar(freezes=(long,)), NOON).opens_at is None
    assert step_window(Calendar(freezes=(long,)), NOON).opens_at is None


def test_a_window_that_begins_in_the_gap_begins_at_the_next_valid_instant() -> None:
    night = calendar(time(2, 30), time(5))
    opens = berlin("2026-03-29T03:00")
    assert window(night, opens - HOUR).opens_at == opens
    assert not window(night, opens - timedelta(seconds=1)).open
    assert window(night, opens).open


def test_a_window_that_begins_twice_begins_once_at_the_first_time() -> None:
    night = calendar(time(2, 30), time(5))
    first = berlin("2026-10-25T02:30", fold=0)
    assert not window(night, first - MINUTE).open
    assert all(window(night, first + n * 10 * MINUTE).open for n in range(20))


def test_a_window_that_ends_twice_ends_for_good_at_the_first_time() -> None:
    night = calendar(time(0), time(2, 30))
    first = berlin("2026-10-25T02:30", fold=0)
    assert window(night, first - MINUTE).open
    assert not any(window(night, first + n * 10 * MINUTE).open for n in range(12))


def test_a_window_inside_the_gap_does_not_exist_that_day_and_nobody_is_sent_to_it() -> None:
    gone = calendar(time(2, 10), time(2, 50))
    before = berlin("2026-03-29T01:00")
    assert window(gone, before).opens_at == berlin("2026-03-30T02:10")


@pytest.mark.parametrize(
    ("local", "next_"),
    [
        ("2026-03-06T12:00", "2026-03-09T09:00"),  # Friday: Apple's step would come on Saturday
        ("2026-03-05T18:00", "2026-03-09T09:00"),
        ("2026-03-04T18:00", "2026-03-05T09:00"),
    ],
)
def test_apple_is_let_go_on_only_where_the_day_after_is_one_for_raises_too(local: str, next_: str) -> None:
    shut = step_window(OFFICE, berlin(local))
    assert (shut.open, shut.opens_at) == (False, berlin(next_))


def test_apple_is_let_go_on_at_once_where_today_and_tomorrow_allow_it() -> None:
    now = berlin("2026-03-05T12:00")
    assert step_window(OFFICE, now) == window(OFFICE, now)
    assert step_window(OFFICE, now).open


def test_apple_is_not_let_go_on_into_a_freeze_that_begins_tomorrow() -> None:
    fair = Freeze(first=date(2026, 3, 4), last=date(2026, 3, 4), reason="a fair")
    shut = step_window(Calendar(time_zone="Europe/Berlin", freezes=(fair,)), berlin("2026-03-03T12:00"))
    assert (shut.open, shut.freeze, shut.opens_at) == (False, None, berlin("2026-03-05T00:00"))


def test_a_calendar_without_two_days_in_a_row_never_lets_apple_go_on_and_says_so() -> None:
    mondays = Calendar(time_zone="Europe/Berlin", weekdays=(Weekday.MON,))
    shut = step_window(mondays, berlin("2026-03-02T12:00"))
    assert (shut.open, shut.freeze, shut.opens_at) == (False, None, None)


def test_a_freeze_that_ends_on_the_day_whose_first_hour_is_missing_ends_on_that_day() -> None:
    fair = Freeze(first=date(2026, 4, 20), last=date(2026, 4, 23), reason="a fair")
    cairo = Calendar(time_zone="Africa/Cairo", freezes=(fair,))
    before = datetime(2026, 4, 22, 12, tzinfo=UTC)
    assert window(cairo, before).opens_at == datetime(2026, 4, 23, 22, tzinfo=UTC)


TRANSITIONS_FROM, TRANSITIONS_TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)


def transitions(zone: ZoneInfo) -> list[datetime]:
    """Every change of the offset from UTC, to the second. Looked for day by day, then by halves."""
    found: list[datetime] = []
    day = TRANSITIONS_FROM
    while day < TRANSITIONS_TO:
        before, after = day, day + 7 * DAY
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) / 2
                same = middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset()
                before, after = (middle, after) if same else (before, middle)
            found.append(after.replace(microsecond=0))
        day += 7 * DAY
    return found


def one_of_each_behaviour() -> dict[str, tuple[datetime, ...]]:
    """All IANA zones with transitions in these years; zones with the same transitions at the same instants, from and to
    the same offsets, stand for each other."""
    by_behaviour: dict[object, tuple[str, tuple[datetime, ...]]] = {}
    for name in sorted(available_timezones() - {"localtime"}):
        zone = ZoneInfo(name)
        changes = tuple(transitions(zone))
        offsets = tuple(instant.astimezone(zone).utcoffset() for instant in (TRANSITIONS_FROM, *changes))
        by_behaviour.setdefault((changes, offsets), (name, changes))
    return {name: changes for name, changes in by_behaviour.values() if changes}


@pytest.mark.promise("R19")
def test_in_no_zone_does_a_clock_change_lose_a_window_or_open_one_twice() -> None:
    """Promise R19, for every zone and each of its transitions from 2020 to 2037, windows on the very edge."""
    zones = one_of_each_behaviour()
    assert len(zones) > 40
    assert sum(map(len, zones.values())) > 1_000
    for name, changes in zones.items():
        for change in changes:
            wall = change.astimezone(ZoneInfo(name)).replace(tzinfo=None)
            for start in (wall - timedelta(minutes=20), wall):
                _holds_around(name, change, start.time().replace(second=0))


def _holds_around(name: str, change: datetime, start: time) -> None:
    end = (datetime.combine(date(2000, 1, 1), start) + 3 * HOUR).time()
    if end <= start:
        return
    edge = calendar(start, end, name)
    step, look = 20 * MINUTE, change - 5 * HOUR
    openings: dict[date, int] = {}
    was_open = window(edge, look).open
    while look < change + 8 * HOUR:
        look += step
        now = window(edge, look)
        if now.open and not was_open:
            day = look.astimezone(edge.zone).date()
            openings[day] = openings.get(day, 0) + 1
        elif not now.open:
            assert now.opens_at is not None
            assert look < now.opens_at < look + 2 * DAY
            assert window(edge, now.opens_at).open, f"{name}: sent to a closed window at {now.opens_at}"
            assert not window(edge, now.opens_at - timedelta(seconds=1)).open
        was_open = now.open
    assert openings, f"{name}: the window around {change} is lost"
    assert all(count == 1 for count in openings.values()), f"{name}: opens twice around {change}"


@pytest.mark.promise("R19")
@settings(max_examples=60)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "UTC"]),
    wall=st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 31)),  # noqa: DTZ001 - local times are naive
)
def test_the_first_instant_of_a_local_time_shows_it_or_is_the_end_of_its_gap(
    zone: str, wall: datetime
) -> None:
    wall = wall.replace(microsecond=0)
    where = Calendar(time_zone=zone)
    instant = first_instant(wall, where)
    assert instant.astimezone(where.zone).replace(tzinfo=None) >= wall
    assert (instant - timedelta(seconds=1)).astimezone(where.zone).replace(tzinfo=None) < wall


def test_hours_until_midnight_close_at_the_end_of_that_very_day() -> None:
    assert hours_of(calendar(time(20), time(0)), date(2026, 3, 2)) == (
        berlin("2026-03-02T20:00"),
        berlin("2026-03-03T00:00"),
    )


def test_hours_that_end_when_they_begin_are_refused() -> None:
    with pytest.raises(ValueError, match="must end after they start"):
        Hours(start=time(9), end=time(9))


def test_a_time_of_day_is_taken_as_it_is_written_or_as_the_file_already_told_it() -> None:
    (written,) = get_args(TimeOfDay)[1:]
    assert written.read("09:00") == written.read(time(9)) == time(9)


def test_monday_follows_sunday() -> None:
    assert Calendar(weekdays=(Weekday.SUN, Weekday.MON)).has_two_days_in_a_row
    assert not Calendar(weekdays=(Weekday.SUN, Weekday.TUE)).has_two_days_in_a_row
