"""What is worth a line about one release in `report`: halts, holds, waits, overrides, the console, troubles, notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from stagedrollout.core.model import ActorKind
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration_text, percent_text
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hints import CONFIRMED_WITHIN

Document = dict[str, Any]

_QUIET = (Cause.BAKE, Cause.REVIEW, Cause.HELD, Cause.HALTED, Cause.WATCH)
"""What has a column of its own in the table, or a line of its own here."""

_TOLD_FROM_HOURS = 0.5
"""Shorter waits are the daemon's own polls."""

_SETTLEMENTS = {"in_doubt": "in doubt", "refused": "refused", "not_applied": "not applied"}


_NO_BRAKE = {"observe": "mode observe", "final": "the store cannot stop it any more"}


def remarks(release: Document) -> Iterator[str]:
    """One line each; none for a release that went by itself."""
    for halt in release["halts"]:
        yield _halt(halt)
    for each in release["failing"]:
        at = percent_text(each["exposure_ppm"])
        yield f"FAILING at {at} and not halted ({_NO_BRAKE[each['why']]}): {one_line(each['words'])}"
    yield from _not_halted(release)
    yield from _held(release)
    yield from _waited(release)
    for one in release["overrides"]:
        knowingly = " --without-evidence" if one["without_evidence"] else ""
        kind = one["kind"].replace("start_known_bad", "start --known-bad")
        yield f"override: {kind}{knowingly} by {one_line(one['by'])}: {one_line(one['reason'])}"
    if release["console"]:
        done = ", ".join(f"{count} x {kind.replace('_', ' ')}" for kind, count in release["console"].items())
        yield f"changed in the console: {done}"
    if release["troubles"]:
        yield "requests: " + ", ".join(map(_trouble, release["troubles"]))
    yield from _undelivered(release["notices"])


def _halt(halt: Document) -> str:
    by, at = one_line(halt["by"]["name"]), percent_text(halt["exposure_ppm"])
    parts = [f"halted at {at} by {by}: {one_line(halt['words'])}"]
    if halt["hours_from_suspicion"] is not None:
        parts.append(f"suspected {_span(halt['hours_from_suspicion'])} before")
    if halt["sessions"] is not None:
        parts.append(f"{halt['sessions']:,} sessions until then")
    if halt["by"]["kind"] != ActorKind.CONSOLE.value:
        parts.append(_confirmed(halt))
    if halt["resumed_at"]:
        by = one_line(halt["resumed_by"]["name"]) if halt["resumed_by"] else "not known whom"
        parts.append(f"resumed by {by}" + (", then 100 %" if halt["reached_100_after"] else ""))
    return "; ".join(parts)


def _confirmed(halt: Document) -> str:
    refused = f", refused {_times(halt['refused'])}" if halt["refused"] else ""
    if halt["hours_to_confirm"] is None:
        return f"NOT seen in the store{refused}"
    return f"in the store {_span(halt['hours_to_confirm'])} later{refused}"


def _not_halted(release: Document) -> Iterator[str]:
    hours = release["hours"].get(Cause.NOT_HALTED, 0.0)
    if timedelta(hours=hours) > CONFIRMED_WITHIN:
        yield f"NOT HALTED for {_span(hours)}: a halt was decided and the store did not show it"


def _held(release: Document) -> Iterator[str]:
    if release["held"]:
        several = len(release["held"]) > 1
        whole = f", {_span(release['hours'].get(Cause.HELD, 0.0))}" if several else ""
        yield f"held {_times(release['holds'])}{whole}: " + "; ".join(map(_stretch, release["held"]))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _waited(release: Document) -> Iterator[str]:
    """What the column `waited` is made of."""
    hours = {Cause(cause): spent for cause, spent in release["hours"].items()}
    parts = [
        f"{cause.words} {_span(spent)}"
        for cause, spent in hours.items()
        if cause not in (*_QUIET, Cause.NOT_HALTED, Cause.OTHER) and spent >= _TOLD_FROM_HOURS
    ]
    parts += [_stretch(each) for each in release["other"] if each["hours"] >= _TOLD_FROM_HOURS]
    if parts:
        yield "waited for " + "; ".join(parts)


def _stretch(each: Document) -> str:
    return f"{one_line(each['words'])} {_span(each['hours'])}"


def _trouble(one: Document) -> str:
    return f"{one['count']} x {one['verb']} {_SETTLEMENTS.get(one['settlement'], one['settlement'])}"


def _undelivered(notices: dict[str, Document]) -> Iterator[str]:
    waiting = sum(each["waiting"] for each in notices.values())
    failed = sum(each["failed"] for each in notices.values())
    count = sum(each["count"] for each in notices.values())
    if failed:
        yield f"notices: {failed} of {count} were given up"
    if waiting:
        yield f"notices: {waiting} of {count} not sent yet"


def _span(hours: float) -> str:
    return duration_text(timedelta(hours=hours))
