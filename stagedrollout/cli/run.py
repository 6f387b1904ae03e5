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
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What is written to standard error: text for people, or one JSON object a line for what collects logs.",
)
def run(config: Path, log_format: str, *, verbose: bool) -> None:
    """Where the clock is an emulator's, it ends when the emulator's story does."""
    hangup = _Hangup()
    signal.signal(signal.SIGHUP, hangup.note)  # at once: by default it would end the process

    from stagedrollout.cli.logs import LogForm, log_to_stderr  # noqa: PLC0415
    from stagedrollout.config.load import load_with_secrets  # noqa: PLC0415
    from stagedrollout.daemon import collecting  # noqa: PLC0415
    from stagedrollout.daemon.allowed import hosts_of, keep_to  # noqa: PLC0415
    from stagedrollout.daemon.bootstrap import open_daemon  # noqa: PLC0415
    from stagedrollout.daemon.hardening import harden  # noqa: PLC0415

    log_to_stderr(logging.INFO if verbose else logging.WARNING, LogForm(log_format))
    say = _logged if log_format == "json" else _said
    harden()
    loaded = load_with_secrets(config, environ=os.environ)
    net = keep_to(hosts_of(loaded))
    with open_daemon(loaded, net=net) as daemon:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        collecting.settle()
        daemon.start()
        say(f"watching {daemon.watching}; stop with SIGTERM")
        while not (stop.wait(0.2) or daemon.finished):
            daemon.mind_the_clock()
            if hangup.taken():
                daemon.reload()
        left = daemon.stop()
        if daemon.lost:
            say("another daemon has taken over this database")
    _end(left, 1 if daemon.lost else 0)


def _said(text: str) -> None:
    click.echo(f"stagedrollout: {text}", err=True)


def _logged(text: str) -> None:
    """Whatever the level of the others is."""
    log.setLevel(logging.INFO)
    log.info("%s", text)


def _end(left: tuple[str, ...], code: int) -> None:
    """Python waits for every thread before it ends: one that hangs in a store would keep the process for as long."""
    if not left:
        sys.exit(code)
    log.warning("left under way, for the next daemon to look at: %s", ", ".join(left))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
