"""Real clients over real sockets: they must not notice that the services are emulated."""

from __future__ import annotations

import http.client
import json
import stat
import time
import urllib.error
from datetime import timedelta

import google_auth_httplib2
import httplib2
import httpx
import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from ruamel.yaml import YAML
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from stagedrollout.daemon.clocks import EmulatorClock
from stagedrollout.emulator.errors import ConfigError, EmulatorError
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import write_config
from stagedrollout.http.client import HttpClient
from stagedrollout.http.endpoint import Endpoint
from tests.emulator.calls import NEW, PACKAGE, pass_time, scenario, staged

SCOPE = "https://www.googleapis.com/auth/androidpublisher"


@pytest.fixture
def emulator():
    with serve(scenario()) as running:
        pass_time(running.world, 30)
        yield running


@pytest.fixture
def folder(emulator, tmp_path):
    policies = tmp_path / "shipped"
    policies.mkdir()
    (policies / "standard.yaml").write_text("stages: []\n", "utf-8")
    write_config(tmp_path / "out", emulator.world, url=emulator.url, policies=policies)
    return tmp_path / "out"


@pytest.fixture
def publisher(emulator, folder):
    """Google's own client, with the key that was written into the configuration."""
    credentials = service_account.Credentials.from_service_account_file(
        str(folder / "secrets" / "play.json"), scopes=[SCOPE]
    )
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=5))
    service = build(
        "androidpublisher",
        "v3",
        http=http,
        static_discovery=True,
        client_options={"api_endpoint": emulator.url},
    )
    yield service
    service.close()


def test_googles_client_signs_in_and_raises_a_release(emulator, publisher):
    edits = publisher.edits()
    edit = edits.insert(packageName=PACKAGE, body={}).execute()["id"]
    names = {"packageName": PACKAGE, "editId": edit}
    track = edits.tracks().get(**names, track="production").execute()
    assert track["releases"][0]["userFraction"] == 0.01
    body = {"track": "production", "releases": [staged(5020, 0.05)]}
    edits.tracks().update(**names, track="production", body=body).execute()
    edits.validate(**names).execute()
    edits.commit(**names, changesInReviewBehavior="ERROR_IF_IN_REVIEW").execute()
    listed = (
        publisher.applications().tracks().releases().list(parent=f"applications/{PACKAGE}/tracks/production")
    )
    assert listed.execute()["releases"][0]["releaseLifecycleState"] == "RELEASE_LIFECYCLE_STATE_PUBLISHED"
    app = emulator.world.picture()["apps"][0]
    assert next(r for r in app["releases"] if r["version_code"] == 5020)["exposure_ppm"] == 50_000
    kept = edits.insert(packageName=PACKAGE, body={}).execute()["id"]
    assert edits.delete(packageName=PACKAGE, editId=kept).execute() == ""


def test_googles_client_reads_the_errors(publisher):
    edits = publisher.edits()
    edit = edits.insert(packageName=PACKAGE, body={}).execute()["id"]
    body = {"track": "production", "releases": [staged(5020, 1.0)]}
    with pytest.raises(HttpError) as caught:
        edits.tracks().update(packageName=PACKAGE, editId=edit, track="production", body=body).execute()
    assert caught.value.status_code == 400
    assert "User fraction must be lower than one" in caught.value.reason


def test_slacks_client_posts_updates_and_looks_back(emulator, folder):
    token = (folder / "secrets" / "slack-token").read_text("utf-8")
    client = WebClient(token=token, base_url=f"{emulator.url}/slack/api/", timeout=5, retry_handlers=[])
    assert client.auth_test()["bot_id"]
    parent = client.chat_postMessage(channel="C0RELEASE", text="parent")["ts"]
    reply = client.chat_postMessage(
        channel="C0RELEASE",
        text="reply",
        thread_ts=parent,
        reply_broadcast=True,
        metadata={"event_type": "halt", "event_payload": {"id": "1"}},
    )
    client.chat_update(channel="C0RELEASE", ts=parent, text="edited")
    history = client.conversations_history(channel="C0RELEASE", include_all_metadata=True)["messages"]
    assert [message["text"] for message in history] == ["reply", "edited"]
    assert history[0]["metadata"]["event_payload"] == {"id": "1"}
    assert reply["ts"] > parent
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0NOBODY", text="x")
    assert caught.value.response["error"] == "channel_not_found"


def test_slacks_client_meets_a_dropped_connection_after_the_message_was_taken(emulator, folder):
    token = (folder / "secrets" / "slack-token").read_text("utf-8")
    client = WebClient(token=token, base_url=f"{emulator.url}/slack/api/", timeout=5, retry_handlers=[])
    emulator.world.faults.add(Fault("slack", "drop_after"))
    with pytest.raises((http.client.RemoteDisconnected, urllib.error.URLError, ConnectionError)):
        client.chat_postMessage(channel="C0RELEASE", text="heard and lost")
    assert emulator.world.ledger.entries[-1]["text"] == "heard and lost"


def test_httpx_reads_sessions_over_one_kept_connection(emulator, folder):
    token = (folder / "secrets" / "sentry-token").read_text("utf-8")
    params = {
        "field": ["sum(session)", "crash_free_rate(session)"],
        "groupBy": "release",
        "query": f'release:["{NEW}"]',
        "statsPeriod": "24h",
        "interval": "1h",
    }
    with httpx.Client(base_url=emulator.url, headers={"Authorization": f"Bearer {token}"}) as client:
        for _ in range(3):
            answer = client.get("/api/0/organizations/acme/sessions/", params=params)
            assert answer.json()["groups"][0]["by"]["release"] == NEW
        assert len(client._transport._pool.connections) == 1


