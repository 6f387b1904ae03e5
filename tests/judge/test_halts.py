from typing import Any

import pytest

from tests.judge.evidence_story import EVIDENCE, FLOOR, Asking
from tests.judge.story import OLD, POLICY, Raw, Story, bad_release, first_raise, new
from tests.judge.verdict import judge


def test_a_crashing_release_is_halted_when_the_second_poll_confirms_it():
    story = bad_release()
    story.halts(20.5)
    story.polls(21, 30)
    story.ends("halted", 10_000)
    assert story.blamed() == {}
    document = judge(story.evidence()).document()
    assert (document["halts_due"], document["broadcast_halts"]) == (1, 1)
    assert document["stores"]["google_play"]["status"] == "halted"


def test_a_crashing_release_was_never_halted():
    story = bad_release()
    story.polls(21, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"halts_lost": 1}


def _completed_unseen(*, looks: tuple[float, ...] = (), dies: float | None = None, **failed: Any) -> Story:
    """A person completes it at hour 5, and no journal knows it; it crashes from hour 20 on."""
    story = Story()
    story.journal.clear()
    for hour in looks:
        edits = "/androidpublisher/v3/applications/com.acme.app/edits"
        story.requested(hour, "google_play", edits)
        read = {"method": "GET"} | (failed if hour == looks[0] else {})
        story.requested(hour + 0.001, "google_play", f"{edits}/1/tracks/production", **read)
        story.requested(hour + 0.002, "google_play", f"{edits}/1", method="DELETE", status=204)
    if dies:
        story.dies(dies)
    story.console(5, new("completed"), exposure_ppm=1_000_000)
    story.health.append((20, 0.5))
    story.polls(20, 30)
    story.ends("completed", 1_000_000)
    return story


def test_what_went_out_to_everyone_between_two_looks_is_no_less_to_be_halted():
    assert _completed_unseen(looks=(1, 1.5, 6)).blamed() == {"halts_lost": 1}


@pytest.mark.parametrize(
    "before",
    [
        {"looks": (6, 6.5)},
        {"looks": (4.9, 6)},
        {"looks": (1, 6), "dies": 1.2},
        {"looks": (1, 1.5), "dies": 1.5},
        {"looks": (1, 1.5), "status": 500},
        {"looks": (1, 1.5), "fault": "empty_body"},
    ],
)
def test_what_was_complete_before_any_look_that_could_be_kept_is_the_past(before: Raw):
    """Whoever begins to look then finds what everybody has, and nothing that tells since when."""
    assert _completed_unseen(**before).blamed() == {}


def test_a_daemon_that_falls_silent_after_it_saw_the_crashes_has_lost_the_halt():
    story = bad_release()
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"halts_lost": 1}


def test_a_crashing_release_was_halted_an_hour_late():
    story = bad_release()
    story.polls(21, 21.5)
    story.halts(21.5)
    story.ends("halted", 10_000)
    assert story.blamed() == {"halts_late": 1}


def test_a_halt_the_store_kept_failing_is_in_time_if_it_was_tried_at_every_poll():
    story = bad_release()
    for hour in (20.5, 21, 21.5):
        story.requested(hour, "google_play", "/androidpublisher/v3/", status=503, fault="down")
    story.polls(21, 22)
    story.halts(22)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_a_daemon_that_stopped_trying_after_the_store_failed_once_is_late():
    story = bad_release()
    story.requested(20.5, "google_play", "/androidpublisher/v3/", status=503, fault="down")
    story.polls(21, 22)
    story.halts(22)
    story.ends("halted", 10_000)
    assert story.blamed() == {"halts_late": 1}


@pytest.mark.parametrize(
    ("until", "pace", "blamed"),
    [(30, 0.9, {}), (30, 0.98, {"halts_late": 1}), (20.6, 0.9, {"halts_late": 1})],
)
def test_a_halt_that_is_tried_again_after_a_poll_is_in_time_by_a_clock_that_runs_slow(until, pace, blamed):
    """Half an hour and a minute by its clocks are 34 minutes and 27 seconds at nine tenths of their pace."""
    story = bad_release()
    story.requested(20.5, "google_play", "/androidpublisher/v3/", status=503, fault="down")
    story.runs_slow(10, until, pace)
    story.halts(21.07)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


def test_one_bad_poll_is_not_yet_a_reason_to_halt():
    story = Story()
    story.health = [(4, 0.998), (20, 0.5), (21, 0.998)]
    story.polls(4, 20)
    story.health = [(4, 0.998)]
    story.polls(20.5, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_two_questions_in_a_minute_are_one_poll():
    story = Story()
    story.health.append((20, 0.5))
    story.polls(4, 20)
    story.asks(20.01)
    story.health.pop()
    story.polls(20.5, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_an_outage_between_two_bad_polls_clears_nothing():
    story = Story()
    story.health.append((20, 0.5))
    story.polls(4, 20)
    story.polls(20.5, 23, status=502)
    story.asks(23.5)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"halts_lost": 1}


@pytest.mark.parametrize(("fault", "blamed"), [("slow", {}), (None, {"halts_lost": 1})])
def test_an_answer_that_came_too_late_for_whoever_asked_confirms_nothing(fault, blamed):
    story = Story()
    story.health.append((20, 0.5))
    story.polls(4, 20)
    story.asks(20.5)
    story.requests[-1]["fault"] = fault
    story.polls(21, 30, status=502)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("about", "blamed"), [("-debug", {}), ("", {"halts_late": 1})])
