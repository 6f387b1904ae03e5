"""What a source was asked about a release, and what the floors look at of that."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.judge import signals
from tests.judge.ledger import APP_STORE, Key
from tests.judge.signals import Poll

if TYPE_CHECKING:
    from tests.judge.case import Case
    from tests.judge.terms import Terms


def project(key: Key) -> str:
    return f"{key.app}-ios" if key.store == APP_STORE else key.app


@lru_cache(maxsize=32)
def floor_polls(case: Case, key: Key, metric: str) -> list[Poll]:
    """Under each policy that steered it what that one's floors look at."""
    about = [poll for poll in _polls(case, key) if poll.about(case.signal_name(key), metric)]
    found = [poll for terms in case.all_terms(key) for poll in _under(case, key, metric, about, terms)]
    return sorted(found, key=lambda poll: poll.seq)


def _under(case: Case, key: Key, metric: str, about: list[Poll], terms: Terms) -> list[Poll]:
    asked = [poll for poll in about if case.terms(key, poll.at) is terms]
    if terms.weighed is None:
        return asked
    rates = [poll for poll in asked if not poll.by_status and not poll.counts]
    sessions = counted(case, key) if metric == "crash_free_sessions" else []
    return rates or [poll for poll in sessions if case.terms(key, poll.at) is terms]


@lru_cache(maxsize=32)
def counted(case: Case, key: Key) -> list[Poll]:
    return signals.cumulated([poll for poll in _polls(case, key) if poll.by_status], case.signal_name(key))


def _polls(case: Case, key: Key) -> Iterator[Poll]:
    name, elsewhere = case.signal_name(key), case.projects_of_others(key)
    return (p for p in case.polls if name in p.asked and not (p.projects and p.projects <= elsewhere))
