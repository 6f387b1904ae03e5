"""Steps, resumes, completions and starts: what the App Store shows afterwards, whatever it answered."""

from __future__ import annotations

import pytest
from apple_fake import (
    AGREEMENT,
    BROKEN,
    FINAL,
    HTML,
    NEW,
    NOT_LIVE,
    SAME,
    STATE_ERROR,
    THROTTLED,
    Answer,
    FakeApple,
    FakeVersion,
    applied,
    change,
    error,
    old,
    shown,
    store,
)

from stagedrollout.core.errors import Faulty, Preempted, Rejected, Throttled
from stagedrollout.core.model import ReleaseStatus, Settlement, StoreState, Unread, Verb

APPROVED = "PENDING_DEVELOPER_RELEASE"


def paused(day=3):
    return FakeApple(FakeVersion(NEW, phased="PAUSED", day=day), old())


def ramping(day=3):
    return FakeApple(FakeVersion(NEW, day=day), old())


def approved(phased="INACTIVE"):
    return FakeApple(FakeVersion(NEW, APPROVED, phased, 0 if phased else None, old_state=APPROVED), old())


@pytest.mark.parametrize("verb", [Verb.STEP, Verb.RESUME])
def test_a_paused_release_goes_on_and_is_read_back(verb):
    fake = paused()
    outcome = applied(store(fake), change(verb))
    assert outcome.settlement is Settlement.CONFIRMED
    assert fake.version().phased == "ACTIVE"
    assert fake.steps == ["list", "list", "patch", "list"]
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).status is ReleaseStatus.IN_PROGRESS


@pytest.mark.parametrize("fake", [paused(), ramping()], ids=["paused", "ramping"])
def test_completing_gives_it_to_everyone(fake):
    outcome = applied(store(fake), change(Verb.COMPLETE))
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, "COMPLETE")
    assert fake.steps == ["list", "list", "patch", "list"]


@pytest.mark.parametrize(
    ("fake", "verb"),
    [
        (ramping(), Verb.STEP),
        (ramping(), Verb.RESUME),
        (FakeApple(FakeVersion(NEW, phased="COMPLETE", day=4)), Verb.COMPLETE),
        (FakeApple(FakeVersion(NEW, phased=None)), Verb.COMPLETE),
        (approved(), Verb.PREPARE),
        (FakeApple(FakeVersion(NEW, "PROCESSING_FOR_DISTRIBUTION", "INACTIVE", 0)), Verb.START),
    ],
)
def test_what_is_already_so_is_not_sent_again(fake, verb):
    outcome = applied(store(fake), change(verb))
    assert (outcome.settlement, fake.writes) == (Settlement.ALREADY, [])


@pytest.mark.parametrize("verb", [Verb.STEP, Verb.RESUME, Verb.COMPLETE, Verb.PREPARE, Verb.START])
def test_nothing_is_sent_once_the_store_is_no_longer_what_was_decided_on(verb):
    fake = paused()
    port = store(fake)
    seen = port.read().fingerprint
    fake.version().day = 4
    outcome = port.apply(change(verb), seen, lambda: None)
    assert (outcome.settlement, fake.writes) == (Settlement.MOVED, [])


@pytest.mark.parametrize(
    ("fake", "verb"),
    [
        (FakeApple(FakeVersion(NEW, phased="COMPLETE", day=4)), Verb.STEP),
        (FakeApple(FakeVersion(NEW, phased="PAUSED", day=None)), Verb.RESUME),
        (FakeApple(FakeVersion(NEW, old_state="REMOVED_FROM_SALE", phased="PAUSED")), Verb.RESUME),
        (FakeApple(FakeVersion(NEW, phased="RESTING")), Verb.COMPLETE),
        (FakeApple(FakeVersion(NEW, phased="INACTIVE", day=0)), Verb.COMPLETE),
        (approved(), Verb.COMPLETE),
        (paused(), Verb.PREPARE),
        (ramping(), Verb.HALT),
        (FakeApple(FakeVersion(NEW, "IN_REVIEW", "INACTIVE", 0, old_state="")), Verb.START),
        (FakeApple(FakeVersion(NEW, APPROVED, "COMPLETE", 7, old_state="")), Verb.START),
        (FakeApple(old()), Verb.START),
    ],
)
def test_a_raise_that_does_not_fit_is_not_sent(fake, verb):
    outcome = applied(store(fake), change(verb))
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, [])
    assert outcome.detail


def test_a_step_to_another_share_than_apples_next_is_not_sent():
    fake = paused(day=3)
    outcome = applied(store(fake), change(Verb.STEP, 200_000))
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, [])
    assert "20 %" in outcome.detail


def test_a_share_of_ones_own_choice_is_rejected_in_words():
    fake = ramping()
    with pytest.raises(Rejected, match="Apple's shares cannot be chosen"):
        store(fake).apply(change(Verb.RAISE), "", lambda: None)
    assert fake.calls == []


