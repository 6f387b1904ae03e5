"""Whatever a service answers, a source ends in a reading or in one of our errors; and it speaks with one host only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.errors import EdgeError, Faulty, Rejected
from stagedrollout.core.ledger import Tallied, Untallied
from stagedrollout.core.observation import Gap, Unvalued, Valued
from stagedrollout.daemon.signal_sources import BYTES_MAX
from stagedrollout.signals.http_json import at
from tests.signals.own.emulated import COUNT_QUERY, NOON, VALUE_QUERY, answering, counts, opened, values

SOURCES = sorted(counts())


def ask(source: str, status: int, body: bytes, **headers: str) -> tuple[Any, Any]:
    """What counts and value come to: each a reading or an error of ours."""
    transport = answering(status, body, headers)
    (count,) = opened(counts()[source], transport=transport).counts
    (value,) = opened(values()[source], transport=transport).values
    return _told(count, COUNT_QUERY), _told(value, VALUE_QUERY)


def _told(signal: Any, query: Any) -> Any:
    try:
        return signal.read(query)
    except EdgeError as error:
        return error


def prometheus(kind: str, *series: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": series}, **more}).encode()


@pytest.mark.parametrize("source", SOURCES)
def test_a_body_of_fifty_megabytes_is_cut_off(source: str) -> None:
    for told in ask(source, 200, b'{"a": "' + b"x" * (BYTES_MAX + 1) + b'"}'):
        assert isinstance(told, Faulty)
        assert "more than" in str(told)


@pytest.mark.parametrize("source", SOURCES)
def test_json_nested_without_end_is_refused(source: str) -> None:
    for told in ask(source, 200, b"[" * 100_000):
        assert isinstance(told, Faulty)


@pytest.mark.parametrize("source", SOURCES)
def test_a_redirect_to_another_host_is_not_followed(source: str) -> None:
    for told in ask(source, 302, b"", location="https://evil.example.com/"):
        assert isinstance(told, Rejected)
        assert "never followed" in str(told)


@pytest.mark.parametrize("source", SOURCES)
def test_words_of_a_refusal_are_one_short_line(source: str) -> None:
    words = "\x1b[31m" + "<!channel> " * 500
    bodies = ({"status": "error", "error": words}, {"errors": [{"message": words}]}, {"detail": words})
    for body in bodies:
        for told in ask(source, 400, json.dumps(body).encode()):
            assert isinstance(told, EdgeError)
            assert "\x1b" not in str(told)
            assert len(str(told)) < 400


KEYS = st.sampled_from(
    [
        "status",
        "data",
        "result",
        "resultType",
        "metric",
        "value",
        "values",
        "warnings",
        "results",
        "total",
        "bad",
        "frames",
        "schema",
        "fields",
        "type",
        "entities",
        "actor",
        "account",
        "nrql",
        "errors",
        "hours",
        "start",
        "attempts",
        "error_rate",
        "newest",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SHAPES = {
    "prometheus": lambda inner: {"status": "success", "data": {"resultType": "matrix", "result": inner}},
    "grafana": lambda inner: {
        "results": {"total": {"frames": inner}, "bad": inner, "value": {"frames": inner}}
    },
    "new_relic": lambda inner: {"data": {"actor": {"account": {"nrql": {"results": inner}}}}},
    "http_json": lambda inner: {"hours": inner, "error_rate": inner, "newest": inner},
}


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=60, deadline=timedelta(seconds=2))
@given(JSON, st.booleans())
def test_no_answer_of_any_shape_is_taken_for_more_than_it_is(source: str, inner: Any, deep: bool) -> None:
    body = SHAPES[source](inner) if deep else inner
    for told in ask(source, 200, json.dumps(body).encode()):
        assert isinstance(told, (Tallied, Untallied, Valued, Unvalued, EdgeError))
        assert not isinstance(told, Faulty) or "the source itself failed" not in str(told)


@pytest.mark.parametrize(
    ("body", "gap"),
    [
        (prometheus("vector"), Gap.ABSENT),
        (prometheus("vector", {"metric": {}, "value": [1, "NaN"]}), Gap.ABSENT),
        (prometheus("vector", {"metric": {}, "value": [1, "+Inf"]}), Gap.IMPLAUSIBLE),
        (prometheus("vector", {"metric": {}, "value": [1, "many"]}), Gap.IMPLAUSIBLE),
        (prometheus("vector", *[{"metric": {}, "value": [1, "1"]}] * 2), Gap.IMPLAUSIBLE),
    ],
)
def test_what_prometheus_has_no_number_for_is_no_number(body: bytes, gap: Gap) -> None:
    _, value = ask("prometheus", 200, body)
    assert isinstance(value, Unvalued)
    assert value.gap is gap


def test_infos_about_a_query_change_nothing() -> None:
    at_hour = NOON.timestamp() - 3_600
    body = prometheus(
        "matrix", {"metric": {}, "values": [[at_hour, "10.2"]]}, infos=["PromQL info: odd name"]
    )
    count, _ = ask("prometheus", 200, body)
    assert isinstance(count, Tallied)
    assert count.buckets[0].tally.n_c == 10


def test_more_failures_than_attempts_are_another_unit_and_no_disaster() -> None:
    rows = [{"beginTimeSeconds": int(NOON.timestamp()) - 3_600, "total": 10, "bad": 25}]
    count, _ = ask("new_relic", 200, json.dumps(SHAPES["new_relic"](rows)).encode())
    assert isinstance(count, Untallied)
    assert count.gap is Gap.IMPLAUSIBLE


def test_buckets_that_begin_at_no_full_hour_are_refused() -> None:
    rows = [{"beginTimeSeconds": int(NOON.timestamp()) - 1_800, "total": 10, "bad": 1}]
    count, _ = ask("new_relic", 200, json.dumps(SHAPES["new_relic"](rows)).encode())
    assert isinstance(count, Untallied)
    assert count.gap is Gap.IMPLAUSIBLE


def test_a_percentile_is_the_one_number_in_it_and_null_is_no_data() -> None:
    for told, number in (
        ({"95": 1.5}, 1.5),
        (None, None),
        ({}, "implausible"),
        ({"50": 1, "95": 2}, "implausible"),
    ):
        body = json.dumps(SHAPES["new_relic"]([{"value": told, "sample": 5}])).encode()
        _, value = ask("new_relic", 200, body)
        if isinstance(number, float):
            assert isinstance(value, Valued)
            assert value.candidate.number == number
        else:
            assert isinstance(value, Unvalued)
            assert value.gap is (Gap.IMPLAUSIBLE if number else Gap.ABSENT)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b.c": 7}]}),
        ("a.0", {"b.c": 7}),
        ("/a/0/b.c", 7),
        ("a.0.b", None),
        ("a.1", None),
        ("a.x", None),
        ("a.-1", None),
        ("a.99999999999", None),
    ],
)
def test_a_path_leads_where_it_says_or_nowhere(path: str, found: Any) -> None:
    assert at({"a": [{"b.c": 7}]}, path) == found
