"""What a commit makes of a track, what review holds back, what people get (google-play.md 4, 5.3)."""

from __future__ import annotations

import pytest

from tests.emulator.calls import (
    PlayCaller,
    completed,
    control,
    entries,
    halted,
    pass_time,
    served,
    staged,
    world_at,
)

ERROR = "ERROR_IF_IN_REVIEW"
UNSENT = {"changesNotSentForReview": "true"}


def offered(world, code):
    entry = served(world, code)
    return entry["status"], entry["exposure_ppm"]


def test_a_new_release_reads_in_progress_at_once_but_reaches_nobody_before_review_ends():
    world = world_at(2)
    ours = PlayCaller(world)
    assert ("5020", "inProgress", 0.01) in ours.now()
    assert ours.lifecycle()["5.2.0"] == "IN_REVIEW"
    assert offered(world, 5020) == ("inProgress", 0)
    pass_time(world, 3)
    assert ours.lifecycle() == {"5.2.0": "PUBLISHED", "5.3.0": "DRAFT", "5.1.0": "PUBLISHED"}
    assert offered(world, 5020) == ("inProgress", 10_000)
    assert served(world, 5020)["at"] == "2026-03-02T10:00:00Z"
    assert served(world, 5020)["cause"] == "store"


def test_a_raise_of_a_published_release_takes_effect_at_once():
    world = world_at(5)
    ours = PlayCaller(world)
    assert ours.change(staged(5020, 0.05), changesInReviewBehavior=ERROR).status == 200
    assert offered(world, 5020) == ("inProgress", 50_000)
    assert offered(world, 5010) == ("completed", 1_000_000)


@pytest.mark.parametrize(
    ("switch", "release", "after"),
    [
        ("raises_in_review", staged(5020, 0.05), ("inProgress", 50_000)),
        ("halts_in_review", halted(5020), ("halted", 0)),
    ],
)
def test_whether_raises_and_halts_go_through_review_is_a_switch(switch, release, after):
    world = world_at(5)
    world.turn({switch: True})
    ours = PlayCaller(world)
    ours.change(release)
    assert ours.lifecycle()["5.2.0"] == "IN_REVIEW"
    assert offered(world, 5020) == ("inProgress", 10_000)
    pass_time(world, 3)
    assert ours.lifecycle()["5.2.0"] == "PUBLISHED"
    assert offered(world, 5020) == after


def test_a_commit_that_respects_a_running_review_is_refused_and_keeps_its_edit():  # E7
    world = world_at(2)
    ours = PlayCaller(world)
    edit = ours.insert()
    ours.put(edit, staged(5020, 0.05))
    answer = ours.commit(edit, changesInReviewBehavior=ERROR)
    assert answer.status == 400
    assert answer.document["error"]["details"][0]["reason"] == "CHANGES_ALREADY_IN_REVIEW"
    pass_time(world, 3)
    assert ours.commit(edit, changesInReviewBehavior=ERROR).status == 200
    assert offered(world, 5020) == ("inProgress", 50_000)


def test_a_commit_by_default_cancels_the_running_review_and_starts_it_anew():
    world = world_at(3)
    ours = PlayCaller(world)
    assert ours.change(staged(5020, 0.02)).status == 200
    pass_time(world, 2)
    assert ours.lifecycle()["5.2.0"] == "IN_REVIEW"
    pass_time(world, 1)
    assert offered(world, 5020) == ("inProgress", 20_000)


def test_a_release_halted_while_in_review_never_reaches_anybody_and_is_not_listed():
    world = world_at(2)
    ours = PlayCaller(world)
    assert ours.change(halted(5020)).status == 200
    assert "5.2.0" not in ours.lifecycle()
    pass_time(world, 10)
    assert offered(world, 5020) == ("halted", 0)
    assert not any(
        entry["exposure_ppm"] for entry in entries(world, "served") if entry["version_code"] == 5020
    )


def test_after_a_rejection_nothing_is_sent_for_review_automatically():  # E5
    world = world_at(2)
    ours = PlayCaller(world)
    control(world, "POST", "console", {"app": "acme", "act": "reject"})
    assert ours.lifecycle()["5.2.0"] == "NOT_APPROVED"
    edit = ours.insert()
    ours.put(edit, staged(5020, 0.02))
    for answer in (ours.verb(edit, "validate"), ours.commit(edit)):
        assert "changesNotSentForReview to true" in answer.message
    assert ours.commit(edit, **UNSENT).status == 200
    assert ours.lifecycle()["5.2.0"] == "NOT_SENT_FOR_REVIEW"
    control(world, "POST", "console", {"app": "acme", "act": "send_for_review"})
    pass_time(world, 3)
    assert offered(world, 5020) == ("inProgress", 20_000)


