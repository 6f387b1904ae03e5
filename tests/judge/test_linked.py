"""What the judge says of linked stores, told on both: Android's share and halts, and what iOS does meanwhile."""

from __future__ import annotations

import pytest

from tests.judge.apple_story import AppleStory
from tests.judge.linked_story import LinkedStory
from tests.judge.verdict import judge


def blamed(story: AppleStory) -> dict[str, int]:
    """What is found of the link; the rest of such a story is nobody's concern here."""
    verdict = judge(story.evidence())
    found = {check: verdict.count(check) for check in ("linked_halts_ignored", "lead_overtaken")}
    return {check: count for check, count in found.items() if count}


def followed(**how: object) -> LinkedStory:
    """Android is raised to 20 % at hour 8; iOS rests at 1 % from hour 4 on."""
    story = LinkedStory(**how)
    story.polls(4, 4)
    story.pauses(4)
    story.android_raised(8, 200_000)
    return story


def test_ios_may_follow_android_as_far_as_that_went():
    story = followed()
    story.steps(10.5)
    assert blamed(story) == {}


def test_ios_went_ahead_of_android():
    story = LinkedStory()
    story.pauses(4)
    story.android_raised(8, 100_000)
    story.steps(10.5)
    assert blamed(story) == {"lead_overtaken": 1}


def test_android_that_a_person_raised_has_no_evidence():
    story = LinkedStory()
    story.pauses(4)
    story.android_raised(8, 200_000, by_order=True)
    story.steps(10.5)
    assert blamed(story) == {"lead_overtaken": 1}


def test_a_person_may_go_ahead_by_name():
    story = LinkedStory()
    story.pauses(4)
    story.steps(10.5, story.orders(10.4, "advance"))
    assert blamed(story) == {}


def test_without_a_link_each_store_goes_its_own_way():
    story = LinkedStory(scenario={})
    story.pauses(4)
    story.android_halted(8)
    story.steps(10.5)
    assert blamed(story) == {}


def test_ios_was_raised_although_android_was_halted():
    story = followed()
    story.android_halted(9)
    story.steps(10.5)
    assert blamed(story) == {"linked_halts_ignored": 1}


@pytest.mark.parametrize("side", ["ios", "android"])
def test_a_person_who_resumes_either_side_has_answered(side: str):
    story = followed()
    story.android_halted(9)
    if side == "ios":
        story.orders(10, "resume")
    else:
        story.android_resumed(10)
        story.android_raised(10.2, 500_000)
    story.steps(10.5)
    assert blamed(story) == {}


def test_a_resume_in_the_console_is_an_answer_as_well():
    story = followed()
    story.android_halted(9)
    story.person(10, "resume", noticed="resumed")
    assert blamed(story) == {}


def test_a_halt_in_the_console_counts_from_when_it_could_be_known():
    story = followed()
    story.android_halted(10.3, in_console=True)
    story.steps(10.5)
    assert blamed(story) == {}
    story = followed()
    story.android_halted(9, in_console=True)
    story.polls(9, 10.5)
    story.steps(10.5)
    assert blamed(story) == {"linked_halts_ignored": 1}


@pytest.mark.parametrize(
    ("failed_at", "blame"), [((9.2, 9.7, 10.2), {}), ((9.2,), {"linked_halts_ignored": 1})]
)
def test_ios_cannot_know_of_a_halt_in_a_play_console_that_nobody_could_read(
    failed_at: tuple[float, ...], blame: dict[str, int]
):
    """Seed 11338: Google gave no token until the last look was over, and iOS goes by Android's journal."""
    story = followed()
    story.android_halted(9, in_console=True)
    for hour in failed_at:
        story.requested(hour, "oauth", "/token", method="POST", status=503)
    story.polls(9, 10.5)
    story.steps(10.5)
    assert blamed(story) == blame


def test_ios_cannot_know_of_a_halt_in_a_play_console_while_nobody_was_alive():
    """The first pass after that may be that of iOS."""
    story = followed()
    story.android_halted(9, in_console=True)
    story.steps(10.5)
    assert blamed(story) == {}


