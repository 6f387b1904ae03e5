"""What people are told of new crashes, whatever an app reports and a server makes of it (sentry.md section 6)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_recordings import NEW, Sentry

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected
from stagedrollout.core.issue import ISSUES_MAX, Issue, NewIssues
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry import SentryProject
from stagedrollout.signals.sentry_issues import TITLE_MAX, SentryIssues
from stagedrollout.signals.sentry_names import ReleaseNames

PLACE = "https://acme.sentry.io/issues/"


def item(number=1, **changed):
    return {
        "id": str(number),
        "shortId": f"ANDROID-{number}F",
        "title": "NullPointerException: onCreate",
        "permalink": f"{PLACE}{number}/",
        "count": "1024",
        "userCount": 311,
        "isUnhandled": True,
        **changed,
    }


def issues_of(sentry, base="https://us.sentry.io"):
    http = HttpClient(Endpoint("sentry", base), transport=in_process(sentry.handle))
    return SentryIssues(http, SentryProject("acme", "android", "production"), ReleaseNames("com.acme.app"))


def told(*items, base="https://us.sentry.io", **sentry):
    return issues_of(Sentry(says=list(items), **sentry), base).read(NEW)


def only(**changed):
    (issue,) = told(item(**changed)).issues
    return issue


def test_crashes_that_began_with_the_release_are_asked_for_once_with_their_counts():
    sentry = Sentry(says=[item()])
    assert issues_of(sentry).read(NEW) == NewIssues(
        "sentry", (Issue("ANDROID-1F", "NullPointerException: onCreate", 311, 1_024, f"{PLACE}1/"),)
    )
    ((method, path, params, _),) = sentry.asked
    assert (method, path) == ("GET", "/api/0/organizations/acme/issues/")
    assert params["query"] == ['is:unresolved error.unhandled:true firstRelease:"com.acme.app@7.4.0+70400"']
    assert (params["sort"], params["limit"]) == (["user"], [str(ISSUES_MAX)])
    assert (params["project"], params["environment"]) == (["android"], ["production"])
    assert "stats" not in params["collapse"]  # the counts would go with them


def test_a_hostile_release_name_searches_for_itself():
    sentry = Sentry(says=[])
    issues_of(sentry).read(replace(NEW, version='7" OR is:resolved "'))
    assert sentry.asked[0][2]["query"][0].endswith(
        'firstRelease:"com.acme.app@7\\" OR is:resolved \\"+70400"'
    )


@pytest.mark.parametrize(
    ("address", "base", "kept"),
    [
        (PLACE + "1/", "https://us.sentry.io", True),
        (PLACE + "1/", "https://sentry.io", True),
        ("https://sentry.io/organizations/acme/issues/1/", "https://de.sentry.io", True),
        ("https://sentry.corp.example/organizations/acme/issues/1/", "https://sentry.corp.example", True),
        (PLACE + "1/", "https://sentry.corp.example", False),
        ("https://other.sentry.io/issues/1/", "https://us.sentry.io", False),
        ("https://acme.sentry.io.evil.example/1/", "https://us.sentry.io", False),
        ("https://acme.sentry.io@evil.example/1/", "https://us.sentry.io", False),
        ("https://evil.example/acme.sentry.io/", "https://us.sentry.io", False),
        ("javascript:alert(1)//acme.sentry.io", "https://us.sentry.io", False),
        (PLACE + "1/ <!channel>", "https://us.sentry.io", False),
        (PLACE + "x" * 400, "https://us.sentry.io", False),
        (None, "https://us.sentry.io", False),
    ],
)
def test_a_link_leads_to_the_sentry_that_was_asked_or_nowhere(address, base, kept):
    (issue,) = told(item(permalink=address), base=base).issues
    assert issue.link == (address if kept else "")


def test_a_title_is_one_bounded_line_of_data():
    hostile = "<!channel> \x1b[31m\nred\u202e" + "x" * 500
    title = only(title=hostile).title
    assert title.startswith("<!channel> [31m redx")
    assert title.isprintable()
    assert len(title) == TITLE_MAX
    assert only(title="\n").title == only(title=None).title == "without a title"


@pytest.mark.parametrize(
    ("changed", "users", "events"),
    [
        ({"count": "7"}, 311, 7),
        ({"count": 7}, 311, 7),
        ({"count": "7e3"}, 311, None),
        ({"count": "-1"}, 311, None),
        ({"count": None}, 311, None),
        ({"count": "9" * 400}, 311, None),
        ({"userCount": -1}, None, 1_024),
        ({"userCount": "12"}, 12, 1_024),
        ({"userCount": True}, None, 1_024),
    ],
)
def test_counts_that_are_none_are_unknown_and_never_zero(changed, users, events):
    issue = only(**changed)
    assert (issue.users, issue.events) == (users, events)


def test_a_server_that_sends_more_than_was_asked_for_is_told_a_handful_of():
    many = told(*(item(number) for number in range(30)))
    assert (len(many.issues), many.more) == (ISSUES_MAX, True)
    link = {"Link": '<https://a/x>; rel="next"; results="true"; cursor="0:5:0"'}
    assert told(item(), headers=link).more
    assert not told(item()).more
    assert told().issues == ()


def test_a_token_without_event_read_is_told_which_scope_it_lacks():
    said = {"detail": "You do not have permission to perform this action."}
    with pytest.raises(Denied, match="the token needs event:read"):
        issues_of(Sentry(status=403, says=said)).read(NEW)


def test_a_release_that_can_have_no_name_is_never_asked_for():
    sentry = Sentry(says=[])
    with pytest.raises(Rejected):
        issues_of(sentry).read(replace(NEW, version="7/4"))
    assert sentry.asked == []


def test_another_shape_is_a_fault_of_the_service():
    with pytest.raises(Faulty, match="no list"):
        issues_of(Sentry(says={"issues": []})).read(NEW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(item())), JSON), st.sampled_from([200, 404, 500]))
def test_any_answer_is_a_list_of_issues_or_our_error(changed, status):
    sentry = Sentry(status=status, says=json.dumps([item(**changed), changed]).encode())
    try:
        found = issues_of(sentry).read(NEW)
    except EdgeError:
        return
    for issue in found.issues:
        assert issue.title.isprintable()
        assert len(issue.title) <= TITLE_MAX
        assert issue.link == "" or issue.link.startswith(
            ("https://acme.sentry.io/", "https://us.sentry.io/", "http")
        )
