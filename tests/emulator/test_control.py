"""The door behind the stage: time, people, and the truth."""

from __future__ import annotations

import pytest

from stagedrollout.emulator.request import Request
from tests.emulator.calls import PlayCaller, control, entries, served, sessions, staged, world_at


def test_time_stands_still_until_it_is_moved_and_never_goes_back():
    world = world_at(0)
    assert control(world, "GET", "clock").document == {
        "now": "2026-03-02T06:00:00Z",
        "until": "2026-03-14T06:00:00Z",
        "finished": False,
    }
    control(world, "POST", "idle", {"next_due": "2026-03-02T09:00:00Z"})
    assert control(world, "POST", "idle", {"next_due": "2026-03-02T07:00:00+00:00"}).document["now"] == (
        "2026-03-02T09:00:00Z"
    )
    assert control(world, "POST", "advance", {"seconds": 60}).document["now"] == "2026-03-02T09:01:00Z"
    assert control(world, "POST", "advance", {"to": "2026-03-02T10:00:00Z"}).document["finished"] is False
    assert control(world, "POST", "idle", {"next_due": None}).document["finished"] is True
    assert control(world, "POST", "idle", {"next_due": "2027-01-01T00:00:00Z"}).document["now"] == (
        "2026-03-14T06:00:00Z"
    )


def test_events_on_the_way_are_played_each_at_its_own_instant():
    rest = "people: [{at: 6h, app: acme, act: raise, percent: 3}]"
    world = world_at(0, "onset: {at: 5h, crash_free: 90.0}", rest)
    control(world, "POST", "idle", {"next_due": "2026-03-03T00:00:00Z"})
    times = [(entry["type"], entry["at"][11:16]) for entry in world.ledger.entries[3:]]
    assert times == [
        ("track", "07:00"),
        ("review", "07:00"),
        ("served", "07:00"),
        ("review", "10:00"),
        ("served", "10:00"),
        ("onset", "11:00"),
        ("console", "12:00"),
        ("track", "12:00"),
        ("served", "12:00"),
    ]


def test_the_first_ledger_line_tells_the_scenario_and_sequence_numbers_rise():
    world = world_at(5)
    PlayCaller(world).change(staged(5020, 0.05))
    first, *rest = world.ledger.entries
    assert (first["type"], first["seed"], first["poll_seconds"]) == ("scenario", 7, 1800)
    assert first["apps"] == [
        {
            "app": "acme",
            "store": "google_play",
            "package": "com.acme.app",
            "track": "production",
            "app_id": "",
        }
    ]
    everything = sorted([*world.ledger.entries, *world.ledger.requests], key=lambda e: e["seq"])
    assert len({entry["seq"] for entry in everything}) == len(everything)
    assert [e["seq"] for e in rest] == sorted(e["seq"] for e in rest)


def test_the_ledger_can_be_read_from_where_one_left_off():
    world = world_at(5)
    seen = control(world, "GET", "ledger").document
    last = max(entry["seq"] for entry in seen["ledger"])
    PlayCaller(world).change(staged(5020, 0.05))
    news = control(world, "GET", f"ledger?after={last}").document
    assert [entry["type"] for entry in news["ledger"]] == ["track", "served"]
    assert [request["method"] for request in news["requests"]] == ["POST", "PUT", "POST"]
    assert control(world, "GET", "ledger?after=x").status == 400


def test_every_request_is_written_down_with_its_body_and_answer():
    world = world_at(5)
    PlayCaller(world).change(staged(5020, 0.05))
    sessions(world)
    insert, put, _, asked = world.ledger.requests
    assert (insert["service"], insert["fault"], insert["applied"]) == ("google_play", None, True)
    assert put["body"]["releases"][0]["userFraction"] == 0.05
    assert put["response"]["track"] == "production"
    assert asked["query"]["statsPeriod"] == ["24h"]
    assert (asked["applied"], asked["response"]["groups"][0]["by"] != {}) == (None, True)


def test_the_picture_of_the_world_shows_what_is_really_so():
    world = world_at(30, "onset: {at: 20h, crash_free: 95.5}")
    picture = control(world, "GET", "world").document
    new = next(r for r in picture["apps"][0]["releases"] if r["version_code"] == 5020)
    assert (new["status"], new["exposure_ppm"], new["review"]) == ("inProgress", 10_000, "PUBLISHED")
    assert new["crash_free_ppm"] == 955_000
    assert 8_000 < new["uptake_ppm"] < 10_000
    assert picture["apps"][0]["population"] == 2_000_000


def act(world, act, **more):
    return control(world, "POST", "console", {"app": "acme", "act": act, **more})


