import pytest

from tests.judge.apple_story import AppleStory, resting
from tests.judge.verdict import judge

DAY = 24
LONG = {"until": 33 * DAY}


def _paused_for_a_month(*warned: float, told: bool = True) -> AppleStory:
    """Paused since hour 4; the daemon is heard every day, and warns on those days of the pause."""
    story = resting(**LONG)
    events = sorted(
        [(4 + day * DAY, 0) for day in range(33)]
        + [(4 + after * DAY, days) for days, after in zip((20, 25, 28), warned, strict=False)]
    )
    for hour, days in events:
        story.looks(hour + 0.1)
        if days:
            story.writes(hour + 0.1, "pause_warned", days=days)
        if days and told:
            story.tells(hour + 0.1, "pause_budget", broadcast=True)
    story.asks(32.8 * DAY)
    story.ends("rolling_out")
    return story


def test_people_are_warned_before_the_pause_days_are_used_up():
    story = _paused_for_a_month(20, 25, 28)
    assert story.blamed() == {}
    verdict = judge(story.evidence())
    assert verdict.counts["pause_warnings"] == 3
    assert verdict.phased["acme/app_store/5.2.0"]["pause_days"] == pytest.approx(32.83)


@pytest.mark.parametrize("warned", [(20, 25), (21, 25, 28), (19, 25, 28)])
def test_a_warning_is_missing_or_late_or_early(warned):
    assert _paused_for_a_month(*warned).blamed() == {"pause_warnings_wrong": 1}


@pytest.mark.parametrize(("closed", "times"), [(19, 0), (22, 1)])
def test_nobody_need_be_warned_for_a_release_that_was_watched_to_its_end(closed, times):
    """Paused after everybody had it: it grows no more, whatever Apple does."""
    story = _paused_for_a_month()
    story.writes(closed * DAY, "closed")
    assert story.blamed().get("pause_warnings_wrong", 0) == times


def test_a_warning_stands_in_the_journal_and_nobody_heard_it():
    story = _paused_for_a_month(20, 25, 28, told=False)
    assert story.blamed() == {"pause_warnings_wrong": 1}


def test_a_warning_came_twice():
    story = _paused_for_a_month(20, 25, 28)
    story.writes(32 * DAY, "pause_warned", days=28)
    assert story.blamed() == {"pause_warnings_wrong": 1}


def test_days_on_which_it_was_active_do_not_count():
    story = resting(until=21 * DAY)
    story.person(6.2, "resume", noticed="resumed")
    story.polls(6.5, 30)
    story.rests(30.2)
    story.polls(30.5, 31)
    story.asks(20.9 * DAY)
    story.ends("rolling_out")
    assert story.blamed() == {}


def test_a_daemon_that_was_dead_on_the_day_warns_when_it_is_back():
    story = resting(until=28 * DAY)
    story.dies(20 * DAY)
    story.asks(27 * DAY)
    story.writes(27 * DAY, "pause_warned", days=25)
    story.tells(27 * DAY, "pause_budget", broadcast=True)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(("short_by", "blamed"), [(1, {}), (12, {"pause_warnings_wrong": 1})])
def test_a_release_is_let_go_on_right_after_a_warning_and_never_spends_those_days(short_by, blamed):
    """Seed 3400: what somebody had let go on counted as paused for hours, until the next look; and the first pause that
    was long enough by that count was the last. So the days were not spent, neither before the warning nor after."""
    story = resting(until=21 * DAY)
    story.person(6, "resume", noticed="resumed")
    story.looks(7)
    story.rests(8)
    warned = 8 + 20 * DAY - 2 - short_by
    story.writes(warned, "pause_warned", days=20)
    story.tells(warned, "pause_budget", broadcast=True)
    story.person(warned + 0.1, "complete", noticed="raised")
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "pause_warnings_wrong"} == blamed
