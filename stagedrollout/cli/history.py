"""`history`: the journal, as a story or as JSON."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.options import config_option, json_option

if TYPE_CHECKING:
    from stagedrollout.core.events import Recorded
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.journal import Journal


@click.command(help="Tell what happened, day by day: who did what and why, and how the exposure changed.")
@app_argument(required=False, default="")
@store_option("Only this store: google_play or app_store.")
@release_option("Only this release (version, build, or both).")
@click.option(
    "--since", default="", metavar="TIME", help="From then on: 2d for two days back, or 2026-03-03."
)
@click.option(
    "--verify",
    "verifies",
    is_flag=True,
    help="Instead compute the hash chain of every rollout again: exit code 1 if anything is not as it was written.",
)
@click.option(
    "--expect",
    default="",
    metavar="HASH",
    help="With --verify: a hash as a halt notice tells it, or more of it. Exit code 1 if no entry has it.",
)
@config_option
@json_option
def history(config: Path, *, since: str, verifies: bool, expect: str, as_json: bool, **named: str) -> None:
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.status import check_names, opened  # noqa: PLC0415

    if expect and not verifies:
        raise click.UsageError("--expect belongs to --verify")
    engine = opened(config)
    if verifies:
        if any(named.values()) or since:
            raise click.UsageError(
                "--verify goes over the whole journal: name no app, no release and no time"
            )
        _verify(engine, expect, as_json=as_json)
        return
    told = freshness(engine)
    check_names(engine, config, **named)
    begin = _begin(since, told)
    rows = meant_rows(engine, **named)
    if as_json:
        asked = [row for row in rows if begin is None or datetime.fromisoformat(row["at"]) >= begin]
        click.echo(json.dumps({**told, "history": asked}, indent=2))
        return
    from stagedrollout.cli.history_text import tell  # noqa: PLC0415
    from stagedrollout.cli.pulled import read_pulled, warn_of_pulled  # noqa: PLC0415

    tell(rows, begin)
    warn(told)
    warn_of_pulled(read_pulled(config))


def _begin(since: str, told: dict[str, Any]) -> datetime | None:
    from stagedrollout.cli.instants import since_typed  # noqa: PLC0415

    return since_typed(since, datetime.fromisoformat(told["now"]), "--since") if since else None


def _verify(engine: Engine, expect: str, *, as_json: bool) -> None:
    from stagedrollout.cli.verifying import document, expected, say, say_expected, verified  # noqa: PLC0415

    places = expected(engine, expect) if expect else []
    proof, doubt = verified(engine)
    if as_json:
        more = {"expected": {"hash": expect, "found": places}} if expect else {}
        click.echo(json.dumps({**document(proof, doubt), **more}, indent=2))
    else:
        say(proof, doubt)
        if expect:
            say_expected(expect, places)
    sys.exit(0 if proof.sound and doubt is None and (places or not expect) else 1)


def meant_rows(engine: Engine, app: str = "", store: str = "", release: str = "") -> list[dict[str, Any]]:
    """`journal_rows` of the rollouts that are meant. Raises StorageError."""
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415

    journal = Journal(engine)
    if not (app or store or release):
        return journal_rows(journal)
    labels = {row.rollout: row.summary.label for row in Presence(engine).statuses().rollouts}
    meant = [
        key
        for key in journal.rollout_keys()
        if app in ("", key.app)
        and store in ("", key.store.value)
        and release in ("", key.release_id, labels.get(key))
    ]
    found = [_row(recorded) for key in meant for recorded in journal.history(key)]
    return sorted(found, key=lambda row: row["seq"])


def journal_rows(journal: Journal, after: int = 0) -> list[dict[str, Any]]:
    """Every entry from number `after` on as a mapping, with the sentence for it."""
    rows: list[dict[str, Any]] = []
    while batch := journal.tail(rows[-1]["seq"] if rows else after, 1_000):
        rows += map(_row, batch)
    return rows


def _row(recorded: Recorded) -> dict[str, Any]:
    from stagedrollout.core import facts  # noqa: PLC0415
    from stagedrollout.core.story import sentence  # noqa: PLC0415

    return {
        "seq": recorded.seq,
        "rollout": str(recorded.rollout),
        "at": recorded.entry.at.isoformat(),
        "kind": recorded.entry.kind,
        "body": recorded.entry.body,
        "prev": recorded.prev,
        "hash": recorded.hash,
        "said": sentence(facts.read(recorded.entry)),
    }
