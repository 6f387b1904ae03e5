"""Every way in which our adapters ask Sentry, as stories in front of the emulator."""

from __future__ import annotations

from stagedrollout.emulator.sentry import ORGANIZATION
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


ALL = (asked_in_every_form, everything_else)
