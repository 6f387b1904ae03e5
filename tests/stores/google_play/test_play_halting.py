"""Halts: whatever Play says first, a halt is sent on the mildest terms it accepts, and believed when read."""

from __future__ import annotations

import copy
import json

import pytest
from play_fake import (
    BY_ITSELF,
    EDIT_DELETED,
    HTML,
    IN_REVIEW,
    MUST_HAVE,
    NEW,
    NEXT,
    NOT_BY_ITSELF,
    OLD,
    Answer,
    FakePlay,
    error,
    release,
    seen_in,
    store,
)

from stagedrollout.core.errors import Conflict, Denied, Faulty, Throttled, Unreachable
from stagedrollout.core.model import ReleaseStatus, Settlement, Unread
from stagedrollout.core.policy import HaltInReview

POLITE = {"changesInReviewBehavior": ["ERROR_IF_IN_REVIEW"], "alt": ["json"]}
CANCELLING = {"changesInReviewBehavior": ["CANCEL_IN_REVIEW_AND_SUBMIT"], "alt": ["json"]}
HELD_BACK = {"changesNotSentForReview": ["true"]}


def exact(value):
    return json.dumps(value, sort_keys=True)


def test_a_halt_costs_seven_requests_and_two_edits_and_is_confirmed_by_reading():
    fake = FakePlay(NEW, OLD)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.CONFIRMED
    assert outcome.state.find("5020").stopped
    assert fake.deployed(5020)["status"] == "halted"
    assert fake.steps == ["insert", "get", "put", "commit", "insert", "get", "list"]
    assert fake.commits == [POLITE]


@pytest.mark.promise("R8")
def test_a_halt_changes_the_status_of_one_release_and_nothing_else():
    fake = FakePlay(NEW, OLD, NEXT)
    before = copy.deepcopy(fake.track)
    store(fake).halt("5020")
    before["releases"][0]["status"] = "halted"
    assert exact(fake.track) == exact(before)


def test_a_halt_does_not_care_what_else_a_person_changed():
    fake = FakePlay(release(NEW, userFraction=0.7), OLD, NEXT)
    assert store(fake).halt("5020").settlement is Settlement.CONFIRMED


def test_a_release_that_everyone_has_is_halted_too_and_the_one_before_serves_again():
    fake = FakePlay(release(NEW, status="completed", userFraction=None))
    fake.fallback = OLD
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.CONFIRMED
    halted = outcome.state.find("5020")
    assert (halted.status, halted.exposure_ppm) == (ReleaseStatus.HALTED, 0)
    assert outcome.state.find("5010").status is ReleaseStatus.COMPLETED
    assert "userFraction" not in fake.deployed(5020)


@pytest.mark.parametrize("rule", ["by_previous", "required", "forbidden"])
@pytest.mark.parametrize(
    "before", [NEW, release(NEW, status="completed", userFraction=None)], ids=["staged", "all"]
)
def test_whatever_play_wants_of_the_fraction_the_halt_gets_through(rule, before):
    fake = FakePlay(before, OLD) if before["status"] != "completed" else FakePlay(before)
    fake.fallback = OLD
    fake.halted_fraction_rule = rule
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.CONFIRMED
    told = fake.deployed(5020).get("userFraction")
    had_everyone = before["status"] == "completed"
    assert (
        told
        in {
            "by_previous": (None,) if had_everyone else (0.1,),
            "required": (0.999999,) if had_everyone else (0.1,),
            "forbidden": (None,),
        }[rule]
    )


def test_the_fraction_is_flipped_once_and_in_the_same_edit():
    fake = FakePlay(NEW, OLD)
    for turn in (1, 2):
        fake.fails("put", MUST_HAVE, turn=turn)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.REFUSED
    assert "must have fraction" in outcome.detail
    puts = [call for call in fake.calls if call.step == "put"]
    assert len(puts) == 2
    assert puts[0].edit == puts[1].edit
    assert "commit" not in fake.steps


