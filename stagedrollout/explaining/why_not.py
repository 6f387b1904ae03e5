"""Why a rollout did not go on at an instant, from what was written down: the decision that held then, each of its
reasons with when it began and ended, and what was decided next.

A decision is written when it is another one than the last, or for other reasons; passes that came to the same leave no
entry. So the newest decision before an instant held then, as long as somebody looked: whether somebody did shows from
entries, and from counts that were read anew. Where neither shows it, that is said, and nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.codec import decode
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.fold import fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Settlement
from stagedrollout.core.story import sentence
from stagedrollout.core.telling import title
from stagedrollout.core.units import percent_text
from stagedrollout.explaining.finding import Kept

SILENCE = timedelta(hours=2)
"""Without a sign for so long it is told that nobody may have looked: counts are read anew at least once an hour."""

_RAISES = (DecisionKind.START, DecisionKind.ADVANCE, DecisionKind.COMPLETE, DecisionKind.RESUME)


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision in its place; `until`: when the next one was written, None for the newest."""

    at: datetime
    fact: facts.Decided
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Looks:
    """The last sign that somebody looked at or before the instant, and the next one after it; None: no sign."""

    before: datetime | None
    after: datetime | None


def why_not(kept: Kept, asked: datetime, read: Looks) -> dict[str, Any]:
    """Everything that is known, as one document. `read`: when counts were read anew around the instant.

    `answer`: "waits", "holds", "raised", "halted", "not_halted", "not_sent", "not_known_yet", "over" or "undecided".
    """
    decided = _decisions(kept)
    place = next((index for index in reversed(range(len(decided))) if decided[index].at <= asked), None)
    then = fold(kept.key, tuple(one for one in kept.told if one[1] <= asked))
    document = {
        "app": kept.key.app,
        "store": kept.key.store.value,
        "release": kept.rollout.release.label,
        "rollout": str(kept.key),
        "title": title(kept.rollout),
        "asked_at": asked.isoformat(),
        "exposure_ppm": then.exposure_ppm if then else 0,
        "refused": _refused(kept, decided, place, asked),
        **_looked(kept, asked, read),
    }
    begun, ended = kept.told[0][1], _over_since(kept, asked)
    if begun > asked:
        return document | _nothing("not_known_yet", f"it was not known then: it was found {_minute(begun)}")
    if ended:
        return document | _nothing("over", f"it was over: {ended}")
    if place is None:
        return document | _nothing("undecided", "nothing had been decided about it yet")
    return document | _told(kept, decided, place, then)


def _nothing(answer: str, said: str) -> dict[str, Any]:
    return {"answer": answer, "said": said, "decision": None, "reasons": [], "next": None}


def _decisions(kept: Kept) -> list[_Decided]:
    found = [(at, fact) for fact, at in kept.told if isinstance(fact, facts.Decided)]
    ends = [at for at, _ in found[1:]]
    return [_Decided(at, fact, end) for (at, fact), end in zip(found, [*ends, None], strict=True)]


def _told(kept: Kept, decided: list[_Decided], place: int, then: Rollout | None) -> dict[str, Any]:
    this = decided[place]
    following = decided[place + 1] if place + 1 < len(decided) else None
    fresh = _fresh(kept) if following is None else {}
    return {
        "answer": _answer(this.fact, then),
        "said": _said(kept, this, then),
        "decision": _document(this),
        "reasons": [_reason(decided, place, reason, fresh) for reason in this.fact.reasons],
        "next": _document(following) if following else None,
    }


def _answer(fact: facts.Decided, then: Rollout | None) -> str:
    """A halt is what the journal says of one: where only the decision says so (an app that is observed, a store with no
    brake left) nothing was sent. That halt, and a raise that was not sent either, are answers of their own."""
    halt = then.halt if then else None
    if halt is not None:
        return "halted" if halt.confirmed else "not_halted"
    if fact.decision in _RAISES and fact.intent:
        return "raised"
    observed = any(reason.code == "observe" for reason in fact.reasons)
    if fact.decision is DecisionKind.HALT or (fact.decision in _RAISES and observed):
        return "not_sent"
    return "holds" if fact.decision is DecisionKind.HOLD else "waits"


def _said(kept: Kept, this: _Decided, then: Rollout | None) -> str:
    match _answer(this.fact, then):
        case "raised":
            return f"it did go on: {_act(kept, this)}"
        case "halted":
            return "it was halted, and only a person can resume it"
        case "not_halted":
            return f"a halt was wanted that the store did not show then{_became(kept, this)}"
        case "not_sent" if this.fact.decision is DecisionKind.HALT:
            return "it should have been halted, and nothing was sent"
        case "not_sent":
            return (
                f"it would have been raised from {percent_text(this.fact.target_ppm)}, and nothing was sent"
            )
        case "holds":
            return "a cause forbade raising it"
        case _:
            return "nothing was wrong, and a raise was not due yet"


