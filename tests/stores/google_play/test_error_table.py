"""What each row of google-play.md section 6 comes to for the user, through the real client, from recordings."""

from __future__ import annotations

import json

import pytest
from play_fake import NEW, NEXT, OLD, PACKAGE, FakePlay, error, free, release, seen_in, store
from play_recordings import EMULATED, RECORDINGS, said

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Faulty, Throttled
from stagedrollout.core.model import Change, Outcome, ReleaseStatus, Settlement, Verb
from stagedrollout.core.policy import HaltInReview
from stagedrollout.daemon.retrying import persistently
from stagedrollout.stores.google_play.errors import Refused
from tests.contracts.exchange import watching
from tests.contracts.told import unexplained_answer
from tests.emulator.calls import PlayCaller, completed, control, halted, pass_time, staged, world_at

RAISE = Change(Verb.RAISE, "5020", 200_000)
EVERYONE = Change(Verb.COMPLETE, "5020", 1_000_000)


def raised(fake: FakePlay, change: Change = RAISE) -> Outcome:
    """A raise as the daemon's actuator makes it: decided on a look, and repeated where the error allows that."""
    faults, fake.faults = fake.faults, {}
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.faults = faults
    return persistently(lambda: port.apply(change, seen, free))


def halted_by_us(fake: FakePlay, **more) -> Outcome:
    port = store(fake, **more)
    return persistently(lambda: port.halt("5020"))


def rollout() -> FakePlay:
    return FakePlay(NEW, OLD)


def at(fake: FakePlay) -> float | None:
    """The fraction that people are offered, by what is deployed."""
    one = fake.deployed(5020)
    return one.get("userFraction") if one and one["status"] == "inProgress" else None


def refuses(fake: FakePlay, step: str, row: str, *, always: bool = False) -> FakePlay:
    for turn in range(1, 12 if always else 2):
        fake.fails(step, said(row), turn=turn)
    return fake


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    for wait in ("WAIT_SECONDS_MAX", "SILENT_WAIT_SECONDS"):
        monkeypatch.setattr(f"stagedrollout.daemon.retrying.{wait}", 0.001)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


REOPENED = ["E1", "E1 invalid", "E1 old", "E2"]


@pytest.mark.parametrize("row", REOPENED)
@pytest.mark.parametrize("step", ["get", "put", "validate", "commit"])
def test_e1_e2_a_raise_whose_edit_somebody_ended_is_made_in_a_new_one(row, step):
    fake = rollout()
    assert raised(refuses(fake, step, row)).settlement is Settlement.CONFIRMED
    assert (at(fake), fake.steps.count("insert")) == (0.2, 3)


@pytest.mark.parametrize("row", REOPENED)
def test_e1_e2_a_halt_whose_edit_somebody_ended_is_made_in_a_new_one(row):
    fake = rollout()
    assert halted_by_us(refuses(fake, "commit", row)).settlement is Settlement.CONFIRMED


def test_e1_three_new_edits_are_enough_and_the_next_pass_goes_on():
    fake = rollout()
    with pytest.raises(Conflict, match="This Edit has been deleted"):
        raised(refuses(fake, "put", "E1", always=True))
    assert (at(fake), fake.steps.count("insert")) == (0.1, 3)


@pytest.mark.parametrize("applied", [True, False])
def test_e3_a_raise_told_to_be_committed_already_is_what_the_store_shows(applied):
    fake = rollout()
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.fails("commit", said("E3"), after=applied)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is (Settlement.CONFIRMED if applied else Settlement.IN_DOUBT)
    assert fake.steps.count("commit") == 1


def test_e4_a_track_that_is_being_updated_is_tried_again_from_the_start():
    fake = rollout()
    assert raised(refuses(fake, "put", "E4")).settlement is Settlement.CONFIRMED
    assert at(fake) == 0.2


@pytest.mark.parametrize("step", ["validate", "commit"])
def test_e5_a_raise_after_a_rejection_is_left_to_a_person_and_never_held_back_from_review(step):
    fake = rollout()
    try:
        outcome = raised(refuses(fake, step, "E5"))
    except EdgeError as no:
        told = str(no)
    else:
        assert outcome.settlement is Settlement.REFUSED
        told = outcome.detail
    assert "cannot be sent for review automatically" in told
    assert "a person must send the changes for review" in told
    assert at(fake) == 0.1
    assert not any("changesNotSentForReview" in query for query in fake.commits)


