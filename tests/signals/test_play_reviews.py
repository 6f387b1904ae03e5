"""What a release manager is told for what people write on Google Play."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from review_recordings import (
    DAY,
    HOUR,
    NOW,
    OLD,
    OLDER,
    RECORDED,
    Play,
    play_page,
    play_review,
    query,
)

from stagedrollout.core.errors import Conflict, Denied, EdgeError, Faulty, Rejected, Throttled, Unreachable
from stagedrollout.core.gates import RatingGate
from stagedrollout.core.judgement import Circumstances, Verdict
from stagedrollout.core.observation import Gap, Opinion, Reviews, Stars, Unheard
from stagedrollout.core.opinion import judge
from stagedrollout.signals.play_reviews import PAGES_MAX, PlayReviews

MINUTE = timedelta(minutes=1)


def told(*reviews, asking=None, **pages):
    """The reading after Play shows these reviews on its only page."""
    (reading,) = PlayReviews(Play({"": play_page(*reviews), **pages}).page).read(asking or query())
    return reading


def stars(*reviews, **more):
    return told(*reviews, **more).candidate.counts


def test_the_recorded_answer_is_read_to_its_last_page():
    play = Play({"": RECORDED, "CAE=": {}})
    (reading,) = PlayReviews(play.page).read(query(since=NOW - 7 * DAY))
    written = datetime.fromtimestamp(1793000000, UTC)
    assert play.asked == ["", "CAE="]
    assert reading.candidate == Stars((1, 0, 0, 0, 0))
    assert reading.baseline == Stars((0, 0, 0, 0, 0))
    (low,) = reading.lowest
    assert (low.id, low.written_at, low.stars, low.text) == ("gp:AOqpTO", written, 1, "Crashes on start")


def test_reviews_are_counted_by_the_version_they_are_about():
    reading = told(
        play_review(1), play_review(5, code=5010), play_review(4, code=5010), play_review(3, code=4999)
    )
    assert reading.candidate == Stars((1, 0, 0, 0, 0))
    assert reading.baseline == Stars((0, 0, 0, 1, 1))
    assert (reading.baseline_name, reading.as_of, reading.since) == ("5.1.0", NOW, NOW - 3 * DAY)


def test_a_review_without_a_version_is_nobodys():
    reading = told(play_review(1, code=None), play_review(1, code=""), play_review(2))
    assert reading.candidate == Stars((0, 1, 0, 0, 0))
    assert reading.baseline.total == 0


def test_int64_as_text_and_as_a_number_are_the_same():
    as_number = play_review(1)
    as_number["comments"][0]["userComment"]["lastModified"] = {"seconds": int(NOW.timestamp()) - 60}
    assert stars(as_number, play_review(2, code="5020")) == (1, 1, 0, 0, 0)


def test_nobody_wrote_anything_yet():
    for empty in ({}, play_page(), {"reviews": [], "tokenPagination": {}}):
        (reading,) = PlayReviews(Play({"": empty}).page).read(query())
        assert (reading.candidate.total, reading.baseline.total, reading.lowest) == (0, 0, ())


def test_without_an_earlier_release_there_is_no_baseline():
    assert told(play_review(1), asking=query(baseline=())).baseline is None


def test_reviews_from_before_the_run_began_do_not_count_against_it():
    """A person resumed it: what was written before that is what they have decided on."""
    reading = told(play_review(1, hours_ago=30), play_review(2), asking=query(since=NOW - DAY))
    assert reading.candidate == Stars((0, 1, 0, 0, 0))


def test_the_earlier_release_is_counted_over_the_whole_week_that_play_shows():
    reading = told(play_review(5, hours_ago=24 * 6, code=5010), asking=query(since=NOW - HOUR))
    assert reading.baseline == Stars((0, 0, 0, 0, 1))


def test_all_pages_are_read():
    play = Play(
        {
            "": play_page(play_review(1, 1), following="a"),
            "a": play_page(play_review(2, 2), following="b"),
            "b": play_page(play_review(3, 3)),
        }
    )
    (reading,) = PlayReviews(play.page).read(query())
    assert reading.candidate == Stars((1, 1, 1, 0, 0))
    assert reading.since == NOW - 3 * DAY


def test_a_review_that_moves_to_the_next_page_or_is_rewritten_counts_once_as_what_it_says_now():
    play = Play(
        {
            "": play_page(play_review(1, 1, name="gp:a"), play_review(5, 9, name="gp:b"), following="a"),
            "a": play_page(play_review(4, 5, name="gp:a"), play_review(2, 3, name="gp:b")),
        }
    )
    (reading,) = PlayReviews(play.page).read(query())
    assert reading.candidate == Stars((1, 1, 0, 0, 0))


def test_pages_that_go_in_a_circle_are_left():
    play = Play({"": play_page(play_review(1, 1), following="a"), "a": play_page(following="a")})
    (reading,) = PlayReviews(play.page).read(query())
    assert (reading.candidate.total, play.asked) == (1, ["", "a"])


def test_more_reviews_than_are_read_shorten_the_time_they_stand_for():
    class Endless(dict):
        def __missing__(self, token):
            number = int(token or 0)
            return play_page(play_review(1, number + 1), following=str(number + 1))

    play = Play(Endless())
    (reading,) = PlayReviews(play.page).read(query())
    assert len(play.asked) == PAGES_MAX
    assert reading.candidate == Stars((PAGES_MAX, 0, 0, 0, 0))
    assert reading.since == NOW - PAGES_MAX * HOUR


def test_a_slow_store_does_not_hold_up_a_pass_page_after_page():
    seconds = iter(range(0, 1_000, 6))
    play = Play(
        {
            "": play_page(play_review(1, 1), following="a"),
            "a": play_page(play_review(2, 2), following="b"),
        }
    )
    (reading,) = PlayReviews(play.page, seconds=lambda: next(seconds)).read(query())
    assert (play.asked, reading.candidate.total, reading.since) == (["", "a"], 2, NOW - 2 * HOUR)
    assert reading.cut_short


def test_a_slow_store_does_not_lift_what_its_reviews_have_just_held():
    """The first page is fresh and friendly; the angry ones are behind it."""
    angry = [play_review(1, 30 + n / 100) for n in range(61)]
    slow, pages = [0.0], {"a": play_page(*angry)}
    pages[""] = play_page(*(play_review(5, n / 10) for n in range(1, 4)), following="a")
    signal = PlayReviews(Play(pages).page, seconds=lambda: slow.append(slow[-1] + slow[0]) or slow[-1])
    suspicions, verdicts = (), []
    for hour in range(3):
        slow[0] = 11.0 if hour else 0.0
        now = NOW + hour * HOUR
        terms = {"run_since": NOW - 3 * DAY, "live_since": NOW - 3 * DAY, "poll": HOUR / 4}
        seen = Circumstances(now=now, suspicions=suspicions, **terms)
        found, suspicion = judge(RatingGate(), signal.read(query(at=now)), seen)
        suspicions = (suspicion,) if suspicion else ()
        verdicts.append((found.verdict, found.reason.sample))
    assert verdicts == [(Verdict.CONTRADICTORY, total) for total in (64, 3, 3)]


def test_the_newest_review_is_known_and_one_from_the_future_is_not_it():
    reading = told(play_review(1, 5), play_review(4, 2), play_review(5, 1, code=5010), play_review(1, -9))
    assert (reading.newest, reading.candidate.total, reading.cut_short) == (NOW - 2 * HOUR, 3, False)
    assert told(play_review(5, code=5010)).newest is None


# -- the newest low reviews ------------------------------------------------------------------------


def test_the_newest_low_reviews_are_quoted_newest_first():
    reading = told(
        *(play_review(1, hours, text=f"\tsaid {hours} hours ago") for hours in (5, 1, 4, 2, 3)),
        play_review(3, 0.5),
        play_review(1, 0.1, code=5010),
    )
    assert [review.text for review in reading.lowest] == [
        "said 1 hours ago",
        "said 2 hours ago",
        "said 3 hours ago",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Crash\tSince the update", "Crash: Since the update"),
        ("\tSince the update", "Since the update"),
        ("Crash\t", "Crash"),
        ("no tab at all", "no tab at all"),
        ("a\tb\tc", "a: b c"),
    ],
)
def test_title_and_body_come_joined_by_a_tab(text, shown):
    (low,) = told(play_review(1, text=text)).lowest
    assert low.text == shown


@pytest.mark.parametrize("text", ["", " \t\n", None, 17])
def test_a_review_without_words_counts_and_is_not_quoted(text):
    reading = told(play_review(1, text=text))
    assert (reading.candidate.total, reading.lowest) == (1, ())


# -- once an hour ----------------------------------------------------------------------------------


def test_reviews_are_asked_for_once_an_hour_whatever_the_poll():
    play = Play({"": play_page(play_review(1))})
    signal = PlayReviews(play.page)
    instants = [NOW + 15 * MINUTE * n for n in range(4 * 24)]
    readings = [signal.read(query(at=at))[0] for at in instants]
    assert len(play.asked) == 24
    assert [reading.as_of for reading in readings[:6]] == [NOW] * 4 + [NOW + HOUR] * 2


def test_one_look_serves_all_releases_of_the_app():
    play = Play({"": play_page(play_review(1), play_review(5, code=5010))})
    signal = PlayReviews(play.page)
    (new,) = signal.read(query())
    (old,) = signal.read(query(candidate=OLD, baseline=(OLDER,)))
    assert (new.candidate, old.candidate) == (Stars((1, 0, 0, 0, 0)), Stars((0, 0, 0, 0, 1)))
    assert play.asked == [""]


def test_a_clock_that_is_set_back_does_not_stop_the_looking():
    play = Play({"": play_page()})
    signal = PlayReviews(play.page)
    signal.read(query())
    (reading,) = signal.read(query(at=NOW - 30 * DAY))
    assert (len(play.asked), reading.as_of) == (2, NOW - 30 * DAY)


def refusals_of(failure, *instants):
    """How often Play was asked, when each look fails with `failure`."""
    play = Play({"": failure})
    signal = PlayReviews(play.page)
    for at in instants:
        with pytest.raises(type(failure)):
            signal.read(query(at=at))
    return len(play.asked)


@pytest.mark.parametrize(
    "failure",
    [Denied("google_play", "reading reviews", "no", status=403), Rejected("p", "d", "no", status=400)],
)
def test_a_missing_permission_is_asked_about_once_an_hour(failure):
    assert refusals_of(failure, NOW, NOW, NOW + 59 * MINUTE) == 1
    assert refusals_of(failure, NOW, NOW + 60 * MINUTE) == 2


@pytest.mark.parametrize(("wait", "minutes"), [(0, 5), (120, 5), (1_200, 20)])
def test_a_store_that_asks_to_wait_is_left_alone_for_as_long_and_five_minutes_at_least(wait, minutes):
    busy = Throttled("google_play", "reading reviews", "quota", wait_seconds=wait)
    later = NOW + minutes * MINUTE
    assert refusals_of(busy, NOW, NOW + MINUTE, later - MINUTE / 60) == 1
    assert refusals_of(busy, NOW, later) == 2


@pytest.mark.parametrize(
    "failure",
    [
        Unreachable("google_play", "reading reviews", "no answer in time"),
        Faulty("google_play", "reading reviews", "502", status=502),
        Conflict("google_play", "reading reviews", "409", status=409),
    ],
)
def test_a_store_that_fails_holds_up_one_pass_in_a_quarter_of_an_hour(failure):
    play = Play({"": failure})
    signal = PlayReviews(play.page)
    for minutes in (0, 5, 14):
        with pytest.raises(type(failure)):
            signal.read(query(at=NOW + minutes * MINUTE))
    play.pages[""] = play_page(play_review(1))
    assert signal.read(query(at=NOW + 15 * MINUTE))[0].candidate.total == 1
    assert len(play.asked) == 2


def test_what_could_not_be_read_says_so_and_why():
    signal = PlayReviews(Play({}).page)
    assert signal.unread("quota") == (Unheard(signal.name, Opinion.REVIEWS, Gap.FAILED, "quota"),)


# -- answers of other shapes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["", "<html>", None, [], 3, {"reviews": {}}, {"reviews": "x"}, {"reviews": [None, 3]}]
)
def test_an_answer_of_another_shape_is_the_stores_fault(body):
    with pytest.raises(Faulty):
        PlayReviews(Play({"": body}).page).read(query())


@pytest.mark.parametrize("rating", [0, 6, -1, 4.5, "5", True, None, []])
def test_stars_that_cannot_be_are_left_out(rating):
    assert stars(play_review(rating, name="gp:odd"), play_review(2)) == (0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    "modified", [None, {}, {"seconds": "soon"}, {"seconds": 10**30}, {"seconds": [1]}, 7]
)
def test_a_review_of_no_time_is_left_out(modified):
    odd = play_review(1, name="gp:odd")
    odd["comments"][0]["userComment"]["lastModified"] = modified
    assert stars(odd, play_review(2)) == (0, 1, 0, 0, 0)


def test_a_developers_answer_is_no_review():
    answered = play_review(1)
    answered["comments"].insert(0, {"developerComment": {"text": "sorry", "starRating": 5}})
    only_answer = {"reviewId": "gp:x", "comments": [{"developerComment": {"text": "sorry"}}]}
    assert stars(answered, only_answer) == (1, 0, 0, 0, 0)


def test_any_damage_to_an_answer_ends_in_a_reading_or_a_fault():
    """One value anywhere in a good answer is replaced by something else."""
    draw = random.Random(20261026)
    for _ in range(2_000):
        body = json.loads(json.dumps(play_page(play_review(1), play_review(5, code=5010), following="a")))
        _damage(body, draw)
        try:
            (reading,) = PlayReviews(Play({"": body, "a": {}, "x": {}}).page).read(query())
        except EdgeError:
            continue
        assert isinstance(reading, Reviews)


def _damage(body, draw):
    places = []

    def walk(node):
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(body)
    node, key = draw.choice(places)
    node[key] = draw.choice([None, "x", "", -1, 10**40, 1.5, True, [], {}, [[]], {"seconds": {}}])
