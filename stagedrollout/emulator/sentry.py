"""Sentry's release-health API: sessions, counted from the same people who use the store's releases.

A session belongs to the hour in which it began, and its crash may become known much later: the same
question about yesterday has another answer today (sentry.md section 4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from stagedrollout.emulator.clock import Timeline, iso
from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.sentry_damage import damaged, with_no_number
from stagedrollout.emulator.sentry_errors import (
    QUERY_TIMEOUT,
    SentryError,
    bad,
    forbidden,
    no_such_thing,
    refused,
)
from stagedrollout.emulator.sentry_issues import base_of, issues, read_issues_query
from stagedrollout.emulator.sentry_query import STATUSES, SessionsQuery, read_query
from stagedrollout.emulator.sentry_sessions import ENVIRONMENT, Member, Project, groups, make_negative
from stagedrollout.emulator.service import Call
from stagedrollout.emulator.switches import Switches

PREFIX = "/api/0/"
ORGANIZATION = "acme"
LIMIT_PER_SECOND = 40
ELSEWHERE = "https://de.sentry.io"

SCOPES = {
    "sessions": "org:read",
    "organization": "org:read",
    "project": "project:read",
    "issues": "event:read",
    "projects": "project:read",
}
"""What each operation needs (sentry.md section 1)."""

TOKENS = {
    "integration": frozenset({"org:read", "project:read", "event:read", "project:releases"}),
    "no_event_read": frozenset({"org:read", "project:read", "project:releases"}),
    "organization": frozenset({"org:ci"}),
    "to_spare": frozenset({"org:read", "project:read", "event:read", "project:write", "org:admin"}),
}
"""The scopes of each kind of token."""


class Sentry:
    """Answers requests under PREFIX."""

    name = "sentry"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(
        self,
        projects: tuple[Project, ...],
        timeline: Timeline,
        credentials: Credentials,
        switches: Callable[[], Switches],
    ) -> None:
        self._projects = projects
        self._timeline = timeline
        self._credentials = credentials
        self._switches = switches

    def operation(self, method: str, path: str) -> str:
        if method != "GET" or not path.endswith("/"):
            return "unknown"
        match _segments(path):
            case ["organizations", _, "sessions"]:
                return "sessions"
            case ["organizations", _, "issues"]:
                return "issues"
            case ["organizations", _]:
                return "organization"
            case ["organizations", _, "projects"]:
                return "projects"
            case ["projects", _, _]:
                return "project"
            case _:
                return "unknown"

    def refusal(self, kind: str, status: int) -> Reply:  # noqa: ARG002 - the status says it all
        return self._with_limits(refused(status))

    def answer(self, call: Call) -> Reply:
        try:
            self._check_token(call)
            return self._with_limits(self._routed(call))
        except SentryError as refusal:
            return self._with_limits(refusal.reply())

    def _check_token(self, call: Call) -> None:
        token = call.request.bearer
        if token is None:
            raise SentryError(401, "Authentication credentials were not provided.")
        if token != self._credentials.sentry_token:
            raise SentryError(401, "Invalid token")

    def _routed(self, call: Call) -> Reply:
        path, switches = _segments(call.request.path), self._switches()
        if call.operation == "unknown" or path[1] != ORGANIZATION:
            raise no_such_thing()
        elsewhere = switches.sentry_region != "here"
        if elsewhere and (call.operation != "organization" or switches.sentry_region == "elsewhere_untold"):
            raise no_such_thing()
        if SCOPES[call.operation] not in TOKENS[switches.sentry_credential]:
            raise forbidden()
        if call.operation == "sessions":
            return self._sessions(call)
        if call.operation == "issues":
            return self._issues(call)
        if call.operation == "project":
            return Reply(document=self._project(path[2]))
        if call.operation == "projects":
            return Reply(document=[_about(project) for project in self._projects])
        return Reply(document=self._organization(call))

    def _organization(self, call: Call) -> dict[str, Any]:
        """Where it lives is told, but not by a self-hosted server: there is only one place."""
        switches = self._switches()
        document: dict[str, Any] = {"id": "1", "slug": ORGANIZATION, "name": ORGANIZATION}
        if switches.sentry_scopes_told:
            document["access"] = sorted(TOKENS[switches.sentry_credential])
        if switches.sentry_self_hosted:
            return document
        here = base_of(call)
        region = here if switches.sentry_region == "here" else ELSEWHERE
        return {**document, "links": {"organizationUrl": here, "regionUrl": region}}

    def _issues(self, call: Call) -> Reply:
        query = read_issues_query(call.request)
        if any(name != ENVIRONMENT for name in query.environments):
            raise no_such_thing()
        found = issues(query, self._chosen(query.projects), self._timeline.now, base_of(call))
        document = [] if call.trouble == "no_data" else found[: query.limit]
        return Reply(document=document, headers={"link": _link(call, 0, query.limit, len(found))})

    def _project(self, slug: str) -> dict[str, Any]:
        for project in self._projects:
            if slug in (project.slug, str(project.id)):
                return _about(project)
        raise no_such_thing()

    def _sessions(self, call: Call) -> Reply:
        if call.trouble == "query_timeout":
            raise bad(QUERY_TIMEOUT)
        query = read_query(call.request, self._timeline.now)
        if any(name != ENVIRONMENT for name in query.environments):
            raise no_such_thing()
        frozen = call.fault.since if call.fault and call.trouble == "frozen" else None
        seen = (frozen or self._timeline.now).timestamp()
        members = [] if call.trouble == "no_data" else self._members(query)
        switches = self._switches()
        statuses = STATUSES[:-1] if switches.sentry_four_statuses else STATUSES
        found = groups(query, members, seen, with_users=not switches.sentry_without_users, statuses=statuses)
        page = found[query.offset : query.offset + query.per_page]
        if call.trouble == "negative":
            make_negative(page)
        page = damaged(call.trouble, page)
        document = {
            "start": _z(query.window.start),
            "end": _z(query.window.end),
            "query": query.text,
            "intervals": [_z(start) for start in query.window.starts],
            "groups": page,
        }
        links = _link(call, query.offset, query.per_page, len(found))
        if call.trouble == "not_a_number":
            return Reply(text=with_no_number(document), headers={"link": links})
        return Reply(document=document, headers={"link": links})

    def _members(self, query: SessionsQuery) -> list[Member]:
        chosen = self._chosen(query.projects)
        return [
            Member(project, release, code)
            for project in chosen
            for release, code in project.releases().items()
            if query.wants(
                release=release,
                environment=ENVIRONMENT,
                project=project.slug,
                project_id=str(project.id),
            )
        ]

    def _chosen(self, wanted: tuple[str, ...]) -> list[Project]:
        if not wanted or "-1" in wanted:
            return list(self._projects)
        for name in wanted:
            if not any(name in (project.slug, str(project.id)) for project in self._projects):
                raise forbidden()
        return [p for p in self._projects if p.slug in wanted or str(p.id) in wanted]

    def _with_limits(self, reply: Reply) -> Reply:
        if self._switches().sentry_self_hosted or reply.status in (401, 502):
            return reply
        reset = int(self._timeline.now.timestamp()) + 1
        left = 0 if reply.status == 429 else LIMIT_PER_SECOND - 1
        headers = {
            "x-sentry-rate-limit-limit": str(LIMIT_PER_SECOND),
            "x-sentry-rate-limit-remaining": str(left),
            "x-sentry-rate-limit-reset": str(reset),
            "x-sentry-rate-limit-concurrentlimit": "25",
            "x-sentry-rate-limit-concurrentremaining": "24",
        }
        return Reply(reply.status, reply.document, reply.text, {**headers, **reply.headers}, reply.applied)


def _about(project: Project) -> dict[str, Any]:
    facts = {"slug": project.slug, "name": project.slug, "platform": project.platform}
    return {"id": str(project.id), **facts}


def _segments(path: str) -> list[str]:
    return [unquote(part) for part in path.removeprefix(PREFIX).strip("/").split("/")]


def _z(seconds: int) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))


def _link(call: Call, begin: int, per_page: int, total: int) -> str:
    """Both directions are always there; `results` says whether to follow."""
    back, on = max(0, begin - per_page), begin + per_page

    def one(rel: str, offset: int, *, more: bool) -> str:
        cursor = f"0:{offset}:{int(rel == 'previous')}"
        params = urlencode({**call.request.query, "cursor": [cursor]}, doseq=True)
        url = f"{base_of(call)}{call.request.path}?{params}"
        return f'<{url}>; rel="{rel}"; results="{str(more).lower()}"; cursor="{cursor}"'

    return f"{one('previous', back, more=begin > 0)}, {one('next', on, more=on < total)}"
