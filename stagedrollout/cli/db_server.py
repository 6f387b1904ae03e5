"""`db` where the database is a server: PostgreSQL has its own tools for copies, and roles of its own."""

from __future__ import annotations

import shlex
from contextlib import ExitStack

import click

from stagedrollout.core.errors import StorageError
from stagedrollout.http.database import Server, as_user, server_of


def its_own_tool(url: str, tool: str, file: str) -> StorageError:
    """What to type instead, to be raised."""
    address, path = shlex.quote(_server(url).address), shlex.quote(file)
    if tool == "pg_dump":
        said = f"pg_dump --format=custom --file={path} {address}"
    else:
        said = (
            f"stop the daemon, then pg_restore --clean --if-exists --single-transaction --dbname={address} {path};"
            " the high-water file tells the daemon afterwards what is missing, and `stagedrollout db accept` goes on without it"
        )
    return StorageError(f"the database is a server, which has its own tool for this: {said}")


def upgrade_server(url: str, owner: str) -> None:
    """As `owner`, where one is named. Replicas may run meanwhile: those of another version raise nothing until they are
    replaced. Raises StorageError."""
    from stagedrollout.storage.engine import open_engine  # noqa: PLC0415
    from stagedrollout.storage.migrate import HEAD, revision, upgrade  # noqa: PLC0415

    shown = _server(url).shown
    with ExitStack() as stack:
        engine = open_engine(as_user(url, owner) if owner else url)
        stack.callback(engine.dispose)
        found = revision(engine)
        if found == HEAD:
            click.echo(f"{shown} is up to date (schema {HEAD})")
            return
        upgrade(engine)
    click.echo(f"{shown} is up to date (schema {found or 'none'} -> {HEAD})")
    if owner:
        click.echo(
            "new tables are not granted to the daemon's role yet: `stagedrollout db roles` prints the SQL"
        )


def print_roles(url: str, owner: str) -> None:
    """Raises StorageError."""
    from stagedrollout.http.database import SERVER  # noqa: PLC0415
    from stagedrollout.storage.roles import roles_sql  # noqa: PLC0415

    if not url.startswith(SERVER):
        raise StorageError("a file has no roles: this is for `database: postgresql://...`")
    server = _server(url)
    before, after = roles_sql(owner=owner, daemon=server.user, database=server.name)
    click.echo("-- 1. As a superuser, in psql, once:")
    click.echo(before)
    click.echo(f"-- 2. At a shell: stagedrollout db upgrade --as {owner}")
    click.echo(
        f"-- 3. As {owner}, in the database {server.name}; again after each upgrade that changes the schema:"
    )
    click.echo(after, nl=False)


def _server(url: str) -> Server:
    server = server_of(url)
    if server is None:
        raise StorageError(
            "the database URL cannot be read; one is written like postgresql://USER@HOST/DATABASE"
        )
    return server
