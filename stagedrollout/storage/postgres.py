"""PostgreSQL: how it is connected to, how a transaction begins, how long anything may take, and what its errors mean. Its
twin is sqlite.py.

- No wait is without a bound. The server ends what waits for a lock or works for too long, and a transaction that is left
  open. But a network that is cut, or something in between that swallows what it is sent, cannot be ended by the server, so
  every round trip has its time here as well; what takes longer loses its connection.
- The bounds are said within each transaction (SET LOCAL), in the same round trip in which it begins: behind a pooler a
  connection is lent from transaction to transaction, and whatever is set for longer would be another one's. For the same
  reason there are no prepared statements, and no locks that outlive a transaction.
- Every statement waits for its answer. What a driver sends ahead of that (psycopg does it for many rows at once) leaves a
  transaction in which the server waits, as it takes it, for the rest: it ends none such whose process has stopped, and whoever
  wants the same rows waits for as long as that is stopped. Many rows go in one statement, or in one after the other.
- A commit is on the disk when it returns, also where the server is set up to let it return before.
- Passwords are read when a connection is made, and never before: one that is changed is used without a restart.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Engine, PoolProxiedConnection, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from stagedrollout.core.errors import StorageError
from stagedrollout.http.database import Server, beside
from stagedrollout.http.held import HELD
from stagedrollout.http.secrets import SecretRef, Unusable, read_secret
from stagedrollout.storage.access import CONNECTIONS_KEPT, CONNECTIONS_MAX, only_reads

if TYPE_CHECKING:
    import psycopg

_DRIVER = "postgresql+ours"
_BESIDE = "beside"

EXTRA = "PostgreSQL needs psycopg, which is not installed: pip install 'stagedrollout[postgres]'"

CONNECT_SECONDS = 5
"""For each host that the address names."""

STATEMENT_SECONDS = 10.0
"""Statements take milliseconds, a whole journal's verification seconds: more is a fault to report."""

ANSWER_SECONDS = 15.0
"""A round trip: longer than the server lets anything take, for it tells more of what was wrong."""

LEFT_OPEN_SECONDS = 15.0
"""The server ends a transaction whose process is gone or stopped, and with it its locks: at most after so long, and sooner where
leases are short, for nobody takes over what it has locked."""

LEFT_OPEN = "left_open_seconds"
"""What an engine says of that."""

_KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}

_COMPILED: dict[Any, Any] = {}
"""As in sqlite.py: by statement."""

T = TypeVar("T")


def open_server(
    server: Server, url: str, busy_seconds: float, *, may_write: bool, left_open_seconds: float | None = None
) -> Engine:
    """Connects at the first transaction, not here. Raises StorageError where the driver is missing."""
    left_open = min(LEFT_OPEN_SECONDS, left_open_seconds or LEFT_OPEN_SECONDS)
    try:
        from stagedrollout.storage.bounded import connected  # noqa: PLC0415 - the driver is an extra
    except ImportError:
        raise StorageError(EXTRA) from None

    def connect() -> psycopg.Connection[Any]:
        password = _password(server)
        more = {"password": password} if password else {}
        return connected(
            server.address,
            answer_seconds=ANSWER_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            tcp_user_timeout=int(ANSWER_SECONDS * 1000),
            application_name="stagedrollout",
            **_KEEPALIVE,
            **more,
        )

    return create_engine(
        URL.create(_DRIVER, username=server.user, database=server.name, query={_BESIDE: beside(url)}),
        creator=connect,
        execution_options={"compiled_cache": _COMPILED, LEFT_OPEN: left_open},
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS_KEPT,
        pool_timeout=busy_seconds,
        hide_parameters=True,
        use_native_hstore=False,  # it would ask the server for a type that nobody uses
        opening=(
            _opening(busy_seconds, left_open, may_write=may_write),
            _opening(busy_seconds, left_open, may_write=False),
        ),
    )


def beside_of(url: URL) -> Path | None:
    """The name that begins every file of the server's state folder; None where no folder was named."""
    found = url.query.get(_BESIDE)
    return Path(found) if isinstance(found, str) and found else None


