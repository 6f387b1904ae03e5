"""A phased release on the App Store: dead daemons, orders, and versions that wait to be released."""

from __future__ import annotations

from tests.acceptance.stories import ios, newest, short

WHY = ("--reason", "because of a test")
THREE_DAYS = 3 * 24 * 3_600


def test_a_daemon_killed_outside_a_window_costs_nothing_in_three_days(opens):
    stage = opens(ios(until="8d"), to="8h")
    assert stage.served() == ("PAUSED", 10_000)
    stage.kills_daemon()
    stage.asks("pace", {})
    stage.asks("advance", {"seconds": THREE_DAYS})
    assert stage.served() == ("PAUSED", 10_000)
    stage.starts_daemon()
    stage.plays_to("84h")
    assert stage.served() == ("ACTIVE", 10_000), "the evidence is there, and Apple may take its next step"
    stage.is_clean()


def test_a_daemon_killed_inside_a_window_costs_one_step_a_day_and_the_next_one_ends_it(opens):
    stage = opens(ios(until="8d"), to="11h")
    assert stage.served() == ("ACTIVE", 10_000)
    stage.kills_daemon()
    stage.asks("pace", {})
    stage.asks("advance", {"seconds": THREE_DAYS})
    assert stage.served() == ("ACTIVE", 100_000)
    stage.stops_at("83h")
    stage.starts_daemon()
    stage.serves("PAUSED", 100_000)


def test_one_halt_stops_the_app_in_every_store(opens):
    story = short(policy="standard", until="5d")
    newest(story)["rolled_out"] = {"at": "1h", "percent": 1, "review": "3h"}
    story["apps"] += ios()["apps"]
    stage = opens(story, to="11h")
    assert stage.served(store="app_store") == ("ACTIVE", 10_000)
    halted = stage.types("halt", "acme", *WHY)
    assert (halted.code, halted.err) == (0, "")
    assert stage.served(store="app_store") == ("PAUSED", 10_000)
    assert stage.served(store="google_play") == ("halted", 0)
    assert {row["phase"] for row in stage.status()["rollouts"]} == {"halted"}
    stage.is_clean()


def test_people_hold_resume_and_advance_a_phased_release(opens):
    stage = opens(ios(), to="11h")
    assert stage.types("hold", "acme", *WHY).code == 0
    stage.serves("PAUSED", 10_000)
    early = stage.types("advance", "acme", *WHY)
    assert (early.code, "held by" in early.err) == (1, True)
    assert stage.types("resume", "acme", *WHY).code == 0
    assert stage.served() == ("PAUSED", 10_000), "nothing is raised by the end of a hold"
    assert stage.types("advance", "acme", *WHY).code == 0
    stage.serves("ACTIVE", 10_000)
    stage.plays_to("37h")
    assert stage.served() == ("PAUSED", 20_000)
    assert stage.rollout()["pause_days"] > 0
    stage.is_clean()


def test_an_approved_version_is_released_in_phases_when_somebody_starts_it(opens):
    story = ios(on_new_release="wait", until="40h")
    release = newest(story)
    del release["rolled_out"]
    release["submitted"] = {"at": "1h", "review": "2h", "release_type": "manual", "phased": False}
    stage = opens(story, to="2h")
    too_early = stage.types("start", "acme", *WHY)
    assert (too_early.code, "not approved" in too_early.err) == (1, True)
    stage.plays_to("4h")
    started = stage.types("start", "acme", *WHY)
    assert (started.code, started.err) == (0, "")
    sent = [r["path"] for r in stage.requests("app_store") if r["method"] == "POST"]
    assert sent == ["/v1/appStoreVersionPhasedReleases", "/v1/appStoreVersionReleaseRequests"]
    stage.plays_to("6h")
    assert stage.served() == ("PAUSED", 10_000)
    stage.is_clean()
