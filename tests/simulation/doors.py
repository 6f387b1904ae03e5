"""Doors into the emulated world without sockets, each in the shape in which its client takes one.

Every request takes virtual time, may meet a fault drawn for it, and is a point at which the daemon can die:
before it is sent, and after it was answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httplib2

from stagedrollout.calendars.entries import worked_out
from stagedrollout.daemon.doors import Doors
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Request, Response
from stagedrollout.emulator.world import World
from stagedrollout.http.client import in_process
from stagedrollout.notify import slack_wire
from stagedrollout.notify.slack_answer import failure, no_answer
from tests.simulation.clocks import MachineClock
from tests.simulation.lines import Line, lost
from tests.simulation.perils import NoPerils, Perils, of_request
from tests.simulation.plan import HTTP_TIMEOUT
from tests.simulation.points import AFTER_RECEIVE, BEFORE_SEND
from tests.simulation.weather import ABOUT_SHAPE, Kind, Weather

HOST = "127.0.0.1:9"
URL = f"http://{HOST}"
TOO_LATE_SECONDS = 30.0
CUT = "cut"
SENTENCE_MOST = 100
_SKIPPED_MOST = 2
_SERVICES = {
    "/androidpublisher": "google_play",
    "/v1beta1/": "play_reporting",
    "/oauth2": "oauth",
    "/v2/enqueue": "pagerduty",
    "/webhook": "webhook",
    "/v1/": "app_store",
    "/v2/": "app_store",
    "/lookup": "itunes",
    "/api/0/": "sentry",
    "/slack": "slack",
    "/prometheus": "prometheus",
    "/grafana": "grafana",
    "/newrelic": "new_relic",
    "/stats": "stats",
    "/storage": "play_bucket",
}


class Gate:
    """What all doors lead through. `watch` is told to which service a request goes and what it says; `pass_time` lets
    the world's time go on while one is on its way, and with it all others who work; `travel` does so on the way there, where
    that is another matter. `line` tells how the way to a service is now, `sends` is told of each request
    that is about to be sent, `heard` of each that got there, with its number in the ledger."""

    def __init__(self, world: World, weather: Weather, draw: Random) -> None:
        self._world = world
        self._weather = weather
        self._draw = draw
        self.perils: Perils = NoPerils()
        self.pass_time: Callable[[timedelta], None] = self._go_on
        self.travel: Callable[[timedelta], None] | None = None
        self.line: Callable[[str], Line] = lambda service: Line.WHOLE
        self.sends: Callable[[str, str], None] = lambda service, method: None
        self.heard: Callable[[str, str, int], None] = lambda service, method, number: None
        self.watch: Callable[[str, bytes], None] = lambda service, body: None
        self.calm = False

    def pass_through(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The response as it arrives. Raises ConnectionError, TimeoutError or SimulatedCrash."""
        service, name = _service(target), of_request(self._world, method, target)
        self.perils.point(name + BEFORE_SEND)
        self.watch(service, body)
        self.sends(service, method)
        self._reach(service)
        self._strike(service)
        if target.endswith("/chat.postMessage") and is_plain(body):
            self._leave_shape_alone()
        response = self._world.handle(Request.to(method, target, headers=headers, body=body))
        self.heard(service, method, self._world.ledger.requests[-1]["seq"])
        self._wait_in_vain_where_cut(service)
        self._travel()
        self.perils.point(name + AFTER_RECEIVE)
        if response.drop:
            raise lost(response.broken, service)
        if response.delay_seconds >= HTTP_TIMEOUT.total_seconds():
            self.pass_time(HTTP_TIMEOUT)
            raise TimeoutError("timed out")
        if response.delay_seconds:
            self.pass_time(timedelta(seconds=response.delay_seconds))
        return response

    def _reach(self, service: str) -> None:
        """Until the request is there. Raises what the client is told where it does not get there."""
        line = self.line(service)
        if line is Line.REFUSED:
            raise ConnectionRefusedError("connection refused")
        if line is Line.HANGS:
            self.pass_time(HTTP_TIMEOUT)
            raise TimeoutError("timed out")
        (self.travel or self.pass_time)(self._weather.latency * self._draw.random())

    def _wait_in_vain_where_cut(self, service: str) -> None:
        if self.line(service) is not Line.WHOLE:
            asked = self._world.ledger.requests[-1]  # whoever judges knows that its answer never came
            asked["fault"] = asked["fault"] or CUT
            self.pass_time(HTTP_TIMEOUT)
            raise TimeoutError("timed out")

    def _travel(self) -> None:
        self.pass_time(self._weather.latency * self._draw.random())

    def _go_on(self, span: timedelta) -> None:
        """Where nobody else works."""
        if span:
            self._world.timeline.advance(self._world.timeline.now + span)

    def _strike(self, service: str) -> None:
        kinds = self._weather.faults.get(service, ())
        if self._weather.operation != "*":
            self._take_aim(service, kinds)
        elif kinds and not self.calm and self._draw.random() < self._weather.chances[service]:
            kind, detail = self._draw.choice(kinds)
            seconds = self._draw.choice((2.0, 30.0))
            self._world.faults.add(
                Fault(service, kind, seconds=seconds, detail=detail), self._world.timeline.now
            )

    def _leave_shape_alone(self) -> None:
        """Whatever Slack has against the shape of messages ends with one that has none."""
        for fault in self._world.faults.waiting:
            if fault.detail in ABOUT_SHAPE:
                self._world.faults.remove(fault)

    def _take_aim(self, service: str, kinds: tuple[Kind, ...]) -> None:
        """One fault waits for the operation at any time; those that are slow are too slow."""
        if not kinds or self.calm or self._world.faults.waiting:
            return
        kind, detail = self._draw.choice(kinds)
        skip, operation = self._draw.randrange(_SKIPPED_MOST + 1), self._weather.operation
        aimed = Fault(service, kind, operation, skip=skip, seconds=TOO_LATE_SECONDS, detail=detail)
        self._world.faults.add(aimed, self._world.timeline.now)


