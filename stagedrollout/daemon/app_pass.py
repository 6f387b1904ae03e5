"""One pass over one store app: one look at the store, new releases, then every rollout that is not over."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from stagedrollout.core.addressing import addressee, nobody
from stagedrollout.core.apple_drift import shown
from stagedrollout.core.discovery import discover, newest_complete
from stagedrollout.core.drift import by_nobody_known, lacks_its_end, learn
from stagedrollout.core.errors import StaleJournal, StorageError
from stagedrollout.core.facts import Commanded, Drifted, Fact, Seen
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Command,
    CommandVerb,
    Release,
    RolloutKey,
    Settlement,
    StoreState,
    Unread,
    Verb,
)
from stagedrollout.core.ports import Clock
from stagedrollout.core.rules.approving import SECOND_PERSON
from stagedrollout.core.rules.halts import FINAL, KEPT_BACK
from stagedrollout.daemon.answering import became_of
from stagedrollout.daemon.brakes import Brakes, NothingPulled
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.looking import overtaken
from stagedrollout.daemon.looking_up import look_up_issues
from stagedrollout.daemon.reconcile import Pass, Reconciler
from stagedrollout.daemon.recorder import Recorder
from stagedrollout.storage.commands import CommandBox, CommandResult
from stagedrollout.storage.presence import Presence

log = logging.getLogger(__name__)

_Rollouts = tuple[tuple[Rollout, ...], dict[RolloutKey, StorageError]]
"""Those whose journals can be read, and what is wrong with the others'."""


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
    presence: Presence
    clock: Clock
    wall: Clock
    brakes: Brakes = field(default_factory=NothingPulled)

    def run(self, listing: Listing) -> AppPass:
        """A regular pass. One order per rollout and pass: the next one sees what the first has done.

        One rollout's trouble is no other's, be it a damaged journal or a mistake of ours. Raises the first one
        when all have had their turn; the others are logged.
        """
        pulled = self._import_halts(listing)
        asked_at, store, known = self.clock.now(), self.reconciler.look(listing), self._rollouts(listing)
        if _perhaps_wished(store, *known) or overtaken(asked_at, known[0]):
            store = self.reconciler.look(listing)
        rollouts, unread = self._with_new(listing, store, known)
        # Whom an order means is not plain while one cannot be read; a halt has its own lane.
        orders = {} if unread else self._orders(listing, rollouts)
        due, troubles = self.clock.now() + listing.poll, [*pulled, *unread.values()]
        for rollout in rollouts:
            order = orders.get(rollout.key)
            if order is None and rollout.finished and not learn(rollout, store, store.as_of):
                continue
            others = tuple(other for other in rollouts if other is not rollout)
            try:
                due = min(due, self._reconcile(listing, rollout, store, order, others))
            except Exception as trouble:  # noqa: BLE001 - the verdict: the others have their turn, then it is told
                troubles.append(trouble)
        self._look_up(listing, rollouts, troubles)
        for another in troubles[1:]:
            log.error("%s: one more trouble in this pass: %s", listing.id, another, exc_info=another)
        if troubles:
            raise troubles[0]
        return AppPass(due, self._problem(store))

    def take_in(self, listing: Listing) -> AppPass:
        """Of a store app that another replica holds: halts that people have given past the daemon on this machine, which no
        other one sees. Raises the first trouble."""
        for trouble in self._import_halts(listing):
            raise trouble
        return AppPass(self.clock.now() + listing.poll, "")

    def _problem(self, store: StoreState | Unread) -> str:
        unread = [f"the store could not be read: {store.why}"] if isinstance(store, Unread) else []
        footing = self.reconciler.footing.reasons(self.clock.now())
        return "; ".join([*unread, *(reason.text for reason in footing)])

    def halt(self, listing: Listing, order: Command) -> datetime | None:
        """A person's halt, on its own lane. It looks first only where it is not plain which release is meant.

        The order is answered when the store shows the halt, or never will; until then passes go on trying.
        Returns when the store app is due again because of it, or of what was seen for it; None if it is not. Raises
        StorageError where the release that is meant may be one whose journal cannot be read: what is not known to be
        halted is not.
        """
        order = self.reconciler.people.known_as(order)
        self.reconciler.actuator.announce_halt(listing)  # from here on no raise sends anything more
        rollouts, unread = self._rollouts(listing)
        begun = next((rollout for rollout in rollouts if order.id in rollout.taken), None)
        if begun:
            self._follow(order, begun)
            return None
        store: StoreState | Unread = Unread("a halt does not wait for a look", self.clock.now())
        meant = _halted_by(order, rollouts, unread)
        if meant is None or not meant.still_served:
            store = self.reconciler.glance(listing)
            if _perhaps_wished(store, rollouts, unread):
                store = self.reconciler.glance(listing)
            rollouts, unread = self._with_new(listing, store, self._rollouts(listing))
            meant = _halted_by(order, tuple(_as_looked(rollout, store) for rollout in rollouts), unread)
        if meant is None:
            self._meant_for_nobody(order, store, nobody(order, rollouts))
            return self.clock.now() if _shows_news(store, rollouts) else None
        return self._reconcile(listing, meant, store, order)

    def _meant_for_nobody(self, order: Command, store: StoreState | Unread, why: str) -> None:
        """One that was given past the daemon waits for a look that tells, and goes on waiting where its answer reaches
        nobody, for the database has no such order: whoever misspelled a release wanted something to be stopped."""
        self._answer(order, CommandResult.REFUSED, why)
        if isinstance(store, Unread):
            return
        try:
            row = self.commands.find(order.id)
        except StorageError:
            row = None
        if row and row.finished_at:
            self.brakes.lift(order.id)
        else:
            self.brakes.keep(order.id, why)

    def _import_halts(self, listing: Listing) -> list[Exception]:
        """Halts that people gave past the daemon, before this pass looks: what it sees is their doing then, and nobody's
        in the console. Each waits beside the configuration until the journal has it, and nothing is raised meanwhile."""
        troubles: list[Exception] = []
        for order in self.brakes.halts(listing.id):
            try:
                if not self._in_the_journal(listing, order):
                    self.halt(listing, order)
                if self._in_the_journal(listing, order):
                    self.brakes.lift(order.id)
            except Exception as trouble:  # noqa: BLE001 - it waits on, and keeps no other release from its halt
                troubles.append(trouble)
        return troubles

    def _in_the_journal(self, listing: Listing, order: Command) -> bool:
        """By what the database holds: what is only spooled could still be lost. Raises StorageError."""
        keys = self.recorder.keys(listing.id)
        told = (fact for key in keys for fact in self.recorder.told(key))
        return any(isinstance(fact, Commanded) and fact.command == order.id for fact in told)

    def _look_up(self, listing: Listing, rollouts: tuple[Rollout, ...], troubles: list[Exception]) -> None:
        """What crashed in those that fail, once all of them had their turn."""
        for rollout in rollouts:
            try:
                look_up_issues(self.recorder, listing, rollout.key, self.clock)
            except Exception as trouble:  # noqa: BLE001 - a mistake here is told, and no other's
                troubles.append(trouble)

    def _follow(self, order: Command, rollout: Rollout) -> None:
        """Answer a halt that was begun before, if there is an answer."""
        halt = rollout.halt
        if halt and halt.confirmed:
            self._answer(order, CommandResult.DONE, "halted: read back in the store")
        elif rollout.final:
            self._answer(order, CommandResult.FAILED, FINAL)
        elif halt is None and rollout.hold and rollout.never_out:
            self._answer(order, CommandResult.DONE, KEPT_BACK)
        elif halt is None or rollout.superseded_by:
            self._answer(order, CommandResult.FAILED, rollout.reason or "the halt was taken back")

    def _rollouts(self, listing: Listing) -> _Rollouts:
        """Those whose journals can be read, and what is wrong with the others'."""
        known, unread = self.recorder.load_all(listing.id)
        return tuple(each.rollout for each in known), unread

    def _with_new(self, listing: Listing, store: StoreState | Unread, known: _Rollouts) -> _Rollouts:
        """The same once the releases that the store shows and no journal knows are written down."""
        if isinstance(store, Unread):
            return known
        rollouts, unread = known
        found = discover(store, rollouts, listing.policy, listing.on_new_release, self._past(listing, store))
        new = [(_key(listing, release), self._by_whom(listing, release, told)) for release, told in found]
        new = [
            (key, told) for key, told in new if key not in unread
        ]  # that has a journal, if an unreadable one
        if not new:
            return known
        try:
            for key, told in new:
                self.recorder.begin(key, told, self.clock.now())
        except StorageError as trouble:
            log.error("%s: a new release cannot be written down: %s", listing.id, trouble)  # noqa: TRY400
        return self._rollouts(listing)

    def _by_whom(self, listing: Listing, release: Release, told: tuple[Fact, ...]) -> tuple[Fact, ...]:
        """A release found halted was halted in the console, but for one whose halt waits beside the configuration: whose
        that was is known, and it is written down next. Where the journal may lack its end it may have been ours."""
        if lacks_its_end(self.reconciler.footing.reasons(self.clock.now())):
            told = by_nobody_known(told)
        waiting = self.brakes.halts(listing.id)
        ours = any(not order.release or release.answers_to(order.release) for order in waiting)
        return tuple(fact for fact in told if not (ours and isinstance(fact, Drifted)))

    def _past(self, listing: Listing, store: StoreState) -> str | None:
        """What was complete before we ever looked; the first look that finds anything complete keeps it. Where the
        database does not say, nothing complete is taken for new: a look that can read it will."""
        complete = newest_complete(store)
        try:
            past = self.presence.past(listing.id)
            if past is None and complete is not None:
                self.presence.keep_past(listing.id, complete, self.clock.now())
        except StorageError as trouble:
            log.error("%s: what was there before is not known: %s", listing.id, trouble)  # noqa: TRY400
            return complete
        return past

    def _orders(self, listing: Listing, rollouts: tuple[Rollout, ...]) -> dict[RolloutKey, Command]:
        """The oldest waiting order for each rollout; none while they cannot be read. Halts have their lane."""
        try:
            waiting = self.commands.waiting()
        except StorageError as trouble:
            log.error("orders cannot be read: %s", trouble)  # noqa: TRY400
            return {}
        addressed: dict[RolloutKey, Command] = {}
        known = map(self.reconciler.people.known_as, waiting)
        for order in sorted(
            known, key=lambda order: not order.verb.brakes
        ):  # what stops comes before what raises
            ours = (order.app, order.store) == (listing.id.app, listing.id.store)
            expired = order.expires_at is not None and order.expires_at <= self.wall.now()
            if not ours or expired or order.verb is CommandVerb.HALT:
                continue
            meant = addressee(order, rollouts)
            if meant is None:
                self._answer(order, CommandResult.REFUSED, nobody(order, rollouts))
            else:
                addressed.setdefault(meant.key, order)
        return addressed

    def _reconcile(
        self,
        listing: Listing,
        rollout: Rollout,
        store: StoreState | Unread,
        order: Command | None,
        others: tuple[Rollout, ...] = (),
    ) -> datetime:
        """Returns when the rollout is due again."""
        if order and order.id in rollout.taken:
            return self._answer_late(listing, rollout, store, order, others)
        if order and not self._take(order):
            return self.clock.now()
        try:
            done = self.reconciler.reconcile(listing, rollout.key, store, order, others)
        except StaleJournal:
            log.info("%s: its journal went on during the pass; looking again", rollout.key)
            return self.clock.now()
        if order is None:
            return done.due
        result, text = _result(done)
        if order.verb is CommandVerb.HALT and result is CommandResult.FAILED:
            self._note(order, text)
            return self.clock.now()  # a pass tries again at once; after that, the passes' own pace holds
        self._answer(order, result, text)
        return self.clock.now()

    def _answer_late(
        self,
        listing: Listing,
        rollout: Rollout,
        store: StoreState | Unread,
        order: Command,
        others: tuple[Rollout, ...],
    ) -> datetime:
        """The order was taken up by a daemon that did not live to answer it: this look settles what was in doubt."""
        self._reconcile(listing, rollout, store, None, others)
        try:
            result, text = became_of(order.id, self.recorder.told(rollout.key))
        except StorageError as trouble:
            log.error("the order %s cannot be answered yet: %s", order.id, trouble)  # noqa: TRY400
        else:
            self._answer(order, result, text)
        return self.clock.now()

    def _take(self, order: Command) -> bool:
        """False when the order has its answer already. A halt does not wait for the database."""
        try:
            return self.commands.take(order.id, self.wall.now()) or order.verb is CommandVerb.HALT
        except StorageError:
            if order.verb is not CommandVerb.HALT:
                raise
            return True

    def _note(self, order: Command, text: str) -> None:
        try:
            self.commands.note(order.id, text)
        except StorageError as trouble:
            log.error("the order %s cannot be answered: %s", order.id, trouble)  # noqa: TRY400

    def refuse(self, order: Command, text: str) -> None:
        """Answer an order that is for none of ours."""
        self._answer(order, CommandResult.REFUSED, text)

    def _answer(self, order: Command, result: CommandResult, text: str) -> None:
        try:
            self.commands.finish(order.id, result, text, self.wall.now())
        except StorageError as trouble:
            log.error("the order %s cannot be answered: %s", order.id, trouble)  # noqa: TRY400


