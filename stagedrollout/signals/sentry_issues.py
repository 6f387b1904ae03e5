"""What crashed for the first time in a release, from Sentry's `GET /api/0/organizations/{org}/issues/` (sentry.md section 6).

One request, bounded. Events are sampled and rate limited, sessions are not: issues tell people where to look, and are no
measure of anything. Titles are what the app reported, so they are data; an address is passed on only if it leads to the
Sentry that was asked, or to the organization's own page there.

`collapse=stats` would be cheaper still, and drops `count` and `userCount`, which are what is wanted.
"""

from __future__ import annotations

import re
from typing import Any

from stagedrollout.core.errors import Faulty, Rejected
from stagedrollout.core.issue import ISSUES_MAX, Issue, NewIssues
from stagedrollout.core.model import Release
from stagedrollout.core.plain import one_line
from stagedrollout.http.client import HttpClient, Params
from stagedrollout.signals.sentry_call import ProjectCall, SentryProject, cut_short, host_of
from stagedrollout.signals.sentry_names import NoName, ReleaseNames, quoted
from stagedrollout.signals.sentry_shape import COUNT_MAX, SERVICE, whole

DOING = "read new issues"
TITLE_MAX = 120
PERIOD = "14d"
"""How far back: longer than any rollout that still has a halt before it."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ADDRESS_MAX = 300
_REGION = re.compile(r"[a-z]{2,10}\.sentry\.io")


class SentryIssues:
    """The issues of "sentry". The token needs event:read beside what sessions need."""

    def __init__(self, http: HttpClient, project: SentryProject, names: ReleaseNames) -> None:
        self._call = ProjectCall(http, project, "issues", doing=DOING, scope="event:read")
        self._names = names
        self._pages = _pages(host_of(http.endpoint.base_url), project.organization)

    def read(self, release: Release) -> NewIssues:
        """The unresolved crashes first seen in `release`, of most people first.

        Raises Unreachable, Throttled, Denied, Rejected (also for a release that can have no name there) or Faulty.
        """
        try:
            name = self._names.of(release)
        except NoName as problem:
            raise Rejected(SERVICE, DOING, str(problem)) from None
        reply = self._call.get(_params(name))
        if not isinstance(reply.body, list):
            raise Faulty(SERVICE, DOING, "the answer is not of the known shape: no list")
        found = tuple(self._issue(each) for each in reply.body if isinstance(each, dict))
        more = len(found) > ISSUES_MAX or cut_short(reply.headers)
        return NewIssues(SERVICE, found[:ISSUES_MAX], more)

    def _issue(self, said: dict[str, Any]) -> Issue:
        name = said.get("shortId")
        return Issue(
            name=name if isinstance(name, str) and _NAME.fullmatch(name) else "an issue",
            title=_title(said.get("title")),
            users=_count(said.get("userCount")),
            events=_count(said.get("count")),
            link=self._link(said.get("permalink")),
        )

    def _link(self, address: object) -> str:
        """The address, if it is plain and one of the organization's own pages."""
        if not isinstance(address, str) or len(address) > _ADDRESS_MAX:
            return ""
        host = host_of(address)
        return address if host and host in self._pages else ""


def _params(name: str) -> Params:
    return [
        ("query", f"is:unresolved error.unhandled:true firstRelease:{quoted(name)}"),
        ("sort", "user"),
        ("limit", str(ISSUES_MAX)),
        ("statsPeriod", PERIOD),
        ("groupStatsPeriod", ""),
        ("collapse", "lifetime"),
        ("collapse", "filtered"),
    ]


def _pages(host: str, organization: str) -> frozenset[str]:
    """The hosts of an organization's own pages: where it is asked, and its name below that. All regions share theirs."""
    found = {host, f"{organization.lower()}.{host}"}
    if _REGION.fullmatch(host) or host == "sentry.io":
        found |= {"sentry.io", f"{organization.lower()}.sentry.io"}
    return frozenset(found)


def _title(said: object) -> str:
    line = one_line(said) if isinstance(said, str) else ""
    if not line:
        return "without a title"
    return line if len(line) <= TITLE_MAX else line[: TITLE_MAX - 1] + "…"


def _count(said: object) -> int | None:
    """`count` is text, `userCount` a number; anything else is unknown."""
    if isinstance(said, str):
        said = int(said) if re.fullmatch(r"[0-9]{1,13}", said) else None
    count = whole(said)
    return count if count is not None and 0 <= count <= COUNT_MAX else None
