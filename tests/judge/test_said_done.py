from tests.judge.apple_story import in_window, resting
from tests.judge.story import OLD, Story, bad_release, new


def _calls_it_done(story: Story, hour: float, verb: str) -> None:
    """The last thing decided is said to be done."""
    decided = [entry["body"] for entry in story.journal if entry["kind"] == "decided"][-1]
    story.writes(hour, "settled", verb=verb, settlement="confirmed", intent=decided["intent"])


def test_a_halt_is_called_done_when_the_store_shows_it():
    story = bad_release()
    story.halts(20.5)
    _calls_it_done(story, 20.5, "halt")
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_a_halt_that_the_store_does_not_show_was_called_done():
    story = Story()
    story.polls(4, 20)
    story.decides(20, "HALT")
    _calls_it_done(story, 20.1, "halt")
    story.tells(20.1, "halted", broadcast=True)
    story.polls(20.5, 21)
    story.ends("held", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_raise_that_a_review_holds_back_is_called_done_when_the_track_shows_it():
    story = Story()
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, new("inProgress", 0.1), OLD)
    _calls_it_done(story, 28.5, "raise")
    story.served(28.5, "inProgress", 10_000, review="IN_REVIEW")
    story.ends("waiting_for_review", 10_000)
    assert story.blamed() == {}


def test_a_raise_that_the_track_does_not_show_was_called_done():
    story = Story()
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    _calls_it_done(story, 28.5, "raise")
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_pause_is_called_done_when_apple_shows_it():
    story = resting()
    _calls_it_done(story, 4, "pause")
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_pause_that_apple_does_not_show_was_called_done():
    story = in_window()
    story.polls(11, 11.5)
    story.asks(12, status=502)
    story.decides(12, "HOLD", 20_000, verb="pause")
    _calls_it_done(story, 12.004, "pause")
    story.pauses(12.01, "HOLD")
    story.ends("held")
    assert story.blamed() == {"disagreements": 1}
