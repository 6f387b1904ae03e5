"""The nouns: releases, what a store says of them, what a signal reads, who acts.

Every type is frozen. Instants are aware datetimes in UTC. Exposure is an integer in ppm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stagedrollout.core.units import PPM_ALL


class Store(StrEnum):
    GOOGLE_PLAY = "google_play"
    APP_STORE = "app_store"


STORE_NAMES = {Store.GOOGLE_PLAY: "Google Play", Store.APP_STORE: "App Store"}
"""As people call them."""


class Mode(StrEnum):
    """What the daemon may do to an app. `observe` decides and tells; only a human's halt is sent."""

    OBSERVE = "observe"
    ACT = "act"


class OnNewRelease(StrEnum):
    """What to do with a release that appears by itself."""

    WAIT = "wait"
    ADOPT = "adopt"
    IGNORE = "ignore"


class Supersede(StrEnum):
    """What becomes of a rollout when a newer release waits to be started.

    FINISH: it goes on, and the newer one waits until it is over, or until a person lets it take its place. HOLD:
    nothing of it is raised until a person decides between the two. REPLACE: nothing of it is raised any more; it
    ends when the newer one is started. What the store does by itself, where a newer release goes out, is a fact
    under all three.
    """

    FINISH = "finish"
    HOLD = "hold"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Release:
    """`id` is what the store never changes: Play, the highest version code; App Store, the version.

    `version` is what people say ("5.2.0"), `build` the version code or build number.
    """

    id: str
    version: str
    build: str

    @property
    def label(self) -> str:
        return self.version if self.build in ("", self.version) else f"{self.version} ({self.build})"

    def answers_to(self, text: str) -> bool:
        """Whether a person who writes `text` means this release."""
        return text in (self.id, self.version, self.build, self.label, f"{self.version}+{self.build}")


@dataclass(frozen=True, slots=True)
class StoreApp:
    """One app in one store: the unit of locks and leases (Play allows one edit per package)."""

    app: str
    store: Store

    def __str__(self) -> str:
        return f"{self.app}/{self.store.value}"


@dataclass(frozen=True, slots=True)
class RolloutKey:
    """Names one rollout for ever: app, store and the store's own identity of the release."""

    app: str
    store: Store
    release_id: str

    @property
    def store_app(self) -> StoreApp:
        return StoreApp(self.app, self.store)

    def __str__(self) -> str:
        return f"{self.app}/{self.store.value}/{self.release_id}"

    @classmethod
    def parse(cls, text: str) -> RolloutKey:
        app, store, release_id = text.split("/", 2)
        return cls(app, Store(store), release_id)


class ReleaseStatus(StrEnum):
    """What the store does with a release. A word we do not know is UNKNOWN, never guessed.

    IN_PROGRESS on the App Store also means that Apple goes on raising by itself. PAUSED (App Store): offered to
    its share, which does not grow. REPLACED (App Store): a newer version took its place; people may have it.
    WITHDRAWN (App Store): removed from sale, and with that its phased release is over for good.
    """

    DRAFT = "draft"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETED = "completed"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


SERVED = (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED, ReleaseStatus.COMPLETED)
"""The store offers it to somebody, or will once review lets it."""


class ReviewState(StrEnum):
    """Where a release stands in the store's review. NOT_LISTED: the store does not mention it. UNREAD: this
    reading did not ask; the next look does."""

    DRAFT = "draft"
    NOT_SENT_FOR_REVIEW = "not_sent_for_review"
    IN_REVIEW = "in_review"
    APPROVED_NOT_PUBLISHED = "approved_not_published"
    NOT_APPROVED = "not_approved"
    PUBLISHED = "published"
    NOT_LISTED = "not_listed"
    UNREAD = "unread"
    UNKNOWN = "unknown"


