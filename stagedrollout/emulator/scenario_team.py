"""The team of a story, and what its people order: from a scenario's `team` and `orders`.

The emulator only keeps these, and hands an order out when its time has come. What a verb means, and who may give it, is
for whoever carries it out to know; the words stand here as text, so that a slip is told with its line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.scenario import GOOGLE_PLAY, STORES, Member, Ordered
from stagedrollout.emulator.yaml_section import Section, duration, one_of, percent_ppm, text, texts

VERBS = (
    *("start", "hold", "resume", "halt", "advance", "complete"),
    *("approve", "reject", "skip-bake", "ignore", "set-policy"),
)
WAYS = ("cli", "slack")
RIGHTS = ("raise", "approve")


def read_member(section: Section) -> Member:
    """One entry of `team`."""
    member = Member(
        name=section.get("name", text, ""),
        os_user=section.get("os_user", text, "", default=""),
        slack=section.get("slack", text, "", default=""),
        groups=section.get("groups", texts, (), default=()),
        rights=section.get("rights", _rights, None, default=None),
    )
    section.done()
    if not (member.os_user or member.slack):
        section.problem("name", "needs an account: os_user, slack, or both")
    return member


def _rights(value: Any) -> tuple[str, ...]:
    """Nobody's rights at all are a list as well: an empty one."""
    rights = texts(value) if value else ()
    for right in rights:
        one_of(*RIGHTS)(right)
    return rights


def read_order(section: Section, store_of: Callable[[str], str]) -> Ordered:
    """One entry of `orders`; `store_of` knows where an app is when the order does not say."""
    app = section.get("app", text, "")
    usual = store_of(app)
    order = Ordered(
        at=section.get("at", duration, timedelta(0)),
        by=section.get("by", text, ""),
        verb=section.get("verb", one_of(*VERBS), VERBS[0]),
        app=app,
        store=section.get("store", one_of(*STORES), GOOGLE_PLAY, default=usual),
        release=section.get("release", text, "", default=""),
        reason=section.get("reason", text, ""),
        to_ppm=section.get("to", percent_ppm, None, default=None),
        lasts=section.get("for", duration, None, default=None),
        policy=section.get("policy", text, "", default=""),
        via=section.get("via", one_of(*WAYS), WAYS[0], default=WAYS[0]),
    )
    section.done()
    return order


def check_orders(root: Section, team: tuple[Member, ...], orders: tuple[Ordered, ...]) -> None:
    """Every order is of somebody in the team, who has an account to give it by."""
    for order in orders:
        member = next((each for each in team if each.name == order.by), None)
        if member is None:
            root.problem("orders", f"are also given by {order.by!r}, who is not in team")
        elif not member.account(order.via):
            root.problem("orders", f"go by {order.via} from {order.by}, who has no account there")


@dataclass(frozen=True, slots=True)
class Due:
    """An order whose time has come; `number` is how whoever carried it out calls it."""

    number: int
    at: datetime
    account: str
    order: Ordered

    def document(self) -> dict[str, Any]:
        order = self.order
        return {
            "number": self.number,
            "at": iso(self.at),
            "by": order.by,
            "account": self.account,
            "verb": order.verb,
            "app": order.app,
            "store": order.store,
            "release": order.release,
            "reason": order.reason,
            "to_percent": None if order.to_ppm is None else order.to_ppm / 10_000,
            "for_seconds": None if order.lasts is None else int(order.lasts.total_seconds()),
            "policy": order.policy,
            "via": order.via,
        }


class Orders:
    """The orders of one story, in the order of their times.

    Nobody has to carry them out. Whoever asks for them says by that that they will: from then on the clock stands still
    at each, until it is said to be done.
    """

    def __init__(self, start: datetime, team: tuple[Member, ...], orders: tuple[Ordered, ...]) -> None:
        accounts = {(member.name, way): member.account(way) for member in team for way in WAYS}
        planned = sorted(orders, key=lambda order: order.at)
        self._left = [
            Due(number, start + order.at, accounts.get((order.by, order.via), ""), order)
            for number, order in enumerate(planned, start=1)
        ]
        self._asked = False

    @property
    def waits_at(self) -> datetime | None:
        """Where the clock has to wait for somebody; None where it need not."""
        return self._left[0].at if self._asked and self._left else None

    def due(self, now: datetime) -> list[dict[str, Any]]:
        """Those whose time has come and that nobody has done yet."""
        self._asked = True
        return [each.document() for each in self._left if each.at <= now]

    def done(self, number: int) -> None:
        """Raises ValueError for one that is not waiting."""
        if not any(each.number == number for each in self._left):
            raise ValueError(f"no order {number} is waiting")
        self._left = [each for each in self._left if each.number != number]
