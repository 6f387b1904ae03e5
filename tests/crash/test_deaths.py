"""The daemon dies, is started again, and nobody can tell from the stores, the journal or the messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import pytest

from stagedrollout.core.facts import Settled
from stagedrollout.core.model import Settlement
from stagedrollout.core.rules import raises
from stagedrollout.daemon import app_pass
from stagedrollout.daemon.reconcile import Reconciler
from stagedrollout.storage.commands import CommandResult
from tests.crash.playing import played, points, seconds, singles
from tests.crash.stories import MONDAY, STORIES, hours

pytestmark = pytest.mark.promise("R13")


PER_STORY = 6
"""Deaths of each story, evenly spread over its distinct ones, in every test run. `./dev crash` dies them all."""

PAIRS = 4

COMMIT, READ_BACK = "google_play edits.commit: before send", "google_play edits.commit: after receive"
COMMITTED = "storage commit: after"


@cache
def _spread(name: str, how_many: int) -> list[tuple[int, ...]]:
    """An even spread that begins elsewhere in each story, so that together they meet points of all kinds."""
    found = singles(name).at
    step = len(found) / how_many
    offset = [story.name for story in STORIES].index(name) / len(STORIES)
    return [found[int((number + offset) * step)] for number in range(how_many)]


@pytest.mark.parametrize("name", [story.name for story in STORIES])
def test_nothing_is_lost_and_nothing_happens_twice_wherever_the_daemon_dies(name: str) -> None:
    """All of a story in one test: what they share, the points and the story without a death, is played once."""
    results = [played(name, at) for at in _spread(name, PER_STORY)]
    assert len({result.at for result in results}) == PER_STORY
    assert all(result.died_at for result in results)
    assert not any(result.faults for result in results), "\n".join(
        result.words() for result in results if result.faults
    )


@pytest.mark.parametrize("name", ["play-raise", "apple-halt"])
def test_nor_when_it_dies_again_while_it_recovers(name: str) -> None:
    ((first,),) = _spread(name, 1)
    again = seconds(name, first).at
    assert len(again) > PAIRS
    for at in again[:: -(-len(again) // PAIRS)]:
        result = played(name, at)
        assert len(result.died_at) == 2
        assert not result.faults, result.words()


def _before(name: str, point: str, at: datetime) -> tuple[int, ...]:
    """The death at the last point of this name before anything changed after `at`."""
    found = [
        each for each in points(name) if each.name == point and each.lasting.now - at < timedelta(minutes=1)
    ]
    return (found[-1].number,)


def test_a_daemon_that_says_done_before_it_asks_the_store_is_found_out_by_its_death(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it lives nobody can tell: the store is as the journal says by the time anybody looks."""
    act = Reconciler._act

    def says_done_first(self, listing, known, case, decision, *right):
        intent = known.rollout.intent
        if decision.change and intent:
            done = Settled(intent.key, intent.verb, Settlement.CONFIRMED, "read back in the store")
            self.recorder.record(known, (done,), self.clock.now())
        return act(self, listing, known, case, decision, *right)

    monkeypatch.setattr(Reconciler, "_act", says_done_first)
    assert played("play-raise").faults == ()
    result = played("play-raise", _before("play-raise", COMMIT, MONDAY + hours(6)))
    assert result.died_at == (COMMIT,)
    assert any("the raise is said to be confirmed" in fault for fault in result.faults), result.words()


def test_what_the_schedule_does_later_is_not_the_order_that_died_with_the_daemon() -> None:
    """It is answered as failed, and an hour later evidence raises to the same share."""
    at = _before("advanced-by-command", COMMIT, MONDAY + hours(3))
    result = played("advanced-by-command", at)
    assert result.died_at == (COMMIT,)
    assert not result.faults, result.words()


def test_an_order_that_was_carried_out_and_is_said_to_have_failed_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_pass, "became_of", lambda *_: (CommandResult.FAILED, "nobody knows"))
    at = _before("advanced-by-command", READ_BACK, MONDAY + hours(3))
    result = played("advanced-by-command", at)
    assert result.died_at == (READ_BACK,)
    assert result.faults == ("the order advance-3 is said to have failed, and was carried out",)


def test_an_order_for_a_stage_that_the_schedule_has_reached_first_is_refused_in_words() -> None:
    """The daemon that starts after the death looks at once and finds the release, which without it had found none yet:
    two hours later it has baked, and the schedule is where the person wants it."""
    result = played("advanced-by-command", _before("advanced-by-command", COMMITTED, MONDAY))
    assert result.died_at == (COMMITTED,)
    assert not result.faults, result.words()


def test_an_order_that_is_refused_below_its_stage_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played("advanced-by-command").faults == ()
    at = _before("advanced-by-command", COMMITTED, MONDAY + hours(2))
    monkeypatch.setattr(raises, "_next_share", lambda _: None)
    result = played("advanced-by-command", at)
    assert result.died_at == (COMMITTED,)
    assert "the order advance-3 was refused, and without a death done" in result.faults
