"""Files that others can read are found and closed; folders and other people's files are only told about."""

from __future__ import annotations

import os

import pytest

from stagedrollout.storage.private import loose, tighten

pytestmark = pytest.mark.promise("R24")


@pytest.fixture
def state(tmp_path):
    for name in ("x.db", "x.db-wal", "x.db.lock", "x.db.spool", "beat", "unrelated"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    tmp_path.chmod(0o700)
    return tmp_path


def found(state):
    return loose(f"sqlite:///{state / 'x.db'}", state / "beat")


def test_all_that_belongs_to_the_database_is_closed_and_nothing_else(state):
    names = [each.path.name for each in found(state)]
    assert names == ["x.db", "x.db-wal", "x.db.lock", "x.db.spool", "beat"]
    tighten(found(state))
    assert not found(state)
    assert (state / "unrelated").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_others_write_into_is_told_and_left_alone(state, caplog):
    tighten(found(state))
    state.chmod(0o770)
    (folder,) = found(state)
    assert folder.wrong == f"others can put files of their own into {state} (mode 0770)"
    tighten([folder])
    assert f"chmod 700 {state}" in caplog.text
    assert state.stat().st_mode & 0o777 == 0o770


def test_a_file_of_another_user_is_told_and_left_alone(state, monkeypatch, caplog):
    monkeypatch.setattr(os, "geteuid", lambda: state.stat().st_uid + 1)
    tighten(found(state))
    assert "belongs to another user" in caplog.text
    assert found(state)


def test_a_link_is_not_followed(state, tmp_path):
    (state / "x.db.link").symlink_to(state / "unrelated")
    assert "x.db.link" not in [each.path.name for each in found(state)]


def test_what_is_not_there_yet_is_not_loose(tmp_path):
    assert loose(f"sqlite:///{tmp_path / 'no' / 'x.db'}", tmp_path / "none") == []
    assert loose("postgresql://server/x") == []