def _perhaps_wished(
    store: StoreState | Unread, rollouts: tuple[Rollout, ...], unread: dict[RolloutKey, StorageError]
) -> bool:
    """Whether what was read may be a change that a process which died has begun, and nobody gets: a look that may show
    that, while a change is open or a journal does not say."""
    may_show_it = isinstance(store, StoreState) and store.perhaps_wished
    return may_show_it and (bool(unread) or any(rollout.intent for rollout in rollouts))


def _key(listing: Listing, release: Release) -> RolloutKey:
    return RolloutKey(listing.id.app, listing.id.store, release.id)


def _halted_by(
    order: Command, rollouts: tuple[Rollout, ...], unread: dict[RolloutKey, StorageError]
) -> Rollout | None:
    """Which rollout the halt means. Raises StorageError where it may be one of the `unread`."""
    meant = addressee(order, rollouts)
    going_on = meant is not None and meant.still_served and not meant.finished
    if unread and not (going_on or (meant is not None and order.release)):
        raise next(iter(unread.values()))
    return meant


def _brought_about(done: Pass) -> bool:
    """By what the journal says after the act, not by what the act says of itself."""
    rollout = done.known.rollout
    if done.decision.change and done.decision.change.verb is Verb.HALT:
        return rollout.halt is not None and rollout.halt.confirmed
    settled = done.outcome is not None and done.outcome.settlement in (
        Settlement.CONFIRMED,
        Settlement.ALREADY,
    )
    return settled and rollout.intent is None


