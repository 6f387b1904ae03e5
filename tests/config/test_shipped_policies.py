"""The shipped policies are readable by people and do what their comments say to an app in good and bad health."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import stagedrollout
from stagedrollout.config.policies import read_policies
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core import floors
from stagedrollout.core.gates import Gate, Role
from stagedrollout.core.observation import Counts, Metric
from stagedrollout.core.policy import Completion, OnUnknown, Policy

SHELF = read_policies(policies_folder(), [])
GATES = [(name, gate) for name, policy in SHELF.policies.items() for gate in policy.gates]
SESSIONS_PER_DAY = 4


def crash_free(gate: Gate, sessions_ppm: int) -> float:
    """The true value of the gate's metric when each session is crash-free with that probability."""
    share = sessions_ppm / 1_000_000
    if gate.metric is Metric.CRASH_FREE_SESSIONS:
        return share
    return share ** (SESSIONS_PER_DAY * gate.window / timedelta(days=1))


def counts(gate: Gate, share: float) -> Counts:
    total = gate.min_sample
    return Counts(total, round(total * (1 - share)))


def test_all_three_are_read_without_a_problem():
    assert SHELF.problems == []
    assert set(SHELF.policies) == {"cautious", "standard", "hotfix"}


@pytest.mark.parametrize(
    ("name", "percents", "completion"),
    [
        ("standard", [1, 5, 10, 20, 50, 100], Completion.AUTOMATIC),
        ("cautious", [1, 2, 5, 10, 20, 50, 100], Completion.BY_HAND),
        ("hotfix", [10, 50, 100], Completion.AUTOMATIC),
    ],
)
def test_the_stages_are_those_people_know(name: str, percents: list[int], completion: Completion):
    policy = SHELF.policies[name]
    assert [int(stage.percent) for stage in policy.stages] == percents
    assert policy.completion is completion


@pytest.mark.parametrize(("name", "gate"), GATES)
def test_a_healthy_app_passes_every_gate(name: str, gate: Gate):
    assert floors.passes(gate, counts(gate, crash_free(gate, 996_000)))


@pytest.mark.parametrize(("name", "gate"), GATES)
def test_a_healthy_app_passes_also_when_it_is_unlucky(name: str, gate: Gate):
    healthy = counts(gate, crash_free(gate, 996_000))
    unlucky = Counts(healthy.total, healthy.bad + round(2.5 * healthy.bad**0.5))
    assert not floors.breaches(gate, unlucky)


@pytest.mark.parametrize(("name", "gate"), GATES)
def test_users_with_four_sessions_a_day_are_not_taken_for_a_disaster_over_a_whole_day(name: str, gate: Gate):
    if gate.metric is Metric.CRASH_FREE_USERS:
        assert not floors.breaches(gate, counts(gate, 0.996**SESSIONS_PER_DAY))


@pytest.mark.parametrize("policy", SHELF.policies.values(), ids=SHELF.policies)
def test_a_disaster_is_caught_by_the_floor_too(policy: Policy):
    """What is merely worse than before is the evidence's to find; one crash in fifteen sessions needs no baseline."""
    (gate,) = (gate for gate in policy.gates if gate.metric is Metric.CRASH_FREE_SESSIONS)
    assert floors.breaches(gate, counts(gate, 0.93))


@pytest.mark.parametrize("policy", SHELF.policies.values(), ids=SHELF.policies)
def test_no_data_never_raise_and_every_gate_counts(policy: Policy):
    assert policy.unknown_data.action is OnUnknown.HOLD
    assert policy.evidence is not None, "a raise needs evidence"
    assert policy.evidence.role is Role.REQUIRED
    assert all(gate.role is Role.VETO for gate in policy.gates), "the floors can halt"
    assert len({gate.window for gate in policy.gates}) == 1


@pytest.mark.parametrize("path", sorted(policies_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_no_key_goes_without_a_word_of_explanation(path: Path):
    """Each key a reader meets for the first time in a file has a comment on its line or right above it."""
    explained: set[str] = set()
    above = False
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip().removeprefix("- ")
        if text.startswith("#") or not text:
            above = bool(text)
            continue
        key = text.split(":")[0]
        assert key in explained or above or " #" in line, f"{path.name}: {line}"
        explained.add(key)
        above = above and line.endswith(":")


def test_they_are_found_in_an_installed_package_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "site-packages" / "stagedrollout"
    (package / "policies").mkdir(parents=True)
    (package / "policies" / "standard.yaml").touch()
    monkeypatch.setattr(stagedrollout, "__file__", str(package / "__init__.py"))
    assert policies_folder() == package / "policies"


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stagedrollout, "__file__", str(tmp_path / "stagedrollout" / "__init__.py"))
    with pytest.raises(FileNotFoundError, match="shipped policies are missing"):
        policies_folder()
