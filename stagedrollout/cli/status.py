"""`status`: one line per rollout, and whether anybody is watching."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.freshness import freshness_of
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.cli.pulled import pulled_words, read_pulled
from stagedrollout.core.errors import StorageError
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.core.events import Recorded
    from stagedrollout.core.model import RolloutKey
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.presence import RolloutRow, Statuses

OVER = "superseded"
"""The phase of rollouts that only `--all` shows: a newer release took their place."""

PAGE, PAGE_MAX = 1_000, 100_000
"""Rollouts on a page of `--all`."""

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
@app_argument(required=False, default="")
@store_option("Only this store: google_play or app_store.")
@release_option("Only this release, by version or build.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also rollouts whose place a newer release has taken, and those completed before the newest: page by page.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, PAGE_MAX),
    default=PAGE,
    show_default=True,
    help="With --all: so many rollouts at most.",
)
@click.option(
    "--after",
    default="",
    metavar="APP/STORE/ID",
    help="With --all: the page after this rollout. The page before it ends by telling it.",
)
@click.option("--long", "long", is_flag=True, help="Each reason in full, over several lines.")
@click.option("--watch", is_flag=True, help="Go on showing what changes, until Ctrl-C.")
@click.option(
    "--wait",
    default="",
    metavar="GOAL",
    help="Wait until the rollouts meant are `completed`, `halted`, or at a stage, like `stage=20`. Exit code 0: they"
    " are; 1: they can not become it any more; 4: no daemon, or no database; 5: --timeout was over.",
)
@click.option("--timeout", default="", help="With --wait: give up after this long, for example 2h.")
@config_option
@json_option
def status(config: Path, *, watch: bool, wait: str, as_json: bool, **asked: Any) -> None:
    if (watch and wait) or (asked["timeout"] and not wait):
        raise click.UsageError("--watch and --wait are two ways to stay, and --timeout belongs to --wait")
    named = {name: asked[name] for name in ("app", "store", "release")}
    if asked["after"] and not asked["everything"]:
        raise click.UsageError("--after belongs to --all")
    shown = {"everything": asked["everything"] or bool(named["release"]), "long": asked["long"]}
    if wait:
        from stagedrollout.cli.status_wait import wait_for  # noqa: PLC0415

        sys.exit(wait_for(config, named, wait, asked["timeout"], as_json=as_json))
    pulled = read_pulled(config)
    try:
        engine = opened(config)
    except StorageError:
        _say_pulled(pulled)  # that needs no database
        raise
    check_names(engine, config, **named)
    if watch:
        from stagedrollout.cli.status_watch import watch_on  # noqa: PLC0415

        watch_on(engine, config, named, as_json=as_json, **shown)
        return
    page = {"after": asked["after"], "most": asked["limit"]} if asked["everything"] else {}
    document = look(engine, **named, everything=shown["everything"], **page) | pulled
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    from stagedrollout.cli.status_table import show  # noqa: PLC0415

    show(document, **shown)


def opened(config: Path) -> Engine:
    """The database, to read from. Raises StorageError, WrongConfiguration."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_readonly(database_url(config))
    check(engine)
    return engine


def check_names(engine: Engine, config: Path, app: str, store: str, release: str) -> None:
    """Raises click.UsageError with the nearest names for what is neither in the configuration nor in the database."""
    if not (app or store or release):
        return
    from stagedrollout.cli.naming import check_among  # noqa: PLC0415
    from stagedrollout.config.database import STORES  # noqa: PLC0415
    from stagedrollout.config.names import names  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415
    from stagedrollout.storage.shown import Which  # noqa: PLC0415

    known = names(config).apps
    if app and app not in known:
        there = [row.rollout.app for row in Presence(engine).statuses().rollouts]
        check_among("app", app, [*known, *there])
    check_among("store", store, STORES)
    if release:
        rows = Presence(engine).statuses(Which(app, store, everything=True)).rollouts
        labels = [each for row in rows for each in (row.summary.label, row.rollout.release_id)]
        check_among("release", release, labels)


def look(engine: Engine, app: str = "", store: str = "", release: str = "", **more: Any) -> dict[str, Any]:
    """Everything `status` shows of the rollouts that are meant, as one document. `more`: as in Which. Raises StorageError."""
    from dataclasses import replace  # noqa: PLC0415

    from stagedrollout.storage.highwater import doubt_of  # noqa: PLC0415
    from stagedrollout.storage.outbox import OutboxTable  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415
    from stagedrollout.storage.shown import Which  # noqa: PLC0415

    statuses = Presence(engine).statuses(Which(app, store, **more))
    rollouts = tuple(row for row in statuses.rollouts if _meant(row, release))
    passes = tuple(
        row
        for row in statuses.passes
        if app in ("", row.store_app.app) and store in ("", row.store_app.store.value)
    )
    statuses = replace(statuses, rollouts=rollouts, passes=passes)
    undelivered = OutboxTable(engine).undelivered(datetime.now(UTC))
    doubt = doubt_of(engine)
    told = describe(statuses, links(engine, statuses), since(engine, statuses))
    return told | {
        "daemon": _configuration(told["daemon"]),
        **_replicas(engine, statuses),
        "not_shown": statuses.hidden,
        "more": statuses.more,
        "journal_problem": doubt.words if doubt else "",
        "notices_undelivered": undelivered.waiting + undelivered.failed,
        "notices_problem": undelivered.problem,
    }


