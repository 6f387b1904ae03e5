"""R11 by Slack: one wish is one order, and only of those who may; a halt that was pressed is one; everybody hears of it.

What lets more people have a release is an order once its person has said why.

Held against each other: what Slack has of presses and messages, the orders as they were left, and the journal. Not
looked at is what a daemon has forgotten that died, and what one could not keep whose disk failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.journal import CLOCKS_APART
from tests.judge.ledger import instant
from tests.judge.patience import SLACK, awake_for
from tests.judge.presses import IN_WORDS, Press, pressed, wishes

FRESH, FRESH_BRAKE = timedelta(minutes=5), timedelta(hours=1)
FRESH_REASON = timedelta(minutes=15)
AT_ONCE, BEFORE_A_BRAKE = timedelta(minutes=1), timedelta(seconds=5)
_BRAKES = ("halt", "hold")


def without_right(case: Case) -> list[Finding]:
    return [_finding("orders_without_right", order, text) for order, text in _without_right(case)]


def doubled(case: Case) -> list[Finding]:
    return [
        *(_finding("presses_doubled", order, text) for order, text in _doubled(case)),
        *(_finding("presses_doubled", order, text) for order, text in _both(case)),
    ]


def lost(case: Case) -> list[Finding]:
    return [
        Finding("presses_lost", press.at.isoformat(), press.key.app, text)
        for press, text in (*_halts_lost(case), *_untold(case))
    ]


def _finding(check: str, order: Record, text: str) -> Finding:
    return Finding(check, str(order["at"]), str(order["app"]), text)


def _orders(case: Case) -> list[Record]:
    return [order for order in case.evidence.orders if order.get("via") == "slack" and _by_button(order)]


def _by_button(order: Record) -> bool:
    """Others are drawn as if they came from there, without a message."""
    return str(order["id"]).startswith("slack")


def _without_right(case: Case) -> Iterator[tuple[Record, str]]:
    known = list(pressed(case.evidence))
    accounts = {person.get("slack") for person in case.evidence.people if person.get("slack")}
    for order in _orders(case):
        if order["account"] not in accounts:
            yield order, f"{order['verb']} was ordered by Slack for {order['account']}, who is nobody there"
        behind = [press for press in known if _fits(press, order)]
        if not behind:
            yield (
                order,
                f"{order['verb']} was ordered by Slack, and {order['account']} has pressed no such button",
            )
        elif not _own_clock_is_wrong(case) and not any(_is_fresh(press) for press in behind):
            yield (
                order,
                f"{order['verb']} was ordered by a press that came {behind[0].arrived - behind[0].at} late",
            )
        elif order["verb"] in IN_WORDS and not any(_said_in_time(case, press, order) for press in behind):
            yield order, f"{order['verb']} was ordered, and {order['account']} has not said in time why"


def _fits(press: Press, order: Record) -> bool:
    """What raises says at which share its person saw the release; for a brake that is all one."""
    saw = {"release": press.key.id, "exposure_ppm": press.exposure_ppm}
    return (
        (press.user, press.verb) == (order["account"], order["verb"])
        and press.key == (order["app"], order["store"], order["release"])
        and (press.verb in _BRAKES or saw in order["saw"])
    )


def _is_fresh(press: Press) -> bool:
    most = FRESH_BRAKE if press.verb in _BRAKES else FRESH
    return press.arrived - press.at <= most + CLOCKS_APART


def _said_in_time(case: Case, press: Press, order: Record) -> bool:
    if _own_clock_is_wrong(case):
        return bool(press.said)
    until = min(press.at + FRESH_REASON, instant(str(order["at"]))) + CLOCKS_APART
    return any(said <= until for said in press.said)


def _own_clock_is_wrong(case: Case) -> bool:
    """At any time of the story: then how old a press is depends on who looks."""
    return any(entry.told is not None for entry in case.journal.entries)


def _doubled(case: Case) -> Iterator[tuple[Record, str]]:
    wanted = wishes(list(pressed(case.evidence)))
    for same in _alike(_orders(case)):
        order = same[0]
        wished = sum(
            1 + _deaths_within(case, wish) for wish in wanted if _fits(wish[0], order) and _is_meant(wish)
        )
        if len(same) > wished:
            yield (
                order,
                f"{wished} times {order['account']} wanted {order['verb']}, and it was ordered {len(same)} times",
            )
    lost = {(entry.key, entry.at) for entry in case.journal.entries if entry.seq in case.evidence.lost}
    orders = (
        o for o in case.journal.orders if o.verb != "start" and (o.key, o.at) not in lost
    )  # which are open again
    accepted = Counter(order.command for order in orders)
    for order in _orders(case):
        if accepted[str(order["id"])] > 1:
            yield order, f"one press of {order['verb']} was carried out {accepted[str(order['id'])]} times"


def _is_meant(wish: list[Press]) -> bool:
    return any(press.wanted for press in wish)


def _deaths_within(case: Case, wish: list[Press]) -> int:
    """What a click meant its daemon has forgotten, if it died before the next one. That one meets what has become of the
    release by then."""
    since, until = wish[0].arrived, wish[-1].arrived + SLACK
    return sum(since <= instant(death) <= until for death in case.evidence.deaths) if wish[1:] else 0


def _alike(orders: list[Record]) -> Iterator[list[Record]]:
    found: dict[tuple[object, ...], list[Record]] = {}
    for order in orders:
        what = tuple(str(order[name]) for name in ("account", "verb", "app", "store", "release", "saw"))
        found.setdefault(what, []).append(order)
    yield from found.values()


def _both(case: Case) -> Iterator[tuple[Record, str]]:
    """Two people who look at the same thing and press something within a minute: one of it happens. A halt waits for
    nobody, and more than one may agree."""
    accepted = {order.command for order in case.journal.orders}
    known = wishes(list(pressed(case.evidence)))
    taken: list[tuple[Press, Record]] = []
    for order in _orders(case):
        behind = [press for wish in known if _fits(wish[0], order) for press in wish[:1] if _is_meant(wish)]
        if str(order["id"]) in accepted and len(behind) == 1:
            taken.append((behind[0], order))
    for place, (first, _) in enumerate(taken):
        for second, order in taken[place + 1 :]:
            if _stand_against_each_other(first, second) and not _forgotten(case, first, second):
                yield (
                    order,
                    f"{first.verb} by {first.user} and {second.verb} by {second.user} within a minute: both were done",
                )


def _stand_against_each_other(first: Press, second: Press) -> bool:
    """A brake waits a moment only for whatever came before it: who insists on it has seen the other one."""
    together = first.verb == second.verb == "approve"
    halts = "halt" in (first.verb, second.verb)
    if first.seen != second.seen or together or halts:
        return False
    pairs = [(one, other) for one in first.wanted for other in second.wanted]
    return bool(pairs) and all(abs(other - one) <= _stands(first, second, one, other) for one, other in pairs)


def _stands(first: Press, second: Press, one: datetime, other: datetime) -> timedelta:
    later = second if other >= one else first
    return BEFORE_A_BRAKE if later.verb in _BRAKES else AT_ONCE


def _forgotten(case: Case, first: Press, second: Press) -> bool:
    """The daemon died between them, or came to the later one long after."""
    came = (first.arrived, second.arrived, *first.said, *second.said)
    since, until = min(came), max(came)
    return any(since <= instant(death) <= until + SLACK for death in case.evidence.deaths)


def _halts_lost(case: Case) -> Iterator[tuple[Press, str]]:
    accounts = {person.get("slack") for person in case.evidence.people}
    left = [order for order in _orders(case) if order["verb"] == "halt"]
    for press in pressed(case.evidence):
        if press.verb != "halt" or press.user not in accounts or press.arrived - press.at > FRESH_BRAKE:
            continue
        if _hindered(case, press.arrived, acknowledged=press.acknowledged) or _own_clock_is_wrong(case):
            continue
        if not any(_fits(press, order) for order in left):
            yield press, f"{press.user} pressed halt, and nothing was ordered"


def _hindered(case: Case, since: datetime, *, acknowledged: bool = False) -> bool:
    """Its daemon died, its disk failed, or the story ended, before it could write the order down. Of what was acknowledged no
    death takes anything: it is written down by then."""
    until = awake_for(case, since, SLACK)
    troubles = (*(() if acknowledged else case.evidence.deaths), *case.evidence.unwritten)
    return until > case.ended_at or any(since <= instant(at) <= until for at in troubles)


def _untold(case: Case) -> Iterator[tuple[Press, str]]:
    """Where Slack took everything: whoever pressed has heard something of it, by themselves."""
    if _slack_fails(case):
        return
    told = [(r["user"], instant(r["at"])) for r in case.evidence.ledger if r["type"] == "slack_ephemeral"]
    deaths = [instant(death) for death in case.evidence.deaths]
    for wish in wishes(list(pressed(case.evidence))):
        press = wish[0]
        forgotten = any(death >= press.arrived for death in deaths) or _hindered(case, press.arrived)
        since = max((press.arrived, *(said for each in wish for said in each.said[:1])))
        shown = any(each.asked for each in wish) and not _is_meant(wish)
        heard = shown or any(user == press.user and at >= since for user, at in told)
        if not (heard or forgotten or _may_be_open(case, since)):
            yield press, f"{press.user} pressed {press.verb}, and was never told what came of it"


def _may_be_open(case: Case, since: datetime) -> bool:
    """Whoever waits is told so after half a minute, at the next look."""
    return since + timedelta(minutes=20) > case.ended_at


def _slack_fails(case: Case) -> bool:
    return any(
        record["type"] in ("fault", "outage") and record["service"] == "slack"
        for record in case.evidence.ledger
    )
