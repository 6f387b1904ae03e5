"""Every row of app-store-connect.md section 8, and what becomes of the release and of what people are told.

The recordings are replayed against the client; where the emulator models a row, it answers with the same words.
"""

from __future__ import annotations

import json
from datetime import timedelta

import apple_recordings as told
import pytest
from apple_fake import (
    NEW,
    PHASED_ID,
    FakeApple,
    FakeVersion,
    Ticking,
    applied,
    change,
    client_of,
    old,
    shown,
    store,
)
from apple_recordings import Answer, without_detail

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.core.model import Outcome, ReleaseStatus, Settlement, StoreState, Verb
from stagedrollout.stores.app_store.errors import Refused, Said, classified
from stagedrollout.stores.app_store.writes import FINAL

APPROVED = "PENDING_DEVELOPER_RELEASE"


def ramping(**more) -> FakeApple:
    return FakeApple(FakeVersion(NEW, **more), old())


def paused() -> FakeApple:
    return ramping(phased="PAUSED")


def approved(phased="INACTIVE") -> FakeApple:
    return FakeApple(FakeVersion(NEW, APPROVED, phased, 0 if phased else None, old_state=APPROVED), old())


def refused(fake: FakeApple, step: str, answer: Answer, verb: Verb = Verb.RESUME) -> Outcome:
    fake.fails(step, answer)
    return applied(store(fake), change(verb))


def unread(fake: FakeApple, answer: Answer, times: int = 1) -> EdgeError:
    fake.fails("list", answer, times=times)
    with pytest.raises(EdgeError) as caught:
        store(fake).read()
    return caught.value


def said(answer: Answer) -> Said:
    found = classified("asking", answer.status, answer.headers, answer.body)
    assert isinstance(found, Refused)
    return found.said


# 400


@pytest.mark.parametrize("answer", [told.ILLEGAL_PARAMETER, told.INVALID_PARAMETER, told.UNPROCESSABLE])
def test_a_request_that_apple_does_not_understand_is_our_mistake_and_is_not_repeated(answer):
    fake = paused()
    outcome = refused(fake, "patch", answer)
    assert (outcome.settlement, fake.writes, fake.version().phased) == (
        Settlement.REFUSED,
        ["patch"],
        "PAUSED",
    )
    assert "please report it" in outcome.detail
    failure = unread(ramping(), answer)
    assert type(failure) is Rejected
    assert not failure.again


# 401


def test_a_valid_token_that_apple_refuses_twice_costs_nobody_a_halt():
    fake = ramping()
    fake.fails("patch", told.UNAUTHORIZED, times=2)
    assert store(fake).halt(NEW).settlement is Settlement.CONFIRMED
    tokens = [call.headers["authorization"] for call in fake.calls if call.step == "patch"]
    assert len(set(tokens)) == 3


@pytest.mark.parametrize("answer", [told.UNAUTHORIZED, without_detail(told.UNAUTHORIZED), Answer(401)])
def test_a_key_that_is_no_longer_accepted_raises_nothing_and_says_where_to_look(answer):
    fake = paused()
    fake.fails("list", answer, times=9)
    with pytest.raises(Denied, match=r"may be revoked.*issuer_id.*clock") as caught:
        store(fake).apply(change(Verb.RESUME), "", lambda: None)
    assert not caught.value.again
    assert (fake.steps, fake.writes) == (["list"] * 3, [])


# 403


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (told.ROLE_MISSING, "needs the role App Manager"),
        (without_detail(told.ROLE_MISSING), "needs the role App Manager"),
        (told.MEMBERSHIP, "the Account Holder must renew it"),
        (told.AGREEMENT, "the Account Holder must sign"),
        (without_detail(told.AGREEMENT), "the Account Holder must sign"),
        (told.AGREEMENT_OLDER, "the Account Holder must sign"),
        (without_detail(told.AGREEMENT_OLDER), "the Account Holder must sign"),
    ],
    ids=["role", "role*", "membership", "agreement", "agreement*", "older", "older*"],
)
def test_who_must_mend_a_refusal_is_said_and_the_key_is_neither_changed_nor_tried_again(answer, words):
    fake = paused()
    outcome = refused(fake, "patch", answer)
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, ["patch"])
    assert words in outcome.detail
    fake = ramping()
    failure = unread(fake, answer)
    assert type(failure) is Denied
    assert words in str(failure)
    store(fake).read()
    assert len(fake.calls) == 2


