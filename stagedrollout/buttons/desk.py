"""Where a press is looked at and becomes an order, or is refused.

What holds here:

- A value that we have not sealed ourselves is nobody's: it is logged, and its presser is told nothing but that.
- Whoever is not listed presses nothing, not even a halt; that they tried stands in the journal. So does a press that
  arrives long after it was made: what permits something after five minutes, a brake after an hour, for a machine's
  clock may be wrong and people must be able to stop a release all the same.
- One wish is one order: its id is made from the press. A double click and a payload that comes again find it there.
- The order carries what the person saw, and the daemon holds it against what has become of it (rules/overrides.py), asks
  for their rights, and answers in words. The desk decides nothing about releases.
- Nothing here talks to Slack: what is to be told waits in a queue of its own, so that a slow answer delays no halt.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.buttons.claims import Claim, Claims
from stagedrollout.buttons.following import Following
from stagedrollout.buttons.ports import Book, Orders
from stagedrollout.buttons.pressed import Pressed
from stagedrollout.buttons.roster import Roster
from stagedrollout.core import facts
from stagedrollout.core.errors import EdgeError, StorageError
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Via
from stagedrollout.core.offer import Offer, Press, Seal
from stagedrollout.core.people import Person
from stagedrollout.core.ports import Clock

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=5)
FRESH_BRAKE = timedelta(hours=1)
ORDER_LASTS = timedelta(minutes=15)
"""A permissive order that nobody could carry out is void after this; a brake never is."""

NOTED_AGAIN = timedelta(minutes=10)
"""How often the same refusal to the same account is written down."""

NOTED_MAX = 200

NOT_OURS = "Refused: that button is not valid any more. The first message of the thread has those that are."
NOT_LISTED = "Refused: you are not among the people who may press this."
TOO_OLD = "Refused: that press took too long to arrive. Press again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`wall` is the machine's own time, which presses and orders live by; `clock` the releases'. Used by one thread."""

    seal: Seal
    roster: Roster
    orders: Orders
    book: Book
    following: Following
    wall: Clock
    clock: Clock
    claims: Claims
    noted: dict[tuple[str, ...], datetime]

    def take(self, pressed: Pressed) -> None:
        """Raises nothing but a mistake of ours."""
        offer = self.seal.opened(pressed.value)
        if offer is None:
            if self._anew((pressed.user, "forged")):
                log.warning("slack: %s pressed a button that is none of ours: refused", pressed.user)
            self.following.whisper(pressed, NOT_OURS)
            return
        person = self.roster.find(pressed.user)
        if person is None:
            self._refuse(
                pressed, offer, pressed.user, "not listed as somebody who may press buttons", NOT_LISTED
            )
        elif abs(self.wall.now() - pressed.at) > (FRESH_BRAKE if offer.press.brakes else FRESH):
            self._refuse(pressed, offer, person.name, "pressed too long before it arrived", TOO_OLD)
        elif offer.press is Press.ACKNOWLEDGE:
            self._acknowledge(pressed, offer, person)
        else:
            self._order(pressed, offer, person)

    def _order(self, pressed: Pressed, offer: Offer, person: Person) -> None:
        order_id = self.claims.same_click(pressed.user, pressed.value, pressed.at, _id(pressed))
        if self.following.knows(order_id):
            return
        first = self.claims.against(offer, Claim(offer.press, person.name, order_id, pressed.at))
        if first:
            why = f"{first.by} has just pressed {first.press.value}"
            said = f"Refused: {why}. Look at what comes of it, and press again if it is still wanted."
            self._refuse(pressed, offer, person.name, why, said)
            return
        try:
            self.orders.put(self._command(pressed, offer, order_id))
        except StorageError as error:
            self._failed(pressed, offer, error)
            return
        self.following.order(order_id, pressed, offer, person.name, self._now())

    def _command(self, pressed: Pressed, offer: Offer, order_id: str) -> Command:
        now, verb = self.wall.now(), CommandVerb(offer.press.value)
        return Command(
            id=order_id,
            verb=verb,
            app=offer.rollout.app,
            store=offer.rollout.store,
            actor=Actor(ActorKind.HUMAN, pressed.user),
            reason=f"by Slack: {offer.press.value}",
            created_at=now,
            expires_at=None if verb.brakes else now + ORDER_LASTS,
            release=offer.rollout.release_id,
            expected=offer.expected,
            via=Via.SLACK,
        )

    def _acknowledge(self, pressed: Pressed, offer: Offer, person: Person) -> None:
        try:
            rollout = self.book.rollout(offer.rollout)
            halt = rollout.halt
            if halt is None or halt.at != offer.halted_at:
                self.following.whisper(
                    pressed, "Refused: that halt is over. Look at the first message of the thread."
                )
                return
            if rollout.answered != halt.at:
                seen = facts.Acknowledged(Actor(ActorKind.HUMAN, person.name), halt.at)
                self.book.note(offer.rollout, (seen,), self._now())
        except StorageError as error:
            self._failed(pressed, offer, error)
            return
        self.following.told(pressed, f"Acknowledged by {person.name} at {self._now():%H:%M} UTC", keeps=True)

    def _refuse(self, pressed: Pressed, offer: Offer, who: str, why: str, said: str) -> None:
        """Into the journal, in words of ours; the same one not again and again."""
        self.following.whisper(pressed, said)
        verb = offer.press.verb
        if verb is None or not self._anew((pressed.user, str(offer.rollout), offer.press.value, why)):
            return
        log.warning(
            "%s: %s by %s, pressed in Slack, is refused: %s", offer.rollout, offer.press.value, who, why
        )
        reason = f"by Slack: {offer.press.value}"
        told = facts.Commanded(
            _id(pressed), verb, Actor(ActorKind.HUMAN, who), reason, accepted=False, text=why
        )
        try:
            self.book.note(offer.rollout, (told,), self._now())
        except StorageError as error:
            log.error("%s: a refused press could not be written down: %s", offer.rollout, error)  # noqa: TRY400

    def _failed(self, pressed: Pressed, offer: Offer, error: StorageError) -> None:
        """The press is lost, and with a halt that must be said: there is another way."""
        log.error("%s: %s by Slack could not be written down: %s", offer.rollout, offer.press.value, error)
        halt = f" To stop it: stagedrollout halt {offer.rollout.app}" if offer.press is Press.HALT else ""
        self.following.whisper(pressed, f"NOT DONE: it could not be written down.{halt}")

    def _anew(self, what: tuple[str, ...]) -> bool:
        now, before = self.wall.now(), self.noted.get(what)
        if before is not None and timedelta(0) <= now - before < NOTED_AGAIN:
            return False
        while len(self.noted) >= NOTED_MAX:
            del self.noted[next(iter(self.noted))]
        self.noted[what] = now
        return True

    def _now(self) -> datetime:
        try:
            return self.clock.now()
        except EdgeError:  # an emulator's, that has gone
            return self.wall.now()


def _id(pressed: Pressed) -> str:
    """The same for the same press, whenever and however often it arrives."""
    said = f"{pressed.user}\n{pressed.value}\n{pressed.stamp}"
    return "slack" + hashlib.sha256(said.encode()).hexdigest()[:40]
