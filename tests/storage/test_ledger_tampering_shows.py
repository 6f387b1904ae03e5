"""The ledger's hash chain: counts that were changed behind the daemon's back are seen, or are our error."""

from __future__ import annotations

import pytest

from stagedrollout.core.errors import StorageError
from stagedrollout.core.ledger import Measure
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.storage.behind import Behind, Refused
from tests.storage.rows import CHAT, SHOP, batch, entry, revision

SEQS = range(1, 6)
"""Of the revisions in a database that holds nothing else."""


@pytest.fixture
def ledger(engine: Engine) -> LedgerTable:
    revisions = tuple(revision(n, 1_000 + n, n, 20_000, 41, stratum="DE") for n in range(4))
    again = revision(2, 1_200, 2, 20_000, 41, stratum="DE")
    Journal(engine).record(batch(revisions=(*revisions, again), standing={"looks": "well"}))
    return LedgerTable(engine)


@pytest.mark.parametrize(
    "column",
    ["measure", "start_us", "stratum", "read_at_us", "n_c", "k_c", "n_b", "k_b", "prev", "hash"],
)
def test_every_flipped_byte_of_a_count_is_found_where_it_is(
    ledger: LedgerTable, behind: Behind, column: str
) -> None:
    assert ledger.verify(SHOP) is None
    found = behind.value(f"select {column} from bucket where seq = 3")
    text = str(found)
    for place in range(len(text)):
        flipped = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        behind(f"update bucket set {column} = ? where seq = 3", flipped)
        assert ledger.verify(SHOP) == 3, flipped
    behind(f"update bucket set {column} = ? where seq = 3", found)
    assert ledger.verify(SHOP) is None


@pytest.mark.parametrize(("removed", "shown"), [(1, 2), (3, 4)])
def test_a_removed_revision_shows_at_the_next_one(
    ledger: LedgerTable, behind: Behind, removed: int, shown: int
) -> None:
    behind("delete from bucket where seq = ?", removed)
    assert ledger.verify(SHOP) == shown


def test_a_removed_end_shows_where_a_decision_named_it(ledger: LedgerTable, behind: Behind) -> None:
    head = ledger.head(SHOP)
    behind("delete from bucket where seq = ?", SEQS[-1])
    with pytest.raises(StorageError, match="no revision"):
        ledger.revisions(SHOP, head)


def test_a_revision_moved_to_another_rollout_shows(ledger: LedgerTable, behind: Behind) -> None:
    behind("update bucket set rollout = ? where seq = 1", str(CHAT))
    assert (ledger.verify(CHAT), ledger.verify(SHOP)) == (1, 2)


def test_a_fork_of_the_ledger_is_refused_by_the_database(ledger: LedgerTable, behind: Behind) -> None:
    columns = "rollout, measure, start_us, stratum, read_at_us, n_c, k_c, n_b, k_b, prev"
    copy = f"insert into bucket ({columns}, hash) select {columns}, 'other' from bucket where seq = 3"
    with pytest.raises(Refused):
        behind(copy)
    assert ledger.verify(SHOP) is None


DAMAGES = [
    ("measure", "crashed_phones"),
    ("start_us", "yesterday"),
    ("start_us", 2**62),
    ("read_at_us", 1.5),
    ("n_c", "many"),
    ("k_b", -1),
    ("n_b", b"\x00"),
]


@pytest.mark.of_a_file  # a server takes nothing into a column that is not of its type
@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_ledger_that_cannot_be_read_is_our_error_in_words(
    ledger: LedgerTable, behind: Behind, column: str, value: object
) -> None:
    behind(f"update bucket set {column} = ? where seq = 4", value)
    for look in (ledger.load, ledger.revisions):
        with pytest.raises(StorageError, match="the ledger is damaged at seq 4"):
            look(SHOP)
    assert ledger.verify(SHOP) == 4


def test_a_damaged_old_revision_keeps_nobody_from_the_newest(ledger: LedgerTable, behind: Behind) -> None:
    behind("update bucket set n_c = -1 where seq = 3")
    newest = revision(2, 1_200, 2, 20_000, 41, stratum="DE")
    assert ledger.load(SHOP).of(Measure.CRASHED)[newest.place] == newest.tally
    with pytest.raises(StorageError, match="damaged at seq 3"):
        ledger.revisions(SHOP)


@pytest.mark.parametrize(("column", "value"), [("body", "{"), ("body", "[]"), ("body", ""), ("at_us", 2**62)])
def test_a_standing_that_cannot_be_read_is_our_error(
    ledger: LedgerTable, behind: Behind, column: str, value: str
) -> None:
    behind(f"update standing set {column} = ?", value)
    with pytest.raises(StorageError, match="the standing of shop/google_play/412 cannot be read"):
        ledger.standing(SHOP)


def test_a_lost_table_keeps_nobody_from_halting(engine: Engine, ledger: LedgerTable, behind: Behind) -> None:
    behind.does("drop table bucket")
    for look in (ledger.load, ledger.revisions, ledger.head, ledger.verify):
        with pytest.raises(StorageError, match="could not be read"):
            look(SHOP)
    recorded = Journal(engine).record(batch(entries=(entry("decided"),), revisions=(revision(),)))
    assert Journal(engine).history(SHOP) == recorded
