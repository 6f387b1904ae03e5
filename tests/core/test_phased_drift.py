"""What a look at the App Store teaches: Apple's own step, a person in App Store Connect, or a version replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from stagedrollout.core import facts
from stagedrollout.core.discovery import discover
from stagedrollout.core.drift import learn
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    StoreRelease,
    StoreState,
    Verb,
)
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, AppleWorld, completed, phased, terms
from tests.core.builders import ANNA, HOUR, NEWER, NOON, OLDER, RELEASE, discovered, shown

EARLIER = NOON - 30 * HOUR
STEPPED = "Apple stepped"
PLACES = {
    "active 1 %": phased(ACTIVE, 1),
    "active 5 %": phased(ACTIVE, 3),
    "paused 1 %": phased(PAUSED, 1),
    "paused 5 %": phased(PAUSED, 3),
    "completed by Apple": completed("COMPLETE"),
    "completed on day 3": completed("COMPLETE on day 3"),
    "replaced": replace(phased(ReleaseStatus.REPLACED, 3), exposure_ppm=0),
    "removed": replace(phased(ReleaseStatus.WITHDRAWN, 3), status_word="removed from sale", exposure_ppm=0),
    "unknown": replace(phased(ReleaseStatus.UNKNOWN, 3), status_word="REMOVED", exposure_ppm=0),
}
MEANINGS: dict[tuple[str, str], tuple[object, ...]] = {
    **{(place, "removed"): (Drift.WITHDRAWN,) for place in PLACES if place.startswith(("active", "paused"))},
    ("active 1 %", "active 5 %"): (STEPPED,),
    ("active 1 %", "paused 1 %"): (Drift.HALTED,),
    ("active 1 %", "paused 5 %"): (STEPPED, Drift.HALTED),
    ("active 1 %", "completed by Apple"): (STEPPED,),
    ("active 1 %", "completed on day 3"): (Drift.RAISED,),
    ("active 5 %", "active 1 %"): (Drift.LOWERED,),
    ("active 5 %", "paused 1 %"): (Drift.HALTED,),
    ("active 5 %", "paused 5 %"): (Drift.HALTED,),
    ("active 5 %", "completed by Apple"): (STEPPED,),
    ("active 5 %", "completed on day 3"): (Drift.RAISED,),
    ("paused 1 %", "active 1 %"): (Drift.RESUMED,),
    ("paused 1 %", "active 5 %"): (STEPPED, Drift.RESUMED),
    ("paused 1 %", "paused 5 %"): (STEPPED,),
    ("paused 1 %", "completed by Apple"): (Drift.RAISED,),
    ("paused 1 %", "completed on day 3"): (Drift.RAISED,),
    ("paused 5 %", "active 1 %"): (Drift.RESUMED,),
    ("paused 5 %", "active 5 %"): (Drift.RESUMED,),
    ("paused 5 %", "paused 1 %"): (Drift.HALTED,),
    ("paused 5 %", "completed by Apple"): (Drift.RAISED,),
    ("paused 5 %", "completed on day 3"): (Drift.RAISED,),
}


def rolling(found: StoreRelease) -> Rollout:
    told: tuple[Fact, ...] = (discovered(found=found), facts.Started(ANNA, "go", "standard"), Seen.of(found))
    live: tuple[Fact, ...] = (facts.WentLive(found.exposure_ppm),) if found.live else ()
    rollout = fold(APPLE_KEY, tuple((fact, EARLIER) for fact in (*told, *live)))
    assert rollout is not None
    return rollout


def look(rollout: Rollout, *found: StoreRelease) -> tuple[Fact, ...]:
    return learn(rollout, StoreState(found, "f", NOON), NOON)


def meanings(learned: tuple[Fact, ...]) -> tuple[object, ...]:
    stepped = [STEPPED for fact in learned if isinstance(fact, facts.Stepped)]
    return (*stepped, *(fact.meaning for fact in learned if isinstance(fact, facts.Drifted)))


@pytest.mark.parametrize(
    ("before", "after"),
    [pair for pair in product(PLACES, PLACES) if pair[0].startswith(("active", "paused"))],
)
def test_every_change_that_was_not_ours_has_an_author(before: str, after: str) -> None:
    learned = look(rolling(PLACES[before]), PLACES[after])
    if after == "replaced":
        assert any(isinstance(fact, facts.Superseded) for fact in learned)
        return
    usual: tuple[object, ...] = () if after in (before, "unknown") else (Drift.UNKNOWN,)
    assert meanings(learned) == MEANINGS.get((before, after), usual)


@pytest.mark.parametrize(("before", "after"), MEANINGS)
def test_a_change_is_noticed_once(before: str, after: str) -> None:
    rollout = rolling(PLACES[before])
    after_it = extend(rollout, look(rollout, PLACES[after]), NOON)
    assert look(after_it, PLACES[after]) == ()


def test_every_status_of_the_app_store_is_in_the_table() -> None:
    assert {found.status for found in PLACES.values()} == set(ReleaseStatus) - {
        ReleaseStatus.DRAFT,
        ReleaseStatus.HALTED,
    }


def test_a_version_in_preparation_may_go_from_word_to_word() -> None:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.DRAFT)
    waiting = replace(draft, status_word="WAITING_FOR_REVIEW", review=ReviewState.IN_REVIEW)
    assert meanings(look(rolling(draft), waiting)) == ()


def test_the_build_that_is_attached_later_is_the_one_sentry_is_asked_about() -> None:
    unbuilt = replace(shown(ReleaseStatus.DRAFT), release=Release(RELEASE.id, "5.2.0", ""))
    rollout = rolling(unbuilt)
    built = replace(unbuilt, release=Release(RELEASE.id, "5.2.0", "33417"))
    assert extend(rollout, look(rollout, built), NOON).release.build == "33417"


def test_replaced_versions_are_the_baseline_of_the_one_that_replaced_them() -> None:
    older = replace(phased(ReleaseStatus.REPLACED, 7), release=OLDER, exposure_ppm=0)
    newer = replace(phased(ACTIVE, 1), release=NEWER)
    ((release, (first, *_)),) = discover(
        StoreState((newer, older), "f", NOON), (), "standard", OnNewRelease.WAIT
    )
    assert release == NEWER
    assert isinstance(first, facts.Discovered)
    assert first.baseline == (OLDER,)


def test_a_version_without_phased_release_gets_one_before_it_is_submitted() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=unphased())
    decision = world.one_pass().decision
    assert decision.change is not None
    assert decision.change.verb is Verb.PREPARE


def test_what_apple_will_not_phase_is_asked_for_once() -> None:
    world = AppleWorld(terms(), choice=OnNewRelease.ADOPT, truth=unphased())
    sent = [world.one_pass().sent for _ in range(5)]
    assert len([one for one in sent if one]) == 1, "the little Apple refuses"
    assert "no phased release" in world.one_pass().decision.reasons[0].text


def test_a_version_that_only_waits_is_left_as_it_is() -> None:
    world = AppleWorld(terms(), truth=unphased())
    assert world.one_pass().decision.change is None


def unphased() -> StoreRelease:
    draft = shown(ReleaseStatus.DRAFT, review=ReviewState.DRAFT)
    return replace(draft, phased=False, status_word="PREPARE_FOR_SUBMISSION")


def test_a_pause_clock_runs_only_while_it_is_paused() -> None:
    rollout = rolling(phased(PAUSED, 1))
    assert rollout.pauses.at(NOON) == 30 * HOUR
    active = extend(rollout, (Seen.of(phased(ACTIVE, 1)),), NOON)
    assert active.pauses.at(NOON + timedelta(days=5)) == 30 * HOUR
