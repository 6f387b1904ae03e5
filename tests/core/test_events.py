"""The hash chain: whatever is changed in a journal afterwards shows (promise R16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.events import CHAIN_START, Entry, canonical, chain_hash
from stagedrollout.core.model import RolloutKey, Store
from tests.core.builders import KEY, NOON

ENTRY = Entry("went_live", NOON, {"exposure_ppm": 10_000})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def chained(*entries: Entry) -> list[str]:
    hashes = [CHAIN_START]
    for entry in entries:
        hashes.append(chain_hash(hashes[-1], KEY, entry))
    return hashes


def test_the_hash_of_an_entry_never_changes_between_versions() -> None:
    """It stands in databases: another way of writing JSON would make every old journal look tampered with."""
    assert (
        chain_hash(CHAIN_START, KEY, ENTRY)
        == "abad623abe018f041725991631a78b57be079ac29f45c272bc7f8d3e4eb439ea"
    )


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRY, kind="drifted"),
        replace(ENTRY, at=NOON + timedelta(microseconds=1)),
        replace(ENTRY, body={"exposure_ppm": 10_001}),
        replace(ENTRY, body={}),
    ],
)
def test_every_change_of_an_entry_shows(changed: Entry) -> None:
    assert chain_hash(CHAIN_START, KEY, changed) != chain_hash(CHAIN_START, KEY, ENTRY)


def test_an_entry_belongs_to_its_rollout_and_its_place() -> None:
    other = RolloutKey("shop", Store.GOOGLE_PLAY, "5021")
    assert chain_hash(CHAIN_START, other, ENTRY) != chain_hash(CHAIN_START, KEY, ENTRY)
    assert chain_hash("1" * 64, KEY, ENTRY) != chain_hash(CHAIN_START, KEY, ENTRY)


def test_a_missing_or_moved_entry_shows_in_everything_after_it() -> None:
    entries = [replace(ENTRY, body={"n": n}) for n in range(4)]
    whole = chained(*entries)
    assert chained(*entries[1:])[-1] != whole[-1]
    assert chained(entries[1], entries[0], *entries[2:])[-1] != whole[-1]
    assert len(set(whole)) == len(whole)


@pytest.mark.promise("R16")
@given(JSON, JSON)
def test_different_bodies_are_different_texts(one: Any, other: Any) -> None:
    same = canonical({"x": one}) == canonical({"x": other})
    assert same == (_typed(one) == _typed(other))


def _typed(value: Any) -> Any:
    """Python takes True for 1; JSON does not."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return (type(value).__name__, value)


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1}) == '{"a":1,"b":2}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": number})


def test_a_rollout_s_name_can_be_read_back() -> None:
    assert RolloutKey.parse(str(KEY)) == KEY
