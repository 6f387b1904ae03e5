"""The same on the App Store, where silence raises: windows that evidence opens, and a halt that is a pause."""

import pytest

from tests.judge.apple_story import FOLLOWING, GUARDED
from tests.judge.evidence_story import CHOOSING, EVIDENCE, AppleAsking, crashes, small
from tests.judge.verdict import judge

MAX_BAKE = 16  # twice 6 hours after hour 4
CHOICE = "inconclusive_by_policy"


def _resting(story: AppleAsking | None = None) -> AppleAsking:
    """Live at hour 4, and paused at once."""
    story = story or AppleAsking()
    story.polls(4, 4)
    story.pauses(4)
    story.ends("rolling_out")
    return story


def _choosing(hour: float, *, because: str = CHOICE) -> AppleAsking:
    """A small app, whose policy opens the window at `hour` on its own choice."""
    policy = CHOOSING | {"app_store": GUARDED["app_store"] | {"min_sample": 5}}
    story = _resting(small(AppleAsking(policy=policy)))
    story.polls(4.5, hour)
    story.steps(hour, because=because)
    return story


def test_evidence_opens_a_window_and_keeps_it_open():
    story = _resting()
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.polls(11, 30)
    assert story.blamed() == {}


def test_a_window_was_opened_on_too_little_evidence():
    policy = EVIDENCE | {"app_store": GUARDED["app_store"] | {"min_sample": 5}}
    story = _resting(small(AppleAsking(policy=policy)))
    story.polls(4.5, 12)
    story.steps(12)
    story.pauses(12)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_window_stays_open_by_the_policys_choice():
    story = _choosing(MAX_BAKE + 0.5)
    story.polls(MAX_BAKE + 1, 30)
    assert story.blamed() == {}


@pytest.mark.parametrize(("again", "blamed"), [(18.51, {}), (18.52, {"growth_unguarded": 1})])
def test_a_window_of_the_policys_choice_outlives_counts_that_can_be_read_again_at_once(again, blamed):
    story = _choosing(MAX_BAKE + 0.5)
    story.polls(MAX_BAKE + 1, 18)
    _unreadable(story, 18.5)
    story.asks(again)
    story.polls(19, 30)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("hour", "because"), [(MAX_BAKE - 2, CHOICE), (MAX_BAKE + 0.5, "")])
def test_a_window_was_opened_by_a_choice_that_nobody_had(hour, because):
    story = _choosing(hour, because=because)
    story.pauses(hour)
    assert story.blamed()["raises_without_evidence"] >= 1


def test_a_window_stayed_open_although_crashes_became_suspicious():
    story = _resting(crashes(AppleAsking(), 20, 0.105))
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.polls(11, 20.5)
    assert story.blamed() == {"growth_unguarded": 1}


def _unreadable(story: AppleAsking, hour: float) -> None:
    """A pass in which nothing but the counts cannot be read."""
    super(AppleAsking, story).asks(hour)
    story.requests.pop()
    story.requests.pop()
    story.asks_for_counts(hour, status=502)


def test_a_window_stayed_open_although_the_counts_could_not_be_read():
    story = _resting()
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.polls(11, 12)
    _unreadable(story, 12.5)
    story.polls(13, 14)
    assert story.blamed() == {"growth_unguarded": 1}


def _following() -> AppleAsking:
    """On Apple's clock; it crashes from hour 20 on."""
    story = crashes(AppleAsking(policy=EVIDENCE | FOLLOWING), 20)
    story.polls(4, 20)
    return story


def test_evidence_halts_what_follows_apples_clock():
    story = _following()
    story.halts(20)
    story.ends("halted")
    assert story.blamed() == {}
    document = judge(story.evidence()).document()
    assert (document["halts_due"], document["broadcast_halts"]) == (1, 1)


def test_a_crashing_release_went_on_by_apples_clock():
    story = _following()
    story.polls(20.5, 24)
    story.ends("rolling_out")
    assert story.blamed() == {"halts_lost": 1, "growth_unguarded": 1}


def test_a_release_was_halted_on_the_app_store_without_evidence():
    story = AppleAsking(policy=EVIDENCE | FOLLOWING)
    story.polls(4, 12)
    story.halts(12)
    story.ends("halted")
    assert story.blamed() == {"console_acts_overridden": 1}


def test_what_somebody_resumed_is_paused_again_when_the_evidence_is_in_doubt():
    story = _resting()
    story.polls(4.5, 6)
    story.person(6.2, "resume", noticed="resumed")
    story.polls(6.5, 9)
    story.asks(9.5, status=502)
    story.pauses(9.5)
    assert story.blamed() == {}


@pytest.mark.parametrize(("died", "blamed"), [(True, 0), (False, 1)])
def test_late_counts_after_an_answer_that_died_with_the_daemon_are_no_bad_data_and_pause_nothing(
    died, blamed
):
    """Seed 7116: who lives again and has not heard that answer misses nothing in the next one, which counts less."""
    story = AppleAsking(policy=FOLLOWING | EVIDENCE)
    story.polls(4, 5.5)
    story.asks(12)
    if died:
        story.dies(12.0005)
    story.asks(12.001)
    counts = next(r for r in reversed(story.requests) if "session.status" in r["query"].get("groupBy", ()))
    for group in counts["response"]["groups"]:
        series = group["series"]["sum(session)"]
        series[2:] = [count * 6 // 10 for count in series[2:]]
    story.ends("rolling_out")
    assert story.blamed().get("growth_unguarded", 0) == blamed
