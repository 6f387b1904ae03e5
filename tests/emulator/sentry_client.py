"""Our clients of Sentry in front of an emulated one, in-process: who asks, of what, and the world that answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Comparison, LedgerQuery, Tallied, Untallied
from stagedrollout.core.model import Release, Store
from stagedrollout.emulator.request import Request
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry_issues import SentryIssues
from stagedrollout.signals.sentry_names import DEFAULT_TEMPLATE, ReleaseNames
from stagedrollout.signals.sentry_sessions_call import SentryProject
from stagedrollout.signals.sentry_tallies import SentryTallies
from tests.emulator.calls import PACKAGE, world_at

CANDIDATE, BEFORE = Release("5020", "5.2.0", "5020"), Release("5010", "5.1.0", "5010")


class Emulated:
    """The world of `calls.scenario`, so many hours in. `asked` counts the requests of our clients."""

    def __init__(
        self,
        hours: float,
        release: str = "",
        *,
        environment: str = "production",
        template: str = DEFAULT_TEMPLATE,
        base: str = "https://sentry.io",
    ) -> None:
        self.world = world_at(hours, release)
        self.asked = 0
        token = self.world.credentials.sentry_token
        http = HttpClient(
            Endpoint("sentry", base),
            authorization=lambda: f"Bearer {token}",
            transport=in_process(self.handle),
        )
        project, names = SentryProject("acme", "acme", environment), ReleaseNames(PACKAGE, template)
        self.source = SentryTallies(http, project, names, Store.GOOGLE_PLAY)
        self.issues = SentryIssues(http, project, names)

    @property
    def now(self) -> datetime:
        return self.world.timeline.now

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        self.asked += 1
        response = self.world.handle(Request.to(method, f"{path}?{query}", headers=headers, body=body))
        if response.drop:
            raise ConnectionResetError
        return response.status, response.headers, response.body

    def read(self, *, hours: int = 24, candidate: Release = CANDIDATE) -> Any:
        since = self.now.replace(minute=0) - hours * HOUR
        return self.source.read(self.query(since, candidate))

    def query(self, since: datetime, candidate: Release = CANDIDATE) -> LedgerQuery:
        return LedgerQuery(candidate, (Comparison(since, (BEFORE,)),), since, self.now, users=True)


def totals(read: Tallied | Untallied) -> tuple[int, int, int, int]:
    """Candidate and baseline, all of them and the bad ones, over all buckets."""
    assert isinstance(read, Tallied)
    buckets = [bucket.tally for bucket in read.buckets]
    return (
        sum(tally.n_c for tally in buckets),
        sum(tally.k_c for tally in buckets),
        sum(tally.n_b for tally in buckets),
        sum(tally.k_b for tally in buckets),
    )
