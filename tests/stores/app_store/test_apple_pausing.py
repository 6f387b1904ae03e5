"""A halt on the App Store is a pause: what it takes to get it through, and what is said when it cannot be."""

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
    THROTTLED,
    UNAUTHORIZED,
    Answer,
    FakeApple,
    FakeVersion,
    old,
    shown,
    store,
)

from stagedrollout.core.errors import Denied, Faulty, Throttled
from stagedrollout.core.model import ReleaseStatus, Settlement, StoreState, Unread

COMPLETE_IS_FINAL = "complete is final on the App Store: it cannot be paused any more; ship a higher version"


def test_a_ramping_release_is_paused_and_read_back():
    fake = FakeApple(FakeVersion(NEW), old())
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, "PAUSED")
    assert fake.steps == ["list", "patch", "list"]
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).stopped


def test_a_paused_release_is_left_alone():
    fake = FakeApple(FakeVersion(NEW, phased="PAUSED"), old())
    assert store(fake).halt(NEW).settlement is Settlement.ALREADY
    assert fake.steps == ["list"]


def test_complete_is_final_and_said_so():
    fake = FakeApple(FakeVersion(NEW, phased="COMPLETE", day=4), old())
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, outcome.detail, fake.writes) == (Settlement.REFUSED, COMPLETE_IS_FINAL, [])


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (FakeVersion(NEW, phased=None), "ship a higher version"),
        (FakeVersion(NEW, "PENDING_DEVELOPER_RELEASE", "INACTIVE", 0, old_state=""), "nobody gets it yet"),
        (FakeVersion(NEW, "REPLACED_WITH_NEW_VERSION", "COMPLETE", 4), "a newer version took its place"),
        (FakeVersion("5.13.0", "IN_REVIEW", "INACTIVE", 0, old_state=""), "is not in the App Store"),
    ],
)
def test_what_cannot_be_paused_is_told_in_words(version, words):
    fake = FakeApple(version, old())
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, fake.writes) == (Settlement.REFUSED, [])
    assert words in outcome.detail


@pytest.mark.parametrize(
    "version",
    [
        FakeVersion(NEW, day=None),
        FakeVersion(NEW, day=-3),
        FakeVersion(NEW, phased="RESTING"),
        FakeVersion(NEW, old_state="DEVELOPER_REMOVED_FROM_SALE"),
        FakeVersion(NEW, day=8),
        FakeVersion(NEW, build=None, created=None),
    ],
)
def test_a_pause_goes_out_whatever_else_the_store_shows(version):
    fake = FakeApple(version, old())
    assert store(fake).halt(NEW).settlement is Settlement.CONFIRMED
    assert fake.version().phased == "PAUSED"


@pytest.mark.parametrize(
    "failure", [BROKEN, HTML, TimeoutError(), Answer(200, b'{"data": 1}'), AGREEMENT, THROTTLED]
)
def test_a_pause_goes_out_when_the_list_cannot_be_read_any_more(failure):
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    port.read()
    fake.fails("list", failure)
    outcome = port.halt(NEW)
    assert (outcome.settlement, fake.version().phased) == (Settlement.CONFIRMED, "PAUSED")


def test_a_pause_that_cannot_be_read_back_is_not_called_one():
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    port.read()
    fake.fails("list", BROKEN, times=2)
    outcome = port.halt(NEW)
    assert (outcome.settlement, type(outcome.state)) == (Settlement.IN_DOUBT, Unread)
    assert fake.version().phased == "PAUSED"


def test_a_pause_goes_out_when_the_list_no_longer_shows_the_phased_release():
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    port.read()
    fake.shape = lambda document: document.update(included=[])
    port.halt(NEW)
    assert fake.version().phased == "PAUSED"


def test_without_a_list_and_without_a_memory_the_failure_is_told():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", BROKEN)
    with pytest.raises(Faulty):
        store(fake).halt(NEW)
    assert fake.writes == []


def test_only_so_much_is_remembered():
    port = store(fake := FakeApple(FakeVersion(NEW), old()))
    for minor in range(50):
        fake.versions[0].number = f"6.{minor}.0"
        port.read()
    fake.fails("list", BROKEN)
    with pytest.raises(Faulty):
        port.halt("6.0.0")
    fake.fails("list", BROKEN)
    port.halt("6.49.0")
    assert fake.versions[0].phased == "PAUSED"


