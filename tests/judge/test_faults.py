from datetime import timedelta
from typing import Any

import pytest

from tests.judge import faults
from tests.judge.faults import Account, Ordered, account
from tests.judge.story import BEGIN, OLD, Story, bad_release, first_raise, new

EDIT = "/androidpublisher/v3/applications/com.acme.app/edits"
PHASED = "/v1/appStoreVersionPhasedReleases/1"


def told(story: Story, *ordered: float) -> Account:
    orders = [Ordered("acme", "google_play", BEGIN + timedelta(hours=hour)) for hour in ordered]
    return account(story.evidence(), orders)


def struck(story: Story, kind: str, method: str, path: str, **fields: Any) -> None:
    service = "app_store" if path.startswith("/v1/") else "google_play"
    request = story.requested(12, service, path, method=method, fault=kind, **fields)
    story._ledger(12, "fault", service=service, kind=kind, request=request)


@pytest.mark.parametrize(
    ("method", "path", "place"),
    [
        ("POST", EDIT, faults.INSERT),
        ("GET", f"{EDIT}/1/tracks/production", faults.GET),
        ("PUT", f"{EDIT}/1/tracks/production", faults.PUT),
        ("POST", f"{EDIT}/1:validate", faults.VALIDATE),
        ("POST", f"{EDIT}/1:commit", faults.COMMIT),
        ("GET", "/v1/apps/1/appStoreVersions", faults.APPLE_GET),
        ("PATCH", PHASED, faults.APPLE_PATCH),
    ],
)
def test_a_fault_is_counted_where_it_struck(method: str, path: str, place: str):
    story = first_raise()
    struck(story, "500", method, path, applied=False)
    assert told(story).injected == {(place, "500"): 1}


def test_a_fault_after_a_commit_was_applied_befell_its_reply():
    story = first_raise()
    struck(story, "drop_after", "POST", f"{EDIT}/1:commit", applied=True)
    assert told(story).injected == {(faults.REPLY, "drop_after"): 1}


def test_a_fault_elsewhere_has_no_place_here():
    story = first_raise()
    struck(story, "500", "DELETE", f"{EDIT}/1", applied=False)
    assert told(story).injected == {}


def test_a_failing_release_that_was_halted():
    story = bad_release()
    story.halts(20.5)
    assert (told(story).halts_due, told(story).halted) == (1, 1)


def test_a_failing_release_that_was_never_halted():
    story = bad_release(until=30)
    story.polls(21, 30)
    assert (told(story).halts_due, told(story).halted) == (1, 0)


def ordered_halt(at: float, **how: Any) -> Story:
    story = Story(**how)
    story.polls(4, at)
    story.orders(at, "halt")
    return story


def test_a_halt_that_somebody_ordered_came_true():
    story = ordered_halt(10)
    story.halts(10)
    assert (told(story, 10).halts_due, told(story, 10).halted) == (1, 1)


def test_a_halt_that_somebody_ordered_was_forgotten_until_they_ordered_it_again():
    story = ordered_halt(10)
    story.polls(10.5, 14)
    story.orders(14, "halt")
    story.halts(14)
    assert (told(story, 10, 14).halts_due, told(story, 10, 14).halted) == (1, 0)


def test_nobody_halts_what_is_halted_already():
    story = ordered_halt(10)
    story.halts(10)
    assert told(story, 10, 12).halts_due == 1


def test_a_raise_that_was_sent_twice():
    story = first_raise()
    raised = {"releases": [new("inProgress", 0.1), OLD]}
    story.requested(29, "google_play", f"{EDIT}/2/tracks/production", method="PUT", body=raised, applied=True)
    story.requested(29, "google_play", f"{EDIT}/2:commit", applied=True)
    assert [finding.check for finding in told(story).wrong_raises] == [faults.DOUBLED]


def test_a_raise_without_evidence_is_wrong_and_a_good_one_is_not():
    assert told(first_raise()).wrong_raises == ()
    story = Story()
    story.raises(28.5, 0.1)
    assert {finding.check for finding in told(story).wrong_raises} >= {"raises_without_evidence"}


def test_a_sibling_that_lost_its_notes():
    story = first_raise()
    story.decides(29, "ADVANCE", 500_000)
    story.commit(29, new("inProgress", 0.5), OLD | {"releaseNotes": []})
    assert len(told(story).siblings_changed) == 1
