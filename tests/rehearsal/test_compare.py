"""`policy compare`: each model does what the rule it models says, and all are tried in the same worlds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.cli.policy import chosen
from stagedrollout.core.policy import Policy
from stagedrollout.rehearsal.clock import clock
from stagedrollout.rehearsal.compare import HEALTHY, PLAIN, Compared, compare, judged, offered
from stagedrollout.rehearsal.compare_figures import between, document, exposure
from stagedrollout.rehearsal.many import players, silent
from stagedrollout.rehearsal.rollout import play
from stagedrollout.rehearsal.rules_of_others import (
    AbovePrevious,
    Counted,
    FailureCount,
    InARow,
    Rule,
    StaticFloor,
    ZTestEachPoll,
    halts_at,
    rules,
)
from stagedrollout.rehearsal.world import NOBODY, World

ENOUGH = 100_000


def counted(*quarters: tuple[int, int, int, int]) -> Counted:
    """Of what happened in each quarter of an hour: sessions and crashed ones of the candidate, then of the baseline."""
    drawn = np.array([(0, 0, 0, 0), *quarters], dtype=np.int64).cumsum(axis=0)
    return Counted(*drawn.T)


def hours(*crashed: int, sessions: int = 1000) -> Counted:
    """Hours with so many crashed sessions of `sessions`, all in the last quarter of the hour; a quiet baseline."""
    quiet = [(0, 0, 10_000, 40)] * 3
    return counted(*(quarter for k in crashed for quarter in (*quiet, (sessions, k, 10_000, 40))))


def halted_in_hour(rule: Rule, seen: Counted) -> float | None:
    at = halts_at(rule, seen)
    return None if at is None else at / 4


@pytest.fixture(scope="module")
def standard() -> Policy:
    return chosen("standard", Path("none.yaml"))


def compared(policy: Policy, seeds: int) -> Compared:
    asked = World(daily_users=ENOUGH, regression=5.0)
    with players(1) as play_all:
        return compare([policy], rules(), asked, seeds, play_all=play_all, progress=silent)


def ran(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["policy", "compare", *arguments])


# -- a static floor on all data so far ----------------------------------------------------------------------------


def test_a_floor_halts_when_all_sessions_so_far_are_below_it_and_not_at_it() -> None:
    rule = StaticFloor(99.5, sessions_min=1)
    assert halted_in_hour(rule, hours(5, 5, 5)) is None
    assert halted_in_hour(rule, hours(5, 5, 6)) == 3


def test_a_bad_hour_is_outweighed_by_the_good_ones_before_it() -> None:
    assert halted_in_hour(StaticFloor(99.5, sessions_min=1), hours(0, 0, 14)) is None


def test_a_floor_says_nothing_before_its_sample() -> None:
    assert halted_in_hour(StaticFloor(99.5, sessions_min=3000), hours(50, 50, 50)) == 3


# -- bad hours in a row -------------------------------------------------------------------------------------------


def test_the_fifth_bad_hour_in_a_row_halts() -> None:
    assert halted_in_hour(InARow(), hours(6, 6, 6, 6, 6)) == 5


def test_one_good_hour_starts_the_count_again() -> None:
    assert halted_in_hour(InARow(), hours(6, 6, 6, 6, 5, 6, 6, 6, 6)) is None
    assert halted_in_hour(InARow(), hours(6, 6, 6, 6, 5, 6, 6, 6, 6, 6)) == 10


def test_an_hour_with_too_few_sessions_is_not_bad() -> None:
    assert halted_in_hour(InARow(), hours(*[9] * 9, sessions=99)) is None


# -- bad hours in all ---------------------------------------------------------------------------------------------


def test_good_hours_take_no_failed_check_back() -> None:
    assert halted_in_hour(FailureCount(failures=3), hours(6, 0, 0, 6, 0, 0, 0, 6, 0)) == 8
    assert halted_in_hour(FailureCount(failures=3), hours(6, 0, 0, 6, 0, 0, 0, 5, 0)) is None


# -- a ratio to the previous version ------------------------------------------------------------------------------


def test_a_ratio_halts_above_it_and_not_at_it() -> None:
    rule = AbovePrevious(ratio=1.5, hours=24, sessions_min=1)
    assert halts_at(rule, counted((1000, 6, 1000, 4))) is None
    assert halts_at(rule, counted((1000, 7, 1000, 4))) == 1


def test_a_ratio_forgets_what_is_older_than_its_window() -> None:
    rule = AbovePrevious(ratio=1.5, hours=1, sessions_min=1)
    sequence = [(10_000, 0, 10_000, 40)] * 8 + [(10_000, 100, 10_000, 40)] * 3
    assert halts_at(rule, counted(*sequence)) == 11


def test_a_ratio_says_nothing_once_hardly_anybody_has_the_previous_version() -> None:
    assert halts_at(AbovePrevious(sessions_min=1000), counted((10_000, 500, 999, 1))) is None


# -- a z-test at each poll ----------------------------------------------------------------------------------------


def test_the_z_test_halts_beyond_its_one_sided_quantile() -> None:
    # pooled p = 0.01: the spread is sqrt(.01 * .99 * 2e-4) = 0.00140712, and 2.3263 of it are 32.7 crashes
    assert halts_at(ZTestEachPoll(), counted((10_000, 116, 10_000, 84))) is None
    assert halts_at(ZTestEachPoll(), counted((10_000, 117, 10_000, 83))) == 1


def test_the_z_test_never_halts_what_is_better() -> None:
    assert halts_at(ZTestEachPoll(), counted((10_000, 10, 10_000, 200))) is None


def test_the_z_test_waits_for_five_expected_crashes_and_for_both_arms() -> None:
    assert halts_at(ZTestEachPoll(), counted((100, 9, 100_000, 400))) is None
    assert halts_at(ZTestEachPoll(), counted((10_000, 900, 0, 0))) is None
    assert halts_at(ZTestEachPoll(), counted((0, 0, 0, 0))) is None


# -- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_each_model_says_whose_rule_it_is_and_where_that_is_published(rule: Rule) -> None:
    assert rule.model_of
    assert rule.sources
    assert all(source.startswith("https://") for source in rule.sources)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_no_rule_halts_before_anything_happened(rule: Rule) -> None:
    assert halts_at(rule, Counted.of([NOBODY] * 40)) is None
    assert halts_at(rule, Counted.of([NOBODY])) is None


# -- the same worlds ----------------------------------------------------------------------------------------------


def test_a_model_meets_the_same_people_as_a_policy_that_raises_by_its_clock(standard: Policy) -> None:
    world = World(daily_users=ENOUGH)
    played = play(standard, world, seed=3)
    schedule = clock(standard)
    assert [(each.poll, each.ppm) for each in played.raises] == list(schedule.offers)
    assert offered(schedule, world, 3).totals[played.ended_at].n_c == played.sessions


def test_a_rule_that_never_halts_misses_what_comes_late(standard: Policy) -> None:
    late = World(daily_users=1000, regression=1.1, onset_ppm=500_000)
    (ended,) = judged([StaticFloor(90.0)], clock(standard), late, [1], silent)[0]
    assert ended.halted_at is None
    assert ended.onset_at == clock(standard).reaches(500_000)
    assert ended.everyone_at == clock(standard).completes
    assert exposure(ended) == float("inf")


def test_what_is_halted_before_the_onset_is_no_catch(standard: Policy) -> None:
    world = World(daily_users=ENOUGH, regression=2.0, onset_ppm=500_000)
    (ended,) = judged([StaticFloor(99.99, sessions_min=1)], clock(standard), world, [1], silent)[0]
    assert ended.halted_at is not None
    assert ended.onset_at is None


def test_the_same_seeds_give_the_same_numbers(standard: Policy) -> None:
    assert document(compared(standard, 1)) == document(compared(standard, 1))


def test_a_z_test_that_is_looked_at_all_the_time_halts_many_healthy_releases(standard: Policy) -> None:
    found = compared(standard, 5)
    by_name = {each.name: each for each in found.tried}
    for kind in HEALTHY:
        halted = {
            name: sum(ended.halted_at is not None for ended in each.healthy[kind])
            for name, each in by_name.items()
        }
        assert halted["standard"] == 0, kind
        assert halted["bad hours in all"] == found.seeds, kind
    peeked = [
        ended.halted_at is not None
        for kind in HEALTHY
        for ended in by_name["z-test at each poll"].healthy[kind]
    ]
    assert sum(peeked) >= 0.25 * len(peeked)


@pytest.mark.parametrize(("hits", "tries"), [(0, 100), (10, 100), (100, 100), (1, 1)])
def test_an_interval_is_the_textbooks_one(hits: int, tries: int) -> None:
    from scipy.stats import binomtest  # noqa: PLC0415 - most of a second, which every process of a run would pay

    expected = binomtest(hits, tries).proportion_ci(method="wilson")
    assert between(hits, tries) == pytest.approx((expected.low, expected.high), abs=1e-6)


# -- the command --------------------------------------------------------------------------------------------------


def test_the_document_names_each_rule_its_numbers_and_its_source() -> None:
    done = ran("standard", "--seeds", "1", "--workers", "1", "--json", "--regression", "5")
    assert (done.exit_code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["policies"], told["seeds"], told["regression"]) == (["standard"], 1, 5)
    assert [(each["name"], each["kind"]) for each in told["rules"]] == [
        ("standard", "policy"),
        *((rule.name, "model") for rule in rules()),
    ]
    for each in told["rules"]:
        assert list(each["healthy"]) == list(HEALTHY)
        assert each["regression"]["begun"] == each["regression"]["halted"] + each["regression"]["misses"]
    engine = told["rules"][0]
    assert engine["healthy"][PLAIN]["false_halts"] == 0
    assert engine["regression"]["misses"] == 0
    assert engine["regression"]["over_bound"] == pytest.approx(
        engine["regression"]["sessions_exposed"]["median"] / engine["regression"]["bound_sessions"], rel=1e-3
    )


def test_people_read_a_table_that_calls_the_models_models_and_see_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "compared.png"
    done = ran("standard", "--seeds", "1", "--workers", "1", "--daily-users", "1000", "--plot", str(picture))
    assert done.exit_code == 0, done.output
    assert "models of others" in done.stdout
    assert "model of Tramline's release health rules" in done.stdout
    assert "how strict it is its users choose" in " ".join(done.stdout.split())
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("standrad",), "standard"),
        ((), "POLICY"),
        (("standard", "--onset-stage", "7"), "the stages of standard are 1, 5, 10, 20, 50, 100"),
        (("standard", "--crash-free", "0.4"), "like 99.0"),
        (("standard", "--plot", "x.gif"), "a picture ends in .png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(arguments: tuple[str, ...], words: str) -> None:
    done = ran(*arguments, "--seeds", "1")
    assert done.exit_code == 2
    assert words in done.stderr