# 404


def test_an_app_that_the_key_does_not_know_is_named_with_what_to_check():
    failure = unread(
        ramping(), told.error(404, "NOT_FOUND", "There is no resource of type 'apps' with id '1'")
    )
    assert "no app with the Apple ID 6448311069: is app_id right" in str(failure)
    assert not failure.again


def test_a_phased_release_made_anew_by_somebody_is_paused_under_its_new_id():
    fake = ramping()
    port = store(fake)
    port.read()
    fake.version().anew = "another"
    fake.fails("list", told.BROKEN)  # so that only the old id is known
    assert (port.halt(NEW).settlement, fake.version().phased) == (Settlement.CONFIRMED, "PAUSED")
    patches = [call.path.rsplit("/", 1)[1] for call in fake.calls if call.step == "patch"]
    assert patches == [PHASED_ID, "another"]


def test_a_pause_for_an_id_that_is_nobodys_is_sent_once():
    fake = ramping()
    fake.fails("patch", told.NO_SUCH_PHASED)
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, ["patch"])


def test_an_id_that_is_nobodys_is_looked_up_again_with_the_next_look():
    fake = paused()
    port = store(fake)
    fake.fails("patch", told.NO_SUCH_PHASED)
    first = applied(port, change(Verb.RESUME))
    assert first.settlement is Settlement.REFUSED
    assert "looked up again" in first.detail
    assert applied(port, change(Verb.RESUME)).settlement is Settlement.CONFIRMED


def test_an_address_that_apple_does_not_know_is_our_mistake_and_never_means_that_everybody_has_it():
    fake = FakeApple(FakeVersion(NEW, phased=None), old())
    fake.phased_missing = told.NO_SUCH_PATH
    fake.shape = lambda document: [
        item["relationships"]["appStoreVersionPhasedRelease"].pop("data") for item in document["data"]
    ]
    with pytest.raises(Rejected, match="please report it"):
        store(fake).read()


# 409


@pytest.mark.parametrize("answer", [told.NOT_LIVE, without_detail(told.NOT_LIVE)])
def test_a_version_that_is_not_live_yet_is_paused_by_a_later_pass(answer):
    fake = ramping(state="PROCESSING_FOR_DISTRIBUTION", phased="INACTIVE", day=0)
    fake.fails("patch", answer)
    port = store(fake)
    outcome = port.halt(NEW)
    assert (outcome.settlement, fake.steps) == (Settlement.REFUSED, ["list", "patch", "list"])
    assert "not live" in outcome.detail
    live = fake.version()
    live.state, live.phased, live.day = "READY_FOR_DISTRIBUTION", "ACTIVE", 1
    assert port.halt(NEW).settlement is Settlement.CONFIRMED


@pytest.mark.parametrize("answer", [told.FINAL, without_detail(told.FINAL)])
def test_a_pause_that_comes_after_the_end_is_told_with_the_way_out_even_without_apples_words(answer):
    fake = ramping(day=7)
    fake.fails("patch", answer)
    fake.happens = lambda step: setattr(fake.version(), "phased", "COMPLETE") if step == "patch" else None
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, outcome.detail) == (Settlement.REFUSED, FINAL)
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).status is ReleaseStatus.COMPLETED


@pytest.mark.parametrize("answer", [told.SAME, without_detail(told.SAME), told.NOT_LIVE])
def test_a_pause_that_somebody_else_was_quicker_with_is_theirs_whatever_apple_answers(answer):
    """Ours was turned away, and it reads paused: whose pause that is decides who may end it."""
    fake = ramping()
    fake.fails("patch", answer)
    fake.happens = lambda step: setattr(fake.version(), "phased", "PAUSED") if step == "patch" else None
    assert store(fake).halt(NEW).settlement is Settlement.ALREADY


def test_a_release_type_that_is_fixed_by_now_is_told_apart_and_nothing_to_repeat():
    assert said(told.RELEASE_TYPE_FIXED) is Said.FIXED
    outcome = refused(paused(), "patch", told.RELEASE_TYPE_FIXED)
    assert outcome.settlement is Settlement.REFUSED
    assert "'releaseType' can not be modified" in outcome.detail


