"""What people are told: a headline, named facts, a footer. Rendering for Slack is the edge's business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from stagedrollout.core.offer import Offer

PUT_OFF_MAX = timedelta(hours=1)
"""The longest that one is put off at a time, by a channel that asks for it."""


class NoticeKind(StrEnum):
    NEW_RELEASE = "new_release"
    STARTED = "started"
    RAISED = "raised"
    HELD = "held"
    RESUMED = "resumed"
    COMPLETED = "completed"
    HALTED = "halted"
    NOT_HALTED = "not_halted"
    FAILING = "failing"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    DRIFT = "drift"
    REVIEW = "review"
    SUPERSEDED = "superseded"
    COMMAND = "command"
    PAUSE_BUDGET = "pause_budget"
    NEW_ISSUES = "new_issues"
    REMINDER = "reminder"
    DIGEST = "digest"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True)
class Fact:
    """`link`: an https address that the name leads to where that can be shown; "" for none."""

    name: str
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `key` is unique for ever and deduplicates; `broadcast` also shows it in the channel. `offers`: what can
    be pressed on it, where that is possible.

    All text is plain; it may hold foreign words (release names, reasons) and is escaped where rendered.
    """

    key: str
    kind: NoticeKind
    broadcast: bool
    headline: str
    facts: tuple[Fact, ...] = ()
    footer: str = ""
    offers: tuple[Offer, ...] = ()


WITNESSED = (NoticeKind.HALTED, NoticeKind.NOT_HALTED)
"""What is told with the head of the journal, so that whoever reads it bears witness to what was written by then."""

HEAD_DIGITS = 16
"""Of a hash's 64: nobody finds another journal with the same ones by trying."""


def witnessed(notice: Notice, seq: int, head: str) -> Notice:
    """The notice with the head of its rollout's chain, if it is one that bears witness: `history --verify --expect`."""
    if notice.kind not in WITNESSED:
        return notice
    return replace(
        notice, footer=f"{notice.footer} | journal {seq}: {head[:HEAD_DIGITS]}".removeprefix(" | ")
    )


@dataclass(frozen=True, slots=True)
class Board:
    """The first message of a rollout's thread, kept current: where the rollout stands now."""

    headline: str
    facts: tuple[Fact, ...] = ()
    footer: str = ""
    offers: tuple[Offer, ...] = ()
