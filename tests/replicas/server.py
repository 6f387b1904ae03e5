"""A PostgreSQL server of a story's own, which may be ended and started again in the middle of it."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.roles import roles_sql
from tests.postgres import binaries
from tests.postgres.cluster import OWNER, Cluster
from tests.postgres.fixtures import ASKED, PASSWORD
from tests.postgres.shared import Shared

DATABASE = "rollouts"

_ONE_AT_A_TIME = Lock()
"""Alembic keeps what it works on in a module."""


class Server:
    """Its tables are made, and the daemons' role can only add to the journal."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._shared = Shared(cluster.port)

    @property
    def port(self) -> int:
        return self._cluster.port

    @property
    def owners_url(self) -> str:
        """For whoever looks on."""
        return self._shared.url(DATABASE)

    def url(self, port: int) -> str:
        """For a daemon, whose way leads over `port`."""
        return f"postgresql://{ASKED}@127.0.0.1:{port}/{DATABASE}"

    def prepares(self) -> None:
        self._shared.runs(f"create database {DATABASE}", f"create role {ASKED} login password '{PASSWORD}'")
        engine = open_engine(self.owners_url)
        with _ONE_AT_A_TIME:
            upgrade(engine)
        engine.dispose()
        _, after = roles_sql(owner=OWNER, daemon=ASKED, database=DATABASE)
        self._shared.runs("revoke create on schema public from public", after, database=DATABASE)

    def ends_connections(self) -> None:
        """As an administrator does, one by one."""
        self._shared.runs(f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{ASKED}'")

    def stops(self, *, crashes: bool) -> None:
        self._cluster.stop(signal.SIGQUIT if crashes else signal.SIGINT)

    def starts(self) -> None:
        self._cluster.start()


@contextmanager
def opened() -> Iterator[Server]:
    """Raises binaries.NoServer."""
    with bare() as cluster:
        server = Server(cluster)
        server.prepares()
        yield server


@contextmanager
def bare(password: str = "") -> Iterator[Cluster]:
    """A server without anything in it; with a password everybody is asked for one, and its owner has that. Raises
    binaries.NoServer."""
    room = Path(tempfile.mkdtemp(prefix="srpg-own-", dir="/tmp"))
    room.chmod(0o711)
    home = room / "server"
    home.mkdir(mode=0o700)
    cluster = Cluster(home, binaries.folder(), leashed=True)
    try:
        cluster.make()
        cluster.start()
        if password:
            _asks(cluster, password)
        yield cluster
    finally:
        cluster.remove()
        shutil.rmtree(room, ignore_errors=True)


def _asks(cluster: Cluster, password: str) -> None:
    (cluster.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n", "utf-8")
    Shared(cluster.port).runs(f"alter role {OWNER} password '{password}'", "select pg_reload_conf()")
