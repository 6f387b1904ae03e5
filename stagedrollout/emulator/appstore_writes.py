"""What may be written through App Store Connect's API, and every 409 on the way (sections 6 to 9).

A check comes first and raises; only then is anything done. A "late_write" is checked now, answered with
504 at once, and done 90 seconds of virtual time later, if it still may be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.emulator import appstore_errors as no
from stagedrollout.emulator.appstore_availability import TERRITORIES, entry, territory_of
from stagedrollout.emulator.appstore_documents import PHASED, VERSIONS, Writer
from stagedrollout.emulator.appstore_state import (
    COMPLETE,
    INACTIVE,
    PAUSED,
    PENDING,
    PHASED_MAY_BE_PLANNED,
    PHASED_STATES,
    RELEASE_TYPE_MAY_CHANGE,
    AppStoreApp,
    Phased,
    Version,
)
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.author import Author
from stagedrollout.emulator.clock import instant
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

REQUESTS = "appStoreVersionReleaseRequests"
LATE = timedelta(seconds=90)
RELEASE_TYPES = ("MANUAL", "AFTER_APPROVAL", "SCHEDULED")
Data = dict[str, Any]


class Writes:
    """Each answers one operation, or raises AppStoreError with nothing changed."""

    def __init__(self, store: AppStoreStore) -> None:
        self._store = store

    def create_phased(self, call: Call, writer: Writer) -> Reply:
        data = _data(call, PHASED)
        app, version = self._related(data)
        state = _attribute(data, "phasedReleaseState")
        if state not in (None, INACTIVE):
            raise no.wrong_value(state, (INACTIVE,), no.STATE_POINTER["pointer"])
        if version.phased is not None:
            raise no.already_there()
        if version.first:
            raise no.first_version()
        late = version.state == PENDING and self._store.switches().phased_while_pending == "refused"
        if late or version.state not in PHASED_MAY_BE_PLANNED:
            raise no.version_not_ready(no.VERSION_POINTER)
        phased = self._store.plan_phases(app, version, _author(call))
        return Reply(201, writer.one(writer.phased(phased)), applied=True)

    def update_phased(self, call: Call, writer: Writer, phased_id: str) -> Reply:
        data = _data(call, PHASED, phased_id)
        app, version, phased = self._phased(phased_id)
        wanted = _attribute(data, "phasedReleaseState")
        if wanted is None:
            return Reply(document=writer.one(writer.phased(phased)), applied=False)
        if wanted not in PHASED_STATES:
            raise no.wrong_value(wanted, PHASED_STATES, no.STATE_POINTER["pointer"])
        self._check_turn(version, wanted)
        if wanted == INACTIVE:
            return Reply(document=writer.one(writer.phased(phased)), applied=False)

        def turn() -> None:
            self._check_turn(version, wanted)
            self._store.ramp.turn(app, version, wanted, _author(call))

        if call.trouble == "late_write":
            return self._late(turn)
        turn()
        told = writer.phased(phased)
        if call.trouble == "pause_ignored" and wanted == PAUSED:
            self._store.ramp.step_on(app, version)
        return Reply(document=writer.one(told), applied=True)

    def delete_phased(self, call: Call, _: Writer, phased_id: str) -> Reply:
        app, version, phased = self._phased(phased_id)
        refused = self._store.switches().phased_delete_after_start == "refused"
        if phased.state == COMPLETE or (phased.state != INACTIVE and refused):
            raise no.already_started()
        self._store.ramp.drop(app, version, _author(call))
        return Reply(204, applied=True)

    def request_release(self, call: Call, writer: Writer) -> Reply:
        app, version = self._related(_data(call, REQUESTS))

        def release() -> None:
            if version.state != PENDING:
                raise no.version_not_ready(no.VERSION_POINTER)
            self._store.release(app, version, _author(call))

        if call.trouble == "late_write":
            if version.state != PENDING:
                raise no.version_not_ready(no.VERSION_POINTER)
            return self._late(release)
        release()
        resource = {"type": REQUESTS, "id": self._store.new_id(app.id, "release request")}
        return Reply(201, writer.one(resource), applied=True)

    def update_version(self, call: Call, writer: Writer, version_id: str) -> Reply:
        """Only releaseType and earliestReleaseDate: nothing else of a version concerns a release daemon."""
        data = _data(call, VERSIONS, version_id)
        app, version = self._version(version_id)
        kind, earliest = _attribute(data, "releaseType"), _attribute(data, "earliestReleaseDate")
        if kind is not None and kind not in RELEASE_TYPES:
            raise no.wrong_value(kind, RELEASE_TYPES, "/data/attributes/releaseType")
        date = _date(earliest)
        for name, value in (("releaseType", kind), ("earliestReleaseDate", earliest)):
            if value is not None and version.state not in RELEASE_TYPE_MAY_CHANGE:
                raise no.not_modifiable(name)
        changed = kind is not None or date is not None
        version.release_type = kind or version.release_type
        version.earliest = date or version.earliest
        return Reply(document=writer.one(writer.version(app, version)), applied=changed)

    def update_territory(self, call: Call, writer: Writer, name: str) -> Reply:
        """Whether one territory sells the app. Dates and pre-orders concern no release daemon."""
        data = _data(call, TERRITORIES, name)
        place = territory_of(name)
        app = self._store.app(place[0]) if place else None
        if place is None or app is None:
            raise no.not_found(TERRITORIES, name)
        wanted = _attribute(data, "available")
        if wanted is not None and not isinstance(wanted, bool):
            raise no.wrong_value(wanted, ("true", "false"), "/data/attributes/available")
        changed = wanted is not None and self._store.sell(app, place[1], _author(call), available=wanted)
        return Reply(document=writer.one(entry(writer, app, place[1])), applied=changed)

    def _check_turn(self, version: Version, wanted: str) -> None:
        """The order of the checks is not documented."""
        phased = version.phased
        if phased is None or not version.live or phased.frozen:
            raise no.not_in_this_version_state()
        if phased.state == COMPLETE:
            raise no.final_state()
        if phased.state == wanted:
            raise no.same_value()
        if wanted == INACTIVE and self._store.switches().phased_patch_inactive == "refused":
            raise no.not_inactive_again()

    def _late(self, deed: Callable[[], None]) -> Reply:
        def land() -> None:
            try:
                deed()
            except no.AppStoreError:
                return

        self._store.timeline.at(self._store.timeline.now + LATE, land)
        return no.gateway_timeout(applied=True)

    def _version(self, version_id: str) -> tuple[AppStoreApp, Version]:
        found = self._store.find_version(version_id)
        if found is None:
            raise no.not_found(VERSIONS, version_id)
        return found

    def _phased(self, phased_id: str) -> tuple[AppStoreApp, Version, Phased]:
        found = self._store.find_phased(phased_id)
        if found is None or found[1].phased is None:
            raise no.not_found(PHASED, phased_id)
        app, version = found
        return app, version, found[1].phased

    def _related(self, data: Data) -> tuple[AppStoreApp, Version]:
        """The version that the body's relationship names."""
        match data.get("relationships"):
            case {"appStoreVersion": {"data": {"type": "appStoreVersions", "id": str() as version_id}}}:
                return self._version(version_id)
            case _:
                pointer = no.VERSION_POINTER["pointer"]
                raise no.malformed("The relationship 'appStoreVersion' is required", pointer)


def _author(call: Call) -> Author:
    return Author("api", "", call.seq)


def _data(call: Call, kind: str, name: str | None = None) -> Data:
    """The resource in the body. Raises AppStoreError (422) where it is none, or another one."""
    try:
        body = call.request.json()
    except ValueError:
        raise no.malformed("The request body is not JSON", "") from None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or data.get("type") != kind:
        raise no.malformed(f"The body must hold a resource of type '{kind}'")
    if name is not None and data.get("id") != name:
        raise no.malformed("The id in the body is not the id in the path", "/data/id")
    return data


def _attribute(data: Data, name: str) -> Any:
    attributes = data.get("attributes")
    return attributes.get(name) if isinstance(attributes, dict) else None


def _date(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return instant(value) if isinstance(value, str) else _no_date(value)
    except (ValueError, OverflowError):
        return _no_date(value)


def _no_date(value: Any) -> datetime:
    raise no.wrong_value(value, ("a date with time and offset",), "/data/attributes/earliestReleaseDate")
