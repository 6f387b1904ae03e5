"""The shipped scenarios, and copies of them with other chances, as the command that a stranger types plays and judges them."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.acceptance.processes import run, run_module
from tests.acceptance.stories import newest, shipped, short, turns_bad, write
from tests.judge import judge, read

ENDS = {
    "healthy": {
        "google_play": ("completed", 1_000_000, "completed"),
        "app_store": ("completed", 1_000_000, "COMPLETE"),
    },
    "bad-release": {"google_play": ("halted", 50_000, "halted"), "app_store": ("halted", 10_000, "PAUSED")},
    "sentry-outage": {"google_play": ("held", 10_000, "inProgress"), "app_store": ("held", 10_000, "PAUSED")},
    "console-halt": {"google_play": ("halted", 50_000, "halted")},
    "rating-drop": {"google_play": ("halted", 50_000, "halted"), "app_store": ("halted", 20_000, "PAUSED")},
    "ios-regression": {
        "google_play": ("rolling_out", 500_000, "inProgress"),
        "app_store": ("halted", 10_000, "PAUSED"),
    },
    "ios-console-pause": {"app_store": ("halted", 20_000, "PAUSED")},
    "pause-budget": {"app_store": ("held", 10_000, "PAUSED")},
}
"""By store: phase and exposure as our journal has them, and the status as the store really serves it."""


pytestmark = pytest.mark.timeout(540)
"""Whole stories of up to a month, on machines that may have other work; how long they take is for a bench to say."""

PATIENCE = 480.0


TYPED = "ios-console-pause"
"""What a stranger types for it, as the tour; in the others the same demo and the same judge start no Python anew."""


def _typed(*options):
    """The one document of a judged demo that kept every promise."""
    done = run_module("tests.judge.demo", *options, "--json", within=PATIENCE)
    assert done.code == 0, done.said
    document = json.loads(done.out)
    assert document["ledger"]["findings"] == []
    return document


def _told(tmp_path, *options):
    """The same document; the judge is asked here."""
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    done = run("demo", *options, "--out", str(out), "--json", within=PATIENCE)
    assert done.code == 0, done.said
    verdict = judge(read(out))
    assert verdict.findings == []
    rollouts = json.loads((out / "rollouts.json").read_text())["rollouts"]
    return {"rollouts": rollouts, "ledger": verdict.document()}


@pytest.mark.parametrize("name", ENDS)
def test_a_shipped_scenario_ends_as_its_file_says(name, tmp_path):
    document = _typed("--scenario", name) if name == TYPED else _told(tmp_path, "--scenario", name)
    ledger = document["ledger"]
    served = {store: told["status"] for store, told in ledger["stores"].items()}
    ended = {
        row["store"]: (row["phase"], row["exposure_ppm"], served[row["store"]])
        for row in document["rollouts"]
    }
    assert ended == ENDS[name]
    assert all(row["reason"] for row in document["rollouts"])
    assert ledger["raises_without_evidence"] == ledger["siblings_changed"] == 0
    assert ledger["notices_delivered"] > 0


def test_the_tour_shows_one_of_each_and_tells_it_as_a_story():
    done = run_module("tests.judge.demo", within=PATIENCE)
    assert done.code == 0, done.said
    assert "courier begins to crash" in done.out
    assert "pocket on app_store 7.0.1: completed" in done.out
    assert done.out.rstrip().endswith("clean")


def test_a_scenario_that_does_not_end_as_its_file_says_fails(tmp_path):
    story = short(
        until="3h",
        expect={"rollouts": [{"app": "acme", "store": "google_play", "release": "5.2.0", "phase": "halted"}]},
    )
    done = run_module("tests.judge.demo", "--scenario", str(write(story, tmp_path)), "--json")
    assert done.code == 1
    assert json.loads(done.out)["ledger"]["unmet_expectations"] == 1


def test_what_the_crash_rate_is_decides_how_it_ends(tmp_path):
    story = short(until="10h")
    assert _ending(story, tmp_path) == ("rolling_out", 500_000)
    newest(story)["crash_free"] = 97.0
    assert _ending(story, tmp_path) == ("halted", 100_000)


def test_trouble_that_begins_later_is_stopped_at_a_higher_stage(tmp_path):
    story = shipped("bad-release") | {"until": "66h"}  # as shipped it is halted at 5 %
    story["apps"] = story["apps"][:1]
    assert _ending(turns_bad(story, at="58h", crash_free=96.0), tmp_path) == ("halted", 100_000)


def test_another_seed_is_another_week_of_the_same_story(tmp_path):
    story = turns_bad(short(until="6h"), at="3h")
    told = []
    for seed in (7, 7, 8):
        path = write(story | {"seed": seed}, tmp_path)
        (row,) = _told(tmp_path, "--scenario", str(path))["rollouts"]
        told.append((row["phase"], row["exposure_ppm"], row["reason"]))
    assert [(phase, exposure) for phase, exposure, _ in told] == [("halted", 100_000)] * 3
    own, same, other = (reason for *_, reason in told)
    assert own == same
    assert own != other


def _ending(story, folder):
    (row,) = _told(folder, "--scenario", str(write(story, folder)))["rollouts"]
    return row["phase"], row["exposure_ppm"]


def test_the_installed_demo_prints_one_document_and_leaves_judging_to_others(tmp_path):
    path = write(short(until="4h"), tmp_path)
    done = run("demo", "--scenario", str(path), "--json")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert document["ledger"] is None
    assert [row["phase"] for row in document["rollouts"]] == ["rolling_out"]


def test_a_scenario_that_is_wrong_is_refused_with_every_problem(tmp_path):
    story = short(seed="many", until="soon") | {"colour": "red"}
    path = write(story, tmp_path)
    for command in ("demo", "emulate"):
        done = run(command, "--scenario", str(path))
        assert (done.code, done.out) == (2, "")
        lines = [line for line in done.err.splitlines() if f"{path}:" in line]
        assert {"seed", "until", "colour"} <= {
            word for word in ("seed", "until", "colour") if word in done.err
        }
        assert len(lines) >= 3
    unknown = run("demo", "--scenario", "helthy")
    assert unknown.code == 2
    assert "healthy" in unknown.err
