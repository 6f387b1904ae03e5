"""One world: its clock, its truth, its people, and the services that look at them.

`handle` is the only way in, over HTTP or in-process. It is not thread-safe: a door takes turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from stagedrollout.emulator import control
from stagedrollout.emulator.appstore import AppStore
from stagedrollout.emulator.appstore_access import Tokens
from stagedrollout.emulator.appstore_console import AppStoreConsole
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.checkout import Till
from stagedrollout.emulator.clock import Timeline, iso
from stagedrollout.emulator.console import Console
from stagedrollout.emulator.control import Control
from stagedrollout.emulator.credentials import Credentials
from stagedrollout.emulator.customer_reviews import customer_reviews
from stagedrollout.emulator.faults import AFTER, LINE, STATUS_AFTER, STATUS_BEFORE, Faults
from stagedrollout.emulator.grafana import Grafana
from stagedrollout.emulator.itunes import ITunes
from stagedrollout.emulator.ledger import Ledger, Outcome
from stagedrollout.emulator.metrics import Metrics
from stagedrollout.emulator.nerdgraph import NerdGraph
from stagedrollout.emulator.oauth import OAuth
from stagedrollout.emulator.opinions import Opinions
from stagedrollout.emulator.pace import Pace
from stagedrollout.emulator.pager import PagerDuty, WebhookSink
from stagedrollout.emulator.picture import app_store_picture, play_picture
from stagedrollout.emulator.play import Play
from stagedrollout.emulator.play_bucket import PlayBucket
from stagedrollout.emulator.play_console import PlayConsole
from stagedrollout.emulator.play_edits import Edits
from stagedrollout.emulator.play_reporting import PlayReporting
from stagedrollout.emulator.play_reviews import PlayReviews
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.play_vitals import PlayVitals
from stagedrollout.emulator.plot import Plot
from stagedrollout.emulator.population import Crowd
from stagedrollout.emulator.prometheus import Prometheus
from stagedrollout.emulator.request import Reply, Request, Response
from stagedrollout.emulator.scenario import APP_STORE, GOOGLE_PLAY, AppStory, Scenario
from stagedrollout.emulator.scenario_team import Orders
from stagedrollout.emulator.sentry import Sentry
from stagedrollout.emulator.sentry_ingest import SentryIngest
from stagedrollout.emulator.sentry_sessions import NewIssues, Project, project_slug
from stagedrollout.emulator.service import Call, Service
from stagedrollout.emulator.slack import Slack
from stagedrollout.emulator.stats import Stats
from stagedrollout.emulator.switches import Switches

FIRST_PROJECT_ID = 4_500_001
ELSEWHERE = "https://login.elsewhere.example/"
_HUGE = b" " * (8 * 1024 * 1024 + 1)
"""More than any client takes, and all that is needed to show it."""
_HTML = "<html><title>200</title><p>Please sign in.</p></html>"


class World:
    """`wall` is real time in seconds since 1970: tokens and the log of requests go by it."""

    def __init__(self, scenario: Scenario, *, wall: Callable[[], float] = time.time) -> None:
        self.scenario = scenario
        self.wall = wall
        self.timeline = Timeline(scenario.start)
        self.pace = Pace()
        self.orders = Orders(scenario.start, scenario.team, scenario.orders)
        self.ledger = Ledger(lambda: self.timeline.now, wall)
        self.faults = Faults()
        self.credentials = Credentials(wall)
        self.switches = Switches().turned(scenario.switches)
        self._tell_scenario()
        edits = Edits(scenario.seed)
        self.play = PlayStore(self.timeline, self.ledger, lambda: self.switches)
        self.app_store = AppStoreStore(self.timeline, self.ledger, lambda: self.switches, seed=scenario.seed)
        by_hand = PlayConsole(self.play, edits, self.ledger)
        app_store_console = AppStoreConsole(self.app_store, self.ledger)
        self.console = Console({GOOGLE_PLAY: by_hand, APP_STORE: app_store_console})
        self.opinions = Opinions(self.timeline, scenario.seed, lambda: self.switches)
        projects = tuple(self._open(story, number) for number, story in enumerate(scenario.apps))
        self.slack = Slack(self.timeline, self.ledger, self.credentials, lambda: self.switches, wall)
        self.ingest = SentryIngest(self.ledger, self.credentials)
        metrics = Metrics(self._tills(projects), self.timeline)
        self._services: tuple[Service, ...] = (
            PagerDuty(self.ledger, self.credentials),  # before the App Store, whose paths begin like it
            Play(self.play, edits, self.timeline, self.credentials, PlayReviews(self.opinions)),
            AppStore(
                self.app_store,
                Tokens(self.credentials, wall),
                customer_reviews=partial(customer_reviews, self.opinions),
            ),
            OAuth(self.credentials, wall),
            PlayReporting(
                self.play,
                self.timeline,
                self.credentials,
                PlayVitals(self.play, self.timeline, scenario),
            ),
            Sentry(projects, self.timeline, self.credentials, lambda: self.switches),
            self.ingest,
            ITunes(self.app_store, self.opinions, self.timeline, lambda: self.switches),
            self.slack,
            WebhookSink(self.ledger, self.credentials),
            Prometheus(metrics, self.credentials),
            Grafana(metrics, self.credentials),
            NerdGraph(metrics, self.credentials),
            Stats(metrics, self.credentials),
            PlayBucket(self.play, self.opinions, self.credentials, scenario.seed),
        )
        self.hang_up: Callable[[], None] = lambda: None
        """Break every open socket; whoever serves them says how."""
        self._control = Control(self)
        self._plot = Plot(scenario, self.timeline, self.ledger, self.faults)
        self._plot.lay_out(self.play, by_hand, self.app_store)
        self._plot.disturb(self.console)

    def handle(self, request: Request) -> Response:
        """Answer one request, dated by the world's own time, and write it down unless it came through the control
        door."""
        response = self._answered(request)
        dated = {"date": format_datetime(self.timeline.now, usegmt=True), **response.headers}
        return replace(response, headers=dated)

    def _answered(self, request: Request) -> Response:
        if request.path.startswith(control.PREFIX):
            return Response.of(self._control.answer(request))
        service = next((s for s in self._services if request.path.startswith(s.prefix)), None)
        if service is None:
            return Response.of(Reply(404, text="<html><title>404 Not Found</title></html>"))
        operation = service.operation(request.method, request.path)
        fault = self.faults.take(service.name, operation)
        call = Call(request, operation, self.ledger.next_seq(), fault)
        if fault is not None and not fault.outage:
            self.ledger.add("fault", service=service.name, kind=fault.kind, request=call.seq)
        reply, response = self._befallen(service, call)
        shown = None if response.drop else reply
        self.ledger.log(
            call.seq, service.name, request, Outcome(shown, call.trouble or None, applied=reply.applied)
        )
        return response

    def turn(self, changes: dict[str, Any]) -> None:
        """Turn switches. Raises ValueError in words."""
        self.switches = self.switches.turned(changes)

    def switches_document(self) -> dict[str, Any]:
        return asdict(self.switches)

    def picture(self) -> dict[str, Any]:
        """What a screen wants to show of the world right now; true values, not what services tell."""
        now = self.timeline.now
        return {
            "scenario": self.scenario.name,
            "story": self.scenario.story,
            "now": iso(now),
            "until": iso(self.scenario.ends),
            "finished": now >= self.scenario.ends,
            "apps": [
                *(play_picture(self.play, app, now) for app in self.play.apps),
                *(app_store_picture(self.app_store, app, now) for app in self.app_store.apps),
            ],
            "outages": [{"service": outage.service, "kind": outage.kind} for outage in self._plot.outages],
            "reported": dict(self.ingest.counts),
        }

    def _befallen(self, service: Service, call: Call) -> tuple[Reply, Response]:
        """Answer, or let the fault have its way before or after the answer."""
        kind = call.trouble
        refused = False if call.operation in service.writes else None
        if kind in LINE:
            nothing = Reply(503, applied=refused)
            return nothing, Response(0, {}, b"", drop=True, broken=kind)
        if kind == "redirect":
            elsewhere = Reply(302, text="", headers={"location": ELSEWHERE}, applied=refused)
            return elsewhere, Response.of(elsewhere)
        if kind in STATUS_BEFORE:
            reply = _with_applied(service.refusal(kind, STATUS_BEFORE[kind]), applied=refused)
            return reply, Response.of(reply)
        reply = service.answer(call)
        if kind in STATUS_AFTER:
            reply = _with_applied(service.refusal("500", STATUS_AFTER[kind]), applied=reply.applied)
        if kind in AFTER:
            return _damaged(reply, call)
        return reply, Response.of(reply)

    def _tell_scenario(self) -> None:
        story = self.scenario
        self.ledger.add(
            "scenario",
            name=story.name,
            seed=story.seed,
            start=iso(story.start),
            until=iso(story.ends),
            policy=story.policy,
            poll_seconds=int(story.poll.total_seconds()),
            apps=[
                {
                    "app": app.name,
                    "store": app.store,
                    "package": app.package,
                    "track": app.track,
                    "app_id": app.app_id,
                }
                for app in story.apps
            ],
            expect=story.expect,
        )

    def _tills(self, projects: tuple[Project, ...]) -> tuple[tuple[Project, Till], ...]:
        stories = self.scenario.apps
        return tuple(
            (p, Till(s, self.scenario.seed, p.crowd)) for p, s in zip(projects, stories, strict=True)
        )

    def _open(self, story: AppStory, number: int) -> Project:
        crowd = Crowd(story, self.scenario.seed)
        for release in story.releases:
            onset = release.onset
            start = (self.scenario.start + onset.at).timestamp() if onset else 0.0
            crowd.know(
                release.code,
                release.version,
                release.crash_free_ppm,
                onset=(start, onset.crash_free_ppm) if onset else None,
                abnormal_ppm=release.abnormal_ppm,
            )
        on_app_store = story.store == APP_STORE
        if on_app_store:
            self.app_store.open(story, crowd)
        else:
            self.play.open(story, crowd)
        self.opinions.open(story, crowd)
        platform = "apple-ios" if on_app_store else "android"
        return Project(
            FIRST_PROJECT_ID + number,
            project_slug(story),
            story.package,
            crowd,
            platform,
            self._issues(story),
        )

    def _issues(self, story: AppStory) -> tuple[NewIssues, ...]:
        """What crashes first in each release: from its onset on, if it has one."""
        begins = self.scenario.start
        return tuple(
            NewIssues(
                release.code,
                release.issues,
                (begins + (release.onset.at if release.onset else timedelta(0))).timestamp(),
            )
            for release in story.releases
            if release.issues
        )


def _with_applied(reply: Reply, *, applied: bool | None) -> Reply:
    return Reply(reply.status, reply.document, reply.text, reply.headers, applied)


def _damaged(reply: Reply, call: Call) -> tuple[Reply, Response]:
    """The answer as it arrives: late, empty, cut short, as somebody's HTML page, or not at all."""
    whole = Response.of(reply)
    match call.trouble:
        case "slow":
            seconds = call.fault.seconds if call.fault else 0.0
            return reply, Response(whole.status, whole.headers, whole.body, delay_seconds=seconds)
        case "truncated":
            part = whole.body[: len(whole.body) // 2]
            told = Reply(reply.status, text=part.decode("utf-8", "replace"), applied=reply.applied)
            return told, Response(whole.status, whole.headers, part)
        case "huge":
            told = Reply(reply.status, text="", applied=reply.applied)
            return told, Response(whole.status, {**whole.headers, "content-length": str(len(_HUGE))}, _HUGE)
        case "drop_after":
            return reply, Response(0, {}, b"", drop=True)
        case kind:
            told = Reply(200, text=_HTML if kind == "html" else "", applied=reply.applied)
            return told, Response.of(told)
