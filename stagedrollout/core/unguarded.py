"""What is written down whoever holds the lease: what stops, and how that ended. All else is guarded by its epoch, and by the
entry that it goes on top of.

Where somebody has written meanwhile, what stops goes on top of that, but alone: what its look has shown may be older than what
the journal tells by now. And it does not undo what a person has said meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stagedrollout.core.errors import HaltShown, LetGoOn, OrderTaken
from stagedrollout.core.facts import (
    Commanded,
    Decided,
    Fact,
    Held,
    HoldEnded,
    Settled,
    Started,
    TakenUp,
)
from stagedrollout.core.fold import extend
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.link_facts import LinkAnswered, Unlinked
from stagedrollout.core.model import SOMEBODY, UNKNOWN_ACTOR, CommandVerb, Verb
from stagedrollout.core.news import halts_in_vain, name_of_the_next_act
from stagedrollout.core.override_facts import Acknowledged, ApprovalsLapsed, Approved

_STANDS = (Commanded, Acknowledged, Approved, ApprovalsLapsed, Held, Decided)
"""What was ordered and decided, whatever a newer look has shown."""

_STANDS_WHOLE = (CommandVerb.HALT, CommandVerb.HOLD, CommandVerb.APPROVE, CommandVerb.REJECT)
"""Orders whose effect is all among these."""


def decides_a_brake(news: tuple[Fact, ...]) -> bool:
    """Whether it was decided to halt or to pause. What a look has found out about an earlier brake is none: whoever stood still
    since says by it what nobody can take back."""
    decided = [(fact.verb, fact.intent) for fact in news if isinstance(fact, Decided) and fact.verb]
    brakes = any(verb.brakes for verb, _ in decided)
    raises = any(intent and not verb.brakes for verb, intent in decided)
    return brakes and not raises


def ends_a_brake(news: tuple[Fact, ...]) -> bool:
    """Whether it tells how a halt or a pause ended, and nothing that permits."""
    ended = any(isinstance(fact, Settled) and fact.verb.brakes for fact in news)
    return ended and not permits(news)


def alone(rollout: Rollout, news: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """What stops, without what was seen and counted beside it, on top of `rollout`, on which others have written."""
    return renamed(rollout, uncounted(tuple(fact for fact in news if isinstance(fact, _STANDS))))


def uncounted(news: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Of what was weighed only the words stay: by what the journal and the ledger hold now it would come out otherwise."""
    return tuple(replace(fact, weighed=None) if isinstance(fact, Decided) else fact for fact in news)


def renamed(rollout: Rollout, news: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The same as the next act of `rollout`: another act may have its name by now, or get it later."""
    return tuple(_as_next(rollout, fact) if isinstance(fact, Decided) else fact for fact in news)


def _as_next(rollout: Rollout, decided: Decided) -> Decided:
    if not decided.intent or decided.verb is None:
        return decided
    return replace(decided, intent=name_of_the_next_act(rollout, decided.verb.value, decided.command))


def check_still_wanted(before: Rollout, now: Rollout, news: tuple[Fact, ...]) -> None:
    """Before what was decided on as of `before` is written on top of what others have written since. Raises OrderTaken where
    they have taken up the order, LetGoOn where a person has let it go on, HaltShown where it is halted and shown so."""
    if order := next((order for order in _orders(news) if order in now.taken), ""):
        raise OrderTaken(f"the order {order} was taken up meanwhile")
    if _answered(before, now, news):
        raise LetGoOn(f"a person has let {now.key} go on meanwhile")
    if halts_in_vain(now, news):
        raise HaltShown(f"the store has shown the halt of {now.key}")


def stopped_before(before: Rollout, now: Rollout, news: tuple[Fact, ...], at: datetime) -> bool:
    """Whether what was decided on as of `before`, and sent, has stopped nothing: somebody whom the journal knows by `now` had
    halted it, and the look that it was decided on had shown that. What was only seen halted may be what it has done."""
    looked = extend(before, news, at).seen
    known = now.halt is not None and now.halt.actor not in (SOMEBODY, UNKNOWN_ACTOR)
    return known and looked is not None and looked.stopped


def beside_the_brake(news: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """What stands although the brake is not needed any more: what people have said."""
    return tuple(fact for fact in news if isinstance(fact, _STANDS) and not isinstance(fact, Decided))


def _orders(news: tuple[Fact, ...]) -> tuple[str, ...]:
    return tuple(fact.command for fact in news if isinstance(fact, Commanded))


def _answered(before: Rollout, now: Rollout, news: tuple[Fact, ...]) -> bool:
    """Whether the daemon was to stop by itself, as of `before`, what a person has let go on by `now`, or is about to."""
    ordered = any(isinstance(fact, Decided) and fact.command for fact in news)
    let_go = now.runs > before.runs or _resuming(now) > _resuming(before)
    return not ordered and (let_go or (now.ignored and not before.ignored))


def _resuming(rollout: Rollout) -> int:
    """The how-manieth act it is that lets it go on; 0 where none is under way."""
    under_way = rollout.intent is not None and rollout.intent.verb is Verb.RESUME
    return rollout.acts if under_way else 0


def takes_up_an_order(news: tuple[Fact, ...]) -> bool:
    """Whether beside a pause a person's order takes effect, as a start or a resume does: only whole, and by whoever holds the
    lease, or it is taken up again. A halt waits for no order."""
    halts = any(isinstance(fact, Decided) and fact.verb is Verb.HALT for fact in news)
    taken = any(
        isinstance(fact, Commanded) and fact.accepted and fact.verb not in _STANDS_WHOLE for fact in news
    )
    return taken and not halts


def permits(news: tuple[Fact, ...]) -> bool:
    """Whether it permits something; that waits for the lease, also beside a brake."""
    permitting = (Started, TakenUp, HoldEnded, LinkAnswered, Unlinked)
    return any(isinstance(fact, permitting) for fact in news)
