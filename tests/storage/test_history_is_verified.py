"""`history --verify`: whatever is changed, removed or moved in the journal is told with its rollout and number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stagedrollout.cli.main import cli
from stagedrollout.core.events import Recorded
from stagedrollout.http.database import server_of
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.highwater import HighWater, mark_file
from stagedrollout.storage.journal import Journal
from tests.storage.behind import Behind
from tests.storage.rows import CHAT, SHOP, STANDING, batch, entry

pytestmark = pytest.mark.promise("R16")


@pytest.fixture
def recorded(engine: Engine) -> tuple[Recorded, ...]:
    """Five entries of one rollout (1, 2, 4, 5, 7) between two of another (3, 6), and the mark as a daemon keeps it."""
    path = mark_file(engine)
    assert path is not None
    highwater = HighWater(path, engine)
    highwater.begin(at_first=True)
    journal, found = Journal(engine, highwater), list[Recorded]()
    for rollout, count in ((SHOP, 2), (CHAT, 1), (SHOP, 2), (CHAT, 1), (SHOP, 1)):
        entries = tuple(entry("closed", n=n) for n in range(count))
        found += journal.record(batch(rollout, entries=entries, summary=STANDING))
    return tuple(found)


@pytest.fixture
def config(url: str, tmp_path: Path) -> Path:
    server = server_of(url)
    path = tmp_path / "stagedrollout.yaml"
    path.write_text(f"database: {server.address if server else url}\n", "utf-8")
    return path


def asked(config: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["history", "--verify", "--config", str(config), *options])


def document(config: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(config, "--json").stdout)
    return found


def breaks(config: Path) -> list[tuple[str, int]]:
    answer = asked(config)
    found = document(config)
    assert (answer.exit_code, found["sound"]) == (1, False), answer.output
    told = [(each["rollout"], each["seq"]) for each in found["breaks"]]
    for rollout, seq in told:
        assert f"{rollout or 'no rollout known'}: seq {seq}:" in answer.output
    return told


def test_a_clean_journal_tells_the_head_of_each_rollout_and_of_all(
    config: Path, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    answer, found = asked(config), document(config)
    assert answer.exit_code == 0, answer.output
    heads = {row["rollout"]: (row["entries"], row["seq"], row["head"]) for row in found["rollouts"]}
    assert heads == {str(SHOP): (5, 7, recorded[6].hash), str(CHAT): (2, 6, recorded[5].hash)}
    assert (found["entries"], found["seq"], found["breaks"], found["highwater"]) == (7, 7, [], "")
    assert found["head"] in answer.output
    assert recorded[6].hash in answer.output


def test_the_head_over_all_changes_with_every_entry(
    engine: Engine, config: Path, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    before = document(config)["head"]
    Journal(engine).record(batch(CHAT, entries=(entry("closed", n=9),), summary=STANDING))
    assert document(config)["head"] != before


@pytest.mark.parametrize("column", ["body", "kind", "at_us", "prev", "hash"])
@pytest.mark.parametrize("seq", [1, 4, 7])
def test_a_flipped_byte_anywhere_is_told_where_it_is(
    config: Path, behind: Behind, recorded: tuple[Recorded, ...], column: str, seq: int
) -> None:
    found = behind.value(f"select {column} from event where seq = ?", seq)
    text = str(found)
    flipped = text[:-2] + chr(ord(text[-2]) ^ 1) + text[-1]
    behind(f"update event set {column} = ? where seq = ?", flipped, seq)
    assert breaks(config)[0] == (str(SHOP), seq)


@pytest.mark.parametrize(
    ("seq", "told"),
    [
        (2, [("", 2), (str(SHOP), 4)]),
        (1, [("", 1), (str(SHOP), 2)]),
        (7, [(str(SHOP), 7)]),
        (6, [(str(CHAT), 6)]),
        (3, [("", 3), (str(CHAT), 6)]),
    ],
)
def test_a_missing_entry_is_told_wherever_it_stood(
    config: Path, behind: Behind, recorded: tuple[Recorded, ...], seq: int, told: list[tuple[str, int]]
) -> None:
    behind("delete from event where seq = ?", seq)
    assert breaks(config) == told


def test_an_end_that_was_cut_off_with_what_status_knew_of_it_is_told(
    config: Path, behind: Behind, kind: str, recorded: tuple[Recorded, ...]
) -> None:
    behind("delete from event where seq = 7")
    behind("update rollout set seq = 5 where key = ?", str(SHOP))
    assert breaks(config) == [("", 7)]
    assert "had come to 7" in document(config)["highwater"]
    keeps = "head set seq = 6" if kind == "postgresql" else "sqlite_sequence set seq = 6 where name = 'event'"
    behind(f"update {keeps}")
    assert breaks(config) == []  # only what lies outside the database is left to tell
    assert "had come to 7" in asked(config).output


def test_an_entry_moved_to_another_rollout_is_told(
    config: Path, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    behind("update event set rollout = ? where seq = 4", str(CHAT))
    assert set(breaks(config)) == {(str(CHAT), 4), (str(SHOP), 5)}


@pytest.mark.of_a_file
def test_it_writes_nothing_and_needs_no_daemon(
    config: Path, path: Path, recorded: tuple[Recorded, ...]
) -> None:
    mark = path.with_name("state.db.highwater")
    before = (path.read_bytes(), mark.read_bytes())
    path.chmod(0o400)
    assert asked(config).exit_code == 0
    assert (path.read_bytes(), mark.read_bytes()) == before


def test_a_part_of_the_journal_cannot_be_verified_alone(
    config: Path, behind: Behind, recorded: tuple[Recorded, ...]
) -> None:
    assert asked(config, "shop").exit_code == 2
