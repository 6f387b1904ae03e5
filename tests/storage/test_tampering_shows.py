"""The hash chain: whoever changes the journal behind the daemon's back is seen (promise R16)."""

from __future__ import annotations

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.events import Recorded
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.journal import Journal
from tests.storage.behind import Behind, Refused
from tests.storage.rows import CHAT, SHOP, STANDING, batch, entry


@pytest.fixture
def recorded(engine: Engine) -> tuple[Recorded, ...]:
    entries = tuple(entry("seen", n=n, status="in_progress") for n in range(5))
    return Journal(engine).record(batch(entries=entries, summary=STANDING))


@pytest.mark.parametrize("column", ["body", "kind", "at_us", "prev", "hash"])
def test_every_flipped_byte_is_found_where_it_is(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...], column: str
) -> None:
    journal = Journal(engine)
    assert journal.verify(SHOP) is None
    seq = recorded[2].seq
    found = behind.value(f"select {column} from event where seq = ?", seq)
    text = str(found)
    for place in range(len(text)):
        flipped = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        behind(f"update event set {column} = ? where seq = ?", flipped, seq)
        assert journal.verify(SHOP) == seq, flipped
    behind(f"update event set {column} = ? where seq = ?", found, seq)
    assert journal.verify(SHOP) is None


def test_a_removed_entry_shows_at_the_next_one(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    behind("delete from event where seq = ?", recorded[2].seq)
    assert Journal(engine).verify(SHOP) == recorded[3].seq


def test_a_removed_beginning_shows(engine: Engine, behind: Behind, recorded: tuple[Recorded, ...]) -> None:
    behind("delete from event where seq = ?", recorded[0].seq)
    assert Journal(engine).verify(SHOP) == recorded[1].seq
    assert Journal(engine).rollout_keys() == (SHOP,)
    assert Journal(engine).heads(SHOP.store_app) == {SHOP: recorded[-1].seq}


@pytest.mark.promise("R16")
def test_a_removed_end_shows_against_what_status_knew(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    behind("delete from event where seq = ?", recorded[-1].seq)
    assert Journal(engine).verify(SHOP) == recorded[-1].seq


@pytest.mark.promise("R16")
def test_an_entry_moved_to_another_rollout_shows(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    behind("update event set rollout = ? where seq = ?", str(CHAT), recorded[0].seq)
    assert Journal(engine).verify(CHAT) == recorded[0].seq
    assert Journal(engine).verify(SHOP) == recorded[1].seq


def test_a_fork_of_the_chain_is_refused_by_the_database(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    copy = "insert into event (seq, rollout, at_us, kind, body, prev, hash) select 99, rollout, at_us, 'x', body, prev,"
    with pytest.raises(Refused, match=r"(?i)unique"):
        behind(f"{copy} 'other' from event where seq = ?", recorded[2].seq)
    assert Journal(engine).verify(SHOP) is None


@pytest.mark.parametrize("body", ["{", "[]", "7", '{"a": 1}', "", '{"a":1e999}'])
def test_a_journal_that_cannot_be_read_is_our_error(
    engine: Engine, behind: Behind, recorded: tuple[Recorded, ...], body: str
) -> None:
    behind("update event set body = ? where seq = ?", body, recorded[1].seq)
    with pytest.raises(StorageError, match=f"damaged at seq {recorded[1].seq}"):
        Journal(engine).history(SHOP)
