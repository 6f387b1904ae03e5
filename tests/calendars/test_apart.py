"""What repeats is worked out by a process that can be stopped, and that is given no secrets."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.calendars import apart
from stagedrollout.calendars.apart import answer, worked_out_apart
from stagedrollout.calendars.oddities import NoCalendar
from stagedrollout.calendars.sources import CalendarFile
from stagedrollout.core.freezing import Entry
from tests.calendars.test_entries import DAY_LONG, NOW, ics

WEEKLY = "DTSTART;VALUE=DATE:20260310\nRRULE:FREQ=WEEKLY;COUNT=2\nSUMMARY:Weekly"


def test_what_it_says_comes_back_whole(tmp_path: Path):
    file = tmp_path / "c.ics"
    floating = "DTSTART:20260311T120000\nDTEND:20260311T130000\nSUMMARY:Float"
    timed = "DTSTART:20260312T120000Z\nDTEND:20260312T130000Z\nSUMMARY:Ünder"
    file.write_bytes(ics(WEEKLY, floating, timed))
    assert CalendarFile("c", file).read(NOW) == (
        Entry("Weekly", date(2026, 3, 10), date(2026, 3, 11)),
        Entry("Float", datetime(2026, 3, 11, 12), datetime(2026, 3, 11, 13)),  # noqa: DTZ001 - it floats
        Entry("Ünder", datetime(2026, 3, 12, 12, tzinfo=UTC), datetime(2026, 3, 12, 13, tzinfo=UTC)),
        Entry("Weekly", date(2026, 3, 17), date(2026, 3, 18)),
    )


def test_a_rule_that_never_comes_true_is_given_up():
    never = "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"
    bomb = ics(*(never for _ in range(200)))
    with pytest.raises(NoCalendar, match=r"not worked out within 0\.5 s"):
        worked_out_apart(bomb, NOW, seconds=0.5)


def test_what_is_refused_there_is_told_in_the_same_words():
    with pytest.raises(NoCalendar, match="no calendar in it"):
        worked_out_apart(b"", NOW)
    assert "it is not text in UTF-8" in answer(b"\xff", NOW)


def test_the_process_gets_no_secrets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY", "CANARY")
    monkeypatch.setenv("PYTHONUTF8", "1")
    given = apart._surroundings(os.environ)
    assert "CANARY" not in given.values()
    assert {"PATH", "PYTHONUTF8"} <= set(given)


@pytest.mark.parametrize("command", [("/no/such/program",), ("false",)])
def test_where_no_process_is_to_be_had_nobody_knows(command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apart, "_COMMAND", command)
    with pytest.raises(NoCalendar, match="what repeats in it"):
        worked_out_apart(ics(WEEKLY), NOW)


def test_what_does_not_repeat_needs_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apart, "_COMMAND", ("/no/such/program",))
    file = tmp_path / "c.ics"
    file.write_bytes(ics(DAY_LONG))
    (found,) = CalendarFile("c", file).read(NOW + timedelta(hours=1))
    assert found.reason == "Audit"