def test_e5_a_halt_after_a_rejection_is_committed_once_without_review_and_is_not_halted_until_read_back():
    fake = rollout()
    fake.rejected = True
    port = store(fake)
    outcome = port.halt("5020")
    assert [query.get("changesNotSentForReview") for query in fake.commits] == [None, ["true"]]
    assert outcome.settlement is Settlement.IN_DOUBT
    assert port.halt("5020").settlement is Settlement.IN_DOUBT
    assert len(fake.commits) == 2  # it is looked at, not committed again
    fake.reviews[5020] = "PUBLISHED"
    assert port.halt("5020").settlement is Settlement.ALREADY


def test_e6_a_halt_that_play_sends_for_review_by_itself_is_committed_again_without_the_flag():
    fake = rollout()
    fake.fails("commit", said("E5"))
    outcome = halted_by_us(fake)  # the flag is then refused with E6
    assert outcome.settlement is Settlement.CONFIRMED
    assert [query.get("changesNotSentForReview") for query in fake.commits] == [None, ["true"], None]


def test_e7_a_raise_gives_way_to_a_running_review_and_says_so():
    outcome = raised(refuses(rollout(), "commit", "E7"))
    assert outcome.settlement is Settlement.REFUSED
    assert "You already have changes in review" in outcome.detail


@pytest.mark.parametrize(
    ("choice", "ends"), [(HaltInReview.CANCEL_REVIEW, "halted"), (HaltInReview.ASK, "inProgress")]
)
def test_e7_a_halt_cancels_a_running_review_unless_the_policy_wants_to_be_asked(choice, ends):
    fake = refuses(rollout(), "commit", "E7")
    outcome = halted_by_us(fake, halt_in_review=choice)
    assert fake.deployed(5020)["status"] == ends
    assert (outcome.settlement is Settlement.CONFIRMED) == (ends == "halted")


@pytest.mark.parametrize("row", ["E8 above", "E8 below", "E8 old"])
def test_e8_a_fraction_that_play_does_not_take_is_told_and_not_sent_again(row):
    fake = rollout()
    with pytest.raises(EdgeError, match=r"(?i)fraction"):
        raised(refuses(fake, "put", row))
    assert (fake.steps.count("put"), at(fake)) == (1, 0.1)


@pytest.mark.parametrize(
    ("rule", "had", "sent"),
    [("forbidden", 0.1, [0.1, None]), ("required", None, [None, 0.999999])],
    ids=["E9 forbidden", "E9 needed"],
)
def test_e9_a_halt_whose_fraction_play_does_not_want_is_flipped_once_in_the_same_edit(rule, had, sent):
    status = "inProgress" if had else "completed"
    fake = FakePlay(release(NEW, status=status, userFraction=had))
    fake.halted_fraction_rule = rule
    assert halted_by_us(fake).settlement is Settlement.CONFIRMED
    puts = [call for call in fake.calls if call.step == "put"]
    assert [call.edit for call in puts] == [puts[0].edit] * 2
    assert [call.body["releases"][0].get("userFraction") for call in puts] == sent


def test_e9_a_raise_beside_a_halted_release_gives_that_one_the_form_play_wants():
    sibling = release(NEW, versionCodes=["5015"], status="halted", userFraction=0.3)
    fake = FakePlay(NEW, OLD, sibling)
    fake.halted_fraction_rule = "forbidden"
    assert raised(fake).settlement is Settlement.CONFIRMED
    assert (at(fake), fake.deployed(5015)["status"]) == (0.2, "halted")


@pytest.mark.parametrize("rule", ["must have", "must not have"])
def test_e9_a_running_release_is_neither_left_out_nor_stripped_of_its_fraction(rule):
    """Left out it would be halted (section 4.3); how many get it has been decided, and is nobody else's to say."""
    sibling = release(NEW, versionCodes=["5015"], userFraction=None if rule == "must have" else 0.3)
    fake = FakePlay(NEW, OLD, sibling)
    fake.fails("put", error(400, f"IN_PROGRESS release {rule} fraction."))
    with pytest.raises(EdgeError, match=rule):
        raised(fake)
    assert fake.steps.count("put") == 1
    assert (at(fake), fake.deployed(5015)) == (0.1, sibling)


