"""Edits are the store's compare-and-swap: google-play.md sections 5.1, 5.2 and rows E1-E3."""

from __future__ import annotations

import pytest

from tests.emulator.calls import PlayCaller, completed, control, pass_time, staged, world_at


def test_an_edit_shows_its_own_writes_and_nobody_else_sees_them_before_commit():
    world = world_at(5)
    ours, other = PlayCaller(world), PlayCaller(world, "other@example.invalid")
    edit = ours.insert()
    assert ours.put(edit, staged(5020, 0.05)).status == 200
    assert ours.releases(edit)[0]["userFraction"] == 0.05
    assert other.now()[0] == ("5020", "inProgress", 0.01)


def test_an_edit_id_and_its_expiry_are_strings_of_digits():
    world = world_at(5)
    call = PlayCaller(world)
    document = call.call("POST", f"{call.root}/edits", {}).document
    assert len(document["id"]) == 20
    assert document["id"].isdigit()
    assert document["expiryTimeSeconds"].isdigit()


@pytest.mark.parametrize(
    ("variant", "code", "status"),
    [
        ("FAILED_PRECONDITION", 400, "FAILED_PRECONDITION"),
        ("INVALID_ARGUMENT", 400, "INVALID_ARGUMENT"),
        ("gone_410", 410, None),
    ],
)
def test_a_new_edit_of_the_same_account_deletes_the_earlier_one(variant, code, status):
    world = world_at(5)
    world.turn({"edit_deleted": variant})
    ours = PlayCaller(world)
    first = ours.insert()
    ours.insert()
    answer = ours.get(first)
    assert (answer.status, answer.document["error"].get("status")) == (code, status)
    assert "This Edit has been deleted" in answer.message


def test_a_commit_by_anybody_deletes_all_other_edits_of_the_app():
    world = world_at(5)
    ours, ci = PlayCaller(world), PlayCaller(world, "ci@example.invalid")
    edit = ours.insert()
    assert ours.put(edit, staged(5020, 0.05)).status == 200
    assert ci.change(staged(5020, 0.02)).status == 200
    assert "This Edit has been deleted" in ours.commit(edit).message
    assert ("5020", "inProgress", 0.02) in ours.now()


def test_a_change_in_the_console_deletes_open_edits():
    world = world_at(5)
    ours = PlayCaller(world)
    edit = ours.insert()
    control(world, "POST", "console", {"app": "acme", "act": "raise", "percent": 2})
    assert "This Edit has been deleted" in ours.put(edit, staged(5020, 0.05)).message


def test_an_edit_expires():
    world = world_at(5)
    ours = PlayCaller(world)
    edit = ours.insert()
    pass_time(world, 25)
    answer = ours.get(edit)
    assert (answer.status, answer.document["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert "This edit has expired" in answer.message


def test_a_second_commit_says_that_the_first_was_successful():
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    ours.put(edit, staged(5020, 0.05))
    assert ours.commit(edit).status == 200
    answer = ours.commit(edit)
    assert answer.status == 400
    assert "already been successfully committed, please create a new Edit" in answer.message


def test_an_unknown_edit_and_the_edit_of_another_account_are_not_found():
    world = world_at(5)
    ours, other = PlayCaller(world), PlayCaller(world, "other@example.invalid")
    assert ours.get("1").status == 404
    assert ours.get(other.insert()).status == 404


def test_two_inserts_within_two_seconds_may_give_the_same_edit():
    world = world_at(5)
    world.turn({"same_edit_within_2s": True})
    ours = PlayCaller(world)
    assert ours.insert() == ours.insert()


def test_a_deleted_edit_is_gone_and_changes_nothing():
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    ours.put(edit, staged(5020, 0.05))
    gone = ours.call("DELETE", f"{ours.root}/edits/{edit}")
    assert (gone.status, gone.body) == (204, b"")
    assert ours.commit(edit).status == 400
    assert ("5020", "inProgress", 0.01) in ours.now()


def test_a_finished_review_does_not_disturb_an_edit():
    world = world_at(2)
    ours = PlayCaller(world)
    edit = ours.insert()
    pass_time(world, 3)
    assert ours.put(edit, staged(5020, 0.05)).status == 200
    assert ours.commit(edit).status == 200


def test_every_commit_is_in_the_ledger_with_the_account_and_the_request_that_made_it():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(staged(5020, 0.05))
    track = [entry for entry in world.ledger.entries if entry["type"] == "track"][-1]
    assert track["account"] == "ours@example.invalid"
    request = next(r for r in world.ledger.requests if r["seq"] == track["request"])
    assert request["path"].endswith(":commit")
    assert request["applied"] is True


def test_fields_nobody_knows_survive_a_round_trip_and_siblings_stay_as_they_were():
    ours = PlayCaller(world_at(5))
    ours.change(staged(5020, 0.05, newField={"a": 1}))
    before = ours.releases(ours.insert())
    assert before[0]["newField"] == {"a": 1}
    edit = ours.insert()
    ours.put(edit, {**before[0], "userFraction": 0.1}, *before[1:])
    ours.commit(edit)
    after = ours.releases(ours.insert())
    assert after[1:] == before[1:]
    assert after[0] == {**before[0], "userFraction": 0.1}


def test_release_notes_that_are_not_sent_back_are_lost_but_the_name_is_kept():
    ours = PlayCaller(world_at(5))
    ours.change(staged(5020, 0.05))
    release = ours.releases(ours.insert())[0]
    assert release["name"] == "5.2.0"
    assert "releaseNotes" not in release


def test_listing_tracks_shows_empty_ones_too_and_an_empty_track_is_not_found():
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    tracks = ours.call("GET", f"{ours.root}/edits/{edit}/tracks").document["tracks"]
    assert {"track": "beta"} in tracks
    assert (ours.get(edit, "beta").status, ours.get(edit, "beta").message) == (404, "Track empty.")


def test_an_empty_release_list_is_answered_without_a_body_and_changes_nothing():
    ours = PlayCaller(world_at(5))
    edit = ours.insert()
    answer = ours.put(edit)
    assert (answer.status, answer.body) == (200, b"")
    assert ours.commit(edit).status == 200
    assert ("5020", "inProgress", 0.01) in ours.now()
    assert completed(5010)["status"] == {c: s for c, s, _ in ours.now()}["5010"]
