"""Apple's phased releases, read from the truth ledger: who let them go on, who paused them, what Apple did.

Apple raises by itself, one share for each day on which a phased release is active; everybody else can only let
it, pause it, or give the version to everyone (app-store-connect.md sections 1, 6 and 7). Apple's own steps are
listed apart: they are no raises of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.judge.evidence import Record
from tests.judge.ledger import Change, Key, instant
from tests.judge.terms import PPM_ALL

SHARES_PPM = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, PPM_ALL)
LAST_STAGED_PPM = SHARES_PPM[-2]
WINDOW = timedelta(hours=24)
"""How long Apple may take for the step it was let take."""

LIVE = "READY_FOR_DISTRIBUTION"
_REPLACED = "REPLACED_WITH_NEW_VERSION"
_KINDS = {
    ("INACTIVE", "ACTIVE"): "start",
    ("PAUSED", "ACTIVE"): "step",
    ("ACTIVE", "PAUSED"): "pause",
    ("ACTIVE", "COMPLETE"): "complete",
    ("PAUSED", "COMPLETE"): "complete",
}


@dataclass(frozen=True, slots=True)
class AppleStep:
    """Apple raised the release by itself: its next share, or everyone once the pause-days were used up."""

    seq: int
    at: datetime
    key: Key
    before_ppm: int
    after_ppm: int


@dataclass(frozen=True, slots=True)
class Window:
    """From `opened.at` until `ends` Apple may take one step: somebody let it, and no rise, pause or day's end
    has come since. `by_person`: ordered, or done in the console."""

    opened: Change
    ends: datetime
    by_person: bool


def next_share(exposure_ppm: int) -> int:
    """Where Apple's next step leads."""
    return next((share for share in SHARES_PPM if share > exposure_ppm), PPM_ALL)


def changes(records: Iterable[Record], requests: Iterable[Record]) -> list[Change]:
    """What the API and people did to phased releases, in order; a version that was replaced is no change."""
    asked = {request["seq"]: instant(request["at"]) for request in requests}
    return [
        _change(record, kind, asked)
        for record in records
        if record["type"] == "phased" and record["cause"] != "apple"
        if (kind := _kind(record["before"], record["after"]))
    ]


def apple_steps(records: Iterable[Record]) -> list[AppleStep]:
    found = [
        AppleStep(
            record["seq"],
            instant(record["at"]),
            _key(record),
            _share(record["before"]),
            _share(record["after"]),
        )
        for record in records
        if record["type"] == "phased" and record["cause"] == "apple"
    ]
    return [step for step in found if step.after_ppm > step.before_ppm]


def windows(
    history: list[Change], steps: Iterable[AppleStep], by_person: Mapping[int, bool]
) -> Iterator[Window]:
    """The windows of one release; `by_person` says of each step that opens one, by its number in the ledger,
    who was behind it."""
    risen = [step.at for step in steps]
    for place, change in enumerate(history):
        if change.seq in by_person:
            later = [c.at for c in history[place + 1 :]] + [at for at in risen if at > change.at]
            yield Window(change, min([change.at + WINDOW, *later]), by_person[change.seq])


def overlooked(history: Iterable[Change], looks: Collection[datetime], resumed: datetime) -> bool:
    """Somebody paused it and let it go on before the daemon looked at it, or let it go on and it was paused again before
    that: it may not know that it ever went on."""
    paused = [change for change in history if change.kind == "pause"]
    before = [c.at for c in paused if c.at < resumed and not c.ours][-1:]
    again = [c.at for c in paused if c.at > resumed][:1]
    spans = [*((at, resumed) for at in before), *((resumed, at) for at in again)]
    return any(not any(first <= look <= last for look in looks) for first, last in spans)


def _change(record: Record, kind: str, asked: Mapping[int, datetime]) -> Change:
    before, at = _share(record["before"]), instant(record["at"])
    request = record.get("request")
    return Change(
        seq=record["seq"],
        at=at,
        key=_key(record),
        name=str(record["release"]),
        kind=kind,
        before_status=str(record["before"]["state"]),
        before_ppm=before,
        after_status=str(record["after"]["state"]),
        after_ppm=next_share(before) if kind == "step" else _share(record["after"]),
        ours=record["cause"] == "api" and request is not None,
        request=request,
        asked_at=asked.get(request, at) if request is not None else at,
    )


def _key(record: Record) -> Key:
    return Key(record["app"], record["store"], str(record["release_id"]))


def _kind(before: Record, after: Record) -> str:
    """The empty word for what is no act on this release: it was replaced, or its day went on."""
    if after["version_state"] == _REPLACED:
        return ""
    if before["state"] is None:
        return "prepare"
    if after["state"] is None:
        return "complete" if after["version_state"] == LIVE else "unplan"
    return _KINDS.get((before["state"], after["state"]), "")


def _share(view: Record) -> int:
    """Without a phased release a version that is out is everyone's."""
    state, day = view["state"], view["day"]
    if state == "COMPLETE" or (state is None and view["version_state"] == LIVE):
        return PPM_ALL
    if state in (None, "INACTIVE") or not day or day < 1:
        return 0
    return SHARES_PPM[min(day, len(SHARES_PPM)) - 1]
