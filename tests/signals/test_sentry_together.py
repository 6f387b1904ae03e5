"""Apps that share a project in Sentry share requests, and nothing else: each is told what it would be told alone."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from sentry_recordings import EIGHT, HOURS, NEW, NOW, OLD, body
from sentry_tally_recordings import by_status

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected
from stagedrollout.core.ledger import Comparison, LedgerQuery
from stagedrollout.core.model import Store
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry_names import ReleaseNames
from stagedrollout.signals.sentry_sessions_call import SentryProject
from stagedrollout.signals.sentry_tallies import SentryTallies
from stagedrollout.signals.sentry_together import LETTERS_MAX, Together

PATIENCE = 30.0
PROJECT = SentryProject("acme", "apps", "production")
APPS = ("com.acme.one", "com.acme.two", "com.acme.three")
QUERY = LedgerQuery(NEW, (Comparison(EIGHT, (OLD,)),), EIGHT, NOW, users=False)
CUT_SHORT = '<https://a/x>; rel="next"; results="true"; cursor="0:100:0"'


@dataclass
class Project:
    """Has sessions of every release of every app, each in numbers of its own; answers alike however it is asked."""

    refuses: str = ""
    """It does not take a question in which this stands, with `status`."""

    status: int = 400
    most: int = 1_000
    """Of groups in an answer, which is cut short there."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def handle(self, method, path, query, headers, _body):
        params = parse_qs(query)
        if "query" not in params:
            self.asked.append(())
            groups = [{"by": {"release": f"{app}@1.0.0+100"}, "totals": {"sum(session)": 7}} for app in APPS]
            return 200, {}, json.dumps(body(*groups)).encode()
        names = tuple(re.findall('"([^"]+)"', params["query"][0]))
        self.asked.append(names)
        if self.refuses and any(self.refuses in name for name in names):
            return self.status, {}, b'{"detail": "no"}'
        groups = [group for name in names for group in self._counted(name)]
        link = {"link": CUT_SHORT} if len(groups) > self.most else {}
        return 200, link, json.dumps(body(*groups[: self.most], intervals=HOURS)).encode()

    def _counted(self, name):
        crashed = [len(name), sum(map(ord, name)) % 50, 3]
        return by_status(name, crashed=crashed, healthy=[9_000, 9_000, 9_000])

    def tallies(self, package, together=None):
        http = HttpClient(Endpoint("sentry", "https://sentry.io"), transport=in_process(self.handle))
        return SentryTallies(http, PROJECT, ReleaseNames(package), Store.GOOGLE_PLAY, together)


class Gathering(Together):
    """Whose first asker waits until `count` have asked."""

    def __init__(self, count):
        super().__init__(lambda _full: self._there.wait(PATIENCE))
        self._awaited, self._there = count, threading.Event()

    def _joined(self, alike, names, names_max):
        found = super()._joined(alike, names, names_max)
        with self._guard:
            self._awaited -= 1
        if not self._awaited:
            self._there.set()
        return found


def at_once(project, queries, ask=lambda tallies, query: tallies.read(query)):
    """What each app is told, or the error it gets, when all of them ask before the first request leaves."""
    together = Gathering(len(queries))

    def told(app):
        try:
            return ask(project.tallies(app, together), queries[app])
        except EdgeError as error:
            return error

    with ThreadPoolExecutor(len(queries)) as pool:
        return dict(zip(queries, pool.map(told, queries), strict=True))


def alone(project, queries):
    return {app: project.tallies(app).read(query) for app, query in queries.items()}


ALIKE = dict.fromkeys(APPS, QUERY)


def test_three_apps_that_ask_at_once_are_told_by_one_request_what_each_would_be_told_alone():
    project = Project()
    told = at_once(project, ALIKE)
    assert len(project.asked) == 1
    assert told == alone(project, ALIKE)
    assert len({str(each) for each in told.values()}) == 3


@pytest.mark.promise("R1")
def test_who_asks_once_the_request_has_left_is_in_the_next_one():
    project, together = Project(), Together(lambda _full: None)
    for app in APPS:
        project.tallies(app, together).read(QUERY)
    assert len(project.asked) == 3


def test_other_hours_are_another_request():
    project = Project()
    later = replace(QUERY, since=EIGHT + timedelta(hours=1))
    queries = {APPS[0]: QUERY, APPS[1]: later, APPS[2]: QUERY}
    told = at_once(project, queries)
    assert sorted(map(len, project.asked)) == [2, 4]
    assert told == alone(project, queries)


@pytest.mark.promise("R22")
@pytest.mark.parametrize("project", [Project(refuses="two"), Project(most=19)], ids=["refused", "cut short"])
def test_an_app_whose_releases_spoil_the_question_of_all_spoils_its_own_only(project):
    told = at_once(project, ALIKE)
    assert sorted(map(len, dict.fromkeys(project.asked))) == [2, 2, 2, 6]
    others = {app: QUERY for app in APPS if app != APPS[1] or not project.refuses}
    assert {app: told[app] for app in others} == alone(Project(), others)
    assert isinstance(told[APPS[1]], Rejected) is bool(project.refuses)


@pytest.mark.parametrize(("status", "kind"), [(503, Faulty), (403, Denied)])
def test_what_fails_for_all_is_asked_once_and_fails_for_each(status, kind):
    """Each asks again in its own time, as it does alone (daemon/retrying.py)."""
    project = Project(refuses="com", status=status)
    told = at_once(project, ALIKE)
    assert [type(each) for each in told.values()] == [kind] * 3
    assert len(project.asked) == 1


def test_a_request_holds_no_more_names_than_an_address_can():
    many = dict.fromkeys((f"com.acme.{number:0100d}" for number in range(20)), QUERY)
    project = Project()
    told = at_once(project, many)
    assert all(sum(map(len, names)) <= LETTERS_MAX for names in project.asked)
    assert sum(map(len, project.asked)) == 2 * len(many)
    assert told == alone(project, many)


def test_no_more_is_asked_than_one_answer_holds():
    """Four hundred hours of two releases in five statuses are four thousand counts, of the ten thousand that Sentry gives."""
    project, long = Project(), replace(QUERY, since=NOW - timedelta(hours=400))
    at_once(project, dict.fromkeys(APPS, long))
    assert sorted(map(len, project.asked)) == [2, 4]


def test_what_runs_in_the_project_is_asked_once_for_all_who_ask_at_that_moment():
    project = Project()
    told = at_once(project, ALIKE, lambda tallies, _query: tallies.running(NEW, NOW))
    assert [[each.release.id for each in one] for one in told.values()] == [["100"]] * 3
    assert project.asked == [()]
