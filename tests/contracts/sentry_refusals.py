"""Sentry's refusals, text by text (sentry.md sections 2.5 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.world import World
from tests.contracts.refusal import HTML, Refusal
from tests.emulator.calls import Answer, Caller, sessions, world_at

STATUSES = ["release", "session.status"]


def asked(**more: object) -> Callable[[World], Answer]:
    return lambda world: sessions(world, **more)


def fault(kind: str) -> Callable[[World], Answer]:
    def ask(world: World) -> Answer:
        world.faults.add(Fault("sentry", kind))
        return sessions(world)

    return ask


def with_token(token: str) -> Callable[[World], Answer]:
    return lambda world: Caller(world, token)("GET", "/api/0/organizations/acme/sessions/?field=sum(session)")


def said(
    status: int,
    detail: str,
    ask: Callable[[World], Answer] | None = None,
    means: type[EdgeError] = Rejected,
    *,
    free: tuple[str, ...] = (),
    unmet: str = "",
) -> Refusal:
    return Refusal(
        row=f"{status} {detail}"[:60],
        status=status,
        body={"detail": detail},
        means=means,
        world=partial(world_at, 2),
        ask=ask,
        free=free,
        unmet=unmet,
    )


RATE = ["crash_rate(session)"]
REFUSALS = (
    said(400, 'Request is missing a "field"', asked(field=None)),
    said(400, 'Invalid field: "x"', asked(field="x")),
    said(400, 'Invalid groupBy: "x"', asked(groupBy="x")),
    said(400, "Invalid search filter: foo", asked(query="foo:bar")),
    said(400, "Invalid search filter: message", asked(query="release:a b")),
    said(400, "Invalid condition: wildcard search is not supported", asked(query="release:5.*")),
    said(
        400,
        "The interval has to be a multiple of the minimum interval of ten seconds.",
        asked(interval="15s"),
    ),
    said(400, "The interval has to be less than one day.", asked(interval="2d", statsPeriod="9d")),
    said(400, "The interval should divide one day without a remainder.", asked(interval="7h")),
    said(
        400,
        "Your interval and date range would create too many results. Use a larger interval, or a smaller "
        "date range.",
        asked(statsPeriod="90d"),
    ),
    said(400, "'orderBy' must be one of the provided 'fields'", asked(orderBy="anr_rate()")),
    said(400, "Cannot order by multiple fields", asked(orderBy=["sum(session)", "crash_free_rate(session)"])),
    said(
        400,
        "Cannot use 'orderBy' when grouping by sessions.status",
        asked(field="sum(session)", groupBy=STATUSES, orderBy="sum(session)"),
    ),
    said(
        400,
        "Cannot group field crash_rate(session) by session.status",
        asked(field=RATE, groupBy=STATUSES),
    ),
    said(
        400,
        "Cannot filter field crash_rate(session) by session.status",
        asked(field=RATE, query="session.status:crashed"),
    ),
    said(
        400,
        "Cannot filter count_unique by multiple session.status unless it is in groupBy",
        asked(field="count_unique(user)", query="session.status:[crashed,errored]"),
    ),
    said(400, "Invalid date range: Invalid statsPeriod: 'tomorrow'", asked(statsPeriod="tomorrow")),
    said(
        400,
        "Invalid date range: start and end are both required",
        asked(statsPeriod=None, start="2026-03-02T00:00:00Z"),
    ),
    said(
        400,
        "Invalid date range: start must be before end",
        asked(statsPeriod=None, start="2026-03-03T00:00:00Z", end="2026-03-02T00:00:00Z"),
    ),
    said(400, "Query timeout. Please try again.", fault("query_timeout"), Faulty, free=("detail",)),
    said(401, "Invalid token", with_token("sntrys_nobody"), Denied),
    said(401, "Authentication credentials were not provided.", with_token(""), Denied),
    said(403, "You do not have permission to perform this action.", asked(project="999"), Denied),
    said(404, "The requested resource does not exist", asked(environment="productoin")),
    said(500, "Internal error. Please try again.", fault("500"), Faulty),
    said(400, "Cannot order by sum(session) with the current filters", unmet="which filters is not known"),
    said(400, "Unable to parse condition with session.status", unmet="which conditions is not known"),
    said(400, "No projects available", unmet="every emulated token sees every project"),
    said(401, "Token expired", means=Denied, unmet="an emulated token does not expire"),
    said(
        500, "Internal error. Your query failed to run.", means=Faulty, unmet="the other 500 means the same"
    ),
    Refusal(
        row="429 concurrency",
        status=429,
        body={
            "detail": "You are attempting to go above the allowed concurrency for this endpoint. Concurrency limit is 25"
        },
        means=Throttled,
        world=partial(world_at, 2),
        unmet="the emulator answers one request after the other",
        kind=HTML,
    ),
    Refusal(
        row="429",
        status=429,
        body={
            "detail": "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 seconds"
        },
        means=Throttled,
        world=partial(world_at, 2),
        ask=fault("429"),
        kind=HTML,
        headers={"x-sentry-rate-limit-remaining": "0"},
    ),
    Refusal(
        row="502",
        status=502,
        body="<html><head><title>502 Bad Gateway</title></head></html>",
        means=Faulty,
        world=partial(world_at, 2),
        ask=fault("502"),
        kind=HTML,
    ),
)
