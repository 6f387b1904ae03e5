"""What the ledger is told for each shape that Sentry's counts can take."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sentry_recordings import EIGHT, HOURS, NEW, NEW_NAME, NOW, OLD, OLD_NAME, OLDER, OLDER_NAME, body
from sentry_tally_recordings import (
    DAYS,
    MIDNIGHT,
    NINE,
    QUERY,
    TEN,
    Sentry,
    by_status,
    new,
    old,
    told,
    users,
)

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.core.hours import DAY
from stagedrollout.core.ledger import (
    Comparison,
    Counted,
    Ledger,
    Measure,
    Place,
    Refused,
    Tallied,
    Tally,
    Untallied,
    take,
)
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap
from stagedrollout.signals.sentry_shape import Window
from stagedrollout.signals.sentry_tallies_reply import AskedTallies, session_tallies, user_tally

USER_QUERY = replace(QUERY, since=EIGHT - DAY, users=True)
CUT_SHORT = {"Link": '<https://a/x>; rel="next"; results="true"; cursor="0:100:0"'}


def tallies(reading):
    return {counted.place.start: counted.tally for counted in reading.buckets}


def gaps(readings):
    return [reading.gap if isinstance(reading, Untallied) else None for reading in readings]


def test_both_sides_are_counted_hour_by_hour_from_one_question():
    sentry = Sentry()
    crashed, abnormal = sentry.tallies().read(QUERY)
    assert crashed == Tallied(
        "sentry",
        Measure.CRASHED,
        (
            Counted(Place(EIGHT), Tally(0, 0, 60_000, 300)),
            Counted(Place(NINE), Tally(1_000, 10, 60_000, 310)),
            Counted(Place(TEN), Tally(1_000, 20, 60_000, 320)),
        ),
        as_of=NOW,
    )
    assert abnormal.measure is Measure.ABNORMAL
    assert tallies(abnormal)[NINE] == Tally(1_000, 4, 60_000, 61)
    assert sentry.asked == [
        {
            "project": ["android"],
            "environment": ["production"],
            "query": [f'release:["{NEW_NAME}","{OLD_NAME}"]'],
            "groupBy": ["release", "session.status"],
            "field": ["sum(session)"],
            "start": ["2026-11-23T08:00:00Z"],
            "end": ["2026-11-23T11:00:00Z"],
            "interval": ["1h"],
        }
    ]


def test_the_room_is_called_sentry_and_a_failed_reading_is_one_gap_for_each():
    source = Sentry().tallies()
    assert source.name == "sentry"
    assert [each.measure for each in source.unread("away", users=True)] == [
        Measure.CRASHED,
        Measure.ABNORMAL,
        Measure.USERS,
    ]
    assert source.unread("away", users=False)[0] == Untallied("sentry", Measure.CRASHED, Gap.FAILED, "away")


def test_a_server_that_knows_four_statuses_and_one_that_knows_a_sixth_count_all_sessions():
    four = [group for group in (*new(), *old()) if group["by"]["session.status"] != "unhandled"]
    assert told(*four) == told(*new(), *old())
    six = told(*new(exotic=[0, 0, 100]), *old())
    assert tallies(six[0])[TEN] == Tally(1_100, 20, 60_000, 320)


def test_a_candidate_without_a_group_had_no_sessions_and_is_no_error():
    crashed, abnormal = told(*old())
    assert tallies(crashed)[NINE] == Tally(0, 0, 60_000, 310)
    assert tallies(abnormal)[NINE] == Tally(0, 0, 60_000, 61)


def test_a_baseline_without_a_group_leaves_the_candidate_alone():
    crashed, _ = told(*new())
    assert tallies(crashed) == {NINE: Tally(1_000, 10, 0, 0), TEN: Tally(1_000, 20, 0, 0)}


@pytest.mark.parametrize("groups", [(), tuple(by_status(NEW_NAME, healthy=[0, 0, 0], crashed=[0, 0, 0]))])
def test_when_nobody_has_any_sessions_data_are_absent_and_never_healthy(groups):
    readings = told(*groups)
    assert gaps(readings) == [Gap.ABSENT, Gap.ABSENT]
    assert NEW_NAME in readings[0].why


def test_a_bucket_is_compared_with_the_releases_of_its_day_and_with_nothing_twice():
    older = by_status(OLDER_NAME, healthy=[900, 900, 900], crashed=[9, 9, 9])
    unasked = by_status("com.acme.app@1.0.0+1", healthy=["?", None, 5])
    comparisons = (Comparison(EIGHT, (OLD,)), Comparison(TEN, (OLDER, OLD, OLDER)))
    sentry = Sentry(sessions=body(*new(), *old(), *older, *unasked))
    crashed, _ = sentry.tallies().read(replace(QUERY, comparisons=comparisons))
    assert sentry.asked[0]["query"] == [f'release:["{NEW_NAME}","{OLD_NAME}","{OLDER_NAME}"]']
    assert tallies(crashed)[NINE] == Tally(1_000, 10, 60_000, 310)
    assert tallies(crashed)[TEN] == Tally(1_000, 20, 60_909, 329)


def test_data_are_as_old_as_the_newest_hour_with_sessions_in_either_arm():
    quiet = by_status(NEW_NAME, healthy=[5, 0, 0])
    assert told(*quiet)[0].as_of == NINE
    assert told(*quiet, *by_status(OLD_NAME, healthy=[5, 5, 0]))[0].as_of == TEN
    assert told(*old())[0].as_of == NOW


def test_counts_that_cannot_be_right_are_passed_on_for_the_ledger_to_judge():
    crashed, _ = told(*new(healthy=[0, -500, 945], crashed=[0, 900, 20]), *old(crashed=[-1, 310, 320]))
    assert tallies(crashed)[NINE] == Tally(434, 900, 60_000, 310)
    assert tallies(crashed)[NINE].clamped
    taken = take(Ledger("acme/google_play/70400"), crashed, NOW)
    assert [revision.place.start for revision in taken.added] == [NINE, TEN]
    assert "a count below 0" in taken.refused[0].why


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1.5, True, "7", None, 10**13, 10**400, [1], {}]
)
def test_a_value_that_is_no_number_spoils_its_hour_and_no_other(value):
    groups = (*new(healthy=[0, value, 945]), *old())
    asked = AskedTallies(
        QUERY, {NEW: NEW_NAME, OLD: OLD_NAME}, Window(EIGHT, EIGHT + timedelta(hours=3), timedelta(hours=1))
    )
    crashed, abnormal = session_tallies(body(*groups), asked)
    assert set(tallies(crashed)) == set(tallies(abnormal)) == {EIGHT, TEN}
    (refused,) = crashed.refused
    assert refused.start == NINE
    assert NEW_NAME in refused.why
    assert "'crashed' 10" in refused.why
    assert len(refused.why) < 300
    assert abnormal.refused == crashed.refused


def test_what_sentry_sends_instead_of_a_number_cannot_meddle_with_the_message():
    crashed, _ = told(*new(errored=[0, "x\x1b[31m" * 50, 30]), *old())
    assert "\\x1b" in crashed.refused[0].why
    assert crashed.refused[0].why.isprintable()


def test_a_bad_value_of_a_release_that_an_hour_is_not_compared_with_spoils_nothing():
    older = by_status(OLDER_NAME, healthy=[None, 900, 900])
    comparisons = (Comparison(EIGHT, (OLD,)), Comparison(TEN, (OLDER,)))
    crashed, _ = told(*new(), *old(), *older, query=replace(QUERY, comparisons=comparisons))
    assert crashed.refused == ()
    assert tallies(crashed)[TEN].n_b == 900


def test_when_every_hour_is_spoilt_the_reading_is_implausible():
    readings = told(*by_status(NEW_NAME, healthy=[None, None, None]))
    assert gaps(readings) == [Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE]
    assert "None" in readings[0].why


def test_an_answer_cut_short_is_implausible():
    readings = Sentry(headers=CUT_SHORT).tallies().read(USER_QUERY)
    assert gaps(readings) == [Gap.IMPLAUSIBLE] * 3
    assert "cut short" in readings[0].why


@pytest.mark.parametrize(
    ("left", "lacking"),
    [
        (("abnormal", "crashed", "errored"), ["healthy", "healthy"]),
        (("abnormal",), ["crashed", "healthy"]),
        (("healthy", "unhandled"), ["crashed", "abnormal"]),
        (("crashed", "errored", "healthy", "unhandled"), [None, "abnormal"]),
    ],
    ids=["its end", "nearly all", "its beginning", "what froze"],
)
def test_an_answer_that_was_cut_off_in_the_middle_of_a_release_is_none_of_it(left, lacking):
    """What is left would read as a release in which all crashes, or nothing does; what can be counted is."""
    cut = [group for group in new() if group["by"]["session.status"] in left]
    for reading, status in zip(told(*old(), *cut), lacking, strict=True):
        if status is None:
            assert tallies(reading)[NINE].k_c == 10
        else:
            assert reading.gap is Gap.IMPLAUSIBLE
            assert reading.why.endswith(f"it tells of {NEW_NAME}, and not of its {status} sessions")


def test_a_release_of_which_every_session_crashed_has_its_zeros_of_healthy_ones_and_counts():
    nobody = [0, 0, 0]
    crashed, _ = told(*old(), *new(healthy=nobody, errored=nobody, abnormal=nobody, crashed=[0, 90, 80]))
    assert tallies(crashed)[NINE] == Tally(90, 90, 60_000, 310)


@pytest.mark.parametrize(
    "answer",
    [
        body(*new(), *new()),
        body(*new(healthy=[1, 2])),
        body(*new(), intervals=HOURS[::-1]),
        body(*new(), intervals=[hour.replace("2026", "2025") for hour in HOURS]),
        body(*new(), intervals=[*DAYS, "2026-11-24T00:00:00Z"]),
    ],
    ids=["twice", "short", "backwards", "last year", "days"],
)
def test_an_answer_that_contradicts_itself_or_the_question_is_implausible(answer):
    assert gaps(Sentry(sessions=answer).tallies().read(QUERY)) == [Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"intervals": HOURS, "groups": [7]},
        {"intervals": ["yesterday"], "groups": []},
        {
            "intervals": HOURS,
            "groups": [{"by": {"release": NEW_NAME}, "series": {"sum(session)": [1, 2, 3]}}],
        },
        {"intervals": HOURS, "groups": [{**new()[0], "series": {"sum(session)": 7}}]},
    ],
)
def test_another_shape_is_a_fault_of_the_service(answer):
    with pytest.raises(Faulty):
        Sentry(sessions=answer).tallies().read(QUERY)


def test_a_candidate_sentry_cannot_hold_is_implausible_and_never_asked_for():
    sentry = Sentry()
    readings = sentry.tallies().read(replace(QUERY, candidate=replace(NEW, version="7/4"), users=True))
    assert gaps(readings) == [Gap.IMPLAUSIBLE] * 3
    assert sentry.asked == []


def test_a_candidate_with_the_name_of_another_release_is_implausible():
    twin = replace(OLD, version=NEW.version, build=NEW.build)
    readings = Sentry().tallies().read(replace(QUERY, comparisons=(Comparison(EIGHT, (twin,)),)))
    assert "cannot tell" in readings[0].why


def test_a_release_sentry_cannot_hold_is_not_compared_with():
    sentry = Sentry()
    comparisons = (Comparison(EIGHT, (replace(OLDER, version="7/1"), OLD)),)
    crashed, _ = sentry.tallies().read(replace(QUERY, comparisons=comparisons))
    assert sentry.asked[0]["query"] == [f'release:["{NEW_NAME}","{OLD_NAME}"]']
    assert tallies(crashed)[NINE].n_b == 60_000


@pytest.mark.parametrize(
    ("others", "start"),
    [
        (1, "2026-10-12T16:00:00Z"),  # 1000 hours
        (3, "2026-11-02T12:00:00Z"),  # 500 hours * 4 releases * 5 statuses
        (19, "2026-11-19T04:00:00Z"),  # 100 hours
    ],
)
def test_with_many_releases_the_window_shrinks_to_what_one_answer_holds(others, start):
    sentry = Sentry()
    baseline = tuple(Release(str(n), f"5.{n}.0", str(n)) for n in range(others))
    comparisons = (Comparison(EIGHT - 365 * DAY, baseline),)
    sentry.tallies().read(replace(QUERY, comparisons=comparisons, since=EIGHT - 365 * DAY, until=EIGHT))
    assert (sentry.asked[0]["start"], sentry.asked[0]["end"]) == ([start], ["2026-11-23T08:00:00Z"])


def told_of_users(*groups, query=USER_QUERY, **sentry):
    answer = body(*groups, intervals=DAYS)
    return Sentry(users=answer, **sentry).tallies().read(query)[2]


def test_users_are_counted_by_whole_utc_days_in_a_question_of_their_own():
    sentry = Sentry(
        users=body(users(NEW_NAME, [0, 1_502], [None, 0.9614]), users(OLD_NAME, [9_000, 8_000], [1, 0.9]))
    )
    sentry.users["intervals"] = DAYS
    *_, reading = sentry.tallies().read(USER_QUERY)
    assert reading == Tallied(
        "sentry",
        Measure.USERS,
        (
            Counted(Place(MIDNIGHT - DAY), Tally(0, 0, 9_000, 0)),
            Counted(Place(MIDNIGHT), Tally(1_502, 58, 8_000, 800)),
        ),
        as_of=NOW,
    )
    assert sentry.asked[1] == {
        "project": ["android"],
        "environment": ["production"],
        "query": [f'release:["{NEW_NAME}","{OLD_NAME}"]'],
        "groupBy": ["release"],
        "field": ["count_unique(user)", "crash_free_rate(user)"],
        "start": ["2026-11-22T00:00:00Z"],
        "end": ["2026-11-24T00:00:00Z"],
        "interval": ["1d"],
    }


def test_users_of_yesterday_only_are_as_old_as_yesterday():
    assert told_of_users(users(NEW_NAME, [5, 0], [1.0, None])).as_of == MIDNIGHT


def test_no_question_about_users_goes_back_further_than_sentry_keeps_them():
    sentry = Sentry()
    sentry.tallies().read(replace(USER_QUERY, since=EIGHT - 365 * DAY))
    assert sentry.asked[1]["start"] == ["2026-08-27T00:00:00Z"]  # 89 days before the end of today


def test_days_before_the_question_are_not_counted():
    reading = told_of_users(users(NEW_NAME, [500, 5], [1.0, 1.0]), query=replace(QUERY, users=True))
    assert tallies(reading) == {MIDNIGHT: Tally(5, 0, 0, 0)}


def test_more_crashed_users_than_users_are_passed_on():
    reading = told_of_users(users(NEW_NAME, [0, 10], [None, -0.5]), users(OLD_NAME, [0, 10], [None, -1e300]))
    assert tallies(reading) == {MIDNIGHT: Tally(10, 11, 10, 11)}


@pytest.mark.parametrize(
    ("count", "rate"), [(-1, 1.0), (1.5, 1.0), ("7", 1.0), (7, None), (7, 1.2), (7, "1"), (7, float("nan"))]
)
def test_users_that_cannot_be_spoil_their_day_and_leave_sessions_alone(count, rate):
    asked = AskedTallies(
        USER_QUERY, {NEW: NEW_NAME, OLD: OLD_NAME}, Window(MIDNIGHT - DAY, MIDNIGHT + DAY, DAY)
    )
    groups = (users(NEW_NAME, [3, count], [1.0, rate]), users(OLD_NAME, [9, 9], [1.0, 1.0]))
    reading = user_tally(body(*groups, intervals=DAYS), asked)
    assert tallies(reading) == {MIDNIGHT - DAY: Tally(3, 0, 9, 0)}
    assert reading.refused == (Refused(MIDNIGHT, reading.refused[0].why),)
    assert str(count) in reading.refused[0].why


@pytest.mark.parametrize(
    "groups",
    [
        (users(NEW_NAME, [1, 2], [1.0, 1.0]), users(NEW_NAME, [1, 2], [1.0, 1.0])),
        (users(NEW_NAME, [1, 2, 3], [1.0, 1.0]),),
    ],
    ids=["twice", "uneven"],
)
def test_users_that_contradict_themselves_are_implausible(groups):
    assert told_of_users(*groups).gap is Gap.IMPLAUSIBLE


def test_without_user_ids_users_are_absent_and_sessions_still_counted():
    answer = body(users(NEW_NAME, [0, 0], [None, None]), intervals=DAYS)
    assert gaps(Sentry(users=answer).tallies().read(USER_QUERY)) == [None, None, Gap.ABSENT]


def test_when_only_the_users_cannot_be_read_the_sessions_are():
    said = {"users_status": 503, "users": b""}
    crashed, abnormal, people = Sentry(**said).tallies().read(USER_QUERY)
    assert (crashed, abnormal) == Sentry().tallies().read(USER_QUERY)[:2]
    assert people == Untallied("sentry", Measure.USERS, Gap.FAILED, people.why)
    assert "503" in people.why


def test_when_the_sessions_cannot_be_read_that_is_an_error_and_users_are_not_asked_for():
    sentry = Sentry(sessions=b"<html>")
    with pytest.raises(EdgeError):
        sentry.tallies().read(USER_QUERY)
    assert len(sentry.asked) == 1


def test_users_in_another_shape_are_a_failed_reading():
    assert told_of_users({"by": {"release": NEW_NAME}, "series": {}}).gap is Gap.FAILED
    refused = Sentry(users_status=400, users={"detail": 'Invalid field: "x"'}).tallies().read(USER_QUERY)
    assert "Invalid field" in refused[2].why
