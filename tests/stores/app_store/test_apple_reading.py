"""What a look at the App Store tells, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from apple_fake import (
    BASE,
    BROKEN,
    HTML,
    NEW,
    NOW,
    OLD,
    Answer,
    FakeApple,
    FakeVersion,
    client_of,
    old,
    shown,
    store,
)

from stagedrollout.core.errors import Faulty, Unreachable, WrongConfiguration
from stagedrollout.core.model import Release, ReleaseStatus, ReviewState
from stagedrollout.stores.app_store import AppStore

DRAFT, GOING, PAUSED = ReleaseStatus.DRAFT, ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED
DONE, UNKNOWN = ReleaseStatus.COMPLETED, ReleaseStatus.UNKNOWN


def test_a_quiet_look_is_one_request():
    fake = FakeApple(FakeVersion(NEW), old())
    store(fake).read()
    assert fake.steps == ["list"]
    assert "sort" not in fake.calls[0].query
    assert fake.calls[0].query["filter[platform]"] == ["IOS"]


def test_a_ramping_version_and_the_one_before_are_read_newest_first():
    state = store(FakeApple(old(), FakeVersion(NEW))).read()
    new, before = state.releases
    assert new.release == Release(NEW, NEW, "33417")
    assert (new.status, new.status_word, new.exposure_ppm) == (GOING, "ACTIVE", 50_000)
    assert (new.review, new.review_word, new.phased, new.live) == (
        ReviewState.PUBLISHED,
        "READY_FOR_DISTRIBUTION",
        True,
        True,
    )
    assert (before.release.id, before.status, before.exposure_ppm, before.live) == (
        OLD,
        ReleaseStatus.REPLACED,
        0,
        False,
    )
    assert state.as_of == NOW


@pytest.mark.parametrize(
    ("state", "phased", "day", "read"),
    [
        ("PREPARE_FOR_SUBMISSION", None, None, (DRAFT, 0, ReviewState.DRAFT, False)),
        ("PREPARE_FOR_SUBMISSION", "INACTIVE", 0, (DRAFT, 0, ReviewState.DRAFT, True)),
        ("READY_FOR_REVIEW", "INACTIVE", 0, (DRAFT, 0, ReviewState.NOT_SENT_FOR_REVIEW, True)),
        ("DEVELOPER_REJECTED", None, None, (DRAFT, 0, ReviewState.NOT_SENT_FOR_REVIEW, False)),
        ("WAITING_FOR_REVIEW", "INACTIVE", None, (DRAFT, 0, ReviewState.IN_REVIEW, True)),
        ("IN_REVIEW", None, None, (DRAFT, 0, ReviewState.IN_REVIEW, False)),
        ("ACCEPTED", None, None, (DRAFT, 0, ReviewState.IN_REVIEW, False)),
        ("WAITING_FOR_EXPORT_COMPLIANCE", "INACTIVE", 0, (DRAFT, 0, ReviewState.IN_REVIEW, True)),
        ("PENDING_APPLE_RELEASE", "INACTIVE", 0, (DRAFT, 0, ReviewState.IN_REVIEW, True)),
        ("REJECTED", "INACTIVE", 0, (DRAFT, 0, ReviewState.NOT_APPROVED, True)),
        ("METADATA_REJECTED", None, None, (DRAFT, 0, ReviewState.NOT_APPROVED, False)),
        ("INVALID_BINARY", None, None, (DRAFT, 0, ReviewState.NOT_APPROVED, False)),
        ("PENDING_DEVELOPER_RELEASE", "INACTIVE", 0, (DRAFT, 0, ReviewState.APPROVED_NOT_PUBLISHED, True)),
        ("PENDING_DEVELOPER_RELEASE", None, None, (DRAFT, 0, ReviewState.APPROVED_NOT_PUBLISHED, False)),
        ("PROCESSING_FOR_DISTRIBUTION", "INACTIVE", 0, (GOING, 10_000, ReviewState.IN_REVIEW, True)),
        ("PROCESSING_FOR_DISTRIBUTION", None, None, (DONE, 1_000_000, ReviewState.IN_REVIEW, False)),
        ("READY_FOR_DISTRIBUTION", None, None, (DONE, 1_000_000, ReviewState.PUBLISHED, False)),
        ("READY_FOR_DISTRIBUTION", "INACTIVE", None, (GOING, 10_000, ReviewState.IN_REVIEW, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", 0, (GOING, 10_000, ReviewState.IN_REVIEW, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", 1, (GOING, 10_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", 6, (GOING, 500_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", 7, (GOING, 1_000_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", 8, (GOING, 1_000_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "PAUSED", 4, (PAUSED, 100_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "PAUSED", 0, (PAUSED, 10_000, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "COMPLETE", 8, (DONE, 1_000_000, ReviewState.PUBLISHED, True)),
        (
            "REPLACED_WITH_NEW_VERSION",
            "COMPLETE",
            4,
            (ReleaseStatus.REPLACED, 0, ReviewState.PUBLISHED, True),
        ),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", None, (UNKNOWN, 0, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "PAUSED", None, (UNKNOWN, 0, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", True, (UNKNOWN, 0, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "ACTIVE", "3", (UNKNOWN, 0, ReviewState.PUBLISHED, True)),
        ("READY_FOR_DISTRIBUTION", "RESTING", 3, (UNKNOWN, 0, ReviewState.PUBLISHED, True)),
        ("PROCESSING_FOR_DISTRIBUTION", "ACTIVE", 1, (UNKNOWN, 0, ReviewState.IN_REVIEW, True)),
        ("PENDING_DEVELOPER_RELEASE", "COMPLETE", 7, (UNKNOWN, 0, ReviewState.APPROVED_NOT_PUBLISHED, True)),
        ("ON_THE_MOON", None, None, (UNKNOWN, 0, ReviewState.UNKNOWN, False)),
        ("ON_THE_MOON", "ACTIVE", 3, (UNKNOWN, 0, ReviewState.UNKNOWN, True)),
    ],
)
def test_each_state_is_read_as_what_people_get(state, phased, day, read):
    fake = FakeApple(FakeVersion(NEW, state, phased, day, old_state=""), old())
    found = shown(store(fake).read())
    assert (found.status, found.exposure_ppm, found.review, found.phased) == read
    assert found.review_word == state


@pytest.mark.parametrize(
    ("day", "word"),
    [
        (7, "COMPLETE"),
        (8, "COMPLETE"),
        (4, "COMPLETE on day 4"),
        (None, "COMPLETE on a day that is not told"),
    ],
)
def test_an_early_completion_tells_its_day(day, word):
    assert shown(store(FakeApple(FakeVersion(NEW, phased="COMPLETE", day=day))).read()).status_word == word


@pytest.mark.parametrize(
    ("last", "word"), [(5, "COMPLETE on a day that is not told"), (7, "COMPLETE")], ids=["day 5", "day 7"]
)
def test_a_completion_is_not_dated_by_the_day_on_which_the_release_was_seen_last(last, word):
    """Seed 7007: it went through the days after that one as well, and somebody was said to have completed it."""
    fake = FakeApple(FakeVersion(NEW, day=last))
    apple = store(fake)
    apple.read()
    fake.versions[:] = [FakeVersion(NEW, phased="COMPLETE", day=None)]
    assert shown(apple.read()).status_word == word


def test_a_day_that_is_missing_is_told_in_words():
    found = shown(store(FakeApple(FakeVersion(NEW, day=None))).read())
    assert found.status_word == "ACTIVE without a day"


@pytest.mark.parametrize("old_state", ["REMOVED_FROM_SALE", "DEVELOPER_REMOVED_FROM_SALE"])
def test_a_removal_from_sale_is_told_in_words(old_state):
    found = shown(store(FakeApple(FakeVersion(NEW, old_state=old_state))).read())
    assert (found.status, found.live, found.stopped) == (ReleaseStatus.WITHDRAWN, False, True)
    assert found.status_word == "removed from sale: the phased release is over for good"


def test_a_missing_contract_is_told_in_words():
    found = shown(store(FakeApple(FakeVersion(NEW, old_state="PENDING_CONTRACT"))).read())
    assert found.status is UNKNOWN
    assert "contract" in found.status_word


def test_the_deprecated_state_alone_is_understood():
    fake = FakeApple(FakeVersion(NEW))
    fake.shape = lambda document: document["data"][0]["attributes"].pop("appVersionState")
    assert shown(store(fake).read()).status is GOING


def test_a_version_without_a_build_has_no_build_number():
    fake = FakeApple(FakeVersion(NEW, "PREPARE_FOR_SUBMISSION", "INACTIVE", build=None, old_state=""), old())
    assert shown(store(fake).read()).release == Release(NEW, NEW, "")


def test_a_phased_release_that_is_named_but_not_shown_is_asked_for_by_itself():
    fake = FakeApple(FakeVersion(NEW))
    fake.shape = lambda document: document.update(included=[])
    found = shown(store(fake).read())
    assert (found.status, found.phased, found.exposure_ppm) == (GOING, True, 50_000)


def test_an_answer_that_leaves_out_the_day_once_changes_nothing():
    fake = FakeApple(FakeVersion(NEW, day=4))
    app_store = store(fake)
    assert shown(app_store.read()).exposure_ppm == 100_000
    fake.versions[0].day = None
    assert shown(app_store.read()).exposure_ppm == 100_000


@pytest.mark.parametrize(
    "missing", [None, Answer(404, b'{"errors":[{"code":"NOT_FOUND","detail":"There is no"}]}')]
)
def test_a_list_that_leaves_open_whether_there_is_a_phased_release_has_it_asked_for(missing):
    fake = FakeApple(FakeVersion(NEW, phased=None), old())
    fake.phased_missing = missing
    fake.shape = _without_relations
    assert shown(store(fake).read()).status is DONE
    assert fake.steps == ["list", "phased"]


def test_a_phased_release_that_was_asked_for_counts():
    fake = FakeApple(FakeVersion(NEW, phased="PAUSED", day=2), old())
    fake.shape = _without_relations
    found = shown(store(fake).read())
    assert (found.status, found.exposure_ppm) == (PAUSED, 20_000)


def test_a_phased_release_that_cannot_be_asked_for_is_a_failed_look():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.shape = _without_relations
    fake.fails("phased", BROKEN)
    with pytest.raises(Faulty):
        store(fake).read()


def _without_relations(document):
    for item in document["data"]:
        item["relationships"]["appStoreVersionPhasedRelease"].pop("data")


def test_unknown_attributes_and_resources_change_nothing():
    def more(document):
        document["data"][0]["attributes"]["mood"] = {"deep": [1, None]}
        document["included"].append({"type": "novelties", "id": "n1"})
        document["hint"] = 3

    plain, odd = FakeApple(FakeVersion(NEW), old()), FakeApple(FakeVersion(NEW), old())
    odd.shape = more
    assert store(odd).read() == store(plain).read()


def test_versions_of_other_platforms_are_left_out():
    fake = FakeApple(FakeVersion(NEW), old())
    fake.shape = lambda document: document["data"][1]["attributes"].update(platform="MAC_OS")
    assert [release.release.id for release in store(fake).read().releases] == [NEW]


def test_only_the_newest_of_the_replaced_versions_are_told_of_whatever_the_form_of_their_dates():
    history = [
        FakeVersion(f"5.{minor}.0", "REPLACED_WITH_NEW_VERSION", "COMPLETE", 7, created=created)
        for minor, created in [
            (4, "2025-10-01T10:00:00-08:00"),
            (9, "2025-12-31T23:30:00-08:00"),
            (3, "2025-09-01T10:00:00Z"),
            (10, "2026-01-01T08:00:00Z"),
            (8, "2025-12-01T10:00:00Z"),
            (7, "2025-11-20T10:00:00+05:30"),
            (6, None),
            (5, "yesterday"),
        ]
    ]
    state = store(FakeApple(FakeVersion(NEW), *history)).read()
    assert [release.release.id for release in state.releases] == [
        NEW,
        "5.10.0",
        "5.9.0",
        "5.8.0",
        "5.7.0",
        "5.4.0",
    ]


def _years(count):
    made = NOW
    versions = []
    for minor in range(count, 0, -1):
        made -= timedelta(days=7)
        versions.append(
            FakeVersion(f"4.{minor}.0", "REPLACED_WITH_NEW_VERSION", "COMPLETE", 7, created=made.isoformat())
        )
    return versions


def test_an_app_with_hundreds_of_versions_still_costs_one_request():
    fake = FakeApple(
        FakeVersion("5.13.0", "IN_REVIEW", "INACTIVE", 0, created="2026-03-01T10:00:00Z"),
        FakeVersion(NEW),
        *_years(300),
    )
    assert shown(store(fake).read(), "5.13.0").status is DRAFT
    assert fake.steps == ["list"]


def test_a_list_in_another_order_is_read_to_its_end():
    fake = FakeApple(
        *reversed([FakeVersion("5.13.0", "IN_REVIEW", "INACTIVE", 0), FakeVersion(NEW), *_years(60)]), page=25
    )
    state = store(fake).read()
    assert fake.steps == ["list"] * 3
    assert {shown(state).status, shown(state, "5.13.0").status} == {GOING, DRAFT}


def test_a_version_in_review_on_the_page_behind_the_live_one_is_not_overlooked():
    upcoming = FakeVersion("5.13.0", "IN_REVIEW", "INACTIVE", 0, created="2026-03-01T10:00:00Z")
    fake = FakeApple(old(), FakeVersion(NEW), upcoming, page=2)
    assert shown(store(fake).read(), "5.13.0").status is DRAFT


def test_a_list_without_an_end_is_left():
    fake = FakeApple(*_years(40))
    fake.shape = lambda document: document["links"].update(
        next=f"{BASE}/v1/apps/6448311069/appStoreVersions?cursor=0"
    )
    with pytest.raises(Faulty):
        store(fake).read()
    assert len(fake.calls) == 20


@pytest.mark.parametrize(
    "link",
    [
        "https://api.appstoreconnect.apple.com.evil.example/v1/apps/1/appStoreVersions",
        "https://api.appstoreconnect.apple.com@evil.example/v1/apps/1/appStoreVersions",
        "http://api.appstoreconnect.apple.com/v1/apps/1/appStoreVersions",
        "https://api.appstoreconnect.apple.com/v1/../v2/secrets",
        "https://api.appstoreconnect.apple.com/v1/[",
        "/v1/apps/1/appStoreVersions",
        7,
    ],
)
def test_the_token_does_not_follow_a_link_to_another_place(link):
    fake = FakeApple(*_years(3))
    fake.shape = lambda document: document["links"].update(next=link)
    with pytest.raises(Faulty):
        store(fake).read()
    assert len(fake.calls) == 1


def test_the_fingerprint_is_the_same_as_long_as_nothing_a_write_depends_on_has_changed():
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    before = port.read().fingerprint
    fake.versions.reverse()
    fake.version().created = "2026-02-24T11:02:46Z"
    assert port.read().fingerprint == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "REPLACED_WITH_NEW_VERSION"),
        ("phased", "PAUSED"),
        ("day", 4),
        ("build", "9"),
        ("old_state", "REMOVED"),
    ],
)
def test_the_fingerprint_tells_every_change_that_matters(field, value):
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    before = port.read().fingerprint
    setattr(fake.version(), field, value)
    assert port.read().fingerprint != before


def test_a_new_version_changes_the_fingerprint():
    fake = FakeApple(FakeVersion(NEW), old())
    port = store(fake)
    before = port.read().fingerprint
    fake.versions.insert(0, FakeVersion("5.13.0", "PREPARE_FOR_SUBMISSION", None, None, old_state=""))
    assert port.read().fingerprint != before


@pytest.mark.parametrize(
    "what", [HTML, Answer(200, b"<html>"), Answer(200, b"[]"), Answer(200, b'{"data": 3}')]
)
def test_an_answer_that_cannot_be_read_is_a_fault_not_an_empty_store(what):
    fake = FakeApple(FakeVersion(NEW))
    fake.fails("list", what)
    with pytest.raises(Faulty):
        store(fake).read()


def test_no_answer_is_unreachable():
    fake = FakeApple(FakeVersion(NEW))
    fake.fails("list", TimeoutError())
    with pytest.raises(Unreachable):
        store(fake).read()


def test_an_app_id_that_is_no_number_is_a_wrong_configuration():
    fake = FakeApple()
    for wrong in ("", "com.acme.app", "1/../2", "٣٣"):
        with pytest.raises(WrongConfiguration):
            AppStore(app_id=wrong, client=client_of(fake), clock=None)  # type: ignore[arg-type]


def test_the_store_has_no_fence():
    assert store(FakeApple()).fenced is False
