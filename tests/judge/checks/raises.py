"""R1: we never raise without evidence. Every required gate must pass in an answer of the source that is
younger than the raise before and no older than one poll; a person's order excuses less than one thinks.
On the App Store letting Apple take its next step is a raise like any other; Apple's step itself is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.checks import halts
from tests.judge.checks.schedule import where_it_was_decided
from tests.judge.finding import Finding
from tests.judge.journal import Order
from tests.judge.ledger import Change
from tests.judge.signals import GRACE, Poll, Word, between, hour_floor
from tests.judge.terms import Gate, percent
from tests.judge.weighing import WHOLE, Look, looks_between, may_be_chosen

CHECK = "raises_without_evidence"
_FORWARD = ("advance", "complete")
_WHY = {
    Word.INSUFFICIENT: "had too little settled data",
    Word.STALE: "had only stale data",
    Word.MISSING: "had no data about the release",
    Word.ERROR: "could not be read",
    Word.DOUBT: "spoke against it",
    Word.BREACH: "was failing",
}


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, raised.at.isoformat(), raised.key.app, f"{_what(raised)} although {why}")
        for raised in case.raises()
        for why in _faults(case, raised)
    ]


def by_people(case: Case) -> int:
    """How many raises a person ordered, by name, with --without-evidence, and where there was none."""
    orders = [(raised, case.order_behind(raised)) for raised in case.raises()]
    return sum(1 for raised, order in orders if order and _used_without_evidence(case, raised, order))


def _what(raised: Change) -> str:
    return (
        f"{raised.name} went from {percent(raised.before_ppm)} to {percent(raised.after_ppm)} ({raised.kind})"
    )


def _faults(case: Case, raised: Change) -> Iterator[str]:
    order = case.order_behind(raised)
    if case.observes(raised.key.app):
        yield "the app is only observed"
    elif raised.kind not in ("start", "resume") and _left_alone(case, raised):
        yield "a person had it looked after no more"
    elif order is None and raised.kind == "start":
        yield "nobody had started it"
    elif order is None:
        yield from (f"{gate} {_WHY[word]}" for gate, word in _gates_not_passing(case, raised))
        yield from _evidence_not_passing(case, raised)
        yield from _stage_sample_missing(case, raised)
    elif order.verb in _FORWARD:
        yield from _faults_of_a_person(case, raised, order)


def _left_alone(case: Case, raised: Change) -> bool:
    decision = case.journal.decision_behind(raised)
    return case.left_alone(raised.key, decision.at if decision else raised.asked_at)


def _faults_of_a_person(case: Case, raised: Change, order: Order) -> Iterator[str]:
    """R11: a person may override waiting and too little data; more only by name; a FAIL never."""
    begun = case.run_begun(raised.key, raised.at)
    if any(
        due.key == raised.key and due.run == begun and due.at <= raised.asked_at for due in halts.due(case)
    ):
        yield "a gate was failing, and that nobody may override"
    elif not order.without_evidence and _beyond_waiting(case, raised):
        yield "the order did not say without evidence, and there was none"


def _used_without_evidence(case: Case, raised: Change, order: Order) -> bool:
    return order.verb in _FORWARD and order.without_evidence and _beyond_waiting(case, raised)


def _beyond_waiting(case: Case, raised: Change) -> bool:
    allowed = case.waiting_words(raised.key, raised.asked_at)
    said = [*_gates_not_passing(case, raised), *_signals_not_passing(_look_before(case, raised))]
    if case.terms(raised.key, raised.asked_at).weighed and _look_before(case, raised) is None:
        said.append((WHOLE, Word.MISSING))
    return any(word not in allowed for _, word in said)


def _evidence_not_passing(case: Case, raised: Change) -> Iterator[str]:
    """Evidence must clear it, read in this pass; or show too little, and the policy has named its choice for that."""
    if case.terms(raised.key, raised.asked_at).weighed is None:
        return
    look = _look_before(case, raised)
    short = [f"{name} {_WHY[word]}" for name, word in _signals_not_passing(look)]
    oldest = raised.asked_at - case.poll - GRACE
    if look is None:
        yield f"{WHOLE} {_WHY[Word.MISSING]}"
    elif "crashed_users" in look.words and (look.users_at is None or look.users_at < oldest):
        yield "crashed_users were not read for it"
    elif short and not _is_chosen(case, raised, look):
        yield short[0]


def _is_chosen(case: Case, raised: Change, look: Look) -> bool:
    """The choice may be made, and the journal says that it was."""
    decision = case.journal.decision_behind(raised)
    named = decision is not None and "inconclusive_by_policy" in decision.codes
    share_ppm, at = where_it_was_decided(case, raised)
    since = case.live_since(raised.key, share_ppm, at)
    return named and since is not None and may_be_chosen(case, raised.key, look, share_ppm, since)


def _signals_not_passing(look: Look | None) -> Iterator[tuple[str, Word]]:
    """The evidence, and each signal of it that did not pass, with the mildest word for it."""
    for name, words in look.words.items() if look else ():
        if Word.PASS not in words:
            yield name, next(word for word in Word if word in words)


def _look_before(case: Case, raised: Change) -> Look | None:
    """The last look for evidence before this raise, if that was after the raise before it."""
    before = _raise_before(case, raised)
    found = [
        look
        for look in looks_between(case, raised.key, raised.asked_at - case.poll - GRACE, raised.asked_at)
        if _counts(look, raised, before)
    ]
    return found[-1] if found else None


def _gates_not_passing(case: Case, raised: Change) -> Iterator[tuple[str, Word]]:
    """The required gates that did not pass, each with the mildest word that can be said for it."""
    for gate in case.terms(raised.key, raised.asked_at).gates:
        poll = _answer_before(case, raised, gate)
        words = case.words(raised.key, gate, poll) if poll else {Word.MISSING}
        if Word.PASS not in words:
            yield gate.metric, next(word for word in Word if word in words)
    for gate in case.terms(raised.key, raised.asked_at).vetoes:
        poll = _answer_before(case, raised, gate)
        if poll and case.words(raised.key, gate, poll) == {Word.BREACH}:
            yield gate.metric, Word.BREACH


def _answer_before(case: Case, raised: Change, gate: Gate) -> Poll | None:
    """The last time the source was asked before this raise, if that was after the raise before it."""
    before = _raise_before(case, raised)
    oldest = raised.asked_at - case.poll - GRACE
    asked = [
        poll
        for poll in case.polls_about(raised.key, gate.metric)
        if oldest <= poll.at <= raised.asked_at and _counts(poll, raised, before)
    ]
    return asked[-1] if asked else None


def _counts(answer: Poll | Look, raised: Change, before: Change | None) -> bool:
    """One answer is good for one raise: it came before it, and after the one before."""
    in_time = raised.request is None or answer.seq < raised.request
    return in_time and (before is None or _after(answer, before))


def _raise_before(case: Case, raised: Change) -> Change | None:
    earlier = [change for change in case.raises() if change.key == raised.key and change.seq < raised.seq]
    return earlier[-1] if earlier else None


def _after(poll: Poll | Look, raised: Change) -> bool:
    return poll.at >= raised.at if raised.request is None else poll.seq > raised.request


def _stage_sample_missing(case: Case, raised: Change) -> Iterator[str]:
    """A stage may ask for sessions of its own, seen since people got the release at that exposure."""
    _, needed = case.stay(raised)
    since = case.live_since(raised.key, *where_it_was_decided(case, raised))
    if needed and raised.kind in ("raise", "step", "complete") and since is not None:
        seen = _seen_since(case, raised, hour_floor(since))
        if seen < needed:
            yield f"only {seen} of {needed} sessions of its stage were seen"


def _seen_since(case: Case, raised: Change, since: datetime) -> int:
    name = case.signal_name(raised.key)
    counts = [
        between(poll, poll.answers[name], since, raised.asked_at).total
        for poll in case.polls_for_sessions(raised.key)
        if name in poll.answers and poll.at <= raised.asked_at  # it may take effect later
    ]
    return counts[-1] if counts else 0
