"""Every request we can send and every answer of the emulator is one that its API describes."""

from __future__ import annotations

import ast
import json

import pytest

from stagedrollout.emulator.appstore_operations import _NAMES as APP_STORE_OPERATIONS
from stagedrollout.emulator.play import _OPERATIONS as PLAY_OPERATIONS
from stagedrollout.stores.app_store import versions
from stagedrollout.stores.google_play.edits import InReview
from tests.contracts.deviations import DEVIATIONS, deviation
from tests.contracts.passing import PACKAGE
from tests.contracts.sites import UNDESCRIBED, doors, in_tree, sites
from tests.contracts.told import DESCRIPTIONS, told, unexplained, wrong_in_stories

SERVICES = tuple(DESCRIPTIONS)


@pytest.mark.parametrize("service", SERVICES)
def test_every_request_and_every_answer_is_one_that_the_api_describes(service):
    wrong = unexplained(service, wrong_in_stories(service))
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("service", SERVICES)
def test_no_deviation_is_listed_that_nothing_needs(service):
    used = {deviation(service, finding) for finding in wrong_in_stories(service)}
    assert [one.what for one in DEVIATIONS if one.service == service and one not in used] == []


def test_nothing_can_be_sent_that_no_story_sends():
    unheard = [str(site) for site in sites() if not site.passed(told().lines)]
    assert unheard == [], "no story of tests/contracts/*_cases.py sends\n" + "\n".join(unheard)


def test_a_commit_is_sent_on_every_term():
    commits = [one.request.query for one in told().of("google_play") if one.operation == "edits.commit"]
    terms = {(one["changesInReviewBehavior"][0], "changesNotSentForReview" in one) for one in commits}
    assert {term for term, _ in terms} == set(InReview)
    assert {held_back for _, held_back in terms} == {True, False}


def test_a_phased_release_is_turned_to_every_state():
    sent = [json.loads(one.request.body)["data"] for one in told().of("app_store") if one.request.body]
    states = {data.get("attributes", {}).get("phasedReleaseState") for data in sent} - {None}
    assert states == {versions.INACTIVE, versions.ACTIVE, versions.PAUSED, versions.COMPLETE}


@pytest.mark.parametrize(
    ("service", "operations"),
    [
        ("google_play", {*PLAY_OPERATIONS.values(), "releases.list", "reviews.list", "reviews.get"}),
        (
            "play_reporting",
            {"crash.get", "crash.query", "anr.get", "anr.query", "releases.options", "apps.search"},
        ),
        ("play_bucket", {"objects.list", "objects.get"}),
        ("app_store", set(APP_STORE_OPERATIONS.values())),
        ("sentry", {"sessions", "organization", "project", "projects", "issues"}),
    ],
)
def test_every_operation_of_the_emulator_is_asked(service, operations):
    answered = {one.operation for one in told().of(service) if 200 <= one.status < 300}
    assert operations - answered == set()


def test_a_request_that_is_added_without_a_story_is_noticed():
    source = """
def ask(http, play):
    '''/v1/apps is a word here'''
    http.get_json("reading", "/v1/apps/1/appStoreVersions")
    return lambda: play.edits().tracks().list(packageName="x")
"""
    found = in_tree("made_up.py", ast.parse(source))
    assert [(site.first, site.in_lambda) for site in found] == [(4, False), (5, True)]
    assert not any(site.passed({("made_up.py", False, 5)}) for site in found)
    assert found[0].passed({("made_up.py", False, 4)})


def test_an_adapter_that_no_story_asks_is_noticed():
    source = """
class Call:
    def __init__(self, http: HttpClient): ...
    def ask(self): return self._sent()
    def _sent(self): ...
class Signal:
    def __init__(self, call: Call): ...
    def read(self):
        'Asks.'
        return self._call.ask()
    def unread(self): return ()
class Other:
    def read(self): return self.kept
"""
    found = doors({"made_up.py": ast.parse(source)})
    assert [(site.text, site.first) for site in found] == [("Call.ask", 4), ("Signal.read", 10)]


def test_what_is_said_to_have_no_description_does_send_something():
    for room in UNDESCRIBED:
        place = PACKAGE / room
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        assert any(in_tree(room, ast.parse(file.read_text("utf-8"))) for file in files), room
