"""The other sources of an app, and how each is asked once: as a pass would do it, about the newest release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from stagedrollout.core.declared import Declaration
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Comparison, LedgerQuery, Untallied
from stagedrollout.core.model import Release
from stagedrollout.core.observation import SignalQuery, Unheard, Unmeasured, Unvalued
from stagedrollout.core.policy import Policy
from stagedrollout.core.units import duration_text
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.retrying import ONCE, persistently
from stagedrollout.doctor.signals import Source

SPAN = timedelta(days=1)
BASELINE_MAX = 3


def sources_of(
    listing: Listing, policy: Policy, releases: tuple[Release, ...], now: datetime
) -> Iterator[Source]:
    """`releases`: newest first, at least one; `now` by the daemon's clock. Opinions only where the policy asks for them,
    a team's own signals always: they were configured to be asked."""
    newest, others = releases[0], releases[1 : 1 + BASELINE_MAX]
    since = hour_floor(now - SPAN)
    query = SignalQuery(newest, others, since, now)
    counted = LedgerQuery(newest, (Comparison(since, others),), since, now, users=False)
    for opinion in listing.opinions if policy.ratings is not None else ():
        yield Source(opinion.name, _gaps(partial(opinion.read, query)))
    for counts in listing.counts:
        yield Source(counts.name, _gaps(partial(_alone, counts.read, counted)), _declared(counts.declared))
    for values in listing.values:
        reaching = replace(query, since=hour_floor(now - _reach(values.declared)))
        yield Source(values.name, _gaps(partial(_alone, values.read, reaching)), _declared(values.declared))


def _reach(said: Declaration) -> timedelta:
    """How far back a source is asked: a report that is days late has nothing of the last day."""
    return said.lag + 2 * SPAN if said.lag >= SPAN else SPAN


def _alone(read: Callable[[Any], Any], query: object) -> tuple[Any, ...]:
    return (read(query),)


def _declared(said: Declaration) -> str:
    may = "can halt" if said.can_halt else "holds at most"
    late = f"up to {duration_text(said.lag)} late" if said.lag else "without delay"
    return f"in {said.unit}, {late}, {may}"


def _gaps(read: Callable[[], tuple[Any, ...]]) -> Callable[[], list[str]]:
    """Why there are no numbers, for each reading; "" where there are."""

    def gaps() -> list[str]:
        silent = (Unmeasured, Unheard, Unvalued, Untallied)
        return [each.why if isinstance(each, silent) else "" for each in persistently(read, ONCE)]

    return gaps
