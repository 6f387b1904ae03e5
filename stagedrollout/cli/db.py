"""`db`: look after the database: check it, bring it up to date, copy it, put a copy back, go on after that, and let go of
what is over.

A database server has its own tools for copies: what is to be typed there instead is said.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stagedrollout.cli.db_prune import kept_for
from stagedrollout.cli.options import config_option, json_option
from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.group(help="Look after the database: check, upgrade, backup, restore, prune.")
def db() -> None:
    pass


@db.command(
    "check", help="Tell whether the database is whole, its journal as it was written, and the newest one."
)
@config_option
@json_option
def check_database(config: Path, *, as_json: bool) -> None:
    """Reads only; works with a daemon and without. Exit code 1 if anything is wrong."""
    from stagedrollout.cli.db_check import findings  # noqa: PLC0415

    found = findings(_url(config))
    sound = all(finding.well for finding in found)
    if as_json:
        rows = [{"about": each.about, "ok": each.well, "said": each.said} for each in found]
        click.echo(json.dumps({"sound": sound, "findings": rows}, indent=2))
    else:
        for each in found:
            click.echo(f"{'ok' if each.well else 'NO'}  {each.about}: {one_line(each.said)}")
    sys.exit(0 if sound else 1)


@db.command("upgrade", help="Bring the database up to date, after a backup. No daemon may run.")
@click.option(
    "--as",
    "owner",
    default="",
    metavar="ROLE",
    help="PostgreSQL: the role that owns the tables; its password is PGPASSWORD's or PGPASSFILE's.",
)
@click.option(
    "--grant", is_flag=True, help="With --as: grant the configuration's role what the daemon needs, no more."
)
@config_option
def upgrade_database(config: Path, owner: str, *, grant: bool) -> None:
    from stagedrollout.http.database import SQLITE  # noqa: PLC0415
    from stagedrollout.storage.backup import back_up, schema_of  # noqa: PLC0415
    from stagedrollout.storage.engine import open_existing  # noqa: PLC0415
    from stagedrollout.storage.migrate import HEAD, upgrade  # noqa: PLC0415

    url = _url(config)
    if not url.startswith(SQLITE):
        from stagedrollout.cli.db_server import upgrade_server  # noqa: PLC0415

        upgrade_server(url, owner, grant=grant)
        return
    if owner or grant:
        raise click.UsageError("--as and --grant are for PostgreSQL: a file has no roles")
    database = _database(config)
    with _alone(database):
        engine = open_existing(f"sqlite:///{database}")
        found = schema_of(engine)
        if found == HEAD:
            click.echo(f"{database} is up to date (schema {HEAD})")
            return
        copy = database.with_name(f"{database.name}.schema-{found}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        back_up(database, copy)
        click.echo(f"backup before it: {copy}")
        upgrade(engine)
    click.echo(f"{database} is up to date (schema {found} -> {HEAD})")


@db.command(
    "backup", help="Copy the database into a new file, also while the daemon runs, and verify the copy."
)
@click.argument("target", type=click.Path(path_type=Path))
@config_option
@json_option
def backup(target: Path, config: Path, *, as_json: bool) -> None:
    from stagedrollout.storage.backup import back_up  # noqa: PLC0415

    proof = back_up(_database(config, copies="pg_dump", target=str(target)), target.absolute())
    size = target.stat().st_size
    if as_json:
        told = {"backup": str(target), "bytes": size, "entries": proof.entries, "head": proof.head}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{target}: {size:,} bytes, {proof.entries} entries of the journal, read again and as written")
    click.echo(f"{proof.head}  the whole journal")


@db.command("restore", help="Put a backup in the place of the database, which is kept. No daemon may run.")
@click.argument("source", type=click.Path(path_type=Path))
@config_option
def restore_database(source: Path, config: Path) -> None:
    from stagedrollout.storage.backup import restore  # noqa: PLC0415
    from stagedrollout.storage.engine import open_readonly  # noqa: PLC0415
    from stagedrollout.storage.highwater import doubt_of  # noqa: PLC0415

    database = _database(config, copies="pg_restore", target=str(source))
    with _alone(database):
        proof, kept = restore(source.absolute(), database, datetime.now(UTC))
        click.echo(f"{database} is {source} now ({proof.entries} entries of the journal)")
        if kept:
            click.echo(f"what was there is kept: {kept}")
        doubt = doubt_of(open_readonly(f"sqlite:///{database}"))
    if doubt:
        click.echo(f"NOTHING IS RAISED from here on, halts go on: {one_line(doubt.words)}")
    else:
        click.echo("nothing of the journal is missing: the daemon goes on as before")


@db.command("accept", help="Go on with a journal that lacks its end: raises are allowed again.")
@click.option("--reason", required=True, help="Why; it stands in the journal and in Slack.")
@config_option
def accept_journal(reason: str, config: Path) -> None:
    """Works with a daemon and without. What the store shows is the floor from then on."""
    from stagedrollout.cli.ordering import acting_user  # noqa: PLC0415
    from stagedrollout.core.model import Actor, ActorKind  # noqa: PLC0415
    from stagedrollout.daemon.accepting import accept  # noqa: PLC0415
    from stagedrollout.storage.engine import open_existing  # noqa: PLC0415
    from stagedrollout.storage.migrate import check  # noqa: PLC0415

    engine = open_existing(_url(config))
    check(engine)
    done = accept(engine, Actor(ActorKind.HUMAN, acting_user()), reason, datetime.now(UTC))
    if done is None:
        click.echo("there is nothing to accept: the journal is the newest one")
        sys.exit(1)
    click.echo(f"lost: {one_line(done.lost)}")
    click.echo(
        "lost with it: every hold, order, halt and decision since; look at each release before you go on"
    )
    for key in done.rollouts:
        click.echo(f"{one_line(str(key))}: what the store shows is the floor from here on")
    for problem in done.problems:
        click.echo(f"not in its journal: {one_line(problem)}")
    click.echo("raises are allowed again")


@db.command(
    "prune",
    help="Retire rollouts that were over for long: archive each whole, then take it out of the database. Also while a daemon"
    " runs.",
)
@click.option(
    "--keep",
    default="",
    callback=kept_for,
    metavar="SPAN",
    help="Retire what was over for longer than this, 90d at least. Default: `retention` of the configuration.",
)
@click.option(
    "--as",
    "owner",
    default="",
    metavar="ROLE",
    help="PostgreSQL: the role that owns the tables; its password is PGPASSWORD's or PGPASSFILE's.",
)
@click.option(
    "--archive",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the archives. Default: beside the database, or in the state folder.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be retired.")
@config_option
@json_option
def prune(config: Path, **asked: Any) -> None:
    from stagedrollout.cli.db_prune import prune_database  # noqa: PLC0415

    prune_database(config, _url(config), asked)


@db.command("roles", help="Print the SQL for PostgreSQL by which the daemon can only add to the journal.")
@click.option("--owner", default="stagedrollout_owner", show_default=True, help="Owns the tables.")
@config_option
def roles(config: Path, owner: str) -> None:
    from stagedrollout.cli.db_server import print_roles  # noqa: PLC0415

    print_roles(_url(config), owner)


def _url(config: Path) -> str:
    """Raises WrongConfiguration."""
    from stagedrollout.config.database import database_url  # noqa: PLC0415

    return database_url(config)


def _database(config: Path, *, copies: str = "", target: str = "") -> Path:
    """The file. Raises WrongConfiguration; StorageError for a server, with what to type instead."""
    from stagedrollout.http.database import SQLITE  # noqa: PLC0415

    url = _url(config)
    if not url.startswith(SQLITE):
        from stagedrollout.cli.db_server import its_own_tool  # noqa: PLC0415

        raise its_own_tool(url, copies, target)
    return Path(url.removeprefix(SQLITE))


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """While no daemon runs, and none can be started. Raises StorageError naming the one that does."""
    from stagedrollout.core.errors import StorageError  # noqa: PLC0415
    from stagedrollout.storage.lock import SingleDaemonLock  # noqa: PLC0415

    if not database.parent.is_dir():
        raise StorageError(f"there is no folder {database.parent}")
    with SingleDaemonLock.beside(database):
        yield
