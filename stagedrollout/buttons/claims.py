"""Several presses of what is one wish: a double click, a payload that comes again, two people at the same moment.

Kept in memory, for a moment only. Whatever gets past it (after a restart, say) meets the order's id in the database and
the daemon's look at what the person saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from stagedrollout.core.offer import Offer, Press

K = TypeVar("K")
V = TypeVar("V")

DOUBLE_CLICK = timedelta(seconds=10)
AT_ONCE = timedelta(minutes=1)
"""So long the first press on what was seen stands before another one on the same."""

BEFORE_A_BRAKE = timedelta(seconds=5)
"""And before one that brakes: who insists on it has seen the other one."""

KEPT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Claim:
    press: Press
    by: str
    order: str
    at: datetime


class Claims:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self._clicks: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._claims: dict[tuple[object, ...], Claim] = {}

    def go_on_from(self, before: Claims) -> None:
        self._clicks.update(before._clicks)
        self._claims.update(before._claims)

    def same_click(self, user: str, value: str, at: datetime, order: str) -> str:
        """The order that this press belongs to: `order`, or the one that the first click has made."""
        first = self._clicks.get((user, value))
        if first and abs(at - first[0]) <= DOUBLE_CLICK:
            return first[1]
        _bounded(self._clicks)[user, value] = (at, order)
        return order

    def against(self, offer: Offer, claim: Claim) -> Claim | None:
        """Whose press stands before this one; None where it may go on, and is the one that stands from now on.

        A halt waits for nobody, and two people may approve the same.
        """
        first = self._claims.get(offer.sighting)
        stands_for = BEFORE_A_BRAKE if claim.press.brakes else AT_ONCE
        stands = first is not None and first.order != claim.order and abs(claim.at - first.at) <= stands_for
        together = first is not None and first.press is claim.press is Press.APPROVE
        if stands and not together and claim.press is not Press.HALT:
            return first
        _bounded(self._claims)[offer.sighting] = claim
        return None

    def drop(self, order: str) -> None:
        """It had no effect: who comes next may try, and who has pressed may press again."""
        for sighting in [seen for seen, claim in self._claims.items() if claim.order == order]:
            del self._claims[sighting]
        for click in [click for click, (_, first) in self._clicks.items() if first == order]:
            del self._clicks[click]


def _bounded(kept: dict[K, V]) -> dict[K, V]:
    while len(kept) >= KEPT_MAX:
        del kept[next(iter(kept))]
    return kept
