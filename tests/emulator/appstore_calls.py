"""Small callers that speak to an emulated App Store Connect in-process, as a client would over HTTP."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World
from tests.emulator.calls import Answer, Caller, control, entries

APP_ID = "6448311069"
APP = f"/v1/apps/{APP_ID}"
VERSIONS = "/v1/appStoreVersions"
PHASED = "/v1/appStoreVersionPhasedReleases"
REQUESTS = "/v1/appStoreVersionReleaseRequests"

STORY = """\
name: test
seed: 7
start: 2026-03-02T06:00:00Z
until: 60d
apps:
  - name: acme
    store: app_store
    package: com.acme.app
    app_id: "6448311069"
    population: 1000000
    %s
    releases:
      - {version: 5.1.0, code: 33310, crash_free: 99.8}
      - {version: 5.2.0, code: 33417, crash_free: 99.8, %s}
      - {version: 5.3.0, code: 33500, crash_free: 99.8}
%s
"""
IN_PHASES = "rolled_out: {at: 1h, review: 3h}"
BY_REQUEST = "submitted: {at: 1h, review: 3h, release_type: manual}"


def ios_scenario(release: str = IN_PHASES, rest: str = "", app: str = "") -> Scenario:
    """5.1.0 is out, 5.2.0 is live at 10:00 in phases, 5.3.0 is in preparation."""
    return parse_scenario(STORY % (app, release, rest), Path("test.yaml"))


class AppleCaller:
    """App Store Connect for one key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key_id, self.issuer, self.pem = world.credentials.new_app_store_key()

    def token(self, algorithm: str = "ES256", key: Any = None, **claims: Any) -> str:
        """A good token, unless `claims` say otherwise; None leaves a claim out."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": "appstoreconnect-v1", "iat": now, "exp": now + 900}
        told = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(told, key or self.pem, algorithm=algorithm, headers={"kid": self.key_id})

    def __call__(self, method: str, target: str, body: Any = None) -> Answer:
        return Caller(self.world, self.token())(method, target, body)

    def get(self, target: str) -> Any:
        answer = self("GET", target)
        assert answer.status == 200, answer.body
        return answer.document

    def version(self, version: str = "5.2.0") -> dict[str, Any]:
        found = self.get(f"{APP}/appStoreVersions?filter[versionString]={version}")["data"]
        return dict(found[0])

    def state(self, version: str = "5.2.0") -> str:
        return str(self.version(version)["attributes"]["appVersionState"])

    def phased(self, version: str = "5.2.0") -> dict[str, Any] | None:
        """The phased release's attributes and id."""
        path = f"{VERSIONS}/{self.version(version)['id']}/appStoreVersionPhasedRelease"
        data = self.get(path)["data"]
        return None if data is None else {**data["attributes"], "id": data["id"]}

    def day(self, version: str = "5.2.0") -> tuple[str, int]:
        phased = self.phased(version) or {}
        return phased["phasedReleaseState"], phased["currentDayNumber"]

    def turn(self, state: Any, version: str = "5.2.0") -> Answer:
        """PATCH the phased release to a state."""
        phased = self.phased(version) or {}
        data = {
            "type": "appStoreVersionPhasedReleases",
            "id": phased["id"],
            "attributes": {"phasedReleaseState": state},
        }
        return self("PATCH", f"{PHASED}/{phased['id']}", {"data": data})

    def plan(self, version: str, **attributes: Any) -> Answer:
        """POST a phased release for a version."""
        return self("POST", PHASED, self._about("appStoreVersionPhasedReleases", version, attributes))

    def release(self, version: str = "5.2.0") -> Answer:
        """POST a release request."""
        return self("POST", REQUESTS, self._about("appStoreVersionReleaseRequests", version, {}))

    def _about(self, kind: str, version: str, attributes: dict[str, Any]) -> dict[str, Any]:
        related = {"data": {"type": "appStoreVersions", "id": self.version(version)["id"]}}
        more = {"attributes": attributes} if attributes else {}
        return {"data": {"type": kind, **more, "relationships": {"appStoreVersion": related}}}


def apple_at(hours: float, release: str = IN_PHASES, rest: str = "", app: str = "") -> AppleCaller:
    """App Store Connect so many hours into the story."""
    world = World(ios_scenario(release, rest, app))
    world.timeline.advance(world.timeline.now + timedelta(hours=hours))
    return AppleCaller(world)


def wait(apple: AppleCaller, **span: float) -> None:
    timeline = apple.world.timeline
    timeline.advance(timeline.now + timedelta(**span))


def offered(apple: AppleCaller, version: str = "5.2.0") -> tuple[str, int]:
    """What people get of a version, by the ledger."""
    told = [entry for entry in entries(apple.world, "served") if entry["release"] == version][-1]
    return told["status"], told["exposure_ppm"]


def phases(apple: AppleCaller, version: str = "5.2.0") -> list[tuple[str, str, Any]]:
    """Day and hour, cause, and what the phased release became, by the ledger."""
    return [
        (entry["at"][8:16], entry["cause"], (entry["after"]["state"], entry["after"]["day"]))
        for entry in entries(apple.world, "phased")
        if entry["release"] == version
    ]


def act(apple: AppleCaller, name: str, **more: Any) -> Answer:
    return control(apple.world, "POST", "console", {"app": "acme", "act": name, **more})


def error(answer: Answer) -> dict[str, Any]:
    return dict(answer.document["errors"][0])


def path_of(url: str) -> str:
    """What is to be asked for to follow a link."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
