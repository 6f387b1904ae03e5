"""Play's vitals, through Google's own client in front of the emulated Reporting API: late, rounded, and not always there."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable
from stagedrollout.core.model import Release, Store
from stagedrollout.core.observation import Gap, SignalQuery, Unvalued, Valued
from stagedrollout.core.play_reports import Period, Vital
from stagedrollout.signals.base import Implausible, Measurement, Setting, Span
from stagedrollout.signals.vitals import PAGES_MAX, SECONDS_MAX, VitalRate
from tests.signals.own.emulated import NEW
from tests.signals.own.reported import CRASHES, HOURLY, Reported

REPORTING = "play_reporting"
CRASHING = "onset: {at: 1h, crash_free: 97}"
MIDNIGHT = timedelta(hours=8)
"""Of Los Angeles in winter, by UTC."""


def test_a_release_that_crashes_shows_against_the_one_before_it_in_percent_of_users() -> None:
    reported = Reported(CRASHES, release=CRASHING)
    read = reported.read()
    assert isinstance(read, Valued)
    assert read.baseline is not None
    assert read.candidate.number > 5 * read.baseline.number > 0
    assert read.candidate.number < 100
    assert read.declared.unit == "% of daily users"
    assert (read.declared.can_halt, read.declared.lag) == (True, timedelta(days=4))


def test_it_is_as_new_as_the_end_of_plays_newest_day() -> None:
    read = Reported(CRASHES, days=6).read()  # 8 March, 06:00: yesterday in Los Angeles, and one day later
    assert isinstance(read, Valued)
    assert read.as_of == datetime(2026, 3, 6, tzinfo=UTC) + MIDNIGHT


def test_nothing_is_asked_beyond_what_play_has() -> None:
    reported = Reported(CRASHES)
    reported.read()
    assert reported.paths(REPORTING) == [
        "GET /v1beta1/apps/com.acme.app/crashRateMetricSet",
        "POST /v1beta1/apps/com.acme.app/crashRateMetricSet:query",
        "GET /v1beta1/apps/com.acme.app:fetchReleaseFilterOptions",
    ]
    zone = {"timeZone": {"id": "America/Los_Angeles"}}
    asked = reported.asked(REPORTING)[1]["body"]
    assert asked["timelineSpec"] == {
        "aggregationPeriod": "DAILY",
        "startTime": {"year": 2026, "month": 3, "day": 1, **zone},
        "endTime": {"year": 2026, "month": 3, "day": 6, **zone},
    }
    assert asked["metrics"] == ["userPerceivedCrashRate", "distinctUsers"]


def test_both_releases_are_read_of_one_look_and_the_next_look_asks_only_whether_there_is_news() -> None:
    reported = Reported(CRASHES)
    since = reported.now - timedelta(days=5)
    first = reported.read(since=since)
    reported.wait(0.5)
    assert len(reported.asked(REPORTING)) == 3
    reported.wait(0.6)
    assert reported.read(since=since) == first
    assert len(reported.asked(REPORTING)) == 4
    reported.wait(3)  # midnight in Los Angeles has passed
    later = reported.read(since=since)
    assert isinstance(first, Valued)
    assert isinstance(later, Valued)
    assert later.as_of == first.as_of + timedelta(days=1)
    assert len(reported.asked(REPORTING)) == 7


def test_a_day_that_had_begun_before_the_rollout_does_not_count() -> None:
    """Whoever resumes a release is not halted by what made them look at it."""
    reported = Reported(CRASHES)
    newest_day = datetime(2026, 3, 5, tzinfo=UTC) + MIDNIGHT
    assert isinstance(reported.read(since=newest_day), Valued)
    after = Reported(CRASHES).read(since=newest_day + timedelta(hours=1))
    assert isinstance(after, Unvalued)
    assert after.gap is Gap.ABSENT


def test_no_new_data_are_no_data_and_nothing_more_is_asked() -> None:
    reported = Reported(CRASHES)
    read = reported.read(days=1)
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.ABSENT
    assert reported.paths(REPORTING) == ["GET /v1beta1/apps/com.acme.app/crashRateMetricSet"]


def test_a_release_of_too_few_users_has_no_row_and_that_is_no_health() -> None:
    read = Reported(CRASHES, vitals_users_needed=200_000).read()
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.ABSENT


def test_a_baseline_that_play_does_not_show_leaves_nothing_to_compare_with() -> None:
    reported = Reported(CRASHES)
    older = Release("4990", "4.9.0", "4990")
    found = reported.source.read(SignalQuery(NEW, (older,), reported.now - timedelta(days=7), reported.now))
    assert isinstance(found, Valued)
    assert (found.baseline, found.baseline_name) == (None, "4.9.0 (4990)")


def test_an_empty_answer_is_absent() -> None:
    reported = Reported(CRASHES)
    reported.fault(REPORTING, "no_data", count=None)
    read = reported.read()
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.ABSENT


def test_many_pages_are_asked_for_with_the_same_body() -> None:
    whole = Reported(CRASHES).read()
    reported = Reported(CRASHES, vitals_rows_per_page=2)
    assert reported.read() == whole
    bodies = [entry["body"] for entry in reported.asked(REPORTING) if entry["method"] == "POST"]
    assert len(bodies) > 2
    assert {str({**body, "pageToken": ""}) for body in bodies} == {str({**bodies[0], "pageToken": ""})}


def test_hours_are_utcs_and_come_sooner() -> None:
    reported = Reported(HOURLY, release=CRASHING, vitals_hours_late=3)
    read = reported.read(days=1)
    assert isinstance(read, Valued)
    assert read.baseline is not None
    assert read.candidate.number > 5 * read.baseline.number
    assert read.as_of == reported.now - timedelta(hours=3)
    assert read.declared.unit == "% of hourly users"
    spec = reported.asked(REPORTING)[1]["body"]["timelineSpec"]
    utc = {"id": "UTC"}
    assert spec["endTime"] == {"year": 2026, "month": 3, "day": 8, "hours": 3, "timeZone": utc}


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("403", Denied, "View app quality information"),
        ("403_api_disabled", Denied, "enable the Google Play Developer Reporting API"),
        ("401", Denied, "invalid authentication credentials"),
        ("429", Throttled, "Quota exceeded"),
        ("503", Faulty, "unavailable"),
        ("html", Faulty, "does not tell how fresh"),
        ("drop", Unreachable, "no answer"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_asked_again_at_once(
    kind: str, error: type[EdgeError], words: str
) -> None:
    reported = Reported(CRASHES)
    reported.fault(REPORTING, kind, count=None)
    with pytest.raises(error, match=words):
        reported.read()
    asked = len(reported.asked(REPORTING))
    reported.wait(0.05)
    with pytest.raises(error, match=words):
        reported.read()
    assert len(reported.asked(REPORTING)) == asked


def test_a_package_that_the_key_does_not_see_is_said_so() -> None:
    reported = Reported(CRASHES)
    reported.world.play._apps.clear()
    with pytest.raises(Rejected, match="the key sees no app of this package"):
        reported.read()


def test_the_token_of_the_vitals_is_good_for_nothing_else() -> None:
    reported = Reported(CRASHES)
    reported.read()
    scopes = {holder.scopes for holder in reported.world.credentials._access.values()}
    assert scopes == {frozenset({"https://www.googleapis.com/auth/playdeveloperreporting"})}


UTC_NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
SPAN = Span(UTC_NOON - timedelta(days=7), UTC_NOON)
ZONE = {"timeZone": {"id": "America/Los_Angeles"}}


def fresh(day: int = 7, **more: Any) -> Any:
    latest = {"year": 2026, "month": 3, "day": day, **ZONE, **more}
    return {"freshnessInfo": {"freshnesses": [{"aggregationPeriod": "DAILY", "latestEndTime": latest}]}}


def row(code: str = "5020", day: int = 5, rate: str = "0.0123", users: str = "12000", **more: Any) -> Any:
    return {
        "startTime": {"year": 2026, "month": 3, "day": day, **ZONE},
        "dimensions": [{"dimension": "versionCode", "int64Value": code}],
        "metrics": [
            {"metric": "userPerceivedCrashRate", "decimalValue": {"value": rate}},
            {"metric": "distinctUsers", "decimalValue": {"value": users}},
        ],
        **more,
    }


class Canned:
    """The metric set, saying what it is told to say."""

    def __init__(self, *pages: Any, freshness: Any = None, releases: Any = None) -> None:
        self._pages = pages or ({},)
        self._freshness = fresh() if freshness is None else freshness
        self._releases = releases or {}
        self.asked = 0

    def freshness(self) -> Any:
        return self._freshness

    def rows(self, body: Any) -> Any:
        self.asked += 1
        return self._pages[min(self.asked, len(self._pages)) - 1]

    def releases(self) -> Any:
        return self._releases


def value(canned: Canned, release: Release = NEW, **more: Any) -> Measurement | None:
    setting = Setting(name="vitals_crashes", app="com.acme.app", store=Store.GOOGLE_PLAY)
    vital = Vital.USER_PERCEIVED_CRASH_RATE
    return VitalRate(setting, canned, vital, Period.DAILY, **more).value(release, SPAN)


def test_days_are_averaged_by_their_users_and_users_are_never_added_up() -> None:
    rows = [row(day=4, rate="0.01", users="1000"), row(day=5, rate="0.04", users="3000")]
    found = value(Canned({"rows": rows}))
    assert found is not None
    assert found.number == pytest.approx(100 * (0.01 * 1000 + 0.04 * 3000) / 4000)
    assert found.sample == 3000
    assert found.as_of == datetime(2026, 3, 6, 8, tzinfo=UTC)


SEVERAL = {
    "tracks": [
        {
            "servingReleases": [
                {"displayName": "5.2.0", "versionCodes": ["5020", "5019", "100"]},
                {"displayName": "5.1.0", "versionCodes": ["5010", "100"]},
            ]
        }
    ]
}


def test_all_version_codes_of_a_release_count_but_those_that_an_older_one_has_too() -> None:
    rows = [
        row("5020", rate="0.01", users="100"),
        row("5019", rate="0.03", users="100"),
        row("100", rate="0.9"),
    ]
    found = value(Canned({"rows": rows}, releases=SEVERAL))
    assert found is not None
    assert found.number == pytest.approx(2)
    assert found.sample == 100


def test_a_day_of_23_hours_ends_at_midnight() -> None:
    """8 March 2026: clocks are set forward in Los Angeles."""
    found = value(Canned({"rows": [row(day=8)]}, freshness=fresh(9)))
    assert found is not None
    assert found.as_of == datetime(2026, 3, 9, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "page",
    [
        {"rows": [row("5019")]},
        {"rows": [row(day=20)]},
        {"rows": [row(metrics=[{"metric": "distinctUsers", "decimalValue": {"value": "10"}}])]},
    ],
)
def test_what_is_of_another_release_time_or_metric_is_no_data(page: Any) -> None:
    assert value(Canned(page)) is None


def test_an_app_without_freshness_has_no_data() -> None:
    assert value(Canned(freshness={"name": "apps/x/crashRateMetricSet"})) is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row(rate="1.5"), "below 0 or above all"),
        (row(rate="Infinity"), "infinite"),
        (row(rate="much"), "should be a number"),
        (row(users="-5"), "below 0"),
        (row("-5020"), "of no version code"),
        (row(dimensions="none"), "of no version code"),
        ("a row", "that is none"),
    ],
)
def test_rows_that_cannot_be_are_implausible_and_are_not_asked_for_again_at_once(
    bad: Any, words: str
) -> None:
    canned = Canned({"rows": [bad]})
    setting = Setting(name="vitals_crashes", app="com.acme.app", store=Store.GOOGLE_PLAY)
    source = VitalRate(setting, canned, Vital.USER_PERCEIVED_CRASH_RATE, Period.DAILY)
    for _ in range(2):
        with pytest.raises(Implausible, match=words):
            source.value(NEW, SPAN)
    assert canned.asked == 1


def test_a_row_that_is_there_twice_is_implausible() -> None:
    with pytest.raises(Implausible, match="twice"):
        value(Canned({"rows": [row(), row()]}))


@pytest.mark.parametrize(
    "canned",
    [
        Canned(freshness=fresh(timeZone={"id": "../../etc/passwd"})),
        Canned(freshness=fresh(32)),
        Canned(freshness=fresh(day="7")),  # type: ignore[arg-type]
        Canned(freshness=fresh(utcOffset="-28800s")),
        Canned(freshness=[]),
        Canned(freshness={"freshnessInfo": 5}),
        Canned({"rows": 5}),
        Canned([]),
        Canned({"rows": [row(startTime=None)]}),
    ],
)
def test_another_shape_is_a_fault(canned: Canned) -> None:
    with pytest.raises(Faulty):
        value(canned)


def test_pages_without_end_are_a_fault() -> None:
    with pytest.raises(Faulty, match="no end"):
        value(Canned({"nextPageToken": "again"}))
    endless = [{"nextPageToken": str(n)} for n in range(PAGES_MAX + 5)]
    canned = Canned(*endless)
    with pytest.raises(Faulty, match="no end"):
        value(canned)
    assert canned.asked == PAGES_MAX


def test_a_slow_service_is_not_waited_for_and_half_an_answer_is_none() -> None:
    seconds = iter([0.0, 1.0, SECONDS_MAX + 1])
    with pytest.raises(Unreachable, match="not all of it came"):
        value(Canned({"rows": [row()], "nextPageToken": "2"}), seconds=lambda: next(seconds))


def test_a_release_without_a_version_code_is_not_asked_about() -> None:
    with pytest.raises(Implausible, match="without a version code"):
        value(Canned(), Release("5.2.0", "5.2.0", "5.2.0 OR 1=1"))


KEYS = [
    "rows",
    "nextPageToken",
    "startTime",
    "dimensions",
    "metrics",
    "timeZone",
    "year",
    "versionCodes",
    "tracks",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2**70) | st.floats() | st.text(max_size=6) | st.just("5020"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)
ROWS = st.fixed_dictionaries({}, optional={"startTime": JSON, "dimensions": JSON, "metrics": JSON}).map(
    lambda changes: {"rows": [{**row(), **changes}]}
)


@settings(max_examples=150, deadline=None)
@given(JSON | ROWS, st.none() | JSON, JSON)
def test_whatever_the_service_says_it_ends_in_a_value_or_in_an_error_of_ours(
    page: Any, freshness: Any, releases: Any
) -> None:
    canned = Canned(page, freshness=fresh() if freshness is None else freshness, releases=releases)
    source = VitalRate(
        Setting(name="vitals_crashes", app="com.acme.app", store=Store.GOOGLE_PLAY),
        canned,
        Vital.USER_PERCEIVED_CRASH_RATE,
        Period.DAILY,
    )
    with suppress(EdgeError, Implausible):
        found = source.value(NEW, SPAN)
        assert found is None or 0 <= found.number <= 100
