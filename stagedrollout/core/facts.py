"""The typed facts of a journal. Each is written once, never changed, and folds into a Rollout (lifecycle.py).

`written` and `read` turn a fact into a journal entry and back; the word in the journal is the class's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagedrollout.core.assessment import Reason
from stagedrollout.core.codec import decode, encode
from stagedrollout.core.events import Entry
from stagedrollout.core.evidence.terms import SignalId, Terms
from stagedrollout.core.issue import NewIssues
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.link_facts import KINDS as LINK_KINDS
from stagedrollout.core.link_facts import LinkFact
from stagedrollout.core.model import (
    Actor,
    CommandVerb,
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    Settlement,
    Supersede,
    Verb,
)
from stagedrollout.core.override_facts import (
    Acknowledged,
    ApprovalsLapsed,
    Approved,
    BakeSkipped,
    LeftAlone,
    OverrideFact,
    PolicySet,
    PressRefused,
)
from stagedrollout.core.removal_facts import RemovalOrdered, RemovalTold
from stagedrollout.core.run_facts import Returned, TakenUp, WentLive
from stagedrollout.core.seen import NOWHERE, Drift, Seen

__all__ = [
    "LINK_KINDS",
    "NOWHERE",
    "Acknowledged",
    "ApprovalsLapsed",
    "Approved",
    "BakeSkipped",
    "Drift",
    "LeftAlone",
    "LineFreed",
    "LineStopped",
    "PolicySet",
    "PressRefused",
    "RemovalOrdered",
    "RemovalTold",
    "Returned",
    "Seen",
    "TakenUp",
    "WentLive",
]  # facts too, with a file of their own; all that is defined here is public


class DecisionKind(StrEnum):
    """WAIT: nothing is wrong and nothing is due yet. HOLD: a cause forbids raising. Never mixed."""

    WAIT = "WAIT"
    HOLD = "HOLD"
    PREPARE = "PREPARE"
    START = "START"
    ADVANCE = "ADVANCE"
    COMPLETE = "COMPLETE"
    RESUME = "RESUME"
    HALT = "HALT"


@dataclass(frozen=True, slots=True)
class Discovered:
    """The release was seen in the store for the first time; `baseline` are the releases it is compared with."""

    release: Release
    policy: str
    choice: OnNewRelease
    status: ReleaseStatus
    review: ReviewState
    exposure_ppm: int
    baseline: tuple[Release, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """From here on the schedule steers the release: a person said start, or the app adopts releases.

    `known_bad`: the halt that the person knew of and started it in spite of. `instead_of`: the rollout whose place it
    takes. Both in words, "" where there is none.
    """

    actor: Actor
    reason: str
    policy: str
    command: str = ""
    known_bad: str = ""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Drifted:
    """The store no longer shows what we left there, and it was not us.

    `untold`: the journal was not the newest one, so it may as well have been us, and what told of it is lost. `since`:
    as in run_facts.py, where a run begins with it.
    """

    meaning: Drift
    before: Seen
    after: Seen
    untold: bool = False
    since: datetime | None = None

    @property
    def words(self) -> str:
        """Before and after: "inProgress at 10 % -> halted"."""
        return f"{self.before.words} -> {self.after.words}"


@dataclass(frozen=True, slots=True)
class JournalAccepted:
    """A person goes on with a journal that lacks its end; `lost`: what is known of that. What the store shows is the
    floor from here on, whoever brought it about."""

    actor: Actor
    reason: str
    lost: str


@dataclass(frozen=True, slots=True)
class NewerWaits:
    """A newer release waits to be started while this one is rolled out; `supersede`: what the app says to that."""

    release: Release
    supersede: Supersede


@dataclass(frozen=True, slots=True)
class SetAside:
    """A person has this rollout go on although newer releases wait, up to `release`."""

    release: Release
    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """Apple raised it by itself, as it does each day on which a phased release is active."""

    before: Seen
    after: Seen


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A request of ours whose answer was lost took effect late, and undid our pause."""

    why: str


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A request of ours whose answer was lost did not take effect, and no longer can."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What people run now: from here on it is compared with these releases. Chosen as the release goes live, and
    where the source of the counts tells what runs, once a day (`since` is then the hour it begins to count)."""

    baseline: tuple[Release, ...]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TermsSet:
    """By what this monitoring run is judged, until it ends: nothing of it changes meanwhile.

    `settings`: what the policy said then, to tell people when it says otherwise now.
    """

    terms: Terms
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identified:
    """The store now tells another build of the release than when it was found."""

    release: Release


@dataclass(frozen=True, slots=True)
class PauseWarned:
    """So many of Apple's 30 pause-days are spent, by our own count."""

    days: int


