"""Apple's own clock: days, pauses, the end of the ramp, and what people get (app-store-connect.md 6, 7)."""

from __future__ import annotations

import pytest

from stagedrollout.emulator.faults import Fault
from tests.emulator.appstore_calls import (
    BY_REQUEST,
    act,
    apple_at,
    error,
    offered,
    phases,
    wait,
)
from tests.emulator.calls import control, entries, sessions

NOT_PHASED = "submitted: {at: 1h, review: 3h, phased: false}"


def test_a_version_raises_itself_every_day_and_is_complete_after_the_seventh():
    apple = apple_at(4 + 7 * 24)
    days = [(f"{2 + day:02}T10:00", "apple", ("ACTIVE", day + 1)) for day in range(1, 7)]
    assert phases(apple) == [
        ("02T07:00", "api", ("INACTIVE", 0)),
        ("02T10:00", "api", ("ACTIVE", 1)),
        *days,
        ("09T10:00", "apple", ("COMPLETE", 7)),
    ]
    shares = [e["exposure_ppm"] for e in entries(apple.world, "served") if e["release"] == "5.2.0"]
    percents = [share // 10_000 for share in shares]
    assert [p for n, p in enumerate(percents) if not n or percents[n - 1] != p] == [
        0,
        1,
        2,
        5,
        10,
        20,
        50,
        100,
    ]
    assert (apple.day(), offered(apple)) == (("COMPLETE", 7), ("COMPLETE", 1_000_000))


def test_an_eighth_day_may_be_shown_before_the_end():
    apple = apple_at(4 + 7 * 24, rest="switches: {day_8_shown: true}")
    assert (apple.day(), offered(apple)) == (("ACTIVE", 8), ("ACTIVE", 1_000_000))
    wait(apple, days=1)
    assert apple.day() == ("COMPLETE", 8)


def test_a_pause_keeps_the_part_of_the_day_that_has_passed():
    apple = apple_at(4 + 24 + 18)
    apple.turn("PAUSED")
    wait(apple, days=3)
    assert (apple.day(), offered(apple)) == (("PAUSED", 2), ("PAUSED", 20_000))
    assert (apple.phased() or {})["totalPauseDuration"] == 3
    apple.turn("ACTIVE")
    wait(apple, hours=5.99)
    assert apple.day() == ("ACTIVE", 2)
    wait(apple, hours=0.01)
    assert apple.day() == ("ACTIVE", 3)
    assert (apple.phased() or {})["totalPauseDuration"] == 3


def test_many_short_windows_make_a_day_together():
    apple = apple_at(4)
    apple.turn("PAUSED")
    for _ in range(3):
        wait(apple, hours=24)
        apple.turn("ACTIVE")
        wait(apple, hours=8)
        apple.turn("PAUSED")
    assert apple.day() == ("PAUSED", 2)


@pytest.mark.parametrize(
    ("outcome", "state", "exposure"), [("released", "COMPLETE", 1_000_000), ("nothing", "PAUSED", 10_000)]
)
def test_what_follows_thirty_days_of_pauses_is_a_switch(outcome, state, exposure):
    apple = apple_at(4, rest=f"switches: {{pause_days_used_up: {outcome}}}")
    apple.turn("PAUSED")
    wait(apple, days=20)
    apple.turn("ACTIVE")
    wait(apple, hours=1)
    apple.turn("PAUSED")
    wait(apple, days=9.99)
    assert offered(apple) == ("PAUSED", 10_000)
    wait(apple, days=0.01)
    assert (apple.day(), offered(apple)) == ((state, 1), (state, exposure))
    assert [cause for _, cause, after in phases(apple) if after[0] == "COMPLETE"] == (
        ["apple"] if state == "COMPLETE" else []
    )


def test_while_it_is_paused_those_who_were_chosen_go_on_updating():
    apple = apple_at(4 + 24)
    apple.turn("PAUSED")
    crowd, now = apple.world.app_store.crowd(apple.world.app_store.apps[0]), apple.world.timeline.now
    had = crowd.share(33417, now.timestamp())
    assert 0.01 > had > 0.008
    wait(apple, days=5)
    assert crowd.share(33417, apple.world.timeline.now.timestamp()) == pytest.approx(0.02, rel=0.01)


def test_some_people_update_by_hand_whatever_the_phase():
    apple = apple_at(4, app="manual_share: 3")
    apple.turn("PAUSED")
    wait(apple, days=9)
    crowd = apple.world.app_store.crowd(apple.world.app_store.apps[0])
    assert crowd.share(33417, apple.world.timeline.now.timestamp()) == pytest.approx(0.0397, rel=0.001)
    assert offered(apple) == ("PAUSED", 10_000)


def test_completing_reaches_everyone_at_once_on_the_day_it_had():
    apple = apple_at(4 + 24)
    apple.turn("COMPLETE")
    assert (apple.day(), offered(apple)) == (("COMPLETE", 2), ("COMPLETE", 1_000_000))
    wait(apple, days=9)
    assert apple.day() == ("COMPLETE", 2)


def test_a_version_without_phases_reaches_everyone_when_it_goes_live():
    apple = apple_at(4.4, NOT_PHASED)
    assert (apple.state(), offered(apple)) == ("PROCESSING_FOR_DISTRIBUTION", ("INACTIVE", 0))
    wait(apple, hours=0.1)
    assert (apple.state(), offered(apple)) == ("READY_FOR_DISTRIBUTION", ("COMPLETE", 1_000_000))
    assert apple.phased() is None
    assert phases(apple) == []


def test_a_version_of_the_team_goes_through_review_and_replaces_the_old_one():
    apple = apple_at(0.5)
    assert (apple.state("5.1.0"), offered(apple, "5.1.0")) == (
        "READY_FOR_DISTRIBUTION",
        ("COMPLETE", 1_000_000),
    )
    states = []
    for hours in (1, 1.5, 0.75, 0.25):
        wait(apple, hours=hours)
        states.append(apple.state())
    assert states == [
        "WAITING_FOR_REVIEW",
        "IN_REVIEW",
        "PROCESSING_FOR_DISTRIBUTION",
        "READY_FOR_DISTRIBUTION",
    ]
    assert (apple.state("5.1.0"), offered(apple, "5.1.0")) == ("REPLACED_WITH_NEW_VERSION", ("REPLACED", 0))


def test_a_release_request_is_processed_for_a_while_and_then_begins_the_first_day():
    apple = apple_at(5, BY_REQUEST, app="processing: 2h")
    assert (apple.state(), apple.day()) == ("PENDING_DEVELOPER_RELEASE", ("INACTIVE", 0))
    answer = apple.release()
    assert (answer.status, set(answer.document["data"])) == (201, {"type", "id"})
    request = apple.world.ledger.requests[-1]["seq"]
    assert apple.state() == "PROCESSING_FOR_DISTRIBUTION"
    wait(apple, hours=2)
    assert (apple.state(), apple.day()) == ("READY_FOR_DISTRIBUTION", ("ACTIVE", 1))
    began = entries(apple.world, "phased")[-1]
    assert (began["cause"], began["request"], began["at"]) == ("api", request, "2026-03-02T13:00:00Z")
    assert offered(apple) == ("ACTIVE", 10_000)


def test_a_scheduled_version_waits_for_its_date():
    apple = apple_at(2)
    version = apple.version()
    attributes = {"releaseType": "SCHEDULED", "earliestReleaseDate": "2026-03-05T09:00:00+01:00"}
    body = {"data": {"type": "appStoreVersions", "id": version["id"], "attributes": attributes}}
    assert apple("PATCH", f"/v1/appStoreVersions/{version['id']}", body).status == 200
    wait(apple, hours=24)
    assert apple.state() == "PENDING_DEVELOPER_RELEASE"
    wait(apple, hours=51)
    assert apple.state() == "READY_FOR_DISTRIBUTION"
    assert phases(apple)[-1][0] == "05T08:30"


def test_a_person_pauses_resumes_and_completes_in_app_store_connect():
    apple = apple_at(4 + 24)
    for name, after in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("complete", "COMPLETE")):
        assert act(apple, name).status == 200
        assert phases(apple)[-1][1:] == ("console", (after, 2))
    told = entries(apple.world, "console")
    assert [(entry["store"], entry["act"]) for entry in told] == [
        ("app_store", "pause"),
        ("app_store", "resume"),
        ("app_store", "complete"),
    ]