def is_plain(body: bytes) -> bool:
    """Whether a message to Slack is one short sentence and nothing else: what is sent last, where Slack takes nothing
    more."""
    said = json.loads(body)
    return len(said.get("text", "")) <= SENTENCE_MOST and not said.keys() & {"blocks", "metadata"}


class VirtualClock:
    """The emulator's time as the daemon's clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.timeline.now


def doors(gate: Gate, world: World, machine: MachineClock | None = None) -> Doors:
    """`machine`: the clock of the machine the daemon runs on; None: it is right, and stands still while one works."""
    clock = machine or VirtualClock(world)
    return Doors(
        play=lambda: _PlayWire(gate),
        http=in_process(lambda *request: _plain(gate, *request)),
        slack=lambda method, payload: _slack(gate, world, method, payload),
        clock=clock,
        wall=machine,
        steady=machine.monotonic if machine else None,
        beside=lambda work: work(),
        apart=worked_out,
    )


class _PlayWire:
    """In the shape of an httplib2.Http."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        sent = body.encode() if isinstance(body, str) else body or b""
        response = self._gate.pass_through(method, uri, {**(headers or {}), "host": HOST}, sent)
        told = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httplib2.Response({**told, "status": str(response.status)}), response.body


def _plain(
    gate: Gate, method: str, target: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    response = gate.pass_through(method, f"{target}?{query}" if query else target, headers, body)
    return response.status, response.headers, response.body


def _slack(gate: Gate, world: World, method: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What slack_wire makes of an answer, without slack_sdk's line: that is tested over real sockets."""
    body = json.dumps(payload).encode()
    headers = {
        "authorization": f"Bearer {world.credentials.slack_token}",
        "content-type": "application/json;charset=utf-8",
    }
    try:
        response = gate.pass_through("POST", f"/slack/api/{method}", headers, body)
    except OSError as error:
        raise no_answer(method, error) from None
    answer = slack_wire._object(method, response.status, response.headers, response.body)
    if response.status == 200 and answer.get("ok") is True:
        return answer
    raise failure(method, response.status, response.headers, answer)


def _service(target: str) -> str:
    path = urlsplit(target).path
    return next(service for prefix, service in _SERVICES.items() if path.startswith(prefix))