def _shows_news(store: StoreState | Unread, rollouts: tuple[Rollout, ...]) -> bool:
    """Whether a look that was no pass shows what the journals do not say, believed or not yet: a pass has to see it at
    once, for whoever did it may take it back before the next regular one, and nobody has known (promise R10)."""
    return isinstance(store, StoreState) and any(_shows_new(store, rollout) for rollout in rollouts)


def _shows_new(store: StoreState, rollout: Rollout) -> bool:
    found = None if rollout.finished else shown(rollout, store)
    stands_elsewhere = found is not None and Seen.of(found) != rollout.seen
    return stands_elsewhere or bool(learn(rollout, store, store.as_of))


def _as_looked(rollout: Rollout, store: StoreState | Unread) -> Rollout:
    """The rollout with what this look shows of it, to tell which release is meant."""
    at = store.as_of
    return extend(rollout, learn(rollout, store, at), at)


def _result(done: Pass) -> tuple[CommandResult, str]:
    """What became of an order: done, refused or failed, and the words for it."""
    said = next((fact for fact in done.decision.also if isinstance(fact, Commanded)), None)
    if said is not None and not said.accepted:
        return CommandResult.REFUSED, said.text
    text = said.text if said else ""
    if any(reason.code == SECOND_PERSON for reason in done.decision.reasons):
        return CommandResult.FAILED, text
    if done.outcome is None or (said is not None and said.verb is CommandVerb.APPROVE):
        return CommandResult.DONE, text
    if _brought_about(done):
        return CommandResult.DONE, f"{text}: {done.outcome.detail}"
    return CommandResult.FAILED, f"{text}: {done.outcome.settlement.value}: {done.outcome.detail}"
