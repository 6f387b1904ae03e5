"""Asking Sentry about one project: where it is asked, what a refusal means, and how the pages of an answer are read.

What a refusal means is sentry.md section 7, in words that say what would be right:

- 400 is final and shown, but for `Query timeout`, which is overload and may pass.
- 401 and 403 are for a person. An organization token (sntrys_...) cannot have the scopes that are needed.
- 404 is a wrong organization, another region or an unknown environment; one question to the organization itself tells
  which. A region is never followed: credentials stay with the address that the configuration names.
- 429 names the second at which it ends, if it does. A long wait is kept across passes, up to PATIENCE_SECONDS_MAX.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, WrongConfiguration
from stagedrollout.http.client import HttpClient, JsonReply, Params
from stagedrollout.signals.sentry_shape import SERVICE

PAGES_MAX = 5
"""Pages of one answer that are read. Questions are made to fit one; some servers cut smaller ones."""

SHORT_WAIT_SECONDS = 5.0
"""So long whoever asks may wait and ask again (daemon/retrying.py); a longer wait is kept here."""

PATIENCE_SECONDS_MAX = 300.0
"""Sentry's windows are seconds. Whoever asks for hours is asked again after five minutes: a halt may wait for it."""

ANY_REGION = "sentry.io"
"""The one host that finds an organization wherever it lives (section 1)."""

_LINK = re.compile(r"<[^<>]*>((?:\s*;\s*\w+=\"[^\"]*\")*)")
_LINK_PARAMETER = re.compile(r"(\w+)=\"([^\"]*)\"")
_CURSOR = re.compile(r"\d{1,19}:\d{1,9}:[01]")


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


class ProjectCall:
    """One endpoint of an organization, asked about one project. May be shared by threads.

    `http` speaks with Sentry's API (its base URL is the host, without /api/0). `what` is the endpoint's last word,
    `doing` says in errors what was attempted, `scope` what the token needs for it. `seconds` only goes forward.
    """

    def __init__(  # noqa: PLR0913 - an endpoint and its words
        self,
        http: HttpClient,
        project: SentryProject,
        what: str,
        *,
        doing: str,
        scope: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.project = project
        self._http = http
        self._organization = f"/api/0/organizations/{quote(project.organization, safe='')}/"
        self._path = f"{self._organization}{what}/"
        self._doing = doing
        self._scope = scope
        self._seconds = seconds
        self._waiting: tuple[float, Throttled] | None = None
        self._known_missing: tuple[float, str] | None = None

    def get(self, params: Params) -> JsonReply:
        """One answer about the project and its environment. Raises Unreachable, Throttled, Denied, Rejected or Faulty."""
        self._wait_on()
        place = (("project", self.project.project), ("environment", self.project.environment))
        try:
            return self._http.get_json(self._doing, self._path, (*place, *params))
        except Denied as error:
            raise self._denied(error) from None
        except Rejected as error:
            raise self._understood(error) from None
        except Throttled as error:
            self._put_off(error)
            raise

    def pages(self, params: Params) -> Iterator[JsonReply]:
        """The answer page by page, as far as there are any and at most PAGES_MAX; see `cut_short` of the last one.

        Only the cursor is taken from a link, never its address. Raises like `get`.
        """
        cursor = ""
        for _ in range(PAGES_MAX):
            reply = self.get((*params, *((("cursor", cursor),) if cursor else ())))
            yield reply
            following = next_cursor(reply.headers)
            if not following or following == cursor:
                return
            cursor = following

    def _wait_on(self) -> None:
        waiting = self._waiting
        if waiting is not None and self._seconds() < waiting[0]:
            raise waiting[1].with_traceback(None)

    def _put_off(self, error: Throttled) -> None:
        if error.wait_seconds > SHORT_WAIT_SECONDS:
            self._waiting = (self._seconds() + min(error.wait_seconds, PATIENCE_SECONDS_MAX), error)

    def _denied(self, error: Denied) -> Denied:
        hint = "the token must be a valid one of this organization, in this region"
        if error.status == 403:
            hint = (
                f"the token needs {self._scope} and access to the project {self.project.project!r}; an organization"
                " token (sntrys_...) cannot have that, an internal integration's token can"
            )
        return Denied(SERVICE, self._doing, f"{error.detail}; {hint}", status=error.status)

    def _understood(self, error: Rejected) -> Rejected | Faulty:
        if error.status == 400 and error.detail.startswith("Query timeout"):
            return Faulty(SERVICE, self._doing, error.detail, status=400)
        if error.status == 404:
            return Rejected(SERVICE, self._doing, f"{error.detail}; {self._missing()}", status=404)
        return error

    def _missing(self) -> str:
        """What does not exist, in words; looked up once in a while, however often it is missed."""
        known = self._known_missing
        if known is None or self._seconds() >= known[0]:
            known = (self._seconds() + PATIENCE_SECONDS_MAX, self._looked_up())
            self._known_missing = known
        return known[1]

    def _looked_up(self) -> str:
        """What does not exist, by asking for the organization; and what would be right."""
        organization, environment = self.project.organization, self.project.environment
        try:
            reply = self._http.get_json("look up the organization", self._organization)
        except Rejected as error:
            if error.status == 404:
                return (
                    f"there is no organization {organization!r} at this address: another slug, or it lives in another"
                    " region (https://us.sentry.io, https://de.sentry.io), or url is not Sentry's"
                )
        except EdgeError:
            pass
        else:
            elsewhere = self._elsewhere(reply.body)
            if elsewhere:
                return f"the organization {organization!r} lives at {elsewhere}: write that as sentry.url"
            return f"Sentry knows no environment {environment!r} in the organization {organization!r}"
        return (
            f"most likely Sentry knows no environment {environment!r}, else no organization {organization!r}, or url is"
            " not that of its region"
        )

    def _elsewhere(self, organization: object) -> str:
        """The region that an organization says it lives in, if that is not where we ask; "" otherwise."""
        links = organization.get("links") if isinstance(organization, dict) else None
        region = links.get("regionUrl") if isinstance(links, dict) else None
        host = host_of(region)
        here = host_of(self._http.endpoint.base_url)
        return "" if not host or here in (host, ANY_REGION) else f"https://{host}"


def host_of(url: object) -> str:
    """Host and port of an https address (or http) that somebody else wrote; "" for anything odd."""
    if not isinstance(url, str) or not re.fullmatch(r"https?://[A-Za-z0-9._:\[\]-]{1,200}(/[!-~]*)?", url):
        return ""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:  # brackets that hold no address
        return ""


def next_cursor(headers: Mapping[str, str]) -> str:
    """Where the next page begins; "" if there is none, or it cannot be told."""
    following = _next(headers)
    cursor = following.get("cursor", "") if following else ""
    return cursor if _CURSOR.fullmatch(cursor) else ""


def cut_short(headers: Mapping[str, str]) -> bool:
    """Whether a page follows; the link to it is always there, `results` says whether it leads anywhere."""
    return _next(headers) is not None


def _next(headers: Mapping[str, str]) -> dict[str, str] | None:
    for parameters in _LINK.findall(headers.get("link", "")):
        found = dict(_LINK_PARAMETER.findall(parameters))
        if found.get("rel") == "next" and found.get("results") == "true":
            return found
    return None
