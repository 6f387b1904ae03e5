"""`run`: the daemon, in the foreground, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import click

from stagedrollout.cli.options import config_option

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Hangup:
    """Whether SIGHUP has come. No event: a handler that takes a lock may interrupt the one that holds it."""

    came: bool = False

    def note(self, *_: object) -> None:
        self.came = True

    def taken(self) -> bool:
        came, self.came = self.came, False
        return came


@click.command(
    help="Run the daemon in the foreground. SIGTERM finishes what is under way, then ends; SIGHUP takes the "
    "configuration anew, or keeps the old one and says what is wrong."
)
@config_option
@click.option("--verbose", is_flag=True, help="Log every pass.")
def run(config: Path, *, verbose: bool) -> None:
    """Where the clock is an emulator's, it ends when the emulator's story does."""
    hangup = _Hangup()
    signal.signal(signal.SIGHUP, hangup.note)  # at once: by default it would end the process

    from stagedrollout.cli.logs import log_to_stderr  # noqa: PLC0415
    from stagedrollout.config.load import load_with_secrets  # noqa: PLC0415
    from stagedrollout.daemon.allowed import hosts_of, keep_to  # noqa: PLC0415
    from stagedrollout.daemon.bootstrap import open_daemon  # noqa: PLC0415
    from stagedrollout.daemon.hardening import harden  # noqa: PLC0415

    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    harden()
    loaded = load_with_secrets(config, environ=os.environ)
    net = keep_to(hosts_of(loaded))
    with open_daemon(loaded, net=net) as daemon:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        daemon.start()
        click.echo(f"stagedrollout: watching {daemon.watching}; stop with SIGTERM", err=True)
        while not (stop.wait(0.2) or daemon.finished):
            daemon.mind_the_clock()
            if hangup.taken():
                daemon.reload()
        left = daemon.stop()
        if daemon.lost:
            click.echo("stagedrollout: another daemon has taken over this database", err=True)
    _end(left, 1 if daemon.lost else 0)


def _end(left: tuple[str, ...], code: int) -> None:
    """Python waits for every thread before it ends: one that hangs in a store would keep the process for as long."""
    if not left:
        sys.exit(code)
    log.warning("left under way, for the next daemon to look at: %s", ", ".join(left))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