@pytest.mark.parametrize(("found_at", "blame"), [(8.5, {"linked_halts_ignored": 1}), (9.5, {})])
def test_ios_cannot_know_that_android_was_lowered_before_anybody_found_it(
    found_at: float, blame: dict[str, int]
):
    """Seed 4983: put out at 2 % and lowered to 1 % between two looks, it was found at 1 %."""
    story = followed()
    story.android_found(found_at)
    story.android_lowered_in_console(9, 100_000)
    story.polls(9, 10.5)
    story.steps(10.5)
    assert blamed(story) == blame


def test_android_that_is_found_halted_is_known_to_be():
    story = followed()
    story.android_halted(9, in_console=True)
    story.android_found(9.2)
    story.polls(9, 10.5)
    story.steps(10.5)
    assert blamed(story) == {"linked_halts_ignored": 1}


def test_apple_was_let_go_on_although_android_was_halted():
    story = followed()
    story.steps(10.5)
    story.android_halted(11)
    story.polls(11, 14)
    assert blamed(story) == {"linked_halts_ignored": 1}


def test_apple_was_paused_for_it_in_time():
    story = followed()
    story.steps(10.5)
    story.android_halted(11)
    story.polls(11, 11)
    story.pauses(11.1, "HOLD")
    story.polls(11.5, 14)
    assert blamed(story) == {}


@pytest.mark.parametrize(("scenario", "times"), [(None, 0), ({}, 1)])
def test_what_somebody_let_go_on_is_paused_for_a_halt_on_the_linked_store_and_of_no_other(scenario, times):
    story = followed(scenario=scenario)
    story.polls(4.5, 10.5)
    story.person(10.6, "resume", noticed="resumed")
    story.polls(11, 11)
    story.android_halted(11)
    story.pauses(11.1, "HOLD")
    story.polls(11.5, 14)
    assert judge(story.evidence()).count("console_acts_overridden") == times


def test_a_halt_that_is_sent_again_is_no_new_halt():
    story = followed()
    story.android_halted(9)
    story.orders(10, "resume")
    story.android_halted(10.2, again=True)
    story.steps(10.5)
    assert blamed(story) == {}


def answered_on_ios() -> LinkedStory:
    """Android is halted at hour 9 and resumed in the Play console, where nobody looks; iOS is resumed by order."""
    story = followed()
    story.android_halted(9)
    story.android_resumed_in_console(10)
    story.orders(10.1, "resume")
    return story


def test_ios_cannot_know_that_android_was_resumed_in_the_console_before_its_journal_tells():
    """Seed 2711: the pass that raised iOS decided in the second in which Android's pass was still asking its signals."""
    story = answered_on_ios()
    story.steps(10.2)
    story.android_notices(10.15)
    assert blamed(story) == {}


def test_ios_waits_for_android_again_once_its_journal_tells_that_it_was_resumed():
    story = answered_on_ios()
    story.android_notices(10.15)
    story.steps(10.2)
    assert blamed(story) == {"lead_overtaken": 1}


def test_that_android_was_resumed_in_the_console_has_to_be_noticed_within_a_poll():
    story = answered_on_ios()
    story.polls(10.1, 11)
    story.steps(11)
    assert blamed(story) == {"lead_overtaken": 1}


@pytest.mark.parametrize(("looked_between", "blame"), [(False, {}), (True, {"lead_overtaken": 1})])
def test_android_cannot_know_that_ios_was_paused_and_let_go_on_between_two_looks(
    looked_between: bool, blame: dict[str, int]
):
    """Seed 8439: what evidence had raised iOS to stands, as far as anybody can know; where a look came between, it has to be
    earned anew."""
    story = LinkedStory(scenario={"apps": [{"name": "acme", "link": {"lead": "app_store", "after": 2}}]})
    story.polls(4, 4)
    story.pauses(4)
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.apple(10.6)
    story.polls(11, 11)
    story.person(11.1, "pause")
    if looked_between:
        story.looks(11.2)
    story.person(11.3, "resume")
    story.polls(11.5, 12)
    story.android_raised(12.1, 20_000)
    assert blamed(story) == blame
