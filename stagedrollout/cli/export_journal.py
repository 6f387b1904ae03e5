"""`export journal`: the entries of the journal as JSON Lines, each with its place in the hash chain.

Whoever has the file can compute the chain again without us; the README says how, in a few lines of Python.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.completing import app_argument, release_option, store_option
from stagedrollout.cli.options import config_option

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine

FIELDS = ("rollout", "seq", "at", "kind", "body", "prev", "hash")


@click.command(
    help="Write the journal as JSON Lines, one entry a line with its hash and the one before it, so that others can"
    " verify it. Reads the database; works without the daemon."
)
@app_argument(required=False, default="")
@click.option("--all", "everything", is_flag=True, help="Every app.")
@store_option("Only this store: google_play or app_store.")
@release_option("Only this release, by version or build.")
@click.option(
    "--since", default="", metavar="TIME", help="From then on: 2d for two days back, or 2026-03-03."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Into this file. Default: to the terminal."
)
@config_option
def journal(config: Path, *, everything: bool, since: str, out: Path | None, **named: str) -> None:
    from stagedrollout.cli.freshness import freshness, warn  # noqa: PLC0415
    from stagedrollout.cli.status import check_names, opened  # noqa: PLC0415

    if everything == bool(named["app"]):
        raise click.UsageError("name one APP, or --all of them")
    engine = opened(config)
    check_names(engine, config, **named)
    told = freshness(engine)
    lines = _lines(engine, since, datetime.fromisoformat(told["now"]), **named)
    if out is None:
        for line in lines:
            sys.stdout.write(line)
    else:
        try:
            with out.open("w", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise click.FileError(str(out), error.strerror or str(error)) from None
    warn(told)


def _lines(engine: Engine, since: str, now: datetime, **named: str) -> Iterator[str]:
    from stagedrollout.cli.history import meant_rows  # noqa: PLC0415
    from stagedrollout.cli.instants import since_typed  # noqa: PLC0415

    begin = since_typed(since, now, "--since") if since else None
    return (_line(row) for row in meant_rows(engine, **named) if begin is None or _at(row) >= begin)


def _at(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["at"])


def _line(row: dict[str, Any]) -> str:
    """As it was hashed: sorted keys in the body, and every character as it is, but for what would steer a terminal or turn
    the direction of writing, which JSON can spell."""
    text = json.dumps({field: row[field] for field in FIELDS}, ensure_ascii=False)
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else json.dumps(mark)[1:-1] for mark in text)
    return text + "\n"
