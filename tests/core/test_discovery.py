"""Which of the store's releases begin a rollout of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core import facts
from stagedrollout.core.discovery import discover, newest_complete
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import SOMEBODY, OnNewRelease, Release, ReleaseStatus, StoreRelease
from tests.core.builders import (
    COMPLETED,
    DRAFT,
    HALTED,
    NEWER,
    NOON,
    OLDER,
    RELEASE,
    STAGED,
    UNKNOWN,
    only,
    rolling,
    seen,
    shown,
    store,
    told,
    waiting,
)


def found(
    *releases: StoreRelease, known: tuple[Rollout, ...] = (), past: str | None = None
) -> dict[str, tuple[Fact, ...]]:
    everything = discover(store(*releases), known, "standard", OnNewRelease.WAIT, past)
    return {release.id: first for release, first in everything}


@pytest.mark.parametrize("status", [DRAFT, STAGED, UNKNOWN])
def test_a_release_that_nobody_told_us_about_is_found_once(status: ReleaseStatus) -> None:
    release = shown(status)
    first = found(release)[RELEASE.id]
    assert only(facts.Discovered, first).release == RELEASE
    assert found(release, known=(rolling(),)) == {}


def test_what_was_completed_before_we_ever_looked_is_the_past() -> None:
    assert found(shown(COMPLETED)) == {}


def test_what_somebody_completes_in_one_go_while_we_look_is_watched() -> None:
    assert set(found(shown(COMPLETED, release=NEWER), known=(rolling(),))) == {NEWER.id}


@pytest.mark.parametrize("known", [(), (waiting(found=shown(DRAFT, release=NEWER)),)])
def test_what_went_out_to_everyone_between_two_looks_is_watched_although_nothing_was_rolled_out_before(
    known: tuple[Rollout, ...],
) -> None:
    """The team completed its stages in the console while we were away, or never had any."""
    assert set(found(shown(COMPLETED), known=known, past=OLDER.id)) == {RELEASE.id}
    assert found(shown(COMPLETED), known=known) == {}


@pytest.mark.parametrize("past", [RELEASE.id, NEWER.id])
def test_what_was_complete_at_the_first_look_is_the_past_at_every_other_one(past: str) -> None:
    assert found(shown(COMPLETED), past=past) == {}


def test_what_is_older_than_what_we_saw_rolled_out_is_the_past_whatever_was_there_at_first() -> None:
    assert found(shown(COMPLETED), known=(replace(rolling(), release=NEWER),), past=OLDER.id) == {}


def test_the_newest_of_what_is_complete_is_what_everybody_gets() -> None:
    lying_there = (shown(STAGED, 5, release=NEWER), shown(COMPLETED, release=OLDER), shown(COMPLETED))
    assert newest_complete(store(*lying_there)) == RELEASE.id
    assert newest_complete(store(shown(DRAFT))) is None


@pytest.mark.parametrize("status", [HALTED, COMPLETED])
def test_what_is_older_than_what_we_saw_rolled_out_is_the_past(status: ReleaseStatus) -> None:
    assert found(shown(status, release=OLDER), known=(rolling(),)) == {}


def test_what_is_being_rolled_out_is_never_the_past() -> None:
    """A draft with a higher code lay there already; the release below it is what people get."""
    draft_above = waiting(found=shown(DRAFT))
    for known in (rolling(), draft_above):
        assert set(found(shown(STAGED, 1, release=OLDER), known=(known,))) == {OLDER.id}
    assert set(found(shown(COMPLETED, release=OLDER), known=(draft_above,))) == set()


def test_two_new_releases_are_found_from_old_to_new() -> None:
    everything = found(shown(DRAFT, release=NEWER), shown(STAGED, 5))
    assert list(everything) == [RELEASE.id, NEWER.id]


def test_a_release_found_halted_is_under_a_person_s_halt() -> None:
    rollout = told(*found(shown(HALTED, 10))[RELEASE.id], start=NOON)
    assert rollout.phase is Phase.HALTED
    assert rollout.halt
    assert rollout.halt.actor == SOMEBODY
    assert rollout.seen == seen(HALTED, 10)


def test_the_first_look_is_remembered_so_that_the_second_one_shows_what_changed() -> None:
    assert told(*found(shown())[RELEASE.id], start=NOON).seen == seen()


def test_it_is_compared_with_what_everyone_else_runs() -> None:
    oldest = Release("5000", "5.0.0", "5000")
    first = found(shown(), shown(COMPLETED, release=oldest), shown(COMPLETED, release=OLDER))
    assert only(facts.Discovered, first[RELEASE.id]).baseline == (OLDER,)


def test_the_first_release_of_an_app_has_nothing_to_be_compared_with() -> None:
    assert only(facts.Discovered, found(shown())[RELEASE.id]).baseline == ()


def test_a_newer_release_is_no_baseline() -> None:
    first = found(shown(DRAFT), shown(COMPLETED, release=NEWER))
    assert only(facts.Discovered, first[RELEASE.id]).baseline == ()


def test_the_terms_of_the_app_are_written_down_with_it() -> None:
    ((_, first),) = discover(store(shown(STAGED, 5)), (), "careful", OnNewRelease.ADOPT)
    said = only(facts.Discovered, first)
    assert (said.policy, said.choice, said.status, said.exposure_ppm) == (
        "careful",
        OnNewRelease.ADOPT,
        STAGED,
        50_000,
    )
