"""Small callers that speak to a world in-process, as a client would over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from stagedrollout.emulator.request import Request
from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World

PACKAGE = "com.acme.app"
NEW = "com.acme.app@5.2.0+5020"
OLD = "com.acme.app@5.1.0+5010"
CRASH_FREE = "crash_free_rate(session)"
FIELDS = ["sum(session)", "count_unique(user)", CRASH_FREE, "crash_free_rate(user)"]

STORY = """\
name: test
seed: 7
start: 2026-03-02T06:00:00Z
until: 12d
apps:
  - name: acme
    package: com.acme.app
    population: 2000000
    uptake_hours: 12
    review: 2h
    releases:
      - {version: 5.1.0, code: 5010, crash_free: 99.8}
      - {version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {at: 1h, percent: 1, review: 3h}, %s}
      - {version: 5.3.0, code: 5030, crash_free: 99.8}
%s
"""


def scenario(release: str = "", rest: str = "") -> Scenario:
    """5.1.0 is out, CI rolls 5.2.0 out at 07:00 (published at 10:00), 5.3.0 is a draft."""
    return parse_scenario(STORY % (release, rest), Path("test.yaml"))


def world_at(hours: float, release: str = "", rest: str = "") -> World:
    world = World(scenario(release, rest))
    pass_time(world, hours)
    return world


def pass_time(world: World, hours: float) -> None:
    world.timeline.advance(world.timeline.now + timedelta(hours=hours))


def entries(world: World, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in world.ledger.entries if entry["type"] == kind]


def served(world: World, code: int) -> dict[str, Any]:
    """What people get of a release now, by the ledger."""
    return [entry for entry in entries(world, "served") if entry["version_code"] == code][-1]


def staged(code: int, fraction: float, **more: Any) -> dict[str, Any]:
    return {"versionCodes": [str(code)], "status": "inProgress", "userFraction": fraction, **more}


def halted(code: int, **more: Any) -> dict[str, Any]:
    return {"versionCodes": [str(code)], "status": "halted", **more}


def completed(code: int, **more: Any) -> dict[str, Any]:
    return {"versionCodes": [str(code)], "status": "completed", **more}


class Answer:
    """A response, read."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.document["error"]["message"])


class Caller:
    """`bearer` "" sends no token at all."""

    def __init__(self, world: World, bearer: str) -> None:
        self.world = world
        self.bearer = bearer

    def __call__(self, method: str, target: str, body: Any = None) -> Answer:
        headers = {"content-type": "application/json"}
        if self.bearer:
            headers["Authorization"] = f"Bearer {self.bearer}"
        sent = b"" if body is None else json.dumps(body).encode()
        response = self.world.handle(Request.to(method, target, headers=headers, body=sent))
        return Answer(response.status, response.body, dict(response.headers))


class PlayCaller:
    """The publisher API for one account."""

    root = f"/androidpublisher/v3/applications/{PACKAGE}"

    def __init__(self, world: World, account: str = "ours@example.invalid") -> None:
        self.world = world
        self.call = Caller(world, world.credentials.issue(account))

    def insert(self) -> str:
        return str(self.call("POST", f"{self.root}/edits", {}).document["id"])

    def get(self, edit: str, track: str = "production") -> Answer:
        return self.call("GET", f"{self.root}/edits/{edit}/tracks/{track}")

    def releases(self, edit: str, track: str = "production") -> list[dict[str, Any]]:
        return list(self.get(edit, track).document["releases"])

    def put(self, edit: str, *releases: dict[str, Any], track: str = "production") -> Answer:
        body = {"track": track, "releases": list(releases)}
        return self.call("PUT", f"{self.root}/edits/{edit}/tracks/{track}", body)

    def commit(self, edit: str, **query: str) -> Answer:
        return self.call("POST", f"{self.root}/edits/{edit}:commit?{urlencode(query)}")

    def verb(self, edit: str, verb: str) -> Answer:
        return self.call("POST", f"{self.root}/edits/{edit}:{verb}")

    def change(self, *releases: dict[str, Any], **query: str) -> Answer:
        """One whole edit: insert, update, commit; the answer of the first step that is refused."""
        edit = self.insert()
        answer = self.put(edit, *releases)
        return self.commit(edit, **query) if answer.status == 200 else answer

    def now(self) -> list[tuple[str, str, float | None]]:
        """Code, status and fraction of each release on production."""
        return [
            (release["versionCodes"][0], release["status"], release.get("userFraction"))
            for release in self.releases(self.insert())
        ]

    def lifecycle(self) -> dict[str, str]:
        """The review state of each listed release by name."""
        listed = self.call("GET", f"{self.root}/tracks/production/releases").document.get("releases", [])
        return {
            release["releaseName"]: release["releaseLifecycleState"].removeprefix("RELEASE_LIFECYCLE_STATE_")
            for release in listed
        }


def sessions(world: World, **more: Any) -> Answer:
    """GET /sessions/ for both releases over a day, unless said otherwise; None leaves a parameter out."""
    asked = {
        "field": FIELDS,
        "groupBy": "release",
        "project": "acme",
        "environment": "production",
        "statsPeriod": "24h",
        "interval": "1h",
        "query": f'release:["{NEW}","{OLD}"]',
        **more,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None}, doseq=True)
    call = Caller(world, world.credentials.sentry_token)
    return call("GET", f"/api/0/organizations/acme/sessions/?{query}")


def group(answer: Answer, release: str) -> dict[str, Any]:
    return next(group for group in answer.document["groups"] if group["by"]["release"] == release)


def slack(world: World, method: str, **arguments: Any) -> dict[str, Any]:
    call = Caller(world, world.credentials.slack_token)
    return dict(call("POST", f"/slack/api/{method}", arguments).document)


def control(world: World, method: str, name: str, body: Any = None) -> Answer:
    return Caller(world, "")(method, f"/_emulator/{name}", body)
