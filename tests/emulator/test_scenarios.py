"""Scenario files: the shipped ones, and every mistake at once with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.emulator.errors import ScenarioError
from stagedrollout.emulator.scenario import LinkStory
from stagedrollout.emulator.scenario_file import load_scenario, parse_scenario, shipped_scenarios
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import _link
from tests.emulator.calls import STORY, entries, served

GOOD = STORY % ("", "")


def problems(source: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(source, Path("s.yaml"))
    return [str(problem) for problem in caught.value.problems]


def test_the_named_scenarios_ship():
    assert set(shipped_scenarios()) >= {
        "healthy",
        "bad-release",
        "sentry-outage",
        "console-halt",
        "ios-regression",
        "ios-console-pause",
        "pause-budget",
    }


TOLD_BY_ORDERS = {"week"}
"""Where people order what happens, nothing does without a daemon that hears them."""


@pytest.mark.parametrize("name", sorted({*shipped_scenarios()} - TOLD_BY_ORDERS))
def test_a_shipped_scenario_is_adopted_from_one_percent_and_plays_to_its_end(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.expect["rollouts"]
    assert scenario.story.endswith(".")
    world = World(scenario)
    for app in sorted(scenario.apps, key=_out_at):
        world.timeline.advance(max(world.timeline.now, scenario.start + _out_at(app)))
        assert served(world, app.releases[1].code)["exposure_ppm"] == 10_000
    world.timeline.advance(scenario.ends)
    planned = len(scenario.people) + sum(2 if outage.ends else 1 for outage in scenario.outages)
    assert len(entries(world, "console")) + len(entries(world, "outage")) == planned
    refused = {entry["act"] for entry in entries(world, "console") if "refused" in entry}
    assert refused <= ({"resume"} if name == "linked" else set()), (
        "no daemon is here to pause what is resumed"
    )


def _out_at(app):
    """When people can first get its new release, from the story's beginning."""
    newest = app.releases[1]
    if newest.rolled_out:
        return newest.rolled_out.at + newest.rolled_out.review
    return newest.submitted.at + newest.submitted.review + app.processing


def test_a_scenario_is_loaded_from_a_file_of_ones_own(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD, "utf-8")
    assert load_scenario(file).path == file
    assert load_scenario(str(file)).name == "test"


def test_a_missing_file_is_told_with_the_names_that_ship(tmp_path):
    with pytest.raises(ScenarioError, match="healthy"):
        load_scenario(tmp_path / "none.yaml")


def test_times_and_percentages_are_read_exactly():
    source = GOOD.replace("percent: 1,", "percent: 0.1234,").replace("until: 12d", "until: 3d 4h")
    scenario = parse_scenario(source, Path("s.yaml"))
    rolled_out = scenario.apps[0].releases[1].rolled_out
    assert rolled_out is not None
    assert rolled_out.exposure_ppm == 1_234
    assert scenario.until == timedelta(days=3, hours=4)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed: 7", "seed: -1", "s.yaml:2:7: scenario: seed must be a whole number of at least 0"),
        ("until: 12d", "until: 12", "s.yaml:4:8: scenario: until must be a duration such as 90m"),
        ("name: test\n", "", "s.yaml:1:1: scenario lacks name"),
        ("name: test", "nam: test", "s.yaml:1:6: scenario: nam is no field here"),
        ("version: 5.1.0,", "version: 5.1,", "must be text, not 5.1"),
        (
            "percent: 1,",
            "percent: 101,",
            "scenario.apps[0].releases[1].rolled_out: percent must be from 0 to 100",
        ),
        (
            "crash_free: 99.8}\n      - {version: 5.2",
            "crash_free: x}\n      - {version: 5.2",
            "percentage such as",
        ),
        ("code: 5030", "code: 5020", "must have rising, different codes"),
        ("population: 2000000", "population: 0", "population must be a whole number of at least 1"),
        ("start: 2026-03-02T06:00:00Z", "start: monday", "s.yaml:3:8: scenario: start must be an instant"),
        ("review: 2h", "review: 2h\n    review: 3h", "duplicate key"),
        ("seed: 7", "seed: 7\nswitches: {slack_rate_limit: 1}", "switch slack_rate_limit cannot stand at 1"),
        ("seed: 7", "seed: 7\npeople: [{at: 1h, app: nobody, act: halt}]", "speaks of an app 'nobody'"),
        ("seed: 7", "seed: 7\npeople: [{at: 1h, app: acme, act: sing}]", "must be one of halt, raise"),
        ("seed: 7", "seed: 7\npeople: {}", "scenario: people must be a list"),
        (
            "seed: 7",
            "seed: 7\noutages: [{service: slack, begins: 1h, kind: frozen}]",
            "does not happen to slack",
        ),
        (
            "seed: 7",
            "seed: 7\noutages: [{service: slack, begins: 2h, ends: 1h, kind: down}]",
            "be after begins",
        ),
        ("apps:\n", "apps: 5\nx:\n", "scenario: apps must be a list"),
        ("name: test", "name: [", "s.yaml:"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_column(old, new, told):
    assert old in GOOD
    assert any(told in problem for problem in problems(GOOD.replace(old, new, 1)))


def test_all_mistakes_are_told_at_once_in_order():
    source = GOOD.replace("seed: 7", "seed: x").replace("until: 12d", "until: y").replace("5030", "z")
    assert [int(problem.split(":")[1]) for problem in problems(source)] == [2, 4, 14]


@pytest.mark.parametrize("source", ["", "[]", "text", "- a", "a: b: c", "\t", "!!python/object:os.system x"])
def test_what_is_no_scenario_at_all_is_refused(source):
    assert problems(source)


BOTH = GOOD.replace(
    "    package: com.acme.app\n", "    package: com.acme.app\n    link: {lead: google_play, after: 50}\n", 1
)
ON_IOS = """\
  - name: acme
    store: app_store
    package: com.acme.app
    population: 1000
    releases:
      - {version: 5.1.0, code: 1, crash_free: 99.8}
"""


def test_an_app_on_both_stores_may_be_linked_and_its_configuration_says_so():
    linked = parse_scenario(BOTH + ON_IOS, Path("s.yaml"))
    assert linked.apps[0].link == LinkStory("google_play", 500_000)
    assert _link(linked, "acme") == {"link": {"lead": "google_play", "after": 50.0}}
    assert _link(parse_scenario(GOOD, Path("s.yaml")), "acme") == {}


def test_what_is_on_one_store_only_cannot_be_linked():
    assert any("links 'acme', which is not on both stores" in problem for problem in problems(BOTH))
    assert any(
        "lead must be one of" in p
        for p in problems(BOTH.replace("lead: google_play", "lead: amazon") + ON_IOS)
    )
