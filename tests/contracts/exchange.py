"""Requests and answers as they went through the emulator's only door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from stagedrollout.emulator.request import Request, Response
from stagedrollout.emulator.world import World
from tests.contracts.passing import untraced


@dataclass(frozen=True, slots=True)
class Exchange:
    """`service`, `operation` and `fault` are the emulator's words for it; `fault` is "" without one."""

    request: Request
    response: Response
    service: str = ""
    operation: str = ""
    fault: str = ""

    @property
    def status(self) -> int:
        """The answer's status; 0 where the connection was dropped."""
        return 0 if self.response.drop else self.response.status

    @property
    def sent_as(self) -> str:
        return _media_type(self.request.headers.get("content-type", ""))

    @property
    def answered_as(self) -> str:
        return _media_type(self.response.headers.get("content-type", ""))


Handle = Callable[[Request], Response]


def recorded(world: World, into: list[Exchange], handle: Handle) -> Handle:
    """`handle` of `world`, with everything that passes through it written down."""
    services = {service.name: service for service in world._services}

    def recording(request: Request) -> Response:
        known = len(world.ledger.requests)
        with untraced():
            response = handle(request)
        for entry in world.ledger.requests[known:]:
            operation = services[entry["service"]].operation(request.method, request.path)
            into.append(Exchange(request, response, entry["service"], operation, entry["fault"] or ""))
        return response

    return recording


@contextmanager
def watching() -> Iterator[list[Exchange]]:
    """All that passes through the door of any world inside, filled as it does."""
    exchanges: list[Exchange] = []
    handle = World.handle

    def watched(world: World, request: Request) -> Response:
        return recorded(world, exchanges, partial(handle, world))(request)

    World.handle = watched
    try:
        yield exchanges
    finally:
        World.handle = handle


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()