def test_faults_reach_the_socket(emulator, folder):
    token = (folder / "secrets" / "sentry-token").read_text("utf-8")
    path = "/api/0/organizations/acme/sessions/?field=sum(session)&statsPeriod=1h"
    with httpx.Client(base_url=emulator.url, headers={"Authorization": f"Bearer {token}"}) as client:
        for kind in ("drop", "truncated", "drop_after"):
            emulator.world.faults.add(Fault("sentry", kind))
            with pytest.raises(httpx.RemoteProtocolError):
                client.get(path)
        emulator.world.faults.add(Fault("sentry", "slow", seconds=0.3))
        begun = time.monotonic()
        assert client.get(path).status_code == 200
        assert time.monotonic() - begun >= 0.3
        emulator.world.faults.add(Fault("sentry", "slow", seconds=2))
        with pytest.raises(httpx.ReadTimeout):
            client.get(path, timeout=0.1)
        assert client.get(path).status_code == 200


def test_time_is_moved_over_http_and_the_world_answers_plainly(emulator):
    with httpx.Client(base_url=emulator.url) as client:
        assert (
            client.post("/_emulator/advance", json={"seconds": 3600}).json()["now"] == "2026-03-03T13:00:00Z"
        )
        assert client.post("/_emulator/idle", content=b"{").status_code == 400
        assert client.get("/_emulator/world").json()["scenario"] == "test"
        assert client.put("/nothing").status_code == 404


def test_whoever_was_stopped_in_its_work_while_the_clock_went_on_without_it_knows_the_time_as_every_machine_does(
    emulator,
):
    """Two daemons live by one clock; a process that goes on after a stop asks no other clock than it did before."""
    with httpx.Client(base_url=emulator.url) as client:
        EmulatorClock(HttpClient(Endpoint("emulator", emulator.url)), "b")
        at_work = EmulatorClock(HttpClient(Endpoint("emulator", emulator.url)), "a")
        at_work.begins()
        before = at_work.now()
        client.post("/_emulator/advance", json={"seconds": 3900})
        assert at_work.now() == before + timedelta(seconds=3900)


def test_hundreds_of_requests_take_no_time_worth_mentioning(emulator):
    with httpx.Client(base_url=emulator.url) as client:
        begun = time.monotonic()
        for _ in range(300):
            client.get("/_emulator/clock")
        assert time.monotonic() - begun < 3


def test_a_taken_port_is_told_in_words(emulator):
    with pytest.raises(EmulatorError, match=f"cannot listen on port {emulator.port} of 127.0.0.1"):
        serve(scenario(), emulator.port)


def test_after_closing_nobody_answers():
    running = serve(scenario())
    with httpx.Client(base_url=running.url) as client:
        assert client.get("/_emulator/clock").status_code == 200
        running.close()
        with pytest.raises(httpx.TransportError):
            client.get("/_emulator/clock")
    running.close()


def test_the_configuration_is_complete_and_its_secrets_are_private(emulator, folder):
    document = YAML(typ="safe", pure=True).load((folder / "stagedrollout.yaml").read_text("utf-8"))
    assert (document["clock"], document["emulator"], document["poll"]) == ("emulator", emulator.url, "30m")
    assert document["google_play"] == {
        "credentials": {"file": "secrets/play.json"},
        **dict.fromkeys(("endpoint", "reporting_endpoint", "storage_endpoint"), emulator.url),
    }
    assert document["slack"]["endpoint"] == f"{emulator.url}/slack/api/"
    assert document["apps"] == [
        {
            "name": "acme",
            "mode": "act",
            "on_new_release": "adopt",
            "policy": "standard",
            "google_play": {
                "package": PACKAGE,
                "track": "production",
                "sentry": {
                    "project": "acme",
                    "environment": "production",
                    "release": "{package}@{version}+{build}",
                },
            },
        }
    ]
    for name in ("play.json", "sentry-token", "signals-token", "slack-token"):
        assert stat.S_IMODE((folder / "secrets" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    key = json.loads((folder / "secrets" / "play.json").read_text("utf-8"))
    assert key["token_uri"] == f"{emulator.url}/oauth2/token"


def test_a_policy_beside_the_scenario_is_called_what_its_file_is_called(emulator, tmp_path):
    (tmp_path / "mine.yaml").write_text("stages: []\n", "utf-8")
    source = emulator.world.scenario.source + "policy: ./mine.yaml\n"
    world = World(parse_scenario(source, tmp_path / "s.yaml"))
    path = write_config(tmp_path / "out", world, url="http://127.0.0.1:1", policies=tmp_path)
    assert "policy: mine" in path.read_text("utf-8")
    assert (tmp_path / "out" / "policies" / "mine.yaml").exists()


def test_a_missing_policy_is_told_before_anything_is_written(emulator, tmp_path):
    with pytest.raises(ConfigError, match="no policy file"):
        write_config(tmp_path / "out", emulator.world, url=emulator.url, policies=tmp_path)
    assert not (tmp_path / "out").exists()
