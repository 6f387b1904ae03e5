"""The Reporting API and the bucket as Google answers them, whoever asks (google-play.md sections 8 to 10)."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.emulator.credentials import PUBLISHER_SCOPE, SCOPES
from stagedrollout.emulator.play_bucket import BUCKET
from stagedrollout.emulator.play_vitals import rounded
from stagedrollout.emulator.world import World
from tests.contracts.play_report_cases import question
from tests.emulator.calls import Answer, Caller, pass_time, world_at
from tests.emulator.opinions_story import talking_world

CRASHES = "/v1beta1/apps/com.acme.app/crashRateMetricSet"
OBJECTS = f"/storage/v1/b/{BUCKET}/o"
RATINGS = "stats/ratings/ratings_com.acme.app_202603_app_version.csv"
UTC_ZONE = {"timeZone": {"id": "UTC"}}


def caller(world: World, *scopes: str) -> Caller:
    return Caller(world, world.credentials.issue("ours@example.invalid", frozenset(scopes or SCOPES)))


def asked(world: World, **changes: Any) -> Answer:
    return caller(world)("POST", f"{CRASHES}:query", {**question(), **changes})


@pytest.fixture(scope="module")
def world() -> World:
    """11 March, 06:00: clocks were set forward on the 8th."""
    return world_at(24 * 9, "stars: 2")


def hourly(**end: Any) -> dict[str, Any]:
    return {
        "aggregationPeriod": "HOURLY",
        "startTime": {"year": 2026, "month": 3, "day": 9, "hours": 1, **UTC_ZONE},
        "endTime": {"year": 2026, "month": 3, "day": 9, "hours": 3, **UTC_ZONE, **end},
    }


def test_freshness_is_told_for_each_period_in_its_own_zone(world: World) -> None:
    told = caller(world)("GET", CRASHES).document
    zone = {"timeZone": {"id": "America/Los_Angeles"}}
    assert told == {
        "name": "apps/com.acme.app/crashRateMetricSet",
        "freshnessInfo": {
            "freshnesses": [
                {"aggregationPeriod": "DAILY", "latestEndTime": {"year": 2026, "month": 3, "day": 9, **zone}},
                {
                    "aggregationPeriod": "HOURLY",
                    "latestEndTime": {"year": 2026, "month": 3, "day": 11, "hours": 2, **UTC_ZONE},
                },
            ]
        },
    }


def test_rates_are_decimal_texts_and_users_are_rounded(world: World) -> None:
    rows = asked(world).document["rows"]
    assert len(rows) == 12  # two releases on six days
    crashes, users = rows[-1]["metrics"]
    assert 0 < float(crashes["decimalValue"]["value"]) < 1
    interval = crashes["decimalValueConfidenceInterval"]
    assert float(interval["lowerBound"]["value"]) < float(interval["upperBound"]["value"])
    assert users["decimalValue"]["value"].isdigit()
    assert [rounded(n) for n in (4, 123, 1_234, 123_456, 12_345_678)] == [0, 120, 1_200, 123_000, 12_000_000]


def test_a_version_code_of_too_few_users_has_no_row(world: World) -> None:
    world.turn({"vitals_users_needed": 100_000})
    codes = {row["dimensions"][0]["int64Value"] for row in asked(world).document["rows"]}
    world.turn({"vitals_users_needed": 100})
    assert codes == {"5010"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            question(end=10),
            "'timeline_spec.end_date' field should be at most the current freshness 2026-03-09 00:00",
        ),
        ({"timelineSpec": hourly(day=11)}, "at most the current freshness 2026-03-11 02:00"),
        ({"metrics": ["crashCount"]}, "cannot be used together"),
        ({"metrics": []}, "cannot be used together"),
        ({"dimensions": ["reportType"]}, "cannot be used together"),
        ({"timelineSpec": hourly(), "metrics": ["crashRate7dUserWeighted"]}, "cannot be used together"),
        ({"timelineSpec": {**question()["timelineSpec"], "aggregationPeriod": "FULL_RANGE"}}, "is invalid"),
        ({"timelineSpec": hourly(timeZone={"id": "Europe/Berlin"})}, "must be UTC"),
        ({"timelineSpec": hourly(minutes=30)}, "must not set"),
        (question(first=9), "must be before"),
        ({"filter": "versionCode > 5"}, "Invalid filter"),
        ({"pageToken": "another"}, "Invalid page token"),
        ({"userCohort": "EVERYBODY"}, "user_cohort"),
    ],
)
def test_what_may_not_be_asked_is_refused_in_googles_words(
    world: World, changes: dict[str, Any], words: str
) -> None:
    refused = asked(world, **changes)
    assert (refused.status, refused.document["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in refused.message


def test_days_with_hours_or_in_another_zone_are_refused(world: World) -> None:
    for change in ({"hours": 5}, {"timeZone": {"id": "UTC"}}, {"utcOffset": "0s"}, {"day": 31, "month": 2}):
        spec = question()["timelineSpec"]
        spec["startTime"] = {**spec["startTime"], **change}
        assert asked(world, timelineSpec=spec).status == 400


def test_a_page_token_is_good_for_the_same_question_only(world: World) -> None:
    first = asked(world, pageSize=5).document
    token = first["nextPageToken"]
    second = asked(world, pageSize=5, pageToken=token).document
    assert [row["startTime"] for row in first["rows"]] != [row["startTime"] for row in second["rows"]]
    assert asked(world, pageSize=6, pageToken=token).status == 400
    assert "nextPageToken" not in asked(world, pageSize=12).document


def test_one_version_code_or_all_of_them_together(world: World) -> None:
    one = asked(world, filter="versionCode = 5020").document["rows"]
    assert {row["dimensions"][0]["int64Value"] for row in one} == {"5020"}
    assert all("dimensions" not in row for row in asked(world, dimensions=[]).document["rows"])


def test_the_releases_that_are_served_are_told_with_their_codes(world: World) -> None:
    told = caller(world)("GET", "/v1beta1/apps/com.acme.app:fetchReleaseFilterOptions").document
    (track,) = told["tracks"]
    assert [release["versionCodes"] for release in track["servingReleases"]] == [["5020"], ["5010"]]


def test_a_token_of_another_scope_reads_nothing(world: World) -> None:
    publisher = caller(world, PUBLISHER_SCOPE)
    for path in (CRASHES, OBJECTS):
        refused = publisher("GET", path)
        assert (refused.status, refused.message) == (403, "Request had insufficient authentication scopes.")
        assert Caller(world, "")("GET", path).status == 401


def test_more_than_ten_questions_a_second_are_too_many() -> None:
    world = world_at(48)
    world.turn({"vitals_rate_limit": True})
    call = caller(world)
    assert [call("GET", CRASHES).status for _ in range(11)] == [200] * 10 + [429]
    pass_time(world, 1 / 3_600)
    assert call("GET", CRASHES).status == 200


def rows_of(world: World, name: str = RATINGS) -> list[dict[str, str]]:
    answer = caller(world)("GET", f"{OBJECTS}/{quote(name, safe='')}?alt=media")
    assert answer.status == 200
    assert answer.body.startswith(b"\xff\xfe")
    return list(csv.DictReader(io.StringIO(answer.body.decode("utf-16"))))


def test_ratings_are_a_file_in_utf16_without_any_count(world: World) -> None:
    rows = rows_of(world)
    assert list(rows[0]) == [
        "Date",
        "Package Name",
        "App Version Code",
        "Daily Average Rating",
        "Total Average Rating",
    ]
    assert {row["App Version Code"] for row in rows} == {"5010", "5020"}
    assert max(row["Date"] for row in rows) == "2026-03-09"
    assert len(rows_of(world, RATINGS.replace("app_version", "overview"))) == 9


def test_a_day_on_which_nobody_gave_stars_is_na() -> None:
    rows = rows_of(talking_world(6, reviews_per_million=0.01))
    told = {row["Daily Average Rating"] for row in rows}
    assert "NA" in told
    assert len(told) > 1
    assert all(float(row["Total Average Rating"]) >= 1 for row in rows)


def test_files_are_listed_by_how_their_names_begin(world: World) -> None:
    listed = caller(world)("GET", f"{OBJECTS}?prefix=stats/ratings/ratings_com.acme.app_2026").document[
        "items"
    ]
    assert [file["name"].removeprefix("stats/ratings/ratings_com.acme.app_") for file in listed] == [
        "202602_app_version.csv",
        "202602_overview.csv",
        "202603_app_version.csv",
        "202603_overview.csv",
    ]
    assert "items" not in caller(world)("GET", f"{OBJECTS}?prefix=reviews/").document


def test_a_file_is_rewritten_once_a_day_until_its_month_is_told() -> None:
    world = world_at(24 * 5)

    def generations() -> list[str]:
        listed = caller(world)("GET", f"{OBJECTS}?prefix=stats/ratings/").document["items"]
        return [file["generation"] for file in listed if "app_version" in file["name"]]

    before = generations()
    pass_time(world, 20)
    assert generations() == before
    pass_time(world, 4)
    february, march = generations()
    assert february == before[0]
    assert int(march) - int(before[1]) == 86_400 * 1_000_000


def test_what_is_not_there_is_404(world: World) -> None:
    call = caller(world)
    assert call("GET", "/storage/v1/b/another/o").message == "The specified bucket does not exist."
    assert call("GET", f"{OBJECTS}/nothing").status == 404
    assert call("GET", "/v1beta1/apps/com.acme.nothing/crashRateMetricSet").status == 404
    assert call("GET", "/v1beta1/apps/com.acme.app/errorCountMetricSet").status == 404


def test_an_account_that_was_not_invited_reads_no_vitals() -> None:
    world = world_at(48)
    world.turn({"play_account": "not_invited"})
    assert caller(world)("GET", CRASHES).message == "The caller does not have permission"
    world.turn({"play_account": "app", "play_reporting_enabled": False})
    assert "has not been used in project" in caller(world)("GET", CRASHES).message


PARTS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 10**12)
    | st.text(max_size=5)
    | st.just({"id": "UTC"})
    | st.lists(st.text())
)
TIMES = st.dictionaries(st.sampled_from(["year", "month", "day", "hours", "timeZone", "utcOffset"]), PARTS)


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "timelineSpec": st.fixed_dictionaries(
                {
                    "aggregationPeriod": st.sampled_from(["DAILY", "HOURLY", 5]),
                    "startTime": TIMES,
                    "endTime": TIMES,
                }
            )
            | PARTS,
            "metrics": PARTS,
            "dimensions": PARTS,
            "filter": PARTS,
            "pageSize": PARTS,
            "pageToken": PARTS,
            "userCohort": PARTS,
        },
    )
)
def test_any_question_is_answered(changes: dict[str, Any]) -> None:
    assert asked(WORLD, **changes).status in (200, 400)


WORLD = world_at(24 * 4)
