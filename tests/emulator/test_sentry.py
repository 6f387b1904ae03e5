"""The sessions endpoint: sentry.md sections 2 and 7."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stagedrollout.emulator.faults import Fault
from tests.emulator.calls import (
    CRASH_FREE,
    FIELDS,
    NEW,
    OLD,
    Caller,
    group,
    pass_time,
    sessions,
    world_at,
)

USERS = "crash_free_rate(user)"


def test_both_releases_are_told_with_totals_and_hours():
    answer = sessions(world_at(30))
    new, old = group(answer, NEW), group(answer, OLD)
    assert new["totals"]["sum(session)"] < old["totals"]["sum(session)"]
    assert 0.99 < new["totals"][CRASH_FREE] <= 1
    assert new["totals"]["count_unique(user)"] < sum(new["series"]["count_unique(user)"])
    assert new["totals"]["sum(session)"] == sum(new["series"]["sum(session)"])
    assert {len(new["series"][field]) for field in FIELDS} == {len(answer.document["intervals"])}


def test_the_window_is_rounded_outwards_so_a_day_has_25_hours_and_ends_in_the_future():
    world = world_at(30.5)
    document = sessions(world).document
    assert len(document["intervals"]) == 25
    assert document["start"] == document["intervals"][0] == "2026-03-02T12:00:00Z"
    assert document["end"] == "2026-03-03T13:00:00Z"
    assert datetime.fromisoformat(document["end"]) > world.timeline.now
    last = group(sessions(world), OLD)["series"]["sum(session)"][-2:]
    assert 0 < last[1] < 0.7 * last[0]


def test_an_explicit_window_is_read_as_utc_and_a_start_in_the_future_is_now():
    world = world_at(30)
    answer = sessions(world, statsPeriod=None, start="2026-03-03T08:10:00", end="2026-03-03T10:10:00Z")
    assert answer.document["intervals"] == [f"2026-03-03T{hour:02}:00:00Z" for hour in (8, 9, 10)]
    later = sessions(world, statsPeriod=None, start="2026-03-05T00:00:00Z", end="2026-03-05T02:00:00Z")
    assert later.document["start"] == "2026-03-03T12:00:00Z"


def test_late_crashes_change_past_hours():
    world = world_at(30, "onset: {at: 20h, crash_free: 90.0}")
    window = {"statsPeriod": None, "start": "2026-03-03T08:00:00Z", "end": "2026-03-03T11:00:00Z"}
    young = group(sessions(world, **window), NEW)
    pass_time(world, 14)
    old = group(sessions(world, **window), NEW)
    assert old["series"]["sum(session)"] == young["series"]["sum(session)"]
    assert all(b < a for a, b in zip(young["series"][CRASH_FREE], old["series"][CRASH_FREE], strict=True))
    assert old["totals"][CRASH_FREE] == pytest.approx(0.9, abs=0.02)


def test_a_release_nobody_uses_is_absent_not_zero():  # 2.4
    assert [g["by"]["release"] for g in sessions(world_at(2)).document["groups"]] == [OLD]
    assert sessions(world_at(2), query='release:"com.acme.app@9.9.9+9"').document["groups"] == []


def test_no_sessions_without_grouping_is_one_group_of_zeros_and_nulls():
    (only,) = sessions(world_at(2), groupBy=None, query=f'release:"{NEW}"').document["groups"]
    assert only["by"] == {}
    assert only["totals"] == {"sum(session)": 0, "count_unique(user)": 0, CRASH_FREE: None, USERS: None}


def test_hours_without_sessions_have_count_zero_and_a_null_rate():
    new = group(sessions(world_at(8)), NEW)
    assert (new["series"]["sum(session)"][0], new["series"][CRASH_FREE][0]) == (0, None)


def test_without_user_ids_user_rates_are_null_and_session_rates_are_not():
    world = world_at(30)
    world.turn({"sentry_without_users": True})
    totals = group(sessions(world), NEW)["totals"]
    assert (totals["count_unique(user)"], totals[USERS]) == (0, None)
    assert totals[CRASH_FREE] > 0.99


def test_statuses_are_five_rows_and_an_unknown_status_is_no_group():
    counts = {"field": ["sum(session)", "count_unique(user)"], "groupBy": "session.status"}
    rows = sessions(world_at(30), **counts).document["groups"]
    by_status = {row["by"]["session.status"]: row["totals"]["sum(session)"] for row in rows}
    assert set(by_status) == {"abnormal", "crashed", "errored", "healthy", "unhandled"}
    assert by_status["healthy"] > by_status["crashed"] > by_status["abnormal"] > 0
    (whole,) = sessions(world_at(30), field="sum(session)", groupBy=None).document["groups"]
    assert sum(by_status.values()) == whole["totals"]["sum(session)"]
    empty = sessions(world_at(30), **counts, query='release:"nobody"').document["groups"]
    assert {row["totals"]["sum(session)"] for row in empty} == {0}
    assert len(empty) == 5
    assert sessions(world_at(30), field="sum(session)", query="session.status:bogus").document["groups"] == []


def test_sessions_that_freeze_are_as_many_as_the_scenario_says_and_are_no_crashes():
    fields = ["abnormal_rate(session)", "anr_rate()", "unhealthy_rate(session)", CRASH_FREE]
    world = world_at(60, "abnormal: 3")
    totals = group(sessions(world, field=fields), NEW)["totals"]
    assert totals["abnormal_rate(session)"] == pytest.approx(0.03, abs=0.01)
    assert totals["anr_rate()"] > 0
    assert totals["unhealthy_rate(session)"] > totals["abnormal_rate(session)"]
    assert totals[CRASH_FREE] == group(sessions(world_at(60), field=fields), NEW)["totals"][CRASH_FREE]


def test_days_begin_at_midnight_and_count_somebody_who_came_back_once_a_day():
    answer = sessions(world_at(60), interval="1d", statsPeriod="2d")
    assert answer.document["intervals"] == [f"2026-03-0{day}T00:00:00Z" for day in (2, 3, 4)]
    old = group(answer, OLD)
    assert max(old["series"]["count_unique(user)"]) <= old["totals"]["count_unique(user)"] <= 2_000_000
    assert sum(old["series"]["count_unique(user)"]) > old["totals"]["count_unique(user)"]


def test_crash_loops_leave_nothing_but_crashes_by_status():
    world = world_at(30)
    world.faults.add(Fault("sentry", "negative"))
    asked = {"field": ["sum(session)", "p50(session.duration)"], "groupBy": ["release", "session.status"]}
    rows = sessions(world, **asked).document["groups"]
    of_new = {
        row["by"]["session.status"]: row["totals"]["sum(session)"]
        for row in rows
        if row["by"]["release"] == NEW
    }
    assert of_new["healthy"] == 0
    assert of_new["crashed"] > 0


def test_projects_are_grouped_by_their_integer_id():
    (row,) = sessions(world_at(30), groupBy=["project"]).document["groups"]
    assert isinstance(row["by"]["project"], int)
    assert sessions(world_at(30), project=row["by"]["project"]).status == 200


def test_search_may_exclude_and_combine():
    world = world_at(30)

    def names(query):
        return [g["by"]["release"] for g in sessions(world, query=query).document["groups"]]

    assert names(f'!release:"{OLD}"') == [NEW]
    assert names(f"release:{NEW} OR release:{OLD}") == [OLD, NEW]
    assert names(f"release:{NEW} AND environment:production") == [NEW]
    assert names(f"release:{NEW} environment:staging") == []


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"field": None}, 'Request is missing a "field"'),
        ({"field": "x"}, 'Invalid field: "x"'),
        ({"groupBy": "device"}, 'Invalid groupBy: "device"'),
        ({"query": "os:android"}, "Invalid search filter: os"),
        ({"query": "release:a b"}, "Invalid search filter: message"),
        ({"query": "release:com.acme.*"}, "Invalid condition: wildcard search is not supported"),
        ({"interval": "15s"}, "The interval has to be a multiple of the minimum interval of ten seconds."),
        ({"interval": "2d"}, "The interval has to be less than one day."),
        ({"interval": "7h"}, "The interval should divide one day without a remainder."),
        ({"statsPeriod": None, "interval": None}, "would create too many results"),
        ({"statsPeriod": "60d"}, "would create too many results"),
        ({"statsPeriod": "24"}, "Invalid date range: Invalid statsPeriod: '24'"),
        ({"statsPeriod": None, "start": "2026-03-03"}, "Invalid date range: start and end are both required"),
        (
            {"statsPeriod": None, "start": "2026-03-03", "end": "2026-03-02"},
            "Invalid date range: start must be before end",
        ),
        ({"orderBy": "p50(session.duration)"}, "'orderBy' must be one of the provided 'fields'"),
        ({"orderBy": FIELDS[:2]}, "Cannot order by multiple fields"),
        (
            {"orderBy": "sum(session)", "field": "sum(session)", "groupBy": "session.status"},
            "Cannot use 'orderBy' when grouping by sessions.status",
        ),
        ({"groupBy": "session.status"}, f"Cannot group field {CRASH_FREE} by session.status"),
        ({"query": "session.status:crashed"}, f"Cannot filter field {CRASH_FREE} by session.status"),
        (
            {"field": "count_unique(user)", "query": "session.status:[crashed,healthy]"},
            "Cannot filter count_unique by multiple session.status unless it is in groupBy",
        ),
        ({"per_page": "5000"}, "is too granular for a per_page of 5000 elements"),
    ],
)
def test_a_wrong_question_is_refused_in_sentrys_words(more, text):  # 2.5
    answer = sessions(world_at(30.5), **more)
    assert answer.status == 400
    assert text in answer.document["detail"]


def test_an_unknown_environment_organization_and_missing_slash_are_404_and_an_unknown_project_403():
    world = world_at(30)
    assert sessions(world, environment="staging").document == {
        "detail": "The requested resource does not exist"
    }
    assert sessions(world, project="nobody").status == 403
    call = Caller(world, world.credentials.sentry_token)
    assert call("GET", "/api/0/organizations/other/sessions/?field=sum(session)").status == 404
    assert call("GET", "/api/0/organizations/acme/sessions?field=sum(session)").status == 404


def test_groups_beyond_ten_thousand_points_are_cut_silently_largest_first():
    world = world_at(30)
    crowd = world.play.crowd(world.play.apps[0])
    for step in range(1, 16):
        crowd.know(6_000 + step, f"6.{step}", 998_000)
        crowd.offer(6_000 + step, 0, (16 - step) * 10_000)
    answer = sessions(world, query=None, statsPeriod="6d", interval="10m")
    sizes = [row["totals"]["sum(session)"] for row in answer.document["groups"]]
    assert len(answer.document["intervals"]) == 864
    assert len(sizes) == 10_000 // 864 == 11
    assert sizes == sorted(sizes, reverse=True)
    assert answer.document["groups"][0]["by"]["release"] == OLD


def test_pages_are_linked_in_both_directions():
    world = world_at(30)
    first = sessions(world, per_page=1)
    assert [g["by"]["release"] for g in first.document["groups"]] == [OLD]
    assert 'rel="previous"; results="false"' in first.headers["link"]
    assert 'rel="next"; results="true"; cursor="0:1:0"' in first.headers["link"]
    second = sessions(world, per_page=1, cursor="0:1:0")
    assert [g["by"]["release"] for g in second.document["groups"]] == [NEW]
    assert 'rel="next"; results="false"' in second.headers["link"]


def test_order_may_be_turned_around():
    rows = sessions(world_at(30), orderBy="sum(session)").document["groups"]
    assert [row["by"]["release"] for row in rows] == [NEW, OLD]


def test_a_self_hosted_server_sends_no_rate_limit_headers():
    world = world_at(30)
    assert "x-sentry-rate-limit-reset" in sessions(world).headers
    world.turn({"sentry_self_hosted": True})
    assert "x-sentry-rate-limit-reset" not in sessions(world).headers


def test_too_many_requests_are_json_that_calls_itself_html():
    world = world_at(30)
    world.faults.add(Fault("sentry", "429"))
    answer = sessions(world)
    assert answer.status == 429
    assert answer.headers["content-type"].startswith("text/html")
    assert "too frequently" in answer.document["detail"]
    assert "retry-after" not in answer.headers


def test_frozen_data_show_nothing_of_what_came_after():
    world = world_at(20)
    world.faults.add(Fault("sentry", "frozen", count=None), world.timeline.now)
    pass_time(world, 5)
    series = group(sessions(world), NEW)["series"]["sum(session)"]
    assert series[-5:] == [0] * 5
    assert series[-6] > 0


def test_missing_negative_and_timed_out_answers():
    world = world_at(30)
    for kind in ("no_data", "negative", "query_timeout"):
        world.faults.add(Fault("sentry", kind))
    assert sessions(world).document["groups"] == []
    assert group(sessions(world), NEW)["totals"][CRASH_FREE] < 0
    assert sessions(world).document["detail"].startswith("Query timeout")
    assert group(sessions(world), NEW)["totals"][CRASH_FREE] > 0.99


def test_the_project_can_be_looked_up():
    world = world_at(1)
    call = Caller(world, world.credentials.sentry_token)
    assert call("GET", "/api/0/projects/acme/acme/").document["slug"] == "acme"
    assert call("GET", "/api/0/projects/acme/nobody/").status == 404
    assert call("GET", "/api/0/organizations/acme/").document["slug"] == "acme"


def test_old_windows_are_beyond_retention():
    world = world_at(30)
    old = (world.timeline.now - timedelta(days=120)).isoformat()
    answer = sessions(world, statsPeriod=None, start=old, end=world.timeline.now.isoformat(), interval="1d")
    assert answer.status == 400
