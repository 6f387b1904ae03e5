"""The doctor keeps out of the daemon's way: an edit of ours would end the daemon's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.core.model import (
    Actor,
    ActorKind,
    Change,
    Command,
    CommandVerb,
    RolloutKey,
    Store,
    StoreApp,
    Verb,
)
from stagedrollout.doctor import quiet
from stagedrollout.doctor.finding import State
from stagedrollout.doctor.quiet import Quiet
from stagedrollout.storage.batch import Batch, OpenIntent
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade
from stagedrollout.storage.presence import Presence
from tests.doctor.desk import ANDROID, Desk

APP = StoreApp("acme", Store.GOOGLE_PLAY)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = RolloutKey("acme", Store.GOOGLE_PLAY, "5020")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    engine = open_engine(url)
    upgrade(engine)
    yield url, engine
    engine.dispose()


def _open_intent(engine: Engine) -> None:
    intent = OpenIntent("k1", Change(Verb.RAISE, "5020", 50_000), "seen", 1)
    Journal(engine).record(Batch(rollout=KEY, at=NOW, expected_seq=0, epoch=None, opened=intent))


def _pass_of_a_daemon(engine: Engine, *, due: timedelta, clock: str = "system") -> None:
    presence = Presence(engine)
    presence.claim("host:1", NOW, {"clock": clock, "watching": [str(APP)]})
    presence.pass_finished(APP, NOW - timedelta(minutes=15), next_due=NOW + due, problem="")


def test_a_probe_is_refused_while_an_intent_is_open_and_nothing_is_sent(desk: Desk) -> None:
    engine = open_engine(desk.loaded().settings.database)
    upgrade(engine)
    try:
        _open_intent(engine)
        desk.examines(probing=True)
    finally:
        engine.dispose()
        Path(desk.loaded().settings.database.removeprefix("sqlite:///")).unlink()
    found = desk.finding(ANDROID, "probe")
    assert found.state is State.UNKNOWN
    assert "the daemon's intent to raise 5020 is open" in found.said
    assert {method for method, _ in desk.sent("google_play")} == {"GET"}


def test_where_no_daemon_has_ever_run_there_is_nothing_to_disturb(tmp_path: Path) -> None:
    assert Quiet(f"sqlite:///{tmp_path / 'none.db'}").disturbed(APP, probing=True) == ""


def test_an_intent_of_another_app_is_no_reason_to_wait(database: tuple[str, Engine]) -> None:
    url, engine = database
    _open_intent(engine)
    assert Quiet(url).disturbed(StoreApp("other", Store.GOOGLE_PLAY), probing=True) == ""
    assert "intent to raise" in Quiet(url).disturbed(APP, probing=False)


def test_a_persons_halt_goes_first(database: tuple[str, Engine]) -> None:
    url, engine = database
    CommandBox(engine).put(
        Command(
            id="c1",
            verb=CommandVerb.HALT,
            app="acme",
            store=Store.GOOGLE_PLAY,
            actor=Actor(ActorKind.HUMAN, "ada"),
            reason="crashes",
            created_at=NOW,
            expires_at=None,
        )
    )
    assert "a person's order (halt)" in Quiet(url).disturbed(APP, probing=False)
    assert Quiet(url).disturbed(StoreApp("acme", Store.APP_STORE), probing=False) == ""


def test_a_pass_that_goes_on_is_waited_for_and_then_left_alone(
    database: tuple[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, engine = database
    monkeypatch.setattr(quiet, "PASS_WAIT_SECONDS", 0.0)
    _pass_of_a_daemon(engine, due=timedelta(seconds=-1))
    assert "looking at this app just now" in Quiet(url, lambda: NOW).disturbed(APP, probing=False)
    assert Quiet(url, lambda: NOW + timedelta(hours=1)).disturbed(APP, probing=False) == "", "it is dead"
    assert Quiet(url, lambda: NOW).disturbed(StoreApp("x", APP.store), probing=False) == "", "not watched"


def test_a_probe_does_not_begin_right_before_a_pass(
    database: tuple[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, engine = database
    monkeypatch.setattr(quiet, "PASS_WAIT_SECONDS", 0.0)
    _pass_of_a_daemon(engine, due=timedelta(seconds=5))
    assert "about to look" in Quiet(url, lambda: NOW).disturbed(APP, probing=True)
    assert Quiet(url, lambda: NOW).disturbed(APP, probing=False) == ""


def test_an_emulators_time_says_nothing_about_the_machines(database: tuple[str, Engine]) -> None:
    url, engine = database
    _pass_of_a_daemon(engine, due=timedelta(days=-200), clock="emulator")
    assert Quiet(url, lambda: NOW).disturbed(APP, probing=True) == ""


def test_a_database_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database at all, and long enough to be looked at" * 10)
    said = Quiet(f"sqlite:///{tmp_path / 'x.db'}").disturbed(APP, probing=True)
    assert said.startswith("whether the daemon is in the middle of something cannot be told")
