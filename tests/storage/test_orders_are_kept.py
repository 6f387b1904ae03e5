"""People's orders survive until they are answered, and are answered once (promise R12)."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import CommandVerb
from stagedrollout.storage.commands import EXPIRED, CommandBox, CommandResult
from stagedrollout.storage.engine import Engine, open_existing
from tests.storage.behind import Behind
from tests.storage.rows import NOW, after, order


@pytest.fixture
def box(engine: Engine) -> CommandBox:
    return CommandBox(engine)


@pytest.mark.promise("R12")
def test_an_order_put_by_another_process_is_found_word_for_word(box: CommandBox, url: str) -> None:
    said = order(policy="hotfix", hold_for=timedelta(days=2, microseconds=1), without_evidence=True)
    halt = order("order-2", CommandVerb.HALT, expires_at=None)
    start = order("order-3", CommandVerb.START, known_bad=True, supersede=True)
    cli = open_existing(url)
    CommandBox(cli).put(said)
    CommandBox(cli).put(halt)
    CommandBox(cli).put(start)
    cli.dispose()
    assert box.waiting() == (said, halt, start)


@pytest.mark.promise("R12")
def test_an_order_repeated_after_a_lost_reply_is_one_order(box: CommandBox) -> None:
    box.put(order())
    box.put(order())
    assert box.waiting() == (order(),)


def test_orders_are_carried_out_as_they_arrived_whatever_the_clocks_say(box: CommandBox) -> None:
    box.put(order("z"))
    box.put(replace(order("a"), created_at=after(days=-1)))
    assert [command.id for command in box.waiting()] == ["z", "a"]


def test_an_order_taken_by_a_daemon_that_died_still_waits(box: CommandBox) -> None:
    box.put(order())
    assert box.take("order-1", after(seconds=1))
    assert box.waiting() == (order(),)
    assert box.take("order-1", after(minutes=1))
    row = box.find("order-1")
    assert row is not None
    assert (row.taken_at, row.finished_at, row.result) == (after(minutes=1), None, None)


def test_an_answer_is_given_once_and_stays(box: CommandBox) -> None:
    box.put(order())
    box.take("order-1", NOW)
    assert box.finish("order-1", CommandResult.REFUSED, "the release is halted", after(seconds=2))
    assert not box.finish("order-1", CommandResult.DONE, "raised", after(seconds=3))
    assert not box.take("order-1", after(seconds=4))
    row = box.find("order-1")
    assert row is not None
    assert (row.result, row.answer) == (CommandResult.REFUSED, "the release is halted")
    assert (row.taken_at, row.finished_at) == (NOW, after(seconds=2))
    assert box.waiting() == ()


def test_a_permissive_order_expires_and_a_halt_never_does(box: CommandBox) -> None:
    halt = order("halt", CommandVerb.HALT, expires_at=None)
    box.put(order())
    box.put(halt)
    assert box.expire(after(minutes=59)) == 0
    assert box.expire(after(hours=1)) == 1
    assert box.waiting() == (halt,)
    row = box.find("order-1")
    assert row is not None
    assert (row.result, row.answer) == (CommandResult.REFUSED, EXPIRED)
    assert box.expire(after(days=400)) == 0
    assert not box.take("order-1", after(hours=2))


def test_an_order_being_carried_out_is_not_expired_under_the_daemons_hands(box: CommandBox) -> None:
    box.put(order())
    box.take("order-1", after(minutes=59))
    assert box.expire(after(minutes=61)) == 0
    assert box.finish("order-1", CommandResult.DONE, "raised", after(minutes=62))


def test_an_order_left_behind_by_a_crash_expires_too(box: CommandBox) -> None:
    box.put(order())
    box.take("order-1", after(minutes=59))
    assert box.expire(after(days=3)) == 1
    assert box.waiting() == ()


def test_an_order_of_an_unknown_kind_does_not_keep_a_halt_waiting(
    box: CommandBox, behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    halt = order("halt", CommandVerb.HALT, expires_at=None)
    box.put(order())
    box.put(halt)
    behind("update command set verb = 'teleport' where id = 'order-1'")
    assert box.waiting() == (halt,)
    assert "left alone" in caplog.text


ODD = (
    "expected = 'no JSON'",
    'expected = \'{"seen": [{"odd": 1}]}\'',
    "expected = '[]'",
    "via = 'carrier pigeon'",
)


@pytest.mark.promise("R12", "R18")
@pytest.mark.parametrize("verb", [verb for verb in CommandVerb if verb.brakes])
@pytest.mark.parametrize("odd", ODD)
def test_a_brake_is_taken_whatever_its_row_says_of_what_was_seen_and_from_where(
    box: CommandBox, behind: Behind, verb: CommandVerb, odd: str
) -> None:
    box.put(order("brake", verb, expires_at=None))
    behind(f"update command set {odd}")
    (found,) = box.waiting()
    assert (found.id, found.verb, found.reason) == ("brake", verb, order("brake", verb).reason)


@pytest.mark.parametrize("odd", ODD)
def test_a_raise_whose_row_does_not_say_what_was_seen_is_left_alone(
    box: CommandBox, behind: Behind, odd: str
) -> None:
    box.put(order())
    behind(f"update command set {odd}")
    assert box.waiting() == ()


def test_nobody_knows_an_order_that_was_never_given(box: CommandBox) -> None:
    assert box.find("never") is None
    assert not box.take("never", NOW)


@pytest.mark.promise("R22")
@pytest.mark.of_a_file  # a server takes nothing into a column that is not of its type
@pytest.mark.parametrize(
    "damage", ["created_us = 'soon'", "expires_us = 9e18", "hold_for_us = 'a day'", "store = x'ff'"]
)
def test_an_order_that_is_damaged_in_the_database_does_not_keep_the_others_from_being_carried_out(
    box: CommandBox, path: Path, damage: str
) -> None:
    halt = order("order-2", CommandVerb.HALT, expires_at=None)
    box.put(order())
    box.put(halt)
    with sqlite3.connect(path) as raw:
        raw.execute(f"update command set {damage} where id = 'order-1'")
    raw.close()
    assert box.waiting() == (halt,)
    with pytest.raises(StorageError):
        box.find("order-1")


@pytest.mark.promise("R22")
@pytest.mark.parametrize(
    "damage", [f"created_us = {2**62}", f"expires_us = {2**62}", "store = 'ff'", "actor_kind = ''"]
)
def test_an_order_that_a_server_would_take_as_well_and_nobody_can_read_does_not_keep_the_others_waiting(
    box: CommandBox, behind: Behind, damage: str
) -> None:
    halt = order("order-2", CommandVerb.HALT, expires_at=None)
    box.put(order())
    box.put(halt)
    behind(f"update command set {damage} where id = 'order-1'")
    assert box.waiting() == (halt,)
    with pytest.raises(StorageError):
        box.find("order-1")