@pytest.mark.parametrize("lost", [TimeoutError(), ConnectionResetError(), HTML, BROKEN])
def test_a_lost_reply_to_a_pause_that_took_effect_is_settled_by_looking(lost):
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("patch", lost, after=True)
    assert store(fake).halt(NEW).settlement is Settlement.CONFIRMED


@pytest.mark.parametrize("lost", [TimeoutError(), HTML, BROKEN])
def test_a_lost_pause_is_in_doubt(lost):
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("patch", lost)
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, fake.version().phased) == (Settlement.IN_DOUBT, "ACTIVE")
    assert fake.writes == ["patch"]


def test_somebody_who_pauses_first_is_no_failure_and_their_pause_is_not_taken_for_ours():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.happens = lambda step: setattr(fake.version(), "phased", "PAUSED") if step == "patch" else None
    assert store(fake).halt(NEW).settlement is Settlement.ALREADY


def test_somebody_who_paused_while_the_list_cannot_be_read_is_known_by_apples_answer():
    port = store(fake := FakeApple(FakeVersion(NEW), old()))
    port.read()
    fake.version().phased = "PAUSED"
    fake.fails("list", BROKEN, times=2)
    outcome = port.halt(NEW)
    assert (outcome.settlement, type(outcome.state)) == (Settlement.ALREADY, Unread)
    assert "already has this value" in outcome.detail


@pytest.mark.parametrize("lost", [TimeoutError(), ConnectionResetError(), HTML, BROKEN])
def test_our_own_pause_whose_answer_was_lost_is_not_sent_again_and_taken_for_somebodys(lost):
    """Sent a second time it would be answered with "already has this value", as if a person had paused."""
    port = store(fake := FakeApple(FakeVersion(NEW), old()))
    port.read()
    fake.fails("list", BROKEN, times=2)
    fake.fails("patch", lost, after=True)
    outcome = port.halt(NEW)
    assert (outcome.settlement, fake.version().phased) == (Settlement.IN_DOUBT, "PAUSED")
    assert fake.writes == ["patch"]


def test_a_pause_with_a_token_that_apple_refused_first_is_ours():
    """A refused token has applied nothing, so that the second request is the first that counts."""
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("patch", UNAUTHORIZED)
    assert store(fake).halt(NEW).settlement is Settlement.CONFIRMED
    assert fake.version().phased == "PAUSED"


def test_apple_that_completes_first_is_told_with_the_way_out():
    fake = FakeApple(FakeVersion(NEW, day=7), old())
    fake.happens = lambda step: setattr(fake.version(), "phased", "COMPLETE") if step == "patch" else None
    outcome = store(fake).halt(NEW)
    assert (outcome.settlement, outcome.detail) == (Settlement.REFUSED, COMPLETE_IS_FINAL)
    assert isinstance(outcome.state, StoreState)
    assert shown(outcome.state).status is ReleaseStatus.COMPLETED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NOT_LIVE, "not live"),
        (FINAL, COMPLETE_IS_FINAL),
        (AGREEMENT, "Account Holder"),
        (SAME, "already has"),
    ],
)
def test_a_conflict_is_told_and_the_store_read_again(answer, words):
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("patch", answer)
    outcome = store(fake).halt(NEW)
    assert outcome.settlement is (Settlement.IN_DOUBT if answer is SAME else Settlement.REFUSED)
    assert words in outcome.detail
    looked = (
        ["availability", "territories"] if answer is NOT_LIVE else []
    )  # live, says the list: is it on sale?
    assert fake.steps == ["list", "patch", "list", *looked]


def test_a_version_that_is_being_distributed_cannot_be_paused_yet():
    fake = FakeApple(FakeVersion(NEW, "PROCESSING_FOR_DISTRIBUTION", "INACTIVE", 0), old())
    outcome = store(fake).halt(NEW)
    assert outcome.settlement is Settlement.REFUSED
    assert "not live" in outcome.detail


def test_a_throttled_pause_may_be_tried_afresh():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("patch", THROTTLED)
    with pytest.raises(Throttled):
        store(fake).halt(NEW)


def test_a_key_that_is_refused_for_good_is_told_without_the_pause():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.fails("list", UNAUTHORIZED, times=99)
    with pytest.raises(Denied, match="does not accept the key"):
        store(fake).halt(NEW)
    assert fake.steps == ["list"] * 3