def test_people_act_in_the_console_at_once():
    world = world_at(5)
    steps = [
        (("raise", {"percent": 20}), ("inProgress", 200_000)),
        (("lower", {"percent": 5}), ("inProgress", 50_000)),
        (("halt", {}), ("halted", 0)),
        (("resume", {"percent": 5}), ("inProgress", 50_000)),
        (("complete", {}), ("completed", 1_000_000)),
        (("halt", {}), ("halted", 0)),
        (("resume", {"percent": 100}), ("completed", 1_000_000)),
    ]
    for (name, more), after in steps:
        assert act(world, name, **more).status == 200
        entry = served(world, 5020)
        assert (name, entry["status"], entry["exposure_ppm"]) == (name, *after)
        assert (entry["cause"], entry["request"]) == ("console", None)


def test_a_new_release_appears_from_the_console_and_goes_through_review():
    world = world_at(5)
    new = {"version": "6.0.0", "code": 6000, "percent": 10, "crash_free": 97.5}
    assert act(world, "new_release", **new).status == 200
    assert served(world, 6000)["exposure_ppm"] == 0
    world.timeline.advance(world.scenario.ends)
    assert served(world, 6000)["exposure_ppm"] == 100_000
    assert served(world, 5020)["status"] == "replaced"
    answer = sessions(world, query='release:"com.acme.app@6.0.0+6000"', statsPeriod="2d")
    assert answer.document["groups"][0]["totals"]["crash_free_rate(session)"] == pytest.approx(
        0.976, abs=0.01
    )


def test_a_draft_lies_beside_the_rollout_and_takes_its_place_when_it_is_rolled_out():
    world = world_at(5)
    assert act(world, "new_draft", version="6.0.0", code=6000, crash_free=99).status == 200
    assert served(world, 5020)["status"] == "inProgress"
    assert act(world, "roll_out", code=6000, percent=5).status == 200
    world.timeline.advance(world.scenario.ends)
    assert served(world, 5020)["status"] == "replaced"
    assert served(world, 6000)["exposure_ppm"] == 50_000


def test_a_release_that_was_replaced_can_be_rolled_out_again():
    world = world_at(5)
    assert act(world, "new_release", version="6.0.0", code=6000, percent=5, crash_free=99).status == 200
    assert act(world, "roll_out", code=5020, percent=5).status == 200
    assert served(world, 5020)["status"] == "inProgress"


@pytest.mark.parametrize(
    ("name", "more", "status", "text"),
    [
        ("roll_out", {"code": 7000, "percent": 5}, 409, "ever uploaded"),
        ("roll_out", {"code": 5010, "percent": 5}, 409, "cannot be staged"),
        ("resume", {"percent": 5}, 409, "no halted release"),
        ("raise", {"percent": 0}, 409, "percent above 0"),
        ("publish", {}, 409, "nothing is approved"),
        ("reject", {}, 409, "nothing is in review"),
        ("send_for_review", {}, 409, "nothing waits"),
        ("new_release", {"version": "x", "code": 5030, "percent": 1, "crash_free": 99}, 409, "already used"),
        ("raise", {}, 400, "lacks percent"),
        ("explode", {}, 400, "must be one of"),
        ("halt", {"percent": 5}, 400, "is no field here"),
    ],
)
def test_an_act_that_cannot_be_is_refused_in_words_and_changes_nothing(name, more, status, text):
    world = world_at(5)
    before = len(entries(world, "track"))
    answer = act(world, name, **more)
    assert answer.status == status
    assert text in answer.document["error"]
    assert len(entries(world, "track")) == before


def test_a_planned_act_that_cannot_be_is_told_in_the_ledger():
    world = world_at(5, rest="people: [{at: 30m, app: acme, act: complete}]")
    assert entries(world, "console") == [
        {**entries(world, "console")[0], "act": "complete", "refused": "there is no staged release"}
    ]


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "advance", {}, 400),
        ("POST", "advance", {"seconds": -1}, 400),
        ("POST", "advance", {"to": "soon"}, 400),
        ("POST", "idle", {"next_due": 5}, 400),
        ("POST", "switches", {"nonsense": True}, 400),
        ("POST", "switches", {"halted_fraction": "maybe"}, 400),
        ("POST", "switches", {"draft_app": "yes"}, 400),
    ],
)
def test_nonsense_at_the_control_door_is_refused(method, name, body, status):
    assert control(world_at(1), method, name, body).status == status


def test_switches_can_be_read_and_turned():
    world = world_at(1)
    assert control(world, "GET", "switches").document["slack_rate_limit"] is False
    assert control(world, "POST", "switches", {"slack_rate_limit": True}).document["slack_rate_limit"] is True


def test_paths_of_no_service_are_not_found():
    world = world_at(1)
    assert world.handle(Request.to("GET", "/favicon.ico")).status == 404
    assert world.ledger.requests == []