def test_a_person_releases_a_version_that_waits_for_it():
    apple = apple_at(5, BY_REQUEST)
    assert act(apple, "release").status == 200
    wait(apple, minutes=30)
    assert phases(apple)[-1] == ("02T11:30", "console", ("ACTIVE", 1))


def test_a_fix_of_a_person_replaces_a_paused_version_whose_phases_are_then_complete():
    apple = apple_at(4 + 48)
    apple.turn("PAUSED")
    assert act(apple, "new_release", version="5.2.1", code=33420, crash_free=99.9).status == 200
    assert (apple.state(), apple.day(), offered(apple)) == (
        "REPLACED_WITH_NEW_VERSION",
        ("COMPLETE", 3),
        ("REPLACED", 0),
    )
    assert (apple.day("5.2.1"), offered(apple, "5.2.1")) == (("ACTIVE", 1), ("ACTIVE", 10_000))
    wait(apple, days=7)
    assert (apple.day(), offered(apple, "5.2.1")) == (("COMPLETE", 3), ("COMPLETE", 1_000_000))
    assert {entry["cause"] for entry in entries(apple.world, "served") if entry["release"] == "5.2.1"} == {
        "console",
        "apple",
    }


def test_removal_from_sale_stops_the_phases_for_good_and_shows_in_the_territories_only():
    apple = apple_at(4 + 24)
    assert act(apple, "remove_from_sale").status == 200
    attributes = apple.version()["attributes"]
    assert (attributes["appVersionState"], attributes["appStoreState"]) == (
        "READY_FOR_DISTRIBUTION",
        "DEVELOPER_REMOVED_FROM_SALE",
    )
    assert offered(apple) == ("ACTIVE", 0)
    wait(apple, days=9)
    assert (apple.day(), offered(apple)) == (("ACTIVE", 2), ("ACTIVE", 0))
    assert error(apple.turn("PAUSED"))["code"] == "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE"
    territories = apple.get("/v2/appAvailabilities/6448311069/territoryAvailabilities?limit=200")["data"]
    assert len(territories) == 175
    assert {territory["attributes"]["available"] for territory in territories} == {False}


