"""Approvals: what a person allows of a stage beforehand, on the evidence there is, and when that lapses.

An approval is bound to the release, to the share it leads to, and to what the evidence said when it was given. It is void
when that has become worse, when its time has run out, and when anything else about the release has changed: another share,
another run, a halt, another policy. A raise that crosses a stage which asks for approvals needs them, whoever orders it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.core.judgement import Verdict
from stagedrollout.core.model import Actor
from stagedrollout.core.people import GroupName
from stagedrollout.core.units import Duration, FromFile

LASTS = timedelta(hours=24)
"""How long an approval is good for where the policy does not say."""

REMOVAL = 0
"""Where an approval leads that allows somebody else to take the app off sale: to nobody."""

_GRAVITY = (Verdict.PASS, Verdict.INSUFFICIENT, Verdict.CONTRADICTORY, Verdict.FAIL)
"""How the evidence may become worse. A source that is silent has not said anything worse: it holds the raise by itself."""


@dataclass(frozen=True, slots=True)
class Approval:
    """`actor` allows the step to `target_ppm`; `verdict`: the worst of the evidence then."""

    actor: Actor
    groups: tuple[str, ...]
    target_ppm: int
    verdict: Verdict
    at: datetime
    until: datetime
    reason: str = ""

    @property
    def words(self) -> str:
        return f"{self.actor} until {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalTerms(FromFile):
    """`count` different persons, each in one of `groups` (left out: anybody who may approve), and for how long it holds."""

    count: int = 1
    groups: tuple[GroupName, ...] = ()
    valid: Duration = LASTS

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("count is how many people must approve: 1 or more; leave approvals out for none")
        if self.valid <= timedelta(0):
            raise ValueError("valid is how long an approval holds, for example valid: 24h")

    def counts(self, approval: Approval) -> bool:
        """Whether this person's word counts for it."""
        return not self.groups or any(group in self.groups for group in approval.groups)

    @property
    def words(self) -> str:
        """Who is wanted: "2 approvals from qa or release"."""
        many = f"{self.count} approval{'s' if self.count > 1 else ''}"
        return f"{many} from {' or '.join(self.groups)}" if self.groups else many


def in_force(approvals: Iterable[Approval], now: datetime) -> tuple[Approval, ...]:
    return tuple(approval for approval in approvals if now < approval.until)


def outdated(approval: Approval, worst: Verdict) -> bool:
    """Whether the evidence has become worse since it was given. What was given while nothing could be read holds for
    what is fine. Taking an app off sale needs no good evidence."""
    if worst not in _GRAVITY or approval.target_ppm == REMOVAL:
        return False
    then = approval.verdict if approval.verdict in _GRAVITY else Verdict.PASS
    return _GRAVITY.index(worst) > _GRAVITY.index(then)


def for_removal(approvals: Iterable[Approval]) -> tuple[Approval, ...]:
    """What stays of them when a step is over, or what was known of it no longer holds."""
    return tuple(approval for approval in approvals if approval.target_ppm == REMOVAL)


def missing(terms: ApprovalTerms, given: Iterable[Approval]) -> int:
    """How many more people it takes. Two words of one person are one."""
    people = {approval.actor for approval in given if terms.counts(approval)}
    return max(terms.count - len(people), 0)
