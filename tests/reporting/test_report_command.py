"""`stagedrollout report`, as it is typed: from a database, in tables, as JSON, as a picture."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stagedrollout.cli.main import cli
from stagedrollout.core import facts
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.ledger import Tally
from stagedrollout.core.model import CommandVerb, Store
from tests.core.builders import ANNA, DAY, HOUR, NOON
from tests.reporting.histories import History, bad, completed
from tests.reporting.kept import configured

RELEASE_KEYS = (
    "app store release release_id policy started_at started_by ended_at lasted_hours outcome phase exposure_ppm"
    " superseded_by hours_to_100 hours holds held other halts failing stages overrides console troubles notices"
)
HALT_KEYS = (
    "at by code gate words exposure_ppm sessions suspected_at hours_from_suspicion confirmed_at hours_to_confirm"
    " refused resumed_at resumed_by reached_100_after"
)
STAGE_KEYS = (
    "exposure_ppm since until hours left odds_of_harm odds_of_safety sessions crash_free_ppm baseline_sessions"
    " baseline_crash_free_ppm"
)
OVERALL_KEYS = (
    "releases over enough outcomes hours_to_100 halted share_halted halts machine_halts taken_back"
    " exposure_at_halt_ppm sessions_at_halt hours_from_suspicion hours_to_confirm hours held overrides"
    " overrides_per_release notices undelivered"
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three releases of two stores, and a draft that nobody started."""
    return configured(
        tmp_path_factory.mktemp("report"),
        completed().counted(*[Tally(100, 1, 9_000, 36)] * 80),
        bad("5.3.0", NOON + 7 * DAY),
        completed("5.4.0", NOON + 14 * DAY, store=Store.APP_STORE),
        History("5.5.0", NOON + 15 * DAY),
    )


def ran(config: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["report", *words, "--config", str(config)], env={"COLUMNS": "80"})


def told(config: Path, *words: str) -> dict:
    return json.loads(ran(config, "--json", *words).stdout)


def test_the_keys_of_the_document_are_those_that_are_promised(config):
    document = told(config)
    assert list(document) == ["releases", "overall", "hints", "older", "damaged"]
    first, halted, _ = document["releases"]
    assert " ".join(first) == RELEASE_KEYS
    assert " ".join(halted["halts"][0]) == HALT_KEYS
    assert " ".join(first["stages"][0]) == STAGE_KEYS
    assert " ".join(document["overall"]) == OVERALL_KEYS
    assert (first["hours_to_100"], first["stages"][0]["sessions"]) == (72.0, 3_600)
    assert sum(first["hours"].values()) == pytest.approx(first["lasted_hours"])
    assert first["notices"] == {"started": {"count": 1, "broadcast": 1, "waiting": 1, "failed": 0}}
    assert halted["stages"][0]["sessions"] is None


def test_the_newest_releases_come_last_and_can_be_chosen(config):
    def names(*words: str) -> list[str]:
        return [each["release"].split()[0] for each in told(config, *words)["releases"]]

    assert names() == ["5.2.0", "5.3.0", "5.4.0"]
    assert (names("--last", "1"), told(config, "--last", "1")["older"]) == (["5.4.0"], 2)
    assert names("--store", "app_store") == ["5.4.0"]
    assert names("--since", "2026-03-09") == ["5.3.0", "5.4.0"]
    assert names("shop", "--store", "google_play", "--last", "1") == ["5.3.0"]


def test_the_tables_fit_where_nobody_looks_at_a_terminal(config):
    said = ran(config)
    assert said.exit_code == 0
    assert max(map(len, said.stdout.splitlines())) <= 100
    assert "\x1b" not in said.stdout
    for words in (
        "3 releases, started 2026-03-02 to 2026-03-16",
        "halted at 10 % by stagedrollout: evidence of harm 120 : 1 (halt at 100 : 1); suspected 2h before",
        "held once: evidence: suspicion of harm 6h",
        "waited for the hours for raises 12h",
        "3 of them are over: too few to mean much, 5 are needed",
        "3d in the median of 2",
    ):
        assert words in " ".join(said.stdout.split())


def test_a_halt_that_the_store_never_showed_is_not_hidden_behind_the_one_that_it_did(tmp_path):
    lost = History("5.4.0", NOON + 14 * DAY).started(0, 10).waits(0.25).halted(2, confirmed=None)
    said = " ".join(ran(configured(tmp_path, bad(), lost)).stdout.split())
    assert "halt to store 6m; 1 NOT seen in the store" in said


def test_foreign_words_are_data_on_the_screen(tmp_path):
    strange = completed("5.2.0[/red]\x1b[31m").waits(80, "a[/b]")
    strange.told.insert(8, (facts.Held(ANNA, "[/bold]", None), NOON + 2 * HOUR))
    said = ran(configured(tmp_path, strange.ordered(70, CommandVerb.ADVANCE)))
    assert (said.exception, said.exit_code) == (None, 0)
    assert "5.2.0[/red]" in said.stdout
    assert "\x1b" not in said.stdout


def test_an_app_that_nobody_knows_is_told_with_those_that_are_known(config):
    said = ran(config, "shopp")
    assert said.exit_code == 2
    assert "the database has no app 'shopp'; did you mean `shop`?" in said.stderr


def test_an_empty_database_is_told_in_words(tmp_path):
    empty = configured(tmp_path)
    assert "there is nothing to report yet" in ran(empty).stdout
    assert (ran(empty).exit_code, told(empty)["overall"]) == (0, None)
    assert "there is nothing to draw yet" in ran(empty, "--plot", str(tmp_path / "x.png")).stderr


def test_a_journal_that_was_changed_is_named_and_the_others_are_told(tmp_path):
    config = configured(tmp_path, completed(), bad("5.3.0", NOON + DAY), bad("5.4.0", NOON + 2 * DAY))
    with sqlite3.connect(tmp_path / "x.db") as database:
        like = "select max(seq) from event where rollout like '%/530'"
        database.execute(f"update event set at_us = at_us + 1 where seq = ({like})")
        like = "select min(seq) from event where rollout like '%/540'"
        database.execute(f"update event set kind = 'moon_landing' where seq = ({like})")
    said = ran(config, "--json")
    document = json.loads(said.stdout)
    assert [each["release_id"] for each in document["releases"]] == ["520"]
    assert [each["release_id"] for each in document["damaged"]] == ["530", "540"]
    assert "is not as it was written" in document["damaged"][0]["why"]
    assert "shop/google_play/530: its journal cannot be read" in said.stderr
    assert said.exit_code == 1


@pytest.mark.parametrize(("suffix", "first"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_of_the_kind_that_its_file_is_named_for(config, tmp_path, suffix, first):
    path = tmp_path / f"releases{suffix}"
    said = ran(config, "--plot", str(path))
    assert (said.exit_code, said.stderr.splitlines()[0]) == (0, f"picture: {path}")
    assert path.read_bytes().startswith(first)


def test_a_picture_of_another_kind_is_refused_in_words(config, tmp_path):
    said = ran(config, "--plot", str(tmp_path / "releases.jpg"))
    assert isinstance(said.exception, WrongConfiguration)
    assert "ends in .png or .svg" in str(said.exception)


def test_without_matplotlib_one_is_told_what_to_install(config, tmp_path, monkeypatch):
    monkeypatch.setattr("stagedrollout.rehearsal.extra.find_spec", lambda _: None)
    said = ran(config, "--plot", str(tmp_path / "releases.png"))
    assert isinstance(said.exception, WrongConfiguration)
    assert "pip install 'stagedrollout[rehearsal]'" in str(said.exception)
