"""A rollout is what its journal says: `fold` the facts, in order, and nothing else.

Also here: the phases people see, the legal steps between them (the README's diagram is generated from
`STEPS`), and who may undo whose halt:

- a halt, by a person or by the machine, is undone only by a person (promise R9): a `resume` command, or
  somebody in the store's console;
- a person's lowering in the console counts as that person's halt; raising there is a new floor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core import facts
from stagedrollout.core.approval import Approval
from stagedrollout.core.assessment import Suspicion
from stagedrollout.core.drift_words import by_whom
from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.evidence.terms import Terms
from stagedrollout.core.facts import DecisionKind, Seen
from stagedrollout.core.ledger import Comparison
from stagedrollout.core.linking import LinkState
from stagedrollout.core.model import (
    Actor,
    ActorKind,
    OnNewRelease,
    Release,
    ReleaseStatus,
    RolloutKey,
    Settlement,
    Store,
    Verb,
    is_final,
)
from stagedrollout.core.ordered import Ordered
from stagedrollout.core.phasing import PauseClock, StepWindow
from stagedrollout.core.reviewing import halt_words
from stagedrollout.core.units import PPM_ALL

OLD_NEWS = timedelta(days=1)  # for so long after a halt people want to be shown what crashed


class Phase(StrEnum):
    WAITING = "waiting"
    WAITING_FOR_REVIEW = "waiting_for_review"
    ROLLING_OUT = "rolling_out"
    HELD = "held"
    HALTED = "halted"
    NOT_HALTED = "not_halted"
    COMPLETED = "completed"
    SUPERSEDED = "superseded"


STOPPED = (Phase.HALTED, Phase.NOT_HALTED)
"""Somebody wants it stopped, whether the store shows that or not yet."""

STEPS: dict[Phase, dict[Phase, str]] = {
    Phase.WAITING: {
        Phase.WAITING_FOR_REVIEW: "start or adopt",
        Phase.ROLLING_OUT: "start or adopt",
        Phase.HELD: "start, with a cause to hold",
        Phase.COMPLETED: "somebody completes it in the console",
        Phase.HALTED: "halt",
        Phase.NOT_HALTED: "halt not yet seen in the store",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.WAITING_FOR_REVIEW: {
        Phase.WAITING: "the store did not take the start",
        Phase.ROLLING_OUT: "published",
        Phase.HELD: "a cause forbids raising",
        Phase.COMPLETED: "published to everyone",
        Phase.HALTED: "halt",
        Phase.NOT_HALTED: "halt not yet seen in the store",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.ROLLING_OUT: {
        Phase.WAITING: "a person leaves it alone",
        Phase.HELD: "a cause forbids raising",
        Phase.WAITING_FOR_REVIEW: "the store reviews a change",
        Phase.COMPLETED: "100 %, read back",
        Phase.HALTED: "halt, read back",
        Phase.NOT_HALTED: "halt not yet seen in the store",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.HELD: {
        Phase.WAITING: "the store did not take the start, or a person leaves it alone",
        Phase.ROLLING_OUT: "the cause is gone",
        Phase.WAITING_FOR_REVIEW: "the store reviews a change",
        Phase.COMPLETED: "a person completes it",
        Phase.HALTED: "halt, read back",
        Phase.NOT_HALTED: "halt not yet seen in the store",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.NOT_HALTED: {
        Phase.WAITING: "a person takes the halt back, or it comes back; nobody has started it",
        Phase.HALTED: "read back as halted",
        Phase.ROLLING_OUT: "a person resumes it",
        Phase.HELD: "a person resumes it, with a cause to hold",
        Phase.WAITING_FOR_REVIEW: "a person resumes it, in review",
        Phase.COMPLETED: "a person resumes it at 100 %",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.HALTED: {
        Phase.WAITING: "a person resumes it, or it comes back after it was gone; nobody has started it",
        Phase.ROLLING_OUT: "a person resumes it",
        Phase.HELD: "a person resumes it, with a cause to hold",
        Phase.WAITING_FOR_REVIEW: "a person resumes it, in review",
        Phase.COMPLETED: "a person resumes it at 100 %",
        Phase.NOT_HALTED: "it fails again before the store reads halted",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.COMPLETED: {
        Phase.WAITING: "somebody stages it again in the console; nobody has started it",
        Phase.HALTED: "halt, read back",
        Phase.NOT_HALTED: "halt not yet seen in the store",
        Phase.HELD: "somebody changes it in the console",
        Phase.ROLLING_OUT: "somebody stages it again in the console",
        Phase.SUPERSEDED: "a newer release takes its place",
    },
    Phase.SUPERSEDED: {
        Phase.WAITING: "it comes back; nobody has started it",
        Phase.WAITING_FOR_REVIEW: "it comes back, and is adopted",
        Phase.ROLLING_OUT: "it comes back, and is adopted",
        Phase.HELD: "it comes back and is adopted, with a cause to hold",
        Phase.NOT_HALTED: "it comes back, and its halt was never seen in the store",
    },
}
"""Every step the journal can take from one phase to another, and the words for it."""


@dataclass(frozen=True, slots=True)
class Halt:
    """`confirmed` once the store itself reads halted; until then the release is NOT HALTED."""

    actor: Actor
    reason: str
    at: datetime
    confirmed: bool

    @property
    def words(self) -> str:
        return f"halted by {self.actor} on {self.at:%Y-%m-%d %H:%M} UTC: {self.reason}"


@dataclass(frozen=True, slots=True)
class Hold:
    actor: Actor
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Intent:
    """A change on its way: recorded before it was sent, not yet settled. `said`: what left it in doubt, and `lost_at`
    when: by then it was sent, which may be long after it was recorded where the process stood still between the two.

    `earlier_pause`: when a pause was sent before this one that may still take effect late; `earlier_let_go`, the same
    of a request for growth.
    """

    key: str
    verb: Verb
    target_ppm: int
    before: Seen | None
    opened_at: datetime
    actor: Actor
    without_evidence: bool = False
    in_doubt: bool = False
    said: str = ""
    lost_at: datetime | None = None
    earlier_pause: datetime | None = None
    earlier_let_go: datetime | None = None


SENT_IN_VAIN = 2
"""So often a raise is sent before one that had no effect is a person's matter (google-play.md E14)."""


