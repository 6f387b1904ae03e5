"""What people have pulled beside the configuration is told by every command that tells how things stand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stagedrollout.core.line import Line
from stagedrollout.core.line_facts import LineStopped
from stagedrollout.core.model import Store
from stagedrollout.storage.brakes import HaltMarker, beside
from tests.core.builders import ANNA, DAY, NOON
from tests.knowing.world import World
from tests.reporting.histories import History

READING = ("status shop", "explain shop", "why-not shop", "calendar shop", "history shop")
STOPPED = "NOTHING IS RAISED: the line is stopped by anna"
HALTED = "NOTHING IS RAISED there: the halt of shop on google_play (530) that anna gave past the daemon"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, History("5.3.0", NOON + 7 * DAY).started(0, percent=10).waits(1))


def stop(world: World, until: datetime | None = None) -> None:
    beside(world.config).write_line(Line(LineStopped("l1", ANNA, "an \x1b[31mincident", NOON, until)))


def leave(world: World) -> Path:
    marker = HaltMarker("h1", "shop", Store.GOOGLE_PLAY, "530", ANNA, "it burns", NOON, "here")
    return beside(world.config).leave(marker)


@pytest.mark.parametrize("command", READING)
def test_a_stopped_line_and_a_halt_that_no_daemon_has_taken_over_are_told(world: World, command: str) -> None:
    assert "NOTHING IS RAISED" not in world.says(*command.split()).output
    stop(world)
    leave(world)
    said = world.says(*command.split()).output
    assert STOPPED in said
    assert HALTED in said
    assert "\x1b" not in said


@pytest.mark.parametrize("command", [each for each in READING if each != "history shop"])
def test_programs_are_told_as_well(world: World, command: str) -> None:
    stop(world)
    leave(world)
    document = json.loads(world.says(*command.split(), "--json").stdout)
    assert document["line_stopped"]["reason"] == "an \x1b[31mincident"
    assert [each["halt"]["app"] for each in document["halts_waiting"]] == ["shop"]


def test_whoever_waits_sees_why_nothing_moves(world: World) -> None:
    stop(world)
    leave(world)
    said = world.says("status", "shop", "--wait", "completed", "--timeout", "0s")
    assert (said.exit_code, STOPPED in said.stderr, HALTED in said.stderr) == (5, True, True)
    told = world.says("status", "shop", "--wait", "completed", "--timeout", "0s", "--json")
    document = json.loads(told.stdout)
    assert document["line"].startswith("the line is stopped by anna")
    assert len(document["halts_waiting"]) == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_whoever_watches_is_told_when_the_line_is_stopped_and_when_it_is_free(
    world: World, *, as_json: bool
) -> None:
    words = [*(["--json"] if as_json else []), "--config", str(world.config)]
    command = [sys.executable, "-m", "stagedrollout", "status", "--watch", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            assert not any("NOTHING IS RAISED" in next(lines) for _ in range(2))
            stop(world)
            stopped = next(lines)
            assert STOPPED in stopped
            beside(world.config).write_line(Line())
            freed = next(lines)
            assert "NOTHING IS RAISED" not in freed
            if as_json:
                assert (len(json.loads(stopped)["nothing_raised"]), json.loads(freed)["nothing_raised"]) == (
                    1,
                    [],
                )
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_calendar_of_an_app_without_any_rollout_tells_of_the_line_as_well(world: World) -> None:
    stop(world, datetime(2126, 1, 1, tzinfo=UTC))
    said = world.says("calendar", "mail")
    assert (said.exit_code, STOPPED in said.stderr) == (0, True)
