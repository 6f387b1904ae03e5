"""When within a poll each store app is looked at: spread evenly over it, for ever, by nothing but its name or its group's.

At a start, and after a reload, all are due at once, for nobody knows what happened meanwhile. A poll later they would all be due
at once again, and so on: a processor that is idle for four minutes and then makes a thousand apps wait for each other, and
with them their halts. So each app has instants of its own, one in every poll, and the pass that follows a
regular one is brought forward to the last of them before it would be due: never put off, so that nothing is looked at later
than its poll says. What is due sooner for a reason of its own (a bake that ends, a halt that is not read back yet) keeps its
instant, and whatever a person orders is due at once.

Apps that share a project in Sentry are looked at in groups, so that one request serves several (signals/sentry_together.py):
of no more than have places at once, or those of one group would make each other late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Protocol, TypeVar

from stagedrollout.daemon.listing import Listing

GROUP = 8
"""Store apps that are looked at at the same instants, at most."""

K = TypeVar("K")

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
        own = due - (due - _EPOCH - _phase(listing.pace or str(listing.id), poll)) % poll
        return own if own > now else due


def groups(shared: Mapping[K, str]) -> dict[K, str]:
    """What each is called in a group of at most GROUP that have the same value; those that have theirs alone are left out."""
    by_place = sorted(shared, key=lambda each: (shared[each], str(each)))
    found = dict[K, str]()
    for place, of_one in groupby(by_place, key=shared.__getitem__):
        members = tuple(of_one)
        if len(members) > 1:
            found |= {each: f"{place} {number // GROUP}" for number, each in enumerate(members)}
    return found


def _phase(name: str, poll: timedelta) -> timedelta:
    """Where in a poll the instants of whoever is called so lie. Python's own hash is another one in every process."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    return poll * (int.from_bytes(digest[:8]) / 2**64)
