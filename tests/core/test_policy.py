"""What a policy may say, and which stage counts at which share. Files and their places are in tests/config."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.calendar import Calendar, Day, Freeze, Hours, TimeOfDay
from stagedrollout.core.gates import Gate, Role
from stagedrollout.core.policy import Completion, Policy, Stage
from stagedrollout.core.units import PPM_ALL
from tests.core.builders import DAY, gate, policy, ppm

WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (Stage, {"percent": Decimal(0), "bake": DAY}, "more than 0"),
    (Stage, {"percent": Decimal(5)}, "bake"),
    (Stage, {"percent": Decimal(100), "bake": DAY}, "watch"),
    (Stage, {"percent": Decimal(5), "bake": DAY, "min_sample": -1}, "0 or more"),
    (gate, {"floor": Decimal(100)}, "floor"),
    (gate, {"floor": Decimal(0)}, "floor"),
    (gate, {"min_sample": 0}, "knows nothing"),
    (gate, {"confirm": 0}, "polls"),
    (gate, {"window": timedelta(minutes=59)}, "window"),
    (gate, {"freshness": timedelta(minutes=29)}, "freshness"),
    (Hours, {"start": time(17), "end": time(9)}, "end after they start"),
    (Freeze, {"first": date(2026, 2, 2), "last": date(2026, 2, 1), "reason": "x"}, "last day"),
    (Calendar, {"time_zone": "Mars/Olympus"}, "time zone"),
    (Calendar, {"time_zone": "../etc/passwd"}, "time zone"),
    (Calendar, {"weekdays": ()}, "weekdays"),
    (policy, {"gates": (gate(role=Role.ADVISORY),)}, "required gate"),
    (policy, {"gates": (gate(), gate())}, "two gates"),
    (policy, {"stages": ()}, "one stage"),
]


@pytest.mark.parametrize(("kind", "terms", "words"), WRONG)
def test_what_makes_no_sense_is_refused_in_words(kind: Any, terms: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        if "stages" in terms:
            Policy(name="x", gates=(gate(),), **terms)
        else:
            kind(**terms)


def test_stages_rise() -> None:
    for percents in ((10, 10), (50, 10)):
        with pytest.raises(ValueError, match="rise"):
            policy(*percents)


def test_who_completes_automatically_has_a_stage_for_everyone() -> None:
    with pytest.raises(ValueError, match="percent: 100"):
        policy(1, 10, completion=Completion.AUTOMATIC)


def test_everyone_is_completed_by_a_person_unless_the_policy_says_otherwise() -> None:
    one = Stage(percent=Decimal(5), bake=DAY)
    assert Policy(name="x", stages=(one,), gates=(gate(),)).completion is Completion.BY_HAND


@pytest.mark.parametrize("text", ["9 o'clock", "25:00", "09:00+02:00", ""])
def test_a_time_of_day_is_a_local_time(text: str) -> None:
    (how,) = TimeOfDay.__metadata__  # type: ignore[attr-defined]
    assert how.read("09:00") == time(9)
    with pytest.raises(ValueError, match="time of day"):
        how.read(text)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", datetime(2026, 1, 1, 10), ""])  # noqa: DTZ001
def test_a_day_is_a_day_and_no_instant(text: object) -> None:
    (how,) = Day.__metadata__  # type: ignore[attr-defined]
    assert how.read("2026-12-20") == how.read(date(2026, 12, 20)) == date(2026, 12, 20)
    with pytest.raises(ValueError, match="a day is written"):
        how.read(text)


@pytest.mark.parametrize(
    ("share", "next_", "terms"),
    [
        (0, 1, 1),
        (0.5, 1, 1),
        (1, 10, 1),
        (9.9999, 10, 1),
        (10, 50, 10),
        (30, 50, 10),
        (50, 100, 50),
        (99.9999, 100, 50),
        (100, None, 1),
    ],
)
def test_the_next_stage_and_the_terms_of_the_present_one(
    share: float, next_: float | None, terms: float
) -> None:
    stages = policy()
    found = stages.next_stage(ppm(share))
    assert (found.exposure_ppm if found else None) == (ppm(next_) if next_ else None)
    assert stages.stage_at(ppm(share)).exposure_ppm == ppm(terms)


@pytest.mark.promise("R5")
@given(st.lists(st.integers(1, PPM_ALL), min_size=1, max_size=8, unique=True), st.integers(0, PPM_ALL))
def test_no_stage_is_ever_skipped(shares: list[int], exposure: int) -> None:
    stages = policy(*[Decimal(share) / 10_000 for share in sorted(shares)])
    reached: list[int] = []
    while (stage := stages.next_stage(exposure)) is not None:
        assert stage.exposure_ppm > exposure
        exposure = stage.exposure_ppm
        reached.append(exposure)
    assert reached == sorted(share for share in shares if share >= min([*reached, PPM_ALL + 1]))


def test_a_gate_is_named_by_what_it_measures() -> None:
    assert isinstance(gate(), Gate)
    assert (gate().name, gate().floor_ppm) == ("crash_free_sessions", 990_000)
