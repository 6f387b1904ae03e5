"""What a message offers people to press: an order of one release, and that release as the message showed it.

A button stands in a channel for as long as the message does, so it says what its reader saw; what has changed since
makes it stale, and the order is refused (rules/overrides.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.model import CommandVerb, Expected, RolloutKey

SEALED_MAX = 2_000
"""Characters of a button's value (slack.md section 5)."""


class Press(StrEnum):
    """ACKNOWLEDGE orders nothing of the release: somebody has seen that it is halted, and looks after it."""

    HALT = "halt"
    HOLD = "hold"
    RESUME = "resume"
    APPROVE = "approve"
    ACKNOWLEDGE = "acknowledge"

    @property
    def verb(self) -> CommandVerb | None:
        """What it orders; None for nothing."""
        return None if self is Press.ACKNOWLEDGE else CommandVerb(self.value)

    @property
    def brakes(self) -> bool:
        return self in (Press.HALT, Press.HOLD)


@dataclass(frozen=True, slots=True)
class Offer:
    """`halted_at`: which halt the release was under, None for none."""

    press: Press
    rollout: RolloutKey
    exposure_ppm: int
    halted: bool
    halted_at: datetime | None = None

    @property
    def sighting(self) -> tuple[object, ...]:
        """What was seen, whatever is made of it: the same on every message that shows it."""
        return self.rollout, self.exposure_ppm, self.halted, self.halted_at

    @property
    def expected(self) -> tuple[Expected, ...]:
        """As an order carries it. No entry of the journal is named: the message is older than its own entry."""
        key = self.rollout.release_id
        return (Expected(key, 0, self.exposure_ppm, self.halted, halted_at=self.halted_at),)


@dataclass(frozen=True, slots=True)
class Seal:
    """Makes a button's value and knows its own again: nobody without the key can make one, or change it."""

    key: bytes

    def __repr__(self) -> str:
        return "Seal(***)"

    def sealed(self, offer: Offer) -> str:
        said = urlsafe_b64encode(json.dumps(encode(offer), separators=(",", ":")).encode()).decode()
        return f"{said}.{self._mark(said)}"

    def opened(self, value: str) -> Offer | None:
        """What was offered; None for whatever is not ours, of which nothing is read."""
        if len(value) > SEALED_MAX or not value.isascii():
            return None
        said, _, mark = value.partition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(said).encode()):
            return None
        try:
            return decode(Offer, json.loads(urlsafe_b64decode(said)))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None  # of another version of ours

    def _mark(self, said: str) -> str:
        return hmac.new(self.key, b"stagedrollout button 1\n" + said.encode(), hashlib.sha256).hexdigest()
