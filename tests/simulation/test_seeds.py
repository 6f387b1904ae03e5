"""Fixed seeds in every test run, each a story of its own: no promise is broken, and everything comes to rest."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.simulation.outcome import Outcome, outcome

SEEDS = (*range(1, 57), 110)
TWICE = (5, 10)
"""Played again: a run that is not the same the second time proves nothing when it fails."""

MUST_BE_MET = (
    # what was decided
    "decided: ADVANCE and acted",
    "decided: COMPLETE and acted",
    "decided: HALT and acted",
    "decided: RESUME and acted",
    "decided: HOLD",
    "decided: WAIT",
    "because: bake",
    "because: fail",
    "because: pass",
    "because: error",
    "because: suspected",
    "because: store_unread",
    "because: human_halt",
    "because: in_doubt",
    # how it ended
    "settled: raise confirmed",
    "settled: halt confirmed",
    "settled: halt in_doubt",
    # what people did
    "console: halt",
    "console: raise",
    "console: new_release",
    "drifted: halted",
    "drifted: raised",
    "drifted: resumed",
    "order: advance accepted",
    "order: halt accepted",
    "order: hold accepted",
    "order: resume accepted",
    "halt in the middle of a pass",
    # what went wrong
    "crash: before a request to google_play",
    "crash: after a request to google_play",
    "crash: begin of a transaction",
    "crash: commit of a transaction",
    "fault: google_play drop",
    "fault: google_play drop_after",
    "fault: google_play 500",
    "fault: google_play 500_after",
    "fault: google_play 409",
    "fault: google_play slow",
    "fault: google_play stale_track",
    "fault: google_play unknown_status",
    "fault: sentry no_data",
    "fault: sentry frozen",
    "fault: sentry drop_after",
    "fault: slack drop_after",
    "fault: slack 500_after",
    "outage: sentry down",
    "outage: sentry frozen",
    "outage: google_play down",
    "outage: slack down",
    # where it came to rest
    "end: completed",
    "end: halted",
    "end: held",
    "end: superseded",
)
"""A campaign that has not met these is blind, whatever it says of itself."""


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where outcomes are kept for the test that counts them, shared by the workers of pytest-xdist."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "simulated"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_no_promise_is_broken_and_everything_comes_to_rest(seed: int, played: Path) -> None:
    result = _outcome(seed, played)
    assert not result.faults, result.words()


@pytest.mark.parametrize("seed", TWICE)
def test_a_seed_tells_the_same_story_twice(seed: int, played: Path) -> None:
    assert outcome(seed).trace == _outcome(seed, played).trace


def test_the_seeds_have_met_what_can_go_wrong(played: Path) -> None:
    met = {mark for seed in SEEDS for mark in _outcome(seed, played).marks}
    assert [mark for mark in MUST_BE_MET if mark not in met] == []


def _outcome(seed: int, played: Path) -> Outcome:
    """Played once per test run, however many tests ask."""
    kept = played / f"{seed}.json"
    if kept.exists():
        told = json.loads(kept.read_text("utf-8"))
        return Outcome(**{**told, "faults": tuple(told["faults"])})
    result = outcome(seed)
    unfinished = played / f"{seed}.{os.getpid()}"
    unfinished.write_text(json.dumps(asdict(result)), "utf-8")
    unfinished.replace(kept)
    return result
