"""What a pass asks of the database is its own app's affair, and those who write wait for each other and not for luck."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.storage import writers
from stagedrollout.storage.engine import Engine, open_engine, writing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.outbox import OutboxTable
from tests.storage.behind import Behind
from tests.storage.rows import SHOP, STANDING, batch, entry

PASSES = 60


def app(number: int) -> RolloutKey:
    return RolloutKey(f"app-{number}", Store.GOOGLE_PLAY, "412")


def begun(journal: Journal, rollout: RolloutKey) -> int:
    return journal.record(batch(rollout, entries=(entry(),), summary=STANDING))[-1].seq


def test_a_release_that_another_process_began_is_known_to_the_next_pass(engine: Engine, url: str) -> None:
    journal, other = Journal(engine), open_engine(url)
    first = begun(journal, SHOP)
    assert journal.heads(SHOP.store_app) == {SHOP: first}
    newer = RolloutKey(SHOP.app, SHOP.store, "413")
    second = begun(Journal(other), newer)
    assert list(journal.heads(SHOP.store_app).items()) == [(SHOP, first), (newer, second)]
    assert journal.rollout_keys(SHOP.store_app) == (SHOP, newer)
    other.dispose()


@pytest.mark.promise("R16")
def test_a_release_whose_entries_are_taken_away_under_the_daemon_is_still_named(
    engine: Engine, behind: Behind
) -> None:
    journal = Journal(engine)
    begun(journal, SHOP)
    assert journal.heads(SHOP.store_app)
    behind("delete from event")
    assert journal.heads(SHOP.store_app) == {SHOP: 0}
    behind("delete from rollout")
    assert journal.heads(SHOP.store_app) == {}


def test_one_app_is_asked_for_without_reading_what_all_the_others_wrote(engine: Engine) -> None:
    """Counted in SQLite's own steps: an app among four hundred costs what it costs alone."""
    if engine.dialect.name != "sqlite":
        pytest.skip("a server tells no steps")
    journal = Journal(engine)
    begun(journal, app(0))
    alone = _steps(engine, lambda: journal.heads(app(0).store_app))
    for number in range(1, 400):
        begun(journal, app(number))
    journal.heads(app(0).store_app)  # what was added since is named once
    assert _steps(engine, lambda: journal.heads(app(0).store_app)) < 2 * alone


@pytest.mark.promise("R22")
def test_what_is_to_be_told_is_asked_without_reading_the_boards_of_all_rollouts_that_ever_were(
    engine: Engine,
) -> None:
    """At every turn, twice a second."""
    if engine.dialect.name != "sqlite":
        pytest.skip("a server tells no steps")
    outbox, now = OutboxTable(engine), datetime(2026, 3, 2, tzinfo=UTC)
    outbox.set_thread(app(0), "C1", "m")
    one = _steps(engine, lambda: (outbox.next_due(now), outbox.stale_boards(now)))
    for number in range(1, 400):
        outbox.set_thread(app(number), "C1", "m")
    assert _steps(engine, lambda: (outbox.next_due(now), outbox.stale_boards(now))) < 2 * one


def _steps(engine: Engine, ask: Callable[[], object]) -> int:
    """Of what is asked a second time."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    ask()
    pooled = engine.raw_connection()
    driver: Any = pooled.driver_connection
    driver.set_progress_handler(step, 1)
    pooled.close()
    assert ask()
    driver.set_progress_handler(None, 1)
    assert steps
    return steps


@pytest.mark.promise("R22")
def test_passes_that_end_at_once_are_all_written_down(engine: Engine) -> None:
    journal = Journal(engine)
    with ThreadPoolExecutor(PASSES) as pool:
        written = list(pool.map(lambda number: begun(journal, app(number)), range(PASSES)))
    assert sorted(written) == list(range(1, PASSES + 1))


def test_a_writer_that_never_ends_keeps_the_next_one_waiting_for_so_long_and_no_longer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("a server has many writers")
    monkeypatch.setattr(writers, "BUSY_SECONDS", 0.05)
    with writing(engine), ThreadPoolExecutor(1) as pool:
        waits = pool.submit(begun, Journal(engine), SHOP)
        with pytest.raises(StorageError, match="busy"):
            waits.result()
    assert begun(Journal(engine), SHOP)
