"""Every way in which Sentry has nothing to say (sentry.md section 2.4), and what people and the ledger are told then.

Unknown is never healthy: no row of that table may come out as sessions that did not crash.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import stamina
from sentry_recordings import EIGHT, NEW_NAME, OLD_NAME, body
from sentry_tally_recordings import DAYS, MIDNIGHT, NINE, QUERY, Sentry, by_status, told, totals, users

from stagedrollout.core.assessment import assess
from stagedrollout.core.case import Case
from stagedrollout.core.decision import decide
from stagedrollout.core.errors import Rejected
from stagedrollout.core.hours import DAY, HOUR
from stagedrollout.core.ledger import Ledger, Measure, Place, Tallied, Tally, take
from stagedrollout.core.model import Mode, OnNewRelease, Release, Store, StoreApp
from stagedrollout.core.observation import Gap, Observation
from stagedrollout.daemon.hearing import Hearer
from stagedrollout.daemon.listening import circumstances
from stagedrollout.daemon.listing import Listing
from stagedrollout.emulator.faults import Fault
from tests.core.builders import POLL, rolling, shown, store
from tests.core.weighed import with_evidence
from tests.daemon.test_hearing import Books
from tests.emulator import sentry_client
from tests.emulator.calls import pass_time
from tests.emulator.sentry_client import BEFORE, CANDIDATE, Emulated

FROZEN = Fault("sentry", "frozen", count=None)


def gaps(readings):
    return [getattr(reading, "gap", None) for reading in readings]


def test_without_any_sessions_there_is_no_reading_and_no_rate_of_zero_crashes():
    """Row 1 and 2: what is not grouped comes as zeros and nulls, what is grouped is left out altogether."""
    emulated = Emulated(30)
    emulated.world.faults.add(Fault("sentry", "no_data", count=None))
    assert gaps(emulated.read()) == [Gap.ABSENT] * 3
    assert gaps(told()) == [Gap.ABSENT] * 2


def test_a_release_that_nobody_runs_yet_has_no_sessions_rather_than_good_ones():
    """Row 2: the candidate is absent from the groups, what people run beside it is there."""
    crashed, abnormal, people = Emulated(2).read()
    for read in (crashed, abnormal, people):
        candidate, bad, beside, _ = sentry_client.totals(read)
        assert (candidate, bad) == (0, 0)
        assert beside > 0


def test_a_release_whose_every_status_is_zero_has_no_sessions():
    """Row 3: by status, nothing is told as five rows of zeros."""
    zeros = {status: [0, 0, 0] for status in ("abnormal", "crashed", "errored", "healthy", "unhandled")}
    assert gaps(told(*by_status(NEW_NAME, **zeros))) == [Gap.ABSENT] * 2
    assert gaps(told(*by_status(NEW_NAME, **zeros), *by_status(OLD_NAME, **zeros))) == [Gap.ABSENT] * 2


def test_an_hour_without_sessions_counts_for_nothing_and_a_day_without_users_neither():
    """Row 4: count 0 and rate null within a series."""
    crashed, _ = told(*by_status(NEW_NAME, healthy=[0, 50, 0], crashed=[0, 1, 0]))
    assert {each.place: each.tally for each in crashed.buckets} == {Place(NINE): Tally(51, 1, 0, 0)}
    days = body(users(NEW_NAME, [0, 40], [None, 0.9]), intervals=DAYS)
    *_, people = Sentry(users=days).tallies().read(replace(QUERY, since=EIGHT - DAY, users=True))
    assert {each.place: each.tally for each in people.buckets} == {Place(MIDNIGHT): Tally(40, 4, 0, 0)}


def test_an_app_whose_sdk_sends_no_user_ids_is_told_so_and_its_sessions_still_count():
    """Row 5: users 0 and null, while sessions are counted."""
    emulated = Emulated(40)
    emulated.world.turn({"sentry_without_users": True})
    crashed, abnormal, people = emulated.read()
    assert isinstance(crashed, Tallied)
    assert isinstance(abnormal, Tallied)
    assert people.gap is Gap.ABSENT
    assert "its SDK sends no user or installation ids" in people.why


def test_a_new_release_that_stopped_sending_user_ids_is_no_release_without_crashed_users():
    """Row 5 in one arm only: those whom the release before still tells are no reading of this one."""
    days = body(
        users(NEW_NAME, [0, 0], [None, None]), users(OLD_NAME, [900, 900], [0.99, 0.99]), intervals=DAYS
    )
    *_, people = Sentry(users=days).tallies().read(replace(QUERY, users=True))
    assert people.gap is Gap.ABSENT
    assert NEW_NAME in people.why
    assert "no user or installation ids" in people.why


def test_before_anybody_has_the_release_nobody_is_told_that_ids_are_missing():
    *_, people = Emulated(2).read()
    assert isinstance(people, Tallied)


@pytest.mark.parametrize("four", [False, True], ids=["five statuses", "four statuses"])
def test_an_unknown_status_and_a_server_without_unhandled_lose_no_sessions(four):
    """Row 6: statuses that a server does not know are no groups."""
    emulated = Emulated(40.5)
    emulated.world.turn({"sentry_four_statuses": four})
    crashed, *_ = emulated.read()
    assert sentry_client.totals(crashed) == sentry_client.totals(Emulated(40.5).read()[0])


def test_a_mistyped_release_template_is_told_with_what_there_is_instead():
    """Row 7: to Sentry a typo looks like no traffic."""
    emulated = Emulated(40, template="acme-{version}+{build}")
    assert emulated.source.running(CANDIDATE, emulated.now) == ()
    crashed, abnormal, people = emulated.read()
    for read in (crashed, abnormal):
        assert read.gap is Gap.ABSENT
        assert "no sessions of acme-5.2.0+5020" in read.why
        assert "'com.acme.app@5.1.0+5010'" in read.why
        assert "the release template 'acme-{version}+{build}' fits none of them" in read.why
    assert people.gap is Gap.ABSENT


def test_a_mistyped_template_is_named_where_people_look_and_nothing_is_raised():
    """What `status` shows of a rollout is the reason of its decision."""
    emulated = Emulated(60, template="acme-{version}+{build}")
    listing = Listing(
        id=StoreApp("acme", Store.GOOGLE_PLAY),
        mode=Mode.ACT,
        on_new_release=OnNewRelease.WAIT,
        policy="standard",
        policies={},
        store=None,
        signals=(),
        poll=POLL,
        tallies=emulated.source,
    )
    rollout = rolling(since=emulated.now - 2 * DAY)
    rollout, policy = replace(rollout, release=CANDIDATE, baseline=(BEFORE,)), with_evidence(1, 10, 100)
    look = store(shown(), at=emulated.now)
    with stamina.set_testing(True, attempts=1):
        hearing = Hearer(Books(Ledger("acme"))).hear(listing, rollout, policy, look, emulated.now)
    seen = circumstances(hearing.found.rollout, POLL, emulated.now, hearing.found.heard)
    assessment = assess(policy, hearing.readings, seen)
    decision = decide(
        Case(rollout, Observation(emulated.now, look, hearing.readings), assessment, policy, Mode.ACT)
    )
    assert decision.change is None
    assert "fits none of them" in "; ".join(reason.text for reason in decision.reasons)


def test_a_release_that_is_merely_new_is_not_called_mistyped():
    emulated = Emulated(40)
    emulated.source.running(CANDIDATE, emulated.now)
    nobody = Release("9090", "9.9.9", "9090")
    crashed, *_ = emulated.source.read(
        replace(emulated.query(emulated.now - 5 * HOUR), candidate=nobody, comparisons=())
    )
    assert crashed.gap is Gap.ABSENT
    assert "template" not in crashed.why


def test_names_of_strangers_cannot_meddle_with_the_message():
    hostile = "\x1b[31m<!channel> " + "x" * 150
    sentry = Sentry(sessions=body(totals(hostile, 5), totals("b", 4), totals("c", 3)))
    source = sentry.tallies()
    assert source.running(CANDIDATE, EIGHT) == ()
    sentry.sessions = body()
    crashed, _ = source.read(QUERY)
    assert crashed.why.isprintable()
    assert "and 1 more" in crashed.why
    assert len(crashed.why) < 400


def test_an_environment_that_sentry_does_not_know_is_named_and_not_asked_for_again_and_again():
    emulated = Emulated(40, environment="prod")
    with pytest.raises(
        Rejected, match="Sentry knows no environment 'prod' in the organization 'acme'"
    ) as caught:
        emulated.read()
    assert not caught.value.again
    assert emulated.asked == 2  # the question, and whether it is the organization that is missing


def test_crashes_that_are_reported_late_change_hours_that_were_counted_before():
    """Young data look too healthy (section 4): what was read once is read again, and the ledger goes by the newest."""
    emulated = Emulated(30, "onset: {at: 20h, crash_free: 90.0}")
    since = emulated.now.replace(minute=0) - 4 * HOUR
    crashed, *_ = emulated.source.read(emulated.query(since))
    young = take(Ledger("acme"), crashed, emulated.now)
    pass_time(emulated.world, 14)
    crashed, *_ = emulated.source.read(emulated.query(since))
    old = take(young.ledger, crashed, emulated.now)
    then = young.ledger.of(Measure.CRASHED)
    now = old.ledger.of(Measure.CRASHED)
    closed = [place for place in then if place.start < since + 4 * HOUR]
    assert all(now[place].k_c > then[place].k_c for place in closed)
    assert all(now[place].n_c == then[place].n_c for place in closed)
    assert {revision.place for revision in old.added} >= set(closed)
    assert old.refused == ()


def test_data_that_stand_still_grow_old_and_are_not_taken_for_fresh():
    emulated = Emulated(40)
    fresh = emulated.read()[0].as_of
    assert fresh == emulated.now
    emulated.world.faults.add(FROZEN, emulated.now)
    pass_time(emulated.world, 5)
    assert emulated.read()[0].as_of <= emulated.now - timedelta(hours=4)


def test_a_server_that_forgot_what_it_had_does_not_rewrite_the_ledger():
    """getsentry/self-hosted 69177: zeros after an upgrade."""
    emulated = Emulated(40)
    crashed, *_ = emulated.read()
    before = take(Ledger("acme"), crashed, emulated.now).ledger
    half = replace(
        crashed, buckets=tuple(replace(b, tally=Tally(0, 0, b.tally.n_b // 2, 0)) for b in crashed.buckets)
    )
    after = take(before, half, emulated.now)
    assert after.refused
    assert after.ledger == before


def test_what_runs_beside_is_not_known_while_nothing_is_told():
    emulated = Emulated(40)
    emulated.world.faults.add(Fault("sentry", "no_data", count=None))
    assert emulated.source.running(CANDIDATE, emulated.now) == ()
    past = emulated.source.past((BEFORE,), emulated.now)
    assert (past.sessions, past.crashed_users) == (0, None)
