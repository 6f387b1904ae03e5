"""Whose an order is, where replicas share the apps: the holder's, and a halt that the holder does not take is anybody's.

A holder that has died, hangs or is cut off keeps its lease for a while. A person's halt does not wait for that: it needs no
lease, so whoever sees it lie there carries it out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Command, CommandVerb, StoreApp
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.daemon.works import Works

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""A holder that lives takes an order within a second; who gave the halt is told after ten that nobody did."""

TAKEN_SECONDS = 30.0
"""One that was taken by another replica, and waits for so long, is anybody's too: that one may reach no store."""


def urgency(order: Command, broken: Collection[str]) -> tuple[bool, bool]:
    """Halts come first, and of those the ones that have not broken off yet."""
    return order.verb is not CommandVerb.HALT, order.id in broken


class OrdersOfOthers:
    """For one thread, but for `leave`. Nothing of it raises anything."""

    def __init__(self, steady: Elapsed = elapsed) -> None:
        self._steady = steady
        self._seen: dict[str, float] = {}
        self._taken: set[str] = set()
        self._left: dict[str, float] = {}

    def are(self, orders: tuple[Command, ...]) -> None:
        """These wait now: what was seen of others is forgotten."""
        now = self._steady()
        self._seen = {order.id: self._seen.get(order.id, now) for order in orders}
        self._taken &= self._seen.keys()
        self._left = {order: at for order, at in self._left.copy().items() if order in self._seen}

    def may_take(self, works: Works, app: StoreApp, order: Command) -> bool:
        if works.leases.holds(app):
            return True
        if order.id in self._taken and order.id not in self._left:
            return True
        now = self._steady()
        waits = now - self._left.get(order.id, self._seen.get(order.id, now))
        if order.verb is not CommandVerb.HALT or waits < PATIENCE_SECONDS:
            return False
        try:
            row = works.commands.find(order.id)
        except (
            StorageError
        ):  # whoever left it is told that nobody took it, and how it is halted past all daemons
            return False
        if row is None or (row.taken_at is not None and waits < TAKEN_SECONDS):
            return False
        self._taken.add(order.id)
        self._left.pop(order.id, None)
        log.warning("the halt %s of %s is not taken by the replica that holds it: taken here", order.id, app)
        return True

    def leave(self, order: Command) -> None:
        """There is nothing to stop by it, as far as this one can see, and the answer to that is the holder's. From any thread."""
        self._left[order.id] = self._steady()

    def nobody_knows(self, works: Works, app: StoreApp) -> bool:
        """That no replica watches it, as far as can be told."""
        try:
            return not works.leases.elsewhere(app)
        except StorageError:
            return False
