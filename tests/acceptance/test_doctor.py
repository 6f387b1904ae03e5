"""`stagedrollout doctor` before the first release: what is wrong is named, all of it, by its name."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.stories import short


@pytest.fixture
def stage(opens):
    return opens(short())


def _wrong(document):
    listing = document["apps"][0]["google_play"]
    listing["package"] = "com.acme.ap"
    listing["sentry"]["environment"] = "prod"


def test_a_weak_key_a_missing_environment_and_a_mistyped_package_are_all_named(stage):
    stage.asks("switches", {"slack_scopes": "files:write", "play_account": "testing_tracks"})
    weak = stage.types("doctor", "--probe-edit")
    assert weak.code == 1
    assert "may not release to production (E19" in weak.out
    assert "the token lacks chat:write" in weak.out
    assert "\x1b[" not in weak.out, "colour is for terminals"

    stage.edits_config(_wrong)
    done = stage.types("doctor", "--json")
    assert (done.code, done.err) == (1, "")
    found = {
        (one["subject"], one["about"]): one
        for one in json.loads(done.out)["findings"]
        if one["state"] == "problem"
    }
    package = found["acme/google_play", "package"]
    assert "'com.acme.ap'" in package["said"]
    assert "did you mean com.acme.app?" in package["right"]
    environment = found["acme/google_play", "sentry environment"]
    assert "'prod'" in environment["said"]
    assert ("slack", "scopes") in found
    assert not [secret for secret in stage.secrets() if secret in weak.said + done.said]
    assert not [path for path in stage.writes() if path.endswith(":commit")]
