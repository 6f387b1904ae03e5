import pytest

from tests.judge.story import Story, at, bad_release, first_raise
from tests.judge.verdict import judge


def _halted() -> Story:
    story = bad_release()
    story.halts(20.5)
    story.ends("halted", 10_000)
    return story


def test_the_channel_hears_of_a_halt_once():
    story = _halted()
    assert story.blamed() == {}
    assert judge(story.evidence()).document()["notices_delivered"] == 1


def test_the_channel_never_heard_of_a_halt():
    story = _halted()
    story.ledger = [record for record in story.ledger if record["type"] != "slack"]
    story.notices.clear()
    assert story.blamed() == {"notices_lost": 1}


@pytest.mark.parametrize(
    ("told", "blamed"), [("failing/2026-03-02/not_halted", {}), ("", {"notices_lost": 1})]
)
def test_a_halt_that_came_too_late_is_told_as_one_that_nothing_brings_about(told, blamed):
    story = _halted()
    story.ledger = [record for record in story.ledger if record["type"] != "slack"]
    story.notices.clear()
    if told:
        story.tells(21, "failing", broadcast=True, key=told)
    assert story.blamed() == blamed


def test_a_halt_was_told_in_the_thread_only():
    story = _halted()
    for record in story.ledger:
        if record["type"] == "slack":
            record["broadcast"] = False
    assert story.blamed() == {"notices_lost": 1}


def test_a_notice_is_marked_sent_and_never_arrived():
    story = first_raise()
    story.notes("review")
    assert story.blamed() == {"notices_lost": 1}


def test_a_notice_was_given_up():
    story = first_raise()
    story.notes("review", state="failed")
    assert story.blamed() == {"notices_lost": 1}


def test_a_notice_that_still_waits_is_not_lost():
    story = first_raise()
    story.notes("review", state="pending")
    assert story.blamed() == {}


def test_a_notice_arrived_twice():
    story = first_raise()
    story.tells(29, "raised", key="notice-0")
    assert story.blamed() == {"notices_doubled": 1}


def test_a_notice_may_arrive_twice_when_the_first_reply_was_lost():
    story = _halted()
    key = story.tells(29, "raised", fault="lost_reply")
    story.tells(29.1, "raised", key=key)
    assert story.blamed() == {}


def test_a_notice_may_arrive_twice_when_the_daemon_died_in_between():
    story = first_raise()
    story.dies(28.6)
    story.tells(29, "raised", key="notice-0")
    assert story.blamed() == {}


@pytest.mark.parametrize(("failed", "blamed"), [(28.6, {}), (5, {"notices_doubled": 1})])
def test_a_notice_may_arrive_twice_when_the_database_failed_in_between(failed, blamed):
    story = first_raise()
    story.unwritten.append(at(failed))
    story.tells(29, "raised", key="notice-0")
    assert story.blamed() == blamed


@pytest.mark.parametrize(
    ("woke", "blamed"), [(28.999, {}), (28.6, {"notices_doubled": 1}), (29.1, {"notices_doubled": 1})]
)
def test_a_notice_may_arrive_twice_when_a_machine_was_suspended_with_it_on_its_way(woke, blamed):
    story = first_raise()
    story.suspended.append(f"{at(28.55)} {at(woke)}")
    story.tells(29, "raised", key="notice-0")
    assert story.blamed() == blamed


def test_a_daemon_that_died_much_earlier_excuses_nothing():
    story = Story()
    story.dies(5)
    key = story.tells(6, "review")
    story.tells(6.5, "review", key=key)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"notices_doubled": 1}


def test_one_halt_was_broadcast_as_two():
    story = _halted()
    story.tells(21, "halted", broadcast=True)
    assert story.blamed() == {"notices_doubled": 1}


def test_a_halt_that_took_three_tries_is_one_halt():
    story = bad_release()
    story.decides(20.5, "HALT")
    story.tells(20.5, "not_halted", broadcast=True)
    story.decides(20.8, "HALT")
    story.halts(20.9)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_a_thread_tells_the_story_backwards():
    story = first_raise()
    first = story.notes("drift")
    second = story.notes("held")
    story.tells(29.6, "held", key=second)
    story.tells(29.7, "drift", key=first)
    assert story.blamed() == {"notices_out_of_order": 1}


