"""What google-play.md section 11 leaves open is right under every answer: one switch of the emulator each."""

from __future__ import annotations

import copy

import pytest
from play_desk import Desk, Wire

from stagedrollout.core.errors import Conflict, Faulty
from stagedrollout.core.model import Change, ReviewState, Settlement, Verb
from stagedrollout.emulator.faults import Fault
from tests.emulator.calls import completed, halted, pass_time, served, staged, world_at

DRAFT = {"versionCodes": ["5030"], "status": "draft"}
RAISE = Change(Verb.RAISE, "5020", 50_000)


def desk_with(hours: float = 5, **switches) -> Desk:
    world = world_at(hours)
    world.turn(switches)
    return Desk(world)


def offered(desk, code):
    entry = served(desk.world, code)
    return entry["status"], entry["exposure_ppm"]


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("rule", ["by_previous", "required", "forbidden"])
def test_a_a_halt_gets_through_whether_a_halted_release_has_a_fraction_or_not(rule, shown):
    desk = desk_with(halted_fraction=rule, halted_fraction_shown=shown)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert desk.applies(Change(Verb.RESUME, "5020", 10_000)).settlement is Settlement.CONFIRMED
    assert offered(desk, 5020) == ("inProgress", 10_000)


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("rule", ["by_previous", "required", "forbidden"])
def test_a_a_raise_beside_a_halted_release_gets_through_too_and_leaves_it_alone(rule, shown):
    desk = desk_with()
    desk.theirs.change(halted(5020), DRAFT)
    desk.theirs.change(staged(5030, 0.01), halted(5020, userFraction=0.01))
    pass_time(desk.world, 5)
    desk.world.turn({"halted_fraction": rule, "halted_fraction_shown": shown})
    before = copy.deepcopy(desk.releases()[5010])
    assert desk.applies(Change(Verb.RAISE, "5030", 50_000)).settlement is Settlement.CONFIRMED
    assert offered(desk, 5030) == ("inProgress", 50_000)
    assert desk.releases()[5010] == before
    assert desk.releases().get(5020, {"status": "halted"})["status"] == "halted"


@pytest.mark.parametrize("reviewed", [True, False])
def test_b_a_raise_counts_when_people_get_it(reviewed):
    desk = desk_with(raises_in_review=reviewed)
    assert desk.applies(RAISE).settlement is Settlement.CONFIRMED
    assert desk.seen().find("5020").live is not reviewed
    pass_time(desk.world, 5)
    assert desk.seen().find("5020").live
    assert offered(desk, 5020) == ("inProgress", 50_000)


@pytest.mark.parametrize("managed", [True, False])
@pytest.mark.parametrize("reviewed", [True, False])
def test_b_a_halt_is_halted_when_people_no_longer_get_it(reviewed, managed):
    desk = desk_with(halts_in_review=reviewed, managed_publishing=managed)
    outcome = desk.halts(5020)
    assert (outcome.settlement is Settlement.CONFIRMED) is not reviewed
    pass_time(desk.world, 5)
    found = desk.seen().find("5020")
    assert found.stopped is (not reviewed or not managed) is (offered(desk, 5020)[0] == "halted")
    if not found.stopped:
        assert found.review is ReviewState.APPROVED_NOT_PUBLISHED


@pytest.mark.parametrize("takes_effect", [True, False])
def test_c_a_halt_kept_out_of_review_is_believed_only_when_it_reads_so(takes_effect):
    desk = desk_with(unsent_halt_takes_effect=takes_effect)
    desk.world.play.apps[0].rejected = True
    outcome = desk.halts(5020)
    assert (outcome.settlement is Settlement.CONFIRMED) is takes_effect
    assert (offered(desk, 5020)[0] == "halted") is takes_effect
    assert outcome.state.find("5020").stopped is takes_effect