@pytest.mark.parametrize("answer", [told.VERSION_IN_FLIGHT, without_detail(told.VERSION_IN_FLIGHT)])
def test_a_version_under_way_that_blocks_the_fix_is_said_in_words(answer):
    assert said(answer) is Said.IN_FLIGHT
    outcome = refused(paused(), "patch", answer)
    assert "keeps another one out until it is out itself, or withdrawn" in outcome.detail


@pytest.mark.parametrize("answer", [told.WRONG_TYPE, without_detail(told.WRONG_TYPE)])
def test_a_word_that_apple_does_not_take_is_our_mistake(answer):
    fake = paused()
    outcome = refused(fake, "patch", answer)
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, ["patch"])
    assert "please report it" in outcome.detail


@pytest.mark.parametrize("answer", [told.STATE_ERROR, told.ALREADY_THERE, without_detail(told.STATE_ERROR)])
def test_a_conflict_with_something_else_is_settled_by_reading_and_not_sent_again(answer):
    assert said(answer) is Said.OTHER_STATE
    fake = paused()
    assert refused(fake, "patch", answer).settlement is Settlement.REFUSED
    fake.fails("patch", answer, after=True)
    assert applied(store(fake), change(Verb.RESUME)).settlement is Settlement.CONFIRMED
    assert fake.writes == ["patch"] * 2


def test_a_phased_release_that_is_there_already_is_used():
    fake = approved(phased=None)
    fake.fails("create", told.ALREADY_THERE, after=True)
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.writes) == (Settlement.CONFIRMED, ["create", "release"])


@pytest.mark.parametrize("state", ["PROCESSING_FOR_DISTRIBUTION", "READY_FOR_DISTRIBUTION"])
def test_a_release_request_that_conflicts_with_a_release_under_way_is_the_release(state):
    fake = approved()
    fake.releases_to = state
    fake.fails("release", told.STATE_ERROR, after=True)
    assert applied(store(fake), change(Verb.START)).settlement is Settlement.CONFIRMED
    assert fake.writes == ["release"]


def test_a_release_request_is_not_sent_again_while_apple_takes_its_day():
    fake = approved()
    port = store(fake)
    assert applied(port, change(Verb.START)).settlement is Settlement.CONFIRMED
    assert applied(port, change(Verb.START)).settlement is Settlement.ALREADY
    assert fake.writes == ["release"]
    assert not shown(port.read()).live


def test_a_release_request_that_apple_took_and_does_not_show_yet_is_in_doubt_and_not_sent_again():
    fake = approved()
    fake.releases_to = APPROVED
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.writes) == (Settlement.IN_DOUBT, ["release"])


@pytest.mark.parametrize("verb", [Verb.PREPARE, Verb.START])
def test_the_first_version_of_an_app_is_left_to_a_person_because_it_reaches_everyone_at_once(verb):
    fake = FakeApple(FakeVersion(NEW, APPROVED, None, None, old_state=APPROVED))
    outcome = applied(store(fake), change(verb, 0) if verb is Verb.PREPARE else change(verb))
    assert (outcome.settlement, fake.version().state) == (Settlement.REFUSED, APPROVED)
    assert "first version" in outcome.detail
    assert "a person decides that, in App Store Connect" in outcome.detail


@pytest.mark.parametrize("answer", [told.STATE_ERROR, told.NOT_LIVE, told.UNPROCESSABLE])
def test_a_phased_release_that_comes_too_late_has_nothing_released(answer):
    fake = approved(phased=None)
    fake.fails("create", answer)
    outcome = applied(store(fake), change(Verb.START))
    assert (outcome.settlement, fake.version().state) == (Settlement.REFUSED, APPROVED)
    assert outcome.detail.startswith("nothing was released, because it can have no phased release")
    assert "first version" not in outcome.detail


def test_a_phased_release_that_somebody_deletes_after_the_look_has_nothing_resumed():
    fake = paused()
    fake.happens = lambda step: setattr(fake.version(), "phased", None) if step == "patch" else None
    outcome = applied(store(fake), change(Verb.RESUME))
    assert outcome.settlement is Settlement.REFUSED
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).status is ReleaseStatus.COMPLETED


