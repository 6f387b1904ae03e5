"""`health`: whether the daemon is well, in words and by the exit code, for whatever watches over it.

It tells more than whether the process lives: a store that cannot be read is a finding, and restarting the
daemon mends nothing about it. To decide whether to restart, watch the heartbeat file instead.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.freshness import SILENT_AFTER
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.pulled import read_pulled
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration, duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stagedrollout.daemon.health.findings import Finding
    from stagedrollout.storage.presence import Statuses

MAX_AGE_MIN = timedelta(seconds=10)
"""A daemon beats every ten seconds."""


def _age(_context: click.Context, _option: click.Parameter, value: str) -> timedelta:
    try:
        age = duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if age <= MAX_AGE_MIN:
        raise click.BadParameter(
            f"more than {duration_text(MAX_AGE_MIN)}: that is how often the daemon beats"
        )
    return age


@click.command(
    help="Tell whether the daemon is well. Reads the database; works without the daemon. Exit code: 0 well, "
    "1 not well, 2 wrong configuration."
)
@click.option(
    "--max-age",
    callback=_age,
    default=duration_text(SILENT_AFTER),
    show_default=True,
    help="How old the last heartbeat may be.",
)
@config_option
@json_option
def health(config: Path, max_age: timedelta, *, as_json: bool) -> None:
    """Raises WrongConfiguration; a database that cannot be read is a finding."""
    found = read_health(config, max_age, datetime.now(UTC))
    healthy = not any(finding.ill for finding in found)
    if as_json:
        click.echo(json.dumps(_document(found, healthy=healthy), indent=2))
    else:
        click.echo("healthy" if healthy else "UNHEALTHY")
        for finding in found:
            click.echo(f"{'-' if finding.ill else '(note)'} {one_line(finding.said)}")
    sys.exit(0 if healthy else 1)


def read_health(config: Path, max_age: timedelta, now: datetime) -> tuple[Finding, ...]:
    """What there is to say at the machine's time `now`, the gravest first. Raises WrongConfiguration."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415
    from stagedrollout.daemon.health.findings import About, Finding, findings, passes_now  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.highwater import doubt_of  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415
    from stagedrollout.storage.outbox import OutboxTable  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415
    from stagedrollout.storage.shown import Which  # noqa: PLC0415

    url, pulled = database_url(config), tuple(_pulled(config))
    try:
        engine = open_readonly(url)
        check(engine)
        statuses = Presence(engine).statuses(Which())
        undelivered = OutboxTable(engine).undelivered(passes_now(statuses, now))
        doubt = doubt_of(engine)
    except StorageError as error:
        return (Finding(About.DATABASE, str(error)), *pulled)
    lost = (Finding(About.DATABASE, f"nothing is raised: {doubt.words}"),) if doubt else ()
    told = findings(statuses, undelivered, now, max_age)
    found = (*lost, *pulled, *told, *_configuration(statuses))
    return tuple(sorted(found, key=lambda finding: not finding.ill))


def _configuration(statuses: Statuses) -> tuple[Finding, ...]:
    """A refused configuration wakes nobody, for the old one works; but no daemon would start with it."""
    from stagedrollout.daemon.health.findings import About, Finding  # noqa: PLC0415
    from stagedrollout.daemon.in_force import read_in_force, trouble  # noqa: PLC0415

    found = read_in_force(statuses.daemon.info) if statuses.daemon else None
    said = trouble(found) if found else ""
    return (Finding(About.CONFIGURATION, said, ill=False),) if said else ()


def _pulled(config: Path) -> Iterator[Finding]:
    """A stopped line is what somebody wants; a halt that no daemon has taken over, or a file that nobody can read, is
    not."""
    from stagedrollout.daemon.health.findings import About, Finding  # noqa: PLC0415

    pulled = read_pulled(config)
    if pulled["line"]:
        wanted = pulled["line_stopped"] is not None
        yield Finding(About.LINE, f"nothing is raised: {pulled['line']}", ill=not wanted)
    for halt in pulled["halts_waiting"]:
        yield Finding(About.HALT, f"nothing is raised there: {halt['words']}")


def _document(found: tuple[Finding, ...], *, healthy: bool) -> dict[str, Any]:
    from stagedrollout.core.codec import encode  # noqa: PLC0415

    return {"healthy": healthy, "findings": [encode(finding) for finding in found]}