def _replicas(engine: Engine, statuses: Statuses) -> dict[str, Any]:
    """Who shares the apps, and why they raise nothing; of a database in a file, nothing: it has one daemon."""
    from stagedrollout.storage.engine import is_server  # noqa: PLC0415

    if not is_server(engine) or statuses.daemon is None:
        return {}
    from stagedrollout.daemon.health.replicas import problems, replicas_document, unreaching  # noqa: PLC0415
    from stagedrollout.storage.leases import Leases  # noqa: PLC0415

    rows = (statuses.daemon, *statuses.others)
    held = Leases(engine).holders()
    cut_off = (said for said, _ in unreaching(rows))
    return {
        "replicas": replicas_document(rows, held),
        "replicas_problem": "; ".join(problems(rows)),
        "replicas_cut_off": "; ".join(cut_off),
    }


def _meant(row: RolloutRow, release: str) -> bool:
    return release in ("", row.summary.label, row.rollout.release_id)


def links(engine: Engine, statuses: Statuses) -> dict[str, str]:
    """How each rollout that is not over stands to the same version on the other store, by its key."""
    from stagedrollout.core.link_facts import KINDS  # noqa: PLC0415
    from stagedrollout.storage.glances import told  # noqa: PLC0415

    going_on = [row.rollout for row in statuses.rollouts if row.summary.phase != OVER]
    recorded = told(engine, going_on, KINDS) if going_on else ()
    words = {str(row.rollout): "" for row in statuses.rollouts}
    return words | _told_links(recorded) if recorded else words


def _told_links(recorded: tuple[Recorded, ...]) -> dict[str, str]:
    """Apart, because reading facts takes a fifth of all the time that `status` does, for most teams in vain."""
    from stagedrollout.core import facts  # noqa: PLC0415
    from stagedrollout.core.linking import LinkState  # noqa: PLC0415

    states: dict[RolloutKey, LinkState] = {}
    for each in recorded:
        before = states.get(each.rollout, LinkState())
        states[each.rollout] = before.knowing(facts.read(each.entry))
    return {str(key): link.text(key.store) for key, link in states.items()}


BEGINNINGS = {
    "halted": ("settled", "drifted"),
    "completed": ("settled", "drifted", "stepped"),
    "superseded": ("superseded",),
}
"""With which facts a phase begins; all others with a decision, which is written down when it is another one."""


def since(engine: Engine, statuses: Statuses) -> dict[str, datetime]:
    """Since when each rollout stands where it does, for the same reasons, by its key."""
    from stagedrollout.storage.glances import newest  # noqa: PLC0415

    alike: dict[tuple[str, ...], list[RolloutRow]] = {}
    for row in statuses.rollouts:
        alike.setdefault(BEGINNINGS.get(row.summary.phase, ("decided",)), []).append(row)
    begun: dict[str, datetime] = {}
    for kinds, rows in alike.items():
        found = newest(engine, [row.rollout for row in rows], kinds)
        for row in rows:
            key = str(row.rollout)
            when = (found.get((key, kind)) for kind in kinds)
            begun[key] = max((at for at in when if at), default=row.updated_at)
    return begun


def describe(
    statuses: Statuses, linked: Mapping[str, str], begun: Mapping[str, datetime] | None = None
) -> dict[str, Any]:
    """The document, from one look at the database. What goes on counting is told as of the last look at the store.
    By the rollout's key: `linked`, the links in words, and `begun`, since when it stands there."""
    looked = {row.store_app: row.finished_at for row in statuses.passes if row.finished_at}
    return {
        **freshness_of(statuses),
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
                "since": (begun or {}).get(str(row.rollout), row.updated_at).isoformat(),
                "updated_at": row.updated_at.isoformat(),
                "seq": row.seq,
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


def _configuration(daemon: dict[str, Any]) -> dict[str, Any]:
    """The daemon's own words, with which configuration is in force, and whether the disk has another; nothing of that of a
    daemon that does not tell."""
    from stagedrollout.daemon.in_force import KEY, differs, read_in_force, trouble  # noqa: PLC0415

    found = read_in_force(daemon)
    if found is None:
        return daemon
    in_force = {**daemon[KEY], "differs": differs(found)}
    return {**daemon, KEY: in_force, "configuration_problem": trouble(found)}


def _say_pulled(pulled: dict[str, Any]) -> None:
    for words in pulled_words(pulled):
        click.echo(one_line(words), err=True)