@pytest.mark.parametrize(
    "lost", [TimeoutError(), ConnectionResetError(), HTML, BROKEN, Answer(504), Answer(200, b"<")]
)
@pytest.mark.parametrize(("verb", "word"), [(Verb.STEP, "ACTIVE"), (Verb.COMPLETE, "COMPLETE")])
def test_a_lost_reply_to_a_write_that_took_effect_is_settled_by_looking(lost, verb, word):
    fake = paused()
    fake.fails("patch", lost, after=True)
    outcome = applied(store(fake), change(verb))
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, word)
    assert fake.writes == ["patch"]


@pytest.mark.parametrize("lost", [TimeoutError(), ConnectionResetError(), HTML, BROKEN])
def test_a_lost_write_leaves_doubt_and_is_not_repeated(lost):
    fake = paused()
    fake.fails("patch", lost)
    outcome = applied(store(fake), change(Verb.RESUME))
    assert (outcome.settlement, fake.version().phased) == (Settlement.IN_DOUBT, "PAUSED")
    assert fake.writes == ["patch"]


def test_a_write_that_apple_accepts_but_does_not_show_leaves_doubt():
    fake = paused()
    fake.fails("patch", Answer(200, b'{"data": {}}'))
    outcome = applied(store(fake), change(Verb.RESUME))
    assert outcome.settlement is Settlement.IN_DOUBT
    assert outcome.detail.startswith("Apple accepted the request")


def test_a_store_that_cannot_be_read_back_leaves_doubt():
    fake = paused()
    port = store(fake)
    seen = port.read().fingerprint
    fake.happens = lambda step: fake.fails("list", BROKEN) if step == "patch" else None
    outcome = port.apply(change(Verb.RESUME), seen, lambda: None)
    assert (outcome.settlement, type(outcome.state)) == (Settlement.IN_DOUBT, Unread)


def test_a_store_that_cannot_be_read_before_has_nothing_sent():
    fake = paused()
    fake.fails("list", BROKEN)
    with pytest.raises(Faulty):
        store(fake).apply(change(Verb.RESUME), "", lambda: None)
    assert fake.writes == []


def test_a_value_that_somebody_else_set_meanwhile_is_a_success():
    fake = paused()
    fake.happens = lambda step: setattr(fake.version(), "phased", "ACTIVE") if step == "patch" else None
    outcome = applied(store(fake), change(Verb.RESUME))
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, "ACTIVE")


def test_a_value_that_apple_claims_but_does_not_show_leaves_doubt():
    fake = paused()
    fake.fails("patch", SAME)
    assert applied(store(fake), change(Verb.RESUME)).settlement is Settlement.IN_DOUBT


def test_a_release_completed_meanwhile_refuses_the_resume_and_satisfies_the_completion():
    for verb, settlement in ((Verb.RESUME, Settlement.REFUSED), (Verb.COMPLETE, Settlement.CONFIRMED)):
        fake = paused()
        fake.happens = lambda step, fake=fake: (
            setattr(fake.version(), "phased", "COMPLETE") if step == "patch" else None
        )
        outcome = applied(store(fake), change(verb))
        assert outcome.settlement is settlement
        assert isinstance(outcome.state, StoreState)
        assert shown(outcome.state).status is ReleaseStatus.COMPLETED


def test_a_resume_that_apple_finishes_at_once_is_confirmed():
    fake = paused(day=7)
    fake.happens = lambda step: (
        setattr(fake.version(), "phased", "COMPLETE") if step == "list" and "patch" in fake.steps else None
    )
    assert applied(store(fake), change(Verb.RESUME)).settlement is Settlement.CONFIRMED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NOT_LIVE, "not live"),
        (FINAL, "final"),
        (STATE_ERROR, "state of another resource"),
        (AGREEMENT, "the Account Holder must sign"),
        (error(422, "ENTITY_ERROR", "what is this"), "what is this"),
        (error(404, "NOT_FOUND", "There is no resource"), "There is no resource"),
    ],
)
def test_a_refusal_is_told_in_words_with_the_store_as_it_is(answer, words):
    fake = paused()
    fake.fails("patch", answer)
    outcome = applied(store(fake), change(Verb.RESUME))
    assert outcome.settlement is Settlement.REFUSED
    assert words in outcome.detail
    assert isinstance(outcome.state, StoreState)
    assert fake.version().phased == "PAUSED"


def test_a_throttled_write_was_not_applied_and_may_be_tried_afresh():
    fake = paused()
    fake.fails("patch", THROTTLED)
    with pytest.raises(Throttled):
        applied(store(fake), change(Verb.RESUME))
    assert fake.version().phased == "PAUSED"


def test_a_write_refused_for_its_token_is_sent_again_with_another_one():
    fake = paused()
    fake.fails("patch", error(401, "NOT_AUTHORIZED", None), times=2)
    assert applied(store(fake), change(Verb.RESUME)).settlement is Settlement.CONFIRMED
    tokens = [call.headers["authorization"] for call in fake.calls if call.step == "patch"]
    assert len(set(tokens)) == 3


