"""Sentry's release health: crash-free sessions and users of a candidate and of the releases before it.

One request per reading, `GET /api/0/organizations/{org}/sessions/`, always filtered by release: unfiltered
lists are cut silently, largest first, and a candidate at 1 % is what gets cut (sentry.md sections 2 and 10).
What the answer means is in `sentry_reply.py`, what releases are called in `sentry_names.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from stagedrollout.core.errors import Denied, Faulty, Rejected, WrongConfiguration
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap, Reading, SignalQuery
from stagedrollout.http.client import HttpClient, JsonReply
from stagedrollout.signals.sentry_names import NoName, ReleaseNames, release_filter
from stagedrollout.signals.sentry_reply import (
    DOING,
    FIELDS,
    METRICS,
    SERVICE,
    Asked,
    Named,
    readings,
    unmeasured,
)

_HOUR = timedelta(hours=1)
_POINTS_MAX = 1_000
_DATA_POINTS_MAX = 10_000
"""Time points of one answer, and points times groups (sentry.md section 2.2)."""

_LINK = re.compile(r"<[^<>]*>((?:\s*;\s*\w+=\"[^\"]*\")*)")
_LINK_PARAMETER = re.compile(r"(\w+)=\"([^\"]*)\"")


@dataclass(frozen=True, slots=True)
class SentryProject:
    """Where an app's sessions are: organization and project by slug or id, and the environment's name.

    Raises WrongConfiguration for an empty one.
    """

    organization: str
    project: str
    environment: str

    def __post_init__(self) -> None:
        for what in ("organization", "project", "environment"):
            value: str = getattr(self, what)
            if value.strip() != value or not value.isprintable() or not value:
                raise WrongConfiguration(
                    f"sentry: {what} is empty, or holds spaces around it or invisible characters"
                )


class SentrySessions:
    """The signal "sentry". `http` speaks with Sentry's API (its base URL is the host, without /api/0).

    The token needs org:read and access to the project (sentry.md section 1).
    """

    def __init__(self, http: HttpClient, project: SentryProject, names: ReleaseNames) -> None:
        self._http = http
        self._project = project
        self._names = names
        self._path = f"/api/0/organizations/{quote(project.organization, safe='')}/sessions/"

    @property
    def name(self) -> str:
        return SERVICE

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """Ask for both metrics over the whole hours that hold `query.since` to `query.until`.

        The window is shortened from its beginning to what one answer holds (1000 hours with up to ten
        releases). Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        try:
            asked = self._asked(query)
        except NoName as problem:
            return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, str(problem)) for metric in METRICS)
        reply = self._get(asked)
        if _cut_short(reply.headers):
            why = "the answer was cut short: Sentry has more pages of it"
            return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, why) for metric in METRICS)
        return readings(reply.body, asked)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return tuple(unmeasured(metric, Gap.FAILED, why) for metric in METRICS)

    def _asked(self, query: SignalQuery) -> Asked:
        """Raises NoName if the candidate has no name of its own in Sentry."""
        candidate = Named(self._names.of(query.candidate), query.candidate.label)
        baseline = {named.name: named for release in query.baseline for named in self._storable(release)}
        if candidate.name in baseline:
            raise NoName(
                f"Sentry cannot tell {candidate.label} from {baseline[candidate.name].label}:"
                f" both are called {candidate.name}"
            )
        start, end = _window(query, releases=1 + len(baseline))
        return Asked(
            candidate, tuple(baseline.values()), start=start, end=end, until=query.until.astimezone(UTC)
        )

    def _storable(self, release: Release) -> tuple[Named, ...]:
        """A baseline release under its name; nothing if Sentry can hold nothing of it."""
        try:
            return (Named(self._names.of(release), release.label),)
        except NoName:
            return ()

    def _get(self, asked: Asked) -> JsonReply:
        params = [
            ("project", self._project.project),
            ("environment", self._project.environment),
            ("query", release_filter(asked.names)),
            ("groupBy", "release"),
            *(("field", name) for name in FIELDS),
            ("start", f"{asked.start:%Y-%m-%dT%H:%M:%SZ}"),
            ("end", f"{asked.end:%Y-%m-%dT%H:%M:%SZ}"),
            ("interval", "1h"),
        ]
        try:
            return self._http.get_json(DOING, self._path, params)
        except Denied as error:
            hint = (
                f"the token must be valid, with org:read and access to the project {self._project.project!r}"
            )
            raise Denied(SERVICE, DOING, f"{error.detail}; {hint}", status=error.status) from None
        except Rejected as error:
            raise self._understood(error) from None

    def _understood(self, error: Rejected) -> Rejected | Faulty:
        """What a refusal means (sentry.md section 7): overload comes as 400, an unknown name as 404."""
        if error.status == 400 and error.detail.startswith("Query timeout"):
            return Faulty(SERVICE, DOING, error.detail, status=400)
        if error.status == 404:
            hint = (
                f"most likely Sentry knows no environment {self._project.environment!r},"
                f" else no organization {self._project.organization!r}, or base_url is not Sentry's"
            )
            return Rejected(SERVICE, DOING, f"{error.detail}; {hint}", status=404)
        return error


def _window(query: SignalQuery, *, releases: int) -> tuple[datetime, datetime]:
    """Whole hours around the query, at least one, at most what one answer holds for so many releases."""
    end = _floor(query.until)
    if end < query.until:
        end += _HOUR
    hours_max = max(min(_POINTS_MAX, _DATA_POINTS_MAX // releases), 1)
    start = max(_floor(query.since), end - hours_max * _HOUR)
    return min(start, end - _HOUR), end


def _floor(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _cut_short(headers: Mapping[str, str]) -> bool:
    """Whether a page follows; the link to it is always there, `results` says whether it leads anywhere."""
    for parameters in _LINK.findall(headers.get("link", "")):
        found = dict(_LINK_PARAMETER.findall(parameters))
        if found.get("rel") == "next" and found.get("results") == "true":
            return True
    return False
