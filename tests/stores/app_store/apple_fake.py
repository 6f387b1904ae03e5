"""An App Store Connect small enough to hold in one's head, at the HTTP seam: what it was asked and told.

It keeps the versions of one app, obeys app-store-connect.md sections 3 to 8, and can be told to fail at any
step: with a recorded answer, with an exception, before or after the step took effect.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from apple_recordings import (
    AGREEMENT,
    BROKEN,
    FINAL,
    HTML,
    NO_SUCH_PHASED,
    NOT_LIVE,
    SAME,
    STATE_ERROR,
    THROTTLED,
    UNAUTHORIZED,
    Answer,
    error,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stagedrollout.core.model import Change, Outcome, StoreRelease, StoreState, Verb
from stagedrollout.core.phasing import FIRST_SHARE_PPM
from stagedrollout.core.units import PPM_ALL
from stagedrollout.http.client import in_process
from stagedrollout.stores.app_store import ApiKey, AppStore, AppStoreClient

__all__ = [
    "AGREEMENT",
    "BROKEN",
    "FINAL",
    "HTML",
    "NOT_LIVE",
    "SAME",
    "STATE_ERROR",
    "THROTTLED",
    "UNAUTHORIZED",
    "Answer",
    "error",
]

BASE = "https://api.appstoreconnect.apple.com"
APP = "6448311069"
KEY_ID = "2X9R4HXF34"
ISSUER = "57246542-96fe-1a63-e053-0824d011072a"
BUNDLE = "com.acme.app"
TERRITORIES = ("DEU", "JPN", "USA")
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

OLD = "5.11.0"
NEW = "5.12.0"
PHASED_ID = "4f6f0c1e-3a52-4b8f-9a51-0d1f7f6f2a10"
LIMIT = {"x-rate-limit": "user-hour-lim:3500;user-hour-rem:3400;"}


@dataclass
class FakeVersion:
    number: str
    state: str = "READY_FOR_DISTRIBUTION"
    phased: str | None = "ACTIVE"
    day: int | None = 3
    build: str | None = "33417"
    old_state: str = "READY_FOR_SALE"
    created: str | None = "2026-02-24T03:02:46-08:00"
    anew: str = ""
    """The id of its phased release, made anew by somebody; "": the first one's."""

    @property
    def id(self) -> str:
        return "version-" + self.number.replace(".", "-")

    @property
    def phased_id(self) -> str:
        if self.anew:
            return self.anew
        return PHASED_ID if self.number == NEW else "phased-" + self.number.replace(".", "-")


@dataclass(frozen=True)
class Fault:
    what: Answer | Exception
    after: bool = False


@dataclass(frozen=True)
class Call:
    step: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


def old() -> FakeVersion:
    return FakeVersion(
        OLD,
        "REPLACED_WITH_NEW_VERSION",
        "COMPLETE",
        7,
        "33001",
        "REPLACED_WITH_NEW_VERSION",
        "2026-01-20T10:00:00Z",
    )