@pytest.mark.parametrize("waits", [True, False])
def test_d_a_halt_that_cancels_a_review_is_halted_when_it_is_no_longer_behind_one(waits):
    desk = desk_with(raises_in_review=True, halt_waits_for_cancelled_review=waits)
    desk.applies(RAISE)
    assert desk.seen().find("5020").review is ReviewState.IN_REVIEW
    outcome = desk.halts(5020)
    assert (outcome.settlement is Settlement.CONFIRMED) is not waits
    pass_time(desk.world, 5)
    assert desk.halts(5020).settlement is Settlement.ALREADY
    assert offered(desk, 5020) == ("halted", 0)


@pytest.mark.parametrize("lowering", ["refused", "accepted"])
def test_e_a_share_is_not_lowered_even_where_play_would(lowering):
    desk = desk_with(lowering=lowering)
    desk.applies(RAISE)
    assert desk.applies(Change(Verb.RAISE, "5020", 20_000)).settlement is Settlement.REFUSED
    desk.halts(5020)
    assert desk.applies(Change(Verb.RESUME, "5020", 20_000)).settlement is Settlement.REFUSED
    assert desk.releases()[5020]["userFraction"] == 0.05


@pytest.mark.parametrize("hours", [1, 24])
def test_f_an_edit_that_lives_short_or_long_holds_one_conversation_and_no_longer(hours):
    desk = desk_with(edit_lifetime_hours=hours)
    assert desk.applies(RAISE).settlement is Settlement.CONFIRMED
    pass_time(desk.world, hours + 1)  # the edit that read it back has expired
    assert desk.halts(5020).settlement is Settlement.CONFIRMED


@pytest.mark.parametrize("arrays", ["replaced", "merged"])
def test_g_tracks_are_never_patched(arrays):
    desk = desk_with(patch_arrays=arrays)
    before = copy.deepcopy(desk.releases())
    desk.applies(RAISE)
    desk.halts(5020)
    assert "tracks.patch" not in desk.wire.calls
    assert {code: desk.releases()[code] for code in (5010, 5030)} == {c: before[c] for c in (5010, 5030)}


@pytest.mark.parametrize("listed", [True, False])
def test_h_a_release_halted_at_everyone_is_halted_whether_the_review_list_tells_of_it_or_not(listed):
    desk = desk_with(halted_completed_listed=listed)
    desk.applies(Change(Verb.COMPLETE, "5020", 1_000_000))
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert desk.seen().find("5020").stopped
    assert desk.applies(Change(Verb.RESUME, "5020", 1_000_000)).settlement is Settlement.CONFIRMED


def at_everyone(*, listed: bool, **switches: bool) -> Desk:
    desk = desk_with(halted_completed_listed=listed)
    desk.applies(Change(Verb.COMPLETE, "5020", 1_000_000))
    desk.world.turn(switches)
    return desk


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("takes_effect", [True, False])
def test_h_what_everybody_still_gets_is_not_halted_while_nobody_sends_its_halt_for_review(
    takes_effect, listed
):
    """Seed 7001: the list told of nothing but the release that was to be served instead, and the halt was confirmed."""
    desk = at_everyone(listed=listed, unsent_halt_takes_effect=takes_effect)
    desk.world.play.apps[0].rejected = True
    outcome = desk.halts(5020)
    assert (outcome.settlement is Settlement.CONFIRMED) is takes_effect
    assert desk.seen().find("5020").stopped is takes_effect is (offered(desk, 5020)[0] == "halted")
    if not takes_effect:
        assert desk.seen().find("5020").review is ReviewState.NOT_SENT_FOR_REVIEW
        assert offered(desk, 5020) == ("completed", 1_000_000)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("managed", [True, False])
def test_h_what_everybody_still_gets_is_not_halted_while_its_halt_is_reviewed(managed, listed):
    desk = at_everyone(listed=listed, halts_in_review=True, managed_publishing=managed)
    assert desk.halts(5020).settlement is Settlement.IN_DOUBT
    assert desk.seen().find("5020").review is ReviewState.IN_REVIEW
    pass_time(desk.world, 5)
    assert desk.seen().find("5020").stopped is (not managed) is (offered(desk, 5020)[0] == "halted")


