"""Queries with places in them, filled for one release at a time: what may stand where, and how it is written there.

A place is one of `{package}`, `{version}`, `{build}`, `{start}`, `{end}` and `{window}`; every other brace is the query's
own. What stores tell of a release is data: a version is written so that it cannot end the text it stands in, or it is
not written at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

RELEASE_PLACES = ("package", "version", "build")
TIME_PLACES = ("start", "end", "window")
LENGTH_MAX = 4_000
"""Characters of a query; longer ones do not fit into addresses."""

_PLACE = re.compile(r"\{(package|version|build|start|end|window)\}")
_HARMLESS = re.compile(r"[A-Za-z0-9._+ ()-]{1,200}", re.ASCII)
_REGEX_MATCHER = re.compile(r"[=!]~\s*$")


class Unwritable(ValueError):
    """What a release is called cannot be written into this query; the message says so without repeating it."""


Write = Callable[[str], str]
"""How a text of a release is written into a query. Raises Unwritable."""


def filled(template: str, texts: Mapping[str, str], times: Mapping[str, str], write: Write) -> str:
    """The query for one release. `texts`: its places by name; `times` are ours and written as they are."""

    def of(found: re.Match[str]) -> str:
        place = found[1]
        return times[place] if place in times else write(texts[place])

    return _PLACE.sub(of, template)


def filled_within(document: Any, texts: Mapping[str, str], times: Mapping[str, str], write: Write) -> Any:
    """A copy of JSON values with every text in it filled."""
    match document:
        case str():
            return filled(document, texts, times, write)
        case list():
            return [filled_within(item, texts, times, write) for item in document]
        case dict():
            return {key: filled_within(value, texts, times, write) for key, value in document.items()}
        case _:
            return document


def tells_releases_apart(*templates: Any) -> bool:
    """Whether a version or a build stands in any of them: else both arms would be asked the same."""
    return any(
        {"version", "build"} & set(_PLACE.findall(text)) for each in templates for text in _texts(each)
    )


def promql_problem(query: str) -> str:
    """Why places in a PromQL query could not be filled safely; "" if they can be.

    A text of a release must stand in quotes, where escapes are read (in backticks they are not), and as a whole: in a
    pattern its dots would stand for anything.
    """
    quoted, begun = "", 0
    for at, mark in enumerate(query):
        if quoted:
            ended = mark == quoted and (quoted == "`" or not _escaped(query, at))
            quoted = "" if ended else quoted
        elif mark in "\"'`":
            quoted, begun = mark, at
        if not (found := _PLACE.match(query, at)) or found[1] in TIME_PLACES:
            continue
        if quoted not in ('"', "'"):
            return f'{found[0]} must stand in quotes there, as in version="{found[0]}"'
        if _REGEX_MATCHER.search(query[:begun]):
            return (
                f"{found[0]} stands in a pattern, where its dots match anything: compare with = instead of =~"
            )
    return "a quote is not closed" if quoted else ""


def _escaped(query: str, at: int) -> bool:
    before = query[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def promql_text(text: str) -> str:
    """As it stands in a quoted text of PromQL, of either kind: everything that could end it is a \\u escape, which Go's
    strings know in both (Prometheus reads its texts as Go does)."""
    return "".join(mark if _HARMLESS.fullmatch(mark) else _go_escape(mark) for mark in text)


def plain_text(text: str) -> str:
    """The same text, where nobody knows how a language escapes. Raises Unwritable for anything that may mean something
    in one: quotes, backslashes, semicolons, percent signs, what is not ASCII."""
    if not _HARMLESS.fullmatch(text):
        raise Unwritable("its version or build holds characters that are not written into queries")
    return text


def address_text(text: str) -> str:
    """As it stands in a path or a query of an address."""
    if text in (".", ".."):
        raise Unwritable("its version or build is no name in an address")
    return quote(text, safe="")


def _go_escape(mark: str) -> str:
    code = ord(mark)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _texts(document: Any) -> Iterator[str]:
    match document:
        case str():
            yield document
        case list():
            for item in document:
                yield from _texts(item)
        case dict():
            for item in document.values():
                yield from _texts(item)
