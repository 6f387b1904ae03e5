"""A reading stands for 24 hours; what was never read, or too long ago, freezes in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.calendars.readings import EVERY, OLDEST, Placed, PoliciesNow, Readings
from stagedrollout.calendars.sources import CalendarFile, at_address
from stagedrollout.core.calendar import Calendar
from stagedrollout.core.errors import EdgeError, Unreachable, WrongConfiguration
from stagedrollout.core.freezing import Cause, Entry
from stagedrollout.core.ports import EntrySource
from stagedrollout.core.schedule import frozen_at, window
from stagedrollout.http.client import in_process
from tests.calendars.test_entries import DAY_LONG, ics
from tests.core.builders import policy

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMED = Calendar(icalendars=("company",))
SALE = Entry("Sale", NOON - HOUR, NOON + 48 * HOUR)


class World:
    """A source that can break, and two clocks."""

    def __init__(self, *entries: Entry, **more: EntrySource) -> None:
        self.entries, self.broken, self.reads = entries, False, 0
        self.at, self.steady, self.said = NOON, 0.0, []
        self.work, self.threads = [], True
        self.readings = Readings(
            {"company": Placed(self, "somewhere"), **{name: Placed(more[name], name) for name in more}},
            self,
            lambda: self.steady,
            spawn=self.spawn,
            tell=self.said.append,
        )

    def now(self) -> datetime:
        return self.at

    def read(self, now: datetime) -> tuple[Entry, ...]:
        self.reads += 1
        if self.broken:
            raise Unreachable("calendar company", "reading the calendar", "no connection")
        return self.entries

    def spawn(self, work: Callable[[], None]) -> None:
        if not self.threads:
            raise RuntimeError("can't start new thread")
        self.work.append(work)

    def passes(self, span: timedelta) -> None:
        self.at += span
        self.steady += span.total_seconds()

    @property
    def policy(self):
        return PoliciesNow({"p": policy(calendar=NAMED)}, self.readings)["p"]

    @property
    def frozen(self):
        return frozen_at(self.policy.calendar, self.at)


def test_what_it_says_freezes():
    world = World(SALE)
    world.readings.read()
    assert world.frozen.cause is Cause.ICALENDAR
    assert "Sale, in the calendar company" in world.frozen.text
    world.entries = ()
    world.readings.read()
    assert world.frozen is None


def test_what_was_never_read_freezes_and_says_why():
    world = World()
    world.broken = True
    world.readings.read()
    assert world.frozen.cause is Cause.UNREAD
    assert "no connection" in world.frozen.text
    assert not window(world.policy.calendar, world.at).open
    world.broken = False
    world.readings.read()
    assert world.frozen is None


def test_the_last_good_reading_stands_for_24_hours_and_no_longer():
    world = World()
    world.readings.read()
    world.broken = True
    world.passes(OLDEST)
    world.readings.read()
    assert world.frozen is None
    world.passes(timedelta(seconds=1))
    assert world.frozen.cause is Cause.UNREAD
    assert "last read at 2026-03-02 12:00 UTC" in world.frozen.text


@pytest.mark.promise("R19")
def test_a_clock_set_back_makes_no_reading_young_again():
    world = World()
    world.readings.read()
    world.broken = True
    world.passes(25 * HOUR)
    world.at -= 25 * HOUR
    assert world.frozen.cause is Cause.UNREAD


def test_it_is_read_again_beside_the_passes_once_at_a_time():
    world = World()
    world.readings.read()
    assert (world.policy, world.work) == (world.policy, [])
    world.passes(EVERY)
    assert world.frozen is None
    assert world.frozen is None
    assert (world.reads, len(world.work)) == (1, 1), "no pass waits for it"
    world.work.pop()()
    assert world.reads == 2
    assert world.frozen is None
    assert not world.work


def test_where_no_thread_is_to_be_had_it_is_tried_again_and_nobody_stumbles():
    world = World(SALE)
    world.threads = False
    assert world.frozen.cause is Cause.UNREAD
    world.threads = True
    assert world.frozen.cause is Cause.UNREAD
    world.work.pop()()
    assert world.frozen.cause is Cause.ICALENDAR


class Mistaken:
    def read(self, now: datetime) -> tuple[Entry, ...]:
        raise TypeError("a mistake")


def test_a_mistake_in_reading_one_freezes_and_keeps_none_of_the_others_from_being_read():
    world = World(SALE, aaa=Mistaken(), zzz=Mistaken())
    for _ in range(2):
        assert world.frozen.cause in (Cause.UNREAD, Cause.ICALENDAR)
        world.work.pop()()
        assert world.frozen.cause is Cause.ICALENDAR
        (unread,) = world.readings.frozen(Calendar(icalendars=("zzz",)))
        assert "internal error: TypeError" in unread.text
        world.passes(EVERY)


def test_trouble_is_told_once_and_its_end_too():
    world = World()
    world.broken = True
    world.readings.read()
    world.readings.read()
    world.broken = False
    world.readings.read()
    assert [said.split(":")[0] for said in world.said] == [
        "calendar company",
        "calendar company can be read again",
    ]


def test_a_name_that_the_configuration_does_not_have_freezes():
    world = World()
    (found,) = world.readings.frozen(Calendar(icalendars=("compny",)))
    assert "no calendar compny" in found.text


def test_a_policy_that_names_none_is_left_as_it_is():
    world, plain = World(), policy()
    assert PoliciesNow({"p": plain}, world.readings)["p"] is plain


def test_a_file_is_read_and_one_that_is_none_is_told(tmp_path: Path):
    file = tmp_path / "freezes.ics"
    file.write_bytes(ics(DAY_LONG))
    assert [entry.reason for entry in CalendarFile("c", file).read(NOON)] == ["Audit"]
    for path, words in ((tmp_path / "none.ics", "no such file"), (tmp_path, "directory")):
        with pytest.raises(EdgeError, match=words):
            CalendarFile("c", path).read(NOON)
    file.write_bytes(b"x" * (3 * 1024 * 1024))
    with pytest.raises(EdgeError, match="larger"):
        CalendarFile("c", file).read(NOON)


@pytest.mark.promise("R24")
def test_an_address_is_asked_as_it_is_written_and_never_repeated():
    asked: list[str] = []

    def handle(method, path, query, headers, body):
        asked.append(f"{method} {path}?{query} {headers['accept']} {headers.get('authorization')}")
        return (
            (200, {}, ics(DAY_LONG))
            if len(asked) == 1
            else (302, {"location": "https://elsewhere.example"}, b"")
        )

    source = at_address(
        "c", "https://cal.example.com/private-CANARY/basic.ics?key=CANARY", in_process(handle)
    )
    assert [entry.reason for entry in source.read(NOON)] == ["Audit"]
    assert asked == ["GET /private-CANARY/basic.ics?key=CANARY text/calendar, */* None"]
    with pytest.raises(EdgeError) as error:
        source.read(NOON)
    assert "CANARY" not in str(error.value)
    assert len(asked) == 2, "no redirect is followed"


@pytest.mark.parametrize(
    "address", ["http://cal.example.com/CANARY.ics", "ftp://x/CANARY", "CANARY", "https://a:CANARY@b/c"]
)
def test_an_address_that_shows_itself_to_the_network_is_refused_without_being_repeated(address: str):
    with pytest.raises(WrongConfiguration) as error:
        at_address("c", address, None)
    assert "CANARY" not in str(error.value)


def test_an_answer_that_is_no_calendar_is_told_as_such():
    source = at_address(
        "c", "https://cal.example.com/x", in_process(lambda *_: (200, {}, b"<html>log in</html>"))
    )
    with pytest.raises(EdgeError, match="cannot be read as an iCalendar"):
        source.read(NOON)
