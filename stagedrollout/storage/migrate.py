"""Brings the schema up to date, or says in words why this version cannot work with it.

Only the daemon migrates (`upgrade`, which needs Alembic). Everybody else asks `check`, which reads one row
and imports nothing more: `status` must stay fast.
"""

from __future__ import annotations

from sqlalchemy import column, func, inspect, select, table

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.engine import Connection, Engine, is_server, reading, writing

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0011", "0020", "0021", "0022", "0023")
"""Every step of the schema this version knows, in order (migrations/versions)."""

HEAD = REVISIONS[-1]

VERSION = "alembic_version"
_VERSION = table(VERSION, column("version_num"))
_ONE_AT_A_TIME = 0x53_54_52_4F
"""Of those who would change the schema of a server; it ends with the transaction."""
_NEWER = (
    "the database was made by a newer stagedrollout (schema {found}, this one knows {head}): "
    "install that version, or a newer one"
)


def upgrade(engine: Engine) -> None:
    """Make or complete the schema, in one transaction; nothing happens when it is current.

    Raises StorageError, also for a schema newer than this version: there is no way back.
    """
    if is_server(engine) and revision(engine) == HEAD:
        return  # the daemon's role need not be one that may change the schema
    with writing(engine) as connection:
        if is_server(engine):
            connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        found = _revision(connection)
        if found == HEAD:
            return
        if found is not None and found not in REVISIONS:
            raise StorageError(_NEWER.format(found=found, head=HEAD))
        _run_steps(connection)


def check(engine: Engine) -> None:
    """Raises StorageError in words unless the schema is exactly the one this version knows."""
    with reading(engine) as connection:
        found = _revision(connection)
    if found == HEAD:
        return
    if found is None:
        raise StorageError("the database is empty: `stagedrollout run` prepares it when it starts")
    if found in REVISIONS:
        raise StorageError(
            f"the database was made by an older stagedrollout (schema {found}, this one needs {HEAD}): "
            "run `stagedrollout db upgrade`, or `stagedrollout run`, which brings it up to date when it starts"
        )
    raise StorageError(_NEWER.format(found=found, head=HEAD))


def revision(engine: Engine) -> str | None:
    """The schema that a database has; None for an empty one. Raises StorageError."""
    with reading(engine) as connection:
        return _revision(connection)


def known(found: str | None) -> bool:
    """Whether this version can work with it, at once or after an upgrade."""
    return found in REVISIONS


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalar()
    return None if found is None else str(found)


def _run_steps(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and only needed for this
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "stagedrollout.storage:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StorageError(f"the database could not be brought up to date: {error}") from error
