"""What the journal calls confirmed is looked up in the truth ledger: the store was as wanted, before that was said."""

from __future__ import annotations

import pytest

from tests.judge.apple_story import LIVE, AppleStory, in_window, resting
from tests.judge.story import OLD, Story, at, bad_release, first_raise, new

pytestmark = pytest.mark.promise("R4", "R13")


def _confirms(story: Story, hour: float, verb: str, *, as_: str = "confirmed") -> None:
    """The newest decision of the journal."""
    (intent,) = [e["body"]["intent"] for e in story.journal if e["kind"] == "decided"][-1:]
    story.writes(hour, "settled", intent=intent, verb=verb, settlement=as_, detail="read back in the store")


def _due() -> Story:
    story = Story()
    story.polls(4, 28.5)
    return story


def _sent(story: Story, hour: float) -> None:
    story.commit(hour, new("inProgress", 0.1), OLD)
    story.served(hour, "inProgress", 100_000)
    story.ends("rolling_out", 100_000)


def test_a_raise_is_confirmed_by_what_was_read_back():
    story = first_raise()
    _confirms(story, 28.5, "raise")
    assert story.blamed() == {}


def test_a_raise_was_called_done_before_the_store_was_asked():
    story = _due()
    story.decides(28.5, "ADVANCE", 100_000)
    _confirms(story, 28.5, "raise")
    _sent(story, 28.6)
    assert story.blamed() == {"disagreements": 1}


def test_a_raise_that_a_review_holds_back_is_confirmed_by_what_the_track_shows():
    story = _due()
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, new("inProgress", 0.1), OLD)
    _confirms(story, 28.5, "raise")
    story.served(28.5, "inProgress", 10_000, review="IN_REVIEW")
    story.ends("waiting_for_review", 10_000)
    assert story.blamed() == {}


def test_a_raise_that_the_store_never_saw_was_called_done():
    story = _due()
    story.decides(28.5, "ADVANCE", 100_000)
    _confirms(story, 28.5, "raise")
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_daemon_called_a_raise_done_and_died_and_the_next_one_raised():
    """All at one instant of the story's, where times tell nothing: one change in the store confirms one raise."""
    story = _due()
    story.decides(28.5, "ADVANCE", 100_000)
    _confirms(story, 28.5, "raise")
    story.dies(28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    _sent(story, 28.5)
    _confirms(story, 28.5, "raise")
    assert story.blamed() == {"disagreements": 1}


def test_a_daemon_did_not_know_what_became_of_its_raise_and_the_next_one_raised():
    story = _due()
    story.decides(28.5, "ADVANCE", 100_000)
    story.dies(28.5)
    _confirms(story, 28.7, "raise", as_="not_applied")
    story.decides(28.7, "ADVANCE", 100_000)
    _sent(story, 28.7)
    _confirms(story, 28.7, "raise")
    assert story.blamed() == {}


def test_the_same_raise_after_somebody_took_it_back_is_another_one():
    story = first_raise()
    _confirms(story, 28.5, "raise")
    story.console(29, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(29.5, 29.5)
    story.orders(29.5, "advance", without_evidence=True)
    story.decides(29.5, "ADVANCE", 100_000, story.journal[-1]["body"]["command"])
    _sent(story, 29.5)
    _confirms(story, 29.5, "raise")
    assert "disagreements" not in story.blamed()


def test_a_halt_that_somebody_was_quicker_with_is_confirmed_by_looking():
    story = bad_release()
    story.decides(20.5, "HALT")
    story.console(20.5, new("halted", 0.01), OLD, exposure_ppm=0)
    story.tells(20.5, "halted", broadcast=True)
    _confirms(story, 20.5, "halt")
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_a_halt_was_called_done_before_the_store_was_asked():
    story = bad_release()
    story.decides(20.5, "HALT")
    _confirms(story, 20.5, "halt")
    story.commit(20.6, new("halted", 0.01), OLD)
    story.served(20.6, "halted", 0)
    story.tells(20.6, "halted", broadcast=True)
    story.ends("halted", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_halt_that_the_store_never_saw_was_called_done():
    story = Story()
    story.polls(4, 20)
    story.decides(20, "HALT")
    _confirms(story, 20.1, "halt")
    story.tells(20.1, "halted", broadcast=True)
    story.polls(20.5, 21)
    story.ends("held", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_pause_is_confirmed_by_what_apple_shows():
    story = resting()
    _confirms(story, 4, "pause")
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_step_on_the_app_store_is_confirmed_while_apple_may_take_it():
    story = in_window()
    _confirms(story, 10.5, "step")
    story.ends("rolling_out")
    assert story.blamed() == {}


def _asked_to_step(story: AppleStory) -> None:
    story.polls(4.5, 10.5)
    story.decides(10.5, "ADVANCE", story.next_ppm, verb="step")
    _confirms(story, 10.5, "step")


def test_a_step_on_the_app_store_was_called_done_and_apple_was_never_asked():
    story = resting()
    _asked_to_step(story)
    story.ends("rolling_out")
    assert story.blamed() == {"disagreements": 1}


def test_a_pause_on_the_app_store_was_called_done_and_came_later():
    story = in_window()
    story.polls(11, 34)
    story.apple(34.2)
    story.polls(34.5, 34.5)
    story.decides(34.5, "WAIT", 20_000, verb="pause")
    _confirms(story, 34.5, "pause")
    story.asks_apple(34.6, "pause")
    story.ends("rolling_out")
    assert story.blamed() == {"disagreements": 1}


def test_a_version_that_apple_still_distributes_is_started():
    story = AppleStory(choice="wait")
    live = story.ledger[-1]
    assert live["review"] == LIVE
    place = story.ledger.index(live)
    on_its_way = {"status": "INACTIVE", "exposure_ppm": 0, "review": "PROCESSING_FOR_DISTRIBUTION"}
    story.ledger.insert(place, {**live, **on_its_way, "at": at(3)})
    story.decides(3, "START", 10_000, verb="start")
    _confirms(story, 3.5, "start")
    assert story.blamed() == {}
