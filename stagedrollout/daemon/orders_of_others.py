"""Whose an order is, where replicas share the apps: the holder's, and a halt that the holder does not take is anybody's.

A holder that has died, hangs or is cut off keeps its lease for a while. A person's halt does not wait for that: it needs no
lease, so whoever sees it lie there carries it out.
"""

from __future__ import annotations

import logging

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import Command, CommandVerb, StoreApp
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.daemon.works import Works

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""A holder that lives takes an order within a second; who gave the halt is told after ten that nobody did."""


class OrdersOfOthers:
    """For one thread. Nothing of it raises anything."""

    def __init__(self, steady: Elapsed = elapsed) -> None:
        self._steady = steady
        self._seen: dict[str, float] = {}

    def are(self, orders: tuple[Command, ...]) -> None:
        """These wait now: what was seen of others is forgotten."""
        now = self._steady()
        self._seen = {order.id: self._seen.get(order.id, now) for order in orders}

    def may_take(self, works: Works, app: StoreApp, order: Command) -> bool:
        if works.leases.holds(app):
            return True
        waits = self._steady() - self._seen.get(order.id, self._steady())
        if order.verb is not CommandVerb.HALT or waits < PATIENCE_SECONDS:
            return False
        try:
            row = works.commands.find(order.id)
        except (
            StorageError
        ):  # whoever left it is told that nobody took it, and how it is halted past all daemons
            return False
        if row is None or row.taken_at is not None:
            return False
        log.warning("the halt %s of %s is not taken by the replica that holds it: taken here", order.id, app)
        return True

    def nobody_knows(self, works: Works, app: StoreApp) -> bool:
        """That no replica watches it, as far as can be told."""
        try:
            return not works.leases.elsewhere(app)
        except StorageError:
            return False
