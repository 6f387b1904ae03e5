"""Who takes how much, where replicas share the apps: each the same of what all of them can reach, and nobody what it cannot
reach itself while another one can.

What none of them reaches stays where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stagedrollout.daemon.health.replicas import UNREACHED, unreached
from stagedrollout.daemon.reach import service_of
from stagedrollout.storage.leases import NOTICES
from stagedrollout.storage.presence import DaemonRow

__all__ = ["UNREACHED", "Company", "company"]


@dataclass(frozen=True, slots=True)
class Company:
    """This replica and the `others` that live, and have lived for a while. `lacks`: what does not answer here, as the others
    have been told; `cut_off`: for so long that it is let go of."""

    others: tuple[DaemonRow, ...] = ()
    lacks: frozenset[str] = frozenset()
    cut_off: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[frozenset[str], ...]:
        """How many they are, and what each of them lacks."""
        return (self.lacks, *(frozenset(unreached(row)) for row in self.others))

    @property
    def reached_elsewhere(self) -> frozenset[str]:
        """Of what does not answer here."""
        return frozenset(service for service in self.lacks if self._reaching(service))

    def bars(self, lease: str) -> bool:
        """Whether it is another one's to hold, which reaches what this one does not, and knows the app."""
        service = service_of(lease)
        return service in self.cut_off and any(_knows(row, lease) for row in self._reaching(service))

    def knows(self, lease: str) -> bool:
        """Whether any other one would take it."""
        return any(_knows(row, lease) for row in self.others)

    def is_only_ours(self, lease: str) -> bool:
        """Whether no other one reaches what this one does."""
        service = service_of(lease)
        return bool(self.others) and service not in self.lacks and not self._reaching(service)

    def share(self, leases: Collection[str]) -> int:
        """How many of these this one may hold: an even part, or more where fewer replicas reach them."""
        counted = Counter(service_of(lease) for lease in leases if not self.bars(lease))
        parts = [Fraction(count, 1 + len(self._reaching(service))) for service, count in counted.items()]
        return ceil(max(sum(parts), Fraction(len(leases), 1 + len(self.others))))

    def _reaching(self, service: str) -> list[DaemonRow]:
        return [row for row in self.others if service not in unreached(row)]


def company(rows: Collection[DaemonRow], mine: int, cut_off: frozenset[str]) -> Company:
    """Of all that ever ran; `mine`: this one's epoch. What the others have not been told yet is not let go of."""
    others = tuple(row for row in rows if row.epoch != mine and row.lives_on)
    told = next((frozenset(unreached(row)) for row in rows if row.epoch == mine), frozenset[str]())
    return Company(others, told, cut_off & told)


def _knows(row: DaemonRow, lease: str) -> bool:
    """One that does not say what it watches counts as watching everything."""
    watching = row.info.get("watching")
    return lease == NOTICES or watching is None or lease in watching
