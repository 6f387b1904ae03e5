"""A weak key meets the refusals that the services have for it."""

from __future__ import annotations

import pytest

from stagedrollout.emulator.world import World
from tests.emulator.appstore_calls import APP_ID, AppleCaller, ios_scenario
from tests.emulator.calls import Caller, PlayCaller, slack, staged, world_at

REPORTING = "https://www.googleapis.com/auth/playdeveloperreporting"


@pytest.mark.parametrize("at", ["write", "validate", "commit"])
def test_a_right_that_is_missing_is_refused_from_some_request_on(at):
    world = world_at(6)
    world.turn({"play_account": "testing_tracks", "play_right_checked": at})
    play = PlayCaller(world)
    edit = play.insert()
    refused = [
        play.put(edit, staged(5020, 0.05)).status,
        play.verb(edit, "validate").status,
        play.commit(edit).status,
    ]
    first = {"write": 0, "validate": 1, "commit": 2}[at]
    assert refused[:first] == [200] * first
    assert refused[first] == 403


def test_an_account_that_only_looks_sees_reviews_of_releases_and_opens_no_edit():
    world = world_at(6)
    world.turn({"play_account": "read_only"})
    play = PlayCaller(world)
    assert play.lifecycle()["5.2.0"] == "PUBLISHED"
    assert play.call("POST", f"{play.root}/edits", {}).message == "The caller does not have permission"


def test_the_reporting_api_wants_a_scope_of_its_own():
    world = world_at(6)
    publisher = PlayCaller(world).call
    assert publisher("GET", "/v1beta1/apps:search").status == 403
    caller = Caller(world, world.credentials.issue("ours@example.invalid", frozenset({REPORTING})))
    assert [app["packageName"] for app in caller("GET", "/v1beta1/apps:search").document["apps"]] == [
        "com.acme.app"
    ]


def test_a_developer_may_look_and_not_write_and_only_admin_sees_analytics():
    world = World(ios_scenario())
    apple = AppleCaller(world)
    analytics = f"/v1/apps/{APP_ID}/analyticsReportRequests"
    assert apple("GET", analytics).status == 403
    world.turn({"app_store_role": "admin"})
    assert apple("GET", analytics).document["data"] == []
    world.turn({"app_store_role": "developer"})
    assert apple("GET", f"/v1/apps/{APP_ID}").status == 200
    assert apple.plan("5.3.0", phasedReleaseState="INACTIVE").status == 403


def test_a_bot_without_the_scope_is_told_which_one_it_needs():
    world = world_at(1)
    world.turn({"slack_scopes": "files:write"})
    answer = slack(world, "chat.postMessage", channel="C0RELEASE", text="x")
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "chat:write",
        "files:write",
    )
