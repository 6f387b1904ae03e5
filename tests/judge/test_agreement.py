import base64

import pytest

from tests.judge.case import understand
from tests.judge.story import OLD, Story, bad_release, first_raise, new


@pytest.mark.parametrize(
    ("phase", "exposure_ppm"),
    [
        ("rolling_out", 10_000),
        ("halted", 100_000),
        ("completed", 1_000_000),
        ("held", 10_000),
        ("waiting_for_review", 100_000),
        ("superseded", 100_000),
        ("somewhere", 100_000),
    ],
)
def test_the_status_shows_something_the_store_does_not_do(phase, exposure_ppm):
    story = first_raise()
    story.ends(phase, exposure_ppm)
    assert story.blamed() == {"disagreements": 1}


def test_a_halted_release_is_shown_as_rolling_out():
    story = bad_release()
    story.halts(20.5)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"disagreements": 1}


def test_a_release_the_store_refuses_to_halt_is_shown_as_not_halted():
    story = first_raise()
    story.ends("not_halted", 100_000)
    assert story.blamed() == {}


def test_a_completed_release_that_a_newer_one_has_followed_stays_completed():
    story = first_raise()
    story.console(30, new("completed"), exposure_ppm=1_000_000)
    story.served(31, "replaced", 0, cause="store")
    story.served(31, "completed", 1_000_000, release=("5.3.0", 5030), cause="store")
    story.ends("completed", 1_000_000)
    assert story.blamed() == {}


def test_a_raise_in_review_is_shown_as_waiting_for_it():
    story = first_raise()
    story.served(30, "inProgress", 100_000, review="IN_REVIEW")
    story.ends("waiting_for_review", 200_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(
    ("phase", "asked", "review", "blamed"),
    [
        ("waiting_for_review", new("inProgress", 0.5), "NOT_APPROVED", {}),
        ("held", new("inProgress", 0.5), "IN_REVIEW", {}),
        ("waiting_for_review", new("inProgress", 0.5), "PUBLISHED", {"disagreements": 1}),
        ("waiting_for_review", new("halted", 0.1), "IN_REVIEW", {"disagreements": 1}),
        ("rolling_out", new("inProgress", 0.5), "NOT_APPROVED", {"disagreements": 1}),
    ],
)
def test_what_was_resumed_and_rejected_waits_for_review_although_the_store_goes_on_serving_it_halted(
    phase, asked, review, blamed
):
    """The track shows what is asked for, at once, and no look can tell that people still get nothing of it."""
    story = first_raise()
    story.console(30, new("halted", 0.1), OLD, exposure_ppm=0)
    story._changed(30.5, [asked, OLD], cause="console", account="console", request=None, track="production")
    story.served(30.5, "halted", 0, review=review, cause="console")
    story.ends(phase, 500_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("until", "blamed"), [(30.4, {}), (32, {"disagreements": 1})])
def test_a_review_that_is_over_since_the_last_look_may_still_be_waited_for(until, blamed):
    """The story ends before the next look is due; a poll later it has to be known."""
    story = first_raise(until=until)
    story.served(29.5, "inProgress", 0, review="IN_REVIEW", cause="console")
    fields = {"app": "acme", "version_code": 5020, "state": "PUBLISHED"}
    story._ledger(30.1, "review", **fields)
    story.served(30.1, "inProgress", 20_000, cause="store")
    story.ends("waiting_for_review", 20_000)
    assert story.blamed() == blamed


def test_what_happens_after_the_last_look_cannot_be_known():
    story = first_raise(until=30)
    story.console(30, new("halted", 0.1), OLD, exposure_ppm=0)
    assert story.blamed() == {}


def test_a_release_was_raised_and_the_journal_does_not_know():
    story = Story()
    story.polls(4, 28.5)
    story.commit(28.5, new("inProgress", 0.1), OLD)
    story.served(28.5, "inProgress", 100_000)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"disagreements": 1}


def test_somebody_changed_an_entry_of_the_journal():
    story = first_raise()
    story.journal[-1]["body"]["target_ppm"] = 100_000
    story.journal[-1]["body"]["command"] = "command-of-nobody"
    assert story.blamed() == {"disagreements": 1}


