"""The queries of alert rules and dashboard, taken apart by a parser of PromQL, and the plain ones evaluated on one scrape."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from stagedrollout.daemon.watched.table import shipped

OF_PROMETHEUS = {"job", "instance"}
"""The labels that Prometheus puts on whatever it scrapes."""

Labels = dict[str, str]
Scrape = list[tuple[str, Labels, float]]


@dataclass(frozen=True)
class Query:
    where: str
    text: str
    shown: str = ""
    """What people are told with it."""

    @property
    def tree(self) -> promql.Expr:
        return promql.parse(self.text)

    @property
    def of_one_scrape(self) -> bool:
        """Whether `fires` can tell: nothing is summed, nothing is of a time."""
        return not any(isinstance(node, (promql.Call, promql.AggregateExpr)) for node in self._nodes())

    def selectors(self) -> Iterator[promql.VectorSelector]:
        yield from (node for node in self._nodes() if isinstance(node, promql.VectorSelector))

    def grouped(self) -> Iterator[str]:
        """The labels that sums keep; without a sum all are kept."""
        for node in self._nodes():
            if isinstance(node, promql.AggregateExpr) and node.modifier:
                yield from node.modifier.labels

    def matched(self) -> Iterator[str]:
        """The labels by which two sides are brought together."""
        for node in self._nodes():
            if isinstance(node, promql.BinaryExpr) and node.modifier and node.modifier.matching:
                yield from node.modifier.matching.labels

    def _nodes(self) -> list[Any]:
        found: list[Any] = []
        promql.walk(self.tree, pre_visit=found.append)
        ranges = [node.vector_selector for node in found if isinstance(node, promql.MatrixSelector)]
        return [*found, *ranges]  # the walk ends at a range


@cache
def rules() -> dict[str, dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(shipped("alerts.yaml"))
    (group,) = document["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def alerts() -> dict[str, Query]:
    return {
        name: Query(name, rule["expr"], " ".join(rule["annotations"].values()))
        for name, rule in rules().items()
    }


@cache
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shipped("dashboard.json"))
    return found


def panels() -> dict[str, Query]:
    return {
        f"{panel['title']} {target['refId']}": Query(
            panel["title"],
            target["expr"].replace("$app", ".*"),
            target["legendFormat"].replace("{{", "{{$labels."),
        )
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    }


def variables() -> dict[str, str]:
    """The label that each variable of the dashboard lists, by the metric it is of."""
    asked = [each["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"]
    return dict(re.fullmatch(r"label_values\((\w+), (\w+)\)", each).groups() for each in asked)  # type: ignore[misc, union-attr]


def named(text: str) -> set[str]:
    """The labels that people are shown."""
    return set(re.findall(r"\$labels\.(\w+)", text))


def read(page: str) -> Scrape:
    """Raises ValueError for what Prometheus would not take: a series that comes twice among it."""
    found = [
        (sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]
    keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in found]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"series that come twice: {twice}")
    return found


def met(selector: promql.VectorSelector, scrape: Scrape) -> list[tuple[Labels, float]]:
    """What a selector finds. A label that a metric does not have is an error: Prometheus takes it for empty."""
    of_it = [(labels, value) for name, labels, value in scrape if name == selector.name]
    matchers = list(selector.matchers.matchers)
    unknown = [one.name for one in matchers if of_it and not any(one.name in labels for labels, _ in of_it)]
    assert not unknown, f"{selector.name} has no label {unknown}"
    return [(labels, value) for labels, value in of_it if all(_fits(one, labels) for one in matchers)]


def _fits(matcher: promql.Matcher, labels: Labels) -> bool:
    value = labels.get(matcher.name, "")
    match matcher.op:
        case promql.MatchOp.Equal:
            return value == matcher.value
        case promql.MatchOp.NotEqual:
            return value != matcher.value
        case promql.MatchOp.Re:
            return re.fullmatch(matcher.value, value) is not None
        case promql.MatchOp.NotRe:
            return re.fullmatch(matcher.value, value) is None
    raise AssertionError(matcher)


_COMPARISONS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq}


def fires(query: Query, scrape: Scrape) -> list[Labels]:
    """Whose alarm it would be: of comparisons with a number, or with the one series on the right; nothing else is needed."""
    return [labels for labels, _ in _evaluated(query.tree, scrape)]


def _evaluated(node: promql.Expr, scrape: Scrape) -> list[tuple[Labels, float]]:
    if isinstance(node, promql.VectorSelector):
        return met(node, scrape)
    if isinstance(node, promql.ParenExpr):
        return _evaluated(node.expr, scrape)
    if isinstance(node, promql.NumberLiteral):
        return [({}, node.val)]
    assert isinstance(node, promql.BinaryExpr), type(node)
    ((_, bound),) = _evaluated(node.rhs, scrape)
    compare = _COMPARISONS[str(node.op)]
    return [(labels, value) for labels, value in _evaluated(node.lhs, scrape) if compare(value, bound)]
