"""`demo`: emulated stores in one process, the real daemon in another thread of this one, shown live."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.options import json_option, scenario_option, seed_option

if TYPE_CHECKING:
    from stagedrollout.cli.carrying_out import TeamAtWork
    from stagedrollout.daemon.bootstrap import Daemon
    from stagedrollout.http.client import HttpClient

LOOK_SECONDS = 0.2
TRUTH_BYTES_MAX = 64 * 1024 * 1024
"""The emulator's list of requests is long, and ours."""


@click.command(help="Watch a staged rollout: the real daemon against emulated stores, a week in a minute.")
@scenario_option
@seed_option
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Keep ledger, journal and requests here."
)
@click.option(
    "--hours-per-second",
    type=click.FloatRange(min=0.5),
    default=None,
    help="How fast the story goes, in its hours per second. Default: 12 on a terminal, else as fast as it can.",
)
@json_option
def demo(
    scenario: str, seed: int | None, out: Path | None, hours_per_second: float | None, *, as_json: bool
) -> None:
    """Exit code 2 for a wrong scenario; what the run is worth is for an outside judge to say."""
    live = sys.stdout.isatty() and not as_json
    speed = hours_per_second or (12.0 if live else None)
    with _workplace(out) as folder, _emulator(folder, scenario, seed, speed) as emulated:
        final, chapters = _run(emulated, out, live=live)
    if as_json:
        click.echo(json.dumps({"rollouts": final, "ledger": None}, indent=2))
    elif not live:
        for line in chapters:
            click.echo(line)
        for row in final:
            click.echo(f"{row['app']} on {row['store']} {row['release']}: {row['phase']}; {row['reason']}")


@dataclass(frozen=True, slots=True)
class Emulated:
    url: str
    config: Path


@contextlib.contextmanager
def _workplace(out: Path | None) -> Iterator[Path]:
    """A folder for the throw-away configuration; never the one the user keeps, since it holds keys."""
    folder = Path(tempfile.mkdtemp(prefix="stagedrollout-demo-"))
    try:
        if out:
            out.mkdir(parents=True, exist_ok=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _emulator(folder: Path, scenario: str, seed: int | None, speed: float | None) -> Iterator[Emulated]:
    """The emulated world as a process of its own, so that nothing of it can leak into the daemon."""
    command = [sys.executable, "-m", "stagedrollout", "emulate", "--scenario", scenario]
    command += ["--write-config", str(folder / "config")]
    command += ["--seed", str(seed)] if seed is not None else []
    command += ["--hours-per-second", str(speed)] if speed is not None else []
    with subprocess.Popen(  # noqa: S603 - our own command, no shell
        command, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit(process.wait() or 2)
            started = json.loads(line)
            yield Emulated(started["url"], Path(started["config"]))
        finally:
            process.terminate()


def _run(emulated: Emulated, out: Path | None, *, live: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Where every rollout ended, and the narrator's lines."""
    from stagedrollout.cli.carrying_out import TeamAtWork  # noqa: PLC0415
    from stagedrollout.cli.export import export_run, rollouts  # noqa: PLC0415
    from stagedrollout.cli.logs import log_to_stderr  # noqa: PLC0415
    from stagedrollout.config.load import load_with_secrets  # noqa: PLC0415
    from stagedrollout.daemon.bootstrap import open_daemon  # noqa: PLC0415
    from stagedrollout.http.client import HttpClient, Limits  # noqa: PLC0415
    from stagedrollout.http.endpoint import Endpoint  # noqa: PLC0415

    log_to_stderr(50 if live else 40)
    loaded = load_with_secrets(emulated.config, environ=os.environ)
    limits = Limits(bytes_max=TRUTH_BYTES_MAX)
    with (
        HttpClient(Endpoint("emulator", emulated.url), limits=limits) as http,
        open_daemon(loaded) as daemon,
    ):
        truth = Truth(http)
        team = TeamAtWork(http, daemon.engine, truth)
        daemon.start()
        _watch(daemon, truth, team, live=live)
        daemon.stop()
        truth.refresh()
        if out:
            export_run(out, daemon.engine, emulated.config, truth.told, loaded.settings.people)
        return rollouts(daemon.engine), _chapters(truth)


class Truth:
    """What the emulator has written down so far, fetched piece by piece."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._seq = 0
        self.told: dict[str, list[dict[str, Any]]] = {"ledger": [], "requests": []}

    def refresh(self) -> None:
        query = [("after", str(self._seq))]
        news = self._http.get_json("reading its ledger", "/_emulator/ledger", query).body
        for name in self.told:
            self.told[name] += news[name]
            self._seq = max([self._seq, *(entry["seq"] for entry in news[name])])

    def world(self) -> dict[str, Any]:
        picture: dict[str, Any] = self._http.get_json("reading its world", "/_emulator/world").body
        return picture


def _watch(daemon: Daemon, truth: Truth, team: TeamAtWork, *, live: bool) -> None:
    if live:
        from stagedrollout.cli.live import show  # noqa: PLC0415

        show(daemon, truth, team)
        return
    while not daemon.finished:
        truth.refresh()
        team.step()
        time.sleep(LOOK_SECONDS)


def _chapters(truth: Truth) -> list[str]:
    """What the narrator said, for those who did not watch."""
    told = [entry for entry in truth.told["ledger"] if entry["type"] == "chapter"]
    return [f"{entry['at'][5:16].replace('T', ' ')}  {entry['text']}" for entry in told]
