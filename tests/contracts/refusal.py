"""Refusals as the fact sheets record them, and how to meet each in the emulator: one form for all services.

The same recording is put before the client, and held against what the emulator says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagedrollout.core.errors import EdgeError
from stagedrollout.emulator.world import World
from tests.contracts.description import JSON
from tests.emulator.calls import Answer

HTML = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`body` is a document, or text where it is none. `free` names the fields of which the sheet knows a part only.

    `world` makes the world in which `ask` meets it, `unmet` says why the emulator cannot be brought to say it: one of
    the two. `means` is what the client must take it for.
    """

    row: str
    status: int
    body: Any
    means: type[EdgeError]
    world: Callable[[], World]
    ask: Callable[[World], Answer] | None = None
    unmet: str = ""
    free: tuple[str, ...] = ()
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.ask is None) == (not self.unmet):
            raise ValueError(f"{self.row}: either the emulator says it, or it is said why not")

    @property
    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()

    def differences(self, answer: Answer) -> list[str]:
        """Where an answer is not as recorded."""
        return list(self._differences(answer))

    def _differences(self, answer: Answer) -> Iterator[str]:
        if answer.status != self.status:
            yield f"status {answer.status} instead of {self.status}"
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind != self.kind:
            yield f"type {kind} instead of {self.kind}"
        for name, value in self.headers.items():
            if answer.headers.get(name) != value:
                yield f"{name}: {answer.headers.get(name)} instead of {value}"
        if not isinstance(self.body, str):
            yield from self._between(self.body, json.loads(answer.body), "")

    def _between(self, recorded: Any, said: Any, place: str) -> Iterator[str]:
        match recorded, said:
            case dict(), dict() if recorded.keys() == said.keys():
                for name in recorded:
                    yield from self._between(recorded[name], said[name], name)
            case list(), list() if len(recorded) == len(said):
                for one, other in zip(recorded, said, strict=True):
                    yield from self._between(one, other, place)
            case str(), str() if place in self.free and recorded in said:
                return
            case _ if recorded != said:
                yield f"{place or 'the body'}: {said!r} instead of {recorded!r}"
