"""A database that could only be read for a while is written again, by whoever had it open all the time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.storage.engine import Engine, open_engine, reading
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from tests.processes.disks import read_only
from tests.storage.rows import NOW

pytestmark = pytest.mark.promise("R18")

_KEEPS_OPEN = (
    "import sqlite3, sys\nkept = sqlite3.connect(sys.argv[1])\nkept.execute('select * from replica').fetchall()\n"
    "print('open', flush=True)\nsys.stdin.read()"
)


@contextmanager
def _another_process_has_open(path: Path) -> Iterator[None]:
    """So that the log and its index stay in the folder while nobody here has them open."""
    with subprocess.Popen(
        (sys.executable, "-c", _KEEPS_OPEN, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("readers", [1, 3])
def test_what_looked_while_nothing_could_be_written_does_not_keep_anything_from_being_written_later(readers):
    """SQLite gives every connection of a process the mapping that the first one got: writable or not."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder) / "state.db"
        engine = open_engine(f"sqlite:///{path}")
        upgrade(engine)
        with _another_process_has_open(path):
            engine.dispose()
            with read_only(path):
                _look(engine, readers)
                with pytest.raises(StorageError, match="readonly"):
                    Presence(engine).claim("host/1", NOW, {})
                _look(engine, readers)
            wrote = [_writes_beside_a_reader(engine) for _ in range(3)]
        assert wrote[-1], "as if the disk were still read-only"
        engine.dispose()


def _writes_beside_a_reader(engine: Engine) -> bool:
    try:
        with reading(engine) as beside:
            beside.exec_driver_sql("select * from replica").all()
            Presence(engine).claim("host/1", NOW, {})
            return True
    except StorageError:
        return False


def _look(engine: Engine, readers: int) -> None:
    with ExitStack() as stack:
        for _ in range(readers):
            stack.enter_context(reading(engine)).exec_driver_sql("select * from replica").all()