def is_final(store: Store, status: ReleaseStatus | None) -> bool:
    """Whether the store has no brake left: 100 % on the App Store is for ever (app-store-connect.md section 1)."""
    return store is Store.APP_STORE and status in (ReleaseStatus.COMPLETED, ReleaseStatus.REPLACED)


def stopped(status: ReleaseStatus, review: ReviewState) -> bool:
    """Whether that is a halt: it reads halted, and no review still holds that back; or, on the App Store, where a
    pause is the only brake, it reads paused, or was removed from sale."""
    settled = review in (ReviewState.PUBLISHED, ReviewState.NOT_LISTED)
    on_app_store = status in (ReleaseStatus.PAUSED, ReleaseStatus.WITHDRAWN)
    return on_app_store or (status is ReleaseStatus.HALTED and settled)


@dataclass(frozen=True, slots=True)
class StoreRelease:
    """One release as the store shows it.

    `exposure_ppm`: 0 for a draft, 1..999,999 staged, 1,000,000 completed; for a halted one the last
    fraction if the store still tells it, else 0. `status_word` and `review_word` are the store's own.
    `phased`: released as it stands it reaches people in steps, not everyone at once. Google Play only: `codes`, every
    version code that it ships, and `track`, where it is.
    """

    release: Release
    status: ReleaseStatus
    status_word: str
    exposure_ppm: int
    review: ReviewState
    review_word: str
    phased: bool = True
    codes: tuple[str, ...] = ()
    track: str = ""

    @property
    def live(self) -> bool:
        """People can get it: it is rolled out and review has published it."""
        return self.status in SERVED and self.review is ReviewState.PUBLISHED

    @property
    def stopped(self) -> bool:
        """Whether a halt is true in the store."""
        return stopped(self.status, self.review)


@dataclass(frozen=True, slots=True)
class StoreState:
    """All releases of one store app, as read at `as_of`.

    `fingerprint` stands for everything read, fields we do not understand included: a write is only
    made where the store still has the same fingerprint (Play: compare-and-swap inside the edit).
    `perhaps_wished`: a process that died may have written to what was read. It then shows what that one was about to
    make real as if it were there; another look does not.
    """

    releases: tuple[StoreRelease, ...]
    fingerprint: str
    as_of: datetime
    perhaps_wished: bool = False

    def find(self, release_id: str) -> StoreRelease | None:
        return next((r for r in self.releases if r.release.id == release_id), None)


@dataclass(frozen=True, slots=True)
class Unread:
    """The store could not be read; `why` is the failure in words. `denied`: it turns us away, for a key, a role or a
    contract, which only a person can mend.
    """

    why: str
    as_of: datetime
    denied: bool = False


class Verb(StrEnum):
    """What may be done to a release in a store. The brakes wait for nothing; all others count as raises.

    PREPARE, STEP and PAUSE are the App Store's: make the phased release before the version is out, let Apple
    take its next step, and stop the share from growing. There a HALT is a pause that only a person ends.
    """

    PREPARE = "prepare"
    START = "start"
    RAISE = "raise"
    STEP = "step"
    RESUME = "resume"
    COMPLETE = "complete"
    PAUSE = "pause"
    HALT = "halt"

    @property
    def brakes(self) -> bool:
        return self in (Verb.PAUSE, Verb.HALT)


@dataclass(frozen=True, slots=True)
class Change:
    """An absolute wish: "this release at this exposure", never "a bit more". Repeating it is harmless.

    A STEP names the share that Apple's next step leads to, and lets it take that one only. A START may take the place
    of a release that is still staged: `instead_of` is that one's id.
    """

    verb: Verb
    release_id: str
    exposure_ppm: int
    instead_of: str = ""

    def __post_init__(self) -> None:
        if self.verb is Verb.COMPLETE and self.exposure_ppm != PPM_ALL:
            raise ValueError("completing means everyone")
        if self.verb in (Verb.START, Verb.RAISE) and not 0 < self.exposure_ppm < PPM_ALL:
            raise ValueError("a staged exposure is more than nobody and less than everyone")
        if self.instead_of and self.verb is not Verb.START:
            raise ValueError("only a start takes the place of another release")


