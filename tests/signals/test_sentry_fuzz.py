"""Whatever JSON Sentry sends, the daemon gets two sound readings or one of our errors."""

import copy
import json
from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_recordings import EIGHT, NEW_NAME, NOW, OLD_NAME, QUERY, Sentry, body, new, old

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.core.observation import Arm, Counts, Measured, Unmeasured
from stagedrollout.signals.sentry_reply import METRICS, Asked, Named, readings

STEADY = settings(derandomize=True, deadline=None, database=None)

ASKED = Asked(
    Named(NEW_NAME, "7.4.0"),
    (Named(OLD_NAME, "7.3.2"),),
    start=EIGHT,
    end=EIGHT + timedelta(hours=3),
    until=NOW,
)

numbers = st.integers() | st.integers(0, 50) | st.floats() | st.floats(-2, 2) | st.just(10**400)
keys = st.sampled_from(
    ["by", "release", "totals", "series", "groups", "intervals", "sum(session)", "crash_free_rate(session)"]
)
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | st.text(max_size=5)
    | st.sampled_from([NEW_NAME, OLD_NAME, "0001-01-01T00:00:00+23:59"])
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def check_arm(arm: Arm) -> None:
    assert 0 <= arm.window.bad <= arm.window.total
    assert arm.window.total > 0
    for bucket in arm.buckets:
        assert 0 <= bucket.counts.bad <= bucket.counts.total
        assert ASKED.start <= bucket.start < ASKED.end
        assert bucket.start.tzinfo is UTC
    if arm.buckets:
        totals = (bucket.counts.total for bucket in arm.buckets)
        assert arm.window == Counts(sum(totals), sum(bucket.counts.bad for bucket in arm.buckets))


def check(value) -> None:
    try:
        found = readings(value, ASKED)
    except Faulty:
        return
    assert tuple(reading.metric for reading in found) == METRICS
    for reading in found:
        if isinstance(reading, Unmeasured):
            assert reading.why
            continue
        assert isinstance(reading, Measured)
        assert reading.since < reading.as_of <= NOW
        check_arm(reading.candidate)
        if reading.baseline is not None:
            check_arm(reading.baseline)


@pytest.mark.promise("R23")
@settings(STEADY)
@given(anything)
def test_any_json_gives_readings_or_a_faulty_service(value):
    check(value)


def places(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


GOOD = body(new(), old())
PLACES = [path for path in places(GOOD) if path]
REMOVED = object()


def changed(value, path, to):
    copied = copy.deepcopy(value)
    spot = copied
    for key in path[:-1]:
        try:
            spot = spot[key]
        except (KeyError, IndexError, TypeError):
            return copied  # an earlier change took this place away
    try:
        if to is REMOVED:
            del spot[path[-1]]
        else:
            spot[path[-1]] = to
    except (KeyError, IndexError, TypeError):
        return copied
    return copied


@pytest.mark.promise("R23")
@settings(STEADY, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), anything | st.just(REMOVED)), min_size=1, max_size=3))
def test_a_good_answer_with_anything_anywhere_gives_readings_or_a_faulty_service(changes):
    value = GOOD
    for path, to in changes:
        value = changed(value, path, to)
    check(value)


rows = st.lists(st.tuples(st.integers(0, 10**12), st.floats(-1e6, 1) | st.none()), min_size=3, max_size=3)


@settings(STEADY)
@given(rows, rows, st.integers(0, 10**12), st.floats(-1e6, 1))
def test_any_numbers_within_their_range_are_sound(candidate, baseline, users, user_rate):
    check(
        body(
            new([n for n, _ in candidate], [rate for _, rate in candidate], users=users, user_rate=user_rate),
            old([n for n, _ in baseline], [rate for _, rate in baseline]),
        )
    )


@settings(STEADY, max_examples=60)
@given(
    st.binary(max_size=60) | st.builds(lambda value: json.dumps(value).encode(), anything),
    st.integers(200, 599),
)
def test_any_bytes_with_any_status_end_in_readings_or_our_error(content, status):
    try:
        found = Sentry(status=status, says=content).signal().read(QUERY)
    except EdgeError:
        return
    assert tuple(reading.metric for reading in found) == METRICS


@pytest.mark.promise("R1")
def test_every_missing_key_is_a_faulty_service_or_does_not_matter():
    """Each key of a good answer taken away in turn: never a measurement from what is not there."""
    needed = {
        "intervals",
        "groups",
        "by",
        "release",
        "totals",
        "series",
        "sum(session)",
        "crash_free_rate(session)",
    }
    for path in (place for place in PLACES if isinstance(place[-1], str)):
        outcome = "read"
        try:
            readings(changed(GOOD, path, REMOVED), ASKED)
        except Faulty:
            outcome = "faulty"
        in_series = "totals" not in path
        needs_users = path[-1] in ("count_unique(user)", "crash_free_rate(user)") and not in_series
        matters = (path[-1] in needed and (in_series or path[-1] == "totals")) or needs_users
        assert outcome == ("faulty" if matters else "read"), path
