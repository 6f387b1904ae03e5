"""What a release is called is written into queries as data, whatever it is called."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.http.templates import (
    Unwritable,
    address_text,
    filled,
    filled_within,
    plain_text,
    promql_problem,
    promql_text,
)

TIMES = {"start": "1", "end": "2", "window": "5m"}


def test_only_places_are_filled_and_other_braces_stay() -> None:
    texts = {"package": "com.acme", "version": "5.2.0", "build": "7"}
    query = 'sum(increase(x{app="{package}",v="{version}-{build}"}[{window}])) or {other}'
    assert filled(query, texts, TIMES, promql_text) == (
        'sum(increase(x{app="com.acme",v="5.2.0-7"}[5m])) or {other}'
    )
    assert filled_within({"a": ["{build}", 7, None]}, texts, TIMES, str) == {"a": ["7", 7, None]}


@given(st.text(max_size=20))
def test_no_text_ends_the_quotes_it_stands_in(text: str) -> None:
    written = promql_text(text)
    assert re.fullmatch(r"(?:[A-Za-z0-9._+ ()-]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*", written)
    if all(ord(mark) <= 0xFFFF for mark in text):
        assert json.loads(f'"{written}"') == text


@given(st.text(max_size=20))
def test_what_cannot_be_written_plainly_is_not_written(text: str) -> None:
    try:
        written = plain_text(text)
    except Unwritable:
        assert not re.fullmatch(r"[A-Za-z0-9._+ ()-]+", text, re.ASCII)
    else:
        assert written == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_text_leads_an_address_elsewhere(text: str) -> None:
    try:
        written = address_text(text)
    except Unwritable:
        assert text in (".", "..")
    else:
        assert not set(written) & set("/?#@:\\")


@pytest.mark.parametrize(
    "query", ['x{v="{version}"}', 'x{v=\'{version}\',w="a\\"{build}"}', 'x[{window}] / y{a=~"b"}', ""]
)
def test_a_query_that_can_be_filled_safely_is_let_be(query: str) -> None:
    assert promql_problem(query) == ""


@pytest.mark.parametrize(
    "query",
    [
        "x{version}",
        'x{v=~"{version}"}',
        "x{v!~'{version}'}",
        "`{build}`",
        'x{v="{version}',
        'x{a="\\\\"} + {build}',
    ],
)
def test_a_query_that_cannot_is_refused(query: str) -> None:
    assert promql_problem(query)
