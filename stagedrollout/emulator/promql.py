"""A small part of PromQL, enough to ask what counters did: numbers, + - * /, parentheses, `sum(...)`, and of a selector
with = and != `increase(x{...}[1h])`, `rate(...)` and `max(timestamp(x{...}))`.

Anything else is refused as Prometheus refuses what it cannot parse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stagedrollout.emulator.metrics import Metrics, Series

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, float]
Result = float | Vector
"""A scalar, or a value for each set of labels."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w]))|(?P<name>[a-zA-Z_:][\w:]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |\[(?P<range>\d+[smhdw])\]|(?P<mark>!=|[-+*/(){},=]))""",
    re.VERBOSE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DEPTH_MOST = 50


class ParseError(ValueError):
    """The query is none; the message is for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class _Matcher:
    label: str
    value: str
    equal: bool

    def fits(self, labels: Mapping[str, str]) -> bool:
        return (labels.get(self.label, "") == self.value) is self.equal


def evaluate(query: str, metrics: Metrics, instant: float) -> Result:
    """The query's value at an instant (seconds since 1970). Raises ParseError."""
    return _Evaluation(_tokens(query), metrics, instant).whole()


def _tokens(query: str) -> list[tuple[str, str]]:
    tokens, at = list[tuple[str, str]](), 0
    while query[at:].strip():
        found = _TOKEN.match(query, at)
        if found is None or found.lastgroup is None:
            raise ParseError(f"parse error: unexpected character at {at + 1}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return tokens


class _Evaluation:
    """Reads and computes in one go, left to right."""

    def __init__(self, tokens: list[tuple[str, str]], metrics: Metrics, instant: float) -> None:
        self._tokens = tokens
        self._metrics = metrics
        self._instant = instant
        self._depth = 0

    def whole(self) -> Result:
        found = self._sum()
        if self._tokens:
            raise ParseError(f"parse error: unexpected {self._tokens[0][1]!r}")
        return found

    def _sum(self) -> Result:
        found = self._product()
        while self._next_is("+", "-"):
            how = _plus if self._take() == "+" else _minus
            found = _combined(found, self._product(), how)
        return found

    def _product(self) -> Result:
        found = self._factor()
        while self._next_is("*", "/"):
            how = _times if self._take() == "*" else _over
            found = _combined(found, self._factor(), how)
        return found

    def _factor(self) -> Result:
        self._depth += 1
        if self._depth > _DEPTH_MOST or not self._tokens:
            raise ParseError("parse error: unexpected end of input")
        kind, text = self._tokens.pop(0)
        match kind, text:
            case "number", _:
                found: Result = float(text)
            case "mark", "(":
                found = self._sum()
                self._expect(")")
            case "name", "sum":
                found = self._inside(lambda: _summed(self._sum()))
            case "name", "max":
                found = self._inside(lambda: _largest(self._sum()))
            case "name", "increase" | "rate":
                found = self._inside(lambda: self._grown(per_second=text == "rate"))
            case "name", "timestamp":
                found = self._inside(self._timestamps)
            case _:
                raise ParseError(f"parse error: unexpected {text!r}")
        self._depth -= 1
        return found

    def _inside(self, read: Callable[[], Result]) -> Result:
        self._expect("(")
        found = read()
        self._expect(")")
        return found

    def _grown(self, *, per_second: bool) -> Vector:
        chosen = self._selected()
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind != "range":
            raise ParseError("parse error: expected type range vector in call to function")
        seconds = int(text[:-1]) * _SECONDS[text[-1]]
        until = self._metrics.until(self._instant)
        since = self._instant - seconds
        grown = {_labels(s): float(s.increase(since, until)) if until > since else 0.0 for s in chosen}
        return {labels: value / seconds for labels, value in grown.items()} if per_second else grown

    def _timestamps(self) -> Vector:
        return {_labels(series): self._metrics.until(self._instant) for series in self._selected()}

    def _selected(self) -> list[Series]:
        kind, metric = self._tokens.pop(0) if self._tokens else ("", "")
        if kind != "name":
            raise ParseError(f"parse error: unexpected {metric!r}")
        matchers: list[_Matcher] = []
        if self._next_is("{"):
            self._take()
            while not self._next_is("}"):
                matchers.append(self._matcher())
                if self._next_is(","):
                    self._take()
            self._take()
        return [s for s in self._metrics.series(metric) if all(m.fits(s.labels) for m in matchers)]

    def _matcher(self) -> _Matcher:
        if len(self._tokens) < 3:
            raise ParseError("parse error: unexpected end of input inside braces")
        (kind, label), (_, sign), (text_kind, text) = (self._tokens.pop(0) for _ in range(3))
        if kind != "name" or sign not in ("=", "!=") or text_kind != "text":
            raise ParseError(f"parse error: unexpected {text!r} in label matching")
        return _Matcher(label, _unquoted(text), sign == "=")

    def _next_is(self, *marks: str) -> bool:
        return bool(self._tokens) and self._tokens[0][0] == "mark" and self._tokens[0][1] in marks

    def _take(self) -> str:
        return self._tokens.pop(0)[1]

    def _expect(self, mark: str) -> None:
        if not self._next_is(mark):
            raise ParseError(f"parse error: expected {mark!r}")
        self._take()


def _unquoted(text: str) -> str:
    """A text with Go's escapes, of which JSON knows those that are used here."""
    inner = text[1:-1] if text[0] == '"' else text[1:-1].replace("\\'", "'").replace('"', '\\"')
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise ParseError("parse error: invalid escape in a text") from None


def _labels(series: Series) -> Labels:
    return tuple(sorted(series.labels.items()))


def _summed(found: Result) -> Vector:
    if isinstance(found, float):
        raise ParseError("parse error: expected type instant vector in aggregation expression, got scalar")
    return {(): sum(found.values())} if found else {}


def _largest(found: Result) -> Vector:
    if isinstance(found, float):
        raise ParseError("parse error: expected type instant vector in aggregation expression, got scalar")
    return {(): max(found.values())} if found else {}


def _combined(one: Result, other: Result, how: Callable[[float, float], float]) -> Result:
    """Scalars with everything, vectors where their labels are the same."""
    if isinstance(one, float) and isinstance(other, float):
        return how(one, other)
    if isinstance(one, float):
        return {labels: how(one, value) for labels, value in other.items()}  # type: ignore[union-attr]
    if isinstance(other, float):
        return {labels: how(value, other) for labels, value in one.items()}
    return {labels: how(one[labels], other[labels]) for labels in one.keys() & other.keys()}


def _plus(one: float, other: float) -> float:
    return one + other


def _minus(one: float, other: float) -> float:
    return one - other


def _times(one: float, other: float) -> float:
    return one * other


def _over(one: float, other: float) -> float:
    if other:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)
