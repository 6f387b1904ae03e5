"""`emulate`: the emulated world as a process of its own, for trying things out and for other teams' CI."""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import click

from stagedrollout.cli.options import scenario_option, seed_option


@click.command(
    help="Serve emulated Google Play, Sentry, Slack and OAuth on 127.0.0.1, with a clock of their own."
)
@scenario_option
@seed_option
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: any free port.")
@click.option(
    "--hours-per-second",
    type=click.FloatRange(min=0.001, max=10_000),
    default=None,
    help="How fast the story goes, in its hours per second. Default: as fast as the daemon can follow.",
)
@click.option(
    "--write-config",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write a complete configuration with throw-away keys into this folder.",
)
def emulate(
    scenario: str, seed: int | None, port: int, hours_per_second: float | None, write_config: Path | None
) -> None:
    """Prints one JSON line with the address, then serves until it is interrupted."""
    from stagedrollout.config.shipped import policies_folder  # noqa: PLC0415
    from stagedrollout.emulator.errors import EmulatorError  # noqa: PLC0415
    from stagedrollout.emulator.pace import Pace  # noqa: PLC0415
    from stagedrollout.emulator.scenario_file import load_scenario  # noqa: PLC0415
    from stagedrollout.emulator.serve import serve  # noqa: PLC0415
    from stagedrollout.emulator.write_config import write_config as write  # noqa: PLC0415

    try:
        story = load_scenario(scenario)
        if seed is not None:
            story = replace(story, seed=seed)
        with serve(story, port) as running:
            running.world.pace = Pace(hours_per_second)
            document = {"url": running.url, "scenario": story.name, "seed": story.seed}
            if write_config:
                path = write(write_config, running.world, url=running.url, policies=policies_folder())
                document["config"] = str(path)
            click.echo(json.dumps(document))
            sys.stdout.flush()
            _until_told_to_stop()
    except EmulatorError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


def _until_told_to_stop() -> None:
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    stop.wait()
