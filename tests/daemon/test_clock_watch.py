"""The watch over the clocks: what an answer's date tells, and how long a bake has really lasted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stagedrollout.core.clocks import disagreement, time_by
from stagedrollout.daemon.clock_watch import FORGOTTEN_AFTER_SECONDS, ClockWatch
from tests.core.builders import DAY, HOUR, KEY, NOON

pytestmark = pytest.mark.promise("R19")


MINUTE = timedelta(minutes=1)


@dataclass
class Machine:
    """A clock that can be set, and one that cannot."""

    wall: datetime = NOON
    seconds: float = 5_000.0

    def now(self) -> datetime:
        return self.wall

    def steady(self) -> float:
        return self.seconds

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.seconds += span.total_seconds()

    def is_set(self, by: timedelta) -> None:
        self.wall += by


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def watch(machine: Machine) -> ClockWatch:
    return ClockWatch(machine, machine.steady)


def heard(
    watch: ClockWatch, machine: Machine, date: datetime, *, took: float = 0, service: str = "app_store"
):
    asked = watch.asked()
    machine.passes(timedelta(seconds=took))
    watch.answered(service, asked, format_datetime(date.astimezone(UTC), usegmt=True))


def apart(watch: ClockWatch, newest: datetime | None = None) -> str:
    reason = disagreement(watch.readings(newest))
    return reason.text if reason else ""


def test_a_date_that_agrees_says_nothing(watch: ClockWatch, machine: Machine):
    heard(watch, machine, NOON)
    assert apart(watch) == ""


@pytest.mark.parametrize(("off", "says"), [(3 * MINUTE, "ahead of"), (-3 * MINUTE, "behind")])
def test_more_than_two_minutes_either_way_are_told(
    watch: ClockWatch, machine: Machine, off: timedelta, says: str
):
    heard(watch, machine, NOON + off)
    assert f"app_store is 3m {says}" in apart(watch).replace("2m 59s", "3m")
    heard(watch, machine, NOON + 2 * off / 3)
    assert apart(watch) == ""


def test_an_answer_that_took_long_is_not_taken_for_a_wrong_clock(watch: ClockWatch, machine: Machine):
    heard(watch, machine, NOON, took=150)
    assert apart(watch) == ""


def test_a_machines_clock_that_is_set_is_noticed_without_another_answer_and_so_is_its_end(
    watch: ClockWatch, machine: Machine
):
    heard(watch, machine, NOON)
    machine.passes(10 * MINUTE)
    assert apart(watch) == ""
    machine.is_set(HOUR)
    assert "behind" in apart(watch)
    machine.is_set(-HOUR)
    assert apart(watch) == ""


def loses_its_steady_clock(machine: Machine, span: timedelta) -> None:
    """The whole machine was suspended, or its clocks ran slow; and its wall clock is put right."""
    machine.wall += span


def test_what_was_heard_before_the_machine_was_suspended_pauses_nothing_once_a_store_agrees_with_its_clock(
    watch: ClockWatch, machine: Machine
):
    """Seed 11229: Sentry and Google Play seemed two minutes behind, and what somebody had let go on was paused."""
    heard(watch, machine, machine.wall, service="google_play")
    heard(watch, machine, machine.wall, service="sentry")
    loses_its_steady_clock(machine, 3 * MINUTE)
    assert "google_play is" in apart(watch)
    machine.passes(MINUTE)
    heard(watch, machine, machine.wall, service="sentry")
    assert "google_play is" in apart(watch)  # a Sentry of one's own may be wrong
    machine.passes(MINUTE)
    heard(watch, machine, machine.wall)
    assert apart(watch) == ""


def test_a_store_that_took_too_long_to_answer_proves_no_clock_right(watch: ClockWatch, machine: Machine):
    heard(watch, machine, machine.wall, service="google_play")
    loses_its_steady_clock(machine, 3 * MINUTE)
    heard(watch, machine, machine.wall, took=150)
    assert "google_play is" in apart(watch)


def test_a_service_whose_own_clock_is_wrong_keeps_its_say_whatever_a_store_tells_later(
    watch: ClockWatch, machine: Machine
):
    heard(watch, machine, machine.wall - 3 * MINUTE, service="sentry")
    machine.passes(MINUTE)
    heard(watch, machine, machine.wall)
    assert "sentry is" in apart(watch)


def test_a_clock_that_is_set_wrong_is_told_by_the_next_answer_as_well(watch: ClockWatch, machine: Machine):
    heard(watch, machine, machine.wall, service="google_play")
    machine.is_set(3 * MINUTE)
    heard(watch, machine, machine.wall - 3 * MINUTE)
    assert "google_play is" in apart(watch)
    assert "app_store is" in apart(watch)


def test_a_service_that_was_not_heard_of_for_hours_has_no_say_any_more(watch: ClockWatch, machine: Machine):
    heard(watch, machine, NOON - HOUR)
    assert apart(watch)
    machine.passes(timedelta(seconds=FORGOTTEN_AFTER_SECONDS))
    assert apart(watch) == ""


@pytest.mark.parametrize("date", [None, "", "soon", "Mon, 99 Foo 2026 25:00:00 GMT", "\x00", "-" * 5_000])
def test_a_date_that_cannot_be_read_tells_nothing(watch: ClockWatch, date: str | None):
    watch.answered("app_store", watch.asked(), date)
    assert watch.readings(None) == ()


def test_a_cache_in_between_is_not_listened_to(watch: ClockWatch, machine: Machine):
    heard(watch, machine, NOON - DAY, service="itunes")
    assert apart(watch) == ""


def test_a_journal_written_in_the_future_tells_that_a_clock_was_set_back(watch: ClockWatch):
    assert apart(watch, NOON + MINUTE) == ""
    assert "the newest entry of the journal is 1h ahead" in apart(watch, NOON + HOUR)
    assert apart(watch, NOON - DAY) == ""


def test_a_clock_set_forward_cuts_no_bake_short(watch: ClockWatch, machine: Machine):
    assert watch.passed(KEY, NOON - HOUR, machine.now()) == HOUR
    machine.is_set(DAY)
    assert watch.passed(KEY, NOON - HOUR, machine.now()) == HOUR
    machine.passes(HOUR)
    assert watch.passed(KEY, NOON - HOUR, machine.now()) == 2 * HOUR


def test_a_clock_set_back_makes_nothing_older_either(watch: ClockWatch, machine: Machine):
    watch.passed(KEY, NOON - HOUR, machine.now())
    machine.passes(HOUR)
    machine.is_set(-HOUR)
    by_wall = watch.passed(KEY, NOON - HOUR, machine.now())
    assert by_wall is not None
    assert by_wall >= HOUR  # the decision takes the lesser of this and what its own clock says


def test_a_new_bake_is_measured_from_its_own_beginning(watch: ClockWatch, machine: Machine):
    watch.passed(KEY, NOON - DAY, machine.now())
    machine.is_set(HOUR)
    machine.passes(HOUR)
    assert watch.passed(KEY, machine.now(), machine.now()) == timedelta(0)
    assert watch.passed(KEY, None, machine.now()) is None


def time_for_signals(watch: ClockWatch, machine: Machine) -> timedelta:
    """How far from what the machine's clock shows."""
    return time_by(watch.of_a_store(), machine.wall) - machine.wall


