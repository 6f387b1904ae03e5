"""One question to Sentry's `GET /api/0/organizations/{org}/sessions/`: how it is put, and what a refusal means.

What the answer means is for the reader (`sentry_reply.py`, `sentry_tallies_reply.py`). Questions about known
releases are filtered by release: unfiltered lists are cut silently, largest first, and a candidate at 1 % is
what gets cut (sentry.md sections 2 and 10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from stagedrollout.core.errors import Denied, Faulty, Rejected, WrongConfiguration
from stagedrollout.core.hours import DAY
from stagedrollout.http.client import HttpClient, JsonReply, Params
from stagedrollout.signals.sentry_names import release_filter
from stagedrollout.signals.sentry_shape import DOING, SERVICE, Window, floor

POINTS_MAX = 1_000
DATA_POINTS_MAX = 10_000
"""Time points of one answer, and points times groups (sentry.md section 2.2)."""

_KEPT = 89 * DAY
"""Sentry refuses a question that begins before its 90 days of data (section 2.2)."""

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


@dataclass(frozen=True, slots=True)
class Question:
    """`fields` of every group of `groups`, bucket by bucket. `names` None: of all releases, largest first."""

    window: Window
    fields: Sequence[str]
    names: Iterable[str] | None
    groups: Sequence[str] = ("release",)
    more: Params = ()


class SessionsCall:
    """Asks about one project. `http` speaks with Sentry's API (its base URL is the host, without /api/0).

    The token needs org:read and access to the project (sentry.md section 1).
    """

    def __init__(self, http: HttpClient, project: SentryProject) -> None:
        self._http = http
        self._project = project
        self._path = f"/api/0/organizations/{quote(project.organization, safe='')}/sessions/"

    def ask(self, question: Question) -> JsonReply:
        """Raises Unreachable, Throttled, Denied, Rejected or Faulty."""
        window, names = question.window, question.names
        params = [
            ("project", self._project.project),
            ("environment", self._project.environment),
            *([] if names is None else [("query", release_filter(names))]),
            *(("groupBy", group) for group in question.groups),
            *(("field", name) for name in question.fields),
            ("start", f"{window.start:%Y-%m-%dT%H:%M:%SZ}"),
            ("end", f"{window.end:%Y-%m-%dT%H:%M:%SZ}"),
            ("interval", "1d" if window.width == DAY else "1h"),
            *question.more,
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


def window_around(since: datetime, until: datetime, *, width: timedelta, groups: int) -> Window:
    """The whole buckets that hold `since` to `until`: at least one, at most what one answer holds.

    It is shortened from its beginning: to 1000 buckets, 10000 buckets times groups, and the 89 days before.
    """
    end = floor(until, width)
    if end < until:
        end += width
    buckets_max = max(min(POINTS_MAX, DATA_POINTS_MAX // groups), 1)
    start = max(floor(since, width), end - min(buckets_max * width, _KEPT))
    return Window(min(start, end - width), end, width)


def cut_short(headers: Mapping[str, str]) -> bool:
    """Whether a page follows; the link to it is always there, `results` says whether it leads anywhere."""
    for parameters in _LINK.findall(headers.get("link", "")):
        found = dict(_LINK_PARAMETER.findall(parameters))
        if found.get("rel") == "next" and found.get("results") == "true":
            return True
    return False


CUT_SHORT = "the answer was cut short: Sentry has more pages of it"
