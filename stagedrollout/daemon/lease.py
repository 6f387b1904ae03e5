"""Whether this daemon may still raise: the epoch it claimed must be the newest one in the database."""

from __future__ import annotations

from dataclasses import dataclass

from stagedrollout.core.errors import LostLease, StorageError
from stagedrollout.storage.presence import Presence


@dataclass(frozen=True, slots=True)
class Lease:
    presence: Presence
    epoch: int

    def check(self) -> None:
        """Raises LostLease when another daemon has claimed since, or when nobody can tell."""
        try:
            current = self.presence.current()
        except StorageError as error:
            raise LostLease(f"whether the lease is still ours cannot be told: {error}") from error
        if current is None or current.epoch != self.epoch:
            raise LostLease("another daemon has claimed the database")
