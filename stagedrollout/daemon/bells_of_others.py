"""A bell that another replica rings, for one side of a linked app that it holds: whoever holds the other side hears it in
the journal.

A bell (linking.py) is heard in its own process only, and each store of an app has a lease of its own. So where replicas share
the apps, and one side of a link that this one has is held elsewhere, each turn reads what was written since the last one. It
reads no rollout: what may concern our side makes it due, and its pass finds out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping

from stagedrollout.core import facts
from stagedrollout.core.counterpart import may_concern_the_other
from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.lease import Holdings
from stagedrollout.daemon.listing import Listing
from stagedrollout.storage.journal import Heard, Journal
from stagedrollout.storage.wording import UNREADABLE

log = logging.getLogger(__name__)

MOST = 500
"""Entries heard in one turn. Of more than these nobody asks what they say: every side that listens is looked at."""


class BellsOfOthers:
    """For one thread. Nothing of it raises anything. `journal`: None where nobody listens."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._sides: Mapping[StoreApp, StoreApp] = {}
        self._seq, self._hash = 0, ""
        """Of the newest entry that was heard. Where it is there no more, the journal is another one than before."""
        self._deaf = False

    def heard(self, listings: Mapping[StoreApp, Listing], leases: Holdings) -> Collection[StoreApp]:
        """Which store apps had better be looked at now. One statement, or two where it begins to listen; none where there is
        nobody to listen to."""
        sides = listening(listings, leases)
        if self._journal is None or not sides:
            self._sides = {}
            return ()
        try:
            found = self._of(self._journal, sides)
        except StorageError as error:
            if not self._deaf:
                log.warning("what other replicas write of linked apps cannot be read: %s", error)
            self._deaf = True
            return ()
        self._sides, self._deaf = sides, False
        return found

    def _of(self, journal: Journal, sides: Mapping[StoreApp, StoreApp]) -> Collection[StoreApp]:
        """Whatever it did not hear may have been something: then all are looked at once. Raises StorageError."""
        if not self._sides:
            self._seq, self._hash = journal.place()
            return set(sides.values())
        since = self._since(journal.heard(self._seq, MOST))
        if since is None:
            self._seq, self._hash = journal.place()
            return set(sides.values())
        if since:
            self._seq, self._hash = since[-1].seq, since[-1].hash
        begun = {ours for theirs, ours in sides.items() if theirs not in self._sides}
        return begun | set(_woken(since, sides))

    def _since(self, read: tuple[Heard, ...]) -> tuple[Heard, ...] | None:
        """What came after the newest that was heard; None where that is not there, or too much came: a database was put back, or
        it was pruned."""
        if len(read) == MOST:
            return None
        if not self._seq:
            return read
        known = bool(read) and (read[0].seq, read[0].hash) == (self._seq, self._hash)
        return read[1:] if known else None


def listening(listings: Mapping[StoreApp, Listing], leases: Holdings) -> dict[StoreApp, StoreApp]:
    """The sides that another replica may hold, and for each the linked one that is held here."""
    if not leases.shared:
        return {}
    ours = (listing for listing in listings.values() if listing.link and leases.holds(listing.id))
    return {each.counterpart: each.id for each in ours if not leases.holds(each.counterpart)}


def _woken(since: Iterable[Heard], sides: Mapping[StoreApp, StoreApp]) -> Iterator[StoreApp]:
    names = {str(theirs): ours for theirs, ours in sides.items()}
    for each in since:
        ours = names.get("/".join(each.rollout.split("/", 2)[:2]))
        if ours and _may_concern(each):
            yield ours


def _may_concern(each: Heard) -> bool:
    """What cannot be understood may be anything; a journal in which that stands is looked at by passes as well."""
    try:
        return each.entry is None or may_concern_the_other(facts.read(each.entry))
    except UNREADABLE:
        return True
