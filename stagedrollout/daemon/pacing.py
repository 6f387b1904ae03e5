"""When within a poll each store app is looked at: spread evenly over it, for ever, by nothing but the app's name.

At a start, and after a reload, all are due at once, for nobody knows what happened meanwhile. A poll later they would all be due
at once again, and so on: a processor that is idle for four minutes and then makes a thousand apps wait for each other, and
with them their halts. So each app has instants of its own, one in every poll, and the pass that follows a
regular one is brought forward to the last of them before it would be due: never put off, so that nothing is looked at later
than its poll says. What is due sooner for a reason of its own (a bake that ends, a halt that is not read back yet) keeps its
instant, and whatever a person orders is due at once.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Protocol

from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.listing import Listing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pace(Protocol):
    def due(self, listing: Listing, now: datetime, due: datetime) -> datetime:
        """When the app is looked at next, after `now` and not after `due`, which is what its pass asks for."""
        ...


class AsAsked:
    """For clocks that wait for passes: nobody there shares a processor with anybody."""

    def due(self, listing: Listing, now: datetime, due: datetime) -> datetime:  # noqa: ARG002
        return due


class Spread:
    """One instant in every poll for each app, the same for every daemon and after every start."""

    def due(self, listing: Listing, now: datetime, due: datetime) -> datetime:
        poll = listing.poll
        own = due - (due - _EPOCH - _phase(listing.id, poll)) % poll
        return own if own > now else due


def _phase(app: StoreApp, poll: timedelta) -> timedelta:
    """Where in a poll the app's instants lie. Python's own hash is another one in every process."""
    digest = hashlib.sha256(str(app).encode("utf-8", "replace")).digest()
    return poll * (int.from_bytes(digest[:8]) / 2**64)
