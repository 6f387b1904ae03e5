"""What only `doctor` asks of Sentry: where an organization lives, what the token may, and what a project has sessions of.

Two weeks by days, so that a release of last week is still seen. Nothing is written (sentry.md sections 1 and 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from stagedrollout.core.plain import one_line
from stagedrollout.http.client import HttpClient, Params
from stagedrollout.signals.sentry_call import host_of
from stagedrollout.signals.sentry_shape import SESSIONS, USERS, Implausible, item, whole_count

_SPAN: Params = (("statsPeriod", "14d"), ("interval", "1d"))
_NAME_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Organization:
    """`region`: the host it says it lives at, "" where it does not say (self-hosted). `scopes`: what it says the
    token may; None where it does not. `at`: the time by Sentry's clock, where it is told."""

    region: str
    scopes: frozenset[str] | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a project has sessions of: one release in one environment, over two weeks."""

    release: str
    environment: str
    sessions: int
    users: int


@dataclass(frozen=True, slots=True)
class SentrySurvey:
    """One organization, looked at. Every method raises EdgeError."""

    http: HttpClient
    organization: str

    @property
    def host(self) -> str:
        """Host and port that we ask, in small letters."""
        return host_of(self.http.endpoint.base_url)

    def about(self) -> Organization:
        reply = self.http.get_json("look up the organization", f"{self._path}/")
        document = reply.body if isinstance(reply.body, dict) else {}
        links, access = document.get("links"), document.get("access")
        region = links.get("regionUrl") if isinstance(links, dict) else ""
        scopes = (
            frozenset(each for each in access if isinstance(each, str)) if isinstance(access, list) else None
        )
        return Organization(host_of(region), scopes, _instant(reply.headers.get("date", "")))

    def projects(self) -> tuple[str, ...]:
        """The slugs that the token can see, of the first page."""
        body = self.http.get_json("list the projects", f"{self._path}/projects/").body
        found = [one.get("slug") for one in body if isinstance(one, dict)] if isinstance(body, list) else []
        return tuple(sorted(_name(slug) for slug in found if isinstance(slug, str)))

    def project(self, project: str) -> None:
        """Ask whether there is such a project."""
        path = f"/api/0/projects/{quote(self.organization, safe='')}/{quote(project, safe='')}/"
        self.http.get_json("look up the project", path)

    def seen(self, project: str) -> tuple[Seen, ...]:
        """What the project has sessions of, in any environment, most sessions first."""
        groups = self._groups(
            (("project", project), *_fields(SESSIONS, USERS), *_by("release", "environment"))
        )
        found = [_seen(group) for group in groups]
        return tuple(sorted((one for one in found if one and one.sessions), key=lambda one: -one.sessions))

    def statuses(self, project: str, environment: str) -> tuple[str, ...]:
        """The kinds of sessions that this server tells apart. Raises Rejected (404) where there is no such
        environment (section 2.1)."""
        place = (("project", project), ("environment", environment))
        groups = self._groups((*place, *_fields(SESSIONS), *_by("session.status")))
        return tuple(sorted(_name(item(item(group, "by", dict), "session.status", str)) for group in groups))

    def _groups(self, params: Params) -> list[Mapping[str, Any]]:
        body = self.http.get_json("read sessions", f"{self._path}/sessions/", (*params, *_SPAN)).body
        return [group for group in item(body, "groups", list) if isinstance(group, dict)]

    @property
    def _path(self) -> str:
        return f"/api/0/organizations/{quote(self.organization, safe='')}"


def _fields(*names: str) -> Params:
    return tuple(("field", name) for name in names)


def _by(*names: str) -> Params:
    return tuple(("groupBy", name) for name in names)


def _seen(group: Mapping[str, Any]) -> Seen | None:
    """None where its numbers cannot be."""
    by, totals = item(group, "by", dict), item(group, "totals", dict)
    try:
        sessions, users = (whole_count(item(totals, name, object), name) for name in (SESSIONS, USERS))
    except Implausible:
        return None
    return Seen(_name(item(by, "release", str)), _name(item(by, "environment", str)), sessions, users)


def _name(text: str) -> str:
    """A name that an app chose, as data."""
    return one_line(text)[:_NAME_LENGTH_MAX]


def _instant(date: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return instant if instant.tzinfo else None
