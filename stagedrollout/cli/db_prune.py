"""`db prune`: retire what is over from the database, each rollout whole, with an archive of it."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration, duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stagedrollout.core.model import RolloutKey
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.retired import Retired

PAUSE_SECONDS = 0.02
"""Between two rollouts, so that whoever waits to write, above all a halt, comes before the next one."""

KEEP_MIN, KEEP_MAX = timedelta(days=90), timedelta(days=3650)
"""As `retention` in the configuration has them."""


def kept_for(_context: click.Context, _option: click.Parameter, written: str) -> timedelta | None:
    if not written:
        return None
    try:
        found = duration(written)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not KEEP_MIN <= found <= KEEP_MAX:
        bounds = f"from {duration_text(KEEP_MIN)} to {duration_text(KEEP_MAX)}"
        raise click.BadParameter(f"write a duration {bounds}")
    return found


def prune_database(config: Path, url: str, asked: dict[str, Any]) -> None:
    """`asked`: the command's options. Raises StorageError, WrongConfiguration."""
    from stagedrollout.cli.ordering import acting_user  # noqa: PLC0415
    from stagedrollout.daemon.pruning import plan  # noqa: PLC0415

    keep = asked["keep"] if asked["keep"] is not None else _retention(config)
    now = datetime.now(UTC)
    with ExitStack() as stack:
        engine = _opened(url, asked["owner"], stack)
        folder = _folder(engine, asked["archive"])
        found = plan(engine, keep, now)
        done: list[Retired] = []
        problems = list(found.problems)
        for each in () if asked["dry_run"] else _each(engine, found.meant, folder, acting_user()):
            if isinstance(each, str):
                problems.append(each)
            else:
                done.append(each)
    told = {
        "before": (now - keep).isoformat(),
        "archive": str(folder),
        "meant": [str(key) for key in found.meant],
        "retired": [
            {"rollout": each.rollout, "entries": each.entries, "head": each.head, "archive": each.archive}
            for each in done
        ],
        "kept": dict(found.kept),
        "problems": problems,
    }
    if asked["as_json"]:
        click.echo(json.dumps(told, indent=2))
    else:
        _say(told, dry=asked["dry_run"])
    sys.exit(1 if problems else 0)


def _each(engine: Engine, keys: tuple[RolloutKey, ...], folder: Path, who: str) -> Iterator[Retired | str]:
    """Each that left; words for one that did not."""
    from stagedrollout.storage.retired import retire  # noqa: PLC0415

    for key in keys:
        try:
            yield retire(engine, key, folder, datetime.now(UTC), who)
        except (StorageError, StaleJournal) as error:
            yield f"{key}: {error}"
        time.sleep(PAUSE_SECONDS)


def _opened(url: str, owner: str, stack: ExitStack) -> Engine:
    from stagedrollout.http.database import SQLITE, as_user  # noqa: PLC0415
    from stagedrollout.storage.engine import is_server, open_existing, reading  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415
    from stagedrollout.storage.roles import may_rewrite  # noqa: PLC0415

    if owner and url.startswith(SQLITE):
        raise click.UsageError("--as is for PostgreSQL: a file has no roles")
    engine = open_existing(as_user(url, owner) if owner else url)
    stack.callback(engine.dispose)
    check(engine)
    if is_server(engine):
        with reading(engine) as connection:
            allowed = may_rewrite(connection)
        if not allowed:
            raise StorageError(
                "this role can delete nothing of the journal, as it should be: --as names the one that owns the tables"
            )
    return engine


def _folder(engine: Engine, named: Path | None) -> Path:
    from stagedrollout.storage.archive import folder_beside  # noqa: PLC0415
    from stagedrollout.storage.engine import beside_database  # noqa: PLC0415

    if named is not None:
        return named.absolute()
    database = beside_database(engine)
    if database is None:
        raise click.UsageError("--archive names the folder that the archives are kept in")
    return folder_beside(database)


def _retention(config: Path) -> timedelta:
    from stagedrollout.config.load import load  # noqa: PLC0415

    return load(config, environ=os.environ).settings.retention


def _say(told: dict[str, Any], *, dry: bool) -> None:
    day = told["before"][:10]
    for row in told["retired"]:
        click.echo(f"{one_line(row['rollout'])}: {row['entries']} entries, now in {one_line(row['archive'])}")
    for name in told["meant"] if dry else ():
        click.echo(f"{one_line(name)}: would be retired")
    for why, count in sorted(told["kept"].items()):
        click.echo(f"kept, though nothing was written of it since {day}: {count}, because {why}")
    for problem in told["problems"]:
        click.echo(f"NOT RETIRED: {one_line(problem)}")
    count = len(told["meant"] if dry else told["retired"])
    what = "1 rollout" if count == 1 else f"{count} rollouts"
    click.echo(f"{what} {'would be ' if dry else ''}retired, over since before {day}")
