"""Sentry's issues: what crashed, grouped and named, as GET /organizations/{org}/issues/ tells it (sentry.md section 6).

The events of an issue are the crashed sessions of the release that brought it, shared out among its issues; how many
people those are is told beside. Unlike sessions, real events are sampled and rate limited; that is not emulated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.sentry_errors import bad
from stagedrollout.emulator.sentry_query import Term, read_search
from stagedrollout.emulator.sentry_sessions import NewIssues, Project
from stagedrollout.emulator.service import Call

LIMIT_MOST = 100
COLLAPSED = ("base", "filtered", "lifetime", "stats", "unhandled")
SORTS = {
    "user": "userCount",
    "freq": "count",
    "new": "firstSeen",
    "date": "lastSeen",
    "trends": "count",
    "inbox": "firstSeen",
    "recommended": "count",
}
STATS_PERIODS = ("", "14d", "24h", "auto")
KEPT = timedelta(days=90)

_FIRST_RELEASE = ("firstRelease", "first-release", "first_release")
_KEYS = ("is", "release", "error.unhandled", *_FIRST_RELEASE)


@dataclass(frozen=True, slots=True)
class IssuesQuery:
    """`search`: any of these lists of terms must hold as a whole."""

    search: tuple[tuple[Term, ...], ...]
    projects: tuple[str, ...]
    environments: tuple[str, ...]
    sort: str
    limit: int
    collapse: frozenset[str]

    def wants(self, release: str) -> bool:
        """Every issue here is unresolved and an unhandled crash, and happens in the release that brought it only."""
        return any(all(_holds(term, release) for term in terms) for terms in self.search)


def read_issues_query(request: Request) -> IssuesQuery:
    """Raises SentryError where Sentry would refuse. Without a query, unresolved issues are meant."""
    limit = request.first("limit") or str(LIMIT_MOST)
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= LIMIT_MOST:
        raise bad(f"Invalid per_page value. Must be between 1 and {LIMIT_MOST}.")
    sort = request.first("sort") or "date"
    if sort not in SORTS:
        raise bad(f"Sort key '{sort}' not supported.")
    if (request.first("groupStatsPeriod") or "") not in STATS_PERIODS:
        raise bad("Invalid stats_period. Valid choices are '', '24h', '14d', and 'auto'")
    text = request.first("query")
    return IssuesQuery(
        search=read_search("is:unresolved" if text is None else text, _KEYS),
        projects=tuple(request.query.get("project", [])),
        environments=tuple(request.query.get("environment", [])),
        sort=sort,
        limit=int(limit),
        collapse=frozenset(request.query.get("collapse", [])) & frozenset(COLLAPSED),
    )


def issues(query: IssuesQuery, projects: Iterable[Project], now: datetime, base: str) -> list[dict[str, Any]]:
    """All that match, in the order asked for, as they are known at `now`."""
    found = [
        issue
        for project in projects
        for release, code in project.releases().items()
        for new in project.issues
        if new.code == code and query.wants(release)
        for issue in _of_release(project, new, now, base)
    ]
    key = SORTS[query.sort]
    found.sort(key=lambda issue: int(issue[key]) if key == "count" else issue[key], reverse=True)
    return [_shown(issue, query.collapse) for issue in found]


def base_of(call: Call) -> str:
    return f"http://{call.request.headers.get('host', 'localhost')}"


def _holds(term: Term, release: str) -> bool:
    facts = {"is": "unresolved", "error.unhandled": "true"}
    return term.holds(facts.get(term.key, release))


def _of_release(project: Project, new: NewIssues, now: datetime, base: str) -> list[dict[str, Any]]:
    code, crowd = new.code, project.crowd
    begin = int(max(new.since, (now - KEPT).timestamp()))
    tally = crowd.tally(code, begin, int(now.timestamp()), seen=now.timestamp())
    people = crowd.users(code, begin, int(now.timestamp()), tally).crashed
    weights = [1 / rank for rank in range(1, len(new.titles) + 1)]
    found = []
    for place, title in enumerate(new.titles):
        share = weights[place] / sum(weights)
        events = round(tally.crashed * share)
        if events:
            number = project.id * 1_000 + code % 100 * 10 + place
            found.append(_issue(project, number, title, base, (events, max(1, round(people * share)))))
            found[-1] |= {"firstSeen": iso(datetime.fromtimestamp(begin, UTC)), "lastSeen": iso(now)}
    return found


def _issue(project: Project, number: int, title: str, base: str, met: tuple[int, int]) -> dict[str, Any]:
    """`count` is text, as Sentry has it."""
    events, people = met
    kind, _, value = title.partition(": ")
    return {
        "id": str(number),
        "shareId": None,
        "shortId": f"{project.slug.upper()}-{number % 1_000:X}",
        "title": title,
        "culprit": "",
        "permalink": f"{base}/organizations/acme/issues/{number}/",
        "logger": None,
        "level": "fatal",
        "status": "unresolved",
        "statusDetails": {},
        "substatus": "new",
        "isPublic": False,
        "platform": project.platform,
        "priority": "high",
        "priorityLockedAt": None,
        "seerFixabilityScore": None,
        "seerAutofixLastTriggered": None,
        "seerExplorerAutofixLastTriggered": None,
        "project": {
            "id": str(project.id),
            "name": project.slug,
            "slug": project.slug,
            "platform": project.platform,
        },
        "type": "error",
        "issueType": "error",
        "issueCategory": "error",
        "metadata": {"type": kind, "value": value},
        "numComments": 0,
        "assignedTo": None,
        "isBookmarked": False,
        "isSubscribed": False,
        "subscriptionDetails": None,
        "hasSeen": False,
        "annotations": [],
        "isUnhandled": True,
        "count": str(events),
        "userCount": people,
    }


def _shown(issue: dict[str, Any], collapse: frozenset[str]) -> dict[str, Any]:
    """Whoever collapses `stats` gets no counts and no instants either: they are made of the same query."""
    seen = ("count", "userCount", "firstSeen", "lastSeen")
    dropped = {"isUnhandled"} if "unhandled" in collapse else set[str]()
    if "stats" in collapse:
        return {name: value for name, value in issue.items() if name not in {*seen, *dropped}}
    shown = {name: value for name, value in issue.items() if name not in dropped}
    whole = {name: issue[name] for name in seen}
    lifetime = {} if "lifetime" in collapse else {"lifetime": whole}
    return {**shown, **lifetime, **({} if "filtered" in collapse else {"filtered": whole})}
