"""What a pass asks a team's own signals: counts for the ledger, and values for their gates.

They come after the crashes, and none of them is asked once the crashes have shown enough: what a team adds must never
delay what is known already (promises R3 and R22). Each is asked once, all of them within a bound of real time; what is
not asked is an error of this pass, and a required gate holds by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from stagedrollout.core.assessment import Verdict, assess
from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import EdgeError
from stagedrollout.core.fold import extend
from stagedrollout.core.judgement import Circumstances
from stagedrollout.core.ledger import Measure, Tallied, Untallied
from stagedrollout.core.observation import SignalQuery, Unvalued, Valued
from stagedrollout.core.plain import one_line
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import NamedCounts
from stagedrollout.daemon.counting import Count, Look, meanwhile, query_of, with_readings
from stagedrollout.daemon.listing import Listing

SECONDS_MAX = 10.0
"""Real time after which a pass asks no further one of them; the request under way has its own time-out."""

WORDS_MAX = 400
"""Characters of what a signal says of its trouble."""

FAILED = "not asked: what was read already has failed"
NO_TIME = "not asked: no time was left"

Seconds = Callable[[], float]
"""A clock of real time that only goes forward."""


def declared(listing: Listing) -> Mapping[str, Declaration]:
    """What the app's own signals that bring counts say of themselves, by name."""
    return {signal.name: signal.declared for signal in listing.counts}


def counted(
    count: Count, listing: Listing, look: Look, seen: Circumstances, seconds: Seconds = time.monotonic
) -> Count:
    """The count with what the app's own signals say that the policy judges by their counts."""
    asked = {gate.signal for gate in look.policy.named_counts}
    signals = [signal for signal in listing.counts if signal.name in asked]
    if not signals:
        return count
    beside = meanwhile(count.rollout, look)
    anew = replace(count, learned=(*count.learned, *beside), rollout=extend(count.rollout, beside, look.now))
    read: tuple[Tallied | Untallied, ...]
    if assess(look.policy, (), seen).reasons(Verdict.FAIL):
        read = tuple(signal.unread(FAILED) for signal in signals)
    else:
        late = seconds() + SECONDS_MAX
        read = tuple(
            _counts(signal, anew, look) if seconds() < late else signal.unread(NO_TIME) for signal in signals
        )
    taken = with_readings(count.taken, read, look.now)
    kept = count if taken.added == count.taken.added else anew
    return replace(kept, tallies=(*count.tallies, *read), taken=taken)


def _counts(signal: NamedCounts, count: Count, look: Look) -> Tallied | Untallied:
    """All that may still change, each time: such counts are few, and nobody knows how late they change."""
    measure, ledger = Measure.called(signal.name), count.taken.ledger
    try:
        return signal.read(
            query_of(count.rollout, ledger, look.now, users=False, whole=True, measure=measure)
        )
    except EdgeError as error:
        return signal.unread(_told(error))


def unvalued(listing: Listing, policy: Policy, why: str) -> tuple[Unvalued, ...]:
    """None of the values that the policy judges was asked for."""
    asked = {gate.signal for gate in policy.named_values}
    return tuple(signal.unread(why) for signal in listing.values if signal.name in asked)


def valued(
    listing: Listing, policy: Policy, query: Callable[[timedelta], SignalQuery], seconds: Seconds
) -> tuple[Valued | Unvalued, ...]:
    """What the app's own signals say that the policy judges by their value, each over the window of its gate."""
    windows = {gate.signal: gate.window for gate in policy.named_values}
    if not windows:
        return ()
    late, found = seconds() + SECONDS_MAX, list[Valued | Unvalued]()
    for signal in listing.values:
        if signal.name not in windows:
            continue
        try:
            in_time = seconds() < late
            found.append(signal.read(query(windows[signal.name])) if in_time else signal.unread(NO_TIME))
        except EdgeError as error:
            found.append(signal.unread(_told(error)))
    return tuple(found)


def _told(error: EdgeError) -> str:
    """The words of a package, which may be anybody's: one short line."""
    return one_line(str(error))[:WORDS_MAX]
