"""Which configuration it is: every byte of it and of the team's policies, and nothing else."""

from __future__ import annotations

import pytest

from stagedrollout.config.fingerprint import UNREAD, fingerprint


@pytest.fixture
def files(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "stagedrollout.yaml").write_text("poll: 15m\n")
    (tmp_path / "policies" / "team.yaml").write_text("stages: []\n")
    return tmp_path


def _of(files):
    return fingerprint(files / "stagedrollout.yaml", [files / "policies"])


def test_the_same_files_have_the_same_wherever_they_are(files, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "policies").mkdir()
    for name in ("stagedrollout.yaml", "policies/team.yaml"):
        (other / name).write_bytes((files / name).read_bytes())
    assert _of(files) == _of(other) != UNREAD


@pytest.mark.parametrize("name", ["stagedrollout.yaml", "policies/team.yaml", "policies/another.yaml"])
def test_one_more_byte_in_any_of_them_shows(files, name):
    before = _of(files)
    with (files / name).open("a") as file:
        file.write("#")
    assert _of(files) != before


def test_what_moves_from_one_file_to_the_next_shows(files):
    before = _of(files)
    (files / "policies" / "team.yaml").write_text("")
    (files / "stagedrollout.yaml").write_text("poll: 15m\nstages: []\n")
    assert _of(files) != before


def test_secrets_and_notes_beside_them_are_no_part_of_it(files):
    before = _of(files)
    (files / "secret").write_text("x")
    (files / "policies" / "README.md").write_text("x")
    assert _of(files) == before


def test_what_cannot_be_read_has_none(files):
    (files / "policies" / "gone.yaml").symlink_to("nowhere")
    assert _of(files) == UNREAD
    assert fingerprint(files / "nowhere.yaml", []) == UNREAD
