"""Sentry's answers as it writes them, and a signal that is told them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from stagedrollout.core.model import Release
from stagedrollout.core.observation import SignalQuery
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry import SentryProject, SentrySessions
from stagedrollout.signals.sentry_names import ReleaseNames

NEW = Release("70400", "7.4.0", "70400")
OLD = Release("70302", "7.3.2", "70302")
OLDER = Release("70100", "7.1.0", "70100")
NEW_NAME, OLD_NAME, OLDER_NAME = (
    "com.acme.app@7.4.0+70400",
    "com.acme.app@7.3.2+70302",
    "com.acme.app@7.1.0+70100",
)

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOURS = ["2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z"]
NOW = EIGHT + timedelta(hours=2, minutes=40)
QUERY = SignalQuery(NEW, (OLD,), EIGHT, NOW)


def group(name, sessions, rates, users=1502, user_rate=0.9614):
    total = sum(n for n in sessions if isinstance(n, int))
    return {
        "by": {"release": name},
        "totals": {
            "sum(session)": total,
            "count_unique(user)": users,
            "crash_free_rate(session)": 0.98,
            "crash_free_rate(user)": user_rate,
        },
        "series": {
            "sum(session)": sessions,
            "count_unique(user)": [0] * len(sessions),
            "crash_free_rate(session)": rates,
            "crash_free_rate(user)": [None] * len(sessions),
        },
    }


def new(sessions=(0, 1980, 2140), rates=(None, 0.98, 0.975), **users):
    return group(NEW_NAME, list(sessions), list(rates), **users)


def old(sessions=(60_000, 61_000, 61_200), rates=(0.999, 0.998, 1.0), **users):
    return group(OLD_NAME, list(sessions), list(rates), **{"users": 61_210, "user_rate": 0.997, **users})


def body(*groups, intervals=HOURS):
    return {
        "start": HOURS[0],
        "end": "2026-11-23T11:00:00Z",
        "query": "",
        "intervals": intervals,
        "groups": list(groups),
    }


@dataclass
class Sentry:
    """Says one thing to whoever asks, and remembers what it was asked."""

    status: int = 200
    says: object = b""
    headers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def handle(self, method, path, query, headers, _body):
        self.asked.append((method, path, parse_qs(query), headers))
        if isinstance(self.says, type) and issubclass(self.says, Exception):
            raise self.says
        content = self.says if isinstance(self.says, bytes) else json.dumps(self.says).encode()
        return self.status, self.headers, content

    def signal(self, names=None):
        http = HttpClient(
            Endpoint("sentry", "https://sentry.io"),
            authorization=lambda: "Bearer sntrys_secret_of_nobody",
            transport=in_process(self.handle),
        )
        return SentrySessions(
            http, SentryProject("acme", "android", "production"), names or ReleaseNames("com.acme.app")
        )


def told(*groups, query=QUERY, **answer):
    """The two readings after Sentry answers with these groups."""
    return Sentry(says=body(*groups, **answer)).signal().read(query)
