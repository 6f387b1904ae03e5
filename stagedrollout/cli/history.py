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
    from stagedrollout.core.model import RolloutKey
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.journal import Journal


PAGE, PAGE_MAX = 1_000, 100_000
"""Entries on a page: more than a release of two weeks has."""

ENTRIES_MAX = 2**31 - 1


@click.command(help="Tell what happened, day by day: who did what and why, and how the exposure changed.")
@app_argument(required=False, default="")
@store_option("Only this store: google_play or app_store.")
@release_option("Only this release (version, build, or both).")
@click.option(
    "--since", default="", metavar="TIME", help="From then on: 2d for two days back, or 2026-03-03."
)
@click.option(
    "--limit",
    type=click.IntRange(1, PAGE_MAX),
    default=PAGE,
    show_default=True,
    help="So many entries of the journal at most, the newest.",
)
@click.option(
    "--before",
    type=click.IntRange(1, ENTRIES_MAX),
    metavar="NUMBER",
    help="Only entries before this one: the page before another, which ends by telling the number.",
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
def history(config: Path, *, verifies: bool, as_json: bool, **asked: Any) -> None:
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.left import left, say_left  # noqa: PLC0415
    from stagedrollout.cli.status import check_names, opened  # noqa: PLC0415
    from stagedrollout.storage.glances import page  # noqa: PLC0415

    named = {name: asked[name] for name in ("app", "store", "release")}
    since, before, expect = asked["since"], asked["before"], asked["expect"]
    if expect and not verifies:
        raise click.UsageError("--expect belongs to --verify")
    engine = opened(config)
    if verifies:
        if any(named.values()) or since or before:
            raise click.UsageError(
                "--verify goes over the whole journal: name no app, no release, no time and no number"
            )
        _verify(engine, expect, as_json=as_json)
        return
    told = freshness(engine)
    check_names(engine, config, **named)
    begin = _begin(since, told)
    keys = meant_keys(engine, **named) if any(named.values()) else None
    found = page(engine, keys, below=before, since=begin, most=asked["limit"])
    gone = left(engine, named["app"], named["store"])
    if as_json:
        rows = [*map(_row, found.entries)]
        click.echo(json.dumps({**told, "history": rows, "before": found.before, "left": gone}, indent=2))
        return
    from stagedrollout.cli.history_text import tell  # noqa: PLC0415
    from stagedrollout.cli.pulled import read_pulled, warn_of_pulled  # noqa: PLC0415

    tell(engine, found, begin)
    say_left(gone)
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

    journal = Journal(engine)
    if not (app or store or release):
        return journal_rows(journal)
    keys = meant_keys(engine, app, store, release)
    found = [_row(recorded) for key in keys for recorded in journal.history(key)]
    return sorted(found, key=lambda row: row["seq"])


def meant_keys(engine: Engine, app: str = "", store: str = "", release: str = "") -> list[RolloutKey]:
    """The rollouts that are meant, in the order in which they were begun. Raises StorageError."""
    from stagedrollout.core.model import Store, StoreApp  # noqa: PLC0415
    from stagedrollout.storage.journal import Journal  # noqa: PLC0415
    from stagedrollout.storage.presence import Presence  # noqa: PLC0415
    from stagedrollout.storage.shown import Which  # noqa: PLC0415

    journal = Journal(engine)
    rows = Presence(engine).statuses(Which(app, store, everything=True)).rollouts if release else ()
    labels = {row.rollout: row.summary.label for row in rows}
    apps = [StoreApp(app, each) for each in Store] if app else [None]
    return [
        key
        for each in apps
        for key in journal.rollout_keys(each)
        if store in ("", key.store.value) and release in ("", key.release_id, labels.get(key))
    ]


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
