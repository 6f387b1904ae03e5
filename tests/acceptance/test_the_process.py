"""The daemon as a process: it drains, it wakes, it tells, and it keeps its secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad

pytestmark = pytest.mark.usefixtures("started_anew")

WHY = ("--reason", "because of a test")


def test_a_daemon_told_to_stop_finishes_what_is_under_way(opens):
    stage = opens(short(), to="5h")
    stage.breaks("google_play", "slow", "edits.commit", seconds=1.5)
    stage.stops_at("8h")
    eventually(lambda: stage.ledger("fault"), what="the commit")
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
    settled = [row["body"] for row in stage.document("history")["history"] if row["kind"] == "settled"]
    assert [body["settlement"] for body in settled] == ["confirmed"]
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    stage.is_clean()


def test_a_daemon_that_only_waits_stops_at_once(opens):
    stage = opens(short(), to="5h")
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=3) == 0
    assert stage.status()["daemon"]["heartbeat_at"]


def _lives_by_the_machines_clock(config):
    config["clock"] = "system"
    config["poll"] = "15m"
    del config["emulator"]


def test_an_order_wakes_a_daemon_that_sleeps_until_its_next_poll(opens):
    begun = datetime.now(UTC) - timedelta(hours=5)
    stage = opens(short(start=begun.isoformat(timespec="seconds"), until="10d"))
    stage.asks("advance", {"seconds": 5 * 3_600})
    stage.edits_config(_lives_by_the_machines_clock)
    stage.starts_daemon()
    assert stage.shows("rolling_out")["exposure_ppm"] == 100_000
    orders = [stage.types(order, "acme", *WHY) for order in ("hold", "resume", "hold", "halt")]
    assert [order.code for order in orders] == [0, 0, 0, 0], orders
    assert min(order.seconds for order in orders) < 3
    assert stage.served() == ("halted", 0)
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=5) == 0


def test_status_and_history_are_documents_and_stories(opens):
    stage = opens(short(until="9h"), to="7h")
    stage.serves("inProgress", 500_000)
    status = stage.status()
    assert status["daemon"]["running"] is True
    assert status["daemon"]["clock"] == "emulator"
    (row,) = status["rollouts"]
    assert {"app", "store", "release", "release_id", "phase", "exposure_ppm", "reason"} <= set(row)
    shown = stage.types("status").out
    assert all(words in shown for words in ("acme", "5.2.0", "rolling out", "50 %", "clock: emulator"))

    history = stage.document("history")["history"]
    assert [entry["seq"] for entry in history] == sorted(entry["seq"] for entry in history)
    kinds = [entry["kind"] for entry in history]
    assert kinds[0] == "discovered"
    assert {"went_live", "decided", "settled"} <= set(kinds)
    assert stage.document("history", "acme", "--release", "5020")["history"] == history
    unknown = stage.types("history", "nobody", "--json")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no app 'nobody'; known here: acme" in unknown.err
    told = stage.types("history").out.splitlines()
    assert told[:3] == ["acme on Google Play 5.2.0 (5020)", "", "Monday 2 March 2026 (UTC)"]
    assert any("10 % -> 50 %" in line for line in told)

    stage.kills_daemon()
    assert "watching" not in stage.types("status").out
    assert stage.status()["rollouts"] == status["rollouts"]


def test_a_daemon_that_is_gone_is_said_to_be_gone(opens):
    stage = opens(short(), to="3h")
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=5) == 0
    assert "No daemon is running" in stage.types("status").out
    assert stage.status()["daemon"]["running"] is False


def test_no_secret_is_ever_written_anywhere_else(opens):
    stage = opens(turns_bad(short(until="8h"), at="3h"), to="3h")
    for service in ("google_play", "oauth", "sentry", "slack"):
        stage.breaks(service, "401")
        stage.breaks(service, "truncated")
    stage.plays_to("7h")
    stage.serves("halted", 0)
    stage.plays_out()
    verdict = stage.judged()
    assert verdict.count("secrets_leaked") == 0
    (stage.folder / "careless.err").write_text(f"log: {stage.secrets()[0]}")
    assert stage.judged().count("secrets_leaked") == 1  # it would have been found
    assert not [secret for secret in stage.secrets() if secret in json.dumps(stage.asks("ledger"))]
