"""The story ended as its scenario says it must. Exposure is what people really got, not what was reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.judge.case import Case
from tests.judge.checks import budget
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.ledger import Key
from tests.judge.messages import delivered, halts_told
from tests.judge.terms import percent

CHECK = "unmet_expectations"


def check(case: Case) -> list[Finding]:
    expect = case.evidence.scenario.get("expect") or case.setting.get("expect") or {}
    at = case.ended_at.isoformat()
    findings = [
        Finding(CHECK, at, str(wanted["app"]), text)
        for wanted in expect.get("rollouts", ())
        for text in _rollout(case, wanted)
    ]
    return findings + [Finding(CHECK, at, "", text) for text in _counts(case, expect)]


def _counts(case: Case, expect: Mapping[str, Any]) -> Iterator[str]:
    counted = {
        "broadcast_halts": halts_told(delivered(case.evidence)),
        "raises_of_ours": sum(1 for _ in case.raises()),
        "apple_steps": len(case.apple_steps),
        "pause_warnings": budget.warnings_told(case),
    }
    for name, count in counted.items():
        yield from _compared(name, count, expect)


def _compared(name: str, count: int, expect: Mapping[str, Any]) -> Iterator[str]:
    """`name` asks for exactly so many, `name_at_most` for no more."""
    if expect.get(name) is not None and expect[name] != count:
        yield f"{name} is {count}, not {expect[name]}"
    most = expect.get(f"{name}_at_most")
    if most is not None and count > most:
        yield f"{name} is {count}, more than {most}"


def _rollout(case: Case, wanted: Mapping[str, Any]) -> Iterator[str]:
    row = _find(case, wanted)
    if row is None:
        yield f"there is no rollout of {wanted['release']}"
        return
    key = Key(row["app"], row["store"], str(row["release_id"]))
    reach = case.reach_ppm(key)
    name = f"{row['release']}"
    steps = sum(1 for step in case.apple_steps if step.key == key)
    yield from (f"{name}: {text}" for text in _compared("apple_steps", steps, wanted))
    warned = budget.warnings_told(case, key)
    yield from (f"{name}: {text}" for text in _compared("pause_warnings", warned, wanted))
    if "phase" in wanted and row["phase"] != wanted["phase"]:
        yield f"{name} is {row['phase']}, not {wanted['phase']}"
    exact = wanted.get("exposure_ppm")
    if exact is not None and exact not in (_exposure_now(case, key), reach):
        yield f"{name} reached {percent(reach)}, not {percent(exact)}"
    if reach > wanted.get("exposure_ppm_at_most", reach):
        yield f"{name} reached {percent(reach)}, more than {percent(wanted['exposure_ppm_at_most'])}"
    if reach < wanted.get("exposure_ppm_at_least", reach):
        yield f"{name} reached {percent(reach)}, less than {percent(wanted['exposure_ppm_at_least'])}"


def _find(case: Case, wanted: Mapping[str, Any]) -> Record | None:
    return next(
        (
            row
            for row in case.evidence.rollouts
            if (row["app"], row["store"]) == (wanted["app"], wanted["store"])
            and str(wanted["release"]) in (row["release"], str(row["release_id"]))
        ),
        None,
    )


def _exposure_now(case: Case, key: Key) -> int:
    history = case.served.get(key)
    return history[-1].exposure_ppm if history else 0
