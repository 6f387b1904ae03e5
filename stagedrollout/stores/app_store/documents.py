"""What an answer of App Store Connect says, resource by resource, believing no more than is written there.

Unknown attributes are left alone and unknown words kept as they are; an answer of the wrong shape is a fault,
never a guess. A phased release can be absent for three reasons, and only one of them means that there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from stagedrollout.core.errors import Faulty
from stagedrollout.stores.app_store.errors import SERVICE

PHASED = "appStoreVersionPhasedRelease"

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_NUMBER_CHARS_MAX = 60
_RENAMED = {
    "READY_FOR_SALE": "READY_FOR_DISTRIBUTION",
    "PROCESSING_FOR_APP_STORE": "PROCESSING_FOR_DISTRIBUTION",
}
"""What the deprecated `appStoreState` calls differently (section 5)."""


@dataclass(frozen=True, slots=True)
class Phased:
    """A phased release. `day` is None where Apple tells none."""

    id: str
    word: str
    day: int | None


class Absence(Enum):
    """Why there is no phased release to see. UNSAID: it must be asked for. LOST: it is named, but not shown."""

    NONE = "none"
    UNSAID = "unsaid"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the iOS app. `id` is App Store Connect's, `number` what people call it.

    `state` is its appVersionState, `old_state` the deprecated appStoreState, which still tells of removals.
    """

    id: str
    number: str
    state: str
    old_state: str
    build: str
    created: datetime | None
    phased: Phased | Absence


Included = Mapping[tuple[str, str], Mapping[str, Any]]
"""The resources that came along, by type and id."""


def versions_of(document: Mapping[str, Any]) -> list[Version]:
    """The iOS versions on one page, in its order. Raises Faulty for another shape."""
    data, included = document.get("data"), _included(document)
    if not isinstance(data, list):
        raise _unreadable("no list of versions")
    return [_version(item, included) for item in map(_resource, data) if _is_ios(item)]


def phased_of(document: Mapping[str, Any]) -> Phased | Absence:
    """The phased release of one version, asked for by itself. Raises Faulty for another shape."""
    if "data" not in document:
        raise _unreadable("nothing about a phased release")
    data = document["data"]
    return Absence.NONE if data is None else _phased(_resource(data))


def _included(document: Mapping[str, Any]) -> Included:
    items = document.get("included", [])
    if not isinstance(items, list):
        raise _unreadable("no list of what was included")
    return {(_text(item, "type"), _id(item)): item for item in map(_resource, items)}


def _version(item: Mapping[str, Any], included: Included) -> Version:
    about = _attributes(item)
    number, old_state = _text(about, "versionString"), _text(about, "appStoreState")
    if not number or len(number) > _NUMBER_CHARS_MAX or not number.isprintable() or " " in number:
        raise _unreadable("a version without a number")
    return Version(
        id=_id(item),
        number=number,
        state=_text(about, "appVersionState") or _RENAMED.get(old_state, old_state),
        old_state=old_state,
        build=_build(item, included),
        created=_instant(_text(about, "createdDate")),
        phased=_phased_release(item, included),
    )


def _is_ios(item: Mapping[str, Any]) -> bool:
    return _text(_attributes(item), "platform") in ("IOS", "")


def _build(item: Mapping[str, Any], included: Included) -> str:
    named = _related(item, "build")
    found = included.get(named) if isinstance(named, tuple) else None
    number = _text(_attributes(found), "version") if found else ""
    return number if number.isprintable() else ""


def _phased_release(item: Mapping[str, Any], included: Included) -> Phased | Absence:
    named = _related(item, PHASED)
    if isinstance(named, Absence):
        return named
    found = included.get(named)
    return _phased(found) if found is not None else Absence.LOST


def _phased(item: Mapping[str, Any]) -> Phased:
    about = _attributes(item)
    day = about.get("currentDayNumber")
    known = isinstance(day, int) and not isinstance(day, bool)
    return Phased(_id(item), _text(about, "phasedReleaseState"), day if known else None)


def _related(item: Mapping[str, Any], name: str) -> tuple[str, str] | Absence:
    """Type and id of the one resource behind a relationship."""
    relations = item.get("relationships")
    relation = relations.get(name) if isinstance(relations, dict) else None
    if not isinstance(relation, dict) or "data" not in relation:
        return Absence.UNSAID
    if relation["data"] is None:
        return Absence.NONE
    named = _resource(relation["data"])
    return _text(named, "type"), _id(named)


def _resource(item: Any) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise _unreadable("a resource that is none")
    return item


def _attributes(item: Mapping[str, Any]) -> Mapping[str, Any]:
    about = item.get("attributes")
    return about if isinstance(about, dict) else {}


def _id(item: Mapping[str, Any]) -> str:
    """The id, which will be part of a path: letters and digits, or it is no id."""
    value = item.get("id")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _unreadable("a resource without an id")
    return value


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _instant(text: str) -> datetime | None:
    """Apple writes `…Z` as well as `…-08:00` (section 3)."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _unreadable(what: str) -> Faulty:
    return Faulty(SERVICE, "reading the versions", f"the answer has {what}", status=200)
