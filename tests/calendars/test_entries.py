"""What an iCalendar says, and that what says anything odd is not read at all."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.calendars.entries import entries as read
from stagedrollout.calendars.entries import worked_out
from stagedrollout.calendars.oddities import NoCalendar
from stagedrollout.core.freezing import Entry

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def entries(content: bytes, now: datetime) -> tuple[Entry, ...]:
    """Here, without a process of its own."""
    return read(content, now, worked_out)


def ics(*events: str, head: str = "") -> bytes:
    body = "".join(
        f"BEGIN:VEVENT\nUID:{n}\nDTSTAMP:20260101T000000Z\n{e}\nEND:VEVENT\n" for n, e in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\n{head}{body}END:VCALENDAR\n".replace(
        "\n", "\r\n"
    ).encode()


DAY_LONG = "DTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260312\nSUMMARY:Audit"


def test_whole_days_instants_and_floating_times():
    found = entries(
        ics(
            DAY_LONG,
            "DTSTART:20260305T120000Z\nDTEND:20260305T140000Z\nSUMMARY:Sale",
            "DTSTART;TZID=Europe/Berlin:20260306T120000\nDURATION:PT2H\nSUMMARY:Show",
            "DTSTART:20260307T120000\nDTEND:20260307T130000\nSUMMARY:Float",
        ),
        NOW,
    )
    assert set(found) == {
        Entry("Audit", date(2026, 3, 10), date(2026, 3, 12)),
        Entry("Sale", datetime(2026, 3, 5, 12, tzinfo=UTC), datetime(2026, 3, 5, 14, tzinfo=UTC)),
        Entry("Show", datetime(2026, 3, 6, 11, tzinfo=UTC), datetime(2026, 3, 6, 13, tzinfo=UTC)),
        Entry("Float", datetime(2026, 3, 7, 12), datetime(2026, 3, 7, 13)),  # noqa: DTZ001 - it floats
    }


def test_what_repeats_does_so_in_its_own_time_zone_and_without_what_was_taken_out():
    weekly = (
        "DTSTART;TZID=Europe/Berlin:20260320T140000\nDTEND;TZID=Europe/Berlin:20260320T150000\nSUMMARY:Friday"
    )
    found = entries(
        ics(f"{weekly}\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260327T140000"), NOW
    )
    assert [entry.begins for entry in found] == [
        datetime(2026, 3, 20, 13, tzinfo=UTC),
        datetime(2026, 4, 3, 12, tzinfo=UTC),  # summer time has begun
    ]


def test_what_lasts_since_long_ago_is_found_and_what_was_called_off_is_not():
    found = entries(
        ics(
            "DTSTART;VALUE=DATE:20250101\nDTEND;VALUE=DATE:20270101\nSUMMARY:Long",
            f"{DAY_LONG}\nSTATUS:CANCELLED",
            "DTSTART;VALUE=DATE:20260110\nSUMMARY:Over",
        ),
        NOW,
    )
    assert [entry.reason for entry in found] == ["Long"]


def test_a_title_cannot_pose_as_anything_else():
    (found,) = entries(ics(DAY_LONG.replace("Audit", "a\\nb\x1b[31m " + "x" * 500)), NOW)
    assert found.reason.startswith("a b[31m x")
    assert len(found.reason) <= 120


def test_a_calendar_with_nothing_in_it_freezes_nothing():
    assert entries(ics(), NOW) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Please log in</html>",
        b"\xff\xfe",
        b"BEGIN:VCALENDAR\r\n",
        ics("SUMMARY:no beginning"),
        ics("DTSTART:not a time\nSUMMARY:x"),
        ics("DTSTART:20260305T120000Z\nDTEND:whenever\nSUMMARY:x"),
        ics("DTSTART;TZID=Nowhere/City:20260305T120000\nSUMMARY:x"),
        ics("DTSTART:20260305T120000Z\nRRULE:FREQ=SECONDLY\nSUMMARY:x"),
        ics("DTSTART:20260305T120000Z\nRRULE:FREQ=HOURLY\nSUMMARY:x"),
        ics("DTSTART:20260305T120000Z\nRRULE:FREQ=DAILY;BYSECOND=1,2,3\nSUMMARY:x"),
        ics("DTSTART:00010305T120000Z\nRRULE:FREQ=DAILY\nSUMMARY:x"),
        ics("DTSTART:20260305T120000Z\nRRULE:FREQ=SOMETIMES\nSUMMARY:x"),
        ics(*(DAY_LONG for _ in range(4_001))),
        ics(*(f"{DAY_LONG}\nRRULE:FREQ=YEARLY" for _ in range(201))),
        b"BEGIN:VEVENT\r\nDTSTART:20260305T120000Z\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\n" * 20_000 + b"END:VCALENDAR\r\n" * 20_000,
        ics("DTSTART;VALUE=DATE:20260305\nRRULE:FREQ=DAILY;INTERVAL=0\nSUMMARY:hangs"),
        ics("DTSTART;VALUE=DATE:20260305\nRRULE:FREQ=DAILY;COUNT=0\nSUMMARY:x"),
        ics(f"{DAY_LONG}\nEXDATE:" + ",".join(["20260310T120000Z"] * 4_001)),
        ics("DTSTART:20260305T120000Z\nSUMMARY:no end"),
        ics("DTSTART;TZID=Europe/Berlin:20260305T120000\nSUMMARY:no end"),
        ics("DTSTART:20260305T120000Z\nDTEND:20260304T120000Z\nSUMMARY:backwards"),
        ics("DTSTART:20260305T120000Z\nDTEND:20260305T120000Z\nSUMMARY:no time"),
        ics("DTSTART:20260305T120000Z\nDURATION:-PT1H\nSUMMARY:no time"),
        ics("DTSTART;VALUE=DATE:20260305\nDTEND;VALUE=DATE:20260304\nSUMMARY:backwards"),
        ics("DTSTART;VALUE=DATE:20260305\nDTEND:20260307T120000Z\nSUMMARY:mixed"),
        ics("DTSTART:20260305T120000\nDTEND:20260307T120000Z\nSUMMARY:mixed"),
        ics(f"{DAY_LONG}\nEXDATE;TZID=Nowhere/City:20260310T120000"),
        ics(f"{DAY_LONG}\nRDATE;TZID=Nowhere/City:20260310T120000"),
        ics(f"{DAY_LONG}\nRDATE;VALUE=PERIOD;TZID=Nowhere/City:20260310T120000/P1D"),
        ics(f"{DAY_LONG}\nRECURRENCE-ID;TZID=Nowhere/City:20260310T120000"),
        ics(head="BEGIN:VFREEBUSY\nUID:x\nFREEBUSY:20260310T100000Z/20260312T100000Z\nEND:VFREEBUSY\n"),
    ],
    ids=lambda content: content[-60:].decode("latin-1"),
)
def test_what_is_odd_is_refused_as_a_whole_in_words(content: bytes):
    with pytest.raises(NoCalendar) as error:
        entries(content, NOW)
    assert str(error.value)


LATER = DAY_LONG.replace("202603", "202604")


@pytest.mark.parametrize(
    "twice",
    [
        (DAY_LONG, LATER),
        (DAY_LONG, f"{LATER}\nSEQUENCE:1"),
        (DAY_LONG, f"{DAY_LONG}\nSTATUS:CANCELLED"),
        (
            f"{DAY_LONG}\nRECURRENCE-ID;TZID=Europe/Berlin:20260310T130000",
            f"{LATER}\nRECURRENCE-ID:20260310T120000Z",
        ),
    ],
    ids=["another day", "a newer one", "called off", "one instance"],
)
def test_of_two_entries_with_one_uid_none_vanishes(twice: tuple[str, str]):
    content = ics(*twice).replace(b"UID:1", b"UID:0")
    with pytest.raises(NoCalendar, match="Audit has the same UID"):
        entries(content, NOW)


def test_an_instance_that_was_moved_or_called_off_goes_by_its_own_entry():
    daily = "DTSTART;VALUE=DATE:20260310\nRRULE:FREQ=DAILY;COUNT=3\nSUMMARY:Daily"
    moved = "DTSTART;VALUE=DATE:20260320\nRECURRENCE-ID;VALUE=DATE:20260311\nSUMMARY:Moved"
    off = "DTSTART;VALUE=DATE:20260312\nRECURRENCE-ID;VALUE=DATE:20260312\nSTATUS:CANCELLED"
    content = ics(daily, moved, off).replace(b"UID:1", b"UID:0").replace(b"UID:2", b"UID:0")
    assert [(entry.reason, entry.begins) for entry in entries(content, NOW)] == [
        ("Daily", date(2026, 3, 10)),
        ("Moved", date(2026, 3, 20)),
    ]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_whatever_stands_in_it_it_is_read_or_refused(junk: bytes, place: int):
    content = ics(DAY_LONG, "DTSTART:20260305T120000Z\nRRULE:FREQ=DAILY;COUNT=3\nDURATION:PT1H")
    spoilt = content[:place] + junk + content[place:]
    try:
        found = entries(spoilt, NOW)
    except NoCalendar:
        return
    assert all(entry.begins is not None for entry in found)
