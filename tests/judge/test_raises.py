import pytest

from tests.judge.story import OLD, POLICY, Story, first_raise, new
from tests.judge.verdict import judge


def test_a_healthy_release_is_raised_after_its_bake_and_nobody_is_blamed():
    story = first_raise()
    assert story.blamed() == {}
    document = judge(story.evidence()).document()
    assert document["raises_of_ours"] == 1
    assert document["stores"]["google_play"]["exposure_ppm"] == 100_000
    assert [ppm for _, ppm, _ in document["exposure"]["acme/google_play/5020"]] == [0, 10_000, 100_000]


def test_a_release_was_raised_although_the_crash_free_source_was_down():
    story = Story()
    story.polls(4, 28)
    story.asks(28.5, status=502)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_release_was_raised_and_nobody_had_asked_for_two_polls():
    story = Story()
    story.polls(4, 28)
    story.raises(29.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_release_was_raised_on_data_that_had_stopped_arriving():
    story = Story()
    story.polls(4, 28.5, frozen_at=25)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_release_was_raised_on_too_few_sessions():
    story = Story()
    story.sessions_per_hour = 4
    story.polls(4, 28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_release_was_raised_before_its_stage_had_the_sessions_it_asks_for():
    stages = [{"percent": 1, "bake": "24h", "min_sample": 100_000}, *POLICY["stages"][1:]]
    assert first_raise(policy={"stages": stages}).blamed() == {"raises_without_evidence": 1}


def test_a_crashing_release_was_raised_while_chance_was_not_ruled_out():
    story = Story()
    story.health.append((28, 0.5))
    story.polls(4, 27.5)
    story.asks(28.2)
    story.raises(28.2, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_one_answer_was_used_for_two_raises():
    short = [{"percent": p, "bake": "1m"} for p in (1, 2, 5)]
    story = Story(policy={"stages": short})
    story.polls(4, 20)
    story.raises(20, 0.02)
    story.raises(20.1, 0.05)
    story.ends("rolling_out", 50_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_both_gates_must_pass_and_one_was_never_asked():
    users = {"metric": "crash_free_users", "floor": 98.0, "min_sample": 10}
    story = first_raise(policy={"gates": [*POLICY["gates"], users]})
    assert story.blamed() == {"raises_without_evidence": 1}


def test_an_advisory_gate_without_data_stops_nobody():
    users = {"metric": "crash_free_users", "floor": 98.0, "min_sample": 10, "role": "advisory"}
    assert first_raise(policy={"gates": [*POLICY["gates"], users]}).blamed() == {}


def test_a_draft_nobody_started_was_rolled_out():
    story = Story()
    story.track = [new("draft"), OLD]
    story.polls(4, 6)
    story.decides(6, "START", 10_000)
    story.commit(6, new("inProgress", 0.01), OLD)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_a_draft_somebody_started_is_rolled_out_to_the_first_stage():
    story = Story()
    story.track = [new("draft"), OLD]
    story.writes(5, "started", actor={"kind": "human", "name": "ana"}, reason="go", policy="standard")
    story.decides(6, "START", 10_000)
    story.commit(6, new("inProgress", 0.01), OLD)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def _advanced(**order: bool) -> Story:
    story = Story()
    story.polls(4, 11.5)
    story.asks(12, status=502)
    story.raises(12, 0.1, story.orders(12, "advance", **order))
    story.ends("rolling_out", 100_000)
    return story


def test_a_person_may_advance_without_evidence_by_saying_so_and_is_counted_apart():
    story = _advanced(without_evidence=True)
    assert story.blamed() == {}
    assert judge(story.evidence()).document()["raises_without_evidence_by_human"] == 1


def test_a_person_advanced_without_evidence_and_had_not_said_so():
    assert _advanced().blamed() == {"raises_without_evidence": 1}


@pytest.mark.parametrize(("hour", "blamed"), [(6, {}), (11, {"raises_without_evidence": 1})])
def test_silence_is_no_reason_to_ask_a_person_twice_until_a_release_is_some_hours_old(hour, blamed):
    story = Story()
    story.asks(hour)
    answer = story.requests[-1]["response"]
    answer["groups"] = [group for group in answer["groups"] if "5.2.0" not in group["by"]["release"]]
    story.raises(hour, 0.1, story.orders(hour, "advance"))
    story.ends("rolling_out", 100_000)
    assert story.blamed() == blamed


def test_a_person_may_advance_before_the_bake_is_over():
    story = Story()
    story.polls(4, 12)
    story.raises(12, 0.1, story.orders(12, "advance"))
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {}
    assert judge(story.evidence()).document()["raises_without_evidence_by_human"] == 0


def test_a_person_advanced_a_release_whose_gate_was_failing():
    story = Story()
    story.health.append((20, 0.5))
    story.polls(4, 20.5)
    story.raises(20.5, 0.1, story.orders(20.5, "advance", without_evidence=True))
    story.halts(20.6)
    story.ends("halted", 0)
    assert story.blamed() == {"raises_without_evidence": 1}


def test_an_app_that_is_only_observed_was_raised():
    story = first_raise(scenario={"mode": "observe"})
    assert story.blamed() == {"raises_without_evidence": 1, "disagreements": 1}