@pytest.mark.parametrize(("takes_effect", "after"), [(False, ("inProgress", 10_000)), (True, ("halted", 0))])
def test_whether_a_halt_kept_out_of_review_takes_effect_is_a_switch(takes_effect, after):
    world = world_at(5)
    world.turn({"unsent_halt_takes_effect": takes_effect})
    ours = PlayCaller(world)
    ours.change(staged(5020, 0.01), completed(5010), {"versionCodes": ["5030"], "status": "draft"})
    world.play.apps[0].rejected = True
    assert ours.change(halted(5020), **UNSENT).status == 200
    assert offered(world, 5020) == after


def test_the_flag_against_review_is_refused_where_it_is_not_needed():  # E6
    ours = PlayCaller(world_at(5))
    answer = ours.change(staged(5020, 0.05), **UNSENT)
    assert "changesNotSentForReview must not be set" in answer.message


def test_with_managed_publishing_an_approved_release_waits_for_a_person():
    world = world_at(2)
    world.turn({"managed_publishing": True})
    pass_time(world, 3)
    assert PlayCaller(world).lifecycle()["5.2.0"] == "APPROVED_NOT_PUBLISHED"
    assert offered(world, 5020) == ("inProgress", 0)
    control(world, "POST", "console", {"app": "acme", "act": "publish"})
    assert offered(world, 5020) == ("inProgress", 10_000)


def test_halt_then_resume_reaches_people_again():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(halted(5020))
    assert offered(world, 5020) == ("halted", 0)
    assert ours.lifecycle()["5.2.0"] == "PUBLISHED"
    ours.change(staged(5020, 0.01))
    assert offered(world, 5020) == ("inProgress", 10_000)


def test_completing_replaces_the_old_completed_release():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(completed(5020))
    assert offered(world, 5020) == ("completed", 1_000_000)
    assert offered(world, 5010) == ("replaced", 0)
    assert [code for code, status, _ in ours.now() if status != "draft"] == ["5020"]


def test_halting_a_completed_release_brings_the_previous_one_back():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(completed(5020))
    assert ours.change(halted(5020)).status == 200
    assert [row for row in ours.now() if row[1] != "draft"] == [
        ("5020", "halted", None),
        ("5010", "completed", None),
    ]
    assert offered(world, 5020) == ("halted", 0)
    assert offered(world, 5010) == ("completed", 1_000_000)
    assert ours.change(completed(5020)).status == 200
    assert offered(world, 5020) == ("completed", 1_000_000)


def test_a_halted_completed_release_can_go_on_at_any_percentage():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(completed(5020))
    ours.change(halted(5020))
    assert ours.change(staged(5020, 0.1)).status == 200
    assert offered(world, 5020) == ("inProgress", 100_000)


def test_halting_with_nothing_left_to_serve_fails_with_500_at_commit():  # E14
    world = world_at(0.5)
    ours = PlayCaller(world)
    edit = ours.insert()
    assert ours.put(edit, halted(5010)).status == 200
    answer = ours.commit(edit)
    assert (answer.status, answer.message) == (500, "Internal error encountered.")
    assert offered(world, 5010) == ("completed", 1_000_000)


def test_the_fallback_itself_cannot_be_halted():
    ours = PlayCaller(world_at(5))
    ours.change(completed(5020))
    ours.change(halted(5020))
    assert ours.change(halted(5010)).status == 500


def test_a_release_on_the_internal_track_cannot_be_halted():
    world = world_at(5)
    ours = PlayCaller(world)
    edit = ours.insert()
    ours.put(edit, completed(5030), track="qa")
    ours.commit(edit)
    pass_time(world, 3)
    assert ours.put(ours.insert(), halted(5030), track="internal").status == 400


def test_leaving_a_staged_release_out_halts_it():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change({"versionCodes": ["5030"], "status": "draft"})
    assert offered(world, 5020) == ("halted", 0)
    assert ("5020", "halted", 0.01) in ours.now()


def test_leaving_the_completed_base_out_keeps_it():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(staged(5020, 0.05))
    assert ("5010", "completed", None) in ours.now()


def test_a_higher_staged_release_takes_the_place_of_the_running_one_once_it_is_published():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(staged(5030, 0.1))
    assert "5020" not in [code for code, _, _ in ours.now()]
    assert offered(world, 5020) == ("inProgress", 10_000)
    pass_time(world, 2)
    assert offered(world, 5020) == ("replaced", 0)
    assert offered(world, 5030) == ("inProgress", 100_000)
