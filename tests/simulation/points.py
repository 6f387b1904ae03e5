"""The list of everything that the daemon does to the world outside while it steers releases, by name.

Whoever adds a request, a statement or a file that changes adds its name here: without it no run of the simulation gets
past it, and a name that no story of tests/crash ever meets fails there.
"""

from __future__ import annotations

from collections.abc import Iterator

BEFORE_SEND, AFTER_RECEIVE = ": before send", ": after receive"
BEFORE, AFTER = ": before", ": after"
BEGIN, COMMIT = "storage begin", "storage commit"

REQUESTS = (
    "app_store customer_reviews.version",
    "app_store phased.create",
    "app_store phased.update",
    "app_store release.request",
    "app_store versions.list",
    "google_play edits.commit",
    "google_play edits.delete",
    "google_play edits.insert",
    "google_play edits.validate",
    "google_play releases.list",
    "google_play reviews.list",
    "google_play tracks.get",
    "google_play tracks.update",
    "itunes lookup",
    "oauth token",
    "pagerduty enqueue",
    "sentry issues",
    "sentry sessions",
    "slack chat.postEphemeral",
    "slack chat.postMessage",
    "slack chat.update",
    "slack views.open",
    "webhook take",
)
"""Each before it is sent, and after its answer is there."""

WRITES = (
    COMMIT,
    "storage insert bucket",
    "storage insert command",
    "storage insert errand",
    "storage insert event",
    "storage insert intent",
    "storage insert lease",
    "storage insert outbox",
    "storage insert pass",
    "storage insert replica",
    "storage insert rollout",
    "storage insert standing",
    "storage insert thread",
    "storage release",
    "storage savepoint",
    "storage update command",
    "storage update errand",
    "storage update intent",
    "storage update lease",
    "storage update outbox",
    "storage update replica",
    "storage update thread",
)
"""Each before and after it: statements, and the commit that makes them last."""

READS = (
    BEGIN,
    f"{BEGIN} immediate",
    "storage select bucket",
    "storage select command",
    "storage select errand",
    "storage select event",
    "storage select lease",
    "storage select outbox",
    "storage select pass",
    "storage select replica",
    "storage select rollout",
    "storage select thread",
)

FILES = (
    "file remove halt",
    "file remove highwater.new",
    "file rename highwater.new",
    "file write highwater.new",
)
"""The mark outside the database, and a halt beside the configuration that the journal has. The heartbeat is the scheduler's, the lock the process's, pictures a follower's."""

_SPOOL = (
    "file write spool",
    "file rename spool.new",
    "file write spool.new",
    "file remove spool.new",
    "file remove spool",
)
_AVAILABILITY = tuple(
    f"app_store {asked}{side}"
    for asked in ("availability.get", "territories.list")
    for side in (BEFORE_SEND, AFTER_RECEIVE)
)
_SCHEMA = ("storage pragma", "storage select alembic_version")
_MARKED_NOT_HELD = ("storage select retired",)
AFTER_TROUBLE = frozenset(
    {
        *(f"storage rollback{side}" for side in (BEFORE, AFTER)),
        *_SPOOL,
        *_AVAILABILITY,
        *_SCHEMA,
        *_MARKED_NOT_HELD,
    }
)
"""Met only where the database fails, where the journal does not hold what is marked, where Apple does not say whether an app is sold at all, or where there are others on the
database, who may have moved its schema on."""


def _all() -> Iterator[str]:
    for request in REQUESTS:
        yield from (request + BEFORE_SEND, request + AFTER_RECEIVE)
    for write in WRITES:
        yield from (write + BEFORE, write + AFTER)
    yield from READS
    yield from FILES
    yield from AFTER_TROUBLE


POINTS = frozenset(_all())


def is_landmark(name: str) -> bool:
    """What the lives of a seed are counted in: requests and transactions. Between two of these nothing is made to
    last, so that the other points would only be the same deaths under other names."""
    return name.endswith((BEFORE_SEND, AFTER_RECEIVE)) or name.startswith(BEGIN) or name == COMMIT + BEFORE
