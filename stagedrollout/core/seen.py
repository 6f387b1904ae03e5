"""What the store shows of a release, as it is written into the journal, and what somebody's change of it means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stagedrollout.core.model import SERVED, ReleaseStatus, ReviewState, StoreRelease, stopped
from stagedrollout.core.units import percent_text


class Drift(StrEnum):
    """What a person did in the store's console, as far as one can tell from outside."""

    HALTED = "halted"
    LOWERED = "lowered"
    RAISED = "raised"
    RESUMED = "resumed"
    ROLLED_OUT = "rolled_out"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return "changed" if self is Drift.UNKNOWN else self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store shows of the release has changed."""

    status: ReleaseStatus
    status_word: str
    exposure_ppm: int
    review: ReviewState
    review_word: str
    phased: bool = True
    track: str = ""

    @classmethod
    def of(cls, found: StoreRelease) -> Seen:
        return cls(
            found.status,
            found.status_word,
            found.exposure_ppm,
            found.review,
            found.review_word,
            found.phased,
            found.track,
        )

    @property
    def words(self) -> str:
        """In the store's own word: "inProgress at 10 %"."""
        at = f" at {percent_text(self.exposure_ppm)}" if self.exposure_ppm else ""
        return f"{self.status_word}{at}"

    @property
    def stopped(self) -> bool:
        """Whether a halt is true in the store."""
        return stopped(self.status, self.review)

    @property
    def served(self) -> bool:
        """The store offers it to somebody, or will once review lets it."""
        return self.status in SERVED


NOWHERE = Seen(ReleaseStatus.UNKNOWN, "not in the track", 0, ReviewState.NOT_LISTED, "")
"""What is noted of a release that the store no longer mentions."""
