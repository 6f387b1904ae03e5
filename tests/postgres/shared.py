"""One server for all workers of a run, started by the first that asks; for each test a database of its own, copied from one
that is migrated once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.postgres import binaries
from tests.postgres.cluster import OWNER, START_SECONDS

TEMPLATE = "migrated"
_PREFIX = "srpg-"
_ROOT = Path(__file__).resolve().parents[2]
_OLD_SECONDS = 3600
_PATH_MAX = 60
"""Of a socket's path the system takes about a hundred characters."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A server that other tests use as well: databases and roles get names of their own."""

    port: int

    def url(self, database: str, user: str = OWNER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def runs(
        self, *statements: str, database: str = "postgres", user: str = OWNER
    ) -> list[tuple[object, ...]]:
        """By the server's owner, each in a transaction of its own; the rows of the last one that has any."""
        import psycopg  # noqa: PLC0415 - where there is no server there need be no driver

        with psycopg.connect(self.url(database, user), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """Its name; it is gone afterwards, whoever still uses it."""
        name = f"t_{uuid4().hex[:16]}"
        ((version,),) = self.runs("show server_version_num")
        quick = " strategy file_copy" if int(str(version)) >= 150_000 else ""  # older ones do so anyway
        self.runs(f"create database {name} template {template}{quick}")
        try:
            yield name
        finally:
            self.runs(f"drop database if exists {name} with (force)")


def room() -> Path:
    """The folder of this run: its workers know the run's id, and alone there is one worker."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    temporary = tempfile.gettempdir()
    return Path(temporary if len(temporary) < _PATH_MAX else "/tmp") / f"{_PREFIX}{run[:20]}"


@contextmanager
def shared(migrated: bool = True) -> Iterator[Shared]:
    """Raises binaries.NoServer."""
    programs, here = binaries.folder(), room()
    _sweep(here.parent)
    with ExitStack() as stack:
        while not _entered(here, stack):
            pass
        with (here / "starting").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            server = Shared(_port(here) or _started(here, programs))
            if migrated:
                _migrated_once(server)
        yield server


def _entered(here: Path, stack: ExitStack) -> bool:
    """Whether this process is one of the server's users now; not where a guard that leaves has taken the folder away."""
    here.mkdir(mode=0o711, exist_ok=True)
    here.chmod(0o711)
    path = here / "users"
    with suppress(FileNotFoundError):
        users = stack.enter_context(path.open("a"))
        fcntl.flock(users, fcntl.LOCK_SH)
        return path.stat().st_ino == os.fstat(users.fileno()).st_ino
    return False


def _port(here: Path) -> int:
    with suppress(OSError):
        return int((here / "port").read_text())
    return 0


def _started(here: Path, programs: Path) -> int:
    (here / "problem").unlink(missing_ok=True)
    with (here / "guard.log").open("ab") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.guard", str(here), str(programs)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=False,
        )
    ends = time.monotonic() + START_SECONDS
    while not (port := _port(here)):
        if guard.poll() is not None or time.monotonic() > ends:
            raise RuntimeError(f"PostgreSQL does not start: {(here / 'guard.log').read_text()[-3000:]}")
        time.sleep(0.02)
    guard.returncode = 0  # it outlives whoever started it, and is asked for nothing more
    return port


def _migrated_once(server: Shared) -> None:
    if server.runs(f"select 1 from pg_database where datname = '{TEMPLATE}'"):
        return
    from stagedrollout.storage.engine import open_engine  # noqa: PLC0415
    from stagedrollout.storage.migrate import upgrade  # noqa: PLC0415

    server.runs("create database growing")
    engine = open_engine(server.url("growing"))
    upgrade(engine)
    engine.dispose()
    server.runs(f"alter database growing rename to {TEMPLATE}")


def _sweep(temporary: Path) -> None:
    """What runs left that were killed together with their guard."""
    for left in temporary.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD_SECONDS and not (left / "port").exists():
                shutil.rmtree(left, ignore_errors=True)
