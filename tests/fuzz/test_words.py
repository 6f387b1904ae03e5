"""Small texts that people and services write: spans, shares, times, headers, addresses and names."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import timedelta
from unicodedata import category

import click
from hypothesis import strategies as st

from stagedrollout.cli.ordering import span
from stagedrollout.config.addresses import on_loopback
from stagedrollout.config.dead_man import unusable_dead_man
from stagedrollout.config.dsn import unusable_dsn
from stagedrollout.config.secrets import Secret, SecretRef
from stagedrollout.config.settings import ClockSource
from stagedrollout.core.errors import EdgeError, WrongConfiguration
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.plain import one_line
from stagedrollout.core.redaction import Redactor
from stagedrollout.core.units import PPM_ALL, percentage, ppm_from_percent
from stagedrollout.http.answer import WAIT_SECONDS_MAX, NotJson, json_value, refusal, shortened, words_of
from stagedrollout.http.endpoint import Endpoint, plain_path
from stagedrollout.http.templates import (
    Unwritable,
    address_text,
    filled,
    plain_text,
    promql_problem,
    promql_text,
)
from stagedrollout.signals.sentry_call import cut_short, host_of, next_cursor
from stagedrollout.stores.app_store.client import limits_of
from stagedrollout.stores.app_store.errors import classified as of_apple
from stagedrollout.stores.google_play.errors import classified as of_play
from stagedrollout.stores.google_play.errors import classified_token
from tests.fuzz.sound import sound
from tests.fuzz.spoiling import HEADER_VALUES, HEADERS, ODD, RAW, WORDS
from tests.fuzz.target import fuzz

TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(RAW),
    st.text(),
    st.sampled_from(
        ["1d 12h", "45m", "20%", "99.99999", "https://a@b:99999/x", "http://[::1]:9", "٣d", "9" * 5_000 + "d"]
    ),
    st.lists(
        st.sampled_from(["1", "9", "d", "h", " ", ".", "-", "%", "[", "]", "@", ":", "/", "\\", "é", "\x00"])
    ).map("".join),
)


@fuzz("durations", TEXTS, examples=100)
def test_any_text_is_a_duration_a_share_or_refused(text):
    try:
        assert timedelta(0) <= span(text, "--for") <= timedelta(days=3_660)
    except click.BadParameter as told:
        sound(str(told))
    try:
        assert 0 <= ppm_from_percent(percentage(text)) <= PPM_ALL
    except ValueError as told:
        sound(str(told))


@fuzz("addresses", TEXTS, examples=100)
def test_any_address_is_one_or_is_refused_without_being_repeated(text):
    on_loopback(text)
    host_of(text)
    plain_path(text)
    unusable_dsn(Secret(text), SecretRef(env="DSN"), ClockSource.EMULATOR)
    unusable_dead_man(Secret(text), SecretRef(env="DEAD_MAN"), ClockSource.EMULATOR)
    told = ""
    try:
        Endpoint("sentry", text)
    except WrongConfiguration as refused:
        told = str(refused)
    assert len(text) < 12 or text not in told
    with suppress(ValueError):
        RolloutKey.parse(text)


@fuzz("headers", st.tuples(HEADERS, HEADER_VALUES, st.integers(300, 599)), examples=150)
def test_any_headers_of_a_refusal_are_our_error_with_a_wait_that_ends(drawn):
    told, value, status = drawn
    for headers in (dict(told), {"retry-after": value}, {"x-sentry-rate-limit-reset": value, "date": value}):
        for error in (
            refusal("sentry", "asking", status, headers, "words"),
            of_apple("asking", status, headers, b"{}"),
            of_play("asking", status, headers, b"{}"),
            classified_token(status, headers, value.encode()),
        ):
            assert isinstance(error, EdgeError)
            wait = getattr(error, "wait_seconds", 0.0)
            assert math.isfinite(wait)
            assert 0 <= wait <= WAIT_SECONDS_MAX
        next_cursor(headers)
        cut_short(headers)
        assert all(0 <= left <= 10**9 for left in limits_of(headers.get("x-rate-limit", value)).values())


BODIES = st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))


@fuzz("bodies", st.tuples(BODIES, st.integers(300, 599)), examples=150)
def test_any_body_is_json_or_words(drawn):
    body, status = drawn
    try:
        json_value(body, 32)
    except NotJson as told:
        sound(str(told))
    sound(shortened(words_of(body)))
    for error in (
        of_apple("asking", status, {}, body),
        of_play("asking", status, {}, body),
        classified_token(status, {}, body),
    ):
        sound(str(error))
        assert str(error).isprintable()


@fuzz("foreign-words", TEXTS, examples=100)
def test_any_words_are_told_on_one_line_and_written_into_no_query_as_more_than_words(text):
    assert not {category(mark) for mark in one_line(text) if mark not in "\u200c\u200d"} & {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }
    sound(one_line(text)[:5_000])
    Redactor.of([text]).document({"a": [text], text: 1})
    promql_problem(text)
    for write in (promql_text, plain_text, address_text):
        try:
            filled('x="{version}"', {"version": text}, {}, write)
        except Unwritable as told:
            sound(str(told))


@fuzz("documents", ODD, examples=60)
def test_any_document_is_redacted(value):
    Redactor.of(["a-secret-of-this-test"]).document(value)
