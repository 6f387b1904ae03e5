"""What a look at a track tells, and what it costs."""

from __future__ import annotations

import json

import pytest
from play_fake import HTML, IN_REVIEW, NEW, NEXT, NOW, OLD, Answer, FakePlay, error, release, store

from stagedrollout.core.errors import Conflict, Faulty, Rejected, Unreachable, WrongConfiguration
from stagedrollout.core.model import Release, ReleaseStatus, ReviewState
from stagedrollout.stores.google_play import GooglePlay


def test_a_quiet_look_costs_four_requests_and_leaves_no_edit_open():
    fake = FakePlay(NEW, OLD)
    store(fake).read()
    assert fake.steps == ["insert", "get", "delete", "list"]
    assert fake.edits == {}


def test_every_release_is_read_newest_first_with_its_exposure_and_review():
    fake = FakePlay(OLD, NEXT, NEW)
    fake.reviews[5020] = "IN_REVIEW"
    state = store(fake).read()
    draft, new, old = state.releases
    assert (new.release, new.status, new.exposure_ppm) == (
        Release("5020", "5.2.0", "5020"),
        ReleaseStatus.IN_PROGRESS,
        100_000,
    )
    assert (new.review, new.review_word, new.live) == (ReviewState.IN_REVIEW, "IN_REVIEW", False)
    assert (old.status, old.exposure_ppm, old.live) == (ReleaseStatus.COMPLETED, 1_000_000, True)
    assert (draft.status, draft.exposure_ppm, draft.review) == (
        ReleaseStatus.DRAFT,
        0,
        ReviewState.NOT_LISTED,
    )
    assert state.as_of == NOW


@pytest.mark.parametrize(
    ("fraction", "ppm"), [(0.2, 200_000), (None, 0)], ids=["fraction still told", "fraction not told"]
)
def test_a_halted_release_has_the_exposure_the_store_still_tells(fraction, ppm):
    fake = FakePlay(release(NEW, status="halted", userFraction=fraction), OLD)
    new = store(fake).read().find("5020")
    assert (new.status, new.exposure_ppm, new.stopped) == (ReleaseStatus.HALTED, ppm, True)


@pytest.mark.parametrize(
    ("fraction", "waits", "stopped"),
    [
        (None, "NOT_SENT_FOR_REVIEW", False),
        (None, "IN_REVIEW", False),
        (None, "APPROVED_NOT_PUBLISHED", False),
        (None, "NOT_APPROVED", False),
        (None, "A_NEW_WORD", False),
        (None, "PUBLISHED", True),
        (0.2, "IN_REVIEW", True),
    ],
)
def test_a_halt_that_is_not_listed_holds_once_what_is_served_instead_is_out(fraction, waits, stopped):
    """Unless it was staged: then nothing has to take its place."""
    fake = FakePlay(release(NEW, status="halted", userFraction=fraction), OLD)
    del fake.reviews[5020]
    fake.reviews[5010] = waits
    assert store(fake).read().find("5020").stopped is stopped


def test_a_track_that_play_does_not_list_has_no_releases():
    assert store(FakePlay()).read().releases == ()


def test_a_wrong_package_is_not_taken_for_an_empty_track():
    fake = FakePlay(NEW)
    fake.fails("get", error(404, "Package not found: com.acme.app.", status="NOT_FOUND", reason="notFound"))
    with pytest.raises(Rejected, match="Package not found"):
        store(fake).read()


@pytest.mark.parametrize("word", ["paused", "statusUnspecified", "", None, 7, ["inProgress"]])
def test_a_status_word_nobody_knows_is_unknown_and_not_live(word):
    raw = {**NEW, "status": word}
    fake = FakePlay(OLD)
    fake.track["releases"].insert(0, raw)
    fake.reviews[5020] = "PUBLISHED"
    new = store(fake).read().find("5020")
    assert new.status is ReleaseStatus.UNKNOWN
    assert new.status_word == (word if isinstance(word, str) else "")
    assert not new.live


