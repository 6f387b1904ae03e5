"""An app on both stores: how a scenario tells it, what the ledger has of it, and its configuration."""

from __future__ import annotations

import json
import stat
import time
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from ruamel.yaml import YAML

from stagedrollout.emulator.errors import ScenarioError
from stagedrollout.emulator.scenario_file import load_scenario, parse_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import write_config
from tests.emulator.appstore_calls import APP_ID, IN_PHASES, STORY, AppleCaller, ios_scenario
from tests.emulator.calls import control, entries

BOTH = """\
name: both
start: 2026-03-02T06:00:00Z
until: 12d
apps:
  - name: acme
    package: com.acme.app
    population: 2000000
    releases:
      - {version: 5.1.0, code: 5010, crash_free: 99.8}
      - {version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {at: 1h, percent: 1, review: 3h}}
  - name: acme
    store: app_store
    package: com.acme.app
    population: 1000000
    releases:
      - {version: 5.1.0, code: 33310, crash_free: 99.8}
      - {version: 5.2.0, code: 33417, crash_free: 99.8, rolled_out: {at: 2h}, onset: {at: 3d, crash_free: 90}}
people:
  - {at: 30h, app: acme, act: halt}
  - {at: 31h, app: acme, store: app_store, act: pause}
"""


def problems(source: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(source, Path("s.yaml"))
    return str(caught.value)


def both() -> World:
    return World(parse_scenario(BOTH, Path("both.yaml")))


def test_one_app_on_both_stores_is_two_listings_of_one_name():
    world = both()
    play, apple = world.ledger.entries[0]["apps"]
    assert (play["app"], play["store"], play["track"], play["app_id"]) == (
        "acme",
        "google_play",
        "production",
        "",
    )
    assert (apple["app"], apple["store"], apple["track"]) == ("acme", "app_store", "")
    assert len(apple["app_id"]) == 10
    assert apple["app_id"] == both().ledger.entries[0]["apps"][1]["app_id"]


def test_an_act_without_a_store_is_meant_for_google_play_where_the_app_is_there():
    world = both()
    world.timeline.advance(world.scenario.start + timedelta(hours=40))
    assert [(e["store"], e["act"]) for e in entries(world, "console")] == [
        ("google_play", "halt"),
        ("app_store", "pause"),
    ]
    last = {e["store"]: (e["release_id"], e["status"]) for e in entries(world, "served")}
    assert last == {"google_play": ("5020", "halted"), "app_store": ("5.2.0", "PAUSED")}
    assert control(world, "POST", "console", {"app": "acme", "act": "resume"}).status == 400
    resumed = {"app": "acme", "act": "resume", "store": "app_store"}
    assert control(world, "POST", "console", resumed).status == 200


def test_the_ledger_has_served_releases_of_both_stores_in_one_shape():
    world = both()
    world.timeline.advance(world.scenario.start + timedelta(hours=80))
    told = entries(world, "served")
    assert {frozenset(entry) for entry in told} == {frozenset(told[0])}
    live = next(e for e in told if (e["store"], e["exposure_ppm"]) == ("app_store", 10_000))
    facts = ("app", "package", "track", "release", "version_code", "review", "cause", "request")
    assert [live[name] for name in facts] == [
        "acme",
        "com.acme.app",
        "",
        "5.2.0",
        33417,
        "READY_FOR_DISTRIBUTION",
        "store",
        None,
    ]
    (onset,) = entries(world, "onset")
    assert (onset["store"], onset["crash_free"]) == ("app_store", 90.0)
    (picture_play, picture_apple) = control(world, "GET", "world").document["apps"]
    assert set(picture_play["releases"][0]) < set(picture_apple["releases"][0])


def test_the_same_seed_asked_the_same_way_is_the_same_world_to_the_last_id():
    def played(seed: int) -> str:
        source = (STORY % ("", IN_PHASES, "")).replace("seed: 7", f"seed: {seed}")
        world = World(parse_scenario(source, Path("s.yaml")), wall=lambda: 1_000_000.0)
        apple = AppleCaller(World(ios_scenario()))
        world.credentials.learn_app_store_key(apple.key_id, apple.issuer, _public(apple))
        apple.world = world
        apple.token = lambda **_: AppleCaller.token(apple, exp=1_000_900, iat=1_000_000)  # type: ignore[method-assign]
        for _ in range(4):
            world.timeline.advance(world.timeline.now + timedelta(hours=20))
            apple.get(f"/v1/apps/{APP_ID}/appStoreVersions?include=build,appStoreVersionPhasedRelease")
        apple.turn("PAUSED")
        return json.dumps(world.ledger.after(0))

    assert played(7) == played(7)
    assert played(7) != played(8)


def _public(apple: AppleCaller):
    return apple.world.credentials.app_store_key(apple.key_id).public


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{at: 1h, review: 3h}", "{at: 1h, percent: 1}", "rolled_out: percent is no field here"),
        (IN_PHASES, f"{IN_PHASES}, submitted: {{at: 1h}}", "two ways to say it"),
        (IN_PHASES, "submitted: {at: 1h, release_type: soon}", "must be one of manual, after_approval"),
        (IN_PHASES, "submitted: {at: 1h, phased: 1}", "phased must be true or false"),
        ('app_id: "6448311069"', "app_id: 6448311069", "app_id must be digits in quotes"),
        ("package: com.acme.app", "package: com.acme.app\n    track: production", "track is no field here"),
        ("version: 5.3.0", "version: 5.2.0", "must have different versions"),
        ("seed: 7", "seed: 7\npeople: [{at: 1h, app: acme, act: halt}]", "must be one of pause, resume"),
        (
            "seed: 7",
            "seed: 7\npeople: [{at: 1h, app: acme, store: google_play, act: halt}]",
            "an app 'acme' on google_play that is not in apps",
        ),
        (
            "seed: 7",
            "seed: 7\noutages: [{service: sentry, begins: 1h, kind: agreement}]",
            "agreement does not happen to sentry",
        ),
    ],
)
def test_a_mistake_about_the_app_store_is_told(old, new, told):
    good = STORY % ("", IN_PHASES, "")
    assert old in good
    assert told in problems(good.replace(old, new, 1))


