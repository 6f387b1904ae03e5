"""When the public holidays are that a policy asks for. The `holidays` package knows; it is an extra."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from stagedrollout.config.problems import Problem, nearest
from stagedrollout.config.yaml_tree import Document
from stagedrollout.core.calendar import Calendar, Holidays
from stagedrollout.core.freezing import Cause, Frozen
from stagedrollout.core.schedule import whole_days

YEARS = range(2020, 2051)
"""Looked up once, when the policy is read: whatever year it is then, and however long the daemon runs."""

INSTALL = 'install them: pip install "stagedrollout[calendar]"'


def public_holidays(calendar: Calendar, document: Document) -> tuple[Calendar, list[Problem]]:
    """The calendar, now that it is known when its holidays are; or why that cannot be known."""
    if not calendar.holidays:
        return calendar, []
    try:
        import holidays  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        wrong = "public holidays need the package that knows them"
        return calendar, [document.problem(("calendar", "holidays"), wrong, INSTALL)]
    problems = list(_unknown(holidays, calendar, document))
    if problems:
        return calendar, problems
    found = sorted((day, reason) for asked in calendar.holidays for day, reason in _days(holidays, asked))
    return calendar.with_holidays(tuple(_frozen(calendar, day, reason) for day, reason in found)), []


def _unknown(holidays: Any, calendar: Calendar, document: Document) -> Iterator[Problem]:
    countries = holidays.list_supported_countries(include_aliases=False)
    for index, asked in enumerate(calendar.holidays):
        here = ("calendar", "holidays", index)
        if asked.country not in countries:
            wrong = f"no holidays are known of a country {asked.country}"
            right = "write its two capitals, like DE or US"
            yield document.problem((*here, "country"), wrong, right)
        elif asked.subdivision and asked.subdivision not in countries[asked.country]:
            wrong = f"{asked.country} has no part {asked.subdivision} with holidays of its own"
            yield document.problem(
                (*here, "subdivision"), wrong, nearest(asked.subdivision, countries[asked.country])
            )


def _days(holidays: Any, asked: Holidays) -> Iterator[tuple[date, str]]:
    """Each day with its name, in English where the package has one."""
    subdivision = asked.subdivision or None
    known = holidays.country_holidays(asked.country, subdiv=subdivision, years=YEARS, language="en_US")
    for day, name in known.items():
        yield day, f"{name}, a public holiday in {asked}"


def _frozen(calendar: Calendar, day: date, reason: str) -> Frozen:
    return whole_days(calendar, Cause.HOLIDAY, reason, day, day)
