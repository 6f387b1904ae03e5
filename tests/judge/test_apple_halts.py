import pytest

from tests.judge.apple_story import AppleStory, following, resting
from tests.judge.verdict import judge


def _turns_bad(story: AppleStory, first: float = 12.5) -> AppleStory:
    """It crashes half the time from hour 20 on; the second poll to see it is at 20.5."""
    story.health.append((20, 0.5))
    story.polls(first, 20)
    return story


def test_a_halt_on_the_app_store_is_a_pause():
    story = _turns_bad(following())
    story.pauses(20, "HOLD")
    story.polls(20.5, 20.5)
    story.halts(20.5)
    story.ends("halted")
    assert story.blamed() == {}
    document = judge(story.evidence()).document()
    assert (document["halts_due"], document["broadcast_halts"]) == (1, 1)


def test_a_release_that_rests_already_is_halted_in_time():
    story = _turns_bad(resting(), first=4.5)
    story.polls(20.5, 20.5)
    story.halts(20.5)
    story.ends("halted")
    assert story.blamed() == {}


def test_a_crashing_release_on_apples_clock_was_never_halted():
    story = _turns_bad(following())
    story.polls(20.5, 24)
    story.ends("rolling_out")
    assert story.blamed() == {"halts_lost": 1, "growth_unguarded": 1}


def test_a_crashing_release_on_apples_clock_was_halted_late():
    story = _turns_bad(following())
    story.polls(20.5, 22)
    story.halts(22)
    story.ends("halted")
    assert story.blamed() == {"halts_late": 1, "growth_unguarded": 1}


def test_a_store_that_fails_may_be_halted_when_it_is_back():
    story = _turns_bad(following())
    for hour in (20, 20.5, 21, 21.5):
        story.patches(hour, status=503, fault="503")
    story.polls(20.5, 22)
    story.halts(22)
    story.ends("halted")
    assert story.blamed() == {}


def _completed(*, told: bool, decided: float = 20.5) -> AppleStory:
    story = following()
    story.person(13, "complete", noticed="raised")
    _turns_bad(story, 13.5)
    story.polls(20.5, 20.5)
    story.writes(decided, "decided", decision="HALT", intent="", command="")
    if told:
        story.tells(20.5, "failing", broadcast=True)
    story.polls(21, 24)
    story.ends("completed")
    return story


@pytest.mark.parametrize(("told", "blamed"), [(True, {}), (False, {"notices_lost": 1})])
def test_people_hear_that_a_completed_release_fails_and_cannot_be_halted(told, blamed):
    assert _completed(told=told).blamed() == blamed


@pytest.mark.parametrize(("seconds", "blamed"), [(59, {}), (61, {"notices_lost": 1})])
def test_the_daemon_may_have_known_a_look_sooner_and_looks_are_seconds_more_than_a_poll_apart(
    seconds, blamed
):
    assert _completed(told=True, decided=20 - seconds / 3600).blamed() == blamed


@pytest.mark.parametrize(("decided", "blamed"), [(13.5, {}), (12.5, {"notices_lost": 1})])
def test_it_may_have_been_decided_hours_before_in_a_look_that_can_be_read_as_failing(decided, blamed):
    """Nobody else was sure of it before the next answer, which came late; and it is told once."""
    story = following()
    story.person(12.2, "complete", noticed="raised")
    story.health.append((13, 0.5))
    story.polls(12.5, 13.5)
    story.writes(decided, "decided", decision="HALT", intent="", command="")
    story.tells(13.6, "failing", broadcast=True)
    story.polls(14, 19.5, status=502)
    story.polls(20, 24)
    story.ends("completed")
    assert story.blamed() == blamed


@pytest.mark.parametrize(("told", "blamed"), [(True, {}), (False, {"notices_lost": 1})])
def test_a_version_that_replaces_the_completed_one_hours_later_is_no_halt_that_came_late(told, blamed):
    story = _completed(told=told)
    story.replaced(23)
    story.ends("superseded")
    assert story.blamed() == blamed


def test_a_veto_gate_halts_as_well():
    gates = [
        {"metric": "crash_free_sessions", "floor": 40.0, "min_sample": 100},
        {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100, "role": "veto"},
    ]
    story = _turns_bad(following(policy={"app_store": {"mode": "follow"}, "gates": gates}))
    story.polls(20.5, 24)
    story.ends("rolling_out")
    assert story.blamed() == {"halts_lost": 1, "growth_unguarded": 1}


def _halted() -> AppleStory:
    story = _turns_bad(resting(until=60), first=4.5)
    story.polls(20.5, 20.5)
    story.halts(20.5)
    story.health = [(4, 0.5), (30, 0.998)]
    return story


def test_the_machine_undid_its_own_halt_when_the_numbers_got_better():
    story = _halted()
    story.polls(54, 56)
    story.steps(56)
    story.polls(56.5, 59)
    story.ends("rolling_out")
    assert story.blamed() == {"unhalted": 1}


def test_a_person_lifts_the_halt_and_evidence_opens_the_next_window():
    story = _halted()
    story.orders(30, "resume")
    story.writes(30, "taken_up", actor={"kind": "human", "name": "ana"}, reason="fixed on the server")
    story.polls(30, 38)
    story.steps(38)
    story.polls(38.5, 59)
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_what_was_counted_before_a_person_lifted_the_halt_counts_no_more():
    story = _halted()
    story.orders(21, "resume")
    story.writes(21, "taken_up", actor={"kind": "human", "name": "ana"}, reason="wrong alarm")
    story.health = [(4, 0.5), (21, 0.998)]
    story.polls(21, 24)
    story.ends("rolling_out")
    assert story.blamed() == {}
    assert judge(story.evidence()).counts["halts_due"] == 1


def test_a_request_that_was_sent_before_the_halt_may_land_after_it_and_is_paused_again():
    story = _turns_bad(resting(), first=4.5)
    story.decides(20, "ADVANCE", 20_000, story.orders(20, "advance", without_evidence=True), verb="step")
    request = story.patches(20, status=504, fault="late_write")
    story.asks(20.5)
    story.halts(20.5)
    story.turns(20.51, "ACTIVE", request=request)
    story.writes(20.52, "overtaken", why="late")
    story.decides(20.52, "HALT", verb="halt")
    story.asks_apple(20.52, "halt")
    story.ends("halted")
    assert story.blamed() == {}


def test_a_late_request_undid_the_halt_and_nobody_paused_it_again():
    story = _turns_bad(resting(), first=4.5)
    story.decides(20, "ADVANCE", 20_000, story.orders(20, "advance", without_evidence=True), verb="step")
    request = story.patches(20, status=504, fault="late_write")
    story.asks(20.5)
    story.halts(20.5)
    story.turns(20.51, "ACTIVE", request=request)
    for hour in (21, 21.5, 22, 22.5):
        story.looks(hour)
    story.ends("halted")
    assert story.blamed() == {"growth_unguarded": 1, "disagreements": 1}
