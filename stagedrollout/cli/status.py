"""`status`: one line per rollout, and whether anybody is watching."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.options import config_option, json_option
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.presence import RolloutRow, Statuses

SILENT_AFTER = timedelta(seconds=45)
"""A daemon beats every ten seconds; one that was silent for this long is taken for dead."""

COLOURS = {
    "rolling_out": "cyan",
    "completed": "green",
    "halted": "red",
    "not_halted": "red",
    "held": "yellow",
    "waiting": "yellow",
    "waiting_for_review": "blue",
}


@click.command(help="Show where every rollout stands. Reads the database; works without the daemon.")
@config_option
@json_option
def status(config: Path, *, as_json: bool) -> None:
    document = read_status(config)
    if as_json:
        click.echo(json.dumps(document, indent=2))
    else:
        _print(document)


def read_status(config: Path) -> dict[str, Any]:
    """Everything `status` shows, as one document. Raises StorageError, WrongConfiguration."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.highwater import doubt_of  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415
    from stagedrollout.storage.outbox import OutboxTable  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    engine = open_readonly(database_url(config))
    check(engine)
    statuses = Presence(engine).statuses()
    undelivered = OutboxTable(engine).undelivered(datetime.now(UTC))
    doubt = doubt_of(engine)
    return describe(statuses, links(engine, statuses)) | {
        "journal_problem": doubt.words if doubt else "",
        "notices_undelivered": undelivered.waiting + undelivered.failed,
        "notices_problem": undelivered.problem,
    }


def links(engine: Engine, statuses: Statuses) -> dict[str, str]:
    """How each rollout that is not over stands to the same version on the other store, by its key."""
    from stagedrollout.core import facts  # noqa: PLC0415
    from stagedrollout.core.linking import LinkState  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415

    found: dict[str, str] = {}
    for row in statuses.rollouts:
        link = LinkState()
        if row.summary.phase != "superseded":
            for recorded in Journal(engine).told(row.rollout, facts.LINK_KINDS):
                link = link.knowing(facts.read(recorded.entry))
        found[str(row.rollout)] = link.text(row.rollout.store)
    return found


def describe(statuses: Statuses, linked: Mapping[str, str]) -> dict[str, Any]:
    """The document, from one look at the database. What goes on counting is told as of the last look at the store.
    `linked`: the links, in words, by the rollout's key."""
    looked = {row.store_app: row.finished_at for row in statuses.passes if row.finished_at}
    return {
        "daemon": _daemon(statuses),
        "rollouts": [
            {
                "app": row.rollout.app,
                "store": row.rollout.store.value,
                "release": row.summary.label,
                "release_id": row.rollout.release_id,
                "phase": row.summary.phase,
                "exposure_ppm": row.summary.exposure_ppm,
                "reason": row.summary.reason,
                "link": linked.get(str(row.rollout), ""),
                **_pauses(row, looked.get(row.rollout.store_app, row.updated_at)),
                "updated_at": row.updated_at.isoformat(),
            }
            for row in statuses.rollouts
        ],
        "passes": [
            {
                "app": row.store_app.app,
                "store": row.store_app.store.value,
                "finished_at": row.finished_at.isoformat() if row.finished_at else None,
                "next_due_at": row.next_due_at.isoformat() if row.next_due_at else None,
                "problem": row.problem,
            }
            for row in statuses.passes
        ],
    }


def _pauses(row: RolloutRow, as_of: datetime) -> dict[str, Any]:
    """What is spent of Apple's pause-days, by our own count; nothing for a store that has no such budget."""
    from stagedrollout.core.phasing import BUDGET  # noqa: PLC0415

    pauses = row.summary.pauses
    if row.rollout.store.value != "app_store":
        return {}
    return {
        "pause_days": round(pauses.at(as_of) / timedelta(days=1), 2),
        "pause_days_budget": BUDGET.days,
        "paused_since": pauses.since.isoformat() if pauses.since else None,
    }