@pytest.mark.promise("R3")
@pytest.mark.parametrize("off", [2 * DAY, -2 * DAY])
def test_signals_are_asked_by_the_time_of_the_store_where_the_machine_is_days_off(
    watch: ClockWatch, machine: Machine, off: timedelta
) -> None:
    heard(watch, machine, machine.wall + off)
    assert abs(time_for_signals(watch, machine) - off) < timedelta(seconds=2)
    machine.is_set(off)
    assert time_for_signals(watch, machine) == timedelta(0)


def test_a_clock_that_may_be_right_is_what_signals_are_asked_by(watch: ClockWatch, machine: Machine) -> None:
    heard(watch, machine, machine.wall + 2 * MINUTE)
    assert time_for_signals(watch, machine) == timedelta(0)


def test_a_sentry_of_ones_own_whose_clock_is_wrong_moves_no_window(
    watch: ClockWatch, machine: Machine
) -> None:
    heard(watch, machine, machine.wall + 2 * DAY, service="sentry")
    assert time_for_signals(watch, machine) == timedelta(0)
    assert "sentry is 2d ahead" in apart(watch)


def test_of_two_stores_the_one_that_was_heard_last_tells_the_time(
    watch: ClockWatch, machine: Machine
) -> None:
    heard(watch, machine, machine.wall + 3 * HOUR, service="google_play")
    machine.passes(MINUTE)
    heard(watch, machine, machine.wall)
    assert time_for_signals(watch, machine) == timedelta(0)
    machine.passes(timedelta(seconds=FORGOTTEN_AFTER_SECONDS))
    assert watch.of_a_store() is None