def _refused(kept: Kept, decided: list[_Decided], place: int | None, asked: datetime) -> list[dict[str, Any]]:
    """The orders that were refused while that decision was in force, also those after the instant: they would have
    changed what it says."""
    begins = decided[place].at if place is not None else kept.told[0][1]
    ends = decided[place].until if place is not None else (decided[0].at if decided else None)
    if asked < begins:
        return []
    return [
        {
            "at": at.isoformat(),
            "by": fact.actor.name,
            "verb": fact.verb.value,
            "reason": fact.reason,
            "text": fact.text,
        }
        for fact, at in kept.told
        if isinstance(fact, facts.Commanded)
        and not fact.accepted
        and begins <= at
        and (ends is None or at < ends)
    ]


def _act(kept: Kept, this: _Decided) -> str:
    """What was sent, and what became of it."""
    to = f"{this.fact.decision.value.lower()} to {percent_text(this.fact.target_ppm)} {_minute(this.at)}"
    return f"{to}{_became(kept, this) or '; whether the store took it is not known'}"


def _became(kept: Kept, this: _Decided) -> str:
    """How what was sent ended, as far as it did."""
    ends = [
        (fact, at)
        for fact, at in kept.told
        if isinstance(fact, facts.Settled) and this.fact.intent and fact.intent == this.fact.intent
    ]
    final = next((one for one in reversed(ends) if one[0].settlement is not Settlement.IN_DOUBT), None)
    return f"; {final[0].settlement.value.replace('_', ' ')} {_minute(final[1])}" if final else ""


def _document(this: _Decided) -> dict[str, Any]:
    fact = this.fact
    return {
        "at": this.at.isoformat(),
        "until": this.until.isoformat() if this.until else None,
        "kind": fact.decision.value,
        "actor": fact.actor.name,
        "target_ppm": fact.target_ppm,
        "said": sentence(fact),
    }


def _fresh(kept: Kept) -> dict[tuple[str, str], str]:
    """The same reasons with the numbers of the newest pass, which leaves no entry when it comes to the same."""
    found = kept.standing.found.get("reasons", ()) if kept.standing else ()
    return {_cause(each): each.text for each in (decode(Reason, one) for one in found)}


def _reason(
    decided: list[_Decided], place: int, reason: Reason, fresh: dict[tuple[str, str], str]
) -> dict[str, Any]:
    """When a reason began to hold without a break, and when it ceased; None: it still holds."""
    cause, first, last = _cause(reason), place, place
    while first > 0 and _has(decided[first - 1], cause):
        first -= 1
    while last + 1 < len(decided) and _has(decided[last + 1], cause):
        last += 1
    until = decided[last].until
    newest = next((each for each in decided[last].fact.reasons if _cause(each) == cause), reason)
    return {
        "code": reason.code,
        "gate": reason.gate,
        "text": reason.text,
        "since": decided[first].at.isoformat(),
        "until": until.isoformat() if until else None,
        "newest_text": fresh.get(cause, newest.text),
    }


def _cause(reason: Reason) -> tuple[str, str]:
    return reason.code, reason.gate


def _has(one: _Decided, cause: tuple[str, str]) -> bool:
    """Whoever decides to halt brings about the reason that holds from then on."""
    if cause[0] == "halted" and one.fact.decision is DecisionKind.HALT:
        return True
    return any(_cause(reason) == cause for reason in one.fact.reasons)


def _over_since(kept: Kept, asked: datetime) -> str:
    """What ended it before the instant; "" where it went on, or came back."""
    ended = ""
    for fact, at in kept.told:
        if at > asked:
            break
        if isinstance(fact, (facts.Superseded, facts.Closed)):
            ended = f"{sentence(fact)} ({_minute(at)})"
        elif isinstance(fact, facts.Returned):
            ended = ""
    return ended


def _looked(kept: Kept, asked: datetime, read: Looks) -> dict[str, Any]:
    """Signs that a daemon looked; orders and what people do past the daemon are none."""
    by_people = (facts.RemovalOrdered, facts.RemovalTold)
    seen = [at for fact, at in kept.told if not isinstance(fact, by_people)]
    if kept.standing:
        seen.append(kept.standing.at)
    seen += [at for at in (read.before, read.after) if at]
    before = max((at for at in seen if at <= asked), default=None)
    after = min((at for at in seen if at > asked), default=None)
    silent = before is not None and (after or kept.now) - before > SILENCE and asked - before > timedelta(0)
    return {
        "looked_before": before.isoformat() if before else None,
        "looked_after": after.isoformat() if after else None,
        "nothing_recorded": silent,
    }


def _minute(at: datetime) -> str:
    return f"at {at:%Y-%m-%d %H:%M} UTC"
