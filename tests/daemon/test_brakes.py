"""What people pull beside the configuration is met by passes at once, app by app, and let go when the journal has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.core.errors import StorageError, Unfounded
from stagedrollout.core.line import Line
from stagedrollout.core.line_facts import LineStopped
from stagedrollout.core.model import Actor, ActorKind, Store, StoreApp
from stagedrollout.daemon.brakes import PulledBrakes
from stagedrollout.storage.brakes import BrakesFolder, HaltMarker

pytestmark = pytest.mark.promise("R9", "R12")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA = Actor(ActorKind.HUMAN, "anna")
ACME, OTHER = StoreApp("acme", Store.GOOGLE_PLAY), StoreApp("other", Store.GOOGLE_PLAY)
HALT = HaltMarker("1", "acme", Store.GOOGLE_PLAY, "5020", ANNA, "it eats data", NOON)
STOPPED = LineStopped("1", ANNA, "the backend is down", NOON, NOON + timedelta(hours=6))


class Wall:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def brakes(tmp_path: Path) -> PulledBrakes:
    return PulledBrakes(BrakesFolder(tmp_path / "stagedrollout.yaml"), Wall())


def test_a_halt_that_waits_forbids_raises_of_its_app_only(brakes: PulledBrakes):
    brakes.check(ACME)
    brakes.folder.leave(HALT)
    assert [reason.code for reason in brakes.reasons(ACME)] == ["halt_waits"]
    with pytest.raises(Unfounded, match="it eats data"):
        brakes.check(ACME)
    brakes.check(OTHER)
    assert ([order.id for order in brakes.halts(ACME)], brakes.halts(OTHER)) == (["1"], ())


def test_a_line_that_is_stopped_right_before_a_request_lets_no_app_send_it(brakes: PulledBrakes):
    brakes.folder.write_line(Line(STOPPED))
    for app in (ACME, OTHER):
        with pytest.raises(Unfounded, match="the backend is down"):
            brakes.check(app)
    brakes.wall.at = NOON + timedelta(hours=6)  # type: ignore[attr-defined]
    brakes.check(ACME)


def test_what_is_pulled_or_let_go_wakes_the_daemon_once(brakes: PulledBrakes):
    assert not brakes.newly(), "at its start all are looked at anyway"
    brakes.folder.leave(HALT)
    assert (brakes.newly(), brakes.newly()) == (True, False)
    brakes.lift("1")
    assert (brakes.newly(), brakes.newly()) == (True, False)
    brakes.folder.write_line(Line(STOPPED))
    assert (brakes.newly(), brakes.newly()) == (True, False)
    brakes.wall.at = NOON + timedelta(hours=6)  # type: ignore[attr-defined]
    assert brakes.newly(), "its time is over"


def test_a_turn_reads_nothing_while_nothing_has_changed(
    brakes: PulledBrakes, monkeypatch: pytest.MonkeyPatch
):
    brakes.folder.leave(HALT)
    brakes.folder.write_line(Line(STOPPED))
    brakes.newly()
    for name in ("halts", "line"):
        monkeypatch.setattr(BrakesFolder, name, lambda folder: pytest.fail("read"))
    assert not brakes.newly()
    brakes.wall.at = NOON + timedelta(hours=6)  # type: ignore[attr-defined]
    assert brakes.newly(), "its time is over"


def test_what_is_changed_in_place_wakes_the_daemon_too(brakes: PulledBrakes):
    path = brakes.folder.leave(HALT)
    brakes.newly()
    path.write_text("{")
    assert brakes.newly()


def test_a_halt_that_means_no_release_goes_on_forbidding_and_says_how_that_ends(
    brakes: PulledBrakes, caplog: pytest.LogCaptureFixture
):
    path = brakes.folder.leave(HALT)
    for _ in range(2):
        brakes.keep("1", "acme on google_play has no release '5020'; known releases: 5.2.0")
    (reason,) = brakes.reasons(ACME)
    assert reason.code == "halt_of_nothing"
    assert "known releases: 5.2.0" in reason.text
    assert f"take {path} away" in reason.text
    with pytest.raises(Unfounded):
        brakes.check(ACME)
    brakes.check(OTHER)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"], "once"


def test_a_halt_that_the_journal_has_binds_nobody_though_its_file_stays(
    brakes: PulledBrakes, monkeypatch: pytest.MonkeyPatch
):
    path = brakes.folder.leave(HALT)

    def refuses(folder: object, left: object) -> None:
        raise StorageError("a read-only disk")

    monkeypatch.setattr(BrakesFolder, "take_out", refuses)
    brakes.lift("1")
    assert path.exists()
    brakes.check(ACME)
    assert brakes.halts(ACME) == ()
