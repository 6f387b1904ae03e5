"""Instants as the database keeps them: whole microseconds since 1970 in UTC, on every database the same.

Database types for instants lose the zone (SQLite) or follow the session's (PostgreSQL); an integer cannot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stagedrollout.core.errors import StorageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """An aware instant in microseconds, exactly. Raises ValueError for one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be stored")
    return (at - _EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """The instant in UTC that `micros` made `us` of. Raises StorageError for what is none: SQLite keeps anything in
    any column."""
    try:
        return _EPOCH + us * _MICROSECOND
    except (TypeError, ValueError, OverflowError) as error:
        raise StorageError(f"the database holds an instant that is none: {us!r:.40}") from error


def span_or_none(us: int | None) -> timedelta | None:
    try:
        return None if us is None else us * _MICROSECOND
    except (TypeError, ValueError, OverflowError) as error:
        raise StorageError(f"the database holds a length of time that is none: {us!r:.40}") from error


def span_micros_or_none(span: timedelta | None) -> int | None:
    """A length of time in microseconds, exactly."""
    return None if span is None else span // _MICROSECOND


def micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def instant_or_none(us: int | None) -> datetime | None:
    return None if us is None else instant(us)
