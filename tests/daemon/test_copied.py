"""A state folder that was copied with its machine: the copy does not end the daemon whose folder it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.copied import BEATS, refuse_a_copy
from stagedrollout.storage import lock as locks
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.lock import SingleDaemonLock
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from stagedrollout.storage.server_clock import with_clock
from tests.daemon.test_lease import TERMS, Time

pytestmark = pytest.mark.promise("R14")

BEAT = TERMS.beat


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def presence(tmp_path: Path, time: Time) -> Iterator[Presence]:
    opened: Engine = open_engine(f"sqlite:///{tmp_path / 'server.db'}")
    upgrade(opened)
    yield Presence(with_clock(opened, time.now))
    opened.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the daemon that runs."""
    made = tmp_path / "one"
    made.mkdir()
    return made


def ran(presence: Presence, time: Time, folder: Path) -> tuple[int, str]:
    """A daemon has begun in that folder, and given a sign of life: its number and its place."""
    with SingleDaemonLock.beside(folder / "state") as lock:
        refuse_a_copy(lock, presence, BEAT, pause=lambda _: pytest.fail("there is nothing to wait for"))
        number = presence.claim("vm:1", time.now(), {}, place=lock.place, lease=TERMS.lease)
        time.goes_on(10)
        presence.beat(number, time.now(), TERMS.lease, place=lock.place)
        return number, lock.place


def waited(time: Time, meanwhile: Callable[[], None] = lambda: None) -> Callable[[float], None]:
    def pause(seconds: float) -> None:
        time.goes_on(seconds)
        meanwhile()

    return pause


def test_a_copy_of_a_machine_is_refused_while_the_first_one_lives_however_often_it_is_started(
    presence: Presence, time: Time, folder: Path, tmp_path: Path
) -> None:
    number, place = ran(presence, time, folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)

    def lives() -> None:
        presence.beat(number, time.now(), TERMS.lease, place=place)

    for _ in range(3):
        with SingleDaemonLock.beside(copy / "state") as lock:
            assert lock.place == place
            with pytest.raises(StorageError, match=r"was copied, and vm:1 runs with the one.*state\.lock"):
                refuse_a_copy(lock, presence, BEAT, pause=waited(time, lives))
    lives()


def test_a_folder_that_has_moved_is_taken_for_the_same_place_once_nobody_lives_there(
    presence: Presence, time: Time, folder: Path, tmp_path: Path
) -> None:
    _, place = ran(presence, time, folder)
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    begun = time.passed
    with SingleDaemonLock.beside(moved / "state") as lock:
        refuse_a_copy(lock, presence, BEAT, pause=waited(time))
        assert lock.place == place
    assert timedelta(seconds=time.passed - begun) == BEATS * BEAT
    with SingleDaemonLock.beside(moved / "state") as lock:
        assert not lock.moved, "from now on it is there"


def test_a_daemon_that_is_started_again_on_its_machine_waits_for_nothing(
    presence: Presence, time: Time, folder: Path
) -> None:
    for _ in range(2):
        ran(presence, time, folder)


def test_a_machine_that_was_started_again_after_its_lease_waits_for_nothing(
    presence: Presence, time: Time, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(presence, time, folder)
    boot = tmp_path / "boot_id"
    boot.write_text("another")
    monkeypatch.setattr(locks, "_BOOT", boot)
    with SingleDaemonLock.beside(folder / "state") as lock:
        assert lock.moved
        with pytest.raises(StopIteration):
            refuse_a_copy(lock, presence, BEAT, pause=_waits)
    time.goes_on(61)
    ran(presence, time, folder)


def _waits(seconds: float) -> None:
    raise StopIteration(seconds)


def test_a_lock_file_of_an_older_version_is_believed(presence: Presence, time: Time, folder: Path) -> None:
    (folder / "state.lock").write_text("4711\n0123456789abcdef\n")
    _, place = ran(presence, time, folder)
    assert place == "0123456789abcdef"
