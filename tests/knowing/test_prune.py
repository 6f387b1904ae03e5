"""`db prune`: what is over for long leaves the database whole, and nothing that somebody could need or miss."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from stagedrollout.core import facts
from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.model import CommandVerb, RolloutKey, Store
from stagedrollout.storage import archive, retired
from stagedrollout.storage.archive import Archived
from stagedrollout.storage.batch import Batch
from stagedrollout.storage.engine import writing
from stagedrollout.storage.ledger import LedgerTable
from tests.core.builders import DAY
from tests.knowing.world import World, superseded
from tests.reporting.histories import History, bad, completed
from tests.storage.rows import revision

LONG_AGO = datetime.now(UTC).replace(microsecond=0) - 400 * DAY
README_CHECKS = """\
import hashlib, json, sys
heads = {}
for line in sys.stdin:
    entry = json.loads(line)
    body = json.dumps(entry["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    before = heads.get(entry["rollout"], entry["prev"])
    said = "\\n".join((before, entry["rollout"], entry["kind"], entry["at"], body))
    heads[entry["rollout"]] = hashlib.sha256(said.encode()).hexdigest()
    if (entry["prev"], entry["hash"]) != (before, heads[entry["rollout"]]):
        sys.exit("NOT AS WRITTEN")
print(heads)
"""
OLD, NEWER = RolloutKey("shop", Store.GOOGLE_PLAY, "520"), RolloutKey("shop", Store.GOOGLE_PLAY, "530")


def closed(version: str = "5.2.0", start: datetime = LONG_AGO, **other: Any) -> History:
    return completed(version, start, **other).at(170, facts.Closed())


def world_of(folder: Path, *more: History) -> World:
    """An old release that is over, a newer one that everybody has, and whatever more."""
    return World(folder, closed(), *more, completed("5.3.0", LONG_AGO + 7 * DAY))


def pruned(world: World, *options: str) -> dict[str, Any]:
    said = world.says("db", "prune", "--keep", "90d", *options, "--json")
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def verified(world: World) -> dict[str, Any]:
    said = world.says("history", "--verify", "--json")
    found: dict[str, Any] = json.loads(said.stdout)
    return {**found, "code": said.exit_code}


def test_what_is_over_for_long_leaves_whole_and_nothing_is_missing_afterwards(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.journal.record(Batch(OLD, LONG_AGO, revisions=(revision(),), standing={"looks": "well"}))
    before, entries = verified(world), len(world.journal.history(OLD))
    (row,) = pruned(world)["retired"]
    assert (row["rollout"], row["entries"]) == (str(OLD), entries)
    assert world.journal.rollout_keys() == (NEWER,)
    assert LedgerTable(world.engine).revisions(OLD) == ()
    after = verified(world)
    assert (after["code"], after["sound"], after["breaks"]) == (0, True, [])
    assert (after["head"], after["seq"]) == (before["head"], before["seq"]), "what somebody kept stays true"
    assert after["entries"] == before["entries"] - entries
    told = world.says("db", "check")
    assert (told.exit_code, f"1 rollouts ({entries} entries) have left" in told.stdout) == (0, True)
    assert pruned(world)["retired"] == [], "once for all"


def test_the_archive_has_all_of_it_and_others_can_verify_it_without_us(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    world.journal.record(Batch(OLD, LONG_AGO, revisions=(revision(), revision(1))))
    history = world.journal.history(OLD)
    (row,) = pruned(world, "--archive", str(tmp_path / "kept"))["retired"]
    path = Path(row["archive"])
    assert (path.parent, path.stat().st_mode & 0o777) == (tmp_path / "kept", 0o600)
    assert archive.read(path) == Archived(str(OLD), len(history), history[-1].seq, history[-1].hash)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    entries = [line for line in lines if not line.startswith('{"table"')]
    ran = subprocess.run(
        [sys.executable, "-c", README_CHECKS],
        input="\n".join(entries),
        text=True,
        capture_output=True,
        check=True,
    )
    assert history[-1].hash in ran.stdout
    tables = [json.loads(line)["table"] for line in lines[len(entries) :]]
    assert (tables.count("bucket"), tables.count("rollout")) == (2, 1)


def test_a_halt_that_no_person_took_back_never_leaves(tmp_path: Path) -> None:
    halted = superseded(bad("5.1.0", LONG_AGO - 14 * DAY), 200, "5.2.0")
    resumed = bad("5.0.0", LONG_AGO - 30 * DAY).resumed(20, 10)
    resumed.at(200, facts.Superseded("5.1.0", None, facts.NOWHERE))
    world = world_of(tmp_path, halted, resumed)
    found = pruned(world)
    assert {row["rollout"] for row in found["retired"]} == {str(OLD), str(resumed.key)}
    assert found["kept"]["it is halted, and nobody has said that it may go on"] == 1
    assert halted.key in world.journal.rollout_keys()


def test_the_newest_that_everybody_has_and_what_goes_on_stay_however_old(tmp_path: Path) -> None:
    waits = History("6.0.0", LONG_AGO, app="mail").started(0).waits(1)
    world = world_of(tmp_path, waits)
    found = pruned(world)
    assert {row["rollout"] for row in found["retired"]} == {str(OLD)}
    assert found["kept"] == {"it goes on": 2}
    alone = World(_made(tmp_path / "alone"), closed())
    assert pruned(alone)["kept"] == {"no newer release has reached everybody": 1}


def test_what_was_over_for_a_shorter_time_stays(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    assert json.loads(world.says("db", "prune", "--keep", "500d", "--json").stdout)["retired"] == []
    for span in ("30d", "never", "4000d"):
        assert world.says("db", "prune", "--keep", span).exit_code == 2
    assert json.loads(world.says("db", "prune", "--json").stdout)["retired"] == [], "ten years by default"


def test_what_the_store_may_show_again_stays(tmp_path: Path) -> None:
    """It was superseded while the store still had it half way."""
    from tests.core.builders import STAGED, seen  # noqa: PLC0415

    half_way = History("5.1.0", LONG_AGO).started(0, percent=10).waits(1)
    half_way.at(9, facts.Superseded("5.2.0", seen(STAGED, 10), seen(STAGED, 10)))
    gone = History("5.0.0", LONG_AGO).started(0, percent=10).waits(1)
    gone.at(9, facts.Superseded("5.2.0", seen(STAGED, 10), facts.NOWHERE))
    found = pruned(world_of(tmp_path, half_way, gone))
    assert {row["rollout"] for row in found["retired"]} == {str(OLD), str(gone.key)}
    assert found["kept"]["the store may show it again"] == 1


def test_a_dry_run_only_tells(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    assert pruned(world, "--dry-run")["meant"] == [str(OLD)]
    assert f"{OLD}: would be retired" in world.says("db", "prune", "--keep", "90d", "--dry-run").stdout
    assert set(world.journal.rollout_keys()) == {OLD, NEWER}
    assert not archive.folder_beside(tmp_path / "x.db").exists()


def test_an_app_whose_order_waits_is_left_alone(tmp_path: Path) -> None:
    from stagedrollout.storage.commands import CommandBox  # noqa: PLC0415
    from tests.storage.rows import order  # noqa: PLC0415

    world = world_of(tmp_path)
    CommandBox(world.engine).put(order(verb=CommandVerb.HALT))
    assert pruned(world)["kept"] == {"an order or a halt of its app waits": 2}


def test_a_journal_that_was_tampered_with_stays_as_it_is(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    with writing(world.engine) as connection:
        connection.execute(text("update event set at_us = at_us + 1 where seq = 2"))
    said = world.says("db", "prune", "--keep", "90d")
    assert (said.exit_code, "is not as it was written, from seq 2 on" in said.stdout) == (1, True)
    assert OLD in world.journal.rollout_keys()


def test_one_that_goes_on_while_it_is_archived_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, written = world_of(tmp_path), archive.write

    def meanwhile(*given: Any) -> Archived:
        last = world.journal.history(OLD)[-1]
        world.journal.record(Batch(OLD, LONG_AGO, entries=(last.entry,)))
        world.journal.record(Batch(NEWER, LONG_AGO, entries=(last.entry,)))
        return written(*given)

    monkeypatch.setattr(archive, "write", meanwhile)
    with pytest.raises(StaleJournal):
        retired.retire(world.engine, OLD, tmp_path / "kept", datetime.now(UTC), "ana")
    assert world.journal.verify(OLD) is None
    assert verified(world)["sound"]


@pytest.mark.parametrize("fails", ["the archive", "the transaction"])
def test_a_death_in_between_loses_nothing_and_the_next_attempt_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    world, before = world_of(tmp_path), None

    def dies(*_given: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    before = verified(world)
    with monkeypatch.context() as patched:
        patched.setattr(*((archive.gzip, "compress") if fails == "the archive" else (retired, "_hash")), dies)
        with pytest.raises(KeyboardInterrupt):
            retired.retire(world.engine, OLD, tmp_path / "kept", datetime.now(UTC), "ana")
    assert verified(world) == before
    assert len(list((tmp_path / "kept").glob("*.gz"))) == (fails == "the transaction")
    pruned(world, "--archive", str(tmp_path / "kept"))
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert verified(world)["sound"]


@pytest.mark.parametrize(
    "forges",
    [
        "update retired set entries = entries + 1",
        "update retired set numbers = '1-99'",
        "delete from retired",
        "delete from event where seq = (select max(seq) - 1 from event)",
        "insert into retired select 2, rollout, 1, '99', 99, head, 0, 0, at_us, who, archive, hash, hash from retired",
    ],
)
def test_whoever_deletes_or_forges_the_record_is_seen(tmp_path: Path, forges: str) -> None:
    world = world_of(tmp_path)
    pruned(world)
    with writing(world.engine) as connection:
        connection.execute(text(forges))
    after = verified(world)
    assert (after["code"], after["sound"]) == (1, False), forges


def test_an_archive_that_was_changed_or_moved_is_told(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    (row,) = pruned(world)["retired"]
    path = Path(row["archive"])
    whole = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(whole.replace("anna", "anne", 1).encode()))
    said = world.says("db", "check")
    assert (said.exit_code, "is not as it was written" in said.stdout) == (1, True)
    path.write_bytes(gzip.compress(whole.encode())[:-20])
    assert "cannot be read" in world.says("db", "check").stdout
    path.unlink()
    said = world.says("db", "check")
    assert (said.exit_code, "1 archives are not here any more" in said.stdout) == (0, True)


def test_a_hash_that_somebody_was_told_is_found_in_the_archive(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    told = world.journal.history(OLD)[3].hash[:16]
    pruned(world)
    said = world.says("history", "--verify", "--expect", told)
    assert (said.exit_code, "is entry 4: its archive has it" in said.stdout) == (0, True)


def test_whoever_asks_for_the_past_is_told_that_a_part_of_it_has_left(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    pruned(world)
    for words in (("history",), ("history", "shop"), ("report",), ("report", "shop")):
        assert "1 rollout has left the database and is not told" in world.says(*words).stderr, words
    assert "has left" not in world.says("history", "mail").stderr
    (row,) = json.loads(world.says("history", "--json").stdout)["left"]
    assert row["rollout"] == str(OLD)


def test_a_release_that_comes_back_begins_anew_and_both_chains_are_told(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    pruned(world)
    world.writes(History("5.2.0", datetime.now(UTC)))
    after = verified(world)
    assert after["sound"]
    assert [row["rollout"] for row in after["retired"]] == [str(OLD)]
    assert str(OLD) in {row["rollout"] for row in after["rollouts"]}


def test_a_mark_on_the_last_entry_of_what_left_is_no_restored_backup(tmp_path: Path) -> None:
    """A replica that was away for long has one."""
    from dataclasses import replace  # noqa: PLC0415

    from stagedrollout.storage.highwater import doubt_of, mark_file, read_mark, write_mark  # noqa: PLC0415

    world = world_of(tmp_path)
    last = world.journal.history(OLD)[-1]
    pruned(world)
    path = mark_file(world.engine)
    assert path is not None
    mark = read_mark(path)
    assert mark is not None
    write_mark(path, replace(mark, seq=last.seq, rollout=str(OLD), hash=last.hash))
    assert doubt_of(world.engine) is None
    write_mark(path, replace(mark, seq=last.seq, rollout=str(OLD), hash="f" * 64))
    assert doubt_of(world.engine) is not None


def test_nothing_is_retired_from_a_journal_that_a_person_has_to_look_at_first(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    (tmp_path / "x.db.highwater").unlink()
    said = world.says("db", "prune", "--keep", "90d")
    assert (said.exit_code, "nothing is retired" in str(said.exception)) == (1, True)


def test_a_backup_knows_what_has_left(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    pruned(world)
    copied = world.says("db", "backup", str(tmp_path / "copy.db"))
    assert copied.exit_code == 0, copied.output


def test_the_newest_entry_of_all_never_leaves(tmp_path: Path) -> None:
    """The high-water mark names it."""
    world = World(tmp_path, completed("5.3.0", LONG_AGO + 7 * DAY), closed())
    assert pruned(world)["kept"] == {"it goes on": 1, "it has the newest entry of all": 1}
    with pytest.raises(StorageError, match="which the high-water mark names"):
        retired.retire(world.engine, OLD, tmp_path / "kept", datetime.now(UTC), "ana")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