def test_e9_a_release_for_everyone_is_never_given_a_fraction():
    fake = FakePlay(NEW, OLD)
    fake.fails("put", error(400, "COMPLETED release must have fraction."))
    with pytest.raises(EdgeError, match="must have fraction"):
        raised(fake, EVERYONE)
    assert (fake.steps.count("put"), at(fake)) == (1, 0.1)


def test_e10_of_two_completed_releases_the_old_ones_are_left_to_play():
    older = release(OLD, versionCodes=["5001"])
    fake = FakePlay(NEW, OLD, older)
    assert raised(fake).settlement is Settlement.CONFIRMED
    assert (at(fake), fake.deployed(5010)["status"], fake.deployed(5001)["status"]) == (
        0.2,
        *["completed"] * 2,
    )


def test_e11_a_halted_release_that_counts_as_staged_is_left_to_play():
    sibling = release(NEW, versionCodes=["5015"], status="halted", userFraction=0.3)
    fake = refuses(FakePlay(NEW, OLD, sibling), "put", "E11")
    assert raised(fake).settlement is Settlement.CONFIRMED
    assert at(fake) == 0.2


def test_e11_a_running_rollout_is_never_left_out_to_make_room():
    fake = FakePlay(NEXT, NEW, OLD)
    with pytest.raises(EdgeError, match=r"Too many staged.*complete or halt that one first"):
        raised(fake, Change(Verb.START, "5030", 10_000))
    assert at(fake) == 0.1


@pytest.mark.parametrize("row", ["E12", "E12 old"])
@pytest.mark.parametrize("step", ["put", "commit"])
def test_e12_a_halt_with_nothing_running_looks_and_is_no_halt_while_people_get_it(row, step):
    fake = refuses(rollout(), step, row)
    outcome = halted_by_us(fake)
    assert outcome.settlement is Settlement.REFUSED
    assert "Cannot halt release" in outcome.detail
    assert outcome.state.find("5020").status is ReleaseStatus.IN_PROGRESS


@pytest.mark.parametrize("row", ["E12", "E12 old"])
def test_e12_a_halt_that_somebody_else_made_first_is_confirmed_by_looking(row):
    fake = refuses(rollout(), "put", row)
    fake.before_step = lambda step: step == "put" and fake.track["releases"][0].update(status="halted")
    assert halted_by_us(fake).settlement is Settlement.CONFIRMED


def test_e13_a_completed_release_is_halted_without_completing_another_in_the_same_edit():
    fake = FakePlay(release(NEW, status="completed", userFraction=None), OLD)
    refuses(fake, "put", "E13")
    assert halted_by_us(fake).settlement is Settlement.CONFIRMED
    last = [call.body for call in fake.calls if call.step == "put"][-1]
    assert [one["status"] for one in last["releases"]] == ["halted"]


@pytest.mark.parametrize("row", ["E10", "E13"])
def test_e10_e13_a_halt_is_mended_once_also_where_play_objects_only_when_it_is_committed(row):
    """The order of Play's checks is unknown (section 10): sent the same way again it would never be halted."""
    fake = FakePlay(release(NEW, status="completed", userFraction=None))
    fake.track["releases"].append(OLD)
    refuses(fake, "commit", row)
    assert halted_by_us(fake).settlement is Settlement.CONFIRMED
    assert (fake.deployed(5020)["status"], fake.deployed(5010)["status"]) == ("halted", "completed")
    assert fake.steps[:7] == ["insert", "get", "put", "commit", "put", "commit", "insert"]


def test_e10_a_halt_that_play_never_takes_is_mended_once_and_told():
    fake = FakePlay(release(NEW, status="completed", userFraction=None), OLD)
    refuses(fake, "commit", "E10", always=True)
    assert halted_by_us(fake).settlement is Settlement.REFUSED
    assert fake.steps.count("commit") == 2


def test_e10_a_halt_whose_edit_ends_with_the_refusal_is_told_in_plays_words():
    fake = FakePlay(release(NEW, status="completed", userFraction=None), OLD)
    refuses(fake, "commit", "E10")
    fake.fails("put", said("E1"), turn=2)
    outcome = halted_by_us(fake)
    assert outcome.settlement is Settlement.REFUSED
    assert "Only one completed release" in outcome.detail