@pytest.mark.parametrize("fraction", [None, 0, 1, 1.0, -0.1, 2, "0.5", True, float("nan"), float("inf")])
def test_a_staged_release_without_a_readable_fraction_is_unknown(fraction):
    fake = FakePlay(OLD)
    fake.track["releases"].append({**NEW, "userFraction": fraction})
    new = store(fake).read().find("5020")
    assert (new.status, new.exposure_ppm, new.status_word) == (ReleaseStatus.UNKNOWN, 0, "inProgress")


@pytest.mark.parametrize("fraction", [0.999999, 0.99999999])
def test_almost_everyone_is_never_read_as_everyone(fraction):
    fake = FakePlay(release(NEW, userFraction=fraction), OLD)
    assert store(fake).read().find("5020").exposure_ppm == 999_999


@pytest.mark.parametrize("word", ["UNSPECIFIED", "SOMETHING_NEW", ""])
def test_a_review_word_nobody_knows_is_unknown(word):
    fake = FakePlay(NEW, OLD)
    fake.reviews[5020] = word
    new = store(fake).read().find("5020")
    assert (new.review, new.review_word) == (ReviewState.UNKNOWN, word)


def test_two_lines_of_the_review_list_that_disagree_are_no_answer():
    fake = FakePlay(release(NEW, versionCodes=["5019", "5020"]), OLD)
    line = {"activeArtifacts": [{"versionCode": 5020}]}
    words = ["RELEASE_LIFECYCLE_STATE_PUBLISHED", "RELEASE_LIFECYCLE_STATE_IN_REVIEW"]
    listed = {"releases": [{**line, "releaseLifecycleState": word} for word in words]}
    fake.fails("list", Answer(200, json.dumps(listed).encode()))
    new = store(fake).read().find("5020")
    assert (new.review, new.live) == (ReviewState.UNKNOWN, False)


def test_a_code_that_travels_on_in_a_newer_release_does_not_lend_it_its_review():
    fake = FakePlay(NEW, release(OLD, versionCodes=["5010"]))
    listed = [
        {
            "activeArtifacts": [{"versionCode": 5020}, {"versionCode": 5010}],
            "releaseLifecycleState": "X_IN_REVIEW",
        },
        {
            "activeArtifacts": [{"versionCode": "5010"}],
            "releaseLifecycleState": "RELEASE_LIFECYCLE_STATE_PUBLISHED",
        },
    ]
    fake.fails("list", Answer(200, json.dumps({"releases": listed}).encode()))
    assert store(fake).read().find("5010").review is ReviewState.PUBLISHED


def test_a_release_without_a_name_is_called_by_its_code():
    fake = FakePlay(release(NEW, name=None), OLD)
    assert store(fake).read().find("5020").release.label == "5020"


def test_a_name_of_a_release_is_plain_words_on_one_line():
    fake = FakePlay(release(NEW, name="5.2.0\x1b]52;c;ZQ==\x07\n\u202e rc"), OLD)
    assert store(fake).read().find("5020").release.version == "5.2.0]52;c;ZQ== rc"
    nameless = FakePlay(release(NEW, name="\u200e\n"), OLD)
    assert store(nameless).read().find("5020").release.label == "5020"


def test_an_entry_without_version_codes_is_no_release_but_part_of_the_fingerprint():
    fake = FakePlay(NEW, OLD)
    port = store(fake)
    before = port.read()
    fake.track["releases"].append({"name": "empty", "status": "draft"})
    after = port.read()
    assert after.releases == before.releases
    assert after.fingerprint != before.fingerprint


