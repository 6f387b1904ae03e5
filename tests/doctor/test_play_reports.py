"""Play's own reports, examined: a wrong bucket has a name, and a right one has too."""

from __future__ import annotations

from stagedrollout.emulator.play_bucket import BUCKET
from tests.doctor.desk import ANDROID, Desk, State, in_section

VITALS = {"name": "vitals_crashes", "vitals": {"metric": "user_perceived_crash_rate"}}


def stars(bucket: str) -> dict[str, object]:
    return {"name": "play_stars", "ratings_csv": {"bucket": f"gs://{bucket}"}}


def test_a_wrong_bucket_is_named_with_where_the_right_one_is_found(desk: Desk) -> None:
    desk.configures(in_section("apps", 0, "google_play", signals=[stars("pubsite_prod_rev_99999"), VITALS]))
    desk.examines()
    told = desk.finding(ANDROID, "play_stars", "there is no bucket pubsite_prod_rev_99999", "Play Console")
    assert told.state is State.PROBLEM
    assert len(desk.sent("play_bucket")) == 1


def test_reports_that_can_be_read_are_asked_for_as_far_back_as_they_are_late(desk: Desk) -> None:
    desk.configures(in_section("apps", 0, "google_play", signals=[stars(BUCKET), VITALS]))
    desk.examines()
    assert desk.ill() == []
    vitals = desk.finding(ANDROID, "vitals_crashes", "in % of daily users, up to 4d late, can halt")
    assert vitals.state is not State.PROBLEM
    assert any(path.endswith(":query") for _, path in desk.sent("play_reporting"))
    assert ("GET", f"/storage/v1/b/{BUCKET}/o") in desk.sent("play_bucket")


def test_a_grant_that_is_missing_is_named(desk: Desk) -> None:
    desk.configures(in_section("apps", 0, "google_play", signals=[VITALS]))
    desk.breaks("play_reporting", "403", "crash.get")
    desk.examines()
    told = desk.finding(ANDROID, "vitals_crashes", "View app quality information (read-only)")
    assert told.state is State.PROBLEM