def _password(server: Server) -> str:
    kind, name = server.password
    if not kind:
        return ""
    found = read_secret(SecretRef(**{kind: name}), Path("/"), environ=os.environ)
    if isinstance(found, Unusable):
        raise StorageError(f"the database cannot be opened: {found.wrong}; {found.right}")
    return found.reveal()


def _opening(busy_seconds: float, left_open: float, *, may_write: bool) -> bytes:
    """How a transaction begins, in one round trip. A reading one sees one state of the database from its first statement
    on; in a writing one each statement sees what was committed before it, once it has the lock that it waits for."""
    begin = "BEGIN" if may_write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    bounds = {
        "lock_timeout": busy_seconds,
        "statement_timeout": max(STATEMENT_SECONDS, busy_seconds),
        "idle_in_transaction_session_timeout": left_open,
    }
    said = [f"SET LOCAL {name} = {max(1, int(seconds * 1000))}" for name, seconds in bounds.items()]
    durable = (
        "SELECT set_config('synchronous_commit', 'on', true)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
    return "; ".join([begin, *said, *([durable] if may_write else [])]).encode()


class OnePostgres(PGDialect_psycopg):
    """`opening`: how a writing transaction begins, and how a reading one does."""

    supports_statement_cache = True
    use_insertmanyvalues_wo_returning = True

    def __init__(self, opening: tuple[bytes, bytes] = (b"BEGIN", b"BEGIN"), **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._writes, self._reads = opening

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        driver: Any = dbapi_connection.driver_connection
        driver.execute(self._reads if only_reads(dbapi_connection) else self._writes)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:  # noqa: ARG002
        for each in parameters:
            cursor.execute(statement, each)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


registry.register("postgresql.ours", __name__, OnePostgres.__name__)

_BY_STATE = {
    "55P03": "another writer holds it for longer than it should: locked",
    "57014": "it took longer than it may",
    "25006": "it takes no writes: it is a standby, or was opened to be read only",
    "42501": "`stagedrollout db roles` prints what this role has to be granted, `db upgrade --as OWNER` changes the schema",
    "53300": "raise max_connections, or let fewer processes use it",
    "42P01": "`stagedrollout run` or `stagedrollout db upgrade` makes its tables",
}
_BY_WORDS = (
    (re.compile(r"password authentication failed|no password supplied|SCRAM|authentication failed", re.IGNORECASE),
     "look at `database_password`, or at PGPASSWORD and PGPASSFILE, and at the server's pg_hba.conf"),
    (re.compile(r"role .* does not exist", re.IGNORECASE), "`stagedrollout db roles` prints how the role is made"),
    (re.compile(r"database .* does not exist", re.IGNORECASE), "createdb makes it, or `database` names another one"),
    (re.compile(r"no pg_hba.conf entry", re.IGNORECASE), "the server lets this user in from nowhere here: see its pg_hba.conf"),
    (re.compile(r"Connection refused|No such file or directory|timeout expired|could not translate host"
                r"|Name or service not known|Temporary failure|No route|unreachable", re.IGNORECASE),
     "is the server running, and may this machine reach it?"),
)  # fmt: skip


def said(error: BaseException) -> str:
    """An error of the driver in one line, with what may be done about it. Never a password."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    # The first line only, for the second one repeats the row that was to be written; of several hosts there is one for each.
    hosts = [line.rpartition("connection failed: ")[2] for line in lines if line.startswith("- host:")]
    first = "; ".join(hosts) or lines[0]
    state = str(getattr(error, "sqlstate", None) or "")
    cure = _BY_STATE.get(state) or next((words for form, words in _BY_WORDS if form.search(first)), "")
    return HELD.text(f"{first}{'; ' if cure else ''}{cure}")


def within(generator: Generator[T, Any, Any], seconds: float, late: BaseException) -> Generator[T, Any, Any]:
    """The same conversation with the server; `late` is raised once it has not come to its end for so long."""
    ends = time.monotonic() + seconds
    try:
        wanted = next(generator)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > ends:
                raise late
            wanted = generator.send(ready)
    except StopIteration as end:
        return end.value
