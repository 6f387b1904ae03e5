"""Instants as people type them: "09:00", "2026-03-03 09:00", "2026-03-03T09:00Z", and "2d" for two days ago."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

import click

from stagedrollout.core.units import duration

_RIGHT = 'an instant is written like "09:00", 2026-03-03T09:00, 2026-03-03T09:00+01:00 or 2026-03-03'


def instant_typed(written: str, now: datetime, zone: tzinfo, option: str) -> datetime:
    """The instant in UTC. What has no offset is in `zone`; a mere time of day is the last one before `now`.

    A time that the clock shows twice is the first of the two. Raises click.BadParameter for what is none, or to come.
    """
    text = written.strip()
    clock = _time(text)
    if clock is not None:
        today = datetime.combine(now.astimezone(zone).date(), clock, zone)
        found = today if today <= now else today - timedelta(days=1)
    else:
        found = _dated(text, zone, option)
    if found > now:
        raise click.BadParameter(f"{written} is yet to come", param_hint=option)
    return found.astimezone(UTC)


def since_typed(written: str, now: datetime, option: str) -> datetime:
    """From when on: a duration back from `now`, or an instant, which without an offset is in UTC."""
    try:
        return now - duration(written)
    except ValueError:
        pass
    try:
        return _dated(written.strip(), UTC, option).astimezone(UTC)
    except click.BadParameter:
        right = "2d, 36h, 2026-03-03 or 2026-03-03T09:00Z"
        raise click.BadParameter(
            f"{written!r} is no time; write it like {right}", param_hint=option
        ) from None


def _time(text: str) -> time | None:
    try:
        found = time.fromisoformat(text.zfill(5))  # "9:00" as well
    except ValueError:
        return None
    return found if ":" in text and found.tzinfo is None else None


def _dated(text: str, zone: tzinfo, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        found.astimezone(UTC)  # the first and the last day of all have no such instant everywhere
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no instant; {_RIGHT}", param_hint=option) from None
    return found


def day_words(day: date) -> str:
    """ "Tuesday 3 March 2026", in English whatever the locale says."""
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    months = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
    return f"{names[day.weekday()]} {day.day} {months[day.month - 1]} {day.year}"
