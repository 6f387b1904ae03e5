import pytest

from tests.judge.__main__ import main
from tests.judge.apple_story import PLACE, AppleStory, following, in_window, resting, stepped
from tests.judge.test_command import written
from tests.judge.verdict import judge


@pytest.mark.parametrize(
    ("phase", "exposure_ppm"),
    [
        ("halted", 10_000),
        ("rolling_out", 20_000),
        ("not_halted", 20_000),
        ("completed", 1_000_000),
        ("waiting_for_review", 20_000),
        ("superseded", 20_000),
        ("somewhere", 20_000),
    ],
)
def test_the_status_shows_something_the_app_store_does_not_do(phase, exposure_ppm):
    story = following() if phase != "not_halted" else stepped()
    story.ends(phase, exposure_ppm)
    assert story.blamed() == {"disagreements": 1}


def test_a_release_in_a_window_is_shown_as_rolling_out():
    story = in_window()
    story.polls(11, 20)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(("settlement", "times"), [("confirmed", 0), ("in_doubt", 1)])
def test_a_release_that_no_pause_had_reached_is_let_go_on_where_it_is(settlement, times):
    """It is active already: nothing is sent that the store could tell of."""
    story = AppleStory(until=20)
    story.polls(4, 20)
    story.decides(10, "ADVANCE", 20_000, verb="step")
    story.writes(10.01, "settled", verb="step", settlement=settlement, detail="")
    story.ends("rolling_out")
    assert story.blamed().get("disagreements", 0) == times


@pytest.mark.parametrize(
    ("how", "blamed"),
    [
        ("no state tells it", {}),
        ("nobody has looked since", {"disagreements": 1}),
        ("the old state tells it", {"disagreements": 1}),
        ("Apple refuses a pause", {"disagreements": 1}),
        ("Apple refuses a pause of another app", {}),
    ],
)
def test_a_removal_from_sale_has_to_be_known_once_apple_has_shown_it(how, blamed):
    story = following()
    story.removed(13)
    match how:
        case "no state tells it":
            story.looks(13.5)
        case "the old state tells it":
            told = {"data": [{"attributes": {"appStoreState": "DEVELOPER_REMOVED_FROM_SALE"}}]}
            story.requested(13.5, "app_store", "/v1/apps/644/appStoreVersions", method="GET", response=told)
        case "Apple refuses a pause":
            story.patches(13.4, status=409)
            story.looks(13.5)
        case "Apple refuses a pause of another app":
            _refuses_another(story, 13.4)
            story.looks(13.5)
    story.ends("rolling_out")
    assert story.blamed() == blamed


def _refuses_another(story: AppleStory, hour: float) -> None:
    shop = PLACE | {"app": "shop", "package": "com.shop.app", "app_id": "999"}
    story.ledger[0]["apps"] = [PLACE, shop]
    old = next(record for record in story.ledger if record["type"] == "served")
    story.ledger.insert(2, old | shop)
    listed = {"included": [{"type": "appStoreVersionPhasedReleases", "id": "shops"}]}
    story.requested(hour, "app_store", "/v1/apps/999/appStoreVersions", method="GET", response=listed)
    path = "/v1/appStoreVersionPhasedReleases/shops"
    story.requested(hour + 0.001, "app_store", path, method="PATCH", status=409)


def test_a_version_in_review_is_shown_as_waiting_for_it():
    story = AppleStory(until=3)
    story.ledger = [record for record in story.ledger if record["seq"] <= 4]
    story.journal = story.journal[:1]
    story.ends("waiting_for_review", 0)
    assert story.blamed() == {}


WANTED = {"app": "acme", "store": "app_store", "release": "5.2.0"}


@pytest.mark.parametrize(
    "expect",
    [
        {"apple_steps": 1, "apple_steps_at_most": 1, "raises_of_ours": 1, "pause_warnings": 0},
        {"rollouts": [WANTED | {"phase": "rolling_out", "exposure_ppm": 20_000, "apple_steps": 1}]},
    ],
)
def test_the_story_ends_as_its_scenario_says(expect):
    assert stepped(scenario={"expect": expect}).blamed() == {}


@pytest.mark.parametrize(
    "expect",
    [
        {"apple_steps": 0},
        {"apple_steps_at_most": 0},
        {"pause_warnings": 3},
        {"rollouts": [WANTED | {"apple_steps_at_most": 0}]},
        {"rollouts": [WANTED | {"pause_warnings": 1}]},
    ],
)
def test_there_were_more_or_fewer_steps_than_the_scenario_says(expect):
    assert stepped(scenario={"expect": expect}).blamed() == {"unmet_expectations": 1}


def test_what_nobody_can_judge_is_said_and_not_called_clean():
    story = stepped(policy={"ratings": {"min_reviews": 40}, "app_store": {"bake": "6h", "min_sample": 100}})
    assert judge(story.evidence()).not_judged == [
        "acme: whether reviews halted a release when, and only when, they were bad"
    ]
    assert judge(resting().evidence()).not_judged == []


def test_the_printed_verdict_tells_how_a_version_went_through_apples_shares(tmp_path, capsys):
    assert main([str(written(stepped(), tmp_path))]) == 0
    told = capsys.readouterr().out
    assert "app_store (acme): 5.2.0 PAUSED, offered to 2 %" in told
    assert "windows 1, apple steps 1, apple steps in windows 1" in told
    assert "pause days 0.5" in told
