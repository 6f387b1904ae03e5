"""Whatever stands in a file: a configuration or our refusal, soon, and nothing that looks like a secret in it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagedrollout.config.load import Loaded, check, load
from stagedrollout.config.policies import read_policy
from stagedrollout.core.errors import WrongConfiguration
from tests.config.conftest import GOOD, POLICY

FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PIECES = st.sampled_from(
    [
        "database: ",
        "apps:",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "!!str ",
        "!x ",
        "? ",
        ": ",
        "'",
        '"',
        "<<: ",
        "| ",
        "> ",
        "#",
        "%YAML 1.1\n---\n",
        "---\n",
        "...\n",
        "\t",
        "null",
        "1e999",
        "0x1F",
        ".nan",
        "2026-13-99",
        "poll: ",
        "policy: ",
        "\\",
        "\x85",
        "\u2028",
        "ü",
        "@",
        "`",
        "0o9",
        "1_000",
        "-",
        "+.inf",
        "!<tag:x> ",
        "%",
        "!",
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=30).map("".join))


def loaded_or_refused(path: Path) -> None:
    try:
        outcome: Loaded | str = load(path, environ={})
    except WrongConfiguration as error:
        outcome = str(error)
    assert isinstance(outcome, Loaded) or outcome.startswith(str(path))


@pytest.mark.promise("R23")
@FEW
@given(text=TEXTS)
def test_any_text_is_read_or_refused(tmp_path: Path, text: str):
    path = tmp_path / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    loaded_or_refused(path)


@FEW
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes):
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    loaded_or_refused(path)


@pytest.mark.promise("R23")
@FEW
@given(data=st.data())
def test_a_good_configuration_with_something_put_in_is_read_or_refused(tmp_path: Path, data: st.DataObject):
    at = data.draw(st.integers(0, len(GOOD)))
    until = data.draw(st.integers(at, min(len(GOOD), at + 12)))
    path = tmp_path / "any.yaml"
    path.write_bytes((GOOD[:at] + data.draw(TEXTS) + GOOD[until:]).encode("utf-8", "surrogatepass"))
    loaded_or_refused(path)


@pytest.mark.promise("R23")
@FEW
@given(data=st.data())
def test_a_good_policy_with_something_put_in_is_read_or_refused(tmp_path: Path, data: st.DataObject):
    text = POLICY + 'calendar: {time_zone: UTC, hours: {start: "09:00", end: "10:00"}}\nwatch: 3d\n'
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 8)))
    path = tmp_path / "any.yaml"
    path.write_bytes((text[:at] + data.draw(TEXTS) + text[until:]).encode("utf-8", "surrogatepass"))
    policy, problems = read_policy(path)
    assert (policy is None) == bool(problems)


CANARIES = [
    "xoxb-12345-CANARY",
    "sntryu_CANARY0123",
    "-----BEGIN CANARY KEY-----",
    "eyJhbGciOiJIUzI1NiJ9.CANARY",
]


@pytest.mark.promise("R24")
@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_in_place_of_any_word_is_never_repeated(tmp_path: Path, canary: str):
    path = tmp_path / "any.yaml"
    for word in (
        "sqlite:///state/x.db",
        "{file: play.json}",
        "play.json",
        "SLACK_TOKEN",
        "C0RELEASE",
        "acme-android",
        "standard",
        "com.acme.app",
        "policy",
        "package",
        "{env: SENTRY_TOKEN}",
    ):
        path.write_text(GOOD.replace(word, f'"{canary}"', 1), encoding="utf-8")
        found = check(path, environ={"SENTRY_TOKEN": canary, "SLACK_TOKEN": canary})
        assert found
        assert "CANARY" not in "\n".join(map(str, found))
        assert "CANARY" not in repr(found)


@pytest.mark.promise("R22")
@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "- " * 20_000,
        "a: " + "{b: " * 2_000,
        "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 1}]\n" for i in range(30)),
        "database: " + "9" * 100_000,
    ],
    ids=["brackets", "dashes", "braces", "bomb", "digits"],
)
def test_a_hostile_file_costs_little(tmp_path: Path, text: str):
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.monotonic()
    loaded_or_refused(path)
    assert time.monotonic() - began < 10
