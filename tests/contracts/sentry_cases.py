"""Every way in which our adapters ask Sentry, as stories in front of the emulator."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.hours import HOUR
from stagedrollout.emulator.sentry import ORGANIZATION
from stagedrollout.signals.sentry_sessions_call import Question, SessionsCall, window_around
from tests.contracts.stand import Stand
from tests.emulator.calls import Caller, scenario, sessions

STATUSES = {"field": "sum(session)", "groupBy": ["release", "session.status"]}


def asked_in_every_form() -> Stand:
    stand = Stand(scenario(), hours=30)
    listing, now = stand.listing(), stand.world.timeline.now
    query = stand.query()
    for signal in listing.signals:
        signal.read(query)
    listing.tallies.read(stand.ledger_query(users=True))
    listing.tallies.read(stand.ledger_query(users=False))
    listing.tallies.running(query.candidate, now)
    listing.tallies.past((query.candidate, *query.baseline), now)
    listing.issues.read(query.candidate)
    return stand


def asked_where_sentry_knows_nothing() -> Stand:
    """A 404 has the organization looked up, to say what is missing (section 7)."""
    stand = Stand(scenario(), hours=30)
    listing, query = stand.listing(), stand.query()
    for name in ("organization", "project", "environment"):
        elsewhere = replace(listing.signals[0]._call._call.project, **{name: "nowhere"})
        call = SessionsCall(listing.signals[0]._call._call._http, elsewhere)
        with suppress(EdgeError):
            call.ask(
                Question(
                    window_around(query.since, query.until, width=HOUR, groups=1), ("sum(session)",), None
                )
            )
    return stand


def everything_else() -> Stand:
    """What the emulator answers though no adapter asks for it, and no data in all its forms (section 2.4)."""
    stand = Stand(scenario(), hours=30)
    call = Caller(stand.world, stand.world.credentials.sentry_token)
    call("GET", f"/api/0/organizations/{ORGANIZATION}/")
    call("GET", f"/api/0/projects/{ORGANIZATION}/acme/")
    sessions(stand.world, groupBy=None, query=None)
    sessions(stand.world, groupBy=None, query="release:nothing")
    sessions(stand.world, groupBy=["project", "release", "environment"])
    sessions(stand.world, **STATUSES)
    sessions(stand.world, per_page=1)
    stand.turn(sentry_without_users=True)
    sessions(stand.world)
    return stand


ALL = (asked_in_every_form, asked_where_sentry_knows_nothing, everything_else)
