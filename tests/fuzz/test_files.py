"""What people write: configurations, policies, scenarios, ledgers and keys. Read, or refused with its place."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from stagedrollout.config.load import check
from stagedrollout.config.policies import read_policy
from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import parse
from stagedrollout.core.errors import StagedRolloutError, WrongConfiguration
from stagedrollout.emulator.errors import ScenarioError
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.rehearsal.csv_ledger import PROBLEMS_MAX, read
from stagedrollout.stores.app_store.tokens import ApiKey, Tokens
from stagedrollout.stores.google_play.tokens import credentials_from
from tests.config.conftest import GOOD
from tests.fuzz.sound import sound
from tests.fuzz.spoiling import ODD, WORDS
from tests.fuzz.target import fuzz
from tests.fuzz.world import STORY
from tests.simulation import setting

BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 1}]\n" for n in range(12))
HOSTILE = (
    *(
        "[" * 40_000,
        "{" * 40_000,
        "- " * 30_000,
        "a: " + "{b: " * 2_000,
        "? " * 5_000,
        BOMB,
        "&a [*a]",
        "<<: *x",
    ),
    *(
        "!!python/object:os.system x",
        "!!binary AAAA",
        "\ufeff",
        "\x85",
        "\u2028",
        "%YAML 9.9\n---\n",
        "---\n---\n",
        "&a &b c",
    ),
    *(
        "a: 1\na: 2",
        "'",
        '"',
        "|9\n",
        ">\n",
        ": :",
        "\t",
        "9" * 5_000,
        "0x" + "f" * 4_000,
        "1e9999",
        ".inf",
        "~",
        "\\ud800",
    ),
)
PIECES = st.one_of(st.sampled_from(HOSTILE), st.sampled_from(WORDS), st.text(max_size=20), ODD.map(str))
CUTS = st.tuples(st.integers(0, 5_000), st.integers(0, 40), PIECES)
SHIPPED = tuple(path.read_text("utf-8") for path in sorted(policies_folder().glob("*.yaml")))
SPOILT = st.lists(CUTS, min_size=1, max_size=3)


def put_in(text: str, cuts: list[tuple[int, int, str]]) -> str:
    for place, length, piece in cuts:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + length :]
    return text


def _file(folder: str, text: str) -> Path:
    path = Path(folder) / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


@fuzz("settings", SPOILT, examples=60)
def test_any_configuration_is_read_or_every_problem_told(cuts):
    with tempfile.TemporaryDirectory() as folder:
        sound([str(problem) for problem in check(_file(folder, put_in(GOOD, cuts)), environ={})])


@fuzz("policies", st.tuples(st.sampled_from(SHIPPED), SPOILT), examples=60)
def test_any_policy_is_read_or_every_problem_told(drawn):
    text, cuts = drawn
    with tempfile.TemporaryDirectory() as folder:
        policy, problems = read_policy(_file(folder, put_in(text, cuts)))
    assert (policy is None) == bool(problems)
    sound([str(problem) for problem in problems])


@fuzz("yaml", PIECES, examples=60)
def test_any_yaml_is_a_document_or_a_problem(text):
    document, problems = parse("any.yaml", text)
    assert document is not None or problems
    sound([str(problem) for problem in problems])


@fuzz("scenarios", SPOILT, examples=60)
def test_any_scenario_is_read_or_refused_in_words(cuts):
    try:
        parse_scenario(put_in(STORY, cuts), Path("any.yaml"))
    except ScenarioError as refusal:
        sound(str(refusal)[:5_000])


LEDGER = (
    "bucket_start,candidate_sessions,candidate_crashed,baseline_sessions,baseline_crashed,stage_percent\n"
    + "".join(
        f"2026-03-02T{hour:02}:00:00Z,{100 * hour},{hour},90000,41,{1 if hour < 12 else 10}\n"
        for hour in range(24)
    )
)


@fuzz("csv-ledger", SPOILT, examples=80)
def test_any_ledger_file_is_rows_or_problems(cuts):
    with tempfile.TemporaryDirectory() as folder:
        entries, problems = read(_file(folder, put_in(LEDGER, cuts)))
    assert entries or problems
    assert len(problems) <= PROBLEMS_MAX + 10
    sound([str(problem) for problem in problems])
    assert [entry.start for entry in entries] == sorted({entry.start for entry in entries})


PEM = setting._pem(setting._app_store_key())


@fuzz("app-store-key", SPOILT, examples=40)
def test_any_key_file_of_apple_signs_or_is_refused_without_its_content(cuts):
    told = ""
    try:
        Tokens(ApiKey(put_in(PEM, cuts), "2X9R4HXF34")).current()
    except StagedRolloutError as refusal:
        told = str(refusal)
    assert "BEGIN" not in told


@fuzz(
    "play-key",
    st.dictionaries(st.sampled_from(["type", "client_email", "token_uri", "private_key"]), ODD),
    examples=60,
)
def test_any_key_file_of_google_is_refused_without_its_content(written):
    info: dict[str, Any] = {
        "type": "service_account",
        "client_email": "a@b",
        "token_uri": "https://x",
        **written,
    }
    with pytest.raises(WrongConfiguration):
        credentials_from(info)
