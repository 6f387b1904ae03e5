"""Holidays and iCalendars in policies: found out when the files are read, or refused with what to do."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime

import pytest

from stagedrollout.config import crosscheck_calendars
from stagedrollout.config.load import load
from stagedrollout.config.policies import read_policy
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.freezing import Cause
from stagedrollout.core.schedule import frozen_at
from tests.config.conftest import GOOD, POLICY, Write

BAVARIA = POLICY + "calendar: {time_zone: Europe/Berlin, holidays: [{country: DE, subdivision: BY}]}\n"
NAMING = POLICY + "calendar: {icalendars: [company]}\n"
OURS = GOOD.replace("policy: standard", "policy: mine") + "policies: [p]\n"


def test_public_holidays_freeze_their_day_in_the_calendars_time_zone(write: Write):
    policy, problems = read_policy(write(BAVARIA, "mine.yaml"))
    assert not problems
    assert policy is not None
    frozen = frozen_at(policy.calendar, datetime(2026, 6, 3, 22, tzinfo=UTC))
    assert frozen is not None
    assert (frozen.cause, frozen.last) == (Cause.HOLIDAY, date(2026, 6, 4))
    assert frozen.reason == "Corpus Christi, a public holiday in DE-BY"
    assert frozen_at(policy.calendar, datetime(2026, 6, 3, 21, 59, tzinfo=UTC)) is None


def test_without_the_extra_a_policy_with_holidays_is_refused_with_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "holidays", None)
    policy, (problem,) = read_policy(write(BAVARIA, "mine.yaml"))
    assert policy is None
    assert (problem.line, problem.where) == (6, "calendar.holidays")
    assert 'pip install "stagedrollout[calendar]"' in problem.right


def test_without_the_extra_a_configuration_with_icalendars_is_refused_too(
    write: Write, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crosscheck_calendars, "find_spec", lambda name: None)
    with pytest.raises(WrongConfiguration, match=r'calendars: .* pip install "stagedrollout\[calendar\]"'):
        load(write(GOOD + "calendars: [{name: company, file: a.ics}]\n"), environ={})


def test_a_policy_that_names_a_calendar_that_is_not_there_is_told_at_its_place(write: Write):
    write(NAMING, "p/mine.yaml")
    with pytest.raises(
        WrongConfiguration,
        match=r"mine.yaml:6:25: calendar.icalendars.0: the configuration has no calendar company",
    ):
        load(write(OURS), environ={})
    with pytest.raises(WrongConfiguration, match="did you mean `compny`"):
        load(write(OURS + "calendars: [{name: compny, file: a.ics}]\n"), environ={})


def test_what_has_not_been_read_yet_freezes(write: Write):
    write(NAMING, "p/mine.yaml")
    loaded = load(write(OURS + "calendars: [{name: company, file: a.ics}]\n"), environ={})
    frozen = frozen_at(loaded.policies["mine"].calendar, datetime(2026, 3, 2, tzinfo=UTC))
    assert frozen is not None
    assert frozen.cause is Cause.UNREAD
