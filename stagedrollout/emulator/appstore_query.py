"""Reading the parameters of a GET as App Store Connect does (app-store-connect.md section 3).

Every operation says which it takes; any other is refused with 400, and so is one that is repeated. Apple
knows more parameters than these: those that nobody here asks with are unknown to the emulator.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from stagedrollout.emulator import appstore_errors as no

PAGE_USUAL, PAGE_MOST = 50, 200
_CURSOR = "page:"
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an operation takes. `filters` and `fields`: the words each may hold, None for any."""

    filters: Mapping[str, Words | None] = field(default_factory=dict)
    fields: Mapping[str, Words | None] = field(default_factory=dict)
    include: Words = ()
    sort: Words = ()
    paged: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A GET, read. `offset`: entries on the pages before this one."""

    filters: Mapping[str, Words] = field(default_factory=dict)
    fields: Mapping[str, Words] = field(default_factory=dict)
    include: Words = ()
    sort: Words = ()
    limit: int = PAGE_USUAL
    offset: int = 0

    def wants(self, name: str, value: str) -> bool:
        """Whether `value` passes the filter called `name`."""
        wanted = self.filters.get(name)
        return wanted is None or value in wanted


def read_asked(query: Mapping[str, list[str]], takes: Parameters) -> Asked:
    """Raises AppStoreError (400) for a parameter or a word that the operation does not take."""
    filters, fields = {}, {}
    for name, values in query.items():
        kind, _, inner = name.partition("[")
        if len(values) > 1:
            raise no.invalid_parameter(name, f"The parameter '{name}' was given more than once")
        if kind == "filter" and inner[:-1] in takes.filters:
            filters[inner[:-1]] = _words(name, values[0], takes.filters[inner[:-1]])
        elif kind == "fields" and inner[:-1] in takes.fields:
            fields[inner[:-1]] = _words(name, values[0], takes.fields[inner[:-1]])
        elif name not in _plain(takes):
            raise no.illegal_parameter(name)
    return Asked(
        filters=filters,
        fields=fields,
        include=_optional(query, "include", takes.include),
        sort=_optional(query, "sort", takes.sort),
        limit=_limit(query),
        offset=_offset(query),
    )


def cursor_after(asked: Asked) -> str:
    """The opaque place of the next page."""
    return base64.urlsafe_b64encode(f"{_CURSOR}{asked.offset + asked.limit}".encode()).decode()


def _plain(takes: Parameters) -> Words:
    names = [
        ("include", takes.include),
        ("sort", takes.sort),
        ("limit", takes.paged),
        ("cursor", takes.paged),
    ]
    return tuple(name for name, taken in names if taken)


def _words(name: str, value: str, known: Words | None) -> Words:
    words = tuple(value.split(","))
    for word in words:
        if known is not None and word not in known:
            raise no.invalid_parameter(name, f"'{word}' is not a valid value for the parameter '{name}'")
    return words


def _optional(query: Mapping[str, list[str]], name: str, known: Words) -> Words:
    return _words(name, query[name][0], known) if name in query else ()


def _limit(query: Mapping[str, list[str]]) -> int:
    text = query.get("limit", [str(PAGE_USUAL)])[0]
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= PAGE_MOST:
        detail = f"'{text}' is not a valid value for the parameter 'limit': it is from 1 to {PAGE_MOST}"
        raise no.invalid_parameter("limit", detail)
    return int(text)


def _offset(query: Mapping[str, list[str]]) -> int:
    if "cursor" not in query:
        return 0
    try:
        place = base64.b64decode(query["cursor"][0], altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        place = ""
    number = place.removeprefix(_CURSOR)
    if not place.startswith(_CURSOR) or not (number.isascii() and number.isdecimal() and len(number) < 9):
        raise no.invalid_parameter("cursor", "The cursor is not valid")
    return int(number)
