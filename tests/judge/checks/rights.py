"""R11: who may not order something changes nothing by it, and what nobody ordered is carried out for nobody."""

from __future__ import annotations

from collections.abc import Iterator

from tests.judge import people
from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Order

CHECK = "orders_without_right"


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, order.at.isoformat(), order.key.app, text)
        for order in case.journal.orders
        for text in _faults(case, order)
    ]


def _faults(case: Case, order: Order) -> Iterator[str]:
    left = people.ordered(case.evidence, order.command)
    who = people.behind(case.evidence, order.command, order.person)
    if (
        case.evidence.orders and left is None and order.verb not in people.BRAKES
    ):  # a halt may be given past it all
        yield f"{order.verb} was carried out for {who}, and nobody had ordered it"
    elif left is not None and left["verb"] != order.verb:
        yield f"{order.verb} was carried out for {who}, who had ordered {left['verb']}"
    elif not people.may(case.evidence, order.command, order.person, order.verb):
        yield f"{order.verb} was carried out for {who}, whose right it was not"
    elif case.evidence.people and order.person not in (who, f"{who} (not listed)"):
        yield f"{order.verb} of {who} stands in the journal as one of {order.person}"
