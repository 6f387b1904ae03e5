"""People in the configuration, and whether those whom a policy asks are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.config.load import check, load
from stagedrollout.core.people import Person, Right

TOP = """\
database: sqlite:///x.db
google_play: {credentials: {env: PLAY_KEY}}
sentry: {organization: acme, token: {env: SENTRY_TOKEN}}
policies: [policies]
%sapps:
  - name: droid
    policy: asking
    google_play: {package: com.acme.droid, sentry: {project: acme}}
"""
ASKING = """\
stages:
  - {percent: 5, bake: 24h}
  - {percent: 50, bake: 24h, approvals: {count: 2, groups: [qa]}}
evidence: {}
"""
ENVIRON = {"PLAY_KEY": "x", "SENTRY_TOKEN": "y"}
ANA, BO = "  - {name: Ana, os_user: ana, groups: [qa]}\n", "  - {name: Bo, slack: U0BO, groups: [qa, dev]}\n"


@pytest.fixture
def written(tmp_path: Path):
    def write(people: str, policy: str = ASKING) -> Path:
        (tmp_path / "policies").mkdir(exist_ok=True)
        (tmp_path / "policies" / "asking.yaml").write_text(policy)
        file = tmp_path / "stagedrollout.yaml"
        file.write_text(TOP % (f"people:\n{people}" if people else ""))
        return file

    return write


def test_people_have_a_name_accounts_groups_and_rights(written) -> None:
    settings = load(written(ANA + BO), environ=ENVIRON).settings
    assert settings.people == (
        Person(name="Ana", os_user="ana", groups=("qa",)),
        Person(name="Bo", slack="U0BO", groups=("qa", "dev")),
    )
    assert settings.people[0].rights == (Right.RAISE, Right.APPROVE)


@pytest.mark.parametrize(
    ("people", "may"),
    [
        ("", 0),
        (ANA, 1),
        (ANA + BO.replace("qa, dev", "dev"), 1),
        (ANA + BO.replace("]}", "], rights: [raise]}"), 1),
    ],
)
def test_a_word_that_nobody_can_give_is_not_waited_for_for_ever(written, people: str, may: int) -> None:
    (problem,) = check(written(people), environ=ENVIRON)
    assert f"asks for 2 approvals from qa at 50 %, and {may} of the people listed may give them" in str(
        problem
    )


def test_a_policy_that_wants_two_persons_needs_two(written) -> None:
    alone = written(
        ANA,
        ASKING.replace("approvals: {count: 2, groups: [qa]}", "min_sample: 1") + "two_persons: [complete]\n",
    )
    (problem,) = check(alone, environ=ENVIRON)
    assert "wants two persons, and of the people listed 1 may do anything" in str(problem)


def test_where_rights_are_not_managed_anybody_may_approve(written) -> None:
    assert check(written("", ASKING.replace(", groups: [qa]", "")), environ=ENVIRON) == []


@pytest.mark.parametrize(
    "people",
    ["  5\n", "  - {name: Ana, os_user: ana, groups: 5}\n", "  - {name: Ana, os_user: ana, rights: 5}\n"],
)
def test_whatever_stands_under_people_is_told_and_keeps_no_halt_from_being_ordered(
    written, people: str
) -> None:
    file = written(people)
    assert check(file, environ=ENVIRON)
    said = CliRunner().invoke(cli, ["halt", "droid", "--reason", "x", "--wait", "1s", "--config", str(file)])
    assert said.exit_code == 3, said.output