def test_a_message_without_metadata_is_known_by_its_time_stamp():
    story = _halted()
    message = next(record for record in story.ledger if record["type"] == "slack")
    message["metadata"] = None
    story.notices[0]["ts"] = message["ts"]
    assert story.blamed() == {}


def test_a_person_who_halts_what_is_halted_already_may_be_told_of():
    story = _halted()
    command = story.orders(21, "halt")
    story.decides(21, "HALT", command=command)
    story.tells(21, "halted", broadcast=True)
    assert story.blamed() == {}


def _shown(story: Story, hour: float, proof: str) -> None:
    """The store has shown the halt, by its answer or by a look from then on."""
    match proof:
        case "settled":
            story.writes(hour, "settled", verb="halt", settlement="confirmed")
        case "seen":
            story.writes(hour, "seen", status="halted", review="published")
        case "under review":
            story.writes(hour, "seen", status="halted", review="in_review")


@pytest.mark.parametrize(
    ("proof", "meaning", "blamed"),
    [
        ("settled", "unknown", {}),
        ("seen", "unknown", {}),
        ("settled", "halted", {"notices_doubled": 1}),
        ("under review", "unknown", {"notices_doubled": 1}),
    ],
)
def test_what_reads_halted_after_a_state_nobody_understands_is_halted_anew(proof, meaning, blamed):
    story = _halted()
    _shown(story, 20.6, proof)
    story.writes(21, "drifted", meaning=meaning, before={}, after={})
    story.decides(21.5, "HALT")
    story.tells(21.5, "halted", broadcast=True)
    assert story.blamed() == blamed


@pytest.mark.parametrize("meaning", ["unknown", "raised"])
@pytest.mark.parametrize(("proof", "blamed"), [("", {}), ("settled", {"notices_lost": 1})])
def test_a_halt_that_the_store_refuses_through_states_nobody_understands_is_told_once(meaning, proof, blamed):
    """Once that it is NOT HALTED, and once that it is: however often it had to be sent meanwhile."""
    story = bad_release()
    story.decides(20.5, "HALT")
    story.tells(20.5, "not_halted", broadcast=True)
    _shown(story, 20.55, proof)
    for hour in (20.6, 20.7):
        story.writes(hour, "drifted", meaning=meaning, before={}, after={})
        story.decides(hour + 0.05, "HALT")
        _shown(story, hour + 0.06, proof)
    story.halts(20.8)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("proof", "blamed"), [("settled", {}), ("", {"notices_doubled": 1})])
def test_what_somebody_rolls_out_afresh_over_what_replaced_it_is_halted_anew(proof, blamed):
    """Once for each time that it was halted; of one that the store had never shown the first is still wanted."""
    story = _halted()
    _shown(story, 20.6, proof)
    story.writes(21, "returned", before={}, after={})
    story.decides(21.5, "HALT")
    story.tells(21.5, "halted", broadcast=True)
    assert story.blamed() == blamed


def test_a_halt_that_a_late_request_of_ours_undid_is_told_once():
    story = _halted()
    _shown(story, 20.6, "settled")
    story.writes(20.7, "overtaken", why="late")
    story.writes(20.8, "drifted", meaning="unknown", before={}, after={})
    story.decides(20.9, "HALT")
    assert story.blamed() == {}


@pytest.mark.parametrize(("because", "blamed"), [("not_halted", {}), ("fail", {"notices_lost": 1})])
def test_a_halt_that_is_sent_again_after_a_state_nobody_understands_is_no_other_halt(because, blamed):
    """It was told when it was decided, or that nothing stops it any more."""
    story = _halted()
    _shown(story, 20.6, "settled")
    story.writes(21, "drifted", meaning="unknown", before={}, after={})
    story.decides(21.5, "HALT", because=because)
    assert story.blamed() == blamed
