"""How old an answer is: said by every reading command where no daemon runs, since then nobody looks any more."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.core.units import duration_text

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.presence import Statuses

SILENT_AFTER = timedelta(seconds=45)
"""A daemon beats every ten seconds; one that was silent for this long is taken for dead."""


def daemon_document(statuses: Statuses) -> dict[str, Any]:
    """Whether a daemon runs, and what it said of itself."""
    daemon = statuses.daemon
    if daemon is None:
        return {"running": False, "heartbeat_at": None}
    silent = datetime.now(UTC) - daemon.last_sign
    return {
        "running": silent < SILENT_AFTER and "stopped_at" not in daemon.info,
        "heartbeat_at": daemon.heartbeat_at.isoformat(),
        "holder": daemon.holder,
        **daemon.info,
    }


def looked_at(statuses: Statuses) -> datetime | None:
    """When a store was last looked at, by the daemon's clock."""
    return max((row.finished_at for row in statuses.passes if row.finished_at), default=None)


def clock_now(statuses: Statuses) -> datetime:
    """The daemon's time: in a rehearsal that of the emulator, which stands in the last pass."""
    rehearsed = statuses.daemon is not None and statuses.daemon.info.get("clock") == "emulator"
    return (looked_at(statuses) if rehearsed else None) or datetime.now(UTC)


def freshness(engine: Engine) -> dict[str, Any]:
    """`daemon`, `as_of` (the newest look at a store, None for none) and `now`, for a command's document."""
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    return freshness_of(Presence(engine).statuses())


def freshness_of(statuses: Statuses) -> dict[str, Any]:
    looked = looked_at(statuses)
    return {
        "daemon": daemon_document(statuses),
        "as_of": looked.isoformat() if looked else None,
        "now": clock_now(statuses).isoformat(),
    }


def no_daemon(document: dict[str, Any]) -> str:
    """What to say of a document whose daemon does not run: since when, and as of when it is."""
    stopped, looked = document["daemon"]["heartbeat_at"], document["as_of"]
    since = f" since {_minute(stopped)}" if stopped else ""
    told = f"as of {_minute(looked)}{_age(document)}" if looked else "no store was looked at yet"
    return f"No daemon is running{since}: nothing is watched, raised or halted; {told}."


def warn(document: dict[str, Any]) -> None:
    """To stderr, so that what is asked for stays alone on stdout. Nothing while a daemon runs."""
    if not document["daemon"]["running"]:
        click.secho(no_daemon(document), fg="red", bold=True, err=True, color=sys.stderr.isatty())


def _age(document: dict[str, Any]) -> str:
    """In a rehearsal the clock stands still, and says nothing about age."""
    if document["daemon"].get("clock") == "emulator":
        return " of the emulator's clock"
    age = datetime.now(UTC) - datetime.fromisoformat(document["as_of"])
    return f", {duration_text(max(age, timedelta(0)))} ago"


def _minute(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
