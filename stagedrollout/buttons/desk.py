"""Where a press is looked at and becomes an order, or is refused.

What holds here:

- A value that we have not sealed ourselves is nobody's: its presser is told nothing but that, and it stands in the journal
  of the rollout on whose message it was, if there is one.
- Whoever is not listed presses nothing, not even a halt; that they tried stands in the journal. So does a press that
  arrives long after it was made: what permits something after five minutes, a brake after an hour, for a machine's
  clock may be wrong and people must be able to stop a release all the same.
- What permits something is an order once its person has said why, within a quarter of an hour (asking.py); a brake takes
  one tap.
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

from stagedrollout.buttons.asking import IN_WORDS, Asking
from stagedrollout.buttons.claims import Claim, Claims
from stagedrollout.buttons.following import Following
from stagedrollout.buttons.ports import Book, Orders
from stagedrollout.buttons.pressed import Dismissed, Heard, Pressed, Said
from stagedrollout.buttons.roster import Roster
from stagedrollout.core import facts
from stagedrollout.core.errors import EdgeError, StorageError
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, RolloutKey, Via
from stagedrollout.core.offer import Offer, Press, Seal
from stagedrollout.core.people import Person
from stagedrollout.core.ports import Clock

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=5)
FRESH_BRAKE = timedelta(hours=1)
FRESH_REASON = timedelta(minutes=15)
"""From the press to the reason for it: so long what was seen when it was pressed is worth something."""

ORDER_LASTS = timedelta(minutes=15)
"""A permissive order that nobody could carry out is void after this; a brake never is."""

NOTED_AGAIN = timedelta(minutes=10)
"""How often the same refusal to the same account is written down."""

NOTED_MAX = 200

NOT_OURS = "Refused: that button is not valid any more. The first message of the thread has those that are."
NOT_LISTED = "Refused: you are not among the people who may press this."
NOT_LOOKED_UP = "Refused: who may press this cannot be looked up at the moment. Try again in a minute, or use the command line."
TOO_OLD = "Refused: that press took too long to arrive. Press again."
SAY_WHY = "Say why: it stands in the journal and in Slack."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`wall` is the machine's own time, which presses and orders live by; `clock` the releases'. Used by one thread."""

    seal: Seal
    roster: Roster
    orders: Orders
    book: Book
    following: Following
    asking: Asking
    wall: Clock
    clock: Clock
    claims: Claims
    noted: dict[tuple[str, ...], datetime]

    def go_on_from(self, before: Desk) -> None:
        """In place of another one that has ended: what it knew of presses is known here."""
        self.following.go_on_from(before.following)
        self.asking.go_on_from(before.asking)
        self.claims.go_on_from(before.claims)
        self.noted.update(before.noted)

    def take(self, heard: Heard) -> str:
        """What is wrong with what was typed, in words for whoever typed it; "" where nothing is. Raises nothing but a
        mistake of ours."""
        self._let_go()
        match heard:
            case Said() if not heard.reason.strip():
                return SAY_WHY
            case Said():
                press = _id(heard.pressed)
                self._take(press, self.asking.asked(press, heard.pressed), heard.reason.strip())
            case Dismissed():
                self.claims.drop(_id(heard.pressed))
                self.asking.forget(_id(heard.pressed))
            case Pressed():
                self._take(_id(heard), heard, "")
        return ""

    def _let_go(self) -> None:
        """What had no effect stands in nobody's way."""
        for ended in (self.following.without_effect, self.asking.in_vain):
            while ended:
                press = ended.popleft()
                self.claims.drop(press)
                self.asking.forget(press)

    def _take(self, press: str, pressed: Pressed, reason: str) -> None:
        if self.following.knows(press):  # it came again
            return
        offer = self.seal.opened(pressed.value)
        if offer is None:
            self._forged(press, pressed)
            return
        person = self.roster.find(pressed.user)
        if person is None and self.roster.unsure:
            why = "not listed, and Slack does not tell at the moment who is in its user groups"
            self._refuse(press, pressed, offer, who=pressed.user, why=why, said=NOT_LOOKED_UP)
        elif person is None:
            why = "not listed as somebody who may press buttons"
            self._refuse(press, pressed, offer, who=pressed.user, why=why, said=NOT_LISTED)
        elif abs(self.wall.now() - pressed.at) > _fresh(offer.press, reason):
            why = "pressed too long before it arrived"
            self._refuse(press, pressed, offer, who=person.name, why=why, said=TOO_OLD)
        else:
            self._wish(press, pressed, offer, person, reason)

    def _wish(self, press: str, pressed: Pressed, offer: Offer, person: Person, reason: str) -> None:
        """What somebody who may press wants, once for all its clicks."""
        order = self.claims.same_click(pressed.user, pressed.value, pressed.at, press)
        if self.following.knows(order):
            return
        if offer.press is Press.ACKNOWLEDGE:
            self._acknowledge(order, pressed, offer, person)
        elif offer.press in IN_WORDS and not reason:
            self._ask(order, pressed, offer, person)
        else:
            self._order(order, pressed, offer, person, reason or _no_reason(offer))

    def _ask(self, order: str, pressed: Pressed, offer: Offer, person: Person) -> None:
        """Nobody types a reason for what is not theirs to order; that is asked again of the order itself."""
        barred = self.roster.known_as(self._command(order, pressed, offer, _no_reason(offer))).barred
        if barred:
            self._refuse(order, pressed, offer, who=person.name, why=barred, said=f"Refused: {barred}.")
            return
        self.asking.ask(order, pressed, offer)

    def _order(self, order: str, pressed: Pressed, offer: Offer, person: Person, reason: str) -> None:
        at = max(pressed.at, self.wall.now()) if offer.press in IN_WORDS else pressed.at
        first = self.claims.against(offer, Claim(offer.press, person.name, order, at))
        if first:
            why = f"{first.by} has just pressed {first.press.value}"
            said = f"Refused: {why}. Look at what comes of it, and press again if it is still wanted."
            self._refuse(order, pressed, offer, who=person.name, why=why, said=said, reason=reason)
            return
        try:
            self.orders.put(self._command(order, pressed, offer, reason))
        except StorageError as error:
            self._failed(order, pressed, offer, error)
            return
        self.following.order(order, pressed, offer, person.name, self._now())

    def _command(self, order: str, pressed: Pressed, offer: Offer, reason: str) -> Command:
        now, verb = self.wall.now(), CommandVerb(offer.press.value)
        return Command(
            id=order,
            verb=verb,
            app=offer.rollout.app,
            store=offer.rollout.store,
            actor=Actor(ActorKind.HUMAN, pressed.user),
            reason=reason,
            created_at=now,
            expires_at=None if verb.brakes else now + ORDER_LASTS,
            release=offer.rollout.release_id,
            expected=offer.expected,
            via=Via.SLACK,
        )

    def _acknowledge(self, order: str, pressed: Pressed, offer: Offer, person: Person) -> None:
        try:
            halt = self.book.rollout(offer.rollout).halt
            if halt is None or halt.at != offer.halted_at:
                self.following.note(order)
                self.following.whisper(
                    pressed, "Refused: that halt is over. Look at the first message of the thread."
                )
                return
            if self.book.rollout(offer.rollout).answered != halt.at:
                seen = facts.Acknowledged(Actor(ActorKind.HUMAN, person.name), halt.at)
                self.book.note(offer.rollout, (seen,), self._now())
        except StorageError as error:
            self._failed(order, pressed, offer, error)
            return
        self.following.note(order)
        line = f"Acknowledged by {person.name} at {self._now():%H:%M} UTC"
        self.following.told(pressed, line, gone=frozenset({pressed.value}))

    def _forged(self, press: str, pressed: Pressed) -> None:
        """None of what it says is believed, and none of it is repeated."""
        self.following.note(press)
        self.following.whisper(pressed, NOT_OURS)
        if not self._anew((pressed.user, "forged")):
            return
        log.warning("slack: %s pressed a button that is none of ours: refused", pressed.user)
        try:
            rollout = self.book.told_by(pressed.channel, pressed.ts)
        except StorageError as error:
            log.error("slack: whose message that was cannot be told: %s", error)  # noqa: TRY400
            return
        if rollout is not None:
            who = Actor(ActorKind.HUMAN, pressed.user)
            self._write_down(rollout, facts.PressRefused(who, "", "its value is none of ours"))

    def _refuse(  # noqa: PLR0913 - what was pressed by whom, and both ways to say why it comes to nothing
        self, press: str, pressed: Pressed, offer: Offer, *, who: str, why: str, said: str, reason: str = ""
    ) -> None:
        """Into the journal, in words of ours; the same one not again and again."""
        self.following.note(press)
        self.following.whisper(pressed, said)
        if not self._anew((pressed.user, str(offer.rollout), offer.press.value, why)):
            return
        actor, verb = Actor(ActorKind.HUMAN, who), offer.press.verb
        log.warning(
            "%s: %s by %s, pressed in Slack, is refused: %s", offer.rollout, offer.press.value, who, why
        )
        if verb is None:
            self._write_down(offer.rollout, facts.PressRefused(actor, offer.press.value, why))
            return
        told = reason or _no_reason(offer)
        self._write_down(offer.rollout, facts.Commanded(press, verb, actor, told, accepted=False, text=why))

    def _write_down(self, rollout: RolloutKey, told: facts.Fact) -> None:
        try:
            self.book.note(rollout, (told,), self._now())
        except StorageError as error:
            log.error("%s: a refused press could not be written down: %s", rollout, error)  # noqa: TRY400

    def _failed(self, order: str, pressed: Pressed, offer: Offer, error: StorageError) -> None:
        """The press is lost, and with a halt that must be said: there is another way. Whoever presses next may try."""
        log.error("%s: %s by Slack could not be written down: %s", offer.rollout, offer.press.value, error)
        self.claims.drop(order)
        self.asking.forget(order)
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


def _fresh(press: Press, reason: str) -> timedelta:
    """How long after it was pressed it counts."""
    if press.brakes:
        return FRESH_BRAKE
    return FRESH_REASON if reason else FRESH


def _no_reason(offer: Offer) -> str:
    return f"by Slack: {offer.press.value}"


def _id(pressed: Pressed) -> str:
    """The same for the same press, whenever and however often it arrives."""
    said = f"{pressed.user}\n{pressed.value}\n{pressed.stamp}"
    return "slack" + hashlib.sha256(said.encode()).hexdigest()[:40]
