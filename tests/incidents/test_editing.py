"""Edits that somebody else killed, answers that were lost, and what was sent twice."""

from __future__ import annotations

from tests.incidents.scene import last_served, our_commits, strikes, struck, told
from tests.simulation.by_hand import in_the_console
from tests.simulation.test_newer_releases import most, served


def test_gradle_play_publisher_998():
    """Gradle Play Publisher #998 (and #811): "This Edit has been deleted", one time in twenty, and the release
    failed."""
    left = told(24, weather=strikes("google_play", "409"), calm_from=12)
    assert struck(left)["409"] > 5
    assert last_served(left, "5.2.0") == ("completed", 100)


def test_wordpress_android_15953():
    """WordPress-Android #15953: "This Edit has been deleted" came at random, and the whole upload had to be run again. What was committed
    before its answer was lost is not committed again here: it is looked at."""
    left = told(24, weather=strikes("google_play", "500_after"), calm_from=12)
    assert struck(left)["500_after"] > 5
    shares = [share for status, share in served(left, "5.2.0") if status == "inProgress"]
    assert shares == sorted(set(shares)), "every stage once, in order"
    assert last_served(left, "5.2.0") == ("completed", 100)


def test_upload_google_play_48():
    """upload-google-play #48: "This edit has already been successfully committed": the release went out, and the job that
    had sent it failed with that."""
    left = told(24, weather=strikes("google_play", "drop_after"), calm_from=12)
    assert struck(left)["drop_after"] > 5
    changes = [after for _, after in our_commits(left)]
    assert len(changes) == 3, "5, 20 and 100 %, each by one commit"


def test_mimi_seed_sdk_2():
    """mimi-seed-sdk #2: an API edit overwrote what a person had changed in the Console meanwhile. What a person raised
    there is a new floor here, and nobody's change is written over."""
    left = told(16, in_the_console(2.5, "raise", exposure_ppm=500_000))
    assert served(left, "5.2.0", before=3) == [("inProgress", 1), ("inProgress", 50)]
    assert [share for _, share in served(left, "5.2.0")] == [1, 50, 100]
    assert most(left, "5.2.0") == 100