def test_an_answer_about_other_releases_shows_no_crashes_anew(about, blamed):
    """Everybody crashes from hour 20 on, which the floor wants to see twice; the answers from then to hour 21 are about
    the releases asked for, or about others."""
    story = Asking(policy=EVIDENCE | {"gates": [FLOOR | {"floor": 99.0}]})
    story.crashing.append((20, 1.0))
    story.old_rate.append((20, 1.0))
    for half in range(8, 44):
        story.asks_for_counts(half / 2)
        if half in (41, 42):
            _rename(story.requests[-1 if half % 2 else -2]["response"]["groups"], about)
    story.halts(21.5)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


def _rename(groups: list[Raw], more: str) -> None:
    for group in groups:
        group["by"]["release"] += more


def test_an_app_that_is_only_observed_need_not_be_halted():
    story = bad_release(scenario={"mode": "observe"})
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_a_release_with_nothing_to_fall_back_to_cannot_be_halted():
    story = bad_release()
    story.ledger = [r for r in story.ledger if r.get("release") != "5.1.0"]
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_too_few_sessions_are_no_reason_to_halt():
    story = Story(policy={"gates": [POLICY["gates"][0] | {"min_sample": 100_000}]})
    story.health.append((20, 0.5))
    story.polls(4, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_a_raised_release_that_turns_bad_is_due_as_well():
    story = first_raise()
    story.health.append((31, 0.5))
    story.polls(30.5, 35)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"halts_lost": 1}


def test_a_resumed_release_starts_with_a_clean_slate():
    story = bad_release()
    story.halts(20.5)
    story.health = [(4, 0.5), (21, 0.998)]
    command = story.orders(21, "resume")
    story.decides(21, "RESUME", 10_000, command)
    story.commit(21, story.track[0] | {"status": "inProgress"}, story.track[1])
    story.served(21, "inProgress", 10_000)
    story.polls(21, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_a_daemon_that_was_killed_may_halt_a_poll_after_its_death():
    story = bad_release()
    story.dies(20.9)
    story.polls(21, 21.3)
    story.halts(21.3)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_a_halt_that_the_store_reviews_first_is_not_late():
    story = bad_release()
    story.decides(20.5, "HALT")
    story.commit(20.5, new("halted", 0.01), OLD)
    story.served(20.5, "inProgress", 10_000, review="IN_REVIEW")
    story.polls(21, 24)
    story.served(24, "halted", 0, cause="store")
    story.tells(24, "halted", broadcast=True)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("hour", "blamed"), [(20.5, {}), (21.5, {"halts_late": 1})])
def test_a_halt_that_joins_the_review_of_a_raise_is_late_only_if_it_was_asked_for_late(hour, blamed):
    """What people get does not change by it, and neither does the word of the review: seed 9826."""
    story = Story()
    story.polls(4, 19.5)
    story.served(19.7, "inProgress", 10_000, review="IN_REVIEW")
    story.health.append((20, 0.5))
    story.polls(20, 20.5)
    story.polls(21, hour)
    story.decides(hour, "HALT")
    story.commit(hour, new("halted", 0.01), OLD)
    _is_halted_after_its_review(story, hour)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("status", "blamed"), [("halted", {}), ("inProgress", {"halts_late": 1})])
def test_a_halt_that_waits_for_its_review_when_the_crashes_are_seen_is_not_late(status, blamed):
    """Somebody halted it before; whoever finds the crashes then can ask for no more. What waits may be no halt."""
    story = Story()
    story.polls(4, 19.5)
    after = new(status, 0.01, inAppUpdatePriority=3)
    story.console(19.7, after, OLD, exposure_ppm=10_000)
    story.served(19.7, "inProgress", 10_000, review="IN_REVIEW", cause="console")
    story.health.append((20, 0.5))
    story.polls(20, 20.5)
    _is_halted_after_its_review(story, 20.5)
    assert story.blamed() == blamed


def test_a_review_that_begins_when_a_late_halt_is_undone_is_no_excuse_for_it():
    story = bad_release()
    story.commit(20.5, new("halted", 0.01), OLD)
    story.polls(21, 21.5)
    story.served(22, "halted", 0)
    story.served(23, "inProgress", 10_000, review="IN_REVIEW", cause="console")
    story.polls(24, 24)
    assert story.blamed()["halts_late"] == 1


def _is_halted_after_its_review(story: Story, hour: float) -> None:
    story.polls(hour + 0.5, 24)
    story.served(24, "halted", 0, cause="store")
    story.tells(24, "halted", broadcast=True)
    story.ends("halted", 10_000)


def test_a_release_the_app_ignores_is_not_ours_to_halt():
    story = Story(choice="ignore")
    story.health.append((20, 0.5))
    story.polls(4, 30)
    story.ends("waiting", 10_000)
    assert story.blamed() == {}


def test_a_release_that_a_newer_one_replaced_in_time_need_not_be_halted():
    story = bad_release()
    story.served(20.8, "replaced", 0, cause="store")
    story.served(20.8, "inProgress", 10_000, release=("5.3.0", 5030), cause="console")
    story.ends("superseded", 10_000)
    assert story.blamed() == {}