@pytest.mark.parametrize("after", [0, 1, 2])
def test_clearance_is_asked_right_before_each_sending_and_stops_it(after):
    fake = paused()
    fake.fails("patch", error(401, "NOT_AUTHORIZED", None), times=2)
    asked = []

    def clearance():
        if len(asked) == after:
            raise Preempted("a halt took over")
        asked.append(fake.steps[-1])

    with pytest.raises(Preempted):
        applied(store(fake), change(Verb.RESUME), clearance)
    assert fake.writes == ["patch"] * after
    assert fake.version().phased == "PAUSED"


def test_a_version_gets_its_phased_release_before_it_is_out():
    fake = FakeApple(FakeVersion(NEW, "IN_REVIEW", None, None, old_state=""), old())
    outcome = applied(store(fake), change(Verb.PREPARE, 0))
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, "INACTIVE")
    assert fake.steps == ["list", "list", "create", "list"]


def test_a_phased_release_whose_making_got_no_answer_is_settled_by_looking_and_not_made_twice():
    fake = FakeApple(FakeVersion(NEW, "IN_REVIEW", None, None, old_state=""), old())
    fake.fails("create", TimeoutError(), after=True)
    assert applied(store(fake), change(Verb.PREPARE, 0)).settlement is Settlement.CONFIRMED
    assert fake.writes == ["create"]


@pytest.mark.parametrize("state", ["PROCESSING_FOR_DISTRIBUTION", "READY_FOR_DISTRIBUTION"])
def test_an_approved_version_is_released_in_phases(state):
    fake = approved()
    fake.releases_to = state
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().state) == (Settlement.CONFIRMED, state)
    assert fake.steps == ["list", "list", "release", "list"]


def test_an_approved_version_without_a_phased_release_gets_one_first():
    fake = approved(phased=None)
    outcome = applied(store(fake), change(Verb.START))
    assert outcome.settlement is Settlement.CONFIRMED
    assert fake.steps == ["list", "list", "create", "list", "release", "list"]
    assert fake.version().phased == "INACTIVE"


def test_a_version_that_can_have_no_phased_release_is_never_released():
    fake = FakeApple(FakeVersion(NEW, APPROVED, None, None, old_state=APPROVED))
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().state) == (Settlement.REFUSED, APPROVED)
    assert "nothing was released" in outcome.detail
    assert fake.writes == ["create"]


@pytest.mark.parametrize("lost", [TimeoutError(), HTML, Answer(201, b"{}")])
def test_a_phased_release_that_is_not_seen_has_nothing_released(lost):
    fake = approved(phased=None)
    fake.fails("create", lost)
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().state) == (Settlement.IN_DOUBT, APPROVED)
    assert fake.writes == ["create"]


def test_a_phased_release_that_cannot_be_read_back_has_nothing_released():
    fake = approved(phased=None)
    fake.happens = lambda step: fake.fails("list", BROKEN) if step == "create" else None
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().state) == (Settlement.IN_DOUBT, APPROVED)


def test_a_phased_release_made_in_spite_of_a_lost_reply_leads_on():
    fake = approved(phased=None)
    fake.fails("create", ConnectionResetError(), after=True)
    assert applied(store(fake), change(Verb.START)).settlement is Settlement.CONFIRMED


def test_somebody_who_withdraws_the_version_meanwhile_has_nothing_released():
    fake = approved(phased=None)
    fake.happens = lambda step: (
        setattr(fake.version(), "state", "DEVELOPER_REJECTED") if step == "create" else None
    )
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.writes) == (Settlement.IN_DOUBT, ["create"])


def test_a_conflict_about_a_release_that_is_under_way_is_a_success():
    fake = approved()
    fake.fails("release", STATE_ERROR, after=True)
    assert applied(store(fake), change(Verb.START)).settlement is Settlement.CONFIRMED


def test_a_conflict_about_a_release_that_is_not_is_a_refusal():
    fake = approved()
    fake.fails("release", STATE_ERROR)
    assert applied(store(fake), change(Verb.START)).settlement is Settlement.REFUSED


def test_a_release_that_turns_out_unphased_is_not_called_a_start():
    fake = approved()
    fake.happens = lambda step: setattr(fake.version(), "phased", None) if step == "release" else None
    outcome = applied(store(fake), change(Verb.START))
    assert outcome.settlement is Settlement.IN_DOUBT
    assert "at 100 %" in outcome.detail


def test_a_lost_release_request_is_not_repeated():
    fake = approved()
    fake.fails("release", TimeoutError())
    assert applied(store(fake), change(Verb.START)).settlement is Settlement.IN_DOUBT
    assert fake.writes == ["release"]


def test_a_throttled_release_request_may_be_tried_afresh_unless_something_was_made_before():
    fake = approved()
    fake.fails("release", THROTTLED)
    with pytest.raises(Throttled):
        applied(store(fake), change(Verb.START))
    fake = approved(phased=None)
    fake.fails("release", THROTTLED)
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().phased) == (Settlement.REFUSED, "INACTIVE")
