from datetime import date

import pytest

from tests.judge.apple_story import GUARDED, AppleStory, following, in_window, resting, stepped
from tests.judge.terms import PPM_ALL
from tests.judge.verdict import judge


def test_a_window_was_opened_without_evidence():
    story = resting()
    story.polls(4.5, 10)
    story.asks(10.5, status=502)
    story.steps(10.5)
    story.asks(11, status=502)
    story.pauses(11)
    story.ends("rolling_out")
    assert story.blamed() == {"raises_without_evidence": 1}


def test_evidence_about_the_android_release_of_the_same_name_says_nothing():
    story = resting()
    story.project = "acme"
    story.served(4, "completed", PPM_ALL, release=("5.2.0", 33417))
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.pauses(10.6)
    story.ends("rolling_out")
    assert story.blamed()["raises_without_evidence"] == 1


def test_a_window_was_opened_before_the_bake_was_over():
    story = resting()
    story.polls(4.5, 9)
    story.steps(9)
    story.pauses(9.5)
    story.ends("rolling_out")
    assert story.blamed() == {"bakes_cut": 1}


def test_the_bake_begins_when_apple_has_stepped():
    story = stepped(until=60)
    story.polls(36.5, 38)
    story.steps(38)
    story.pauses(38.5)
    story.ends("rolling_out")
    assert story.blamed() == {"bakes_cut": 1}


def test_a_window_was_opened_before_its_share_was_seen_often_enough():
    story = resting(policy={"app_store": {"bake": "6h", "min_sample": 5_000}})
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.pauses(11)
    story.ends("rolling_out")
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_window_was_opened_during_a_freeze():
    freeze = {"first": date(2026, 3, 2), "last": date(2026, 3, 2), "reason": "audit"}
    story = in_window(policy={"calendar": {"freezes": [freeze]}})
    story.pauses(11)
    story.ends("rolling_out")
    assert story.blamed() == {"raises_outside_calendar": 1}


def test_apple_keeps_to_no_calendar():
    hours = {
        "calendar": {"hours": {"start": "09:00", "end": "17:00"}}
    }  # the step itself comes at 10:30 at night
    story = resting(policy=hours)
    story.polls(4.5, 10.5)
    story.steps(10.5)
    story.polls(11, 22.5)
    story.rests(22.5)
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_person_may_open_a_window_before_the_bake_is_over():
    story = resting()
    story.polls(4.5, 7)
    story.steps(7, story.orders(7, "advance"))
    story.polls(7.5, 12)
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_person_opened_a_window_without_evidence_and_had_not_said_so():
    story = resting()
    story.polls(4.5, 11.5)
    story.asks(12, status=502)
    story.steps(12, story.orders(12, "advance"))
    story.pauses(12.1)
    story.ends("rolling_out")
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_step_was_sent_and_the_journal_does_not_know():
    story = resting()
    story.polls(4.5, 10.5)
    story.asks_apple(10.5, "step")
    story.pauses(11)
    story.ends("rolling_out")
    assert story.blamed() == {"disagreements": 1}


def test_a_version_was_released_that_nobody_had_started():
    story = AppleStory()
    request = story.requested(3, "app_store", "/v1/appStoreVersionReleaseRequests")
    for record in story.ledger:
        if record["type"] == "phased" and record["after"]["state"] == "ACTIVE":
            record["request"] = request
    story.decides(3, "START", 10_000, verb="start")
    story.pauses(4)
    story.ends("rolling_out")
    assert story.blamed() == {"raises_without_evidence": 1}


AUTOMATIC = GUARDED | {"completion": "automatic"}


def _at_half(policy: dict) -> AppleStory:
    """Paused at 50 % since hour 130, after five windows that a person opened."""
    story = resting(policy=policy, until=180)
    for number in range(5):
        hour = 5.0 + 25 * number
        story.steps(hour, story.orders(hour, "advance"))
        story.polls(hour + 0.5, hour + 24)
        story.rests(hour + 24)
        story.polls(hour + 24.5, hour + 25)
    story.polls(130.5, 140)
    return story


@pytest.mark.parametrize(("policy", "blamed"), [(AUTOMATIC, {}), (GUARDED, {"stages_skipped": 1})])
def test_everyone_is_a_decision_of_its_own(policy, blamed):
    story = _at_half(policy)
    story.does(140, "complete", "COMPLETE")
    story.ends("completed")
    assert story.blamed() == blamed


@pytest.mark.parametrize("stepped_at", [140.001, 139.9])
@pytest.mark.parametrize(("asked_for", "check"), [(100, "bakes_cut"), (500, "raises_without_evidence")])
def test_apple_steps_just_after_it_was_decided_to_complete_what_had_baked_and_been_seen(
    asked_for, check, stepped_at
):
    """Seed 7201: even after the last look before the request; no session of the share that it went to can be seen then."""
    story = _at_half(AUTOMATIC | {"app_store": GUARDED["app_store"] | {"min_sample": asked_for}})
    if stepped_at < 140:
        story.apple(stepped_at)
    story.decides(140, "COMPLETE", 1_000_000, verb="complete")
    if stepped_at > 140:
        story.apple(stepped_at)
    story.asks_apple(140.002, "complete")
    story.ends("completed")
    assert story.blamed().get(check, 0) == (stepped_at < 140)


@pytest.mark.parametrize(("sent_at", "blamed"), [(10.501, 0), (10.53, 1)])
def test_a_step_that_takes_effect_late_goes_by_what_had_been_seen_when_it_was_sent(sent_at, blamed):
    """An answer of zeros came between."""
    story = resting()
    story.polls(4.5, 10.5)
    story.decides(10.5, "ADVANCE", 20_000, verb="step")
    story.asks(10.52)
    series = story.requests[-1]["response"]["groups"][0]["series"]
    series["sum(session)"] = [0 for _ in series["sum(session)"]]
    story.asks_apple(10.54, "step", sent_at=sent_at)
    unseen = [f for f in judge(story.evidence()).findings if "of 100 sessions of its stage" in f.text]
    assert len(unseen) == blamed


def test_a_person_completes():
    story = _at_half(GUARDED)
    story.does(140, "complete", "COMPLETE", command=story.orders(140, "complete"))
    story.ends("completed")
    assert story.blamed() == {}


@pytest.mark.parametrize(("since", "blamed"), [(1, {}), (2, {"stages_skipped": 1})])
def test_a_policy_says_from_which_share_on_it_may_complete_early(since, blamed):
    early = {"mode": "follow", "bake": "4h", "min_sample": 100, "complete_from": since}
    story = following(policy={"app_store": early, "completion": "automatic"})
    story.does(12, "complete", "COMPLETE")
    story.ends("completed")
    assert story.blamed() == blamed


def test_an_observed_app_is_only_observed():
    story = AppleStory(scenario={"mode": "observe"})
    story.polls(4, 6)
    story.ends("rolling_out")
    assert story.blamed() == {}
    story.pauses(6)
    assert story.blamed() == {"disagreements": 1}


def test_the_document_tells_the_two_kinds_of_steps_apart():
    document = judge(stepped().evidence()).document()
    assert (document["raises_of_ours"], document["apple_steps"], document["windows"]) == (1, 1, 1)
    assert document["stores"]["app_store"]["status"] == "PAUSED"
    assert document["phased"]["acme/app_store/5.2.0"]["pause_days"] == 0.5