def test_a_release_of_which_play_uses_an_unknown_word_is_halted_all_the_same():
    fake = FakePlay(release(NEW, status="galloping"), OLD)
    assert store(fake).halt("5020").settlement is Settlement.CONFIRMED


# -- review


def test_a_halt_that_meets_a_review_cancels_it():
    fake = FakePlay(NEW, OLD)
    fake.in_review = True
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.CONFIRMED
    assert fake.commits == [POLITE, CANCELLING]


def test_a_halt_that_must_ask_first_is_refused_in_words_and_cancels_nothing():
    fake = FakePlay(NEW, OLD)
    fake.in_review = True
    outcome = store(fake, halt_in_review=HaltInReview.ASK).halt("5020")
    assert outcome.settlement is Settlement.REFUSED
    assert "Play Console" in outcome.detail
    assert fake.commits == [POLITE]
    assert fake.deployed(5020)["status"] == "inProgress"


def test_a_halt_that_play_will_not_submit_is_held_back_and_stays_in_doubt():
    fake = FakePlay(NEW, OLD)
    fake.rejected = True
    outcome = store(fake).halt("5020")
    assert fake.commits == [POLITE, {**POLITE, **HELD_BACK}]
    assert outcome.settlement is Settlement.IN_DOUBT
    assert "NOT_SENT_FOR_REVIEW" in outcome.detail


def test_a_flag_that_play_does_not_want_is_dropped_again():
    fake = FakePlay(NEW, OLD)
    fake.in_review = True
    fake.fails("commit", NOT_BY_ITSELF)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.CONFIRMED
    assert fake.commits[0] == POLITE
    assert fake.commits[-1] == CANCELLING


def test_a_store_that_contradicts_itself_is_not_asked_for_ever():
    fake = FakePlay(NEW, OLD)
    for answer in (NOT_BY_ITSELF, BY_ITSELF, NOT_BY_ITSELF, BY_ITSELF, IN_REVIEW):
        fake.faults.setdefault("commit", [])
        fake.fails("commit", answer, turn=len(fake.faults["commit"]) + 1)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.REFUSED
    assert len(fake.commits) <= 4


@pytest.mark.promise("R4")
@pytest.mark.parametrize("word", ["IN_REVIEW", "APPROVED_NOT_PUBLISHED", "NOT_APPROVED", "DRAFT", "NEW_WORD"])
def test_a_halt_that_a_review_holds_is_not_called_halted(word):
    fake = FakePlay(NEW, OLD)
    fake.review_of_changes = word
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.IN_DOUBT
    assert word in outcome.detail


def test_a_release_halted_before_is_left_alone():
    fake = FakePlay(release(NEW, status="halted"), OLD)
    port = store(fake)
    seen_in(port, fake)
    assert port.halt("5020").settlement is Settlement.ALREADY
    assert fake.steps == ["insert", "get", "delete", "list"]


def test_a_halt_that_waits_for_its_review_is_looked_at_and_the_review_left_to_run():
    fake = FakePlay(release(NEW, status="halted"), OLD)
    fake.reviews[5020] = "IN_REVIEW"
    port = store(fake)
    assert port.halt("5020").settlement is Settlement.IN_DOUBT
    assert fake.commits == []
    fake.reviews[5020] = "PUBLISHED"
    assert port.halt("5020").settlement is Settlement.ALREADY


def test_a_release_halted_before_whose_review_cannot_be_read_stays_in_doubt():
    fake = FakePlay(release(NEW, status="halted"), OLD)
    fake.fails("list", HTML)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.IN_DOUBT
    assert isinstance(outcome.state, Unread)


# -- nothing to halt, refusals, unclear answers


@pytest.mark.parametrize("releases", [[OLD], [release(NEXT, versionCodes=["5020"]), OLD], []])
def test_where_there_is_nothing_to_halt_it_says_so(releases):
    fake = FakePlay(*releases)
    before = copy.deepcopy(fake.track)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.REFUSED
    assert "nothing to halt" in outcome.detail
    assert fake.track == before
    assert fake.edits == {}


