"""What `doctor` says of Sentry, and whether a store's releases are called there as configured."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stagedrollout.core.model import Release, Store
from stagedrollout.doctor import sentry
from stagedrollout.doctor.finding import State, Telling
from stagedrollout.doctor.templates import suggestion, template_findings
from stagedrollout.http.client import HttpClient
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.sentry_survey import Organization, Seen, SentrySurvey
from tests.doctor.desk import ANDROID, IOS, Desk, in_section

SOURCE = ("apps", 0, "google_play", "sentry")
TELL = Telling("sentry")


def test_an_environment_that_nobody_knows_is_told_with_those_that_have_sessions(desk: Desk) -> None:
    desk.configures(in_section(*SOURCE, environment="prod"))
    desk.examines()
    found = desk.finding(ANDROID, "sentry environment")
    assert (found.state, found.said) == (State.PROBLEM, "Sentry knows no environment 'prod'")
    assert found.right.startswith("those with sessions are: production (")
    assert desk.finding(IOS, "sentry environment").state is State.OK


def test_a_mistyped_project_is_told_with_the_one_that_was_meant(desk: Desk) -> None:
    desk.configures(in_section(*SOURCE, project="acmee"))
    desk.examines()
    found = desk.finding(ANDROID, "sentry project")
    assert found.state is State.PROBLEM
    assert found.right == "did you mean acme? there are: acme, acme-ios"


def test_a_mistyped_organization_is_told_once_and_for_each_app(desk: Desk) -> None:
    desk.configures(in_section("sentry", organization="acmme"))
    desk.examines()
    assert "no organization 'acmme' at 127.0.0.1" in desk.finding("sentry", "organization").said
    assert desk.finding(ANDROID, "sentry project").state is State.PROBLEM


def test_a_mistyped_template_is_told_with_the_one_that_would_fit(desk: Desk) -> None:
    desk.configures(in_section(*SOURCE, release="{package}@{version}-{build}"))
    desk.examines()
    found = desk.finding(ANDROID, "release template")
    assert found.state is State.PROBLEM
    assert (
        "5.2.0 (5020) would be 'com.acme.app@5.2.0-5020'; most used are 'com.acme.app@5.1.0+5010'"
        in found.said
    )
    assert found.right == "write sentry.release: '{package}@{version}+{build}'"


def test_a_token_that_may_more_than_is_needed_is_warned_of(desk: Desk) -> None:
    desk.world.turn(
        {"sentry_credential": "to_spare", "sentry_without_users": True, "sentry_four_statuses": True}
    )
    desk.examines()
    assert "tells 4 kinds of sessions apart" in desk.finding(ANDROID, "sentry environment", "kinds").said
    assert (
        desk.finding("sentry", "beyond need").said
        == "the token may more than is needed: org:admin, project:write"
    )
    assert "without user or installation ids" in desk.finding(ANDROID, "sentry users").said


def test_an_organization_of_another_region_is_told_with_its_address(desk: Desk) -> None:
    desk.world.turn({"sentry_region": "elsewhere"})
    desk.examines()
    found = desk.finding("sentry", "organization")
    assert (found.state, found.right) == (State.PROBLEM, "write sentry.url: https://de.sentry.io")


def test_an_organization_token_can_read_nothing(desk: Desk) -> None:
    desk.world.turn({"sentry_credential": "organization"})
    desk.examines()
    assert "it needs org:read" in desk.finding("sentry", "token").right
    assert desk.finding(ANDROID, "sentry").state is State.PROBLEM


def test_a_token_that_is_refused_is_told_by_everyone_who_uses_it(desk: Desk) -> None:
    desk.breaks("sentry", "401")
    desk.examines()
    assert desk.finding("sentry", "token").state is State.PROBLEM
    assert desk.finding(ANDROID, "sentry").state is State.PROBLEM


@pytest.mark.parametrize(
    ("scopes", "state"),
    [
        (frozenset({"org:read", "project:read", "event:read"}), State.OK),
        (frozenset({"org:read", "project:read"}), State.WARNING),
        (frozenset({"org:ci"}), State.PROBLEM),
        (None, State.NOTE),
    ],
)
def test_scopes_are_told_by_what_they_are_for(scopes: frozenset[str] | None, state: State) -> None:
    assert [found.state for found in sentry.scopes(TELL, scopes)] == [state]


def test_the_kind_of_a_token_is_told_and_never_the_token() -> None:
    [found] = sentry.about_token(TELL, "sntrys_eyJpYXQiOjE3")
    assert (found.state, "org:ci" in found.said, "eyJ" in found.said + found.right) == (
        State.PROBLEM,
        True,
        False,
    )
    [person] = sentry.about_token(TELL, "sntryu_0123456789")
    assert person.state is State.WARNING
    assert list(sentry.about_token(TELL, "0123456789abcdef")) == []


class _Elsewhere(SentrySurvey):
    region = "de.sentry.io"

    def about(self) -> Organization:
        return Organization(self.region, None, datetime(2026, 3, 2, 6, tzinfo=UTC))


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://de.sentry.io", State.OK),
        ("https://sentry.io", State.NOTE),
        ("https://us.sentry.io", State.PROBLEM),
    ],
)
def test_another_region_is_named_by_its_address(url: str, state: State) -> None:
    case = sentry.OrganizationCase(
        tell=TELL,
        survey=_Elsewhere(HttpClient(Endpoint("sentry", url)), "acme"),
        token="",
        now=lambda: datetime(2026, 3, 2, 6, 3, tzinfo=UTC),
    )
    found = {one.about: one for one in sentry.about_organization(case)}
    assert found["organization"].state is state
    assert found["organization"].right == (
        "" if state is State.OK else "write sentry.url: https://de.sentry.io"
    )
    assert found["clock"].state is State.PROBLEM
    assert "3m apart" in found["clock"].said


RELEASES = (Release("5020", "5.2.0", "5020"), Release("5010", "5.1.0", "5010"))


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("com.acme.app@5.1.0+5010", "{package}@{version}+{build}"),
        ("acme-5.1.0-5010", "acme-{version}-{build}"),
        ("5.1.0 (5010)", "{version} ({build})"),
        ("acme@5010", "acme@{build}"),
        ("9c1d7f2", ""),
        ("{5.1.0}", ""),
    ],
)
def test_a_template_is_found_by_a_release_that_both_know(name: str, template: str) -> None:
    assert suggestion("com.acme.app", RELEASES, ["unknown", name]) == template


def _template(releases: tuple[Release, ...] | None, *seen: str) -> tuple[State, str]:
    found = template_findings(
        TELL,
        ReleaseNames("com.acme.app"),
        Store.GOOGLE_PLAY,
        releases,
        tuple(Seen(name, "production", 10, 5) for name in seen),
    )
    [one] = found
    return one.state, one.said


def test_a_release_too_new_for_sessions_is_no_mistyped_template() -> None:
    state, _ = _template(RELEASES, "com.acme.app@5.0.0+5000")
    assert state is State.WARNING


def test_without_the_store_a_name_that_fits_is_good_enough() -> None:
    assert _template(None, "com.acme.app@5.0.0+5000")[0] is State.OK
    assert _template(None, "acme-5.0.0")[0] is State.PROBLEM


def test_where_nothing_has_sessions_the_template_cannot_be_tried() -> None:
    assert _template(RELEASES)[0] is State.NOTE


def test_a_name_in_sentry_is_data() -> None:
    _, said = _template(None, "acme\x1b[31m 5.0")
    assert "\x1b" not in said