@pytest.mark.parametrize("known_as", ["either", "qa", "internal"])
@pytest.mark.parametrize("configured", ["qa", "internal"])
def test_h_the_internal_track_is_read_by_either_of_its_names(known_as, configured):
    desk = desk_with(internal_track_listed_as=known_as)
    edit = desk.theirs.insert()
    desk.theirs.put(edit, completed(5030), track="internal")
    desk.theirs.commit(edit)
    pass_time(desk.world, 5)
    assert desk.seen(configured).find("5030").review is ReviewState.PUBLISHED


@pytest.mark.parametrize("same", [True, False])
def test_an_edit_that_play_hands_out_twice_spoils_neither_a_raise_nor_a_halt(same):
    desk = desk_with(same_edit_within_2s=same)
    assert desk.applies(RAISE).settlement is Settlement.CONFIRMED
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert offered(desk, 5020) == ("halted", 0)


class Dead(Exception):
    """The process is no more."""


def left_by_one_that_died_before_its_commit(change, **switches) -> Desk:
    """The desk of the next process: it starts at once, and Play hands the same edit out again."""
    world = world_at(5)
    world.turn({"same_edit_within_2s": True, **switches})

    def dies(operation: str) -> None:
        if operation == "edits.commit":
            raise Dead

    with pytest.raises(Dead):
        change(Desk(world, Wire(world, dies)))
    return Desk(world)


def raised(desk: Desk) -> None:
    desk.applies(RAISE)


def halted_by_us(desk: Desk) -> None:
    desk.halts(5020)


def test_the_first_look_of_a_process_says_that_it_may_show_what_one_that_died_wished():
    desk = left_by_one_that_died_before_its_commit(raised)
    first, second = desk.seen(), desk.seen()
    assert (first.find("5020").exposure_ppm, first.perhaps_wished) == (50_000, True)
    assert (second.find("5020").exposure_ppm, second.perhaps_wished) == (10_000, False)


def test_an_edit_left_by_a_process_that_died_is_not_taken_for_the_truth_although_it_cannot_be_deleted_at_first():
    desk = left_by_one_that_died_before_its_commit(raised)
    desk.world.faults.add(Fault("google_play", "500", "edits.delete"))
    assert desk.seen().perhaps_wished
    assert desk.seen().find("5020").exposure_ppm == 10_000


def test_no_look_believes_an_edit_left_by_a_process_that_died_while_it_cannot_be_deleted():
    desk = left_by_one_that_died_before_its_commit(raised)
    desk.world.faults.add(Fault("google_play", "500", "edits.delete", count=2))
    assert desk.seen().perhaps_wished
    with pytest.raises(Faulty, match="may be written to already"):
        desk.seen()


def test_a_halt_that_a_process_did_not_live_to_commit_is_not_taken_for_one_that_is_there():
    desk = left_by_one_that_died_before_its_commit(halted_by_us)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert offered(desk, 5020) == ("halted", 0)


@pytest.mark.parametrize("form", ["FAILED_PRECONDITION", "INVALID_ARGUMENT", "gone_410"])
def test_an_edit_that_is_gone_is_recognised_in_every_form(form):
    world = world_at(5)
    world.turn({"edit_deleted": form})
    meddled: list[str] = []

    def before(operation: str) -> None:
        if operation == "edits.commit" and not meddled:
            meddled.append(operation)
            desk.theirs.insert()  # another account's edit ends nothing
            desk.theirs.change(staged(5020, 0.02), DRAFT)

    desk = Desk(world, Wire(world, before))
    with pytest.raises(Conflict):
        desk.applies(RAISE)
    assert desk.seen().find("5020").exposure_ppm == 20_000
