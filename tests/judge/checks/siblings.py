"""R8: a commit changes one release's status and fraction and nothing else, whatever else the track holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.ledger import instant, is_fallback, is_ours, release_id

CHECK = "siblings_changed"
_STEERED = frozenset({"status", "userFraction"})
_ONLY_WHILE_STAGED = "countryTargeting"
_REPLACED_BY = {
    "completed": ("completed", "inProgress", "halted"),
    "staged": ("inProgress", "halted"),
    "other": (),
}
"""Which releases the store may drop from view when another one takes this step."""

Raw = Mapping[str, Any]


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, instant(record["at"]).isoformat(), record["app"], text)
        for record in case.evidence.ledger
        if record["type"] == "track" and is_ours(record, case.evidence.account)
        for text in _touched(case, record)
    ]


def _touched(case: Case, record: Record) -> Iterator[str]:
    if not _is_our_track(case, record):
        yield f"the track {record['track']}, which is not ours to touch, was changed"
        return
    before = {release_id(raw): raw for raw in record["before"]}
    after = {release_id(raw): raw for raw in record["after"]}
    if len(after) < len(record["after"]):
        yield "the track names a release twice"
    steered = _steered(before, after)
    for key in before.keys() & after.keys():
        yield from _fields_changed(before[key], after[key])
    if len(steered) > 1:
        yield f"one commit moved several releases: {', '.join(sorted(steered))}"
    for key in before.keys() - after.keys():
        if not _may_leave(before[key], before, steered):
            yield f"{_name(before[key])} is gone from the track"
    for key in after.keys() - before.keys():
        if not is_fallback(after[key], record):
            yield f"{_name(after[key])} appeared in the track"


def _is_our_track(case: Case, record: Record) -> bool:
    apps = case.setting.get("apps", ())
    return any(
        (app["app"], app["store"], app["track"]) == (record["app"], record["store"], record["track"])
        for app in apps
    )


def _steered(before: Mapping[str, Raw], after: Mapping[str, Raw]) -> dict[str, Raw]:
    """The releases whose status or fraction moved, as they are now."""
    return {
        key: raw
        for key, raw in after.items()
        if key in before and any(raw.get(field) != before[key].get(field) for field in _STEERED)
    }


def _fields_changed(before: Raw, after: Raw) -> Iterator[str]:
    """Every field but the two that are steered stays as it was, known to us or not."""
    for field in sorted((before.keys() | after.keys()) - _STEERED):
        dropped_with_the_stage = (
            field == _ONLY_WHILE_STAGED and field not in after and after.get("status") != "inProgress"
        )
        if before.get(field) != after.get(field) and not dropped_with_the_stage:
            yield f"{_name(before)}: {field} was changed"


def _may_leave(gone: Raw, before: Mapping[str, Raw], steered: Mapping[str, Raw]) -> bool:
    """Completing drops older releases from view; a newly staged one takes an older staged one's place."""
    return any(
        gone.get("status") in _REPLACED_BY[_step(before[key], raw)] and _is_older(gone, key)
        for key, raw in steered.items()
    )


def _step(before: Raw, after: Raw) -> str:
    if after.get("status") == "completed":
        return "completed"
    newly = after.get("status") == "inProgress" and before.get("status") != "inProgress"
    return "staged" if newly else "other"


def _is_older(gone: Raw, key: str) -> bool:
    code = release_id(gone)
    return code.isdigit() and key.isdigit() and int(code) < int(key)


def _name(raw: Raw) -> str:
    return str(raw.get("name") or release_id(raw))
