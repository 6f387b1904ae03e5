"""Reading one YAML mapping field by field, remembering where each stands and everything that is wrong.

A field that cannot be read gives a stand-in of its type, so that reading goes on and all problems are
told at once; whoever reads must ask `Findings.problems` before using what was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from stagedrollout.emulator.errors import Problem

T = TypeVar("T")

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+[smhdw]\s*)+")
_DURATION_PART = re.compile(r"(\d+)([smhdw])")
_NEEDED: Any = object()


class Findings:
    """All that is wrong in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, place: tuple[int, int], text: str) -> None:
        """`place` is line and column, counted from 0 as ruamel does."""
        self.problems.append(Problem(self.file, place[0] + 1, place[1] + 1, text))


class Section:
    """One mapping of the file; `name` is how problems call it."""

    def __init__(self, findings: Findings, node: Any, name: str, place: tuple[int, int] = (0, 0)) -> None:
        self._findings = findings
        self._node = node if isinstance(node, dict) else {}
        self._name = name
        self._place = place
        self._asked: set[str] = set()
        if not isinstance(node, dict):
            findings.add(place, f"{name} must be a mapping of fields to values")

    def place_of(self, key: str) -> tuple[int, int]:
        marks = getattr(self._node, "lc", None)
        if marks is None or key not in self._node:
            return self._place
        line, column = marks.value(key)
        return int(line), int(column)

    def problem(self, key: str, text: str) -> None:
        self._findings.add(self.place_of(key), f"{self._name}: {key} {text}")

    def get(self, key: str, read: Callable[[Any], T], instead: T, *, default: Any = _NEEDED) -> T:
        """Read a field with `read`, which raises ValueError in words; `instead` stands in on error."""
        self._asked.add(key)
        if key not in self._node:
            if default is _NEEDED:
                self._findings.add(self._place, f"{self._name} lacks {key}")
                return instead
            return default  # type: ignore[no-any-return]
        try:
            return read(self._node[key])
        except ValueError as wrong:
            self.problem(key, str(wrong))
            return instead

    def has(self, key: str) -> bool:
        return key in self._node

    def section(self, key: str) -> Section:
        """The mapping under `key`."""
        self._asked.add(key)
        return Section(self._findings, self._node.get(key), f"{self._name}.{key}", self.place_of(key))

    def sections(self, key: str) -> list[Section]:
        """The list of mappings under `key`; empty where it is absent."""
        self._asked.add(key)
        nodes = self._node.get(key)
        if nodes is None:
            return []
        if not isinstance(nodes, list):
            self.problem(key, "must be a list")
            return []
        marks = getattr(nodes, "lc", None)
        return [
            Section(
                self._findings,
                node,
                f"{self._name}.{key}[{index}]" if self._name else f"{key}[{index}]",
                marks.item(index) if marks else self.place_of(key),
            )
            for index, node in enumerate(nodes)
        ]

    def done(self) -> None:
        """Complain about every field nobody asked for."""
        for key in self._node:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                self.problem(str(key), f"is no field here: there are {known}")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be text, not {value!r}; put it in quotes")
    return value


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(text(each) for each in value)


def digits(value: Any) -> str:
    if not isinstance(value, str) or not (value.isascii() and value.isdecimal()):
        raise ValueError(f"must be digits in quotes, not {value!r}")
    return value


def country_codes(value: Any) -> tuple[str, ...]:
    codes = value if isinstance(value, list) else [value]
    if not all(isinstance(code, str) and re.fullmatch("[a-z]{2}", code) for code in codes):
        raise ValueError(f"must be a list of two-letter codes such as [us, de], not {value!r}")
    return tuple(codes)


def yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {value!r}")
        return str(value)

    return read


def whole(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"must be a whole number of at least {least}, not {value!r}")
        return int(value)

    return read


def positive(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e12:
        raise ValueError(f"must be a number above 0, not {value!r}")
    return float(value)


def mean_stars(value: Any) -> float:
    """What people give on average: 1 to 5."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value <= 5:
        raise ValueError(f"must be a number of stars from 1 to 5, not {value!r}")
    return float(value)


def not_negative(value: Any) -> float:
    if value == 0 and not isinstance(value, bool):
        return 0.0
    return positive(value)


def percent_ppm(value: Any) -> int:
    """Percent as written (1, 0.5, 99.6) in parts per million."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a percentage such as 99.6, not {value!r}")
    try:
        ppm = Decimal(str(value)) * 10_000
    except InvalidOperation:
        raise ValueError(f"must be a percentage such as 99.6, not {value!r}") from None
    if not 0 <= ppm <= 1_000_000 or ppm != int(ppm):
        raise ValueError(f"must be from 0 to 100 with at most four decimals, not {value!r}")
    return int(ppm)


def duration(value: Any) -> timedelta:
    if not isinstance(value, str) or not _DURATION.fullmatch(value.strip()):
        raise ValueError(f"must be a duration such as 90m, 2h or 3d 4h, not {value!r}")
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _DURATION_PART.findall(value))
    if seconds > 366 * 86_400:
        raise ValueError("must be at most a year")
    return timedelta(seconds=seconds)


def moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime) and 1970 < value.year < 2200:
        return datetime.fromtimestamp(_utc(value).timestamp(), UTC)
    raise ValueError("must be an instant such as 2026-03-02T06:00:00Z")


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
