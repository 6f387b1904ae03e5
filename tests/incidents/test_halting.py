"""Halts that were tried once, refused, forgotten, undone or queued elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stagedrollout.core.model import CommandVerb
from stagedrollout.emulator.scenario import APP_STORE, RolledOut
from tests.incidents.scene import (
    fails,
    last_served,
    requests,
    told,
    turning_bad,
)
from tests.simulation.by_hand import app, hours, in_the_console, order
from tests.simulation.test_newer_releases import messages, most, served, state


def test_tramline_halt_is_tried_once():
    """Tramline (no issue: how it is built): its halt of a rollout is one call without a retry; where that fails, the
    release stays with its users until somebody presses the button again."""
    left = told(14, fails("google_play", "down", begins=2, ends=6), stories=turning_bad(1), calm_from=6)
    assert last_served(left, "5.2.0")[0] == "halted"
    assert most(left, "5.2.0") == 1
    assert messages(left, "NOT HALTED")


def test_fastlane_21431():
    """fastlane #21431: `release_status: halted` updated metadata and no status: the rollout went on."""
    left = told(14, order(3, CommandVerb.HALT, "5.2.0"), policy="quick")
    assert left.orders == {"halt-3": "done"}
    assert last_served(left, "5.2.0")[0] == "halted"
    assert most(left, "5.2.0") == 1


def test_gradle_play_publisher_547():
    """Gradle Play Publisher #547: there was no plain way to halt, and the one that looked like it was refused, for no
    release in progress was named. A halt through every refusal that Play has for one."""
    left = told(
        14,
        order(3, CommandVerb.HALT, "5.2.0"),
        switches={"halted_fraction": "forbidden", "halted_fraction_shown": False, "halts_in_review": True},
    )
    assert [r for r in requests(left, "PUT", "/tracks/") if r["status"] == 400], "the first try was refused"
    assert left.orders == {"halt-3": "done"}
    assert last_served(left, "5.2.0")[0] == "halted"


def test_upload_google_play_84():
    """upload-google-play #84 (and store-quirks #6): "Changes cannot be sent for review automatically", after a rejected
    release, made every change through the API fail until somebody forked the tool."""
    story = app()
    reviewed = replace(story.releases[-1], rolled_out=RolledOut(hours(0), 10_000, hours(3)))
    left = told(
        14,
        in_the_console(8.5, "reject"),
        order(9, CommandVerb.HALT, "5.2.0"),
        stories=replace(story, releases=(story.releases[0], reviewed)),
        switches={"raises_in_review": True, "unsent_halt_takes_effect": True},
    )
    assert requests(left, "POST", ":commit")[-1]["query"]["changesNotSentForReview"] == ["true"]
    assert left.orders == {"halt-9": "done"}
    assert last_served(left, "5.2.0")[0] == "halted"


def test_argo_rollouts_2929():
    """Argo Rollouts #2929: an aborted rollout was tried again by itself, and nobody had asked for it."""
    left = told(26, order(3, CommandVerb.HALT, "5.2.0"))
    assert last_served(left, "5.2.0")[0] == "halted"
    assert most(left, "5.2.0") < 20
    assert state(left, "5.2.0")["phase"] == "halted"


def test_argo_rollouts_4461():
    """Argo Rollouts #4461: after a full promotion had been asked for, an abort was ignored."""
    complete = order(6, CommandVerb.COMPLETE, "5.2.0")
    left = told(14, complete, order(6.2, CommandVerb.HALT, "5.2.0"))
    assert left.orders["halt-6.2"] == "done"
    assert last_served(left, "5.2.0")[0] == "halted"


def test_argo_rollouts_1152():
    """Argo Rollouts #1152: an abort during a pause was told as done; when the pause was over, the release was promoted."""
    hold = order(2.5, CommandVerb.HOLD, "5.2.0", hold_for=hours(2))
    left = told(20, hold, order(3, CommandVerb.HALT, "5.2.0"))
    assert left.orders == {"hold-2.5": "done", "halt-3": "done"}
    assert last_served(left, "5.2.0")[0] == "halted"


def test_argo_rollouts_1259():
    """Argo Rollouts #1259: the button "Abort" went grey as if it had been done, and nothing had happened. What is called
    halted here was read back in the store."""
    down = fails("google_play", "down", begins=2.9, ends=5)
    left = told(14, down, order(3, CommandVerb.HALT, "5.2.0"), calm_from=5)
    first = next(r for r in left.evidence.ledger if r["type"] == "served" and r["status"] == "halted")
    confirmed = next(e for e in left.evidence.journal if e["said"].startswith("halt confirmed"))
    assert datetime.fromisoformat(confirmed["at"]) >= datetime.fromisoformat(first["at"])
    assert messages(left, "NOT HALTED")
    assert last_served(left, "5.2.0")[0] == "halted"


def test_tramline_601():
    """Tramline #601: a halted rollout could not be resumed in the tool. A person's `resume` does it here, and nobody
    else: not the schedule, and not good evidence."""
    orders = (order(3, CommandVerb.HALT, "5.2.0"), order(9, CommandVerb.RESUME, "5.2.0"))
    left = told(26, *orders)
    between = [share for _, share in served(left, "5.2.0", before=9)]
    assert max(between) < 20
    assert most(left, "5.2.0") == 100


def test_fastlane_20737():
    """fastlane #20737: whoever left the option for the phased release unset did not keep what App Store Connect had, as
    the documentation promised. Our writes there carry the state of the phased release and nothing else."""
    left = told(40, stories=app(APP_STORE), policy="quick", poll=1)
    patches = requests(left, "PATCH")
    assert patches
    assert {p["path"].split("/")[2] for p in patches} == {"appStoreVersionPhasedReleases"}
    assert requests(left, "POST", "PhasedRelease") == []
    assert requests(left, "DELETE") == []
    assert served(left, "5.2.0")[0] == ("ACTIVE", 1)
    assert most(left, "5.2.0") <= 5
