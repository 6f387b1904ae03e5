"""What Play knows of one app: the desired tracks, what is in review, and what people really get.

Two states differ on purpose. The desired state is what edits and tracks.get show; it changes at once
with a commit. The served state is what users are really offered; it follows when review allows
(google-play.md section 1.2, 5.3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.emulator.play_releases import HALTED, Raw, code_of, completed_from, find, shown
from stagedrollout.emulator.switches import Switches

IN_REVIEW = "IN_REVIEW"
PUBLISHED = "PUBLISHED"
NOT_SENT = "NOT_SENT_FOR_REVIEW"
NOT_APPROVED = "NOT_APPROVED"
APPROVED = "APPROVED_NOT_PUBLISHED"
DRAFT_STATE = "DRAFT"
WAITING = frozenset({IN_REVIEW, NOT_SENT, NOT_APPROVED, APPROVED})

USUAL_TRACKS = ("production", "beta", "alpha", "internal")


@dataclass(frozen=True, slots=True)
class Served:
    """What people get of one release."""

    status: str
    exposure_ppm: int
    review: str


@dataclass(slots=True)
class Track:
    """`releases`: desired. `previous`: as before the last change, which was made `changed_at`. `history`: completed
    ones, oldest first.

    `live`: status and exposure of what is really out. `told`: what the ledger was told last.
    """

    name: str
    releases: list[Raw] = field(default_factory=list)
    previous: list[Raw] = field(default_factory=list)
    changed_at: datetime | None = None
    history: list[Raw] = field(default_factory=list)
    live: dict[int, tuple[str, int]] = field(default_factory=dict)
    told: dict[int, Served] = field(default_factory=dict)

    def view(self, switches: Switches) -> list[Raw]:
        return shown(self.releases, halted_fraction=switches.halted_fraction_shown)

    @property
    def served_before(self) -> frozenset[int]:
        return frozenset(code_of(release) for release in self.history)

    def remember_completed(self, release: Raw) -> None:
        """Keep a release that went out to everyone: it may have to come back as fallback."""
        code = code_of(release)
        self.history = [past for past in self.history if code_of(past) != code]
        self.history.append(completed_from(release))


@dataclass(slots=True)
class PlayApp:
    """`review`: the state words of releases.list by code. `approved`: codes that were ever published.

    `main_track`: where the team rolls out. `round` numbers the running review, so that one that was
    cancelled finishes nothing.
    """

    name: str
    package: str
    review_time: timedelta
    tracks: dict[str, Track]
    main_track: str
    names: dict[int, str] = field(default_factory=dict)
    review: dict[int, str] = field(default_factory=dict)
    review_times: dict[int, timedelta] = field(default_factory=dict)
    approved: set[int] = field(default_factory=set)
    rejected: bool = False
    round: int = 0

    @property
    def known_codes(self) -> frozenset[int]:
        return frozenset(self.names)

    @property
    def in_review(self) -> tuple[int, ...]:
        return tuple(code for code, word in self.review.items() if word == IN_REVIEW)

    @property
    def review_lasts(self) -> timedelta:
        """As long as the slowest of what is in review."""
        return max(self.review_times.get(code, self.review_time) for code in self.in_review)

    def track_of(self, code: int) -> Track | None:
        return next((t for t in self.tracks.values() if find(t.releases, code) is not None), None)


def review_word(app: PlayApp, release: Raw) -> str | None:
    """The word of releases.list, without its prefix; None: the release is not listed.

    A release that was halted before it was ever approved is not listed: nothing of it is out, and
    nothing is in review any more.
    """
    if release["status"] == "draft":
        return DRAFT_STATE
    code = code_of(release)
    word = app.review.get(code, PUBLISHED if code in app.approved else None)
    if release["status"] == HALTED and code not in app.approved and word != NOT_SENT:
        return None
    return word