@pytest.mark.parametrize("answer", [told.NOT_LIVE, without_detail(told.NOT_LIVE)])
def test_an_app_taken_off_sale_is_recognised_by_its_territories_and_stays_withdrawn(answer):
    fake = paused()
    fake.sold = dict.fromkeys(fake.sold, False)
    port = store(fake)
    fake.fails("patch", answer)
    outcome = applied(port, change(Verb.RESUME))
    assert outcome.settlement is Settlement.REFUSED
    assert "removed from sale: the phased release is over for good" in outcome.detail
    assert isinstance(outcome.state, StoreState)
    for state in (outcome.state, port.read()):
        assert shown(state).status is ReleaseStatus.WITHDRAWN
    assert applied(port, change(Verb.RESUME)).settlement is Settlement.REFUSED
    assert fake.writes == ["patch"]


@pytest.mark.parametrize("odd", [told.BROKEN, told.ROLE_MISSING, Answer(200, b'{"data": []}')])
def test_territories_that_cannot_be_read_take_nothing_off_sale(odd):
    fake = paused()
    fake.fails("territories", odd)
    outcome = refused(fake, "patch", told.NOT_LIVE)
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).status is ReleaseStatus.PAUSED


# 429


def test_a_pause_after_too_many_requests_is_sent_again_as_soon_as_somebody_tries():
    fake = ramping()
    port = store(fake)
    fake.fails("patch", told.THROTTLED)
    with pytest.raises(Throttled) as caught:
        port.halt(NEW)
    assert (caught.value.again, caught.value.wait_seconds) == (True, 30)
    assert port.halt(NEW).settlement is Settlement.CONFIRMED


def test_reviews_wait_as_long_as_apple_asks_and_the_state_is_still_read():
    fake, clock = ramping(), Ticking()
    client = client_of(fake, clock=clock)
    fake.fails("reviews", Answer(429, told.THROTTLED.body, {"retry-after": "77"}))
    for _ in range(2):
        with pytest.raises(Throttled):
            client.get("reading reviews", "/v1/apps/6448311069/customerReviews")
    clock.move(timedelta(seconds=76))
    with pytest.raises(Throttled, match="Apple asked us to wait until 06:01:17 UTC"):
        client.get("reading reviews", "/v1/apps/6448311069/customerReviews")
    assert fake.steps == ["reviews"]
    store(fake, client).read()


# 5xx


@pytest.mark.parametrize("answer", [told.BROKEN, told.HTML, told.UNAVAILABLE, told.GATEWAY_TIMEOUT])
def test_a_failure_of_apples_is_settled_by_looking_and_a_pause_is_never_believed_unseen(answer):
    fake = ramping()
    fake.fails("patch", answer, after=True)
    assert store(fake).halt(NEW).settlement is Settlement.CONFIRMED
    fake = ramping()
    fake.fails("patch", answer)
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, fake.writes) == (Settlement.IN_DOUBT, ["patch"])
    failure = unread(ramping(), answer)
    assert (type(failure), failure.again) == (Faulty, True)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'{"data": [' + b" " * (9 << 20) + b"]}"),
        Answer(500, b"x" * (9 << 20)),
        Answer(200, b"[" * 100_000),
        Answer(200, b'{"data":' * 200 + b"1" + b"}" * 200),
        Answer(200, b'{"data": [NaN]}'),
    ],
    ids=["huge", "huge failure", "deep", "nested", "NaN"],
)
def test_an_answer_beyond_all_measure_is_a_fault_and_no_state(answer):
    failure = unread(ramping(), answer)
    assert type(failure) is Faulty
    assert len(str(failure)) < 400


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_does_not_follow_a_redirect(status):
    fake = ramping()
    failure = unread(fake, Answer(status, b"", {"location": "https://evil.example/v1/apps"}))
    assert "never followed" in str(failure)
    assert len(fake.calls) == 1


def test_every_recording_is_what_apple_would_write():
    for name, answer in vars(told).items():
        if isinstance(answer, Answer) and answer.headers.get("content-type") == "application/json":
            (item,) = json.loads(answer.body)["errors"]
            assert {"status", "code", "title", "detail"} <= item.keys(), name
            assert item["status"] == str(answer.status), name