class FakeApple:
    """`versions` is the truth, newest first. `releases_to` is the state a release request leads to."""

    def __init__(self, *versions: FakeVersion, page: int = 50) -> None:
        self.versions = [copy.deepcopy(version) for version in versions]
        self.calls: list[Call] = []
        self.page = page
        self.headers = dict(LIMIT)
        self.releases_to = "PROCESSING_FOR_DISTRIBUTION"
        self.shape: Callable[[dict[str, Any]], None] = lambda document: None
        self.phased_missing: Answer | None = None
        self.sold = dict.fromkeys(TERRITORIES, True)
        self.happens: Callable[[str], None] = lambda step: None
        self._faults: dict[str, list[Fault]] = {}

    def version(self, number: str = NEW) -> FakeVersion:
        return next(version for version in self.versions if version.number == number)

    def fails(self, step: str, what: Answer | Exception, *, after: bool = False, times: int = 1) -> None:
        self._faults.setdefault(step, []).extend([Fault(what, after=after)] * times)

    @property
    def steps(self) -> list[str]:
        return [call.step for call in self.calls]

    @property
    def writes(self) -> list[str]:
        return [step for step in self.steps if step in ("patch", "create", "release", "remove")]

    def handle(self, method: str, path: str, query: str, headers: Any, body: bytes) -> Any:
        step = _step(method, path)
        document = json.loads(body) if body else None
        self.calls.append(Call(step, path, parse_qs(query), document, dict(headers)))
        self.happens(step)
        fault = self._faults[step].pop(0) if self._faults.get(step) else None
        answer = self._answered(step, path, document) if fault is None or fault.after else None
        what = fault.what if fault else answer
        if isinstance(what, Exception):
            raise what
        assert what is not None
        return what.status, {**self.headers, **what.headers}, what.body

    def _answered(self, step: str, path: str, body: Any) -> Answer:
        match step:
            case "list":
                return self._list()
            case "phased":
                return self._phased_of(path)
            case "patch":
                return self._patched(path.rsplit("/", 1)[1], body["data"]["attributes"]["phasedReleaseState"])
            case "create":
                return self._created(_version_of(body))
            case "release":
                return self._released(_version_of(body))
            case "availability":
                return _json(
                    {"data": {"type": "appAvailabilities", "id": APP, "attributes": {}}, "links": {}}
                )
            case "territories":
                return _json(
                    {"data": [_territory(code, sold) for code, sold in self.sold.items()], "links": {}}
                )
            case "remove":
                self.sold[body["data"]["id"].removeprefix("in-")] = body["data"]["attributes"]["available"]
                return _json({"data": body["data"], "links": {}})
            case "app":
                about = {"name": "Acme Shop", "bundleId": BUNDLE}
                return _json({"data": {"type": "apps", "id": APP, "attributes": about}, "links": {}})
            case _:
                return _json({"data": [], "links": {"self": BASE + path}})

    def _list(self) -> Answer:
        query = self.calls[-1].query
        start = int(query.get("cursor", ["0"])[0])
        shown = self.versions[start : start + self.page]
        links = {"self": f"{BASE}/v1/apps/{APP}/appStoreVersions"}
        if start + self.page < len(self.versions):
            links["next"] = f"{links['self']}?cursor={start + self.page}&limit={self.page}"
        included = [one for version in shown for one in _included(version)]
        document = {
            "data": [_resource(version) for version in shown],
            "included": included,
            "links": links,
            "meta": {"paging": {"total": len(self.versions), "limit": self.page}},
        }
        self.shape(document)
        return _json(document)

    def _phased_of(self, path: str) -> Answer:
        version = next(one for one in self.versions if f"/{one.id}/" in path)
        if version.phased is None:
            return self.phased_missing or _json({"data": None, "links": {}})
        return _json({"data": _phased(version), "links": {}})

    def _patched(self, phased_id: str, word: str) -> Answer:
        version = next((one for one in self.versions if one.phased and one.phased_id == phased_id), None)
        if version is None:
            return NO_SUCH_PHASED
        if version.phased == "COMPLETE":
            return FINAL
        if version.state != "READY_FOR_DISTRIBUTION":
            return NOT_LIVE
        if version.phased == word:
            return SAME
        version.phased = word
        return _json({"data": _phased(version)})

    def _created(self, version_id: str) -> Answer:
        version = next(one for one in self.versions if one.id == version_id)
        if version.phased is not None or len(self.versions) == 1:
            return STATE_ERROR
        version.phased, version.day = "INACTIVE", 0
        return Answer(201, json.dumps({"data": _phased(version)}).encode())

    def _released(self, version_id: str) -> Answer:
        version = next(one for one in self.versions if one.id == version_id)
        if version.state != "PENDING_DEVELOPER_RELEASE":
            return STATE_ERROR
        version.state = self.releases_to
        if version.state == "READY_FOR_DISTRIBUTION" and version.phased:
            version.phased, version.day = "ACTIVE", 1
        return Answer(201, b'{"data":{"type":"appStoreVersionReleaseRequests","id":"r"},"links":{}}')


