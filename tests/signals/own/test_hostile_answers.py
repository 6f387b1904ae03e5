"""Whatever a service answers, a source ends in a reading or in one of our errors; and it speaks with one host only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.errors import EdgeError, Faulty, Rejected
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Tallied, Untallied
from stagedrollout.core.observation import Gap, Unvalued, Valued
from stagedrollout.daemon.signal_sources import BYTES_MAX
from stagedrollout.signals.base import Count, CountSource, Declaration, Release, Setting, Span, Store
from stagedrollout.signals.compared import ComparedCounts
from stagedrollout.signals.http_json import at
from tests.signals.own.emulated import (
    COUNT_QUERY,
    NEW,
    NOON,
    OLD,
    VALUE_QUERY,
    answering,
    counts,
    opened,
    values,
)

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


@pytest.mark.promise("R22")
@pytest.mark.parametrize("source", SOURCES)
def test_a_body_of_fifty_megabytes_is_cut_off(source: str) -> None:
    for told in ask(source, 200, b'{"a": "' + b"x" * (BYTES_MAX + 1) + b'"}'):
        assert isinstance(told, Faulty)
        assert "more than" in str(told)


@pytest.mark.promise("R22")
@pytest.mark.parametrize("source", SOURCES)
def test_json_nested_without_end_is_refused(source: str) -> None:
    for told in ask(source, 200, b"[" * 100_000):
        assert isinstance(told, Faulty)


@pytest.mark.promise("R24")
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


def _hours(*rows: tuple[Any, ...]) -> bytes:
    """Hours of attempts and, where they are told, of errors; the newest first."""
    names = ("attempts", "errors")
    hours = [
        {"start": (NOON - n * HOUR).isoformat(), **dict(zip(names, row, strict=False))}
        for n, row in enumerate(rows, start=1)
    ]
    return json.dumps({"hours": hours}).encode()


def test_a_failure_counted_in_a_quiet_hour_after_its_attempt_does_not_silence_the_whole_run() -> None:
    count, _ = ask("http_json", 200, _hours((100, 60), (0, 3), (100, 60)))
    assert isinstance(count, Tallied)
    assert [bucket.tally.k_c for bucket in count.buckets] == [60, 60]
    assert [row.start for row in count.refused] == [NOON - 2 * HOUR]


def test_a_release_that_fell_silent_is_not_fresh_because_people_still_use_the_one_before() -> None:
    """Its till is so broken that nobody gets to it."""

    class Silent(CountSource):
        declared = Declaration(unit="checkouts", lag=HOUR * 0, can_halt=True, no_data="nothing")

        def counts(self, release: Release, span: Span) -> list[Count]:
            hours = range(1, 12) if release == OLD else range(silent, 12)
            return [Count(NOON - n * HOUR, 100, 1) for n in hours]

    silent = 8
    source = ComparedCounts(Silent(Setting(name="till", app="com.acme.app", store=Store.GOOGLE_PLAY)))
    read = source.read(COUNT_QUERY)
    assert isinstance(read, Tallied)
    assert read.as_of == NOON - 7 * HOUR
    silent = 12
    nothing = source.read(COUNT_QUERY)
    assert isinstance(nothing, Untallied)
    assert (nothing.gap, nothing.why) == (Gap.ABSENT, f"no data of {NEW.label}")


@pytest.mark.parametrize("bad", [(), (None,)])
def test_hours_without_their_errors_are_no_healthy_hours(bad: tuple[None, ...]) -> None:
    count, _ = ask("http_json", 200, _hours((100, *bad)))
    assert isinstance(count, Untallied)
    assert count.gap is Gap.IMPLAUSIBLE
    assert "it must be 0 for none" in count.why


def test_an_hour_with_nothing_at_all_is_no_data() -> None:
    count, _ = ask("http_json", 200, _hours((None, None), (0,)))
    assert isinstance(count, Untallied)
    assert count.gap is Gap.ABSENT


@pytest.mark.promise("R24")
def test_a_token_that_a_service_repeats_in_an_error_with_200_is_not_told() -> None:
    words = "rejected: Bearer a-token-of-this-test"
    bodies = (
        {"results": {"total": {"error": words}, "value": {"error": words}}},
        {"errors": [{"message": words}]},
        {"status": "success", "data": {}, "warnings": [words]},
    )
    for source, body in zip(("grafana", "new_relic", "prometheus"), bodies, strict=True):
        for told in ask(source, 200, json.dumps(body).encode()):
            assert "rejected" in str(told)
            assert "a-token-of-this-test" not in str(told)


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
