"""What is written down whoever holds the lease: what stops, and how that ended. All else is guarded by its epoch, and by the
entry that it goes on top of."""

from __future__ import annotations

from stagedrollout.core.facts import Decided, Fact, HoldEnded, Settled, Started, TakenUp
from stagedrollout.core.link_facts import LinkAnswered, Unlinked


def decides_a_brake(news: tuple[Fact, ...]) -> bool:
    """Whether it was decided to halt or to pause, and nothing that permits. What a look has found out about an earlier brake
    is none: whoever stood still since says by it what nobody can take back."""
    decided = [fact for fact in news if isinstance(fact, Decided)]
    brakes = any(fact.verb is not None and fact.verb.brakes for fact in decided)
    raises = any(fact.intent and fact.verb is not None and not fact.verb.brakes for fact in decided)
    return brakes and not raises and not _permits(news)


def ends_a_brake(news: tuple[Fact, ...]) -> bool:
    """Whether it tells how a halt or a pause ended, and nothing that permits."""
    ended = any(isinstance(fact, Settled) and fact.verb.brakes for fact in news)
    return ended and not _permits(news)


def _permits(news: tuple[Fact, ...]) -> bool:
    """What permits something waits its turn, also beside a brake."""
    permitting = (Started, TakenUp, HoldEnded, LinkAnswered, Unlinked)
    return any(isinstance(fact, permitting) for fact in news)
