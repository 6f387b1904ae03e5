"""What a release manager is told for each shape Sentry's numbers can take."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sentry_recordings import (
    EIGHT,
    HOURS,
    NEW,
    NEW_NAME,
    NOW,
    OLD,
    OLDER,
    OLDER_NAME,
    QUERY,
    Sentry,
    body,
    group,
    new,
    old,
    told,
)

from stagedrollout.core.observation import Bucket, Counts, Gap, Measured, Metric, Unmeasured

ONE_HOUR = timedelta(hours=1)


def gaps(readings):
    return tuple(reading.gap if isinstance(reading, Unmeasured) else None for reading in readings)


def test_two_releases_are_compared_hour_by_hour_and_by_users():
    sessions, users = told(new(), old())
    assert sessions == Measured(
        signal="sentry",
        metric=Metric.CRASH_FREE_SESSIONS,
        candidate=replace(
            sessions.candidate,
            name="7.4.0 (70400)",
            window=Counts(4120, 40 + 54),  # 0.02 * 1980 = 39.6; 0.025 * 2140 = 53.5
            buckets=(
                Bucket(EIGHT, Counts(0, 0)),
                Bucket(EIGHT + ONE_HOUR, Counts(1980, 40)),
                Bucket(EIGHT + 2 * ONE_HOUR, Counts(2140, 54)),
            ),
        ),
        baseline=replace(sessions.baseline, name="7.3.2 (70302)", window=Counts(182_200, 60 + 122)),
        since=EIGHT,
        as_of=NOW,
    )
    assert users.metric is Metric.CRASH_FREE_USERS
    assert users.candidate.window == Counts(1502, 58)
    assert users.baseline.window == Counts(61_210, 184)
    assert users.candidate.buckets == users.baseline.buckets == ()
    assert (users.since, users.as_of) == (EIGHT, NOW)


def test_both_metrics_are_always_answered_in_order():
    signal = Sentry(says=body()).signal()
    assert signal.name == "sentry"
    assert tuple(reading.metric for reading in signal.read(QUERY)) == tuple(Metric)


def test_several_baseline_releases_are_added_up():
    older = group(OLDER_NAME, [100, 0, 0], [0.9, None, None], users=90, user_rate=0.9)
    sessions, users = told(new(), old(), older, query=replace(QUERY, baseline=(OLD, OLDER)))
    assert sessions.baseline.name == "7.3.2 (70302), 7.1.0 (70100)"
    assert sessions.baseline.window == Counts(182_300, 182 + 10)
    assert sessions.baseline.buckets[0] == Bucket(EIGHT, Counts(60_100, 70))
    assert users.baseline.window == Counts(61_300, 184 + 9)


@pytest.mark.parametrize("groups", [(new(),), (new(), old([0, 0, 0], [None] * 3, users=0, user_rate=None))])
def test_a_baseline_without_data_is_no_baseline(groups):
    sessions, users = told(*groups)
    assert sessions.baseline is None
    assert users.baseline is None


def test_without_a_baseline_to_ask_for_there_is_none():
    sessions, users = told(new(), old(), query=replace(QUERY, baseline=()))
    assert sessions.baseline is users.baseline is None


def test_a_release_nobody_asked_for_changes_nothing():
    stranger = group("com.acme.app@6.0.0+60000", [9, 9, 9], [0.1, 7, "x"], users=-1)
    assert told(new(), stranger, old()) == told(new(), old())


@pytest.mark.parametrize(
    "groups",
    [
        (),
        (old(),),
        (new([0, 0, 0], [None] * 3, users=0, user_rate=None),),
        (new([0, 0, 0], [None] * 3, users=0, user_rate=None), old()),
        (new([0, 0, 0], [None] * 3, users=12),),
    ],
    ids=["nothing at all", "only the baseline", "zeros", "zeros beside a baseline", "users without sessions"],
)
def test_a_candidate_without_sessions_is_absent_and_never_healthy(groups):
    readings = told(*groups)
    assert gaps(readings) == (Gap.ABSENT, Gap.ABSENT)
    assert NEW_NAME in readings[0].why


def test_without_user_ids_users_are_absent_and_sessions_still_measured():
    sessions, users = told(new(users=0, user_rate=None), old())
    assert isinstance(sessions, Measured)
    assert users == Unmeasured("sentry", Metric.CRASH_FREE_USERS, Gap.ABSENT, users.why)
    assert "no user ids" in users.why


def test_data_are_as_old_as_the_newest_hour_with_sessions_in_either_arm():
    quiet_new, quiet_old = new([5, 0, 0], [1.0, None, None]), old([9, 9, 0], [1.0, 1.0, None])
    assert told(quiet_new, quiet_old)[0].as_of == EIGHT + 2 * ONE_HOUR
    assert told(quiet_new)[0].as_of == EIGHT + ONE_HOUR
    assert told(quiet_new)[1].as_of == EIGHT + ONE_HOUR


def test_the_running_hour_is_as_fresh_as_the_question():
    assert told(new())[0].as_of == NOW
    on_the_hour = replace(QUERY, until=EIGHT + 3 * ONE_HOUR)
    assert told(new(), query=on_the_hour)[0].as_of == EIGHT + 3 * ONE_HOUR


@pytest.mark.parametrize("rate", [1.0000001, 98.5, float("1e308"), "0.99", True, [], {}])
def test_a_session_rate_that_cannot_be_is_implausible(rate):
    assert gaps(told(new(rates=[None, rate, 0.9]))) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)
    assert gaps(told(new(), old(rates=[rate, 0.9, 0.9]))) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)


@pytest.mark.parametrize("count", [-1, 1.5, "7", None, True, 10**13, 10**400])
def test_a_number_of_sessions_that_cannot_be_is_implausible(count):
    assert gaps(told(new([0, count, 5]))) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)


@pytest.mark.parametrize(
    "users",
    [
        {"users": -1},
        {"users": 1.5},
        {"users": "12"},
        {"users": None},
        {"user_rate": 1.2},
        {"user_rate": "1"},
        {"user_rate": None},
    ],
)
def test_users_that_cannot_be_are_implausible_and_leave_sessions_alone(users):
    assert gaps(told(new(**users))) == (None, Gap.IMPLAUSIBLE)


def test_infinity_written_as_a_number_is_implausible():
    content = json.dumps(body(new(rates=[None, -0.123, 0.9]))).encode().replace(b"-0.123", b"-1e999")
    assert b"-1e999" in content
    assert gaps(Sentry(says=content).signal().read(QUERY)) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)


def test_sessions_without_a_rate_are_implausible_not_healthy():
    assert gaps(told(new([0, 10, 10], [None, None, 1.0]))) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)


@pytest.mark.parametrize("rate", [-0.06, -3, -1e308, -(10**400)])
def test_more_crashes_than_sessions_count_as_all_crashed(rate):
    sessions, users = told(new([0, 10, 10], [None, rate, 1.0], user_rate=rate))
    assert sessions.candidate.window == Counts(20, 10)
    assert users.candidate.window == Counts(1502, 1502)


def test_more_crashes_than_sessions_in_the_baseline_never_flatter_the_candidate():
    sessions, users = told(new(), old([100, 100, 100], [1.0, -2.0, 0.9], user_rate=-1.0))
    assert sessions.baseline.window == Counts(200, 10)
    assert [bucket.start for bucket in sessions.baseline.buckets] == [EIGHT, EIGHT + 2 * ONE_HOUR]
    assert users.baseline is None


@pytest.mark.parametrize(
    "answer",
    [
        body(new([1, 2], [1.0, 1.0])),
        body(new([1, 2, 3, 4], [1.0] * 4)),
        body(new([1, 2, 3], [1.0])),
        body(new(), new()),
        body(new(), intervals=[]),
        body(new(), intervals=[HOURS[0], HOURS[0], HOURS[1]]),
        body(new(), intervals=HOURS[::-1]),
        body(new(), intervals=[hour.replace(":00:00", ":30:00") for hour in HOURS]),
        body(new(), intervals=[hour.replace("2026", "2025") for hour in HOURS]),
    ],
    ids=["short", "long", "uneven", "twice", "no hours", "same hour", "backwards", "half hours", "last year"],
)
def test_an_answer_that_contradicts_itself_or_the_question_is_implausible(answer):
    assert gaps(Sentry(says=answer).signal().read(QUERY)) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)


def test_hours_outside_the_question_are_not_counted():
    intervals = ["2026-11-23T07:00:00Z", *HOURS, "2026-11-23T11:00:00+00:00"]
    wide = new([500, 0, 1980, 2140, 500], [0.0, None, 0.98, 0.975, 0.0])
    assert told(wide, intervals=intervals)[0] == told(new())[0]


def test_a_count_written_as_a_decimal_is_still_a_count():
    assert told(new([0, 1980.0, 2140.0])) == told(new())


@pytest.mark.parametrize(
    "link",
    [
        '<https://a/x>; rel="previous"; results="false", <https://a/x?a=1,2>; rel="next"; results="true"',
        '<https://sentry.io/x>; results="true"; rel="next"',
    ],
)
def test_an_answer_cut_short_is_implausible(link):
    readings = Sentry(says=body(new(), old()), headers={"Link": link}).signal().read(QUERY)
    assert gaps(readings) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)
    assert "cut short" in readings[0].why


@pytest.mark.parametrize(
    "link",
    [
        "",
        "garbage <<<<>;;",
        '<https://a/x>; rel="previous"; results="true", <https://a/x>; rel="next"; results="false"',
    ],
)
def test_links_to_nowhere_cut_nothing(link):
    readings = Sentry(says=body(new(), old()), headers={"Link": link}).signal().read(QUERY)
    assert gaps(readings) == (None, None)


def test_json_sent_as_html_is_read():
    readings = Sentry(says=body(new()), headers={"Content-Type": "text/html"}).signal().read(QUERY)
    assert gaps(readings) == (None, None)


def test_two_releases_with_one_name_in_sentry_are_told_apart_by_nobody():
    twin = replace(OLD, version=NEW.version, build=NEW.build)
    sentry = Sentry(says=body(new()))
    readings = sentry.signal().read(replace(QUERY, baseline=(twin,)))
    assert gaps(readings) == (Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE)
    assert "cannot tell" in readings[0].why
    assert sentry.asked == []
