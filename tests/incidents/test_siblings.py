"""What else lies on a track, and was changed or lost by a tool that meant something else."""

from __future__ import annotations

from typing import Any

from stagedrollout.core.model import CommandVerb
from stagedrollout.core.units import PPM_ALL
from tests.incidents.scene import last_served, on_a_good_day, our_commits, requests, told
from tests.simulation.by_hand import a_draft, in_the_console, order
from tests.simulation.test_newer_releases import most, served


def _codes(releases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {code: release for release in releases for code in map(str, release.get("versionCodes", ()))}


def test_gradle_play_publisher_1191():
    """Gradle Play Publisher #1191: promoting a release replaced the track's list, and the staged rollout that was left out
    of it was halted. Each of our raises sends every other release back as it was: here one that was halted, and its
    share, which Play forgets otherwise."""
    orders = (order(3, CommandVerb.HALT, "5.2.0"), order(5, CommandVerb.START, "5.3.0"))
    left = told(16, a_draft(4), *orders)
    commits = our_commits(left)
    begun = [pair for pair in commits if _codes(pair[0]).get("5030", {}).get("status") == "inProgress"]
    raises = [pair for pair in begun if _codes(pair[1])["5030"]["status"] == "inProgress"]
    assert len(raises) >= 2
    assert all(_codes(before)["5020"] == _codes(after)["5020"] for before, after in raises)
    assert most(left, "5.3.0") > 1


def test_upload_google_play_179():
    """upload-google-play #179: a draft of the next version, made by CI, halted the rollout that was under way. Somebody
    else's tool may do that here; ours, started on the draft, does not, unless it is told so."""
    left = told(14, a_draft(3), order(5, CommandVerb.START, "5.3.0"))
    assert left.orders == {"start-5": "refused"}
    assert ("halted", 1) not in served(left, "5.2.0")
    assert most(left, "5.2.0") == 100


def test_oppia_android_6338():
    """oppia-android #6338: version codes that were frozen for old systems were dropped from the track, because an update
    named the new code only. A track that we send before a release is completed has every code that was read."""
    left = told(12)
    sent = [r["body"]["releases"] for r in requests(left, "PUT", "/tracks/")]
    staged = [releases for releases in sent if _codes(releases)["5020"]["status"] == "inProgress"]
    assert len(staged) == 2
    assert all(set(_codes(releases)) == {"5010", "5020"} for releases in staged)


def test_fastlane_20997():
    """fastlane #20997 (and #15687): completing a staged rollout beside a retained release, the tool completed the retained
    one."""
    left = on_a_good_day()
    assert last_served(left, "5.2.0") == ("completed", 100)
    assert all(
        _codes(after).get("5010", {}).get("status") in ("completed", None) for _, after in our_commits(left)
    )
    last_before, last_after = our_commits(left)[-1]
    assert _codes(last_before)["5020"]["status"] == "inProgress"
    assert _codes(last_after)["5020"]["status"] == "completed"


def test_fastlane_17605():
    """fastlane #17605 (and microsoft/google-play-vsts-extension #103): 100 % was sent as a fraction of 1.0, which Play
    refuses, so that the last step of every rollout failed."""
    left = on_a_good_day()
    sent = requests(left, "PUT", "/tracks/")
    assert sent
    assert {r["status"] for r in sent} == {200}
    assert "userFraction" not in _codes(our_commits(left)[-1][1])["5020"]


def test_upload_google_play_200():
    """upload-google-play #200: a share that nobody had named was shown as 1 % instead of everyone. Every share that we
    commit is one of the policy's."""
    shares = [
        round(float(release.get("userFraction", 1)) * PPM_ALL)
        for _, after in our_commits(on_a_good_day())
        for code, release in _codes(after).items()
        if code == "5020"
    ]
    assert shares == [50_000, 200_000, 1_000_000]


def test_tramline_546():
    """Tramline #546: the share of a rollout that was not finished sticks to the next version, be it a hotfix. A newer
    release begins with its own share here and bakes there."""
    new = {"version": "5.3.0", "code": 5030, "crash_free_ppm": 998_000, "exposure_ppm": 10_000}
    left = told(12, in_the_console(8, "new_release", **new))
    assert most(left, "5.2.0") >= 5
    assert served(left, "5.3.0", before=9.9) == [("inProgress", 1)]
