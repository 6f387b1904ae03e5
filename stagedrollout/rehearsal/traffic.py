"""Who has the release by when, on average: offers, and the people who take them up."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import NamedTuple

from stagedrollout.core.evidence.planning import Hour
from stagedrollout.core.units import PPM_ALL
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, UPTAKE_HOURS, World


class Offer(NamedTuple):
    """From this poll on the release is offered to `ppm`."""

    poll: int
    ppm: int


@dataclass(frozen=True, slots=True)
class Uptake:
    """The newest offer, and the share of all users (0..1) who had the release when it was made."""

    offer: Offer
    had: float = 0.0

    def offered(self, offer: Offer) -> Uptake:
        return Uptake(offer, self.share(offer.poll))

    def share(self, poll: float) -> float:
        """The share of all users who have it at a poll."""
        to = self.offer.ppm / PPM_ALL
        return to - (to - self.had) * exp((self.offer.poll - poll) / (UPTAKE_HOURS * POLLS_PER_HOUR))

    def quarter(self, poll: int, world: World) -> Hour:
        """Sessions of both arms in the quarter of an hour that begins at a poll."""
        return self._over(poll + 0.5, world.sessions_per_hour / POLLS_PER_HOUR)

    def hour(self, number: int, world: World) -> Hour:
        """Sessions of both arms in an hour, counted from when the release went live."""
        return self._over((number + 0.5) * POLLS_PER_HOUR, world.sessions_per_hour)

    def _over(self, middle: float, sessions: float) -> Hour:
        share = self.share(middle)
        return Hour(sessions * share, sessions * (1 - share))
