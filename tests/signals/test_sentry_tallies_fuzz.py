"""Whatever JSON Sentry sends, the ledger gets sound readings or one of our errors."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_recordings import EIGHT, NEW, NEW_NAME, NOW, OLD, OLD_NAME, body
from sentry_tally_recordings import DAYS, MIDNIGHT, QUERY, new, old, totals, users
from test_sentry_fuzz import REMOVED, STEADY, anything, changed, places

from stagedrollout.core.errors import Faulty
from stagedrollout.core.hours import DAY, HOUR
from stagedrollout.core.ledger import Ledger, Tallied, take
from stagedrollout.signals.sentry_shape import Window
from stagedrollout.signals.sentry_tallies_reply import AskedTallies, session_tallies, user_tally
from stagedrollout.signals.sentry_totals_reply import past, used

NAMES = {NEW: NEW_NAME, OLD: OLD_NAME}
HOURLY = AskedTallies(QUERY, NAMES, Window(EIGHT, EIGHT + timedelta(hours=3), HOUR))
DAILY = AskedTallies(QUERY, NAMES, Window(MIDNIGHT - DAY, MIDNIGHT + DAY, DAY))

GOOD = {
    "sessions": body(*new(), *old()),
    "users": body(users(NEW_NAME, [5, 6], [1.0, 0.5]), users(OLD_NAME, [7, 8], [1.0, 0.5]), intervals=DAYS),
    "totals": body(totals(NEW_NAME, 9, 0.9, 8, 0.9), totals(OLD_NAME, 9, 0.9, 8, 0.9)),
}
PLACES = [(which, path) for which, answer in GOOD.items() for path in places(answer) if path]


def check(reading) -> None:
    if not isinstance(reading, Tallied):
        assert reading.why
        return
    assert reading.buckets
    assert reading.as_of <= NOW
    assert all(refused.why.isprintable() and len(refused.why) < 400 for refused in reading.refused)
    take(Ledger("acme/google_play/70400"), reading, NOW)


def check_all(which, value) -> None:
    try:
        if which == "sessions":
            readings = session_tallies(value, HOURLY)
        elif which == "users":
            readings = (user_tally(value, DAILY),)
        else:
            readings = ()
            assert all(sessions > 0 for _, sessions in used(value))
            found = past(value, NAMES.values())
            assert 0 <= found.crashed <= found.sessions
    except Faulty:
        return
    for reading in readings:
        check(reading)


@settings(STEADY)
@given(st.sampled_from(sorted(GOOD)), anything)
def test_any_json_gives_readings_or_a_faulty_service(which, value):
    check_all(which, value)


@settings(STEADY, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), anything | st.just(REMOVED)), min_size=1, max_size=3))
def test_a_good_answer_with_anything_anywhere_gives_readings_or_a_faulty_service(changes):
    which = changes[0][0][0]
    value = GOOD[which]
    for (each, path), to in changes:
        value = changed(value, path, to) if each == which else value
    check_all(which, value)
