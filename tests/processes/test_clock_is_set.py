"""The machine's clock is set while the daemon runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short
from tests.processes.machine_clock import MachineClock

pytestmark = pytest.mark.promise("R3", "R19")


WHY = ("--reason", "because of a test")


def _by_the_machines_clock(config):
    config["clock"] = "system"
    config["poll"] = "15m"
    del config["emulator"]


def _running(opens, tmp_path, hours=5):
    """A daemon that lives by a clock of its machine's, five hours into the story, where the emulator stands still."""
    begun = datetime.now(UTC) - timedelta(hours=hours)
    stage = opens(short(start=begun.isoformat(timespec="seconds"), until="10d"))
    stage.asks("advance", {"seconds": hours * 3_600})
    stage.edits_config(_by_the_machines_clock)
    clock = MachineClock(tmp_path)
    stage.starts_daemon_unwatched(**clock.environ).says("watching")
    assert stage.shows("rolling_out")["exposure_ppm"] == 100_000
    return stage, clock


def _passes(stage):
    """When the last pass ended; "" before the first one is noted, which comes after what it has found is."""
    return next((told["finished_at"] for told in stage.status()["passes"]), "") or ""


def _halts_in_time(stage):
    """Within ten seconds, beside what any command takes to start while the machine is busy."""
    starting = stage.types("status").seconds
    halted = stage.types("halt", "acme", *WHY)
    assert (halted.code, halted.seconds - starting < 10) == (0, True), halted


def test_a_clock_set_back_puts_neither_passes_nor_halts_off(opens, tmp_path):
    """APScheduler #351: after the system's clock had been set back, no job ran until it had caught up. Here by half an
    hour, so that Google still takes the tokens that are signed by that clock."""
    stage, clock = _running(opens, tmp_path)
    before = eventually(lambda: _passes(stage), what="the end of the first pass")
    clock.is_off_by(-30)
    eventually(lambda: _passes(stage) < before, what="a pass after the clock was set back")
    eventually(lambda: "set back" in stage.daemon.said, what="the word that the clock was set back")
    _halts_in_time(stage)
    assert stage.served() == ("halted", 0)
    assert stage.committed() == [("halted", 10)]
    _ends(stage)


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_is_days_off_raises_nothing_and_halts_all_the_same(opens, tmp_path, days):
    """Google refuses tokens of that time. It also says what time it is, and by that the halt is signed."""
    _halts_all_the_same(*_running(opens, tmp_path), days)


def test_a_clock_that_was_years_behind_keeps_neither_a_halt_nor_the_end_waiting(opens, tmp_path):
    """APScheduler #526: after the system's clock had been set years forward, the runs that were missed filled its memory
    and nothing ran any more. So it is on a machine that begins in 1970, until the network tells it the time."""
    _halts_all_the_same(*_running(opens, tmp_path), days=3_650)


def test_a_clock_set_forward_past_every_bake_raises_nothing(opens, tmp_path):
    stage, clock = _running(opens, tmp_path)
    clock.is_off_by(9 * 60)
    held = stage.shows("held")
    assert held["exposure_ppm"] == 100_000
    assert stage.writes() == []
    _ends(stage)


def _halts_all_the_same(stage, clock, days):
    clock.is_off_by(days * 24 * 60)
    _halts_in_time(stage)
    assert stage.served() == ("halted", 0)
    assert stage.committed() == [("halted", 10)]
    _ends(stage)


def _ends(stage):
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
