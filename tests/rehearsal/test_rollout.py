"""A rehearsed rollout is the daemon's own: raised by the policy, halted by evidence, and the same however it is played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from stagedrollout.core.evidence.weighing import weigh
from stagedrollout.core.gates import OnDark, Role
from stagedrollout.core.ledger import Counted, Ledger, Measure, Place, Tallied, Tally, take
from stagedrollout.core.policy import OnUnknown, Policy
from stagedrollout.core.run_terms import run_of
from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.books import LIVE, at
from stagedrollout.rehearsal.clock import clock
from stagedrollout.rehearsal.many import players, silent
from stagedrollout.rehearsal.rollout import Played, Playing, at_each_poll, play, where_it_matters
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World
from tests.rehearsal.worlds import MEDIUM, shipped

SMALL, LARGE = replace(MEDIUM, daily_users=1_000), replace(MEDIUM, daily_users=1_000_000)


def played(policy: str, world: World, seeds: Sequence[int] = (1, 2)) -> tuple[Played, ...]:
    return tuple(play(shipped(policy), world, seed) for seed in seeds)


@pytest.mark.parametrize(
    ("policy", "world", "seed"),
    [
        ("standard", replace(MEDIUM, regression=2.0), 1),
        ("standard", replace(SMALL, regression=20.0, loops=2.0), 2),
        ("standard", replace(LARGE, noise=0.1, incident=3.0), 3),
        ("hotfix", MEDIUM, 4),
        ("hotfix", replace(SMALL, regression=5.0, loops=2.0), 5),
        ("hotfix", replace(LARGE, incident=3.0, incident_within=10), 6),
        ("hotfix", replace(MEDIUM, regression=20.0, onset_ppm=200_000), 7),
        ("cautious", replace(MEDIUM, regression=1.5), 8),
    ],
)
def test_passes_where_it_matters_raise_and_halt_as_passes_at_each_poll(
    policy: str, world: World, seed: int
) -> None:
    sparing, each = (play(shipped(policy), world, seed, when) for when in (where_it_matters, at_each_poll))
    assert replace(sparing, passes=0) == replace(each, passes=0)
    assert sparing.passes < each.passes


@pytest.mark.parametrize("policy", ["standard", "hotfix"])
@pytest.mark.parametrize("changed", ["dark", "unknown", "required"])
def test_policies_that_must_look_at_each_poll_do(policy: str, changed: str) -> None:
    """What such a policy goes by can come and go within the hour."""
    chosen = shipped(policy)
    assert chosen.evidence
    if changed == "dark":
        chosen = replace(chosen, evidence=replace(chosen.evidence, dark=OnDark.HALT))
    if changed == "unknown":
        chosen = replace(chosen, unknown_data=replace(chosen.unknown_data, action=OnUnknown.HALT))
    if changed == "required":
        chosen = replace(chosen, gates=tuple(replace(gate, role=Role.REQUIRED) for gate in chosen.gates))
    assert Playing(chosen, MEDIUM, 1).fickle
    assert not Playing(shipped(policy), MEDIUM, 1).fickle


def test_a_regression_of_x20_is_halted_within_hours() -> None:
    for each in played("standard", replace(MEDIUM, regression=20.0), range(5)):
        assert each.halted_at is not None
        assert each.halted_at <= 8 * POLLS_PER_HOUR
        assert each.blamed == "evidence"
        assert each.share < 0.01


@pytest.mark.parametrize("policy", ["standard", "cautious"])
def test_a_healthy_release_is_completed_by_the_clock(policy: str) -> None:
    completes = clock(shipped(policy)).completes
    assert completes is not None
    (each,) = played(policy, LARGE, [1])
    assert each.halted_at is None
    assert each.completed_at is not None
    assert each.completed_at <= completes + 1  # a person who completes answers at the next poll


@pytest.mark.parametrize("policy", ["standard", "hotfix", "cautious"])
def test_stages_are_raised_in_order_and_not_before_the_clock(policy: str) -> None:
    schedule = clock(shipped(policy))
    for each in played(policy, MEDIUM):
        assert [r.ppm for r in each.raises] == [o.ppm for o in schedule.offers][: len(each.raises)]
        assert all(r.poll >= o.poll for r, o in zip(each.raises, schedule.offers, strict=False))


def test_a_person_who_is_asked_advances_and_completes() -> None:
    (each,) = played("cautious", SMALL, [1])
    assert each.completed_at is not None
    assert each.raises[-1].ppm == PPM_ALL
    hours = [at(r.poll).hour for r in each.raises[1:]]
    assert all(9 <= hour < 16 for hour in hours)
    assert all(at(r.poll).weekday() < 4 for r in each.raises)


def test_the_share_of_users_is_what_the_raises_allow() -> None:
    for each in played("standard", replace(MEDIUM, regression=2.0), range(4)):
        offered = each.raises[-1].ppm / PPM_ALL
        assert 0 < each.share <= offered
        assert each.since_onset == each.sessions > 0


def test_exposure_counts_from_the_onset() -> None:
    (each,) = played("hotfix", replace(LARGE, regression=5.0, onset_ppm=500_000), [1])
    onset = next(r.poll for r in each.raises if r.ppm >= 500_000)
    assert each.onset_at == onset
    assert 0 < each.since_onset < each.sessions


def test_a_policy_without_evidence_goes_by_its_floors() -> None:
    gates = tuple(replace(gate, role=Role.REQUIRED) for gate in shipped("hotfix").gates)
    bare = replace(shipped("hotfix"), evidence=None, gates=gates)
    good, bad = (play(bare, replace(MEDIUM, regression=x), 1) for x in (1.0, 20.0))
    assert good.halted_at is None
    assert good.completed_at is not None
    assert bad.blamed.startswith("crash_free")


def test_policies_that_require_reviews_are_refused() -> None:
    chosen = shipped("standard")
    assert chosen.ratings
    required = replace(chosen, ratings=replace(chosen.ratings, role=Role.REQUIRED))
    with pytest.raises(ValueError, match="nobody writes"):
        play(required, MEDIUM, 1)


def test_how_many_processes_play_changes_nothing() -> None:
    world, seeds = replace(MEDIUM, regression=5.0), range(1, 13)
    with players(1) as alone, players(2) as together:
        assert alone(shipped("hotfix"), world, seeds, silent) == together(
            shipped("hotfix"), world, seeds, silent
        )


@pytest.mark.parametrize("poll", [1, 30, 96, 130, 391, 668, 700])
def test_the_weighing_is_what_a_ledger_of_the_same_counts_gives(poll: int) -> None:
    world = replace(MEDIUM, loops=2.0, incident=3.0, incident_within=20)
    playing = played_until(shipped("standard"), world, poll)
    run = run_of(playing.rollout)
    assert run is not None
    mine, theirs = playing.books.weighing(run, poll), weigh(run, ledger_of(playing, poll))
    assert mine.ln_e == theirs.ln_e
    assert mine.ln_e_advance(at(poll)) == theirs.ln_e_advance(at(poll))
    for signal, fold in theirs.folds.items():
        assert mine.folds[signal].now.ln_e == fold.now.ln_e
        assert [r.incident for r in mine.folds[signal].rows if fold.rows[0].incident] == [
            r.incident for r in fold.rows if fold.rows[0].incident
        ]


def played_until(policy: Policy, world: World, poll: int) -> Playing:
    playing = Playing(policy, world, 3)
    playing.go_live()
    for number in range(poll + 1):
        if number:
            playing.books.count(number)
        if where_it_matters(playing, number):
            playing.one_pass(number)
    return playing


def ledger_of(playing: Playing, poll: int) -> Ledger:
    """What the daemon would have in its ledger by this poll."""
    ledger = Ledger("rehearsal")
    totals = playing.crowd.totals
    for measure, bad in ((Measure.CRASHED, "k"), (Measure.ABNORMAL, "abnormal")):
        hours = []
        for begun in range(0, poll, POLLS_PER_HOUR):
            ended = min(poll, begun + POLLS_PER_HOUR)
            n_c, k_c, n_b, k_b = (
                getattr(totals[ended], name) - getattr(totals[begun], name)
                for name in ("n_c", f"{bad}_c", "n_b", f"{bad}_b")
            )
            hours.append(Counted(Place(at(begun)), Tally(n_c, k_c, n_b, k_b)))
        ledger = take(ledger, Tallied("x", measure, tuple(hours), LIVE), LIVE).ledger
    users = [*playing.books.users_read]
    days = tuple(Counted(Place(row.start), row.strata[0]) for row in users)
    return take(ledger, Tallied("x", Measure.USERS, days, LIVE), LIVE).ledger
