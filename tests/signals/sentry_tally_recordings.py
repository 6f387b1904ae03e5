"""Sentry's answers to the ledger's questions as it writes them, and a source of tallies that is told them."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs

from sentry_recordings import EIGHT, HOURS, NEW, NEW_NAME, NOW, OLD, OLD_NAME, body

from stagedrollout.core.ledger import Comparison, LedgerQuery
from stagedrollout.core.model import Store
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.sentry_sessions_call import SentryProject
from stagedrollout.signals.sentry_tallies import SentryTallies

NINE, TEN = EIGHT + timedelta(hours=1), EIGHT + timedelta(hours=2)
MIDNIGHT = EIGHT.replace(hour=0)
DAYS = ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"]
QUERY = LedgerQuery(NEW, (Comparison(EIGHT, (OLD,)),), EIGHT, NOW, users=False)


def by_status(name, **series):
    """One group per status, hour by hour; every server has those of four, of zeros where nothing was."""
    nothing = [0 for _ in next(iter(series.values()))]
    series = dict.fromkeys(("abnormal", "crashed", "errored", "healthy"), nothing) | series
    return [
        {
            "by": {"release": name, "session.status": status},
            "totals": {"sum(session)": 0},
            "series": {"sum(session)": list(counts)},
        }
        for status, counts in series.items()
    ]


def new(**changed):
    usual = {
        "abnormal": [0, 4, 5],
        "crashed": [0, 10, 20],
        "errored": [0, 30, 30],
        "healthy": [0, 956, 945],
        "unhandled": [0, 0, 0],
    }
    return by_status(NEW_NAME, **{**usual, **changed})


def old(**changed):
    usual = {
        "abnormal": [60, 61, 62],
        "crashed": [300, 310, 320],
        "errored": [0, 0, 0],
        "healthy": [59_640, 59_629, 59_618],
        "unhandled": [0, 0, 0],
    }
    return by_status(OLD_NAME, **{**usual, **changed})


def users(name, counts, rates):
    return {
        "by": {"release": name},
        "totals": {"count_unique(user)": 0, "crash_free_rate(user)": None},
        "series": {"count_unique(user)": list(counts), "crash_free_rate(user)": list(rates)},
    }


def totals(name, sessions, rate=1.0, people=0, user_rate=None):
    return {
        "by": {"release": name},
        "totals": {
            "sum(session)": sessions,
            "crash_free_rate(session)": rate,
            "count_unique(user)": people,
            "crash_free_rate(user)": user_rate,
        },
        "series": {},
    }


@dataclass
class Sentry:
    """Says one thing of sessions, another of users, and remembers what it was asked."""

    sessions: object = field(default_factory=lambda: body(*new(), *old()))
    users: object = field(default_factory=lambda: body(intervals=DAYS))
    users_status: int = 200
    headers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def handle(self, method, path, query, headers, _body):
        params = parse_qs(query)
        self.asked.append(params)
        of_users = params["field"][0] == "count_unique(user)"
        says = self.users if of_users else self.sessions
        content = says if isinstance(says, bytes) else json.dumps(says).encode()
        return self.users_status if of_users else 200, self.headers, content

    def tallies(self, names=None, store=Store.GOOGLE_PLAY):
        http = HttpClient(Endpoint("sentry", "https://sentry.io"), transport=in_process(self.handle))
        place = SentryProject("acme", "android", "production")
        return SentryTallies(http, place, names or ReleaseNames("com.acme.app"), store)


def told(*groups, query=QUERY, intervals=HOURS):
    """The readings after Sentry answers with these groups."""
    return Sentry(sessions=body(*groups, intervals=intervals)).tallies().read(query)