@dataclass(frozen=True, slots=True)
class Setback:
    """Raises of ours that the store did not take: the last one's words, when, and how many in a row.

    `settlement`: REFUSED, with the store's no in `said`; or NOT_APPLIED, sent and without any effect.
    """

    verb: Verb
    settlement: Settlement
    said: str
    at: datetime
    tries: int

    @property
    def text(self) -> str:
        happened = "refused" if self.settlement is Settlement.REFUSED else "did not carry out"
        return f"the store {happened} our {self.verb.value}: {self.said}"


@dataclass(frozen=True, slots=True)
class Landing:
    """The newest change that was read back, ours or a person's: from what, to what, when."""

    before: Seen | None
    after: Seen
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One release on one store, as its journal tells it.

    `live_ppm` and `live_since`: the exposure people really have, and since when (None: not yet live).
    `run_since`: start of the monitoring run, on a full hour; `runs`: the how-manieth it is. `terms`: by what its
    evidence is judged (None: not set yet) and `settings` what the policy said then; `stages`: when its stages began. `comparisons`: what it was compared with
    from when on, oldest first. `acts`: how many intents there were. `approvals`: what people allow of the next step; `bake_skipped`: who does not wait for the rest of this bake.
    `taken`: the newest orders that were taken up; none is carried out twice, also not after a crash. `ordered`: the last
    one; `answered`: which halt (its `at`) somebody has answered by an order, or has seen; `asks_since`: how long it has waited for a person's word. `drift`: the newest thing a person did in the console, until a change of ours follows it. `untold`: the end of the
    journal was lost and no look was believed since, so what the store shows may be our own doing. `known_bad`: the halt it
    was under before it was over or gone; nobody has said since that it may go on. `newer`: the newest release that
    people were told waits for this one, and `set_aside` the id of the newest that a person has let wait.
    App Store only: `window`, while Apple may take a step; `pauses`, and up to which of its warnings people were
    told (`warned_days`); `let_go_at`, when we last asked for growth without having heard what became of it;
    `pause_sent_at`, the same of a pause, a halt among them; `pause_wanted_since`, while it must be paused and does
    not read so; `no_phasing`, why Apple makes no phased release of it.
    For an app whose stores are linked: `link`; `start_awaited`, the start of a draft that was not sent yet;
    `earned_ppm`, the share that evidence has raised it to in this run (`reaching_ppm`: on its way there).
    `line`: the freeze of the whole line that it was told of, and not yet of its end.
    """

    key: RolloutKey
    release: Release
    policy: str
    choice: OnNewRelease
    baseline: tuple[Release, ...] = ()
    found_at: datetime
    run_since: datetime
    runs: int = 1
    terms: Terms | None = None
    settings: tuple[str, ...] = ()
    stages: tuple[StageStart, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    steered: bool = False
    seen: Seen | None = None
    gone: bool = False
    live_ppm: int = 0
    live_since: datetime | None = None
    completed_at: datetime | None = None
    halt: Halt | None = None
    hold: Hold | None = None
    approvals: tuple[Approval, ...] = ()
    bake_skipped: facts.BakeSkipped | None = None
    unknown_drift: bool = False
    intent: Intent | None = None
    landing: Landing | None = None
    setback: Setback | None = None
    suspicions: tuple[Suspicion, ...] = ()
    blind_since: datetime | None = None
    last: facts.Decided | None = None
    asks_since: datetime | None = None
    acts: int = 0
    taken: tuple[str, ...] = ()
    ordered: Ordered | None = None
    answered: datetime | None = None
    superseded_by: str = ""
    closed: bool = False
    drift: facts.Drifted | None = None
    untold: bool = False
    known_bad: Halt | None = None
    newer: facts.NewerWaits | None = None
    set_aside: str = ""
    window: StepWindow | None = None
    pauses: PauseClock = field(default_factory=PauseClock)
    warned_days: int = 0
    let_go_at: datetime | None = None
    pause_sent_at: datetime | None = None
    pause_wanted_since: datetime | None = None
    no_phasing: str = ""
    start_awaited: facts.Started | None = None
    reaching_ppm: int = 0
    earned_ppm: int = 0
    link: LinkState = field(default_factory=LinkState)
    issues: facts.IssuesRead | None = None
    issues_at: datetime | None = None
    line: facts.LineStopped | None = None
    changed_at: datetime

    @property
    def mark(self) -> str:
        """What an order about it stands on beside its share: the run, the halt and the hold that are in force, the policy.
        Two that are equal are one state to whoever looks."""
        halt = f"{self.halt.at.isoformat()} {self.halt.actor}" if self.halt else ""
        hold = f"{self.hold.actor} {self.hold.until} {self.hold.reason}" if self.hold else ""
        return f"{self.runs}/{halt}/{hold}/{self.policy}"

    @property
    def final(self) -> bool:
        """No halt can come true any more, by what the store showed last."""
        return self.seen is not None and is_final(self.key.store, self.seen.status)

    @property
    def exposure_ppm(self) -> int:
        """What the store shows. For a halted release: the share that was offered it before the halt."""
        shown = self.seen.exposure_ppm if self.seen else 0
        return shown or (self.live_ppm if self.halt else 0)

    @property
    def still_served(self) -> bool:
        """Somebody lowered it in the console: that counts as a person's halt, and yet people get it."""
        return self.seen is not None and self.seen.status is ReleaseStatus.IN_PROGRESS

    @property
    def never_out(self) -> bool:
        """The store shows a draft that nobody ever got: there is nothing to halt."""
        never_live = self.live_since is None and self.runs == 1
        return never_live and self.seen is not None and self.seen.status is ReleaseStatus.DRAFT

    def issues_wanted(self, now: datetime) -> bool:
        """Whether what crashed is to be looked up: once in a run that is suspected, and once for the machine's halt,
        unless that is old news."""
        if self.halt and self.halt.actor.kind is ActorKind.MACHINE:
            asked = self.issues_at is not None and self.issues_at >= self.halt.at
            return not asked and now - self.halt.at < OLD_NEWS
        return bool(self.suspicions) and self.halt is None and self.issues is None

    @property
    def finished(self) -> bool:
        return self.closed or bool(self.superseded_by)

    @property
    def bad(self) -> Halt | None:
        """The halt for whose cause it is not started unless a person says so: only a person lifts one (promise R9)."""
        return self.halt or self.known_bad

    @property
    def ignored(self) -> bool:
        """Nobody asked for it to be looked after. A person's halt is such a wish."""
        return self.choice is OnNewRelease.IGNORE and not self.steered and self.halt is None

    @property
    def proven_ppm(self) -> int:
        """How far evidence has raised it, and at 100 % how far anybody has: there is no more to wait for."""
        return PPM_ALL if self.completed_at else self.earned_ppm

    @property
    def phase(self) -> Phase:
        if self.superseded_by:
            return Phase.SUPERSEDED
        if self.halt and self.halt.confirmed:
            return Phase.HELD if self.still_served else Phase.HALTED
        if self.halt:
            return Phase.NOT_HALTED
        if self.completed_at:
            return Phase.COMPLETED
        if not self.steered or self.start_awaited:
            return Phase.WAITING
        if self.hold or self.unknown_drift:
            return Phase.HELD
        if self.live_since is None:
            return Phase.WAITING_FOR_REVIEW
        held = self.last is not None and self.last.decision is DecisionKind.HOLD
        return Phase.HELD if held else Phase.ROLLING_OUT

    @property
    def _held_up(self) -> str:
        """What keeps a halt that reads halted from being true."""
        waits = self.halt is not None and not self.halt.confirmed and self.seen is not None
        if not waits or self.seen is None or self.seen.status is not ReleaseStatus.HALTED:
            return ""
        words = halt_words(self.seen.review)
        return f"; {words}" if words else ""

    @property
    def reason(self) -> str:
        """One sentence: why it is where it is."""
        bad = f"known bad: {self.bad.words}" if self.bad else ""
        if self.superseded_by:
            return "; ".join(filter(None, (f"superseded by {self.superseded_by}", bad)))
        if self.halt:
            prefix = "" if self.halt.confirmed else "NOT HALTED yet: "
            return f"{prefix}halted by {self.halt.actor}: {self.halt.reason}{self._held_up}"
        return "; ".join(filter(None, (self._decided or bad, self._drifted)))

    @property
    def _decided(self) -> str:
        """What was decided last, or what became of it; "" before the first decision."""
        if self.last is None:
            return "a person goes on with the journal as it is; the next look decides" if self.untold else ""
        if self.setback and self.intent is None and self.last.intent:
            return self.setback.text
        return "; ".join(r.text for r in self.last.reasons)

    @property
    def _drifted(self) -> str:
        """What somebody did last, before and after. Apple puts a version out by itself: that is nobody's doing."""
        drift = self.drift
        if drift is None or (drift.meaning is facts.Drift.ROLLED_OUT and self.key.store is Store.APP_STORE):
            return ""
        return f"{by_whom(drift)}: {drift.words}"
