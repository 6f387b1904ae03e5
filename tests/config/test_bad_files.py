"""Each file in bad/ is wrong in the way its name says, and lists in its head every line a person must see."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from stagedrollout.config.load import check, load
from stagedrollout.config.policies import read_policy
from stagedrollout.config.problems import Problems
from stagedrollout.core.errors import WrongConfiguration

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
HEAD = "# wrong: "


@functools.cache
def told(path: Path) -> tuple[str, ...]:
    if path.stem.startswith("policy-"):
        return tuple(str(Problems.sorted(read_policy(path)[1])).splitlines())
    with pytest.raises(WrongConfiguration) as error:
        load(path, environ={})
    return tuple(str(error.value).splitlines())


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_fault_is_told_with_its_place_and_what_would_be_right(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = tuple(f"{path}:{line.removeprefix(HEAD)}" for line in lines if line.startswith(HEAD))
    assert expected
    assert told(path) == expected


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_may_be_a_secret_is_never_repeated(path: Path):
    text = "\n".join(told(path))
    for word in ("CANARY", "xoxb-", "sntryu_", "bob:"):
        assert word not in text


@pytest.mark.parametrize(
    "path", [p for p in BAD if not p.stem.startswith("policy-")], ids=lambda path: path.stem
)
def test_check_finds_all_that_load_refuses(path: Path):
    first = told(path)
    assert set(first) <= {str(problem) for problem in check(path, environ={})}


def test_no_words_of_the_libraries_reach_the_user():
    text = "\n".join(line for path in BAD for line in told(path)).lower()
    for word in (
        "pydantic",
        "input should",
        "field required",
        "keyword argument",
        "validation",
        "scalar",
        "ruamel",
    ):
        assert word not in text
