"""Whether everything came to rest once nothing went wrong any more.

Hours after the last trouble every notice is out, every order is answered, and each rollout moves, is at its end,
is halted with a reason, or waits for a person or for time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from stagedrollout.core.units import PPM_ALL
from stagedrollout.emulator.scenario import APP_STORE
from tests.simulation.plan import Plan

if TYPE_CHECKING:
    from tests.simulation.run import Left

PROMISES = ("R20", "R4")
"""What is looked at here (the README's table)."""

_AT_REST = {
    "halted": "only a person resumes it",
    "completed": "everyone has it",
    "superseded": "a newer release has its place",
}
_WAITS_FOR_TIME = {
    "bake",
    "watch",
    "window",
    "freeze",
    "ceiling",
    "stage_sample",
    "sample",
    "inconclusive",  # for a stage's max_bake at most: then the policy's choice decides
    "no_data_yet",
    "review",
    "apple",
    "window_open",
    "rest",
    "overtaken",
}
_WAITS_FOR_PEOPLE = {
    "halted",
    "human_hold",
    "freeze_ask",
    "by_hand",
    "unknown_drift",
    "not_started",
    "ignored",
    "gone",
    "observe",
    "no_phasing",
    "newer_waits",
    "waits_for_the_older",
    "known_bad",
    "incident_lasts",
    "journal_behind",
    "journal_unmarked",
    "replica_doubts",
    "highwater_unwritable",
    "approval",
    "line_stopped",
    "line_unread",
    "clocks_disagree",
}
_WAITS_FOR_THE_OTHER = {
    "linked_halt",  # until a person answers it
    "linked_lead",  # until the lead goes on, or a person goes ahead of it by name
}
_MOVES = {
    "pass",
    "adopted",
    "hold_lifted",
    "hold_ended",
    "human_start",
    "human_advance",
    "human_resume",
    "watched",
    "suspected",
    "stepped",
    "window_over",
    "unphased",
    "approved",
    "bake_skipped",
    "left_alone",
    "policy_set",
}
DECISIONS_MOST = 60
"""In the calm hours, for one rollout: a decision is written down when it is another one. More is running in circles."""

_STAGED = {"inProgress", "ACTIVE", "PAUSED"}
"""How either store says that some have it and others do not."""

_HELD_BACK = {"IN_REVIEW", "NOT_APPROVED", "NOT_SENT_FOR_REVIEW", "APPROVED_NOT_PUBLISHED"}
"""By Play's review, which may have rejected it, or until a person sends or publishes it in the console."""

_SILENT = "missing"
"""No data at all: at rest only where the emulated services really have none to give, because users are not
counted, or because everybody has a release with a higher code."""

_Served = Mapping[tuple[str, str, str], Mapping[str, Any]]


def unrest(plan: Plan, left: Left) -> Iterator[str]:
    """What is still open, in words."""
    for row in left.evidence.notices:
        if row["state"] not in ("sent", "lost"):  # with the database that had it
            yield f"outbox: {row['headline']!r} is still {row['state']}"
    last = {entry["rollout"]: entry["body"] for entry in left.evidence.journal if entry["kind"] == "decided"}
    served = _last_served(left)
    yield from _unanswered(plan, left, served)
    yield from _running_in_circles(plan, left)
    yield from _overlooked(left, served)
    for row in left.evidence.rollouts:
        stuck = _stuck(plan, row, last.get(_name(row), {}), served)
        hindered = row["phase"] == "not_halted" and _has_no_brake(plan, left, row, served)
        if stuck and not (hindered and row["reason"]):
            yield f"liveness: {row['app']} {row['release']} is {row['phase']}, {stuck}: {row['reason']}"


def _unanswered(plan: Plan, left: Left, served: _Served) -> Iterator[str]:
    """A halt that the store does not grant, or not yet, is tried for as long as it is wanted: whether it just fails,
    nobody can tell."""
    wanted = {
        _name(row)
        for row in left.evidence.rollouts
        if row["phase"] == "not_halted" and _is_not_granted(plan, left, row, served)
    }
    tried = {
        entry["body"]["command"]
        for entry in left.evidence.journal
        if entry["kind"] == "commanded" and entry["body"]["verb"] == "halt" and entry["rollout"] in wanted
    }
    for order, result in left.orders.items():
        if not result and order not in tried:
            yield f"orders: nobody has answered {order}"


def _is_not_granted(plan: Plan, left: Left, row: Mapping[str, Any], served: _Served) -> bool:
    """Apple pauses nothing that is not out yet, and keeps back what it has approved while the app is sold nowhere. Google
    Play halts nothing without a fallback, nor what a review, or a person in the console, has to let through first."""
    shown = served.get((row["app"], row["store"], row["release_id"]), {})
    if row["store"] == APP_STORE:
        return shown.get("status") == "INACTIVE" and _removed(plan, row)
    return not _has_fallback(left, row) or (shown.get("review") in _HELD_BACK and _is_asked_for(left, row))


def _is_asked_for(left: Left, row: Mapping[str, Any]) -> bool:
    """Whether the halt stands in the track, where it waits to be served."""
    tracks = [r for r in left.evidence.ledger if r["type"] == "track" and r["app"] == row["app"]]
    return any(
        release["status"] == "halted" and row["release_id"] in release["versionCodes"]
        for release in (tracks[-1]["after"] if tracks else ())
    )


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['app']}/{row['store']}/{row['release_id']}"


