"""What tells the replicas on one server apart: the place of each."""

from __future__ import annotations

import pytest

from stagedrollout.storage.engine import beside_database
from stagedrollout.storage.lock import SingleDaemonLock

pytestmark = pytest.mark.promise("R14")


def test_a_lock_file_keeps_what_tells_it_from_others(engine, tmp_path):
    path = beside_database(engine)
    assert path is not None
    with SingleDaemonLock.beside(path) as first:
        assert len(first.place) == 16
    with SingleDaemonLock.beside(path) as second:
        assert second.place == first.place
    with SingleDaemonLock.beside(tmp_path / "another") as other:
        assert other.place != first.place
