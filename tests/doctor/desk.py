"""A person at a terminal with a configuration, and the emulated services it speaks of, over loopback."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stagedrollout.config.load import Loaded, load_with_secrets
from stagedrollout.doctor.finding import Finding, State
from stagedrollout.doctor.opening import Doctor
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.http_door import RunningEmulator
from stagedrollout.emulator.switches import Switches
from stagedrollout.emulator.world import World

ANDROID, IOS = "acme/google_play", "acme/app_store"


class Desk:
    """`examines` keeps what was found; `said` and `state` look things up in it."""

    def __init__(self, running: RunningEmulator, config: Path) -> None:
        self._running, self.config = running, config
        self._original = config.read_text("utf-8")
        self.found: tuple[Finding, ...] = ()
        self._before = len(self.world.ledger.requests)

    @property
    def world(self) -> World:
        return self._running.world

    def configures(self, change: Callable[[Any], None]) -> None:
        document = YAML(typ="safe").load(self._original)
        change(document)
        with self.config.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(document, file)

    def loaded(self) -> Loaded:
        return load_with_secrets(self.config, environ=os.environ)

    def marks(self) -> None:
        """From here on counts what is `sent`."""
        self._before = len(self.world.ledger.requests)

    def examines(self, *, probing: bool = False, app: str = "") -> tuple[Finding, ...]:
        self.marks()
        self.found = Doctor(self.loaded(), app=app, probing=probing).examine(lambda _: None)
        return self.found

    def finding(self, subject: str, about: str, *words: str) -> Finding:
        """The one finding about this in which all `words` stand."""
        found = [
            one
            for one in self.found
            if (one.subject, one.about) == (subject, about) and all(w in one.said + one.right for w in words)
        ]
        assert len(found) == 1, "\n".join(
            f"{one.state} {one.subject} {one.about}: {one.said}" for one in self.found
        )
        return found[0]

    def ill(self) -> list[tuple[str, str]]:
        return [(one.subject, one.about) for one in self.found if one.state.ill]

    def breaks(self, service: str, kind: str, operation: str = "*", seconds: float = 0.5) -> None:
        fault = Fault(service, kind, operation, count=None, seconds=seconds)
        self.world.faults.add(fault, self.world.timeline.now)

    def sent(self, service: str) -> list[tuple[str, str]]:
        """What was sent to a service since the last mark, or the beginning of an examination: methods and paths."""
        requests = self.world.ledger.requests[self._before :]
        return [(one["method"], one["path"]) for one in requests if one["service"] == service]

    def tidies(self) -> None:
        self.config.write_text(self._original, "utf-8")
        self.world.faults.clear()
        self.world.switches = Switches()
        for channel in self.world.slack.channels.values():
            channel.archived, channel.member = False, True


def in_section(*path: str | int, **values: Any) -> Callable[[Any], None]:
    """A change of some values of one section of the configuration."""

    def change(document: Any) -> None:
        section = document
        for step in path:
            section = section[step]
        section.update(values)

    return change


__all__ = ["ANDROID", "IOS", "Desk", "State", "in_section"]
