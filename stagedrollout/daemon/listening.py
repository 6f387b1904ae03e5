"""What a pass asks the signals: crashes first and persistently, then a team's own values and opinions, as far as time
allows.

What people write can hold and halt, but it is late by hours anyway. So it must never delay what the crashes
show already (promises R3 and R22): each source is asked once, all of them within a bound, and none of them when
a crash gate has failed. A source that failed is left alone for a while by its own pacing (signals/pacing.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain

from stagedrollout.core.assessment import Circumstances, Verdict, assess
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.judgement import NOTHING_HEARD, Heard
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.observation import Reading, SignalQuery
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Signal
from stagedrollout.daemon.counting import Count, sessions_of
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.named_signals import unvalued, valued
from stagedrollout.daemon.retrying import ATTEMPTS, ONCE, persistently

OPINIONS_SECONDS_MAX = 10.0
"""Real time after which a pass asks no further opinion; the request that is under way has its own time-out."""


def listened(  # noqa: PLR0913 - what a pass knows, and a clock for its tests
    listing: Listing,
    rollout: Rollout,
    policy: Policy,
    now: datetime,
    *,
    count: Count | None = None,
    heard: Heard = NOTHING_HEARD,
    seconds: Callable[[], float] = time.monotonic,
) -> tuple[Reading, ...]:
    """What each signal says, over the windows of the gates it is read for. `seconds` only goes forward.

    `count`, `heard`: what was counted in this pass and the evidence of it. Sessions are not asked for twice, and no
    opinion is asked for once the evidence has failed.
    """
    found = _of_crashes(listing, rollout, policy, now, count)
    if policy.ratings is None and not policy.named_values:
        return found
    opinions = listing.opinions if policy.ratings else ()
    if _crashes(policy, found, circumstances(rollout, listing.poll, now, heard)):
        why = "not asked: a crash gate has failed"
        unheard = chain.from_iterable(signal.unread(why) for signal in opinions)
        return (*found, *unvalued(listing, policy, why), *unheard)
    found += valued(listing, policy, lambda window: _query(rollout, window, now), seconds)
    if policy.ratings is None:
        return found
    return (*found, *_opinions(opinions, _query(rollout, policy.ratings.window, now), seconds))


def _of_crashes(
    listing: Listing, rollout: Rollout, policy: Policy, now: datetime, count: Count | None
) -> tuple[Reading, ...]:
    attempts = ONCE if rollout.blind_since else ATTEMPTS
    query = _query(rollout, policy.horizon, now)
    if count is not None and all(gate.counts_sessions for gate in policy.gates):
        return (sessions_of(count, query.since),)
    return tuple(chain.from_iterable(_asked(signal, query, attempts) for signal in listing.signals))


def circumstances(
    rollout: Rollout, poll: timedelta, now: datetime, heard: Heard = NOTHING_HEARD
) -> Circumstances:
    """What the judges must know of the rollout."""
    return Circumstances(
        now=now,
        run_since=rollout.run_since,
        live_since=rollout.live_since or now,
        poll=poll,
        suspicions=rollout.suspicions,
        exposure_ppm=rollout.exposure_ppm,
        heard=heard,
    )


def _crashes(policy: Policy, readings: tuple[Reading, ...], seen: Circumstances) -> bool:
    """Whether a crash gate that decides has failed, whatever people write."""
    return assess(policy, readings, seen).reasons(Verdict.FAIL) != ()


def _opinions(
    signals: tuple[Signal, ...], query: SignalQuery, seconds: Callable[[], float]
) -> tuple[Reading, ...]:
    late, found = seconds() + OPINIONS_SECONDS_MAX, list[Reading]()
    for signal in signals:
        in_time = seconds() < late
        found += _asked(signal, query, ONCE) if in_time else signal.unread("not asked: no time was left")
    return tuple(found)


def _query(rollout: Rollout, window: timedelta, now: datetime) -> SignalQuery:
    since = min(max(rollout.run_since, hour_floor(now - window)), hour_floor(now))
    return SignalQuery(rollout.release, rollout.baseline, since, now)


def _asked(signal: Signal, query: SignalQuery, attempts: int) -> tuple[Reading, ...]:
    """A signal that cannot be read says so in readings of its own; the others keep theirs."""
    try:
        return persistently(lambda: signal.read(query), attempts)
    except EdgeError as error:
        return signal.unread(str(error))
