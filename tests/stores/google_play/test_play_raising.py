"""Raises: exactly one release changes, only if the track is what was decided on, and only on request."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from play_fake import (
    NEW,
    NEXT,
    OLD,
    FakePlay,
    free,
    release,
    seen_in,
    store,
)

from stagedrollout.core.errors import (
    Conflict,
    LostLease,
    Preempted,
    Rejected,
)
from stagedrollout.core.model import Change, ReleaseStatus, ReviewState, Settlement, StoreState, Verb
from stagedrollout.stores.google_play.tracks import fingerprint
from stagedrollout.stores.google_play.writes import raised

RAISE = Change(Verb.RAISE, "5020", 200_000)
COMPLETE = Change(Verb.COMPLETE, "5020", 1_000_000)


def unsent_console_change(fake):
    fake.track["releases"][0]["userFraction"] = 0.15


def exact(value):
    return json.dumps(value, sort_keys=True)


def test_a_raise_costs_seven_requests_and_two_edits_and_is_confirmed_by_reading():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.CONFIRMED
    assert outcome.state.find("5020").exposure_ppm == 200_000
    assert fake.deployed(5020)["userFraction"] == 0.2
    assert fake.steps == ["insert", "get", "put", "validate", "commit", "insert", "get"]
    (left_open,) = fake.edits.values()
    assert left_open == fake.track  # nothing was written to it: it expires, or the next one ends it


def test_what_review_says_of_a_raise_is_left_to_the_next_look():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    fake.review_of_changes = "IN_REVIEW"
    raised_to = port.apply(RAISE, seen, free).state.find("5020")
    assert (raised_to.review, raised_to.live) == (ReviewState.UNREAD, False)
    assert port.read().find("5020").review is ReviewState.IN_REVIEW


def test_a_raise_gives_way_to_running_reviews_and_sets_no_flag():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    port.apply(RAISE, seen, free)
    assert fake.commits == [{"changesInReviewBehavior": ["ERROR_IF_IN_REVIEW"], "alt": ["json"]}]


@pytest.mark.promise("R8")
def test_a_raise_leaves_every_other_field_and_release_as_it_was():
    draft = release(NEXT, releaseNotes=[{"language": "de-DE", "text": "Neu"}])
    fake = FakePlay(NEW, OLD, draft)
    fake.track["etagLike"] = {"x": [3, 2, 1]}
    before = copy.deepcopy(fake.track)
    port = store(fake)
    _, seen = seen_in(port, fake)
    assert port.apply(RAISE, seen, free).settlement is Settlement.CONFIRMED
    before["releases"][0]["userFraction"] = 0.2
    assert exact(fake.track) == exact(before)


def test_a_start_keeps_the_other_releases():
    fake = FakePlay(NEXT, OLD, release(NEW, status="halted"))
    before = copy.deepcopy(fake.track)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(Change(Verb.START, "5030", 10_000), seen, free)
    assert outcome.settlement is Settlement.CONFIRMED
    before["releases"][0] |= {"status": "inProgress", "userFraction": 0.01}
    assert exact(fake.track) == exact(before)


def test_a_start_never_silently_halts_the_rollout_that_is_running():
    fake = FakePlay(NEXT, NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    with pytest.raises(Rejected, match="Too many staged"):
        port.apply(Change(Verb.START, "5030", 10_000), seen, free)
    assert fake.deployed(5020)["status"] == "inProgress"
    assert fake.edits == {}


def test_a_start_takes_the_place_of_the_rollout_it_was_told_to_and_of_no_other():
    fake = FakePlay(NEXT, NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(Change(Verb.START, "5030", 10_000, instead_of="5020"), seen, free)
    assert outcome.settlement is Settlement.CONFIRMED
    (put,) = [call.body for call in fake.calls if call.step == "put"]
    assert [one["name"] for one in put["releases"]] == ["5.3.0", "5.1.0"]
    assert exact(fake.deployed(5010)) == exact(OLD)


@pytest.mark.promise("R8")
def test_completing_sends_the_completed_release_alone_and_without_a_fraction():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(COMPLETE, seen, free)
    assert outcome.settlement is Settlement.CONFIRMED
    assert outcome.state.find("5020").status is ReleaseStatus.COMPLETED
    (put,) = [call.body for call in fake.calls if call.step == "put"]
    wanted = release(NEW, status="completed", userFraction=None, countryTargeting=None)
    assert exact(put["releases"]) == exact([wanted])


def test_a_halted_release_resumes_with_its_fields_and_siblings():
    fake = FakePlay(release(NEW, status="halted"), OLD)
    before = copy.deepcopy(fake.track)
    port = store(fake)
    _, seen = seen_in(port, fake)
    assert port.apply(Change(Verb.RESUME, "5020", 100_000), seen, free).settlement is Settlement.CONFIRMED
    before["releases"][0]["status"] = "inProgress"
    assert exact(fake.track) == exact(before)


def test_a_halted_complete_release_resumes_to_everyone_alone():
    fake = FakePlay(release(NEW, status="halted", userFraction=None), OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    assert port.apply(Change(Verb.RESUME, "5020", 1_000_000), seen, free).settlement is Settlement.CONFIRMED
    assert fake.deployed(5020)["status"] == "completed"


@pytest.mark.promise("R6")
@given(st.integers(min_value=100_001, max_value=999_999))
def test_no_raise_of_a_fraction_ever_reaches_one(ppm):
    track = {"track": "production", "releases": [NEW, OLD]}
    sent = raised(track, Change(Verb.RAISE, "5020", ppm))["releases"][0]
    assert sent["status"] == "inProgress"
    assert 0 < sent["userFraction"] < 1
    assert round(sent["userFraction"] * 1_000_000) == ppm


def test_almost_everyone_is_sent_and_confirmed_as_such():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(Change(Verb.RAISE, "5020", 999_999), seen, free)
    assert (outcome.settlement, fake.deployed(5020)["userFraction"]) == (Settlement.CONFIRMED, 0.999999)
    assert fake.deployed(5020)["status"] == "inProgress"


# -- compare and swap


@pytest.mark.promise("R10")
@pytest.mark.parametrize(
    "happens",
    [
        lambda fake: fake.track["releases"][0].update(userFraction=0.15),
        lambda fake: fake.track["releases"][0].update(status="halted"),
        lambda fake: fake.track["releases"][1].update(futureField={"a": [1, 2.5, 0]}),
        lambda fake: fake.track["releases"][1]["futureField"]["a"].reverse(),
        lambda fake: fake.track["releases"].append(copy.deepcopy(NEXT)),
        lambda fake: fake.track.update(newTrackField=True),
        lambda fake: fake.track["releases"][0]["releaseNotes"][0].update(text="Other"),
    ],
    ids=[
        "raised",
        "halted",
        "unknown field of a sibling",
        "order of an unknown list",
        "new draft",
        "unknown field of the track",
        "notes",
    ],
)
def test_whatever_a_person_changed_meanwhile_stops_the_raise(happens):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    happens(fake)
    before = copy.deepcopy(fake.track)
    outcome = port.apply(RAISE, seen, free)
    assert outcome.settlement is Settlement.MOVED
    assert isinstance(outcome.state, StoreState)
    assert outcome.state.fingerprint == fingerprint(before)
    assert exact(fake.track) == exact(before)
    assert fake.steps == ["insert", "get", "delete", "list"]


def test_a_track_told_in_another_order_is_still_the_same_track():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    new, old = fake.track["releases"]
    new["versionCodes"].reverse()
    new["countryTargeting"]["countries"].reverse()
    fake.track = {
        "releases": [dict(reversed(old.items())), dict(reversed(new.items()))],
        "kind": "x#track",
        "track": "production",
    }
    assert port.apply(RAISE, seen, free).settlement is Settlement.CONFIRMED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_tracks_differ_in_their_fingerprint_exactly_when_they_differ(one, other):
    first, second = ({"track": "production", "extra": extra} for extra in (one, other))
    assert (fingerprint(first) == fingerprint(second)) == (exact(first) == exact(second))


@pytest.mark.promise("R10")
def test_a_change_between_our_look_and_our_commit_is_a_conflict_and_nothing_is_applied():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)

    def meddle(step):
        if step == "commit":
            fake.edits.clear()
            unsent_console_change(fake)

    fake.before_step = meddle
    with pytest.raises(Conflict):
        port.apply(RAISE, seen, free)
    assert fake.deployed(5020)["userFraction"] == 0.15


# -- what is not even sent


@pytest.mark.parametrize(
    ("releases", "change", "why"),
    [
        ([OLD], RAISE, "not on the track"),
        ([release(NEW, status="halted"), OLD], RAISE, "must be in_progress"),
        ([release(NEW, status="halted"), OLD], COMPLETE, "must be in_progress"),
        ([release(NEW, status="draft", userFraction=None), OLD], COMPLETE, "must be in_progress"),
        ([NEW, OLD], Change(Verb.START, "5020", 200_000), "must be draft"),
        ([NEW, OLD], Change(Verb.RESUME, "5020", 200_000), "must be halted"),
        ([NEW, OLD], Change(Verb.RAISE, "5020", 50_000), "cannot lower"),
        ([release(NEW, status="halted"), OLD], Change(Verb.RESUME, "5020", 50_000), "cannot lower"),
        ([release(NEW, status="halted"), OLD], Change(Verb.RESUME, "5020", 0), "more than 0 %"),
        ([NEW, OLD], Change(Verb.HALT, "5020", 0), "no raise"),
        ([release(NEW, status="mystery"), OLD], RAISE, "must be in_progress"),
    ],
)
def test_a_raise_that_makes_no_sense_is_refused_in_words_and_not_sent(releases, change, why):
    fake = FakePlay(*releases)
    before = copy.deepcopy(fake.track)
    port = store(fake)
    _, seen = seen_in(port, fake)
    outcome = port.apply(change, seen, free)
    assert (outcome.settlement, fake.track) == (Settlement.REFUSED, before)
    assert why in outcome.detail
    assert "put" not in fake.steps
    assert fake.edits == {}


def test_a_wish_that_is_already_true_is_left_alone():
    fake = FakePlay(release(NEW, userFraction=0.2), OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    assert port.apply(RAISE, seen, free).settlement is Settlement.ALREADY
    assert fake.steps == ["insert", "get", "delete", "list"]


# -- a halt takes over


class Stopping:
    """A clearance that is withdrawn at its n-th asking, once."""

    def __init__(self, turn, error):
        self.asked = 0
        self.turn = turn
        self.error = error

    def __call__(self):
        self.asked += 1
        if self.asked == self.turn:
            raise self.error


@pytest.mark.parametrize("turn", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("error", [Preempted("a halt took over"), LostLease("taken")], ids=["halt", "lease"])
def test_a_raise_that_loses_its_clearance_sends_nothing_more(turn, error):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    with pytest.raises(type(error)):
        port.apply(RAISE, seen, Stopping(turn, error))
    assert fake.steps == ["insert", "get", "put", "validate", "commit"][: turn - 1]
    assert fake.deployed(5020)["userFraction"] == 0.1


def test_once_the_commit_is_sent_the_store_is_read_back_whatever_the_clearance():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    _, seen = seen_in(port, fake)
    clearance = Stopping(6, Preempted("a halt took over"))
    assert port.apply(RAISE, seen, clearance).settlement is Settlement.CONFIRMED
    assert clearance.asked == 5


@pytest.mark.parametrize("turn", [3, 4])
def test_a_raise_that_goes_no_further_asks_for_clearance_for_its_last_requests_too(turn):
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    seen_in(port, fake)
    with pytest.raises(Preempted):
        port.apply(RAISE, "another", Stopping(turn, Preempted("a halt took over")))
    assert fake.steps == ["insert", "get", "delete"][: turn - 1]


def test_even_the_request_for_a_token_needs_clearance():
    fake = FakePlay(NEW, OLD)
    with pytest.raises(Preempted):
        store(fake).apply(RAISE, "x", Stopping(1, Preempted("a halt took over")))
    assert fake.calls == []