def _overlooked(left: Left, served: _Served) -> Iterator[str]:
    """What nothing is written of is at rest nowhere: a daemon that cannot keep a journal would have nothing to show."""
    found = {(row["app"], row["store"]) for row in left.evidence.rollouts}
    staged = {(app, store) for (app, store, _), record in served.items() if _is_rolled_out(record)}
    for app, store in sorted(staged - found):
        yield f"liveness: {app} is being rolled out on {store}, and the daemon knows of no release there"


def _is_rolled_out(record: Mapping[str, Any]) -> bool:
    """Staged, and sold: the App Store goes on showing the phased release of an app that it sells nowhere any more, and
    that is over for good. What was first seen like this is the past, and no rollout."""
    sold = record["store"] != APP_STORE or record["exposure_ppm"] > 0
    return record["status"] in _STAGED and sold


def _running_in_circles(plan: Plan, left: Left) -> Iterator[str]:
    decided = Counter(
        entry["rollout"]
        for entry in left.evidence.journal
        if entry["kind"] == "decided" and datetime.fromisoformat(entry["at"]) > plan.calm_from
    )
    for rollout, times in decided.items():
        if times > DECISIONS_MOST:
            yield f"liveness: {rollout} was decided on {times} times after all trouble was over"


def _last_served(left: Left) -> _Served:
    return {
        (record["app"], record["store"], str(record.get("release_id", record["version_code"]))): record
        for record in left.evidence.ledger
        if record["type"] == "served"
    }


def _stuck(plan: Plan, row: Mapping[str, Any], decided: Mapping[str, Any], served: _Served) -> str:
    """Why the rollout neither moves, nor is at rest, nor waits for somebody; "" if it does."""
    shown = served.get((row["app"], row["store"], row["release_id"]), {})
    overtaken = any(_newer(other, shown) for other in served.values())
    if not row["reason"]:
        return "and nobody says why"
    if row["phase"] in _AT_REST:
        return ""
    if row["phase"] == "not_halted":
        return "" if _reviews_hold_back(plan) else "although nothing hinders the halt any more"
    codes = {reason["code"] for reason in decided.get("reasons", ())}
    known = _WAITS_FOR_TIME | _WAITS_FOR_PEOPLE | _MOVES
    if plan.scenario.switches.get("sentry_without_users") or overtaken:
        known = known | {_SILENT}
    if _is_linked(plan, row):
        known = known | _WAITS_FOR_THE_OTHER
    return "" if codes & known else f"and waits for {', '.join(sorted(codes)) or 'nothing'}"


def _is_linked(plan: Plan, row: Mapping[str, Any]) -> bool:
    return any(app.link and (app.name, app.store) == (row["app"], row["store"]) for app in plan.scenario.apps)


def _newer(other: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    if not shown or (other["app"], other["store"]) != (shown["app"], shown["store"]):
        return False
    return bool(
        other["version_code"] > shown["version_code"] and other["status"] not in ("draft", "INACTIVE")
    )


def _reviews_hold_back(plan: Plan) -> bool:
    """A halt that the store itself reviews, or that waits for a person in the console, may take its time."""
    turned = plan.scenario.switches
    return bool(turned.get("halts_in_review") or turned.get("managed_publishing")) or any(
        planned.act.act in ("reject", "new_release") for planned in plan.scenario.people
    )


def _has_no_brake(plan: Plan, left: Left, row: Mapping[str, Any], served: _Served) -> bool:
    """The App Store stops no version that everyone gets, and none of an app that it does not sell any more; Google Play
    none that it has nothing to serve instead of (google-play.md E14)."""
    if row["store"] != APP_STORE:
        return not _has_fallback(left, row)
    shown = served.get((row["app"], row["store"], row["release_id"]), {})
    return shown.get("exposure_ppm") == PPM_ALL or _removed(plan, row)


def _has_fallback(left: Left, row: Mapping[str, Any]) -> bool:
    return any(
        (record["app"], record["store"]) == (row["app"], row["store"])
        and record["version_code"] < int(row["release_id"])
        and record["exposure_ppm"] == PPM_ALL
        for record in left.evidence.ledger
        if record["type"] == "served"
    )


def _removed(plan: Plan, row: Mapping[str, Any]) -> bool:
    return any(
        (p.act.app, p.act.store, p.act.act) == (row["app"], row["store"], "remove_from_sale")
        for p in plan.scenario.people
    )
