"""What the journals keep of a line that people stop: for all apps at once, past every single rollout (line.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.model import Actor


@dataclass(frozen=True, slots=True)
class LineStopped:
    """A person has stopped the line: nothing of any app is raised from `at` on, until it is thawed or `until` has come.

    `id` is unique for ever; both instants are the machine's own time.
    """

    id: str
    actor: Actor
    reason: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineFreed:
    """The freeze `id` is over: a person has thawed the line, or its time has run out. Nothing is raised by that alone."""

    id: str
    actor: Actor
    reason: str
    at: datetime
