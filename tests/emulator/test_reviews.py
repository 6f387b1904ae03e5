"""What people write about a release, and what each store shows of it, and when."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from statistics import mean
from urllib.parse import urlencode

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.opinions import HISTORY_DAYS, star_shares
from stagedrollout.emulator.population import DAY, HOUR
from stagedrollout.emulator.review_texts import HOSTILE, LONGEST
from tests.emulator.calls import Caller, PlayCaller, control, entries, pass_time, world_at
from tests.emulator.opinions_story import (
    APP_ID,
    AT_ONCE,
    LIST,
    all_of_apple,
    all_of_play,
    apple_page,
    comment,
    play_page,
    talking_world,
)

WORLD = talking_world(0)


def texts_of_play(world):
    return {comment(review)["text"] for review in all_of_play(world)}


def stars_of_play(world, code):
    return [c["starRating"] for c in map(comment, all_of_play(world)) if c.get("appVersionCode") == code]


def seconds(review):
    return int(comment(review)["lastModified"]["seconds"])


# What people think


@pytest.mark.parametrize("wanted", [1.0, 1.7, 3.0, 4.6, 4.95, 5.0])
def test_star_shares_have_the_mean_that_was_asked_for_and_are_whole(wanted):
    shares = star_shares(wanted)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= 0
    assert sum(stars * share for stars, share in enumerate(shares, 1)) == pytest.approx(wanted, abs=1e-6)


def test_a_release_is_worth_what_the_story_says_and_less_from_its_onset_on():
    world = talking_world(8, "stars: 4.8, stars_onset: {at: 4d, stars: 1.6}", AT_ONCE)
    given = world.opinions.reviews("google_play", "com.acme.app", at=world.opinions.now)
    ours = [review for review in given if review.code == 5020]
    turned = world.scenario.start.timestamp() + 4 * DAY
    before = [review.first.stars for review in ours if review.first.at < turned]
    after = [review.first.stars for review in ours if review.first.at >= turned]
    assert mean(before) == pytest.approx(4.8, abs=0.15)
    assert mean(after) == pytest.approx(1.6, abs=0.25)
    assert [(e["store"], e["release"], e["stars"]) for e in entries(world, "stars_onset")] == [
        ("google_play", "5.2.0", 1.6),
        ("app_store", "5.2.0", 1.6),
    ]


def test_where_no_stars_are_said_crashes_pull_them_down():
    world = talking_world(6, "onset: {at: 1d, crash_free: 95}", AT_ONCE)
    assert mean(stars_of_play(world, 5010)) > 4.4
    assert mean(stars_of_play(world, 5020)) < 3.3


def test_a_release_that_few_have_gets_few_reviews():
    world = world_at(6 * 24)
    codes = Counter(comment(review).get("appVersionCode") for review in all_of_play(world))
    assert 0 < codes[5020] < 0.02 * codes[5010]
    assert codes[5030] == 0


def test_a_story_says_how_talkative_its_people_are():
    few, usual, none = (len(all_of_play(talking_world(1, reviews_per_million=n))) for n in (3, 15, 0))
    assert none == 0
    assert usual / few == pytest.approx(5, rel=0.2)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("stars: 5.1", "stars must be a number of stars from 1 to 5, not 5.1"),
        ("stars_onset: {at: 1d}", "stars_onset lacks stars"),
        ("stars_onset: {at: 1d, stars: 0}", "stars_onset: stars must be a number of stars"),
    ],
)
def test_a_mistake_in_the_stars_is_told_with_its_place(written, told):
    with pytest.raises(Exception, match=told):
        talking_world(0, written)


# When a store shows it


def test_reviews_appear_late_but_within_a_day_unless_the_switch_says_at_once():
    world = talking_world(6)
    now = world.opinions.now
    late = {review["reviewId"] for review in all_of_play(world)}
    world.turn({"reviews_at_once": True})
    at_once = {review["reviewId"]: seconds(review) for review in all_of_play(world)}
    missing = [at for name, at in at_once.items() if name not in late]
    assert missing
    assert all(at > now - DAY for at in missing)
    assert any(at < now - 12 * HOUR for at in missing)


def test_a_few_reviews_are_rewritten_and_a_few_deleted_while_one_looks_on():
    world = talking_world(1)
    seen, rewritten, deleted = {}, 0, 0
    for _ in range(24):
        pass_time(world, 6)
        shown = {review["reviewId"]: review for review in all_of_play(world)}
        for name, review in shown.items():
            before = seen.get(name)
            if before is not None and seconds(before) != seconds(review):
                assert seconds(review) > seconds(before)
                rewritten += 1
        gone = set(seen) - set(shown)
        deleted += sum(seconds(seen[name]) > world.opinions.now - 6 * DAY for name in gone)
        seen = shown
    assert rewritten > 5
    assert deleted > 2


def test_the_same_seed_says_the_same_whoever_asks_first_and_another_seed_does_not():
    asked_often, asked_once, other = talking_world(0), talking_world(5), talking_world(5, seed=8)
    for _ in range(5 * 4):
        all_of_apple(asked_often)
        pass_time(asked_often, 6)
        all_of_play(asked_often)
    assert all_of_play(asked_often) == all_of_play(asked_once)
    assert all_of_apple(asked_often) == all_of_apple(asked_once)
    assert all_of_play(asked_once) != all_of_play(other)


def test_texts_of_every_hostile_kind_arrive_unharmed_on_both_stores():
    world = talking_world(13)
    play = texts_of_play(world)
    apple = {(r["attributes"]["title"], r["attributes"]["body"]) for r in all_of_apple(world)}
    assert {f"{title}\t{body}" for title, body in HOSTILE} <= play
    assert set(HOSTILE) <= apple
    assert len(LONGEST) > 10_000
    json.dumps(world.ledger.after(0))


# Play


def test_play_shows_the_last_seven_days_newest_first():
    world = talking_world(9)
    shown = all_of_play(world)
    times = [seconds(review) for review in shown]
    assert times == sorted(times, reverse=True)
    assert times[-1] >= world.opinions.now - 7 * DAY
    assert times[-1] < world.opinions.now - 6.9 * DAY


def test_play_knows_reviews_of_the_week_before_the_story():
    world = talking_world(0)
    assert HISTORY_DAYS > 7
    assert min(seconds(review) for review in all_of_play(world)) < world.opinions.now - 6.9 * DAY


def test_play_writes_numbers_of_64_bits_as_text_and_often_knows_the_version():
    comments = [comment(review) for review in all_of_play(talking_world(6))]
    assert all(isinstance(c["lastModified"]["seconds"], str) for c in comments)
    assert all(isinstance(c["starRating"], int) and 1 <= c["starRating"] <= 5 for c in comments)
    assert all(c["text"].count("\t") >= 1 for c in comments)
    unknown = [c for c in comments if "appVersionCode" not in c]
    assert 0.03 < len(unknown) / len(comments) < 0.15
    assert not any("appVersionName" in c for c in unknown)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_play_pages_neither_lose_nor_repeat_a_review(size):
    world = talking_world(1, rest="")
    whole = all_of_play(world)
    some = whole if size > 1 else whole[:30]
    found, more = [], {}
    while len(found) < len(some):
        document = play_page(world, maxResults=size, **more).document
        found += document["reviews"]
        pass_time(world, 1)
        more = {"token": document.get("tokenPagination", {}).get("nextPageToken")}
    assert found == some
    assert len({review["reviewId"] for review in found}) == len(found)


@pytest.mark.parametrize("pages", [1, 2])
def test_the_last_page_has_nothing_to_follow_also_when_it_is_full(pages):
    world = talking_world(0, reviews_per_million=1)
    while len(all_of_play(world)) % pages or len(all_of_apple(world)) % pages:
        pass_time(world, 1)
    target = f"{LIST}?limit={len(all_of_apple(world)) // pages}"
    query = {"maxResults": len(all_of_play(world)) // pages}
    for left in reversed(range(pages)):
        on_play, on_apple = play_page(world, **query).document, apple_page(world, target).document
        assert len(on_play["reviews"]) == query["maxResults"]
        assert ("tokenPagination" in on_play) == (left > 0)
        assert ("next" in on_apple["links"]) == (left > 0)
        assert ("nextCursor" in on_apple["meta"]["paging"]) == (left > 0)
        if left:
            query["token"] = on_play["tokenPagination"]["nextPageToken"]
            target = on_apple["links"]["next"]


def test_an_app_without_reviews_has_no_list_on_play_and_an_empty_one_on_the_app_store():
    world = talking_world(2, reviews_per_million=0)
    assert play_page(world).document == {}
    assert apple_page(world).document["data"] == []


def test_play_shows_ten_reviews_unless_asked_and_never_more_than_a_hundred():
    world = talking_world(2)
    assert len(play_page(world).document["reviews"]) == 10
    assert len(play_page(world, startIndex=500, maxResults=100).document["reviews"]) == 100
    for wrong in ("101", "0", "-1", "x", "²", ""):
        assert play_page(world, maxResults=wrong).status == 400


@pytest.mark.parametrize("token", ["x", "WzFd", "bnVsbA==", "W1tdLDBd", "[" * 300, "WzFlOTksIDBd", "é"])
def test_a_page_token_that_play_never_gave_is_refused(token):
    answer = play_page(talking_world(0), token=token)
    assert (answer.status, answer.message) == (400, "Invalid page token.")


def test_a_single_review_is_read_by_its_id():
    world = talking_world(2)
    play = PlayCaller(world)
    one = all_of_play(world)[3]
    assert play.call("GET", f"{play.root}/reviews/{one['reviewId']}").document == one
    assert play.call("GET", f"{play.root}/reviews/none").status == 404
    assert Caller(world, "")("GET", f"{play.root}/reviews").status == 401
    assert play.call("POST", f"{play.root}/reviews/{one['reviewId']}:reply", {}).status == 404
    assert [r["path"].split("/")[5] for r in world.ledger.requests[-4:]] == ["reviews"] * 4


def test_reviews_can_fail_by_name_without_harming_the_rest():
    world = talking_world(2)
    fault = {"service": "google_play", "operation": "reviews.list", "kind": "403"}
    assert control(world, "POST", "faults", fault).status == 200
    assert PlayCaller(world).insert()
    assert [play_page(world).status, play_page(world).status] == [403, 200]


def test_the_log_of_requests_does_not_swell_with_pages_of_reviews():
    world = talking_world(2)
    assert len(play_page(world, maxResults=100).document["reviews"]) == 100
    kept = world.ledger.requests[-1]["response"]
    assert (len(kept["reviews"]), kept["reviews"][-1]) == (11, "[90 more]")
    assert kept["tokenPagination"]


def test_googles_client_pages_through_all_reviews_and_reads_every_text():
    world = talking_world(13)
    wanted = all_of_play(world)
    with RunningEmulator(world, 0) as running:
        token = world.credentials.issue("ours@example.invalid")
        http = google_auth_httplib2.AuthorizedHttp(Credentials(token), http=httplib2.Http(timeout=10))
        names = {"static_discovery": True, "client_options": {"api_endpoint": running.url}}
        service = build("androidpublisher", "v3", http=http, **names)
        found, token = [], None
        while token or not found:
            page = service.reviews().list(packageName="com.acme.app", maxResults=100, token=token).execute()
            found += page["reviews"]
            token = page.get("tokenPagination", {}).get("nextPageToken")
        one = service.reviews().get(packageName="com.acme.app", reviewId=found[0]["reviewId"]).execute()
        service.close()
    assert found == wanted
    assert one == found[0]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["maxResults", "token", "startIndex", "translationLanguage", "x"]), st.text(max_size=9)
)
def test_any_question_to_play_is_answered(name, value):
    assert play_page(WORLD, **{name: value}).status in (200, 400)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(
        [
            "sort",
            "limit",
            "cursor",
            "include",
            "filter[rating]",
            "filter[territory]",
            "fields[customerReviews]",
        ]
    )
    | st.text(max_size=6),
    st.text(max_size=6) | st.sampled_from(["rating", "1", "200", "DEU,USA", "response"]),
)
def test_any_question_to_the_app_store_is_answered(name, value):
    pass_time(WORLD, 0.1)
    assert apple_page(WORLD, f"{LIST}?{urlencode({name: value})}").status in (200, 400)


# The App Store


def test_the_app_store_tells_neither_version_nor_change():
    one = apple_page(talking_world(6)).document["data"][0]
    assert set(one) == {"type", "id", "attributes", "relationships", "links"}
    assert set(one["attributes"]) == {
        "rating",
        "title",
        "body",
        "reviewerNickname",
        "createdDate",
        "territory",
    }
    assert (one["type"], len(one["attributes"]["territory"])) == ("customerReviews", 3)
    assert one["links"]["self"] == f"http://localhost/v1/customerReviews/{one['id']}"


def test_a_version_has_its_own_reviews_and_the_app_has_them_all():
    world = talking_world(6, "stars: 1.5")
    new, old = all_of_apple(world, "5.2.0"), all_of_apple(world, "5.1.0")
    assert mean(one["attributes"]["rating"] for one in new) < 2
    assert mean(one["attributes"]["rating"] for one in old) > 4.4
    assert len(new) + len(old) == len(all_of_apple(world))


@pytest.mark.parametrize("sort", ["rating", "-rating", "createdDate", "-createdDate", None])
def test_the_app_store_sorts_as_asked_and_newest_first_otherwise(sort):
    listed = all_of_apple(talking_world(5), **({"sort": sort} if sort else {}))
    name = (sort or "-createdDate").lstrip("-")
    values = [one["attributes"][name] for one in listed]
    if name == "createdDate":
        assert {value[-1] for value in values} == {"Z", "0"}
        values = [datetime.fromisoformat(value).timestamp() for value in values]
    assert values == sorted(values, reverse=sort != name)


def test_the_app_store_filters_by_stars_territory_and_answer():
    world = talking_world(6)
    every = {one["id"]: one["attributes"] for one in all_of_apple(world)}
    bad = all_of_apple(world, **{"filter[rating]": "1,2"})
    assert {one["id"] for one in bad} == {name for name, a in every.items() if a["rating"] <= 2}
    german = all_of_apple(world, **{"filter[territory]": "DEU", "filter[rating]": "5"})
    assert {one["attributes"]["territory"] for one in german} == {"DEU"}
    assert all_of_apple(world, **{"filter[territory]": "FJI"}) == []
    answered = all_of_apple(world, **{"exists[publishedResponse]": "true"})
    silent = all_of_apple(world, **{"exists[publishedResponse]": "false"})
    assert 0 < len(answered) < len(silent)
    assert len(answered) + len(silent) == len(every)


def test_an_answer_and_its_territory_come_along_when_they_are_included():
    world = talking_world(6)
    target = f"{LIST}?include=response,reviewTerritory&exists[publishedResponse]=true&limit=5"
    document = apple_page(world, target).document
    one = document["data"][0]["relationships"]
    kinds = Counter(included["type"] for included in document["included"])
    assert one["response"]["data"]["type"] == "customerReviewResponses"
    assert one["reviewTerritory"]["data"]["id"] == document["data"][0]["attributes"]["territory"]
    assert kinds["customerReviewResponses"] == 5
    assert kinds["territories"] >= 1
    few = apple_page(world, f"{LIST}?fields[customerReviews]=rating&limit=1").document["data"][0]
    assert set(few["attributes"]) == {"rating"}


@pytest.mark.parametrize("limit", [1, 13, 200])
def test_app_store_pages_neither_lose_nor_repeat_a_review(limit):
    world = talking_world(1)
    every = [one["id"] for one in all_of_apple(world)]
    target, found, pages = f"{LIST}?limit={limit}", [], 0
    while target and pages < 40:
        document = apple_page(world, target).document
        found += [one["id"] for one in document["data"]]
        assert document["meta"]["paging"]["total"] == len(every)
        assert document["meta"]["paging"]["limit"] == limit
        pass_time(world, 1)
        target, pages = document["links"].get("next", ""), pages + 1
    assert found == every[: len(found)]
    assert target == "" or len(found) == 40 * limit


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("page=2", "PARAMETER_ERROR.ILLEGAL", "The parameter 'page' can not be used with this request"),
        ("filter[stars]=1", "PARAMETER_ERROR.INVALID", "'stars' is not a valid filter type"),
        ("filter[rating]=6", "PARAMETER_ERROR.INVALID", "'6' is not a valid value"),
        ("sort=territory", "PARAMETER_ERROR.INVALID", "'territory' is not a valid value"),
        ("limit=201", "PARAMETER_ERROR.INVALID", "'201' is not a valid value"),
        ("limit=0", "PARAMETER_ERROR.INVALID", "'0' is not a valid value"),
        ("include=app", "PARAMETER_ERROR.INVALID", "'app' is not a valid value"),
        (
            "include=response&include=response",
            "PARAMETER_ERROR.INVALID",
            "'include' was given more than once",
        ),
        ("exists[publishedResponse]=yes", "PARAMETER_ERROR.INVALID", "'yes' is not a valid value"),
        ("cursor=abc", "PARAMETER_ERROR.INVALID", "cursor"),
    ],
)
def test_the_app_store_refuses_what_it_does_not_know(query, code, text):
    answer = apple_page(talking_world(0), f"{LIST}?{query}")
    error = answer.document["errors"][0]
    assert (answer.status, error["status"], error["code"]) == (400, "400", code)
    assert text in error["detail"]
    assert error["title"]
    assert error["source"]["parameter"] == query.partition("=")[0]


def test_the_app_store_knows_an_app_by_both_its_names():
    world = talking_world(2)
    now = world.opinions.now
    assert world.opinions.reviews("app_store", APP_ID, at=now) == world.opinions.reviews(
        "app_store", "com.acme.app", at=now
    )
    assert world.opinions.reviews("app_store", "nobody", at=now) == []
