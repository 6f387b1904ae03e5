"""What people leave beside the configuration is durable, private, and fails closed where it cannot be read."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.line import Line
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.model import Actor, ActorKind, CommandVerb, Store, StoreApp
from stagedrollout.storage.brakes import BrakesFolder, HaltMarker, beside

pytestmark = pytest.mark.promise("R12", "R18")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA = Actor(ActorKind.HUMAN, "anna")
ACME, OTHER = StoreApp("acme", Store.GOOGLE_PLAY), StoreApp("acme", Store.APP_STORE)


def marker(name: str = "1", at: datetime = NOON) -> HaltMarker:
    return HaltMarker(name, "acme", Store.GOOGLE_PLAY, "5020", ANNA, "it eats data", at, "host-1")


@pytest.fixture
def folder(tmp_path: Path) -> BrakesFolder:
    return BrakesFolder(tmp_path / "stagedrollout.yaml")


def test_a_halt_is_found_again_as_that_persons_order(folder: BrakesFolder):
    path = folder.leave(marker())
    (left,) = folder.halts()
    assert (left.path, left.marker, left.wrong) == (path, marker(), "")
    order = marker().order
    assert (order.verb, order.actor, order.release, order.expires_at) == (
        CommandVerb.HALT,
        ANNA,
        "5020",
        None,
    )
    assert (left.concerns(ACME), left.concerns(OTHER)) == (True, False)
    folder.take_out(left)
    assert folder.halts() == ()
    folder.take_out(left)  # two daemons may have met it


def test_the_folder_and_its_files_are_for_one_user_only(folder: BrakesFolder):
    before = os.umask(0)
    try:
        path = folder.leave(marker())
        line = folder.write_line(Line(LineStopped("1", ANNA, "because", NOON)))
    finally:
        os.umask(before)
    modes = [each.stat().st_mode & 0o777 for each in (path.parent, path, line)]
    assert modes == [0o700, 0o600, 0o600]


def test_it_is_on_the_disk_when_it_is_told(folder: BrakesFolder, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    path = folder.leave(marker())
    assert synced == [each.stat().st_ino for each in (folder.path.parent, path, folder.path)]


def test_halts_are_met_in_the_order_in_which_they_were_given(folder: BrakesFolder):
    folder.leave(marker("a", NOON + timedelta(minutes=1)))
    folder.leave(marker("b", NOON))
    assert [left.marker.id for left in folder.halts() if left.marker] == ["b", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"id": "1"}',
        "\x00",
        "[" * 5_000,
        json.dumps({"id": "1", "app": 5}),
        "x" * 100_000,
    ],
)
def test_a_damaged_halt_concerns_every_app_and_is_no_order(folder: BrakesFolder, text: str):
    path = folder.leave(marker())
    path.write_text(text)
    (left,) = folder.halts()
    assert left.marker is None
    assert left.concerns(ACME)
    assert left.concerns(OTHER)
    assert str(path) in left.words


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"kind": "machine", "name": "stagedrollout"}},
        {"actor": {"kind": "human", "name": ""}},
        {"at": "2026-03-02T12:00:00"},
        {"store": "somewhere"},
        {"reason": 7},
    ],
)
def test_a_halt_of_nobody_is_no_order_either(folder: BrakesFolder, change: dict[str, object]):
    path = folder.leave(marker())
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    (left,) = folder.halts()
    assert left.marker is None
    assert left.wrong


def test_a_folder_that_cannot_be_looked_into_fails_closed(folder: BrakesFolder):
    folder.path.write_text("no folder")
    (left,) = folder.halts()
    assert (left.marker, left.concerns(ACME)) == (None, True)
    assert folder.line().reason(NOON)
    with pytest.raises(StorageError, match="cannot be written"):
        folder.leave(marker())


def test_half_a_file_of_a_killed_command_is_none(folder: BrakesFolder):
    folder.leave(marker())
    (folder.path / "halt-2.json.new").write_text('{"id"')
    assert len(folder.halts()) == 1


def test_whether_the_line_is_stopped_is_read_as_it_was_written(folder: BrakesFolder):
    assert folder.line() == Line()
    stopped = LineStopped("1", ANNA, "because", NOON, NOON + timedelta(hours=6))
    for line in (Line(stopped), Line(stopped, LineFreed("1", ANNA, "done", NOON))):
        folder.write_line(line)
        assert folder.line() == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        '{"stopped": null}',
        '{"stopped": {}, "freed": null}',
        '{"stopped": null, "freed": {"id": "1"}}',
        '{"stopped": {"id": "1", "actor": {"kind": "human", "name": "a"}, "reason": "", "at": "2026-03-02"}, "freed": null}',
    ],
)
def test_a_damaged_line_raises_nothing(folder: BrakesFolder, text: str):
    path = folder.write_line(Line())
    path.write_text(text)
    reason = folder.line().reason(NOON)
    assert reason
    assert reason.code == "line_unread"


def test_what_root_leaves_belongs_to_whose_database_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = gives(monkeypatch)
    (tmp_path / "state").mkdir()
    state = (tmp_path / "state").stat()
    folder = beside(tmp_path / "stagedrollout.yaml", f"sqlite:///{tmp_path}/state/gone.db")
    path = folder.leave(marker())
    whose = (state.st_uid, state.st_gid)
    assert [each[1:] for each in given] == [(path.parent.stat().st_ino, *whose), (path.stat().st_ino, *whose)]
    assert given[1][0] == ["halt-1.json.new"], "it has its name only once it is theirs"
    folder.leave(marker("2"))
    assert len(given) == 3, "a folder that was there is nothing of root's to give away"


def test_where_root_cannot_tell_whose_database_it_was_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given, config = gives(monkeypatch), tmp_path / "stagedrollout.yaml"
    config.write_text("")
    gone = f"sqlite:///{tmp_path}/gone/gone.db"
    left = beside(config, gone)
    left.leave(marker())
    assert {each[2:] for each in given} == {(config.stat().st_uid, config.stat().st_gid)}
    assert f"chown -R USER {left.path}" in left.whose
    (tmp_path / "gone").mkdir()
    assert beside(config, gone).whose == ""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert left.whose
    assert beside(config, "").whose == "", "who is not root gives nothing away"


def test_whoever_may_not_write_there_is_told_who_may(folder: BrakesFolder, monkeypatch: pytest.MonkeyPatch):
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stagedrollout.storage.durable_file.replace_within", denied)
    monkeypatch.setattr("stagedrollout.storage.brakes._user", lambda number: f"user {number}")
    whose = (
        f"{folder.path} belongs to user {folder.path.parent.stat().st_uid}: order it as that user, or as root"
    )
    with pytest.raises(StorageError, match=re.escape(f"Permission denied; {whose}")):
        folder.write_line(Line(LineStopped("1", ANNA, "because", NOON)))


def test_a_full_disk_is_no_matter_of_rights(folder: BrakesFolder, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stagedrollout.storage.durable_file.replace_within", full)
    with pytest.raises(StorageError, match=r"No space left on device$"):
        folder.leave(marker())


def gives(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], int, int, int]]:
    """Acts as root; what was in the folder when something was given away, what it was, and to whom."""
    given: list[tuple[list[str], int, int, int]] = []

    def fchown(descriptor: int, user: int, group: int) -> None:
        found = os.fstat(descriptor)
        there = Path(f"/proc/self/fd/{descriptor}").readlink()
        names = sorted(each.name for each in there.parent.iterdir()) if there.is_file() else []
        given.append((names, found.st_ino, user, group))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", fchown)
    return given


def test_root_follows_nobodys_link_when_it_leaves_something(
    folder: BrakesFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    given = gives(monkeypatch)
    (tmp_path / "elsewhere").mkdir()
    folder.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot be written"):
        folder.leave(marker())
    assert (given, list((tmp_path / "elsewhere").iterdir())) == ([], [])


@pytest.mark.parametrize("name", ["halt-1.json", "line.json"])
def test_a_named_pipe_among_them_holds_nobody_up(folder: BrakesFolder, name: str):
    folder.path.mkdir()
    os.mkfifo(folder.path / name)
    wrong = folder.line().unread or folder.halts()[0].wrong
    assert "no regular file" in wrong


def test_more_halts_than_are_read_at_a_time_are_met_one_after_the_other(folder: BrakesFolder):
    for number in range(201):
        folder.leave(marker(f"{number:03}"))
    met = folder.halts()
    assert (len(met), met[-1].marker, "more than 200" in met[-1].wrong) == (201, None, True)
    folder.take_out(met[0])
    assert len([left for left in folder.halts() if left.marker]) == 200


def test_what_could_not_be_read_again_is_not_written(folder: BrakesFolder):
    endless = LineStopped("1", ANNA, "x" * 70_000, NOON)
    with pytest.raises(StorageError, match="longer than"):
        folder.write_line(Line(endless))
    assert folder.line() == Line()
