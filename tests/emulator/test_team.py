"""The team of a story: what its people order is kept, handed out when its time comes, and waited for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stagedrollout.core.model import CommandVerb, Via
from stagedrollout.core.people import Right
from stagedrollout.emulator.errors import ScenarioError
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.scenario_team import RIGHTS, VERBS, WAYS
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import write_config
from tests.emulator.calls import STORY, control

TEAM = """\
team:
  - {name: Ana Lima, os_user: ana, slack: U0ANA, groups: [release]}
  - {name: Ben Ode, slack: U0BEN, groups: [qa], rights: [approve]}
orders:
  - {at: 5h, by: Ben Ode, verb: approve, app: acme, to: 5, reason: tested, via: slack}
  - {at: 3h, by: Ana Lima, verb: hold, app: acme, for: 6h, reason: lunch}
"""
GOOD = STORY % ("", "") + TEAM


@pytest.fixture
def world() -> World:
    return World(parse_scenario(GOOD, Path("s.yaml")))


def _ask(world: World, **said: object) -> list[dict[str, object]]:
    return control(world, "POST", "orders", said).document["orders"]


def _idle(world: World) -> str:
    return control(world, "POST", "idle", {"next_due": None}).document["now"]


def test_the_words_are_those_of_the_daemon():
    assert set(VERBS) == {verb.value for verb in CommandVerb}
    assert set(WAYS) == {via.value for via in Via}
    assert set(RIGHTS) == {right.value for right in Right}


def test_the_clock_stands_still_at_each_order_until_it_is_carried_out(world):
    assert _ask(world) == []
    assert _idle(world) == _idle(world) == "2026-03-02T09:00:00Z"
    (hold,) = _ask(world)
    assert (hold["by"], hold["account"], hold["verb"], hold["for_seconds"]) == (
        *("Ana Lima", "ana", "hold"),
        21_600,
    )
    assert _idle(world) == "2026-03-02T09:00:00Z"
    assert _ask(world, done=hold["number"]) == []
    assert _idle(world) == "2026-03-02T11:00:00Z"
    (approve,) = _ask(world)
    assert (approve["account"], approve["via"], approve["to_percent"]) == ("U0BEN", "slack", 5)
    _ask(world, done=approve["number"])
    assert _idle(world) == "2026-03-14T06:00:00Z"


def test_where_nobody_carries_them_out_the_story_goes_on_without(world):
    assert _idle(world) == "2026-03-14T06:00:00Z"


def test_an_order_is_done_once(world):
    _ask(world)
    _idle(world)
    (hold,) = _ask(world)
    _ask(world, done=hold["number"])
    again = control(world, "POST", "orders", {"done": hold["number"]})
    assert (again.status, again.document["error"]) == (400, f"no order {hold['number']} is waiting")


def test_the_written_configuration_lists_the_team(world, tmp_path):
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "standard.yaml").write_text("description: of no interest here\n", "utf-8")
    config = write_config(tmp_path / "conf", world, url="http://127.0.0.1:1", policies=policies)
    assert YAML(typ="safe", pure=True).load(config)["people"] == [
        {"name": "Ana Lima", "os_user": "ana", "slack": "U0ANA", "groups": ["release"]},
        {"name": "Ben Ode", "slack": "U0BEN", "groups": ["qa"], "rights": ["approve"]},
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("by: Ben Ode", "by: Eve", "orders are also given by 'Eve', who is not in team"),
        ("reason: tested, via: slack", "reason: tested", "from Ben Ode, who has no account there"),
        ("verb: hold", "verb: sing", "verb must be one of start, hold"),
        ("app: acme, for", "app: acne, for", "orders speaks of an app 'acne'"),
        ("for: 6h, reason: lunch", "for: 6h", "lacks reason"),
        ("via: slack", "via: mail", "via must be one of cli, slack"),
        ("rights: [approve]", "rights: [sing]", "rights must be one of raise, approve"),
        (", slack: U0BEN, groups", ", groups", "needs an account"),
    ],
)
def test_a_mistake_is_told_with_its_line(old, new, told):
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(GOOD.replace(old, new, 1), Path("s.yaml"))
    (problem,) = (str(each) for each in caught.value.problems if told in str(each))
    line = int(problem.split(":")[1])
    assert line > STORY.count("\n") - 3, "in the team's part of the file"
