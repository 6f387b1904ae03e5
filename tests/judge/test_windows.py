import pytest

from tests.judge.apple_story import LIVE, NAMED, PLACE, AppleStory, in_window, resting


def test_a_window_of_ours_was_closed_for_nothing():
    story = in_window()
    story.polls(11, 12)
    story.pauses(12)
    story.ends("rolling_out")
    assert story.blamed() == {"windows_wrong": 1}


def test_a_window_of_ours_is_closed_where_evidence_is_missing():
    story = in_window()
    story.polls(11, 11.5)
    story.asks(12, status=502)
    story.pauses(12)
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_window_of_ours_is_closed_by_a_hold_that_says_why():
    story = in_window()
    story.polls(11, 12)
    story.pauses(12, "HOLD")
    story.ends("held")
    assert story.blamed() == {}


@pytest.mark.parametrize(("known", "blamed"), [(True, {"windows_wrong": 1}), (False, {})])
def test_a_step_that_is_known_to_be_done_was_asked_for_again(known, blamed):
    story = in_window()
    if known:
        story.writes(10.5, "settled", verb="step", settlement="confirmed")
    story.polls(11, 12)
    story.steps(12)
    story.ends("rolling_out")
    assert story.blamed() == blamed


def test_what_a_person_let_go_on_by_an_order_was_paused_for_nothing():
    story = resting()
    story.polls(4.5, 12)
    story.steps(12, story.orders(12, "advance"))
    story.polls(12.5, 13)
    story.pauses(13)
    story.ends("rolling_out")
    assert story.blamed() == {"console_acts_overridden": 1}


def _let_out(*, phased: bool) -> AppleStory:
    """Approved at hour 2 and let out by us at hour 3, on a person's order."""
    story = AppleStory()
    story.ledger = [record for record in story.ledger if record["at"] < "2026-03-02T04"]
    request = story.requested(3, "app_store", "/v1/appStoreVersionReleaseRequests")
    seen = {"status": "INACTIVE", "exposure_ppm": 0, "track": "", "version_code": 33417}
    released = seen | {"review": "PROCESSING_FOR_DISTRIBUTION", "cause": "api", "request": request}
    story._ledger(3, "served", **PLACE, **NAMED, **released)
    story.state, story.day = ("ACTIVE", 1) if phased else ("COMPLETE", 0)
    story._served_now(3.5, LIVE, cause="store")
    story.ends("rolling_out" if phased else "completed", None if phased else 1_000_000)
    return story


@pytest.mark.parametrize(("phased", "skipped"), [(True, 0), (False, 1)])
def test_a_version_that_we_let_out_begins_with_apples_first_share(phased, skipped):
    assert _let_out(phased=phased).blamed().get("stages_skipped", 0) == skipped
