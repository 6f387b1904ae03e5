"""One app on both stores, rolled out as one: which store leads, and what the other one may go by.

Opt-in, per app (`link:`). Two rules, and both only ever forbid:

- The lead goes first. The other store raises nothing by itself before evidence has raised the lead to `after`, and
  goes no further than evidence has raised the lead. Google Play is the lead to choose, for it can be halted; what is
  out on the App Store stays with those who have it (app-store-connect.md section 1).
- A halt on either side, by whomever, holds the other until a person answers it: by resuming the held side, or the
  halted one. A hold raises nothing; on the App Store, where silence raises, it is a pause, which spends pause-days
  (section 6), so it is told aloud.

What the other store's journals tell is written into the rollout's own journal before anything is decided by it, so
that a decision follows from one journal (promise R16).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from stagedrollout.core import facts, link_facts
from stagedrollout.core.model import STORE_NAMES, Actor, Release, Store
from stagedrollout.core.units import PPM_ALL, FromFile, Percent, Written, percent_text, ppm_from_percent

VERSION = "{version}"
AFTER = Decimal(20)


def _template(value: Any) -> Any:
    if isinstance(value, str) and set(re.findall(r"\{[^{}]*\}", value)) - {VERSION, "{build}"}:
        raise ValueError("only {version} and {build} are filled in")
    if isinstance(value, str) and VERSION not in value:
        raise ValueError("it needs {version}: the stores share nothing else, version codes differ")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(FromFile):
    """How an app's two stores are rolled out as one."""

    lead: Store
    """The store that goes first. google_play can be halted; the app_store can only be paused."""

    after: Percent = AFTER
    """The other store waits until evidence has raised the lead to this share. 20: a fifth of your users have it, of
    all kinds of phones, and its stages below that have been judged."""

    match: Annotated[str, Written(_template, '"{build} ({version})"')] = VERSION
    """How a release is named on Google Play, by the App Store's version and Google Play's own version code."""

    def __post_init__(self) -> None:
        if self.after <= 0:
            raise ValueError("after is a share that the lead is raised to: more than 0")

    @property
    def after_ppm(self) -> int:
        return ppm_from_percent(self.after)

    def same(self, play: Release, version: str) -> bool:
        """Whether Google Play's release is the App Store's `version`."""
        return play.version == self.match.replace(VERSION, version).replace("{build}", play.build)


def other_store(store: Store) -> Store:
    return Store.APP_STORE if store is Store.GOOGLE_PLAY else Store.GOOGLE_PLAY


@dataclass(frozen=True, slots=True)
class LinkHalt:
    """A halt of `release` on the other store that this rollout knows of. `answered`: how a person has answered it."""

    by: str
    store: Store
    release: str
    actor: Actor
    reason: str
    halted_at: datetime
    answered: str = ""

    @property
    def text(self) -> str:
        return f"{STORE_NAMES[self.store]} {self.release} was halted by {self.actor}: {self.reason}"


@dataclass(frozen=True, slots=True)
class LinkState:
    """What a rollout's journal tells of its link: the newest look at the other store, its halts, and which of our own
    halts the people on this side were told to hold it."""

    seen: link_facts.Linked | None = None
    halts: tuple[LinkHalt, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def holding(self) -> tuple[LinkHalt, ...]:
        """The halts that nobody has answered; each of them forbids raising."""
        return tuple(halt for halt in self.halts if not halt.answered)

    def knows(self, by: str, halted_at: datetime) -> bool:
        return any((halt.by, halt.halted_at) == (by, halted_at) for halt in self.halts)

    def permits(self, store: Store, target_ppm: int) -> bool:
        """Whether the lead's evidence reaches as far as `target_ppm`. The lead itself waits for nobody; and where it is
        halted, and a person has answered that, there is nothing to wait for: the rollout has its own evidence."""
        seen = self.seen
        if seen is None or seen.lead is store or (seen.halted and not self.holding):
            return True
        return seen.earned_ppm >= max(seen.after_ppm, target_ppm)

    def awaited(self, target_ppm: int) -> str:
        """What the follower waits for, in words; "" without a link."""
        seen = self.seen
        if seen is None:
            return ""
        lead, needs = STORE_NAMES[seen.lead], percent_text(max(seen.after_ppm, target_ppm))
        if not seen.release:
            return f"waits for {lead}, which has no release of this version yet"
        at = f"evidence has raised {lead} {seen.release} to {percent_text(seen.earned_ppm)}"
        if not seen.earned_ppm:
            at = f"evidence has not raised {lead} {seen.release} yet"
        if seen.superseded_by:
            at += f", and {seen.superseded_by} took its place"
        elif not seen.steered:
            at += ", and nobody has started it"
        return f"waits until {lead} is at {needs}: {at}"

    def text(self, store: Store) -> str:
        """Where the link stands, in one line; "" without one."""
        seen = self.seen
        if seen is None:
            return ""
        if self.holding:
            by = " and ".join(f"{halt.release} by {halt.actor}" for halt in self.holding)
            return f"held by the halt of {STORE_NAMES[other_store(store)]} {by}, until a person answers"
        if seen.unread:
            return f"{STORE_NAMES[other_store(store)]} cannot be judged: {seen.unread}"
        if seen.lead is store:
            return f"leads {seen.release or 'no such version yet'} on {STORE_NAMES[other_store(store)]}"
        if seen.halted:
            return f"goes by its own evidence: the halt on {STORE_NAMES[seen.lead]} is answered"
        if seen.earned_ppm == PPM_ALL:
            return f"{STORE_NAMES[seen.lead]} {seen.release} is at 100 %"
        if seen.earned_ppm >= seen.after_ppm:
            return (
                f"may go up to {percent_text(seen.earned_ppm)}, like {STORE_NAMES[seen.lead]} {seen.release}"
            )
        return self.awaited(seen.after_ppm)

    def knowing(self, fact: facts.Fact) -> LinkState:
        """The state after one more fact; facts of other kinds change nothing."""
        match fact:
            case link_facts.Linked():
                return replace(self, seen=fact)
            case link_facts.Unlinked():
                return LinkState()
            case link_facts.LinkHolds():
                return replace(self, told=(*self.told, fact.halt))
            case link_facts.LinkHeld():
                halt = LinkHalt(fact.by, fact.store, fact.release, fact.actor, fact.reason, fact.halted_at)
                return replace(self, halts=(*self.halts, halt))
            case link_facts.LinkAnswered():
                return replace(self, halts=tuple(_answered(halt, fact) for halt in self.halts))
            case _:
                return self


def _answered(halt: LinkHalt, fact: link_facts.LinkAnswered) -> LinkHalt:
    meant = (halt.by, halt.halted_at) == (fact.by, fact.halted_at)
    return replace(halt, answered=fact.why) if meant else halt
