"""What people's orders beside start, hold and halt leave in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.model import Actor


@dataclass(frozen=True, slots=True)
class Approved:
    """A person allows the step to `target_ppm` until `until`, on evidence that said `verdict` (a Verdict's name)."""

    actor: Actor
    groups: tuple[str, ...]
    reason: str
    target_ppm: int
    verdict: str
    until: datetime
    command: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalsLapsed:
    """What had been allowed is so no more; `removal`: nor that the app is taken off sale."""

    why: str
    removal: bool = False


@dataclass(frozen=True, slots=True)
class BakeSkipped:
    """A person does not wait for the rest of the bake at this share; evidence and sample count as ever. It is over with
    the share."""

    actor: Actor
    reason: str
    exposure_ppm: int


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A person has this release looked after no more: it is neither raised nor watched until somebody starts it."""

    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class PolicySet:
    """From here on another policy steers it. What has not been halted begins a new run: bake and evidence count anew.
    `since`: as in run_facts.py."""

    actor: Actor
    reason: str
    policy: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody has seen the halt of `halted_at` and looks after it. Nothing is ordered by that."""

    actor: Actor
    halted_at: datetime


@dataclass(frozen=True, slots=True)
class PressRefused:
    """Somebody has pressed a button that is nobody's, or was not theirs to press. Nothing comes of it.

    `press`: which ("acknowledge"), "" where what it said is not believed. `why` is in words of ours.
    """

    actor: Actor
    press: str
    why: str


OverrideFact = Approved | ApprovalsLapsed | BakeSkipped | LeftAlone | PolicySet | Acknowledged | PressRefused
