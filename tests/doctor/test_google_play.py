"""What `doctor` says of Google Play, and that it leaves everything as it was."""

from __future__ import annotations

import pytest

from stagedrollout.core.policy import HaltInReview
from stagedrollout.doctor.finding import State, Telling
from stagedrollout.doctor.play import waiting
from stagedrollout.doctor.probe import probed
from stagedrollout.stores.google_play.errors import Refused, Said
from tests.doctor.desk import ANDROID, Desk, in_section
from tests.emulator.calls import entries

PLAY = ("apps", 0, "google_play")


def test_where_all_is_well_nothing_is_ill_and_nothing_was_changed(desk: Desk) -> None:
    before = len(desk.world.ledger.entries)
    desk.examines()
    assert desk.ill() == []
    assert "5.2.0 (5020) is inProgress at 1 %" in desk.finding(ANDROID, "track").said
    assert "5020 PUBLISHED" in desk.finding(ANDROID, "review").said
    assert desk.finding("google_play", "beyond need", "configured ones").state is State.OK
    assert "in no API" in desk.finding("google_play", "unsent").said
    assert "--probe-edit" in desk.finding(ANDROID, "role").right
    assert len(desk.world.ledger.entries) == before, "nothing happened to any track, rating or channel"
    written = [request for request in desk.sent("google_play") if request[0] != "GET"]
    assert [method for method, _ in written] == ["POST", "DELETE"], "an edit, opened and deleted again"
    assert {method for method, _ in desk.sent("app_store")} == {"GET"}
    assert not [path for _, path in desk.sent("slack") if "postMessage" in path]


def test_a_mistyped_package_is_named_with_the_one_that_was_meant(desk: Desk) -> None:
    desk.configures(in_section(*PLAY, package="com.acme.ap"))
    desk.examines()
    found = desk.finding(ANDROID, "package")
    assert found.state is State.PROBLEM
    assert "knows no package 'com.acme.ap' (E23)" in found.said
    assert found.right == "did you mean com.acme.app? the account can see: com.acme.app"
    assert desk.finding(ANDROID, "sentry project").state is State.OK, "the others have their say"


def test_a_mistyped_track_is_named_with_those_that_there_are(desk: Desk) -> None:
    desk.configures(in_section(*PLAY, track="prodution"))
    desk.examines()
    found = desk.finding(ANDROID, "track")
    assert (found.state, found.right) == (State.PROBLEM, "did you mean production?")
    assert "no track 'prodution'; the package has alpha, beta, internal, production" in found.said


def test_an_empty_track_is_a_warning_and_no_mistake(desk: Desk) -> None:
    desk.configures(in_section(*PLAY, track="beta"))
    desk.examines(probing=True)
    assert desk.finding(ANDROID, "track", "is empty").state is State.WARNING
    assert desk.ill() == []
    assert "nothing to write" in desk.finding(ANDROID, "probe").said


def test_an_account_that_was_not_invited_is_named_so_that_somebody_can_invite_it(desk: Desk) -> None:
    desk.world.turn({"play_account": "not_invited"})
    desk.examines()
    found = desk.finding(ANDROID, "access")
    assert found.state is State.PROBLEM
    assert "stagedrollout@acme-emulated.iam.gserviceaccount.com may not see com.acme.app (E19)" in found.said
    assert "Release to production" in found.right


def test_an_api_that_is_not_enabled_is_said_so(desk: Desk) -> None:
    desk.breaks("google_play", "403_api_disabled")
    desk.world.turn({"play_reporting_enabled": False})
    desk.examines()
    assert "(E21)" in desk.finding(ANDROID, "access", "Cloud project").said
    assert "reporting API" in desk.finding("google_play", "beyond need", "not known").said


def test_a_key_that_google_does_not_take_is_no_missing_grant(desk: Desk) -> None:
    desk.breaks("oauth", "401")
    desk.examines()
    assert "Google does not accept the key" in desk.finding(ANDROID, "access").said


def test_an_account_that_may_only_look_cannot_open_an_edit(desk: Desk) -> None:
    desk.world.turn({"play_account": "read_only"})
    desk.examines()
    found = desk.finding(ANDROID, "role")
    assert found.state is State.PROBLEM
    assert "it can see the releases and their review, but" in found.said


def test_rights_beyond_need_are_warned_of(desk: Desk) -> None:
    desk.world.turn({"play_account": "account_wide"})
    desk.configures(in_section("apps", 0, policy="hotfix"))
    desk.examines()
    assert desk.finding("google_play", "beyond need", "com.acme.payroll").state is State.WARNING
    assert desk.ill() == []