class Settlement(StrEnum):
    """How a change ended.

    CONFIRMED: read back in the store. ALREADY: it was so before anything was sent, or the store says so of what was. REFUSED: the store said no; nothing changed. MOVED: the store was
    no longer what was decided on; nothing was sent. PREEMPTED: a halt took over, or what it stood on is so no more; nothing more was sent.
    IN_DOUBT: sent, and not (yet) seen in the store; the next look settles it. NOT_APPLIED: that look found
    the store as it was before.
    """

    CONFIRMED = "confirmed"
    ALREADY = "already"
    REFUSED = "refused"
    MOVED = "moved"
    PREEMPTED = "preempted"
    IN_DOUBT = "in_doubt"
    NOT_APPLIED = "not_applied"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` is the store as read back (`Unread` if it could not be)."""

    settlement: Settlement
    detail: str
    state: StoreState | Unread


class ActorKind(StrEnum):
    HUMAN = "human"
    MACHINE = "machine"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Actor:
    kind: ActorKind
    name: str

    def __str__(self) -> str:
        return self.name


DAEMON = Actor(ActorKind.MACHINE, "stagedrollout")
SOMEBODY = Actor(ActorKind.CONSOLE, "somebody in the store's console")
UNKNOWN_ACTOR = Actor(ActorKind.HUMAN, "somebody unknown")


class CommandVerb(StrEnum):
    """What a person may order. All but HALT, HOLD and REJECT are permissive and expire."""

    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    HALT = "halt"
    ADVANCE = "advance"
    COMPLETE = "complete"
    APPROVE = "approve"
    REJECT = "reject"
    SKIP_BAKE = "skip-bake"
    IGNORE = "ignore"
    SET_POLICY = "set-policy"

    @property
    def brakes(self) -> bool:
        """Whether it can only make less happen. Such an order asks for no right, and never expires."""
        return self in (CommandVerb.HALT, CommandVerb.HOLD, CommandVerb.REJECT)


class Via(StrEnum):
    """How an order reached the daemon, and so which account of a person gave it."""

    CLI = "cli"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Expected:
    """What stood in the journal of a release when a person gave an order: they meant that, and not what came since.

    `seq`: the journal's newest entry of it then, 0 where they saw a message. `mark`: Rollout.mark as of then, "" where
    only the rest was seen. `halted_at`: which halt it was under; None: none, or they were not told which.
    """

    release_id: str
    seq: int
    exposure_ppm: int
    halted: bool
    mark: str = ""
    halted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A person's durable order. `release` and `policy` are as written ("" = not said).

    `hold_for` bounds a hold, counted from when it takes effect (None: until resumed). `expires_at` bounds
    the order itself, in the machine's own time; an order to halt never expires. A start may say that it knows: a
    release that was halted (`known_bad`), or one that takes the place of a rollout (`supersede`). `to_ppm`: the next
    stage as the person names it, which it must be. `expected`: each release of the store app as they saw it; empty where
    they saw none. `groups` of the person, whether they may approve, and why it is
    not theirs to order (`barred`, "" where it is): as the configuration tells when the order is taken up.
    """

    id: str
    verb: CommandVerb
    app: str
    store: Store
    actor: Actor
    reason: str
    created_at: datetime
    expires_at: datetime | None
    release: str = ""
    policy: str = ""
    hold_for: timedelta | None = None
    without_evidence: bool = False
    known_bad: bool = False
    supersede: bool = False
    to_ppm: int | None = None
    expected: tuple[Expected, ...] = ()
    via: Via = Via.CLI
    groups: tuple[str, ...] = ()
    approves: bool = True
    barred: str = ""

    def expects(self, release_id: str) -> Expected | None:
        """What the person saw of that release; None where they saw nothing of it."""
        return next((each for each in self.expected if each.release_id == release_id), None)
