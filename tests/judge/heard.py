"""Whether the daemon heard an answer of the sessions' source, and kept it."""

from __future__ import annotations

from datetime import datetime

from tests.judge.case import Case
from tests.judge.ledger import Key
from tests.judge.passes import may_be_lost
from tests.judge.patience import awake_for
from tests.judge.signals import GRACE
from tests.judge.tallies import Reply


def may_be_unheard(case: Case, key: Key, reply: Reply) -> bool:
    return reply.slow or may_be_lost(case, key, reply.seq, reply.at)


def was_kept(case: Case, key: Key, running: Reply) -> bool:
    """What people use is asked for once a day: who lost the answer goes on with what he had. Where it may be lost the
    journal tells, for whatever it changed was written down in that pass, which says when it began."""
    return not may_be_unheard(case, key, running) or bool(_written_down(case, key, running))


def compared_since(case: Case, key: Key, running: Reply) -> datetime:
    """By which time the pass that asked what people use counts its hours: when it began, as it wrote down. Its process may
    have stood still before it asked."""
    return min((running.at, *_written_down(case, key, running)[-1:]))


def _written_down(case: Case, key: Key, running: Reply) -> list[datetime]:
    return [
        entry.at
        for entry in case.journal.of(key, "compared")
        if entry.at - GRACE <= running.at <= awake_for(case, entry.at, GRACE)
    ]
