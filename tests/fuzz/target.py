"""A target: what is drawn, and what must hold of it. The tests and the long run share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Check = Callable[[Any], None]
TARGETS: dict[str, Target] = {}
SWEEPS: dict[str, Callable[[Any], object]] = {}
"""What is asked of the services while every place of their answers is spoiled in turn (every_place.py)."""

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@dataclass(frozen=True)
class Target:
    """`examples`: how many the tests draw; the long run draws as many as it has time for."""

    name: str
    drawn: st.SearchStrategy[Any]
    check: Check
    examples: int


def fuzz(name: str, drawn: st.SearchStrategy[Any], *, examples: int) -> Callable[[Check], Callable[[], None]]:
    """Make a test of a check, and a target of both."""
    steady = settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=examples,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=QUIET,
    )

    def made(check: Check) -> Callable[[], None]:
        TARGETS[name] = Target(name, drawn, check, examples)
        test: Callable[[], None] = steady(given(drawn)(check))
        return test

    return made
