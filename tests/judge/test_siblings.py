import pytest

from tests.judge.story import OLD, Story, new

OTHER = {"name": "4.9.0", "versionCodes": ["4900"], "status": "halted", "madeUp": {"by": ["tomorrow"]}}


def _raised(*after, before=()) -> Story:
    story = Story()
    story.track = [new("inProgress", 0.01), OLD, *before]
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, *after)
    story.served(28.5, "inProgress", 100_000)
    story.ends("rolling_out", 100_000)
    return story


def test_the_other_releases_of_the_track_stay_as_they_are():
    assert _raised(new("inProgress", 0.1), OLD, OTHER, before=[OTHER]).blamed() == {}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([new("inProgress", 0.1), OLD], id="dropped"),
        pytest.param([new("inProgress", 0.1), OLD, OTHER | {"madeUp": {}}], id="unknown field changed"),
        pytest.param([new("inProgress", 0.1), OLD, OTHER, OTHER | {"versionCodes": ["1"]}], id="appeared"),
    ],
)
def test_another_release_of_the_track_was_changed(after):
    blamed = _raised(*after, before=[OTHER]).blamed()
    blamed.pop("disagreements", None)
    assert blamed == {"siblings_changed": 1}


def test_one_commit_moved_two_releases():
    story = _raised(new("inProgress", 0.1), OLD, OTHER | {"status": "draft"}, before=[OTHER])
    assert story.blamed() == {"siblings_changed": 1, "disagreements": 1}


def test_the_wrong_release_was_halted():
    story = _raised(new("inProgress", 0.1), OLD)
    story.decides(29, "HALT")
    story.tells(29, "halted", broadcast=True)
    story.commit(29, new("inProgress", 0.1), OLD | {"status": "halted"})
    assert story.blamed() == {"disagreements": 1}


@pytest.mark.parametrize(
    "fields", [{"releaseNotes": []}, {"inAppUpdatePriority": 0}, {"name": "5.2.0-final"}, {"added": 1}]
)
def test_the_release_was_raised_and_lost_something_on_the_way(fields):
    assert _raised(new("inProgress", 0.1, **fields), OLD).blamed() == {"siblings_changed": 1}


def test_another_track_was_changed():
    story = Story()
    story.polls(4, 28.5)
    story.decides(28.5, "ADVANCE", 100_000)
    story.commit(28.5, new("inProgress", 0.1), OLD, track="beta")
    story.served(28.5, "inProgress", 100_000)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"siblings_changed": 1}


def test_halting_a_completed_release_brings_back_the_one_before():
    story = Story()
    story.track = [new("completed")]
    story.orders(6, "halt")
    story.decides(6, "HALT")
    story.commit(6, new("halted"), OLD)
    story.served(6, "halted", 0)
    story.tells(6, "halted", broadcast=True)
    story.ends("halted", 0)
    assert story.blamed() == {}


def test_what_people_change_in_the_console_is_theirs():
    story = Story()
    story.console(6, new("inProgress", 0.05, releaseNotes=[]), exposure_ppm=50_000)
    story.ends("rolling_out", 50_000)
    assert story.blamed() == {}