def test_of_two_entries_with_one_code_the_one_people_get_is_meant():
    fake = FakePlay(release(NEW, status="halted"), NEW, OLD)
    assert store(fake).read().find("5020").status is ReleaseStatus.IN_PROGRESS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>hello</html>",
        b"\xff\xfe",
        b'{"track":"production","releases":{}}',
        b'{"track":"production","releases":[1]}',
        b'{"track":"production","releases":[{"versionCodes":"5020"}]}',
        b'{"track":"production","releases":[{"versionCodes":["abc"]}]}',
        b'{"track":"production","releases":[{"versionCodes":[true]}]}',
        b'{"track":"production","releases":[{"versionCodes":["' + b"9" * 5000 + b'"]}]}',
        b'{"track":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"track":' + b"[" * 700 + b"]" * 700 + b"}",
        b'{"track":"x","releases":[' + b'{"versionCodes":["1"],"deep":' * 300 + b"1" + b"}" * 300 + b"]}",
        b'{"track":"x","pad":"' + b" " * (4 * 1024 * 1024) + b'"}',
    ],
    ids=lambda body: repr(body[:60]),
)
def test_an_answer_that_is_no_track_is_plays_fault_and_the_edit_is_deleted(body):
    fake = FakePlay(NEW, OLD)
    fake.fails("get", Answer(200, body))
    try:
        state = store(fake).read()
    except Faulty:
        assert fake.edits == {}
    else:
        # Deep but well-formed: whoever can read it may.
        assert body.count(b"[") > 300 or body.count(b"{") > 300
        assert state.fingerprint


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"releases":3}',
        b'{"releases":[{"activeArtifacts":[3]}]}',
        b'{"releases":[{"activeArtifacts":{}}]}',
        b'{"releases":[{"activeArtifacts":[{"versionCode":"x"}]}]}',
    ],
)
def test_an_unreadable_review_list_is_plays_fault(body):
    fake = FakePlay(NEW, OLD)
    fake.fails("list", Answer(200, body))
    with pytest.raises(Faulty):
        store(fake).read()


@pytest.mark.parametrize("body", [b"{}", b'{"id":""}', b'{"id":5}', b""])
def test_an_edit_without_a_name_is_plays_fault(body):
    fake = FakePlay(NEW, OLD)
    fake.fails("insert", Answer(200, body))
    with pytest.raises(Faulty, match="opening an edit"):
        store(fake).read()


@pytest.mark.parametrize("trouble", [HTML, IN_REVIEW, TimeoutError("slow"), Answer(200, b"?")])
def test_an_edit_that_cannot_be_deleted_spoils_nothing(trouble):
    fake = FakePlay(NEW, OLD)
    fake.fails("delete", trouble)
    assert store(fake).read().find("5020") is not None


def test_a_lost_connection_is_unreachable_and_the_edit_is_deleted():
    fake = FakePlay(NEW, OLD)
    fake.fails("get", ConnectionResetError("reset by 10.0.0.1"))
    with pytest.raises(Unreachable, match="ConnectionResetError") as caught:
        store(fake).read()
    assert "10.0.0.1" not in str(caught.value)
    assert fake.edits == {}


def test_an_edit_that_somebody_else_ended_is_a_conflict_and_left_alone():
    fake = FakePlay(NEW, OLD)
    fake.before_step = lambda step: fake.edits.clear() if step == "get" else None
    with pytest.raises(Conflict):
        store(fake).read()
    assert fake.steps == ["insert", "get"]


def test_tracks_of_form_factors_are_addressed_as_such():
    fake = FakePlay(NEW, name="wear:production")
    assert store(fake).read().find("5020") is not None


@pytest.mark.parametrize(
    ("package", "track"),
    [
        ("acme", "production"),
        ("com.acme.app", "a/b"),
        ("com..x", "b"),
        ("com.acme.app", ""),
        ("com.acme.app/../x", "production"),
    ],
)
def test_a_name_that_no_play_app_can_have_is_a_wrong_configuration(package, track):
    port = store(FakePlay())
    with pytest.raises(WrongConfiguration):
        GooglePlay(package=package, track=track, client=port._client, clock=port._clock)
