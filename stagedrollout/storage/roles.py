"""What a daemon's role of PostgreSQL may do, as SQL for whoever administers the server (promise S9).

Two roles: one owns the tables, changes the schema and retires what is over (retired.py), the other is the daemon's. The daemon's may add to the journal and to
the ledger, and read them, and can change or delete nothing of either, whatever becomes of the daemon.
"""

from __future__ import annotations

import re

from sqlalchemy import func, select, text

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.engine import Connection, Engine, writing
from stagedrollout.storage.migrate import VERSION
from stagedrollout.storage.numbers import head
from stagedrollout.storage.schema import buckets, events, metadata, retired

ONLY_GROWS = (events.name, buckets.name)
ONLY_READ = (retired.name,)
"""What has left the database: who may delete nothing of the journal may not say so either."""

CHANGES = (
    *sorted({table.name for table in metadata.sorted_tables} - {*ONLY_GROWS, *ONLY_READ}),
    head.name,
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)


def roles_sql(*, owner: str, daemon: str, database: str) -> tuple[str, str]:
    """What to run before the tables are made, and what after each change of the schema. Raises StorageError for names that
    would have to be quoted."""
    for name in (owner, daemon, database):
        if not _NAME.fullmatch(name):
            raise StorageError(f"{name!r:.80} is no plain name: write small letters, digits and _")
    before = f"""\
CREATE ROLE {owner} LOGIN;   -- changes the schema, in `stagedrollout db upgrade --as {owner}`; no daemon uses it
CREATE ROLE {daemon} LOGIN;  -- the daemon and the command line
-- \\password {owner}
-- \\password {daemon}
CREATE DATABASE {database} OWNER {owner};
\\connect {database}
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
"""
    after = f"""\
GRANT CONNECT ON DATABASE {database} TO {daemon};
GRANT USAGE ON SCHEMA public TO {daemon};
GRANT SELECT, INSERT ON {", ".join(ONLY_GROWS)} TO {daemon};
GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGES)} TO {daemon};
GRANT SELECT ON {", ".join((*ONLY_READ, VERSION))} TO {daemon};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {daemon};
"""
    return before, after


def grant(engine: Engine, *, owner: str, daemon: str, database: str) -> None:
    """Run what is to be run after a change of the schema. `engine`: the owner's. Raises StorageError."""
    _, after = roles_sql(owner=owner, daemon=daemon, database=database)
    with writing(engine) as connection:
        for statement in filter(None, map(str.strip, after.split(";"))):
            connection.execute(text(statement))


def may_rewrite(connection: Connection) -> bool:
    """Whether the role of this connection could change or delete what is recorded."""
    asked = [
        func.has_table_privilege(name, privilege)
        for name in ONLY_GROWS
        for privilege in ("UPDATE", "DELETE", "TRUNCATE")
    ]
    return any(connection.execute(select(*asked)).one())


def serving(connection: Connection) -> dict[str, str]:
    """What the server says of itself: its version, whether it is a standby, and what a commit is worth."""
    asked = [
        func.current_setting(name).label(name) for name in ("server_version", "fsync", "full_page_writes")
    ]
    row = connection.execute(select(*asked, func.pg_is_in_recovery().label("standby"))).one()
    return {
        "server_version": row.server_version,
        "fsync": row.fsync,
        "full_page_writes": row.full_page_writes,
        "standby": "true" if row.standby else "false",
    }