def test_somebody_took_an_entry_out_of_the_journal():
    story = first_raise()
    del story.journal[0]
    assert story.blamed() == {"disagreements": 1}


def test_an_observed_app_is_halted_by_a_person():
    story = Story(scenario={"mode": "observe"})
    story.polls(4, 10)
    story.orders(10, "halt")
    story.halts(10)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("resumed", "times"), [(False, 0), (True, 1)])
def test_an_observed_app_is_halted_hours_after_it_was_ordered_unless_the_order_was_over(resumed, times):
    """Late, but ordered; `resumed`: somebody did meanwhile what was ordered, and then took it back."""
    story = Story(scenario={"mode": "observe"})
    story.polls(4, 10)
    story.orders(10, "halt")
    if resumed:
        story.console(11, new("halted", 0.01), OLD, exposure_ppm=0)
        story.console(12, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
        change = {"before": {"status": "halted"}, "after": {"status": "in_progress", "review": "published"}}
        story.writes(12, "drifted", meaning="resumed", **change)
    story.halts(14)
    story.ends("halted", 10_000)
    assert story.blamed().get("disagreements", 0) == times


def test_an_observed_app_was_halted_by_the_machine():
    story = bad_release(scenario={"mode": "observe"})
    story.halts(20.5)
    story.ends("halted", 10_000)
    assert story.blamed() == {"disagreements": 1}


WANTED = {"app": "acme", "store": "google_play", "release": "5.2.0"}


def _expecting(**expect: object) -> dict[str, int]:
    return first_raise(scenario={"expect": expect}).blamed()


def test_the_story_ends_as_its_scenario_says():
    exact = WANTED | {"phase": "rolling_out", "exposure_ppm": 100_000}
    bounded = WANTED | {"exposure_ppm_at_most": 100_000, "exposure_ppm_at_least": 100_000}
    assert _expecting(rollouts=[exact, bounded], broadcast_halts=0, raises_of_ours=1) == {}


@pytest.mark.parametrize(
    "wanted",
    [
        {"phase": "halted"},
        {"exposure_ppm": 10_000},
        {"exposure_ppm_at_most": 99_999},
        {"exposure_ppm_at_least": 100_001},
        {"release": "5.3.0"},
    ],
)
def test_the_rollout_ended_otherwise_than_its_scenario_says(wanted):
    assert _expecting(rollouts=[WANTED | wanted]) == {"unmet_expectations": 1}


@pytest.mark.parametrize("expect", [{"broadcast_halts": 1}, {"raises_of_ours": 0}])
def test_there_were_more_or_fewer_acts_than_the_scenario_says(expect):
    assert _expecting(**expect) == {"unmet_expectations": 1}


def test_a_halted_release_has_reached_those_who_have_it():
    wanted = WANTED | {"phase": "halted", "exposure_ppm_at_most": 5_000}
    story = bad_release(scenario={"expect": {"rollouts": [wanted]}})
    story.halts(20.5)
    story.ends("halted", 0)
    assert story.blamed() == {"unmet_expectations": 1}


SECRET = 'xoxb-"quoted"-canary'


@pytest.mark.parametrize("told", [SECRET, base64.b64encode(SECRET.encode()).decode()])
def test_a_secret_was_written_down(told):
    story = first_raise()
    story.canaries.append(SECRET)
    story.requests[0]["body"] = told
    findings = story.blamed()
    assert findings == {"secrets_leaked": 1}


def test_a_secret_that_was_kept_is_not_found():
    story = first_raise()
    story.canaries.append(SECRET)
    assert story.blamed() == {}


def test_a_ledger_that_does_not_say_what_was_played_cannot_be_judged():
    story = first_raise()
    del story.ledger[0]
    with pytest.raises(ValueError, match="scenario"):
        understand(story.evidence())


def test_a_release_that_somebody_lowered_counts_as_halted():
    story = first_raise()
    story.console(30, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.ends("halted", 10_000)
    assert story.blamed() == {}


def test_the_teams_own_automation_is_not_ours():
    story = Story()
    story.track = [new("draft"), OLD]
    story.commit(5, new("inProgress", 0.01), OLD)
    story.ledger[-1]["request"] = None
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}