def test_reviews_are_a_permission_of_their_own(desk: Desk) -> None:
    desk.world.turn({"play_reviews_allowed": False})
    desk.examines()
    needed = desk.loaded().policies[desk.loaded().settings.apps[0].policy].ratings is not None
    assert desk.finding(ANDROID, "reviews").state is (State.PROBLEM if needed else State.OK)


@pytest.mark.parametrize("checked", ["write", "validate"])
def test_a_key_that_may_not_release_to_production_is_found_by_the_probe(desk: Desk, checked: str) -> None:
    desk.world.turn({"play_account": "testing_tracks", "play_right_checked": checked})
    desk.examines(probing=True)
    found = desk.finding(ANDROID, "role")
    assert found.state is State.PROBLEM
    assert "may not release to production (E19" in found.said
    assert "Release to production" in found.right


def test_where_play_tells_only_at_the_commit_the_probe_says_that_it_does_not_know(desk: Desk) -> None:
    desk.world.turn({"play_account": "testing_tracks", "play_right_checked": "commit"})
    desk.examines(probing=True)
    assert "only at the commit (E14), which is never tried" in desk.finding(ANDROID, "role").said


def test_a_probe_ends_with_the_track_as_it_was_and_commits_nothing(desk: Desk) -> None:
    before = entries(desk.world, "track")
    desk.examines(probing=True)
    assert desk.ill() == []
    sent = [(method, path.rpartition("/")[2].rpartition(":")[2]) for method, path in desk.sent("google_play")]
    edit = [word for method, word in sent if method == "PUT" or word == "validate"]
    assert edit == ["production", "validate", "production", "production", "production", "production"]
    assert not [word for _, word in sent if word == "commit"]
    assert sum(method == "DELETE" for method, _ in sent) == 1
    assert entries(desk.world, "track") == before


@pytest.mark.parametrize(
    ("rule", "said"),
    [("required", "keeps its fraction: Play wants it"), ("forbidden", "must not carry its fraction")],
)
def test_the_probe_tells_how_this_play_takes_a_halt(desk: Desk, rule: str, said: str) -> None:
    desk.world.turn({"halted_fraction": rule, "lowering": "accepted"})
    desk.examines(probing=True)
    assert desk.finding(ANDROID, "probe", said).state is State.NOTE
    assert "Play takes a lower share" in desk.finding(ANDROID, "probe", "lower share").said


def test_a_track_that_play_wants_written_otherwise_is_no_problem_for_the_daemon() -> None:
    class Picky:
        track = "production"

        def write(self, edit: str, body: object) -> None:
            raise Refused(
                "writing the track", "HALTED release must not have fraction", status=400, said=Said.FRACTION
            )

        def validate(self, edit: str) -> None:
            raise AssertionError(edit)

    track = {
        "track": "production",
        "releases": [{"versionCodes": ["1"], "status": "halted", "userFraction": 0.1}],
    }
    [found] = probed(Telling(ANDROID), Picky(), "e1", track)
    assert found.state is State.NOTE
    assert "(E9)" in found.said


@pytest.mark.parametrize(
    ("word", "state", "said"),
    [
        ("NOT_SENT_FOR_REVIEW", State.WARNING, "our next commit sends it along"),
        ("IN_REVIEW", State.NOTE, "our raises wait (ERROR_IF_IN_REVIEW), and a halt asks a person first"),
        ("NOT_APPROVED", State.WARNING, "until a person has sent the changes again (E5)"),
        ("APPROVED_NOT_PUBLISHED", State.WARNING, "managed publishing"),
    ],
)
def test_what_waits_in_the_console_is_told_with_what_our_commit_would_do(
    word: str, state: State, said: str
) -> None:
    [found] = waiting(Telling(ANDROID), [("5.3.0 (5030) on beta", word)], HaltInReview.ASK)
    assert found.state is state
    assert found.said.startswith("5.3.0 (5030) on beta ")
    assert said in found.said


def test_what_is_out_or_a_draft_is_not_sent_by_anybody(desk: Desk) -> None:
    releases = [("5.1.0 (5010) on production", "PUBLISHED"), ("5.3.0 (5030) on production", "DRAFT")]
    assert list(waiting(Telling(ANDROID), releases, HaltInReview.ASK)) == []
