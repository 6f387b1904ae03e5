"""Alert rules and dashboard as they are shipped: what they ask for is in the table, and people are told in words."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.daemon.watched.table import TABLE, shipped
from tests.watched.queries import (
    OF_PROMETHEUS,
    Query,
    alerts,
    dashboard,
    named,
    panels,
    read,
    rules,
    variables,
)

QUERIES = {**alerts(), **panels()}
SERIES = {row.name: row.labels for row in TABLE} | {
    f"{row.name}_{part}": row.labels for row in TABLE if row.kind == "summary" for part in ("count", "sum")
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))
def test_a_query_asks_for_what_there_is(query: Query):
    selectors = list(query.selectors())
    assert selectors
    for selector in selectors:
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= set(SERIES[selector.name])
    known = {label for selector in selectors for label in SERIES[selector.name]}
    assert {*query.grouped(), *query.matched()} <= known | OF_PROMETHEUS
    assert named(query.shown) <= (set(query.grouped()) or known)


def test_a_variable_of_the_dashboard_lists_a_label_that_there_is():
    assert variables()
    assert all(label in SERIES[metric] for metric, label in variables().items())


@pytest.mark.parametrize("name", rules())
def test_an_alarm_says_how_grave_it_is_what_happened_and_what_to_do(name: str):
    rule = rules()[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(len(text) > 10 for text in rule["annotations"].values())


@pytest.mark.promise("R21")
def test_there_is_an_alarm_where_there_are_no_metrics_at_all():
    assert rules()["StagedrolloutAbsent"]["expr"] == "absent(stagedrollout_build_info)"


def test_panels_stand_beside_each_other_and_each_has_its_number():
    boxes = [panel["gridPos"] for panel in dashboard()["panels"]]
    taken = [
        (x, y)
        for at in boxes
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(boxes)


def test_names_end_in_their_unit_and_counters_in_total():
    units = ("seconds", "ratio", "ln", "total", "info")
    plain = {
        "healthy",
        "ready",
        "held",
        "epoch",
        "writable",
        "barred",
        "refused",
        "troubled",
        "halted",
        "phase",
    }
    plain |= {"decision", "verdict", "sample", "needed", "undelivered", "lost", "people"}
    for row in TABLE:
        assert row.name.startswith("stagedrollout_")
        assert row.name.rpartition("_")[2] in (*units, *plain), row.name
        assert row.name.endswith("_total") == (row.kind == "counter")
        assert row.help.endswith(".")


@pytest.mark.parametrize(
    ("options", "text"),
    [(["--alerts"], shipped("alerts.yaml")), (["--dashboard"], shipped("dashboard.json"))],
)
def test_a_command_prints_the_files(options: list[str], text: str):
    done = CliRunner().invoke(cli, ["metrics", *options])
    assert (done.exit_code, done.output) == (0, text)


def test_a_command_lists_the_metrics():
    done = CliRunner().invoke(cli, ["metrics"])
    assert done.exit_code == 0
    assert "stagedrollout_pass_lateness_seconds{app, store}  (gauge)\n" in done.output
    assert done.output.count("    ") == len(TABLE)


def test_the_dashboard_is_json_that_is_short_enough_to_be_read():
    assert json.loads(shipped("dashboard.json"))["title"] == "stagedrollout"
    assert len(shipped("dashboard.json").splitlines()) < 400


def test_a_query_for_what_there_is_not_would_be_noticed():
    with pytest.raises(AssertionError):
        test_a_query_asks_for_what_there_is(Query("x", 'stagedrollout_healthy{app="x"} == 0'))
    with pytest.raises(KeyError):
        test_a_query_asks_for_what_there_is(Query("x", "sum(rate(stagedrollout_sick[5m]))"))
    with pytest.raises(ValueError, match="twice"):
        read('a{x="1"} 1\na{x="1"} 2\n')
