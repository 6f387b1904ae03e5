"""What App Store Connect knows of one app: its versions, their phased releases, and what people get.

Words and numbers are those of app-store-connect.md sections 5 and 6. A phased release has two clocks:
`elapsed`, the active time of its present day, and `paused`, all its pauses so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.emulator.scenario import PPM

INACTIVE = "INACTIVE"
ACTIVE = "ACTIVE"
PAUSED = "PAUSED"
COMPLETE = "COMPLETE"
PHASED_STATES = (INACTIVE, ACTIVE, PAUSED, COMPLETE)

RAMP_PERCENT = (1, 2, 5, 10, 20, 50, 100)
LAST_DAY = len(RAMP_PERCENT)
DAY = timedelta(days=1)
PAUSE_BUDGET = timedelta(days=30)

PREPARE = "PREPARE_FOR_SUBMISSION"
WAITING = "WAITING_FOR_REVIEW"
IN_REVIEW = "IN_REVIEW"
PENDING = "PENDING_DEVELOPER_RELEASE"
PROCESSING = "PROCESSING_FOR_DISTRIBUTION"
LIVE = "READY_FOR_DISTRIBUTION"
REPLACED = "REPLACED_WITH_NEW_VERSION"

VERSION_STATES = (
    "ACCEPTED",
    "DEVELOPER_REJECTED",
    IN_REVIEW,
    "INVALID_BINARY",
    "METADATA_REJECTED",
    "PENDING_APPLE_RELEASE",
    PENDING,
    PREPARE,
    PROCESSING,
    LIVE,
    "READY_FOR_REVIEW",
    "REJECTED",
    REPLACED,
    "WAITING_FOR_EXPORT_COMPLIANCE",
    WAITING,
)

REMOVED_OLD = "DEVELOPER_REMOVED_FROM_SALE"
OLD_STATES = {LIVE: "READY_FOR_SALE", PROCESSING: "PROCESSING_FOR_APP_STORE"}
"""Where the deprecated appStoreState has another word for it."""

PHASED_MAY_BE_PLANNED = frozenset(
    {
        PREPARE,
        WAITING,
        IN_REVIEW,
        PENDING,
        "WAITING_FOR_EXPORT_COMPLIANCE",
        "DEVELOPER_REJECTED",
        "REJECTED",
        "METADATA_REJECTED",
    }
)
RELEASE_TYPE_MAY_CHANGE = PHASED_MAY_BE_PLANNED - {PENDING}


@dataclass(slots=True)
class Phased:
    """`since`: when the present stretch (ACTIVE or PAUSED) began. `frozen`: stopped for good by a removal.

    `round` numbers the stretches, so that a tick planned in an earlier one does nothing.
    """

    id: str
    start: datetime | None = None
    state: str = INACTIVE
    day: int = 0
    elapsed: timedelta = timedelta(0)
    paused: timedelta = timedelta(0)
    since: datetime | None = None
    frozen: bool = False
    round: int = 0

    @property
    def exposure_ppm(self) -> int:
        """The share of automatic-update users who are offered the version."""
        if self.state == COMPLETE:
            return PPM
        if self.state == INACTIVE or self.day < 1:
            return 0
        return RAMP_PERCENT[min(self.day, LAST_DAY) - 1] * PPM // 100

    def paused_until(self, now: datetime) -> timedelta:
        """All pauses so far, the running one included."""
        running = self.state == PAUSED and self.since is not None and not self.frozen
        return self.paused + (now - self.since if running and self.since else timedelta(0))

    def turn(self, state: str, now: datetime) -> None:
        """Begin a stretch in `state`, with what passed of the day, or of a pause, kept."""
        if self.state == ACTIVE and self.since is not None:
            self.elapsed += now - self.since
        self.paused = self.paused_until(now)
        self.state = state
        self.since = now
        self.round += 1


@dataclass(frozen=True, slots=True)
class Offered:
    """What people get of one version; `review` is the version's state word."""

    status: str
    exposure_ppm: int
    review: str


@dataclass(slots=True)
class Version:
    """`first`: the app has no earlier one, so that it cannot be released in phases. `kept_back`: it would be out,
    were the app on sale anywhere.
    """

    id: str
    build_id: str
    version: str
    code: int
    created: datetime
    state: str = PREPARE
    release_type: str = "AFTER_APPROVAL"
    earliest: datetime | None = None
    processing: timedelta = timedelta(0)
    first: bool = False
    kept_back: bool = False
    phased: Phased | None = None
    told: Offered | None = None

    @property
    def live(self) -> bool:
        return self.state == LIVE


@dataclass(slots=True)
class AppStoreApp:
    """`versions`: newest first. `unsold`: the territories that do not sell it, and since when.

    `removed`: no longer for sale in any territory.
    """

    name: str
    bundle_id: str
    id: str
    processing: timedelta
    manual_share_ppm: int = 0
    removed: bool = False
    unsold: dict[str, datetime] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)

    @property
    def live(self) -> Version | None:
        return next((version for version in self.versions if version.live), None)

    def version(self, version: str) -> Version | None:
        return next((one for one in self.versions if one.version == version), None)

    def old_state(self, version: Version, *, removal_told: bool) -> str:
        """The deprecated appStoreState, which may also tell of a removal from sale."""
        if version.live and self.removed and removal_told:
            return REMOVED_OLD
        return OLD_STATES.get(version.state, version.state)

    def offered(self, version: Version) -> Offered:
        """What people get of `version` now."""
        phased = version.phased
        if version.state == REPLACED:
            return Offered("REPLACED", 0, version.state)
        if not version.live:
            return Offered(INACTIVE, 0, version.state)
        status, exposure = (phased.state, phased.exposure_ppm) if phased else (COMPLETE, PPM)
        return Offered(status, 0 if self.removed else exposure, version.state)
