"""What everyone can see of an app's stars, late, per country and not too often."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.itunes import URLS_KEPT
from tests.emulator.calls import Caller, control, pass_time
from tests.emulator.opinions_story import APP_ID, lookup, talking_world

WORLD = talking_world(0)


def shown(answer):
    assert answer.document["resultCount"] == 1
    return answer.document["results"][0]


def test_the_lookup_tells_the_stars_of_the_story_and_the_version_people_get():
    answer = lookup(talking_world(0))
    assert answer.headers["content-type"].startswith("text/javascript")
    assert shown(answer) == {
        "wrapperType": "software",
        "kind": "software",
        "trackId": 6448311069,
        "bundleId": "com.acme.app",
        "trackName": "acme",
        "version": "5.1.0",
        "currentVersionReleaseDate": shown(answer)["currentVersionReleaseDate"],
        "averageUserRating": 4.6,
        "userRatingCount": 8_000,
        "averageUserRatingForCurrentVersion": 4.6,
        "userRatingCountForCurrentVersion": 8_000,
    }


def test_a_version_that_went_live_is_told_with_its_date():
    found = shown(lookup(talking_world(1)))
    assert (found["version"], found["currentVersionReleaseDate"]) == ("5.2.0", "2026-03-02T08:00:00Z")


def test_it_is_found_by_id_or_bundle_id_and_nothing_else_is():
    world = talking_world(0)
    assert shown(lookup(world, bundleId="com.acme.app")) == shown(lookup(world))
    assert shown(lookup(world, entity="software", country="US")) == shown(lookup(world))
    for asked in ({"id": "1"}, {"bundleId": "com.acme"}, {"id": ""}, {"id": APP_ID, "entity": "song"}):
        answer = lookup(world, **asked)
        assert (answer.status, answer.document) == (200, {"resultCount": 0, "results": []})


def test_stars_move_slowly_and_the_current_version_is_no_signal_of_its_own():
    world = talking_world(0, "stars: 1.2")
    before = shown(lookup(world))
    pass_time(world, 7 * 24)
    after = shown(lookup(world))
    gained = after["userRatingCount"] - before["userRatingCount"]
    total = (
        after["averageUserRating"] * after["userRatingCount"]
        - before["averageUserRating"] * before["userRatingCount"]
    )
    assert gained > 500
    assert 2 < total / gained < 4.5
    assert 0.05 < before["averageUserRating"] - after["averageUserRating"] < 1
    assert after["averageUserRatingForCurrentVersion"] == after["averageUserRating"]
    assert after["userRatingCountForCurrentVersion"] == after["userRatingCount"]


def test_stars_only_are_ten_times_as_many_as_written_reviews():
    world = talking_world(8)
    opinions = world.opinions.of("app_store", APP_ID)
    start = world.scenario.start.timestamp()
    written = sum(r.first.at >= start for r in opinions.reviews(world.opinions.now, at_once=True))
    countries = ("us", "de", "gb", "jp", "br", "fr", "es", "in", "sa", "il")
    rated = sum(opinions.ratings(country, world.opinions.now).count for country in countries) - 20_000
    assert 9 < rated / written < 13


def test_countries_differ_and_where_it_is_not_sold_nothing_is_found():
    world = talking_world(3)
    counts = [shown(lookup(world, country=country))["userRatingCount"] for country in ("us", "de", "il")]
    assert counts == sorted(set(counts), reverse=True)
    answer = lookup(world, country="fj")
    assert (answer.status, answer.document) == (200, {"resultCount": 0, "results": []})
    assert lookup(world, country="germany").status == 400


def test_an_app_that_was_removed_from_sale_is_not_found_any_more():
    world = talking_world(1)
    act = {"app": "acme", "store": "app_store", "act": "remove_from_sale"}
    assert control(world, "POST", "console", act).status == 200
    assert lookup(world).document["resultCount"] == 0


def test_the_same_url_tells_the_same_for_a_day_and_an_added_parameter_gets_past_it():
    world = talking_world(2)
    first = shown(lookup(world))
    pass_time(world, 23.9)
    assert shown(lookup(world)) == first
    fresh = shown(lookup(world, t="1"))
    assert fresh["userRatingCount"] > first["userRatingCount"]
    pass_time(world, 0.2)
    assert shown(lookup(world))["userRatingCount"] >= fresh["userRatingCount"]


def test_a_url_that_was_asked_for_a_thousand_urls_ago_is_forgotten():
    world = talking_world(2)
    first = shown(lookup(world))
    for number in range(URLS_KEPT):
        if number % 19 == 0:
            pass_time(world, 0.02)
        assert lookup(world, t=number).status == 200
    assert shown(lookup(world)) != first


def test_a_switch_makes_it_stale_for_days():
    world = talking_world(2, rest="switches: {lookup_stale_hours: 120}")
    first = shown(lookup(world))
    pass_time(world, 100)
    assert shown(lookup(world)) == first
    pass_time(world, 21)
    assert shown(lookup(world)) != first


def test_more_than_twenty_calls_a_minute_are_refused_without_a_word():
    world = talking_world(1)
    assert [lookup(world).status for _ in range(20)] == [200] * 20
    refused = lookup(world)
    assert (refused.status, refused.body) == (403, b"")
    pass_time(world, 61 / 3600)
    assert lookup(world).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [("403", 403, b""), ("429", 429, b""), ("502", 502, None), ("500", 500, None), ("empty_body", 200, b"")],
)
def test_the_lookup_can_fail(kind, status, body):
    world = talking_world(1)
    world.faults.add(Fault("itunes", kind))
    answer = lookup(world)
    assert answer.status == status
    assert body is None or answer.body == body
    assert lookup(world).status == 200


def test_an_outage_of_the_lookup_is_a_story_too():
    world = talking_world(1, rest="outages: [{service: itunes, begins: 1h, kind: down}]")
    assert lookup(world).status == 502


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["id", "bundleId", "country", "entity", "x"]),
    st.text(max_size=6) | st.sampled_from([APP_ID, f"{APP_ID},1", "de", "DE", "²²"]),
)
def test_any_question_is_answered(name, value):
    pass_time(WORLD, 0.1)
    assert lookup(WORLD, **{"id": APP_ID, name: value}).status in (200, 400)


def test_there_is_nothing_else_behind_it():
    world = talking_world(0)
    assert Caller(world, "")("POST", "/lookup").status == 404
    assert Caller(world, "")("GET", "/lookup/x").status == 404
