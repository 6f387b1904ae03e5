"""Numbers out of any service that answers a request with JSON: where to ask, and where in the answer each number stands.

The address is a path below the configured url and goes nowhere else; redirects are not followed, and an answer is bounded
in time, size and depth (http/client.py). What a release is called is percent-encoded in the path, written as a text into
a body of JSON, and so never ends what it stands in.

A path into the answer is dotted ("data.0.errors") or, where keys hold dots, a JSON pointer ("/data/0/my.errors",
RFC 6901). Nothing there, or null, is no data; so is an answer of one of the statuses under `no_data` (404 at first).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.http.templates import address_text, filled, filled_within
from stagedrollout.signals.base import (
    Count,
    CountSource,
    Declaration,
    Implausible,
    Measurement,
    Release,
    Setting,
    Span,
    ValueSource,
)
from stagedrollout.signals.numbers import count_of, hour, instant_of, number_of, texts_of

SERVICE = "http_json"
DOING = "read numbers"
NO_DATA = "nothing at its place, null, or a status named under no_data"

_MILLISECONDS_FROM = 1e11
"""A Unix time from here on is in milliseconds: in seconds it would be the year 5138."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`path`: with places, and maybe a query after "?". `body`: JSON to be posted; None: a plain GET."""

    path: str
    body: Any = None
    no_data: tuple[int, ...] = (404,)


class HttpJsonCounts(CountSource):
    """`rows`: where the list of hours stands ("" for the whole answer); `start`, `total`, `bad`: places in each."""

    def __init__(
        self,
        setting: Setting,
        declared: Declaration,
        asked: Asked,
        *,
        rows: str,
        places: tuple[str, str, str],
    ) -> None:
        super().__init__(setting)
        self.declared = declared
        self._asked, self._rows, self._places = asked, rows, places

    def counts(self, release: Release, span: Span) -> list[Count]:
        rows = at(_answer(self, self._asked, release, span), self._rows)
        if rows is None:
            return []
        if not isinstance(rows, list):
            raise Implausible("where the hours should stand is no list")
        start, total, bad = self._places
        return [
            hour(_instant(at(row, start)), number_of(at(row, total)), number_of(at(row, bad))) for row in rows
        ]


class HttpJsonValue(ValueSource):
    """`places`: of the value and, "" where they are not known, of its sample and its time."""

    def __init__(
        self, setting: Setting, declared: Declaration, asked: Asked, *, places: tuple[str, str, str]
    ) -> None:
        super().__init__(setting)
        self.declared = declared
        self._asked = asked
        self._value, self._sample, self._as_of = places

    def value(self, release: Release, span: Span) -> Measurement | None:
        body = _answer(self, self._asked, release, span)
        number = number_of(at(body, self._value))
        if number is None:
            return None
        as_of = at(body, self._as_of) if self._as_of else None
        if self._as_of and as_of is None:
            return None
        return Measurement(
            number,
            count_of(number_of(at(body, self._sample))) if self._sample else None,
            _instant(as_of) if self._as_of else None,
        )


def at(document: Any, path: str) -> Any:
    """What stands at a dotted path or a JSON pointer; None where nothing does. "" is the whole."""
    steps = path.split(".") if path else []
    if path.startswith("/"):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    here = document
    for step in steps:
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and step.isascii() and step.isdigit() and len(step) <= 6:
            here = here[int(step)] if int(step) < len(here) else None
        else:
            return None
    return here


def _answer(source: CountSource | ValueSource, asked: Asked, release: Release, span: Span) -> Any:
    """The JSON of the answer; None where its status says that there are no data. Raises EdgeError, Unwritable."""
    texts, times = texts_of(release, source.setting), _times(span)
    path, _, query = asked.path.partition("?")
    where = filled(path, texts, {name: address_text(text) for name, text in times.items()}, address_text)
    params = [
        (name, filled(value, texts, times, str)) for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    try:
        if asked.body is None:
            return source.http.get_json(DOING, where, params).body
        return source.http.post_json(DOING, where, filled_within(asked.body, texts, times, str)).body
    except EdgeError as error:
        if error.status in asked.no_data:
            return None
        raise
    except ValueError:
        raise Faulty(SERVICE, DOING, "the path cannot be written as an address") from None


def _times(span: Span) -> dict[str, str]:
    since, until = (each.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in (span.since, span.until))
    return {"start": since, "end": until, "window": str(int((span.until - span.since).total_seconds()))}


def _instant(value: Any) -> datetime:
    """ISO 8601 (UTC where it names no offset), or a Unix time in seconds or milliseconds. Raises Implausible."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Implausible("a time that is none") from None
    number = number_of(value)
    if number is None:
        raise Implausible("a time that is none")
    return instant_of(number, milliseconds=number >= _MILLISECONDS_FROM)
