"""A disk that is full, a database that cannot be written, one that is deleted: no raises, but halts all the same.

What cannot be written down is not done (promise R18), except what stops a release: that goes out at once, and is
written down when there is room again.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad
from tests.processes.disks import files_no_larger_than, full, read_only, small_disk

pytestmark = pytest.mark.promise("R3", "R18")


WHY = ("--reason", "because of a test")
RAISED = [("inProgress", 50)]
SMALL_BYTES = 40_000
"""Less than the write-ahead log has already, more than the daemon says."""


@pytest.fixture
def tmp_path():
    """On a disk: a file in memory can be made immutable, and is written all the same."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def troubled(opens, request):
    """A stage at five hours, one before the first raise is due, and what makes its disk fail."""

    def at_five(how, story):
        stage = opens(story)
        place = stage.conf / "state"
        with ExitStack() as stack:
            if how == "full disk":
                stack.enter_context(small_disk(place))
            request.addfinalizer(stack.pop_all().close)
        request.addfinalizer(stage.close)
        stage.stops_at("0m")
        stage.starts_daemon()
        stage.plays_to("5h")
        (database,) = place.glob("*.db")
        trouble = {
            "full disk": lambda: full(place),
            "used up quota": lambda: files_no_larger_than(stage.daemon.pid, SMALL_BYTES),
            "read-only database": lambda: read_only(database),
        }[how]
        return stage, trouble

    return at_five


def _said(stage, words):
    eventually(lambda: words in stage.daemon.said, what=f"{words!r} in the log")


@pytest.mark.parametrize("how", ["full disk", "used up quota", "read-only database"])
def test_without_room_for_its_journal_nothing_is_raised_and_all_goes_on_when_there_is_room(troubled, how):
    stage, trouble = troubled(how, short(until="8h"))
    with trouble():
        stage.stops_at("7h")
        _said(stage, "the database could not be read or written")
        eventually(lambda: stage.clock["now"] >= stage.at("6h 30m").isoformat(), what="time going by")
        assert stage.writes() == []
        assert stage.served() == ("inProgress", 100_000)
        assert stage.types("status").code == 0
    stage.plays_out()
    assert stage.committed() == RAISED
    stage.is_clean()


@pytest.mark.parametrize("how", ["full disk", "used up quota"])
def test_without_room_for_its_journal_a_release_that_fails_is_halted_all_the_same(troubled, how):
    stage, trouble = troubled(how, turns_bad(short(until="12h"), at="5h 10m"))
    assert stage.served() == ("inProgress", 100_000)
    with trouble():
        stage.stops_at("8h")
        stage.serves("halted", 0, within=40)
        _said(stage, "halting acme/google_play/5020 all the same")
    stage.plays_out()
    assert stage.committed() == [("halted", 10)]
    assert stage.rollout()["phase"] == "halted"
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    stage.is_clean()


def test_a_database_deleted_in_the_middle_of_a_raise_stops_it_and_is_told(opens):
    """SQLite would go on writing into the file that nobody sees any more, and the raise would be known to nobody."""
    stage = opens(short(until="8h"), to="5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=2.0)
    stage.stops_at("7h")
    eventually(lambda: stage.ledger("fault"), what="the raise's write")
    stage.daemon.gets(signal.SIGSTOP)
    (database,) = (stage.conf / "state").glob("*.db")
    kept = shutil.copytree(stage.conf / "state", stage.folder / "kept")
    for file in sorted(database.parent.glob(f"{database.name}*")):
        file.unlink()
    stage.daemon.gets(signal.SIGCONT)
    _said(stage, "No such file")
    assert "no database" in stage.types("status").err
    refused = stage.types("halt", "acme", *WHY)
    assert (refused.code, "NOT HALTED" in refused.err) == (3, True)
    stage.daemon.asked_to_stop()
    stage.daemon.ended(within=10)
    assert not [path for path in stage.writes() if path.endswith(":commit")]
    shutil.copytree(kept, database.parent, dirs_exist_ok=True)
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50)]
    stage.is_clean()
