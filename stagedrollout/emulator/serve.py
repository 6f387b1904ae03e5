"""The emulator as a running thing: a scenario becomes a world behind a port."""

from __future__ import annotations

from stagedrollout.emulator.errors import EmulatorError
from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.scenario import Scenario
from stagedrollout.emulator.world import World


def serve(scenario: Scenario, port: int = 0) -> RunningEmulator:
    """Serve `scenario` on 127.0.0.1; port 0 takes a free one. Raises EmulatorError where it is taken."""
    try:
        return RunningEmulator(World(scenario), port)
    except OSError as failed:
        raise EmulatorError(f"cannot listen on port {port} of 127.0.0.1: {failed.strerror}") from failed
