"""Google Play's refusals, row by row (google-play.md section 6).

Of messages the sheet knows what identifies them. Where it names no status word or reason, it is the usual one of the
code (section 6, the current format), and of E3 a failed precondition.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import Act
from stagedrollout.emulator.world import World
from tests.contracts.refusal import HTML, Refusal
from tests.emulator.calls import Answer, Caller, PlayCaller, completed, halted, staged, world_at

DRAFT = {"versionCodes": ["5030"], "status": "draft"}
NO_FRACTION = {"versionCodes": ["5020"], "status": "inProgress"}
IN_REVIEW = [
    {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "CHANGES_ALREADY_IN_REVIEW",
        "domain": "googleapis.com",
    }
]
NO_FAULT = "no fault of the emulator's has these words"


def v2(code: int, message: str, status: str, reason: str = "badRequest", details: Any = None) -> Any:
    """The current format."""
    inside = [{"message": message, "domain": "global", "reason": reason}]
    more = {"details": details} if details else {}
    return {"error": {"code": code, "message": message, "errors": inside, "status": status, **more}}


def put(*releases: dict[str, Any], track: str = "production", **switches: object) -> Callable:
    def ask(world: World) -> Answer:
        world.turn(switches)
        play = PlayCaller(world)
        return play.put(play.insert(), *releases, track=track)

    return ask


def fault(kind: str) -> Callable[[World], Answer]:
    def ask(world: World) -> Answer:
        play = PlayCaller(world)
        world.faults.add(Fault("google_play", kind))
        return play.call("POST", f"{play.root}/edits", {})

    return ask


def superseded(told: str) -> Callable[[World], Answer]:
    def ask(world: World) -> Answer:
        world.turn({"edit_deleted": told})
        play = PlayCaller(world)
        edit = play.insert()
        play.insert()
        return play.get(edit)

    return ask


def expired(world: World) -> Answer:
    play = PlayCaller(world)
    edit = play.insert()
    world.timeline.advance(world.timeline.now + timedelta(hours=25))
    return play.get(edit)


def committed_twice(world: World) -> Answer:
    play = PlayCaller(world)
    edit = play.insert()
    play.put(edit, staged(5020, 0.05))
    play.commit(edit)
    return play.commit(edit)


def after_a_rejection(world: World) -> Answer:
    world.console.act(Act("acme", "reject"))
    return PlayCaller(world).change(staged(5020, 0.05))


def committed(**query: str) -> Callable[[World], Answer]:
    return lambda world: PlayCaller(world).change(staged(5020, 0.05), **query)


def with_nothing_left_to_serve(world: World) -> Answer:
    play = PlayCaller(world)
    return play.change(halted(5010), halted(5020))


def of_a_draft_app(world: World) -> Answer:
    world.turn({"draft_app": True})
    play = PlayCaller(world)
    edit = play.insert()
    play.put(edit, staged(5020, 0.05))
    return play.verb(edit, "validate")


def too_low(world: World) -> Answer:
    play = PlayCaller(world)
    play.change(completed(5030))
    world.timeline.advance(world.scenario.ends)
    return play.put(play.insert(), staged(5020, 0.1))


def of_nobody(world: World) -> Answer:
    play = PlayCaller(world)
    return play.call("POST", f"{play.root.replace('acme', 'nobody')}/edits", {})


def track(name: str) -> Callable[[World], Answer]:
    def ask(world: World) -> Answer:
        play = PlayCaller(world)
        return play.get(play.insert(), name)

    return ask


def without_a_token(world: World) -> Answer:
    return Caller(world, "ya29.not-ours")("POST", f"{PlayCaller.root}/edits", {})


def row(
    name: str,
    body: Any,
    means: type[EdgeError],
    ask: Callable[[World], Answer] | None = None,
    hours: float = 5,
    free: tuple[str, ...] = ("message",),
    unmet: str = "",
) -> Refusal:
    status = body["error"]["code"]
    return Refusal(
        row=name,
        status=status,
        body=body,
        means=means,
        world=partial(world_at, hours),
        ask=ask,
        free=free,
        unmet=unmet,
    )


_INVALID, _CONDITION, _DENIED = "INVALID_ARGUMENT", "FAILED_PRECONDITION", "PERMISSION_DENIED"
_OLD = {"domain": "androidpublisher", "reason": "editDeleted", "message": "This Edit has been deleted"}

REFUSALS = (
    row(
        "E1",
        v2(400, "This Edit has been deleted", _CONDITION),
        Conflict,
        superseded("FAILED_PRECONDITION"),
    ),
    row("E1", v2(400, "This Edit has been deleted", _INVALID), Conflict, superseded("INVALID_ARGUMENT")),
    row(
        "E1",
        {"error": {"code": 410, "message": "This Edit has been deleted", "errors": [_OLD]}},
        Conflict,
        superseded("gone_410"),
    ),
    row("E2", v2(400, "This edit has expired", _CONDITION), Conflict, expired),
    row(
        "E3",
        v2(400, "already been successfully committed, please create a new Edit", _CONDITION),
        Rejected,
        committed_twice,
    ),
    row("E4", v2(409, "", "ABORTED", "concurrentUpdate"), Conflict, fault("409")),
    row(
        "E5",
        v2(
            400,
            "Changes cannot be sent for review automatically. Please set the query parameter "
            "changesNotSentForReview to true",
            _INVALID,
        ),
        Rejected,
        after_a_rejection,
        hours=2,
    ),
    row(
        "E6",
        v2(
            400,
            "Changes are sent for review automatically. The query parameter changesNotSentForReview must not "
            "be set",
            _INVALID,
        ),
        Rejected,
        committed(changesNotSentForReview="true"),
    ),
    row(
        "E7",
        v2(
            400,
            "You already have changes in review. Cancel this review or wait",
            _CONDITION,
            details=IN_REVIEW,
        ),
        Rejected,
        committed(changesInReviewBehavior="ERROR_IF_IN_REVIEW"),
        hours=2,
    ),
    row("E8", v2(400, "User fraction must be lower than one", _INVALID), Rejected, put(staged(5020, 1.0))),
    row(
        "E8",
        v2(400, "fraction must be greater than 0.0 and less than 1", _INVALID),
        Rejected,
        put(staged(5020, 0)),
    ),
    row(
        "E9",
        v2(400, "DRAFT release must not have fraction", _INVALID),
        Rejected,
        put({**DRAFT, "userFraction": 0.5}),
    ),
    row(
        "E9",
        v2(400, "COMPLETED release must not have fraction", _INVALID),
        Rejected,
        put(completed(5020, userFraction=0.5)),
    ),
    row("E9", v2(400, "IN_PROGRESS release must have fraction", _INVALID), Rejected, put(NO_FRACTION)),
    row(
        "E9",
        v2(400, "HALTED release must have fraction", _INVALID),
        Rejected,
        put(halted(5020), halted_fraction="required"),
    ),
    row(
        "E9",
        v2(400, "HALTED release must not have fraction", _INVALID),
        Rejected,
        put(halted(5020, userFraction=0.01), halted_fraction="forbidden"),
    ),
    row(
        "E10",
        v2(400, "Only one completed release is allowed", _INVALID),
        Rejected,
        put(completed(5020), completed(5010)),
    ),
    row(
        "E11",
        v2(400, "Too many staged releases specified", _INVALID),
        Rejected,
        put(staged(5020, 0.1), staged(5030, 0.1)),
    ),
    row(
        "E12",
        v2(400, "Cannot halt release, no matching in progress release found", _INVALID),
        Rejected,
        put(halted(5030)),
    ),
    row(
        "E13",
        v2(
            400,
            "You can't halt a fully rolled out release and create a new fully rolled out release in a single "
            "edit",
            _INVALID,
        ),
        Rejected,
        put(halted(5010), completed(5030)),
    ),
    row(
        "E14",
        v2(500, "Internal error encountered.", "INTERNAL", "backendError"),
        Faulty,
        with_nothing_left_to_serve,
        free=(),
    ),
    row(
        "E14",
        v2(500, "Internal error encountered.", "INTERNAL", "backendError"),
        Faulty,
        fault("500"),
        free=(),
    ),
    row(
        "E15",
        v2(400, "Only releases with status draft may be created on draft app", _INVALID),
        Rejected,
        of_a_draft_app,
    ),
    row(
        "E16",
        v2(400, "The first release on a track cannot be staged", _INVALID),
        Rejected,
        put(staged(5030, 0.1), track="beta"),
    ),
    row("E17", v2(400, "Fully released can not be staged", _INVALID), Rejected, put(staged(5010, 0.5))),
    row(
        "E18",
        v2(
            403,
            "You cannot rollout this release because it does not allow any existing users to upgrade",
            _DENIED,
            "forbidden",
        ),
        Rejected,
        too_low,
    ),
    row(
        "E19",
        v2(403, "The caller does not have permission", _DENIED, "forbidden"),
        Denied,
        fault("403"),
        free=(),
    ),
    row("E20", v2(403, "Unauthorized", _DENIED, "forbidden"), Faulty, fault("403_unauthorized"), free=()),
    row(
        "E21",
        v2(403, "has not been used in project", _DENIED, "forbidden"),
        Denied,
        fault("403_api_disabled"),
    ),
    *(
        row("E22", v2(code, words, status, reason), Rejected, unmet=NO_FAULT)
        for code, status, reason in ((403, _DENIED, "forbidden"), (400, _INVALID, "badRequest"))
        for words in (
            "There are issues with your account",
            "You must let us know whether your app uses",
            "AD_ID permission",
            "targeting no countries",
        )
    ),
    row("E23", v2(404, "Package not found:", "NOT_FOUND", "notFound"), Rejected, of_nobody),
    row(
        "E23",
        v2(404, "APK version codes could not be found", "NOT_FOUND", "notFound"),
        Rejected,
        put(staged(9999, 0.1)),
    ),
    row("E23", v2(404, "Track not found", "NOT_FOUND", "notFound"), Rejected, track("wear%3Aproduction")),
    row("E23", v2(404, "Track empty", "NOT_FOUND", "notFound"), Rejected, track("beta")),
    row(
        "E24",
        v2(400, "Releases in ROLLOUT track is not supported", _INVALID),
        Rejected,
        put(staged(5020, 0.1), track="rollout"),
    ),
    row("E25", v2(400, "Precondition check failed", _CONDITION), Rejected, put(staged(5020, 0.005))),
    row("E26", v2(401, "", "UNAUTHENTICATED", "authError"), Denied, without_a_token),
    row("E26", v2(401, "", "UNAUTHENTICATED", "authError"), Denied, fault("401")),
    row("E27", v2(429, "", "RESOURCE_EXHAUSTED", "rateLimitExceeded"), Throttled, fault("429")),
    row("E27", v2(403, "", _DENIED, "rateLimitExceeded"), Throttled, unmet=NO_FAULT),
    row("E27", v2(403, "", _DENIED, "userRateLimitExceeded"), Throttled, unmet=NO_FAULT),
    row("5xx", v2(503, "", "UNAVAILABLE", "backendError"), Faulty, fault("503")),
    Refusal(
        row="5xx",
        status=502,
        body="<html><title>502 Server Error</title></html>",
        means=Faulty,
        world=partial(world_at, 5),
        ask=fault("502"),
        kind=HTML,
    ),
)
