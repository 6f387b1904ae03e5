"""Reading the parameters of GET /sessions/ as Sentry does, refusals included (sentry.md 2.1, 2.2, 2.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.emulator.clock import instant
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.sentry_errors import SentryError, bad, bad_range

POINTS_MOST = 1_000
DATA_POINTS_MOST = 10_000
PER_PAGE_MOST = 5_000
RETENTION = timedelta(days=90)
HOUR = 3_600
DAY = 86_400

COUNTS = ("sum(session)", "count_unique(user)")
SHARES = ("crash_rate", "crash_free_rate", "errored_rate", "abnormal_rate", "unhandled_rate")
RATES = (
    *(f"{share}({what})" for share in SHARES for what in ("session", "user")),
    "unhealthy_rate(session)",
    "anr_rate()",
    "foreground_anr_rate()",
)
DURATIONS = tuple(f"{f}(session.duration)" for f in ("avg", "p50", "p75", "p90", "p95", "p99", "max"))
FIELDS = (*COUNTS, *RATES, *DURATIONS)

SEARCH_KEYS = ("project", "project_id", "environment", "release", "session.status")
GROUPS = ("project", "release", "environment", "session.status")
STATUSES = ("abnormal", "crashed", "errored", "healthy", "unhandled")

_SPAN = re.compile(r"(\d+)([smhdw])")
_SPAN_SECONDS = {"s": 1, "m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
_TERM = re.compile(r'\s*(?P<no>!?)(?P<key>[\w.-]+):(?P<value>\[[^\]]*\]|"(?:[^"\\]|\\.)*"|[^\s()]+)')
_JOIN = re.compile(r"\s+(AND|OR)(?=\s)")
_ITEM = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,"]+)\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Window:
    """Whole intervals, in seconds since 1970; the last one may reach into the future."""

    start: int
    end: int
    interval: int

    @property
    def starts(self) -> range:
        return range(self.start, self.end, self.interval)


@dataclass(frozen=True, slots=True)
class Term:
    """`key:value`; the values are alternatives, `negated` turns them around."""

    key: str
    values: tuple[str, ...]
    negated: bool

    def holds(self, value: str) -> bool:
        return (value in self.values) != self.negated


@dataclass(frozen=True, slots=True)
class SessionsQuery:
    """`search`: any of these lists of terms must hold as a whole."""

    fields: tuple[str, ...]
    groups: tuple[str, ...]
    projects: tuple[str, ...]
    environments: tuple[str, ...]
    window: Window
    text: str
    search: tuple[tuple[Term, ...], ...]
    order: str
    per_page: int
    offset: int

    def wants(self, **facts: str) -> bool:
        """Whether sessions with these facts (release, environment, project) are asked for."""
        return any(
            all(term.holds(facts[term.key]) for term in terms if term.key in facts) for terms in self.search
        )

    @property
    def statuses(self) -> tuple[str, ...] | None:
        """The session statuses asked for; None where the query does not speak of them."""
        named = [term for terms in self.search for term in terms if term.key == "session.status"]
        if not named:
            return None
        return tuple(status for status in STATUSES if all(term.holds(status) for term in named))


def read_query(request: Request, now: datetime) -> SessionsQuery:
    """Raises SentryError where Sentry would refuse."""
    fields = tuple(dict.fromkeys(request.query.get("field", [])))
    groups = tuple(dict.fromkeys(request.query.get("groupBy", [])))
    if not fields:
        raise bad('Request is missing a "field"')
    for field in fields:
        if field not in FIELDS:
            raise bad(f'Invalid field: "{field}"')
    for group in groups:
        if group not in GROUPS:
            raise bad(f'Invalid groupBy: "{group}"')
    window = _window(request, now)
    text = request.first("query") or ""
    per_page, offset = _page(request, window)
    query = SessionsQuery(
        fields=fields,
        groups=groups,
        projects=tuple(request.query.get("project", [])),
        environments=tuple(request.query.get("environment", [])),
        window=window,
        text=text,
        search=read_search(text, SEARCH_KEYS),
        order=_order(request, fields, groups),
        per_page=per_page,
        offset=offset,
    )
    _check_statuses(query)
    return query


def _span(text: str, refuse: Callable[[], SentryError]) -> int:
    match = _SPAN.fullmatch(text)
    if match is None or len(match[1]) > 9:
        raise refuse()
    return int(match[1]) * _SPAN_SECONDS[match[2]]


def _window(request: Request, now: datetime) -> Window:
    interval = _interval(request.first("interval") or "1h")
    begin, end = _range(request, now)
    if begin < int(now.timestamp()) - RETENTION.total_seconds() - DAY:
        raise bad_range("start is older than the retention period")
    start = begin // interval * interval
    end = -(-end // interval) * interval
    if (end - start) / interval > POINTS_MOST:
        raise bad(
            "Your interval and date range would create too many results. "
            "Use a larger interval, or a smaller date range."
        )
    return Window(start, end, interval)


def _interval(text: str) -> int:
    seconds = _span(
        text, lambda: bad("The interval has to be a multiple of the minimum interval of ten seconds.")
    )
    if seconds % 10 or not seconds:
        raise bad("The interval has to be a multiple of the minimum interval of ten seconds.")
    if seconds > DAY:
        raise bad("The interval has to be less than one day.")
    if DAY % seconds:
        raise bad("The interval should divide one day without a remainder.")
    return seconds


def _range(request: Request, now: datetime) -> tuple[int, int]:
    current = int(now.timestamp())
    period = request.first("statsPeriod")
    if period is not None:
        return current - _span(period, lambda: bad_range(f"Invalid statsPeriod: '{period}'")), current
    first, last = request.first("start"), request.first("end")
    if first is None and last is None:
        return current - int(RETENTION.total_seconds()), current
    if first is None or last is None:
        raise bad_range("start and end are both required")
    try:
        begin, end = int(instant(first).timestamp()), int(instant(last).timestamp())
    except (ValueError, OverflowError):
        raise bad_range("start or end is not a valid date") from None
    if begin >= end:
        raise bad_range("start must be before end")
    return min(begin, current), end


def _page(request: Request, window: Window) -> tuple[int, int]:
    intervals = max(1, len(window.starts))
    offset = _offset(request.first("cursor"))
    wanted = request.first("per_page")
    if wanted is None:
        return max(DATA_POINTS_MOST // intervals, 1), offset
    per_page = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 0
    if not 1 <= per_page <= PER_PAGE_MOST:
        raise bad(f"Invalid per_page value. Must be between 1 and {PER_PAGE_MOST}.")
    if per_page * intervals > DATA_POINTS_MOST:
        raise bad(
            f"Requested intervals ({intervals}) of timedelta of {timedelta(seconds=window.interval)} is too "
            f"granular for a per_page of {per_page} elements. Increase your interval, decrease your "
            "timeframe, or decrease your per_page parameter."
        )
    return per_page, offset


def _offset(cursor: str | None) -> int:
    parts = cursor.split(":") if cursor else ["0", "0", "0"]
    if len(parts) != 3 or not parts[1].isdecimal() or len(parts[1]) > 9:
        raise bad("Invalid cursor parameter.")
    return int(parts[1])


def _order(request: Request, fields: tuple[str, ...], groups: tuple[str, ...]) -> str:
    """The field groups are ordered by, with "-" for descending: by default the largest first."""
    wanted = request.query.get("orderBy", [])
    if not wanted:
        return "-sum(session)" if "sum(session)" in fields else f"-{fields[0]}"
    if len(wanted) > 1:
        raise bad("Cannot order by multiple fields")
    if wanted[0].removeprefix("-") not in fields:
        raise bad("'orderBy' must be one of the provided 'fields'")
    if "session.status" in groups:
        raise bad("Cannot use 'orderBy' when grouping by sessions.status")
    return wanted[0]


def read_search(text: str, keys: Collection[str]) -> tuple[tuple[Term, ...], ...]:
    """Terms joined by AND (or nothing) and OR; AND binds tighter. Raises SentryError for what is none of `keys`."""
    ways: list[list[Term]] = [[]]
    place = 0
    while place < len(text.rstrip()):
        join = _JOIN.match(text, place)
        if join:
            ways += [[]] if join[1] == "OR" else []
            place = join.end()
            continue
        match = _TERM.match(text, place)
        if match is None:
            raise bad("Invalid search filter: message")
        ways[-1].append(_term(match, keys))
        place = match.end()
    return tuple(tuple(terms) for terms in ways)


def _term(match: re.Match[str], keys: Collection[str]) -> Term:
    key, value = match["key"], match["value"]
    if key not in keys:
        raise bad(f"Invalid search filter: {key}")
    items = _ITEM.findall(value[1:-1]) if value.startswith("[") else [value]
    values = tuple(_unquoted(item) for item in items)
    if any("*" in value for value in values):
        raise bad("Invalid condition: wildcard search is not supported")
    return Term(key, values, negated=bool(match["no"]))


def _unquoted(item: str) -> str:
    item = item.strip()
    if len(item) >= 2 and item.startswith('"') and item.endswith('"'):
        return re.sub(r"\\(.)", r"\1", item[1:-1])
    return item


def _check_statuses(query: SessionsQuery) -> None:
    rates = [field for field in query.fields if field in RATES]
    if "session.status" in query.groups and rates:
        raise bad(f"Cannot group field {rates[0]} by session.status")
    if query.statuses is None:
        return
    if rates:
        raise bad(f"Cannot filter field {rates[0]} by session.status")
    several = len(query.statuses) > 1 and "session.status" not in query.groups
    if several and "count_unique(user)" in query.fields:
        raise bad("Cannot filter count_unique by multiple session.status unless it is in groupBy")