def test_e14_a_halt_that_fails_inside_play_is_not_halted_and_says_what_it_may_be():
    outcome = halted_by_us(refuses(rollout(), "commit", "E14"))
    assert outcome.settlement is Settlement.IN_DOUBT
    assert "nothing to serve" in outcome.detail
    assert outcome.state.find("5020").status is ReleaseStatus.IN_PROGRESS


def test_e14_the_same_before_the_commit_is_tried_again():
    fake = refuses(rollout(), "put", "E14")
    assert raised(fake).settlement is Settlement.CONFIRMED


FOR_A_PERSON = {
    "E15": "publish its first release in the Play Console",
    "E15 old": "publish its first release in the Play Console",
    "E16": "the first release of a track goes to everyone",
    "E18": "its version code is lower",
    "E19": "Users and permissions",
    "E21": "switch the Google Play Android Developer API on",
    "E22": "still has to declare",
    "E22 400": "still has to declare",
    "E22 countries": "still has to declare",
    "E23 package": "is `package` spelt right",
    "E23 package old": "is `package` spelt right",
    "E23 codes": "is `package` the right one",
    "E24": "ROLLOUT track",
    "E24 old": "ROLLOUT track",
    "E25": "Play names no cause",
}


@pytest.mark.parametrize("row", FOR_A_PERSON)
def test_e15_e16_e18_to_e25_what_only_a_person_can_mend_is_told_once_in_plays_words_and_ours(row):
    fake = rollout()
    with pytest.raises(EdgeError) as caught:
        raised(refuses(fake, "put", row, always=True))
    words = json.loads(said(row).body)["error"]["message"]
    assert words in str(caught.value)
    assert FOR_A_PERSON[row] in str(caught.value)
    assert (fake.steps.count("put"), at(fake)) == (1, 0.1)
    assert not caught.value.again


@pytest.mark.parametrize("completed_by_somebody", [True, False])
def test_e17_a_release_that_is_out_to_everyone_is_seen_to_be(completed_by_somebody):
    fake = refuses(rollout(), "put", "E17")

    def completes(step):
        if step == "put" and completed_by_somebody:
            fake.track["releases"][0] = release(NEW, status="completed", userFraction=None)

    fake.before_step = completes
    outcome = raised(fake)
    assert outcome.settlement is Settlement.REFUSED
    seen = outcome.state.find("5020").status
    assert seen is (ReleaseStatus.COMPLETED if completed_by_somebody else ReleaseStatus.IN_PROGRESS)


def test_e19_a_missing_permission_is_not_asked_for_three_times_in_a_row():
    fake = refuses(FakePlay(NEW, OLD), "insert", "E19", always=True)
    with pytest.raises(Denied, match="Users and permissions"):
        persistently(store(fake).read)
    assert fake.steps == ["insert"]


def test_e20_unauthorized_comes_and_goes_and_is_tried_three_times_at_most():
    fake = refuses(rollout(), "put", "E20")
    assert raised(fake).settlement is Settlement.CONFIRMED
    with pytest.raises(Faulty, match="Unauthorized"):
        raised(refuses(rollout(), "put", "E20", always=True))


@pytest.mark.parametrize("row", ["E23 track", "E23 empty"])
def test_e23_a_track_that_play_lists_without_releases_has_none(row):
    assert store(refuses(rollout(), "get", row)).read().releases == ()


def test_e23_a_track_that_play_does_not_list_is_a_mistyped_one_and_not_a_quiet_one():
    fake = refuses(rollout(), "get", "E23 track")
    fake.track_names = ("beta", "internal")
    with pytest.raises(Refused, match="no track 'production'; the package has beta, internal"):
        persistently(store(fake).read)
    assert fake.steps == ["insert", "get", "tracks", "delete"]


def test_e26_a_refused_token_is_fetched_anew_once_and_then_a_person_is_told():
    fake = rollout()
    fake.fails("insert", said("E26"))
    assert store(fake).read().find("5020")
    fake = refuses(rollout(), "insert", "E26", always=True)
    with pytest.raises(Denied, match="the key may be revoked"):
        persistently(store(fake).read)
    assert (fake.steps, fake.tokens_issued) == (["insert", "insert"], 2)


@pytest.mark.parametrize("row", ["E27", "E27 403", "E27 user"])
@pytest.mark.parametrize("step", ["insert", "put", "commit"])
def test_e27_a_quota_that_is_used_up_is_waited_for(row, step):
    fake = refuses(rollout(), step, row)
    assert raised(fake).settlement is Settlement.CONFIRMED
    with pytest.raises(Throttled):
        raised(refuses(rollout(), "put", row, always=True))


