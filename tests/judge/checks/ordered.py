"""R4, R11: a person's accepted halt is in the store within one poll and a minute, whatever else goes on.

Not looked at: what nobody could carry out (a release that is over, or that the store has nothing to serve instead of),
and what people took back, by an order or in the console, before it was there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.checks.halts import Due, held_back_by_review, stopped_at
from tests.judge.finding import Finding
from tests.judge.journal import Order
from tests.judge.ledger import APP_STORE, RAISES
from tests.judge.patience import a_poll, deadline
from tests.judge.terms import PPM_ALL

_TAKES_BACK = ("start", "advance", "resume", "complete")


def check(case: Case) -> list[Finding]:
    orders = (order for order in case.journal.orders if order.verb == "halt" and _can_be_done(case, order))
    return [finding for order in orders for finding in _faults(case, order)]


def _faults(case: Case, order: Order) -> Iterator[Finding]:
    due = Due(order.key, order.at, "a person's order", case.run_begun(order.key, order.at))
    stopped = stopped_at(case, due)
    latest = deadline(case, order.key, order.at, patience=a_poll(case), until=stopped or case.ended_at)
    in_time = latest > case.ended_at if stopped is None else stopped <= latest
    if in_time or _taken_back(case, order, latest) or held_back_by_review(case, due, latest):
        return
    name = case.served[order.key][0].name
    if stopped is None:
        yield _finding("halts_lost", order, f"{name} was never halted, although a person had ordered it")
    else:
        yield _finding(
            "halts_late", order, f"{name} was halted {stopped - order.at} after a person had ordered it"
        )


def _finding(check: str, order: Order, text: str) -> Finding:
    return Finding(check, order.at.isoformat(), order.key.app, text)


def _can_be_done(case: Case, order: Order) -> bool:
    serving = case.serving_before(order.key, order.at)
    if serving is None or not serving.exposure_ppm:
        return False
    if order.key.store == APP_STORE:
        return serving.exposure_ppm < PPM_ALL
    return case.has_fallback(order.key)


def _taken_back(case: Case, order: Order, latest: datetime) -> bool:
    by_console = any(
        not change.ours and change.kind in RAISES and order.at <= change.at <= latest
        for change in case.of(order.key)
    )
    return by_console or case.journal.ordered_between(order.key, order.at, latest, *_TAKES_BACK)
