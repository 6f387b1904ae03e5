"""Halts that people gave past the daemon: they reach the store from the same account, and no journal knows them yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.ledger import Key, instant
from tests.judge.patience import ONE_WAY


@dataclass(frozen=True, slots=True)
class Direct:
    """`release`: the store's id; "" for whatever is going on there. `halted`: the store showed it."""

    app: str
    store: str
    release: str
    begun: datetime
    ended: datetime
    halted: bool

    def means(self, key: Key) -> bool:
        return (self.app, self.store) == (key.app, key.store) and self.release in ("", key.id)


def halts(case: Case) -> Iterator[Direct]:
    for told in case.evidence.direct:
        begun, ended = instant(told["from"]), instant(told["to"])
        yield Direct(told["app"], told["store"], told["release"], begun, ended, bool(told["halted"]))


def is_by_hand(case: Case, key: Key, at: datetime) -> bool:
    """Whether a change of that time is what a person sent."""
    return any(one.means(key) and one.begun <= at <= one.ended + ONE_WAY for one in halts(case))


def is_halted_by_hand(case: Case, key: Key, since: datetime, until: datetime) -> bool:
    """Whether a person has halted it past the daemon in that time: a pause from before is as good as theirs."""
    return any(one.means(key) and since <= one.ended and one.begun <= until for one in halts(case))


def is_asked_by_hand(case: Case, key: Key, request: Record) -> bool:
    """Whether such a halt asked the store this, and no daemon did: what it was shown stands in no journal. Of several daemons
    it is known which requests are theirs."""
    at = instant(request["at"])
    of_a_daemon = str(request["seq"]) in case.evidence.senders
    return not of_a_daemon and any(one.means(key) and one.begun <= at <= one.ended for one in halts(case))
