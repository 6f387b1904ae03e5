"""What Play refuses in an update: google-play.md section 6, one row each."""

from __future__ import annotations

import pytest

from stagedrollout.emulator.request import Request
from tests.emulator.calls import PlayCaller, completed, halted, staged, world_at

DRAFT = {"versionCodes": ["5030"], "status": "draft"}


@pytest.mark.parametrize(
    ("row", "releases", "code", "text"),
    [
        ("E8", [staged(5020, 1.0)], 400, "User fraction must be lower than one"),
        ("E8", [staged(5020, 0)], 400, "fraction must be greater than 0.0 and less than 1"),
        ("E9", [completed(5020, userFraction=0.5)], 400, "COMPLETED release must not have fraction"),
        ("E9", [{**DRAFT, "userFraction": 0.5}], 400, "DRAFT release must not have fraction"),
        ("E9", [{"versionCodes": ["5020"], "status": "inProgress"}], 400, "IN_PROGRESS release must have"),
        ("E10", [completed(5020), completed(5010)], 400, "Only one completed release is allowed"),
        ("E11", [staged(5020, 0.1), staged(5030, 0.1)], 400, "Too many staged releases specified"),
        ("E12", [halted(5030)], 400, "Cannot halt release, no matching in progress release found"),
        ("E17", [staged(5010, 0.5)], 400, "Fully released can not be staged"),
        ("E23", [staged(9999, 0.1)], 404, "APK version codes could not be found"),
        ("lower", [staged(5020, 0.005)], 400, "Precondition check failed"),
        ("status", [{"versionCodes": ["5020"]}], 400, "status must be specified"),
        ("codes", [{"status": "completed", "versionCodes": []}], 400, "must contain version codes"),
    ],
)
def test_a_wrong_update_is_refused_and_leaves_the_edit_usable(row, releases, code, text):
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    answer = ours.put(edit, *releases)
    assert (row, answer.status) == (row, code)
    assert text in answer.message
    assert ours.put(edit, staged(5020, 0.05)).status == 200


def test_errors_have_the_v2_form():
    ours = PlayCaller(world_at(5))
    error = ours.put(ours.insert(), staged(5020, 1.0)).document["error"]
    assert error["code"] == 400
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["errors"] == [{"message": error["message"], "domain": "global", "reason": "badRequest"}]


def test_halting_a_completed_release_and_completing_another_in_one_edit_is_refused():  # E13
    ours = PlayCaller(world_at(5))
    answer = ours.put(ours.insert(), halted(5010), completed(5030))
    assert "You can't halt a fully rolled out release and create a new" in answer.message


def test_a_draft_app_takes_drafts_only():  # E15
    world = world_at(5)
    world.turn({"draft_app": True})
    ours = PlayCaller(world)
    edit = ours.insert()
    assert ours.put(edit, staged(5020, 0.05)).status == 200
    for answer in (ours.verb(edit, "validate"), ours.commit(edit)):
        assert "Only releases with status draft may be created on draft app" in answer.message


def test_the_first_release_on_a_track_cannot_be_staged():  # E16
    ours = PlayCaller(world_at(5))
    answer = ours.put(ours.insert(), staged(5030, 0.1), track="beta")
    assert "The first release on a track cannot be staged" in answer.message


def test_a_version_code_below_the_one_everybody_has_cannot_be_rolled_out():  # E18
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(completed(5030))
    world.timeline.advance(world.scenario.ends)
    answer = ours.put(ours.insert(), staged(5020, 0.1))
    assert answer.status == 403
    assert "does not allow any existing users to upgrade" in answer.message


def test_the_rollout_track_of_old_is_refused():  # E24
    ours = PlayCaller(world_at(5))
    answer = ours.put(ours.insert(), staged(5020, 0.1), track="rollout")
    assert "Releases in ROLLOUT track is not supported" in answer.message


def test_unknown_packages_and_tracks_are_not_found():  # E23
    ours = PlayCaller(world_at(5))
    other = ours.root.replace("acme", "nobody")
    answer = ours.call("POST", f"{other}/edits", {})
    assert (answer.status, answer.message) == (404, "Package not found: com.nobody.app.")
    assert ours.get(ours.insert(), "wear%3Aproduction").message == "Track not found."


def test_countries_are_for_staged_releases_on_production_only():
    ours = PlayCaller(world_at(5))
    countries = {"countryTargeting": {"countries": ["DE"]}}
    assert ours.put(ours.insert(), staged(5020, 0.05, **countries)).status == 200
    edit = ours.insert()
    ours.put(edit, completed(5010), track="beta")
    ours.commit(edit)
    answer = ours.put(ours.insert(), staged(5020, 0.05, **countries), track="beta")
    assert "Country targeting is only supported" in answer.message


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"track": "beta", "releases": []}'])
def test_a_malformed_track_is_refused(body):
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    headers = {"authorization": f"Bearer {ours.call.bearer}"}
    target = f"{ours.root}/edits/{edit}/tracks/production"
    assert ours.world.handle(Request.to("PUT", target, headers=headers, body=body)).status == 400


@pytest.mark.parametrize(
    ("rule", "fraction", "code"),
    [
        ("by_previous", None, 200),
        ("by_previous", 0.01, 200),
        ("required", None, 400),
        ("required", 0.01, 200),
        ("forbidden", None, 200),
        ("forbidden", 0.01, 400),
    ],
)
def test_whether_a_halted_staged_release_carries_its_fraction_is_a_switch(rule, fraction, code):
    world = world_at(5)
    world.turn({"halted_fraction": rule})
    ours = PlayCaller(world)
    more = {} if fraction is None else {"userFraction": fraction}
    answer = ours.put(ours.insert(), halted(5020, **more))
    assert answer.status == code
    if code == 400:
        assert "HALTED release must" in answer.message


def test_halting_a_completed_release_with_a_fraction_is_refused():
    ours = PlayCaller(world_at(5))
    ours.change(completed(5020))
    answer = ours.put(ours.insert(), halted(5020, userFraction=0.5))
    assert "HALTED release must not have fraction" in answer.message


def test_whether_the_fraction_of_a_halted_release_is_shown_is_a_switch():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(halted(5020))
    assert ("5020", "halted", 0.01) in ours.now()
    world.turn({"halted_fraction_shown": False})
    assert ("5020", "halted", None) in ours.now()


def test_lowering_a_fraction_is_a_switch():
    world = world_at(5)
    world.turn({"lowering": "accepted"})
    assert PlayCaller(world).change(staged(5020, 0.005)).status == 200
