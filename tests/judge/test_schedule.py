from datetime import date

import pytest

from tests.judge.story import OLD, POLICY, Story, at, first_raise, new


def test_a_release_jumped_over_a_stage():
    story = Story(policy={"stages": [{"percent": p, "bake": "24h"} for p in (1, 5, 10)]})
    story.polls(4, 28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"stages_skipped": 1}


def test_a_release_went_further_than_its_last_stage():
    story = Story(policy={"stages": [{"percent": 1, "bake": "24h"}]})
    story.polls(4, 28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"stages_skipped": 1}


def test_a_release_was_raised_to_a_share_the_policy_does_not_know():
    story = Story()
    story.polls(4, 28.5)
    story.raises(28.5, 0.07)
    story.ends("rolling_out", 70_000)
    assert story.blamed() == {"stages_skipped": 1}


def test_a_release_was_raised_half_an_hour_before_its_bake_was_over():
    story = Story()
    story.polls(4, 27.5)
    story.raises(27.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"bakes_cut": 1}


@pytest.mark.parametrize(
    ("ahead", "blamed"), [(110, {}), (60, {"bakes_cut": 1}), (0, {"bakes_cut": 1}), (600, {"bakes_cut": 1})]
)
def test_a_bake_is_counted_by_a_clock_that_gains_no_more_than_clocks_may_be_apart(ahead, blamed):
    """All clocks of the machine gain, so that none of them tells; the raise comes 100 seconds before the end."""
    early = 28 - 100 / 3600
    story = Story()
    story.polls(4, 27.9)
    story.raises(early, 0.1)
    decided = [entry for entry in story.journal if entry["kind"] == "decided"][-1]
    decided |= {"at": at(early + ahead / 3600), "true_at": at(early)} if ahead else {}
    story.ends("rolling_out", 100_000)
    assert {check: n for check, n in story.blamed().items() if check == "bakes_cut"} == blamed


def test_the_bake_was_counted_from_the_commit_and_not_from_when_people_got_it():
    stages = [*POLICY["stages"][:2], {"percent": 50, "bake": "24h"}]
    story = Story(policy={"stages": stages}, until=60)
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, new("inProgress", 0.1), OLD)
    story.polls(29, 40)
    story.served(40, "inProgress", 100_000, cause="store")
    story.polls(40.5, 53)
    story.raises(53, 0.5)
    story.ends("rolling_out", 500_000)
    assert story.blamed() == {"bakes_cut": 1}


def test_a_release_was_raised_again_while_the_raise_before_was_in_review():
    stages = [*POLICY["stages"][:2], {"percent": 50, "bake": "24h"}]
    story = Story(policy={"stages": stages}, until=60)
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, new("inProgress", 0.1), OLD)
    story.polls(29, 55)
    story.raises(55, 0.5)
    story.ends("rolling_out", 500_000)
    assert story.blamed() == {"bakes_cut": 1}


def _completed(*, command: str = "", story: Story) -> Story:
    story.decides(53, "COMPLETE", 1_000_000, command)
    story.commit(53, new("completed"))
    story.served(53, "completed", 1_000_000)
    story.served(53, "replaced", 0, release=("5.1.0", 5010))
    story.ends("completed", 1_000_000)
    return story


def _baked_at_ten(**how: object) -> Story:
    story = first_raise(until=60, **how)
    story.polls(30.5, 53)
    return story


def test_everyone_got_the_release_although_completing_is_left_to_people():
    assert _completed(story=_baked_at_ten()).blamed() == {"stages_skipped": 1}


def test_everyone_gets_the_release_because_a_person_completed_it():
    story = _baked_at_ten()
    command = story.orders(53, "complete")
    assert _completed(command=command, story=story).blamed() == {}


def test_everyone_gets_the_release_because_the_policy_completes_by_itself():
    assert _completed(story=_baked_at_ten(policy={"completion": "automatic"})).blamed() == {}


def test_a_release_was_raised_during_a_freeze():
    freeze = {"first": date(2026, 3, 3), "last": date(2026, 3, 3), "reason": "audit"}
    story = first_raise(policy={"calendar": {"freezes": [freeze]}})
    assert story.blamed() == {"raises_outside_calendar": 1}


def test_not_even_a_person_may_raise_during_a_freeze():
    freeze = {"first": "2026-03-02", "last": "2026-03-02", "reason": "audit"}
    story = Story(policy={"calendar": {"freezes": [freeze]}})
    story.polls(4, 12)
    story.raises(12, 0.1, story.orders(12, "advance"))
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_outside_calendar": 1}


def test_a_release_was_raised_at_night():
    hours = {"hours": {"start": "09:00", "end": "17:00"}}  # hour 28.5 is 04:30
    assert first_raise(policy={"calendar": hours}).blamed() == {"raises_outside_calendar": 1}


def test_the_calendar_speaks_local_time():
    calendar = {"time_zone": "Asia/Tokyo", "weekdays": ["tue"], "hours": {"start": "13:00", "end": "14:00"}}
    assert first_raise(policy={"calendar": calendar}).blamed() == {}


def test_a_person_may_raise_at_night():
    story = Story(policy={"calendar": {"hours": {"start": "09:00", "end": "00:00"}}})
    story.polls(4, 7)
    story.raises(7, 0.1, story.orders(7, "advance"))
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("hours", "blamed"), [("04:00", {}), ("05:00", {"raises_outside_calendar": 1})])
def test_a_larger_share_has_hours_of_its_own(hours, blamed):
    """Hour 28.5 is 04:30."""
    calendar = {"shares": [{"at_least": 1, "hours": {"start": hours, "end": "06:00"}}]}
    assert first_raise(policy={"calendar": calendar}).blamed() == blamed


@pytest.mark.parametrize(("least", "blamed"), [(90, {}), (1, {"raises_outside_calendar": 1})])
def test_the_days_of_a_larger_share_bind_no_smaller_one(least, blamed):
    calendar = {"shares": [{"at_least": least, "weekdays": ["mon"]}]}
    assert first_raise(policy={"calendar": calendar}).blamed() == blamed


AUDIT = (
    "BEGIN:VEVENT\nDTSTART;TZID=Europe/Berlin:{}\nDTEND;TZID=Europe/Berlin:{}\nSUMMARY:Audit\n{}END:VEVENT\n"
)


@pytest.mark.parametrize(
    ("begins", "ends", "rule", "blamed"),
    [
        ("20260303T050000", "20260303T060000", "", {"raises_outside_calendar": 1}),
        ("20260224T050000", "20260224T060000", "RRULE:FREQ=WEEKLY\n", {"raises_outside_calendar": 1}),
        ("20260303T040000", "20260303T050000", "", {}),
    ],
)
def test_a_release_was_raised_during_an_entry_of_an_icalendar(begins, ends, rule, blamed):
    policy = {"calendar": {"icalendars": ["c"]}, "icalendar_files": {"c": AUDIT.format(begins, ends, rule)}}
    assert first_raise(policy=policy).blamed() == blamed


def test_a_release_was_raised_on_a_public_holiday():
    calendar = {
        "time_zone": "Europe/Sofia",
        "holidays": [{"country": "BG"}],
    }  # liberation day, the third of March
    assert first_raise(policy={"calendar": calendar}).blamed() == {"raises_outside_calendar": 1}
