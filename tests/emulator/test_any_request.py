"""Whatever a client sends, the world answers; it never falls over."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.emulator.request import Request
from tests.emulator.appstore_calls import APP, PHASED, REQUESTS, VERSIONS, apple_at
from tests.emulator.calls import Caller, PlayCaller, control, sessions, world_at

WORLD = world_at(30)
PLAY = PlayCaller(WORLD)
APPLE = apple_at(30)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
releases = st.fixed_dictionaries(
    {},
    optional={
        "versionCodes": st.lists(
            st.sampled_from(["5010", "5020", "5030", 5020, "²", "-1", None]), max_size=2
        ),
        "status": st.sampled_from(["draft", "inProgress", "halted", "completed", "paused", None]),
        "userFraction": st.sampled_from([0.1, 0.9999999, 1e-12, 1, -1, float("nan"), "0.1", True]),
        "name": json_values,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(releases, max_size=3), st.booleans())
def test_any_track_update_is_answered_and_what_was_taken_can_be_committed(wanted, listed):
    edit = PLAY.insert()
    answer = PLAY.put(edit, *wanted)
    assert answer.status in (200, 400, 403, 404)
    if answer.status == 200 and listed:
        assert PLAY.commit(edit).status in (200, 500)
        told = WORLD.play.apps[0].tracks["production"].told.values()
        assert all(served.exposure_ppm <= 1_000_000 for served in told)


@settings(max_examples=60, deadline=None)
@given(
    json_values, st.sampled_from(["chat.postMessage", "chat.update", "conversations.history", "auth.test"])
)
def test_any_slack_arguments_are_answered(arguments, method):
    call = Caller(WORLD, WORLD.credentials.slack_token)
    assert call("POST", f"/slack/api/{method}", arguments).status == 200
    if isinstance(arguments, dict):
        more = {"channel": "C0RELEASE", "text": "x", "ts": arguments, **arguments}
        assert call("POST", f"/slack/api/{method}", {**more, "blocks": [arguments]}).status == 200


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        ["query", "statsPeriod", "start", "end", "interval", "orderBy", "per_page", "cursor", "groupBy"]
    ),
    st.text(max_size=12)
    | st.sampled_from(["0s", "²h", "9999-12-31T23:59:59-12:00", "0001-01-01", "1:²:1", "release:["]),
)
def test_any_sessions_question_is_answered(name, value):
    assert sessions(WORLD, **{name: value}).status in (200, 400)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        ["limit", "cursor", "sort", "include", "filter[platform]", "fields[builds]", "filter[", "["]
    ),
    st.text(max_size=12) | st.sampled_from(["²", "1,2", "cGFnZTotMQ==", "cGFnZTo5", "build,app", "%"]),
)
def test_any_question_about_versions_is_answered(name, value):
    answer = APPLE("GET", f"{APP}/appStoreVersions?{urlencode({name: value})}")
    assert answer.status in (200, 400)


@settings(max_examples=100, deadline=None)
@given(json_values, json_values, st.sampled_from(["POST", "PATCH", "DELETE", "GET", "PUT"]))
def test_any_write_about_phases_is_answered(attributes, relationships, method):
    data = {"type": "appStoreVersionPhasedReleases", "attributes": attributes, "relationships": relationships}
    for path in (PHASED, f"{PHASED}/x", REQUESTS, f"{VERSIONS}/x"):
        for body in ({"data": data}, attributes):
            assert APPLE(method, path, body).status in (404, 409, 422)


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 100_000, b"\xff", b"null", b"NaN", b'"text"', b"grant_type=%FF"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/oauth2/token"),
        ("POST", "/slack/api/chat.postMessage"),
        ("POST", "/_emulator/faults"),
        ("POST", "/_emulator/console"),
        ("POST", "/_emulator/advance"),
        ("PUT", f"{PlayCaller.root}/edits/1/tracks/production"),
        ("GET", "/androidpublisher/v3/applications/"),
        ("GET", "/api/0/"),
        ("GET", "/slack/api/"),
        ("POST", PHASED),
        ("PATCH", f"{VERSIONS}/x"),
        ("GET", "/v1/"),
    ],
)
def test_any_body_anywhere_is_answered(method, path, body):
    for token in (PLAY.call.bearer, WORLD.credentials.slack_token, WORLD.credentials.sentry_token):
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            headers = {"authorization": f"Bearer {token}", "content-type": kind}
            assert WORLD.handle(Request.to(method, path, headers=headers, body=body)).status in range(
                200, 505
            )


def test_all_that_was_written_down_can_be_read_as_json():
    json.dumps(WORLD.ledger.after(0))
    assert control(WORLD, "GET", f"ledger?{urlencode({'after': '0'})}").status == 200