def test_one_name_twice_on_one_store_is_refused():
    assert "different names and packages on each store" in problems(
        BOTH.replace("    store: app_store\n", "").replace(", rolled_out: {at: 2h}", "")
    )


def test_a_play_release_cannot_be_submitted():
    source = BOTH.replace("rolled_out: {at: 1h, percent: 1, review: 3h}", "submitted: {at: 1h}")
    assert "submitted is no field here" in problems(source)


@pytest.fixture
def policies(tmp_path):
    (tmp_path / "standard.yaml").write_text("stages: []\n", "utf-8")
    return tmp_path


def written(world: World, folder: Path, policies: Path) -> dict:
    path = write_config(folder, world, url="http://127.0.0.1:9", policies=policies)
    return YAML(typ="safe").load(path.read_text("utf-8"))


def test_an_app_on_both_stores_is_configured_once_with_two_sections(policies, tmp_path):
    document = written(both(), tmp_path / "out", policies)
    (app,) = document["apps"]
    assert app["google_play"]["sentry"]["project"] == "acme"
    listing = app["app_store"]
    assert (listing["bundle_id"], listing["sentry"]["project"]) == ("com.acme.app", "acme-ios")
    assert (len(listing["app_id"]), set(listing)) == (10, {"app_id", "bundle_id", "sentry"})
    access = document["app_store"]
    assert access["key"] == {"file": "secrets/AuthKey.p8"}
    assert (access["endpoint"], access["lookup_endpoint"]) == ("http://127.0.0.1:9", "http://127.0.0.1:9")
    key = tmp_path / "out" / "secrets" / "AuthKey.p8"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "PRIVATE KEY" not in json.dumps(document)


def test_a_store_that_no_app_is_on_is_left_out(policies, tmp_path):
    ios = written(World(ios_scenario()), tmp_path / "ios", policies)
    assert "google_play" not in ios
    assert not (tmp_path / "ios" / "secrets" / "play.json").exists()
    android = written(World(load_scenario("console-halt")), tmp_path / "android", policies)
    assert "app_store" not in android
    assert "app_store" not in android["apps"][0]


def test_the_written_key_pauses_a_version_over_http(policies, tmp_path):
    with serve(ios_scenario()) as running:
        running.world.timeline.advance(running.world.scenario.start + timedelta(hours=30))
        path = write_config(tmp_path / "out", running.world, url=running.url, policies=policies)
        access = YAML(typ="safe").load(path.read_text("utf-8"))["app_store"]
        pem = (tmp_path / "out" / access["key"]["file"]).read_text("utf-8")
        claims = {"iss": access["issuer_id"], "aud": "appstoreconnect-v1", "exp": int(time.time()) + 600}
        token = jwt.encode(claims, pem, algorithm="ES256", headers={"kid": access["key_id"]})
        with httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {token}"}) as http:
            query = {
                "include": "appStoreVersionPhasedRelease",
                "filter[versionString]": "5.2.0",
                "limit": "1",
            }
            listed = http.get(f"/v1/apps/{APP_ID}/appStoreVersions", params=query).json()
            assert listed["links"]["self"].startswith(running.url)
            phased = listed["included"][0]
            body = {"data": {**phased, "attributes": {"phasedReleaseState": "PAUSED"}}}
            answer = http.patch(httpx.URL(phased["links"]["self"]), json=body)
            assert (answer.status_code, answer.headers["x-rate-limit"]) == (
                200,
                "user-hour-lim:3500;user-hour-rem:3498;",
            )
            assert http.delete(f"/v1/appStoreVersionPhasedReleases/{phased['id']}").status_code == 409
        assert entries(running.world, "phased")[-1]["after"]["state"] == "PAUSED"
