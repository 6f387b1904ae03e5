"""What a release manager is told for what people write on the App Store."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from review_recordings import (
    DAY,
    HOUR,
    NEW,
    NOW,
    OLD,
    OLDER,
    Apple,
    apple_list,
    apple_review,
    query,
)

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable
from stagedrollout.core.observation import Gap, Opinion, Reviews, Stars, Unheard
from stagedrollout.signals.app_store_reviews import AppStoreReviews

APP = "6448311069"


def signal_of(apple, **terms):
    return AppStoreReviews(apple, APP, **terms)


def told(new=(), old=(), asking=None):
    apple = Apple({"5.2.0": apple_list(*new), "5.1.0": apple_list(*old)})
    (reading,) = signal_of(apple).read(asking or query())
    return reading


def test_each_version_is_asked_for_its_newest_reviews():
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.1.0": apple_list(apple_review(4))})
    (reading,) = signal_of(apple).read(query())
    assert (reading.candidate, reading.baseline) == (Stars((1, 0, 0, 0, 0)), Stars((0, 0, 0, 1, 0)))
    assert (reading.baseline_name, reading.as_of) == ("5.1.0", NOW)
    versions, *pages = apple.asked
    assert versions[0] == f"/v1/apps/{APP}/appStoreVersions"
    assert versions[1]["filter[versionString]"] == "5.2.0,5.1.0"
    assert [path for path, _ in pages] == [
        "/v1/appStoreVersions/id-of-5.2.0/customerReviews",
        "/v1/appStoreVersions/id-of-5.1.0/customerReviews",
    ]
    assert {(params["sort"], params["limit"]) for _, params in pages} == {("-createdDate", "200")}


def test_both_versions_before_are_the_baseline():
    apple = Apple(
        {
            "5.2.0": apple_list(),
            "5.1.0": apple_list(apple_review(5)),
            "5.0.9": apple_list(apple_review(1)),
        }
    )
    (reading,) = signal_of(apple).read(query(baseline=(OLD, OLDER)))
    assert (reading.baseline, reading.baseline_name) == (Stars((1, 0, 0, 0, 1)), "5.1.0, 5.0.9")


def test_dates_of_both_forms_are_the_same_instant():
    reading = told([apple_review(1, "2026-10-26T02:00:00-08:00"), apple_review(2, "2026-10-26T10:00:00Z")])
    assert reading.candidate == Stars((1, 1, 0, 0, 0))
    assert {low.written_at for low in reading.lowest} == {datetime(2026, 10, 26, 10, tzinfo=UTC)}


def test_reviews_from_before_the_run_began_do_not_count_against_it():
    new = [apple_review(1, "2026-10-24T10:00:00Z"), apple_review(2, "2026-10-26T10:00:00Z")]
    assert told(new, asking=query(since=NOW - DAY)).candidate == Stars((0, 1, 0, 0, 0))


def test_the_earlier_version_is_counted_as_far_back_as_its_page_goes():
    """People update: soon nobody writes about it any more, and what they wrote still tells what it was worth."""
    old = [apple_review(5, "2026-10-20T10:00:00Z"), apple_review(1, "2026-08-18T10:00:00Z")]
    assert told([], old, asking=query(since=NOW - HOUR)).baseline == Stars((1, 0, 0, 0, 1))


def test_a_full_page_shortens_the_time_it_stands_for():
    dates = [NOW - timedelta(minutes=n) for n in range(200)]
    new = [apple_review(1, f"{at:%Y-%m-%dT%H:%M:%SZ}", name=str(at)) for at in dates]
    reading = told(new)
    assert (reading.candidate.total, reading.since) == (200, NOW - timedelta(minutes=199))
    assert told(new[:199]).since == NOW - 3 * DAY


def test_the_newest_low_reviews_are_quoted_in_one_line_each():
    new = [
        apple_review(1, "2026-10-26T09:00:00Z", "Bad\u202e", "line\none"),
        apple_review(2, "2026-10-26T10:00:00Z", "", "<!channel> " + "x" * 9_999),
        apple_review(1, "2026-10-26T08:00:00Z", None, None),
    ]
    low = told(new).lowest
    assert [review.stars for review in low] == [2, 1]
    assert low[0].text == "<!channel> " + "x" * 268 + "…"
    assert low[1].text == "Bad: line one"


def test_a_version_that_is_not_listed_has_no_reviews_to_judge():
    for listed in ({}, {"5.1.0": apple_list()}):
        (reading,) = signal_of(Apple(listed)).read(query())
        assert reading == Unheard(
            "app_store_reviews", Opinion.REVIEWS, Gap.ABSENT, "App Store Connect lists no version 5.2.0"
        )


def test_an_earlier_version_that_is_not_listed_only_leaves_the_baseline_empty():
    (reading,) = signal_of(Apple({"5.2.0": apple_list(apple_review(1))})).read(query())
    assert (reading.candidate.total, reading.baseline.total) == (1, 0)


def test_versions_that_were_not_asked_for_are_ignored():
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.2.0.1": apple_list(apple_review(5))})
    (reading,) = signal_of(apple).read(query(baseline=()))
    assert (reading.candidate, reading.baseline) == (Stars((1, 0, 0, 0, 0)), None)


def test_a_slow_store_does_not_hold_up_a_pass_version_after_version():
    seconds = iter([0.0, 11.0, 12.0])
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.1.0": apple_list(apple_review(5))})
    (reading,) = signal_of(apple, seconds=lambda: next(seconds)).read(query())
    assert (reading.candidate.total, reading.baseline, len(apple.asked)) == (1, None, 2)
    assert reading.cut_short


UNREACHABLE = Unreachable("app_store", "reading reviews", "no answer in time")


@pytest.mark.parametrize(
    "failure", [UNREACHABLE, Rejected("app_store", "reading reviews", "not found", status=404)]
)
def test_trouble_with_an_earlier_version_costs_the_candidate_nothing(failure):
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.1.0": failure, "5.0.9": apple_list()})
    (reading,) = signal_of(apple).read(query())
    assert (reading.candidate, reading.baseline) == (Stars((1, 0, 0, 0, 0)), None)
    assert (reading.baseline_name, reading.cut_short) == ("5.1.0", True)


def test_of_two_earlier_versions_the_one_that_can_be_read_is_the_baseline():
    apple = Apple({"5.2.0": apple_list(), "5.1.0": apple_list(apple_review(4)), "5.0.9": UNREACHABLE})
    (reading,) = signal_of(apple).read(query(baseline=(OLD, OLDER)))
    assert (reading.baseline, reading.cut_short) == (Stars((0, 0, 0, 1, 0)), True)


def test_what_was_read_is_not_read_again_because_something_else_failed():
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.1.0": UNREACHABLE})
    signal = signal_of(apple)
    for minutes in (0, 14, 15, 30, 45):
        (reading,) = signal.read(query(at=NOW + timedelta(minutes=minutes)))
        assert (reading.candidate.total, reading.as_of) == (1, NOW)
    paths = [path.split("/")[3] for path, _ in apple.asked[1:]]
    assert (paths.count("id-of-5.2.0"), paths.count("id-of-5.1.0")) == (1, 4)


def test_after_a_failure_no_other_question_is_asked_for_a_quarter_of_an_hour():
    apple = Apple({"5.2.0": UNREACHABLE, "5.1.0": apple_list(), "5.0.9": apple_list()})
    signal = signal_of(apple)
    for minutes in (0, 5, 14):
        at = NOW + timedelta(minutes=minutes)
        for asking in (query(at=at), query(at=at, candidate=OLD, baseline=(OLDER,))):
            with pytest.raises(Unreachable):
                signal.read(asking)
    assert len(apple.asked) == 2


def test_a_version_that_was_made_anew_is_found_again():
    apple = Apple({"5.2.0": Rejected("app_store", "reading reviews", "not found", status=404)})
    signal = signal_of(apple)
    with pytest.raises(Rejected):
        signal.read(query(baseline=()))
    apple.versions["5.2.0"] = apple_list(apple_review(1))
    apple.asked.clear()
    (reading,) = signal.read(query(at=NOW + HOUR, baseline=()))
    assert (reading.candidate.total, len(apple.asked)) == (1, 2)


def test_reviews_are_asked_for_once_an_hour_whatever_the_poll():
    apple = Apple({"5.2.0": apple_list(apple_review(1)), "5.1.0": apple_list()})
    signal = signal_of(apple)
    readings = [signal.read(query(at=NOW + timedelta(minutes=15 * n)))[0] for n in range(8)]
    assert len(apple.asked) == 1 + 2 * 2
    assert [reading.as_of for reading in readings] == [NOW] * 4 + [NOW + HOUR] * 4


def test_a_version_is_read_once_an_hour_whoever_is_compared_with_it():
    apple = Apple({name: apple_list() for name in ("5.2.0", "5.1.0", "5.0.9")})
    signal = signal_of(apple)
    for _ in range(3):
        signal.read(query())
        signal.read(query(candidate=OLD, baseline=(OLDER,)))
    pages = [path for path, _ in apple.asked if path.endswith("/customerReviews")]
    assert (len(pages), len(set(pages)), len(apple.asked)) == (3, 3, 3 + 2)


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (Denied("app_store", "reading reviews", "no access to the app", status=403), 1),
        (Rejected("app_store", "reading reviews", "not found", status=404), 1),
        (Throttled("app_store", "reading reviews", "kept for the release itself", status=0), 12),
        (Faulty("app_store", "reading reviews", "502", status=502), 4),
    ],
)
def test_a_refusal_stands_for_an_hour_and_other_failures_for_minutes(failure, asked):
    apple = Apple({"5.2.0": failure, "5.1.0": apple_list()})
    signal = signal_of(apple)
    for minutes in range(60):
        with pytest.raises(type(failure)):
            signal.read(query(at=NOW + timedelta(minutes=minutes)))
    assert sum(path.endswith("/customerReviews") for path, _ in apple.asked) == asked


def test_what_could_not_be_read_says_so_and_why():
    signal = signal_of(Apple({}))
    assert signal.unread("quota") == (Unheard(signal.name, Opinion.REVIEWS, Gap.FAILED, "quota"),)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}, {"data": [1]}, [], None])
def test_an_answer_of_another_shape_is_the_stores_fault(body):
    with pytest.raises(Faulty):
        signal_of(Apple({"5.2.0": body})).read(query())
    if body is not None:
        with pytest.raises(Faulty):
            signal_of(Apple({}, says_of_versions=body)).read(query())


@pytest.mark.parametrize(
    "changes",
    [
        {"rating": 0},
        {"rating": "5"},
        {"rating": None},
        {"createdDate": None},
        {"createdDate": "soon"},
        {"createdDate": "2026-10-26T10:00:00"},
        {"createdDate": "0001-01-01T00:00:00+23:00"},
    ],
)
def test_a_review_that_cannot_be_read_is_left_out_and_a_page_of_them_is_none(changes):
    odd = apple_review(name="odd")
    odd["attributes"] |= changes
    assert told([odd, apple_review(2)]).candidate == Stars((0, 1, 0, 0, 0))
    with pytest.raises(Faulty, match="none of 1 reviews"):
        told([odd])


def test_unknown_attributes_are_data():
    assert told([apple_review(1, somethingNew={"a": 1})]).candidate.total == 1


def test_names_from_the_store_cannot_lead_to_another_path():
    body = apple_list(
        {"type": "appStoreVersions", "id": "../../x?y", "attributes": {"versionString": "5.2.0"}}
    )
    apple = Apple({"..": apple_list()}, says_of_versions=body)
    with pytest.raises(KeyError):
        signal_of(apple).read(replace(query(), baseline=()))
    assert apple.asked[-1][0] == "/v1/appStoreVersions/..%2F..%2Fx%3Fy/customerReviews"


def test_any_damage_to_an_answer_ends_in_a_reading_or_a_fault():
    """One value anywhere in a good answer is replaced by something else."""
    draw = random.Random(20261026)
    for _ in range(2_000):
        good = Apple({"5.2.0": apple_list(apple_review(1), apple_review(4)), "5.1.0": apple_list()})
        versions = json.loads(json.dumps(good.get("", "/v1/apps/x/appStoreVersions", ())))
        _damage(draw.choice([versions, good.versions["5.2.0"]]), draw)
        apple = Apple({**good.versions, "x": apple_list(), "": apple_list()}, says_of_versions=versions)
        try:
            (reading,) = signal_of(apple).read(query())
        except EdgeError:
            continue
        assert isinstance(reading, (Reviews, Unheard))


def _damage(body, draw):
    places = []

    def walk(node):
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(body)
    node, key = draw.choice(places)
    node[key] = draw.choice([None, "x", "", -1, 10**40, 1.5, True, [], {}, [[]]])


def test_the_candidate_is_never_its_own_baseline():
    apple = Apple({"5.2.0": apple_list(apple_review(1))})
    (reading,) = signal_of(apple).read(query(baseline=(replace(NEW, build="5019"),)))
    assert (reading.candidate.total, reading.baseline.total) == (1, 0)
