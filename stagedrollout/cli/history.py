"""`history`: the journal, as a story or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from stagedrollout.cli.options import config_option, json_option
from stagedrollout.core.plain import one_line


@click.command(help="Tell what happened: every fact of the journal, oldest first.")
@click.argument("app", required=False, default="")
@click.option("--release", default="", help="Only this release (version, build, or both).")
@click.option(
    "--verify",
    "verifies",
    is_flag=True,
    help="Instead compute the hash chain of every rollout again: exit code 1 if anything is not as it was written.",
)
@config_option
@json_option
def history(app: str, release: str, config: Path, *, verifies: bool, as_json: bool) -> None:
    from stagedrollout.config.database import database_url  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_readonly(database_url(config))
    check(engine)
    if verifies:
        if app or release:
            raise click.UsageError("--verify goes over the whole journal: name no app and no release")
        _verify(engine, as_json=as_json)
        return
    rows = [row for row in journal_rows(Journal(engine)) if _wanted(row, app, release)]
    if as_json:
        click.echo(json.dumps({"history": rows}, indent=2))
        return
    for row in rows:
        click.echo(f"{row['at'][:19]}  {one_line(row['rollout'])}  {one_line(row['said'])}")


def _verify(engine: Any, *, as_json: bool) -> None:
    from stagedrollout.cli.verifying import document, say, verified  # noqa: PLC0415

    proof, doubt = verified(engine)
    if as_json:
        click.echo(json.dumps(document(proof, doubt), indent=2))
    else:
        say(proof, doubt)
    sys.exit(0 if proof.sound and doubt is None else 1)


def journal_rows(journal: Any, after: int = 0) -> list[dict[str, Any]]:
    """Every entry from number `after` on as a mapping, with the sentence for it."""
    from stagedrollout.core import facts  # noqa: PLC0415
    from stagedrollout.core.story import sentence  # noqa: PLC0415

    rows: list[dict[str, Any]] = []
    while batch := journal.tail(rows[-1]["seq"] if rows else after, 1_000):
        rows += [
            {
                "seq": recorded.seq,
                "rollout": str(recorded.rollout),
                "at": recorded.entry.at.isoformat(),
                "kind": recorded.entry.kind,
                "body": recorded.entry.body,
                "prev": recorded.prev,
                "hash": recorded.hash,
                "said": sentence(facts.read(recorded.entry)),
            }
            for recorded in batch
        ]
    return rows


def _wanted(row: dict[str, Any], app: str, release: str) -> bool:
    its_app, _, its_release = row["rollout"].split("/", 2)
    return (not app or its_app == app) and (not release or its_release == release)
