"""The truth ledger understood: what people were offered, and who changed what in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tests.judge.evidence import Record
from tests.judge.terms import PPM_ALL

GOOGLE_PLAY = "google_play"
APP_STORE = "app_store"
RAISES = frozenset({"start", "raise", "resume", "complete", "step"})
LOWERINGS = frozenset({"halt", "lower", "pause"})


class Key(NamedTuple):
    """One release for ever; `id` is the highest version code (Play) or the version (App Store), as text."""

    app: str
    store: str
    id: str


_TRUE_ALL_THE_SAME = ("steps_now", "day_jumps")
"""Apple steps before it answers: what the answer shows is so."""


def undamaged(request: Record) -> bool:
    return not request.get("fault") or request["fault"] in _TRUE_ALL_THE_SAME


def shows_versions(request: Record, app_id: str) -> bool:
    """Whether it asks App Store Connect where the versions of this app stand. Who reads reviews asks in the middle of a
    pass what their ids are, by their names, and of nothing else."""
    fields = (request.get("query") or {}).get("fields[appStoreVersions]")
    asked = fields is None or any("State" in field for field in fields)
    return asked and request["path"].endswith(f"/apps/{app_id}/appStoreVersions")


@dataclass(frozen=True, slots=True)
class Served:
    """From `at` on the store really offers the release to `exposure_ppm` of its users.

    `status` and `review` are the store's own words; on the App Store the phased release's and the version's.
    `build` is the version code or build number.
    """

    seq: int
    at: datetime
    key: Key
    package: str
    track: str
    name: str
    build: str
    status: str
    exposure_ppm: int
    review: str
    cause: str
    request: int | None

    @property
    def paused(self) -> bool:
        """App Store: offered to its share, which does not grow."""
        return self.status == "PAUSED" and self.exposure_ppm > 0

    @property
    def grows(self) -> bool:
        """App Store: Apple will raise it by itself, a day from now at the latest."""
        return self.status == "ACTIVE" and 0 < self.exposure_ppm < PPM_ALL

    @property
    def unreleased(self) -> bool:
        """Nobody has rolled it out yet."""
        return self.status in ("draft", "INACTIVE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One release's desired state changed. `kind` is one of RAISES or LOWERINGS, or "none"; on the App Store
    also "prepare" and "unplan" (a phased release that nobody has yet was made, or dropped).

    `ours` says that the daemon did it; `request` is then the number of the request that did, sent at `asked_at`.
    Nobody is offered a draft or a halted release, so both stand at 0 ppm. A "step" only lets Apple raise:
    its `after_ppm` is where that leads.
    """

    seq: int
    at: datetime
    key: Key
    name: str
    kind: str
    before_status: str
    before_ppm: int
    after_status: str
    after_ppm: int
    ours: bool
    request: int | None
    asked_at: datetime


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def served(records: Iterable[Record]) -> dict[Key, list[Served]]:
    """For each release, what was offered of it, in order: its exposure over time."""
    histories: dict[Key, list[Served]] = {}
    for record in records:
        if record["type"] == "served":
            key = Key(record["app"], record["store"], str(record["release_id"]))
            histories.setdefault(key, []).append(_served(record, key))
    return histories


def _served(record: Record, key: Key) -> Served:
    return Served(
        seq=record["seq"],
        at=instant(record["at"]),
        key=key,
        package=str(record.get("package", "")),
        track=str(record.get("track", "")),
        name=str(record["release"]),
        build=str(record["version_code"]),
        status=record["status"],
        exposure_ppm=record["exposure_ppm"],
        review=review_word(record.get("review")),
        cause=str(record.get("cause", "")),
        request=record.get("request"),
    )


def changes(records: Iterable[Record], account: str) -> list[Change]:
    """Google Play: every change of a release in a track, in order. One that left the view is no change of it."""
    found: list[Change] = []
    for record in records:
        if record["type"] == "track":
            before = {release_id(raw): raw for raw in record["before"]}
            for raw in record["after"]:
                change = _change(record, before.get(release_id(raw)), raw, ours=is_ours(record, account))
                if change.before_status == "absent" and is_fallback(raw, record):
                    continue
                if change.kind != "none" or change.before_status != change.after_status:
                    found.append(change)
    return found


def is_ours(record: Record, account: str) -> bool:
    """A commit that really came in as a request, from our account where that is known. The story also
    plays the team's CI, which has an account of its own and sends no request."""
    by_api = record["cause"] == "api" and record.get("request") is not None
    return by_api and account in ("", record.get("account"))


def _change(record: Record, before: Record | None, after: Record, *, ours: bool) -> Change:
    before_status = str(before.get("status", "")) if before else "absent"
    after_status = str(after.get("status", ""))
    before_ppm, after_ppm = desired_ppm(before) if before else 0, desired_ppm(after)
    return Change(
        seq=record["seq"],
        at=instant(record["at"]),
        key=Key(record["app"], record["store"], release_id(after)),
        name=str(after.get("name", release_id(after))),
        kind=_kind((before_status, before_ppm), (after_status, after_ppm)),
        before_status=before_status,
        before_ppm=before_ppm,
        after_status=after_status,
        after_ppm=after_ppm,
        ours=ours,
        request=record.get("request"),
        asked_at=instant(record["at"]),
    )


def _kind(before: tuple[str, int], after: tuple[str, int]) -> str:
    """What a track's change of status and share means for the release."""
    if after[1] < before[1]:
        return "halt" if after[0] == "halted" else "lower"
    if after[1] == before[1]:
        return "none"
    if before[0] == "halted":
        return "resume"
    if before[0] != "inProgress":
        return "start"
    return "complete" if after[0] == "completed" else "raise"


def is_fallback(appeared: Record, record: Record) -> bool:
    """Halting a completed release brings into view, completed, the one that the store falls back to."""
    halted = {release_id(raw) for raw in record["after"] if raw.get("status") == "halted"}
    gave_way = any(raw.get("status") == "completed" and release_id(raw) in halted for raw in record["before"])
    return gave_way and appeared.get("status") == "completed"


def release_id(raw: Record) -> str:
    """The highest version code; a draft without one is known by its name."""
    codes = [int(code) for code in raw.get("versionCodes", ())]
    return str(max(codes)) if codes else str(raw.get("name", ""))


def desired_ppm(raw: Record) -> int:
    """What the track asks for, in ppm: a completed release is for everyone, a halted one for nobody new."""
    if raw.get("status") == "completed":
        return PPM_ALL
    if raw.get("status") != "inProgress":
        return 0
    return round(float(raw.get("userFraction", 0)) * PPM_ALL)


def age(key: Key) -> tuple[int, ...]:
    """Orders the releases of one app from old to new: version codes as numbers, versions part by part."""
    if key.store == GOOGLE_PLAY and not key.id.isdigit():
        return (-1,)
    return tuple(int(part) if part.isdigit() else 0 for part in key.id.split("."))


def review_word(state: Any) -> str:
    return str(state or "").removeprefix("RELEASE_LIFECYCLE_STATE_").upper()
