"""Spoiled answers of Google Play and of App Store Connect: a state, an outcome, or one of our errors."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stagedrollout.core.discovery import discover
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.fold import fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Change, OnNewRelease, RolloutKey, Store, StoreState, Unread, Verb
from stagedrollout.core.units import PPM_ALL
from tests.fuzz.sound import learnt, sound, sound_outcome, written_down
from tests.fuzz.spoiling import SPOILS
from tests.fuzz.target import fuzz
from tests.fuzz.world import RELEASES, Fuzzed, opened

LINES = st.lists(st.none() | SPOILS | SPOILS | SPOILS, min_size=1, max_size=6)
RAISES = {
    Store.GOOGLE_PLAY: [(Verb.RAISE, 200_000), (Verb.COMPLETE, PPM_ALL), (Verb.RESUME, 100_000)],
    Store.APP_STORE: [(Verb.STEP, 50_000), (Verb.COMPLETE, PPM_ALL), (Verb.RESUME, 20_000)],
}


def _rollouts(world: Fuzzed, store: Store) -> tuple[Rollout, ...]:
    """What the daemon knows after a first, untouched look."""
    listing, at = world.listing(store), world.now
    found = discover(listing.store.read(), (), listing.policy, OnNewRelease.ADOPT)
    rollouts = []
    for release, first in found:
        rollout = fold(RolloutKey("acme", store, release.id), tuple((fact, at) for fact in first))
        assert rollout is not None
        rollouts.append(rollout)
    return tuple(rollouts)


def _looks(world: Fuzzed, store: Store, known: tuple[Rollout, ...]) -> None:
    listing, at = world.listing(store), world.now
    for look in (listing.store.read, listing.store.glance):
        state: StoreState | Unread
        try:
            state = look()
        except EdgeError as error:
            state = Unread(str(error), at)
        for rollout in known:
            learnt(learnt(rollout, state, at), state, at)
        found = discover(state, (), "standard", OnNewRelease.ADOPT) if isinstance(state, StoreState) else ()
        for release, first in found:
            written_down(first, RolloutKey("acme", store, release.id), at)


def _reads(store: Store, drawn: Any) -> None:
    world = opened([None])
    known = _rollouts(world, store)
    world.line.spoils, world.line.answers = drawn, 0
    _looks(world, store, known)


@fuzz("play-read", LINES, examples=30)
def test_any_answer_about_a_track_is_a_state_or_our_error(drawn):
    _reads(Store.GOOGLE_PLAY, drawn)


@fuzz("app-store-read", LINES, examples=30)
def test_any_answer_about_versions_is_a_state_or_our_error(drawn):
    _reads(Store.APP_STORE, drawn)


ACTS = st.tuples(LINES, st.integers(0, 3), st.integers(0, 6))


def _acts(store: Store, drawn: Any) -> None:
    """`spare`: so many answers come through untouched first, so that the later ones are reached too."""
    spoils, which, spare = drawn
    world = opened([None])
    listing, (new, _) = world.listing(store), RELEASES[store]
    first = _rollouts(world, store)[0]
    seen = listing.store.read().fingerprint
    world.line.spoils, world.line.answers = [*[None] * spare, *spoils], 0
    key = RolloutKey("acme", store, new.id)
    try:
        if which == 3:
            outcome = listing.store.halt(new.id)
        else:
            verb, ppm = RAISES[store][which]
            outcome = listing.store.apply(Change(verb, new.id, ppm), seen, lambda: None)
    except EdgeError as error:
        sound(str(error))
        return
    sound_outcome(outcome, key, world.now)
    learnt(first, outcome.state, world.now)


@fuzz("play-act", ACTS, examples=30)
def test_any_answer_to_an_edit_is_an_outcome_or_our_error(drawn):
    _acts(Store.GOOGLE_PLAY, drawn)


@fuzz("app-store-act", ACTS, examples=30)
def test_any_answer_to_a_write_is_an_outcome_or_our_error(drawn):
    _acts(Store.APP_STORE, drawn)