def _step(method: str, path: str) -> str:
    match method, path.split("/")[2:]:
        case "GET", ["apps", _, "appStoreVersions"]:
            return "list"
        case "GET", ["appStoreVersions", _, "appStoreVersionPhasedRelease"]:
            return "phased"
        case "PATCH", ["appStoreVersionPhasedReleases", _]:
            return "patch"
        case "POST", ["appStoreVersionPhasedReleases"]:
            return "create"
        case "POST", ["appStoreVersionReleaseRequests"]:
            return "release"
        case "GET", ["apps", _]:
            return "app"
        case "GET", ["apps", _, "appAvailabilityV2"]:
            return "availability"
        case "GET", ["appAvailabilities", _, "territoryAvailabilities"]:
            return "territories"
        case "PATCH", ["territoryAvailabilities", _]:
            return "remove"
        case "GET", [*_, "customerReviews"]:
            return "reviews"
        case _:
            raise AssertionError(f"nobody should ask {method} {path}")


def _territory(code: str, sold: bool) -> dict[str, Any]:
    about = {"available": sold, "contentStatuses": ["AVAILABLE" if sold else "CANNOT_SELL"]}
    place = {"territory": {"data": {"type": "territories", "id": code}}}
    return {
        "type": "territoryAvailabilities",
        "id": f"in-{code}",
        "attributes": about,
        "relationships": place,
    }


def _version_of(body: Any) -> str:
    return str(body["data"]["relationships"]["appStoreVersion"]["data"]["id"])


def _resource(version: FakeVersion) -> dict[str, Any]:
    here = f"{BASE}/v1/appStoreVersions/{version.id}"
    build = {"type": "builds", "id": f"build-{version.id}"} if version.build else None
    phased = {"type": "appStoreVersionPhasedReleases", "id": version.phased_id} if version.phased else None
    return {
        "type": "appStoreVersions",
        "id": version.id,
        "attributes": {
            "platform": "IOS",
            "versionString": version.number,
            "appStoreState": version.old_state,
            "appVersionState": version.state,
            "createdDate": version.created,
        },
        "relationships": {
            "build": {"data": build, "links": {"related": f"{here}/build"}},
            "appStoreVersionPhasedRelease": {"data": phased, "links": {"related": f"{here}/x"}},
        },
        "links": {"self": here},
    }


def _included(version: FakeVersion) -> list[dict[str, Any]]:
    found = []
    if version.build:
        found.append(
            {"type": "builds", "id": f"build-{version.id}", "attributes": {"version": version.build}}
        )
    return [*found, _phased(version)] if version.phased else found


def _phased(version: FakeVersion) -> dict[str, Any]:
    about = {
        "phasedReleaseState": version.phased,
        "startDate": "2026-03-02T09:14:22Z",
        "totalPauseDuration": 0,
        "currentDayNumber": version.day,
    }
    return {"type": "appStoreVersionPhasedReleases", "id": version.phased_id, "attributes": about}


def _json(document: Any) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"content-type": "application/json"})


class Ticking:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


@cache
def private_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: Any = None) -> str:
    return (
        (key or private_key())
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )


def client_of(
    fake: FakeApple, *, clock: Ticking | None = None, wall: Callable[[], float] | None = None
) -> AppStoreClient:
    return AppStoreClient(
        ApiKey(pem(), KEY_ID, ISSUER),
        clock=clock or Ticking(),
        transport=in_process(fake.handle),
        wall=wall or NOW.timestamp,
    )


def store(fake: FakeApple, client: AppStoreClient | None = None) -> AppStore:
    return AppStore(app_id=APP, client=client or client_of(fake), clock=Ticking())


def shown(state: StoreState, number: str = NEW) -> StoreRelease:
    found = state.find(number)
    assert found is not None
    return found


SHARES = {Verb.COMPLETE: PPM_ALL, Verb.STEP: 100_000, Verb.START: FIRST_SHARE_PPM, Verb.RAISE: 200_000}


def change(verb: Verb, exposure_ppm: int | None = None) -> Change:
    return Change(verb, NEW, SHARES.get(verb, 50_000) if exposure_ppm is None else exposure_ppm)


def applied(port: AppStore, wish: Change, clearance: Callable[[], None] = lambda: None) -> Outcome:
    """Look, and apply what is wished to what was seen."""
    return port.apply(wish, port.read().fingerprint, clearance)