@pytest.mark.parametrize(
    ("name", "more", "status", "text"),
    [
        ("resume", {}, 409, "no phased release to resume"),
        ("release", {}, 409, "no version waits"),
        ("new_release", {"version": "5.1.0", "code": 1, "crash_free": 99}, 409, "already used"),
        ("new_release", {"version": "9.0.0", "code": 33500, "crash_free": 99}, 409, "already used"),
        ("halt", {}, 400, "must be one of pause, resume"),
        ("pause", {"percent": 5}, 400, "is no field here"),
        ("pause", {"store": "google_play"}, 400, "must be one of halt, raise"),
    ],
)
def test_what_a_person_cannot_do_is_refused_in_words_and_changes_nothing(name, more, status, text):
    apple = apple_at(4 + 24)
    before = len(apple.world.ledger.entries)
    answer = act(apple, name, **more)
    assert answer.status == status
    assert text in answer.document["error"]
    assert len(apple.world.ledger.entries) == before


def test_the_picture_shows_the_phase_and_its_pauses():
    apple = apple_at(4 + 24)
    apple.turn("PAUSED")
    wait(apple, days=1.5)
    (app,) = control(apple.world, "GET", "world").document["apps"]
    assert (app["store"], app["app_id"], app["track"]) == ("app_store", "6448311069", "")
    new = next(release for release in app["releases"] if release["release"] == "5.2.0")
    assert (new["release_id"], new["version_code"], new["status"]) == ("5.2.0", 33417, "PAUSED")
    assert (new["phase_day"], new["pause_days"], new["exposure_ppm"]) == (2, 1.5, 20_000)


def test_sentry_has_a_project_of_its_own_for_the_ios_app():
    apple = apple_at(4 + 48)
    asked = sessions(apple.world, project="acme-ios", query='release:"com.acme.app@5.2.0+33417"')
    assert asked.document["groups"][0]["totals"]["crash_free_rate(session)"] == pytest.approx(
        0.998, abs=0.003
    )
    assert sessions(apple.world).status == 403


@pytest.mark.parametrize(("kind", "day"), [("steps_now", 2), ("day_jumps", 3)])
def test_apple_steps_while_whoever_asked_still_decides_and_the_ledger_tells_from_which_day(kind, day):
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", kind, operation="versions.list"))
    apple.version()
    assert apple.day() == ("ACTIVE", day)
    assert phases(apple)[-1][1:] == ("apple", ("ACTIVE", day))
    *_, stepped = entries(apple.world, "phased")
    assert (stepped["before"]["day"], stepped["after"]["day"]) == (1, day)


def test_a_pause_is_confirmed_and_the_day_goes_on_once_more():
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", "pause_ignored"))
    told = apple.turn("PAUSED")
    assert told.document["data"]["attributes"]["currentDayNumber"] == 1
    assert apple.day() == ("PAUSED", 2)
