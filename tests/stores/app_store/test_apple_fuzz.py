"""Whatever an answer holds, it ends in a value or in one of our errors, and never in more than was said."""

from __future__ import annotations

import json

import pytest
from apple_fake import BASE, NEW, NOW, Answer, FakeApple, FakeVersion, change, old, store
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import Outcome, StoreState, Verb
from stagedrollout.stores.app_store.errors import classified

STEADY = settings(derandomize=True, max_examples=150, deadline=None)

WORDS = st.sampled_from(
    [
        "ACTIVE",
        "PAUSED",
        "COMPLETE",
        "INACTIVE",
        "READY_FOR_DISTRIBUTION",
        "PENDING_DEVELOPER_RELEASE",
        "REMOVED_FROM_SALE",
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ID = st.sampled_from(["a", "b", "../x", "", "a b"]) | JSON
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            "versionString",
            "appVersionState",
            "appStoreState",
            "createdDate",
            "platform",
            "version",
            "phasedReleaseState",
            "currentDayNumber",
        ]
    ),
    WORDS | st.sampled_from(["5.12.0", "IOS", "2026-02-24T03:02:46-08:00"]) | JSON,
)
RESOURCE = st.fixed_dictionaries(
    {"id": ID, "attributes": ATTRIBUTES | JSON},
    optional={
        "type": st.sampled_from(["appStoreVersions", "builds", "appStoreVersionPhasedReleases"]) | JSON,
        "relationships": st.dictionaries(
            st.sampled_from(["build", "appStoreVersionPhasedRelease"]),
            st.fixed_dictionaries(
                {}, optional={"data": st.fixed_dictionaries({"id": ID, "type": JSON}) | JSON}
            )
            | JSON,
        )
        | JSON,
    },
)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "data": st.lists(RESOURCE | JSON, max_size=3) | JSON,
        "included": st.lists(RESOURCE | JSON, max_size=3) | JSON,
        "links": st.fixed_dictionaries(
            {"next": st.sampled_from([f"{BASE}/v1/apps/6448311069/appStoreVersions"]) | JSON}
        )
        | JSON,
    },
)


@pytest.mark.promise("R23")
@STEADY
@given(DOCUMENT | JSON)
def test_any_list_is_a_state_or_one_of_our_errors(document):
    fake = FakeApple(FakeVersion(NEW))
    fake.fails("list", Answer(200, json.dumps(document).encode()))
    fake.fails("phased", Answer(200, json.dumps(document).encode()), times=9)
    try:
        state = store(fake).read()
    except EdgeError as failure:
        state = StoreState((), str(failure), NOW)
    assert state.fingerprint.isprintable()
    for release in state.releases:
        assert 0 <= release.exposure_ppm <= 1_000_000
        assert (release.status_word + release.review_word + release.release.label).isprintable()


@pytest.mark.promise("R23")
@STEADY
@given(DOCUMENT | JSON, st.sampled_from([Verb.STEP, Verb.RESUME, Verb.COMPLETE, Verb.HALT]))
def test_any_answer_to_a_write_is_an_outcome(document, verb):
    fake = FakeApple(FakeVersion(NEW, phased="PAUSED" if verb is not Verb.HALT else "ACTIVE"), old())
    port = store(fake)
    seen = port.read().fingerprint
    fake.fails("patch", Answer(200, json.dumps(document).encode()))
    outcome = port.halt(NEW) if verb is Verb.HALT else port.apply(change(verb), seen, lambda: None)
    assert isinstance(outcome, Outcome)


@STEADY
@given(st.integers(300, 599), JSON | st.fixed_dictionaries({"errors": st.lists(JSON, max_size=2) | JSON}))
def test_any_complaint_is_one_of_our_errors(status, document):
    failure = classified("looking", status, {}, json.dumps(document).encode())
    assert failure.status == status
    assert str(failure).isprintable()


@STEADY
@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_bytes_are_one_of_our_errors(status, content):
    assert str(classified("looking", status, {}, content)).isprintable()