def _daemon(statuses: Statuses) -> dict[str, Any]:
    daemon = statuses.daemon
    if daemon is None:
        return {"running": False, "heartbeat_at": None}
    silent = datetime.now(UTC) - daemon.heartbeat_at
    return {
        "running": silent < SILENT_AFTER and "stopped_at" not in daemon.info,
        "heartbeat_at": daemon.heartbeat_at.isoformat(),
        "holder": daemon.holder,
        **daemon.info,
        **_configuration(daemon.info),
    }


def _configuration(info: dict[str, Any]) -> dict[str, Any]:
    """Which one is in force, and whether the disk has another; nothing of a daemon that does not tell."""
    from stagedrollout.daemon.in_force import KEY, differs, read_in_force, trouble  # noqa: PLC0415

    found = read_in_force(info)
    if found is None:
        return {}
    return {KEY: {**info[KEY], "differs": differs(found)}, "configuration_problem": trouble(found)}


def _print(document: dict[str, Any]) -> None:
    from rich.console import Console  # noqa: PLC0415

    console = Console(soft_wrap=False, emoji=False)
    daemon = document["daemon"]
    if not daemon["running"]:
        since = f" since {daemon['heartbeat_at'][:19]} UTC" if daemon["heartbeat_at"] else ""
        console.print(f"[bold red]No daemon is running{since}: nothing is watched, raised or halted.[/]")
    elif daemon.get("clock") == "emulator":
        console.print("[yellow]clock: emulator (a rehearsal; no real store is touched)[/]")
    _print_configuration(console, daemon)
    if document["journal_problem"]:
        console.print(f"[bold red]NOTHING IS RAISED, halts go on:[/] {_foreign(document['journal_problem'])}")
    if document["rollouts"]:
        console.print(_table(document["rollouts"]))
    else:
        console.print("No rollouts yet.")
    for row in document["rollouts"]:
        if row["link"]:
            rollout = " ".join((row["app"], row["store"], row["release"]))
            console.print(f"[dim]link[/] {_foreign(rollout)}: {_foreign(row['link'])}")
    for row in document["passes"]:
        if row["problem"]:
            console.print(f"[yellow]{_foreign(row['app'])} on {row['store']}: {_foreign(row['problem'])}[/]")
    if document["notices_undelivered"]:
        why = f": {_foreign(document['notices_problem'])}" if document["notices_problem"] else ""
        console.print(f"[yellow]{document['notices_undelivered']} notices are not delivered yet{why}[/]")


def _print_configuration(console: Console, daemon: dict[str, Any]) -> None:
    found = daemon.get("configuration")
    if found is None or not daemon["running"]:
        return
    since = found["since"][:16].replace("T", " ")
    console.print(f"[dim]configuration {found['fingerprint']} in force since {since} UTC[/]")
    if daemon["configuration_problem"]:
        console.print(f"[yellow]{_foreign(daemon['configuration_problem'])}[/]")


def _table(rollouts: list[dict[str, Any]]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("APP", "STORE", "RELEASE", "PHASE", "EXPOSURE", "WHY"):
        table.add_column(name, no_wrap=name != "WHY", justify="right" if name == "EXPOSURE" else "left")
    for row in rollouts:
        colour = COLOURS.get(row["phase"], "default")
        words = _foreign(row["phase"].replace("_", " "))
        phase = f"[{colour}]{words.upper() if row['phase'] == 'not_halted' else words}[/]"
        cells = (row["app"], row["store"], row["release"])
        why = _foreign(row["reason"] + _spent(row))
        table.add_row(*map(_foreign, cells), phase, _percent(row["exposure_ppm"]), why)
    return table


def _foreign(words: str) -> str:
    """Words that others wrote, as data: on one line, and no markup of rich's."""
    from rich.markup import escape  # noqa: PLC0415

    return escape(one_line(words))


def _spent(row: dict[str, Any]) -> str:
    days = row.get("pause_days", 0)
    return f" ({days:.1f} of {row['pause_days_budget']} pause-days spent)" if days else ""


def _percent(ppm: int) -> str:
    from stagedrollout.core.units import percent_text  # noqa: PLC0415

    return percent_text(ppm)