@dataclass(frozen=True, slots=True)
class Suspected:
    """`sample` and `newest`: the reviews it was counted on; 0 and None for crashes and in old journals."""

    gate: str
    count: int
    counted_at: datetime
    reason: Reason
    sample: int = 0
    newest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    gate: str


@dataclass(frozen=True, slots=True)
class WentBlind:
    """A required signal gives no usable data; `gates` names them."""

    gates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SawAgain:
    """Every required signal gives data again."""


@dataclass(frozen=True, slots=True)
class SignalWeighed:
    signal: SignalId
    ln_e: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """The evidence as it stood, in natural logarithms, and what it takes to compute it again bit for bit.

    `ledger`: the hash of the last revision that was known; terms and stages stand in the journal.
    """

    ledger: str
    ln_e: float
    ln_e_advance: float | None
    signals: tuple[SignalWeighed, ...]
    reserve: float
    tau2: float
    rho0: float
    s: float
    settled_until: datetime


NOT_HALTED = "not_halted"
"""Code of the reason of a halt that is sent again, for the store does not show it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with its reasons. `intent` is empty when nothing is to be sent to the store.

    `without_evidence`: a person overrode doubt, knowingly. `weighed`: the evidence it was made on, None without any.
    """

    decision: DecisionKind
    reasons: tuple[Reason, ...]
    actor: Actor
    command: str = ""
    intent: str = ""
    verb: Verb | None = None
    target_ppm: int = 0
    seen: str = ""
    without_evidence: bool = False
    weighed: Weighed | None = None

    @property
    def sends_a_halt_again(self) -> bool:
        """For no other cause than that the store had not shown it."""
        again = all(reason.code == NOT_HALTED for reason in self.reasons)
        return self.decision is DecisionKind.HALT and bool(self.reasons) and again


@dataclass(frozen=True, slots=True)
class Settled:
    """How an intent ended, as far as is known; IN_DOUBT is followed by another once it is. `since`: as in run_facts.py,
    of a resume that is confirmed."""

    intent: str
    verb: Verb
    settlement: Settlement
    detail: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Commanded:
    """A person's order was taken up: carried out, or refused in words."""

    command: str
    verb: CommandVerb
    actor: Actor
    reason: str
    accepted: bool
    text: str
    without_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    actor: Actor
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class HoldEnded:
    why: str


@dataclass(frozen=True, slots=True)
class IssuesRead:
    """What crashed was looked up once, for a release that is suspected or was halted by the machine.

    It decides nothing. `trouble`: why it could not be read ("" if it was).
    """

    found: NewIssues
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer release took this one's place in the store, which now shows of this one `after`."""

    by: str
    before: Seen | None = None
    after: Seen | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The watch after 100 % is over; nothing more is expected of this rollout."""


Fact = (
    Discovered
    | Started
    | Seen
    | WentLive
    | Drifted
    | JournalAccepted
    | Returned
    | NewerWaits
    | SetAside
    | Stepped
    | Overtaken
    | Lapsed
    | Compared
    | TermsSet
    | Identified
    | PauseWarned
    | TakenUp
    | Suspected
    | Cleared
    | WentBlind
    | SawAgain
    | Decided
    | Settled
    | Commanded
    | Held
    | HoldEnded
    | IssuesRead
    | Superseded
    | RemovalOrdered
    | RemovalTold
    | LineStopped
    | LineFreed
    | Closed
    | LinkFact
    | OverrideFact
)


def _word(kind: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


KINDS: dict[str, type] = {_word(kind): kind for kind in Fact.__args__}


def written(fact: Fact, at: datetime) -> Entry:
    return Entry(_word(type(fact)), at, encode(fact))


def read(entry: Entry) -> Fact:
    """Raises ValueError for a kind this version does not know: a journal is never half understood."""
    if entry.kind not in KINDS:
        raise ValueError(f"the journal holds a fact of kind {entry.kind!r}, which this version does not know")
    fact: Fact = decode(KINDS[entry.kind], entry.body)
    return fact
