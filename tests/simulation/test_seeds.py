"""Fixed seeds in every test run, each a story of its own: no promise is broken, and everything comes to rest."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from stagedrollout.emulator.faults import kinds_of
from tests.simulation.outcome import Outcome, outcome

SEEDS = (
    2, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 28, 29, 30, 31, 32, 33,
    34, 35, 36, 37, 39, 40, 42, 43, 44, 45, 46, 47, 48, 51, 52, 53, 54, 55, 56, 57, 59, 60, 61, 63, 64,
    65, 66, 68, 69, 70, 71, 72, 73, 75, 77, 78, 79, 80, 82, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94,
    95, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 112, 114, 115, 116, 117, 118,
    120, 122, 123, 125, 126, 128, 147, 154, 160, 161, 164, 175, 181, 187, 191, 192, 197, 208, 213, 217, 228,
    221, 235, 241, 246, 254, 255, 295, 305, 636, 692, 1974,
)  # fmt: skip
"""Quick ones that meet, all together, everything in MUST_BE_MET; each fortieth is a story of more than a month."""

TWICE = (5, 13, 22)
"""Played again: a run that is not the same the second time proves nothing when it fails."""

_APPLES_FAULTS = tuple(f"fault: app_store {kind}" for kind in sorted(kinds_of("app_store")))

MUST_BE_MET = (
    # what was decided, and why
    "decided: ADVANCE and acted",
    "decided: COMPLETE and acted",
    "decided: HALT and acted",
    "decided: PREPARE and acted",
    "decided: RESUME and acted",
    "decided: START and acted",
    "decided: HOLD",
    "decided: WAIT",
    "because: bake",
    "because: error",
    "because: fail",
    "because: freeze",
    "because: human_halt",
    "because: in_doubt",
    "because: newer_waits",
    "because: overtaken",
    "because: pass",
    "because: store_unread",
    "because: suspected",
    "because: waits_for_the_older",
    "app_store fact: set_aside",
    "fact: returned",
    # what was sent to the stores, and how it ended
    "sent: raise for ADVANCE",
    "sent: complete for COMPLETE",
    "sent: halt for HALT",
    "sent: resume for RESUME",
    "app_store sent: prepare for PREPARE",
    "app_store sent: start for START",
    "app_store sent: step for ADVANCE",
    "app_store sent: complete for COMPLETE",
    "app_store sent: pause for WAIT",
    "app_store sent: pause for HOLD",
    "app_store sent: halt for HALT",
    "app_store sent: resume for RESUME",
    "settled: raise confirmed",
    "settled: halt confirmed",
    "settled: halt in_doubt",
    "app_store settled: complete confirmed",
    "app_store settled: halt confirmed",
    "app_store settled: pause confirmed",
    "app_store settled: pause in_doubt",
    "app_store settled: pause refused",
    "app_store settled: step confirmed",
    "app_store settled: step in_doubt",
    # Apple's steps: the windows for them, Apple's own doing, and pauses that ran long
    "window opened by evidence",
    "window opened by a person",
    "window closed by its rise",
    "window closed by doubt",
    "window closed by a halt",
    "window closed by a person",
    "window closed by a complete",
    "apple: day 4",
    "apple: ACTIVE to COMPLETE",
    "apple: PAUSED to COMPLETE",
    "pause warned: 20 days",
    "pause warned: 25 days",
    "pause warned: 28 days",
    # what the App Store showed that was not ours, or came late
    "app_store fact: overtaken",
    "app_store fact: taken_up",
    "app_store drifted: halted",
    "app_store drifted: raised",
    "app_store drifted: resumed",
    "app_store drifted: withdrawn",
    # what people did
    "app_store console: pause",
    "app_store console: resume",
    "app_store console: complete",
    "app_store console: new_release",
    "app_store console: release",
    "app_store console: remove_from_sale",
    "console: halt",
    "console: raise",
    "console: new_release",
    "console: new_draft",
    "console: roll_out",
    "drifted: halted",
    "drifted: raised",
    "drifted: resumed",
    "order: advance accepted",
    "order: halt accepted",
    "order: hold accepted",
    "order: resume accepted",
    "order: halt refused on COMPLETE",
    "app_store order: advance accepted",
    "app_store order: advance refused",
    "app_store order: complete accepted",
    "app_store order: complete refused",
    "app_store order: halt accepted",
    "app_store order: hold accepted",
    "app_store order: resume accepted",
    "app_store order: start accepted",
    "halt in the middle of a pass",
    # what went wrong
    "crash: google_play: before send",
    "crash: google_play: after receive",
    "crash: app_store: before send",
    "crash: app_store: after receive",
    "crash: storage begin",
    "crash: storage commit",
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
    "outage: app_store agreement",
    "outage: app_store down",
    "outage: app_store refuse",
    "outage: google_play down",
    "outage: itunes down",
    "outage: sentry down",
    "outage: sentry frozen",
    "outage: slack down",
    # where it came to rest
    "end: completed",
    "end: halted",
    "end: held",
    "end: superseded",
    "app_store end: completed",
    "app_store end: halted",
    "app_store end: held",
    "app_store end: rolling_out",
    "app_store end: superseded",
    *_APPLES_FAULTS,
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