def test_a_refusal_nobody_has_seen_before_goes_to_a_person_in_plays_words_and_is_sent_once():
    fake = rollout()
    fake.fails("put", error(418, "The moon is full."))
    with pytest.raises(EdgeError, match="The moon is full") as caught:
        raised(fake)
    assert (fake.steps.count("put"), caught.value.again) == (1, False)


# -- the emulator says the same


def _emulated(row: str):
    """The emulator's answer for a row, brought about as a client would."""
    world = world_at(5)
    ours = PlayCaller(world)
    match row:
        case "E1" | "E1 invalid" | "E1 old":
            word = {"E1": "FAILED_PRECONDITION", "E1 invalid": "INVALID_ARGUMENT", "E1 old": "gone_410"}[row]
            world.turn({"edit_deleted": word})
            edit = ours.insert()
            ours.insert()
            return ours.get(edit)
        case "E2":
            edit = ours.insert()
            pass_time(world, 25)
            return ours.get(edit)
        case "E3":
            edit = ours.insert()
            ours.put(edit, staged(5020, 0.05))
            ours.commit(edit)
            return ours.commit(edit)
        case "E5":
            world.play.apps[0].rejected = True
            return ours.change(staged(5020, 0.05))
        case "E6":
            return ours.change(staged(5020, 0.05), changesNotSentForReview="true")
        case "E7":
            early = PlayCaller(world_at(2))
            return early.change(staged(5020, 0.05), changesInReviewBehavior="ERROR_IF_IN_REVIEW")
        case "E9 needed" | "E9 forbidden":
            world.turn({"halted_fraction": "required" if row == "E9 needed" else "forbidden"})
            return ours.put(
                ours.insert(), halted(5020, **({} if row == "E9 needed" else {"userFraction": 0.01}))
            )
        case "E14":
            early = PlayCaller(world_at(0.5))
            return early.change(halted(5010))
        case "E15":
            world.turn({"draft_app": True})
            return ours.change(staged(5020, 0.05))
        case "E16":
            return ours.put(ours.insert(), staged(5030, 0.1), track="beta")
        case "E18":
            ours.change(completed(5030))
            pass_time(world, 5)
            return ours.put(ours.insert(), staged(5020, 0.1))
        case "E23 package":
            wrong = ours.root.replace(PACKAGE, "com.acme.wrong")
            return ours.call("POST", f"{wrong}/edits", {})
        case "E23 track":
            return ours.get(ours.insert(), "wear%3Aproduction")
        case "E23 empty":
            return ours.get(ours.insert(), "beta")
        case "E24":
            return ours.put(ours.insert(), staged(5020, 0.1), track="rollout")
        case "E4" | "E19" | "E20" | "E21" | "E26" | "E27":
            kind = {
                "E4": "409", "E19": "403", "E20": "403_unauthorized", "E21": "403_api_disabled", "E26": "401", "E27": "429",
            }[row]  # fmt: skip
            control(world, "POST", "faults", {"service": "google_play", "kind": kind})
            return ours.call("POST", f"{ours.root}/edits", {})
    wishes = {
        "E8 above": [staged(5020, 1.0)],
        "E8 below": [staged(5020, 0)],
        "E10": [completed(5020), completed(5010)],
        "E11": [staged(5020, 0.1), staged(5030, 0.1)],
        "E12": [halted(5030)],
        "E13": [halted(5010), completed(5030)],
        "E17": [staged(5010, 0.5)],
        "E23 codes": [staged(9999, 0.1)],
        "E25": [staged(5020, 0.005)],
    }
    return ours.put(ours.insert(), *wishes[row])


@pytest.mark.parametrize("row", EMULATED)
def test_the_emulator_answers_what_is_recorded(row):
    with watching() as exchanges:
        answer, recorded = _emulated(row), RECORDINGS[row].answer
    told, wanted = answer.document, json.loads(recorded.body)
    if row == "E23 package":
        wanted = json.loads(recorded.body.replace(PACKAGE.encode(), b"com.acme.wrong"))
    assert (answer.status, told) == (recorded.status, wanted)
    assert unexplained_answer("google_play", exchanges) == []
