"""What Sentry is asked, and what becomes of its refusals."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sentry_recordings import EIGHT, NEW, NOW, OLD, OLDER, QUERY, Sentry, body, new, old

from stagedrollout.core.errors import (
    Denied,
    EdgeError,
    Faulty,
    Rejected,
    Throttled,
    Unreachable,
    WrongConfiguration,
)
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry import SentryProject, SentrySessions
from stagedrollout.signals.sentry_names import NoName, ReleaseNames, release_filter


def asked(query=QUERY, names=None):
    sentry = Sentry(says=body(new(), old()))
    sentry.signal(names).read(query)
    ((method, path, params, headers),) = sentry.asked
    assert method == "GET"
    assert path == "/api/0/organizations/acme/sessions/"
    assert headers["authorization"] == "Bearer sntrys_secret_of_nobody"
    return params


def test_one_call_asks_for_everything_of_the_named_releases_only():
    assert asked() == {
        "project": ["android"],
        "environment": ["production"],
        "query": ['release:["com.acme.app@7.4.0+70400","com.acme.app@7.3.2+70302"]'],
        "groupBy": ["release"],
        "field": ["sum(session)", "count_unique(user)", "crash_free_rate(session)", "crash_free_rate(user)"],
        "start": ["2026-11-23T08:00:00Z"],
        "end": ["2026-11-23T11:00:00Z"],
        "interval": ["1h"],
    }


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        (EIGHT + timedelta(minutes=59), NOW, "2026-11-23T08:00:00Z", "2026-11-23T11:00:00Z"),
        (EIGHT, EIGHT, "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"),
        (NOW, EIGHT, "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"),
        (EIGHT, EIGHT + timedelta(microseconds=1), "2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"),
        (EIGHT - timedelta(days=365), EIGHT, "2026-10-12T16:00:00Z", "2026-11-23T08:00:00Z"),
    ],
    ids=["floored", "no time at all", "backwards", "ceiled", "a year is cut to 1000 hours"],
)
def test_the_window_is_whole_hours_and_fits_one_answer(since, until, start, end):
    params = asked(replace(QUERY, since=since, until=until))
    assert (params["start"], params["end"]) == ([start], [end])


def test_with_many_releases_the_window_shrinks_to_what_one_answer_holds():
    baseline = tuple(Release(str(n), f"5.{n}.0", str(n)) for n in range(19))
    params = asked(replace(QUERY, baseline=baseline, since=EIGHT - timedelta(days=365), until=EIGHT))
    assert params["start"] == ["2026-11-02T12:00:00Z"]  # 500 hours * 20 releases


def test_a_baseline_release_sentry_cannot_hold_is_left_out():
    params = asked(replace(QUERY, baseline=(replace(OLDER, version="7/1"), OLD, OLD)))
    assert params["query"] == ['release:["com.acme.app@7.4.0+70400","com.acme.app@7.3.2+70302"]']


@pytest.mark.parametrize("version", ["7/4", "7\\4", "7\n4", "7\t4", "7\ud8004", "7" * 200])
def test_a_candidate_sentry_cannot_hold_is_implausible_and_never_asked_for(version):
    sentry = Sentry(says=body(new()))
    readings = sentry.signal().read(replace(QUERY, candidate=replace(NEW, version=version)))
    assert [reading.gap for reading in readings] == [Gap.IMPLAUSIBLE, Gap.IMPLAUSIBLE]
    assert sentry.asked == []


def test_names_are_quoted_so_that_they_cannot_change_the_search():
    assert release_filter(['a"] OR release:[b', "c (d) e"]) == 'release:["a\\"] OR release:[b","c (d) e"]'


def test_an_app_that_names_its_releases_differently_says_so_in_a_template():
    names = ReleaseNames("com.acme.app", "acme-{version}-{build}{{x}}")
    assert names.of(NEW) == "acme-7.4.0-70400{x}"


@pytest.mark.parametrize(
    "template",
    [
        "",
        "constant",
        "{package}",
        "{package}@{versionName}",
        "{version.__class__}",
        "{version!r}",
        "{version:>500}",
        "{}",
        "{0}",
        "{version",
        "a/{version}",
        " {version}",
        "{version}\n",
        "x" * 200 + "{version}",
    ],
)
def test_a_template_that_can_never_name_a_release_is_a_wrong_configuration(template):
    with pytest.raises(WrongConfiguration, match="release template"):
        ReleaseNames("com.acme.app", template)


def test_a_package_with_a_slash_is_a_wrong_configuration():
    with pytest.raises(WrongConfiguration):
        ReleaseNames("com/acme")


def test_a_name_of_dots_is_no_name():
    with pytest.raises(NoName):
        ReleaseNames("x", "{version}").of(replace(NEW, version=".."))


@pytest.mark.parametrize("project", [("", "p", "e"), ("o", " ", "e"), ("o", "p", ""), ("o", "p", "e\n")])
def test_an_empty_place_is_a_wrong_configuration(project):
    with pytest.raises(WrongConfiguration):
        SentryProject(*project)


def test_an_organization_cannot_lead_to_another_address():
    sentry = Sentry(says=body(new()))
    http = HttpClient(Endpoint("sentry", "https://sentry.io"), transport=in_process(sentry.handle))
    signal = SentrySessions(http, SentryProject("../../x?y", "p", "e"), ReleaseNames("com.acme.app"))
    signal.read(QUERY)
    assert sentry.asked[0][1] == "/api/0/organizations/..%2F..%2Fx%3Fy/sessions/"


def detail(text):
    return {"detail": text}


REFUSALS = [
    (400, detail('Invalid field: "x"'), Rejected, "Invalid field", False),
    (400, detail("Your interval and date range would create too many results."), Rejected, "too many", False),
    (400, {"environment": ["This field is required."]}, Rejected, "This field is required", False),
    (400, detail("Query timeout. Please try again."), Faulty, "Query timeout", True),
    (401, detail("Invalid token"), Denied, "Invalid token", False),
    (401, detail("Token expired"), Denied, "Token expired", False),
    (401, detail("Authentication credentials were not provided."), Denied, "not provided", False),
    (403, detail("You do not have permission to perform this action."), Denied, "org:read", False),
    (404, detail("The requested resource does not exist"), Rejected, "no organization 'acme'", False),
    (
        429,
        detail("You are attempting to use this endpoint too frequently."),
        Throttled,
        "too frequently",
        True,
    ),
    (500, detail("Internal error. Please try again."), Faulty, "Internal error", True),
    (500, detail("Internal error. Your query failed to run."), Faulty, "failed to run", True),
    (502, b"<html><h1>502 Bad Gateway</h1></html>", Faulty, "HTML page", True),
    (503, b"", Faulty, "empty answer", True),
    (504, b"upstream request timeout", Faulty, "upstream", True),
    (302, b"", Rejected, "redirect", False),
    (200, b"<html>login</html>", Faulty, "HTML page", True),
    (200, TimeoutError, Unreachable, "in time", True),
    (200, ConnectionResetError, Unreachable, "broke", True),
]


@pytest.mark.parametrize(("status", "says", "kind", "words", "again"), REFUSALS)
def test_every_failure_of_sentry_is_ours_says_why_and_whether_to_ask_again(status, says, kind, words, again):
    with pytest.raises(EdgeError) as caught:
        Sentry(status=status, says=says).signal().read(QUERY)
    error = caught.value
    assert type(error) is kind
    assert (error.service, error.doing, error.again) == ("sentry", "read sessions", again)
    assert words in str(error)
    assert "secret" not in str(error)


def test_a_throttled_call_waits_until_sentrys_own_reset():
    headers = {
        "Content-Type": "text/html",
        "Date": "Mon, 23 Nov 2026 10:40:00 GMT",
        "X-Sentry-Rate-Limit-Reset": str(int(NOW.timestamp()) + 17),
    }
    with pytest.raises(Throttled) as caught:
        Sentry(status=429, says=detail("too frequently"), headers=headers).signal().read(QUERY)
    assert caught.value.wait_seconds == 17
