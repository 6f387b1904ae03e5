"""One pass over one store app: one look at the store, new releases, then every rollout that is not over."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.addressing import addressee, nobody
from stagedrollout.core.discovery import discover
from stagedrollout.core.errors import StaleJournal
from stagedrollout.core.facts import Commanded
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Command,
    CommandVerb,
    RolloutKey,
    Settlement,
    StoreState,
    Unread,
)
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.reconcile import Pass, Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.commands import CommandBox, CommandResult

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppPass:
    """When this store app is due again, and what is wrong with it in words ("" if nothing)."""

    due: datetime
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPasses:
    """Runs passes over store apps and carries out the orders people have left for them.

    `clock` is what decisions live by; orders live by the machine's own time, `wall`.
    """

    recorder: Recorder
    reconciler: Reconciler
    commands: CommandBox
    clock: Clock
    wall: Clock

    def run(self, listing: Listing) -> AppPass:
        """A regular pass. One order per rollout and pass: the next one sees what the first has done."""
        store = self.reconciler.look(listing)
        self._discover(listing, store)
        rollouts = self._rollouts(listing)
        orders = self._addressed(listing, rollouts)
        due = self.clock.now() + listing.poll
        for rollout in rollouts:
            order = orders.get(rollout.key)
            if not rollout.finished or order:
                due = min(due, self._reconcile(listing, rollout.key, store, order))
        return AppPass(due, f"the store could not be read: {store.why}" if isinstance(store, Unread) else "")

    def halt(self, listing: Listing, order: Command) -> None:
        """A person's halt, on its own lane: no look at the store first, no waiting for a pass."""
        rollouts = self._rollouts(listing)
        meant = addressee(order, rollouts)
        if meant is None:  # perhaps it appeared since the last pass
            self._discover(listing, self.reconciler.look(listing))
            rollouts = self._rollouts(listing)
            meant = addressee(order, rollouts)
        if meant is None:
            self._answer(order, CommandResult.REFUSED, nobody(order, rollouts))
            return
        unseen = Unread("a halt does not wait for a look", self.clock.now())
        self._reconcile(listing, meant.key, unseen, order)

    def _rollouts(self, listing: Listing) -> tuple[Rollout, ...]:
        return tuple(self.recorder.load(key).rollout for key in self.recorder.keys(listing.id))

    def _discover(self, listing: Listing, store: StoreState | Unread) -> None:
        if isinstance(store, Unread):
            return
        known = frozenset(key.release_id for key in self.recorder.keys(listing.id))
        for release, news in discover(store, known, listing.policy, listing.on_new_release):
            key = RolloutKey(listing.id.app, listing.id.store, release.id)
            self.recorder.begin(key, news, self.clock.now())

    def _addressed(self, listing: Listing, rollouts: tuple[Rollout, ...]) -> dict[RolloutKey, Command]:
        """The oldest waiting order for each rollout. Halts are carried out elsewhere, at once."""
        addressed: dict[RolloutKey, Command] = {}
        for order in self.commands.waiting():
            if (order.app, order.store) != (listing.id.app, listing.id.store):
                continue
            if order.verb is CommandVerb.HALT:
                continue
            meant = addressee(order, rollouts)
            if meant is None:
                self._answer(order, CommandResult.REFUSED, nobody(order, rollouts))
            else:
                addressed.setdefault(meant.key, order)
        return addressed

    def _reconcile(
        self, listing: Listing, key: RolloutKey, store: StoreState | Unread, order: Command | None
    ) -> datetime:
        """Returns when the rollout is due again."""
        known = self.recorder.load(key)
        if order and order.verb is not CommandVerb.HALT and order.id in known.rollout.taken:
            self._answer(order, CommandResult.DONE, "taken up before a restart")
            return self.clock.now()
        if order:
            self.commands.take(order.id, self.wall.now())
        try:
            done = self.reconciler.reconcile(listing, known, store, order)
        except StaleJournal:
            log.info("%s: its journal went on during the pass; looking again", key)
            return self.clock.now()
        if order:
            self._answer(order, *_result(done))
            return self.clock.now()
        return done.due

    def _answer(self, order: Command, result: CommandResult, text: str) -> None:
        self.commands.finish(order.id, result, text, self.wall.now())


def _result(done: Pass) -> tuple[CommandResult, str]:
    """What became of an order: done, refused or failed, and the words for it."""
    said = next((fact for fact in done.decision.also if isinstance(fact, Commanded)), None)
    if said is not None and not said.accepted:
        return CommandResult.REFUSED, said.text
    text = said.text if said else ""
    if done.outcome is None:
        return CommandResult.DONE, text
    if done.outcome.settlement is Settlement.CONFIRMED:
        return CommandResult.DONE, f"{text}: {done.outcome.detail}"
    return CommandResult.FAILED, f"{text}: {done.outcome.settlement.value}: {done.outcome.detail}"