@pytest.mark.parametrize("step", ["put", "commit"])
def test_a_halt_that_play_refuses_is_refused_in_its_words_with_the_store_as_it_is(step):
    fake = FakePlay(NEW, OLD)
    fake.fails(step, error(400, "Cannot halt release, no matching in progress release found."))
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.REFUSED
    assert "Cannot halt release" in outcome.detail
    assert outcome.state.find("5020").status is ReleaseStatus.IN_PROGRESS


def test_a_halt_refused_because_it_happened_meanwhile_is_confirmed():
    fake = FakePlay(NEW, OLD)
    fake.fails("put", error(400, "Cannot halt release, no matching in progress release found."))

    def meddle(step):
        if step == "put":
            fake.track["releases"][0]["status"] = "halted"

    fake.before_step = meddle
    assert store(fake).halt("5020").settlement is Settlement.CONFIRMED


UNCLEAR = {
    "502 as a web page": HTML,
    "500": error(500, "Internal error encountered.", status="INTERNAL", reason="backendError"),
    "already committed": error(
        400, "This Edit has already been successfully committed, please create a new Edit."
    ),
    "200 without a body": Answer(200, b""),
    "timeout": TimeoutError("t"),
    "reset": ConnectionResetError("reset"),
}


@pytest.mark.parametrize("trouble", UNCLEAR.values(), ids=UNCLEAR)
def test_a_halt_whose_answer_is_lost_is_confirmed_by_looking(trouble):
    fake = FakePlay(NEW, OLD)
    fake.fails("commit", trouble, after=True)
    assert store(fake).halt("5020").settlement is Settlement.CONFIRMED
    assert len(fake.commits) == 1


@pytest.mark.promise("R4")
@pytest.mark.parametrize("trouble", UNCLEAR.values(), ids=UNCLEAR)
def test_a_halt_that_did_not_take_effect_is_never_called_halted(trouble):
    fake = FakePlay(NEW, OLD)
    fake.fails("commit", trouble)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.IN_DOUBT
    assert not outcome.state.find("5020").stopped
    assert len(fake.commits) == 1


def test_a_halt_that_would_leave_nothing_to_serve_says_where_the_cause_is_shown():
    fake = FakePlay(release(NEW, status="completed", userFraction=None))
    fake.fails("commit", error(500, "Internal error encountered.", status="INTERNAL", reason="backendError"))
    assert "nothing to serve" in store(fake).halt("5020").detail


def test_a_halt_that_cannot_be_read_back_is_in_doubt():
    fake = FakePlay(NEW, OLD)
    fake.fails("get", HTML, turn=2)
    outcome = store(fake).halt("5020")
    assert outcome.settlement is Settlement.IN_DOUBT
    assert isinstance(outcome.state, Unread)


@pytest.mark.parametrize("step", ["insert", "get", "put"])
@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (HTML, Faulty),
        (TimeoutError("t"), Unreachable),
        (error(403, "The caller does not have permission", status="PERMISSION_DENIED"), Denied),
        (error(429, "Quota exceeded", status="RESOURCE_EXHAUSTED"), Throttled),
        (EDIT_DELETED, Conflict),
    ],
)
def test_a_halt_that_fails_before_its_commit_may_be_tried_again(step, trouble, kind):
    fake = FakePlay(NEW, OLD)
    fake.fails(step, trouble)
    port = store(fake)
    with pytest.raises(kind):
        port.halt("5020")
    assert port.halt("5020").settlement is Settlement.CONFIRMED


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(EDIT_DELETED, Conflict), (error(429, "Quota", status="RESOURCE_EXHAUSTED"), Throttled)],
)
def test_a_halt_whose_commit_certainly_did_nothing_may_be_tried_again(trouble, kind):
    fake = FakePlay(NEW, OLD)
    fake.fails("commit", trouble)
    port = store(fake)
    with pytest.raises(kind):
        port.halt("5020")
    assert port.halt("5020").settlement is Settlement.CONFIRMED
