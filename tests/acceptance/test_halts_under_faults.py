"""A halt and a store that does not play along: never lost, never reported before it is true."""

from __future__ import annotations

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad

WHY = ("--reason", "because of a test")
FOR_EVER = None


@pytest.mark.parametrize(
    "kinds",
    [("500", "500_after"), ("drop", "drop_after")],
)
def test_one_bad_answer_before_or_after_the_commit_does_not_stop_a_halt(opens, kinds):
    stage = opens(short(until="6h"), to="5h")
    for kind, later in zip(kinds, ("5h 15m", "5h 45m"), strict=True):
        if stage.served() == ("halted", 0):
            assert stage.types("resume", "acme", *WHY).code == 0
            stage.plays_to("5h 30m")  # on a clock that stands still, both halts could be of one instant
        stage.breaks("google_play", kind, "edits.commit")
        halt = stage.begins("halt", "acme", *WHY)
        stage.stops_at(later)
        assert halt.ended(within=30) == 0, halt.said
        assert stage.served() == ("halted", 0)
    stage.plays_out()
    assert stage.rollout()["phase"] == "halted"
    assert len(stage.messages(" HALTED at", broadcast=True)) == 2
    stage.is_clean()


def test_a_halt_that_the_store_refuses_is_not_halted_aloud_until_it_is(opens):
    stage = opens(turns_bad(short(until="8h"), at="3h"), to="3h")
    stage.breaks("google_play", "500", "edits.commit", count=FOR_EVER)
    stage.stops_at("4h 15m")
    eventually(lambda: stage.messages("NOT HALTED", "Play Console", broadcast=True), what="the alarm")
    row = stage.shows("not_halted")
    assert "crash-free" in row["reason"]
    assert "NOT HALTED" in stage.types("status").out
    assert stage.served() == ("inProgress", 100_000)

    stage.heals()
    stage.stops_at("6h")
    stage.serves("halted", 0)
    stage.plays_out()
    assert stage.rollout()["phase"] == "halted"
    assert len(stage.messages("is NOT HALTED", broadcast=True)) == 1
    assert len(stage.messages(" HALTED at", broadcast=True)) == 1
    stage.is_clean()


def test_a_halt_without_permission_is_not_halted(opens):
    stage = opens(short(until="7h"), to="5h")
    stage.breaks("google_play", "403", "edits.commit", count=FOR_EVER)
    refused = stage.types("halt", "acme", "--wait", "2s", *WHY)
    assert refused.code == 3
    assert "NOT HALTED" in refused.err
    assert "permission" in refused.err
    assert "Play Console" in refused.err
    assert stage.shows("not_halted")["exposure_ppm"] == 100_000
    assert stage.messages("NOT HALTED", broadcast=True)

    follows = stage.begins("halt", "acme", *WHY)
    follows.says("NOT HALTED yet")
    stage.heals()  # somebody has granted it
    stage.stops_at("5h 15m")
    assert follows.ended(within=30) == 0
    assert "halted: read back in the store" in follows.said
    assert stage.served() == ("halted", 0)
    stage.plays_out()
    stage.is_clean()


def test_a_halt_whose_daemon_dies_is_not_reported_as_done(opens):
    stage = opens(short(until="6h"), to="5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=30)
    halt = stage.begins("halt", "acme", "--wait", "4s", *WHY)
    eventually(lambda: stage.ledger("fault"), what="the halt's write")
    stage.kills_daemon()
    assert halt.ended(within=20) == 3
    assert "NOT HALTED" in halt.said
    stage.starts_daemon()
    stage.serves("halted", 0)
    stage.plays_out()
    stage.is_clean()


def test_a_halt_overtakes_a_raise_that_is_under_way(opens):
    stage = opens(short(until="8h"), to="5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=3)
    stage.stops_at("6h")
    eventually(lambda: stage.ledger("fault"), what="the raise's write")
    halted = stage.types("halt", "acme", *WHY)
    assert halted.code == 0, halted
    assert stage.served() == ("halted", 0)
    stage.plays_out()
    assert stage.committed()[-1][0] == "halted"
    assert stage.rollout()["phase"] == "halted"
    stage.is_clean()


def test_a_person_in_the_console_has_the_last_word(opens):
    stage = opens(short(until="23h"), to="5h")
    stage.asks("console", {"app": "acme", "act": "halt"})
    stage.plays_to("9h")
    assert stage.shows("halted")
    assert stage.messages("halted in the console", broadcast=True)
    assert stage.writes() == []
    assert stage.types("resume", "acme", *WHY).code == 0
    stage.plays_out()
    assert stage.rollout()["phase"] == "completed"
    stage.is_clean()
