"""R16: the journal's numbers are what the counts say. Terms and evidence are recomputed, not believed; only of the
stars nobody can tell from the outside; and where entries were lost that tell when something begins, from when on is counted
since. (That it comes out again from journal and counts alone is asked elsewhere.)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isclose
from typing import Any

from tests.judge.case import Case
from tests.judge.checks.backwards import after_the_loss
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import Key
from tests.judge.patience import awake_for
from tests.judge.runs import noted_runs
from tests.judge.signals import GRACE, Poll
from tests.judge.weighing import LEEWAY, Agreed, Look, Numbers, looks_between

CHECK = "disagreements"
_TERMS = ("p_ref", "s", "rho0", "floor")
_EXACT = 1e-6
_EVER = datetime.min.replace(tzinfo=UTC)
_BEGINNINGS = (
    "discovered",
    "went_live",
    "settled",
    "drifted",
    "taken_up",
    "returned",
    "compared",
    "policy_set",
)


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, entry.at.isoformat(), key.app, f"{case.served[key][0].name}: {text}")
        for key in case.served
        if any(terms.weighed for terms in case.all_terms(key))
        for entry, text in (*_terms(case, key), *_evidence(case, key))
    ]


def _terms(case: Case, key: Key) -> Iterator[tuple[Entry, str]]:
    for entry in case.journal.of(key, "terms_set"):
        if after_the_loss(case, entry, *_BEGINNINGS):
            continue
        told, looks = entry.body["terms"], _looks_at(case, key, entry)
        agreed = [numbers.agreed for look in looks for numbers in look.numbers]
        if agreed and not any(_same_terms(told, each) for each in agreed):
            yield entry, "the terms of its run are not what the week before makes them"


def _same_terms(told: Mapping[str, Any], agreed: Agreed) -> bool:
    pairs = [(told[name], getattr(agreed, name)) for name in _TERMS]
    weights = {weight["signal"]: weight["weight"] for weight in told["weights"]}
    pairs += [(weights.get(name), agreed.weights.get(name)) for name in {*weights, *agreed.weights}]
    return all(a == b or (a and b and isclose(a, b, rel_tol=_EXACT)) for a, b in pairs)


def _evidence(case: Case, key: Key) -> Iterator[tuple[Entry, str]]:
    for entry in case.journal.of(key, "decided"):
        if _off_the_clock(case, key, entry) or after_the_loss(case, entry, *_BEGINNINGS):
            continue
        told, looks = entry.body.get("weighed"), _looks_at(case, key, entry)
        numbers = [numbers for look in looks for numbers in look.numbers]
        if told and numbers and not any(_same_evidence(entry, told, each) for each in numbers):
            yield (
                entry,
                f"the journal weighs the evidence at ln E = {told['ln_e']:.2f}, and the counts do not",
            )


def _off_the_clock(case: Case, key: Key, decided: Entry) -> bool:
    """Whether a clock that was off by a minute or two put down when its run, one of its stages or what it is compared with
    begins: by which hours those are counted, nobody can tell by the right one. Where it is off by more a store tells."""
    begun = [run.begun for run in noted_runs(case, key) if run.begun <= decided.at]
    return any(
        entry.hardly_off and begun and entry.at >= begun[-1] - GRACE and entry.seq < decided.seq
        for entry in case.journal.of(key, *_BEGINNINGS)
    )


def _same_evidence(decided: Entry, told: Mapping[str, Any], numbers: Numbers) -> bool:
    """Which hours had settled was counted by the machine's clock, when the pass began: it may have stood still before it
    asked. Where the clock was wrong, safety is left out."""
    pairs = [(each["ln_e"], numbers.ln_e.get(each["signal"])) for each in told["signals"]]
    pairs += [] if decided.told else [(told["ln_e_advance"], numbers.advance(decided.at))]
    return all(abs(a - b) <= LEEWAY for a, b in pairs if a is not None and b is not None)


def _sent_again(entry: Entry) -> bool:
    codes = [reason.get("code") for reason in entry.body.get("reasons", ())]
    return entry.body.get("decision") == "HALT" and "not_halted" in codes


def _unheard(case: Case, key: Key, entry: Entry, polls: list[Poll]) -> bool:
    """What is asked of a service that cannot be reached stands in no ledger: the pass said with its decision that it was blind,
    and whatever was answered afterwards, within the minute, is another pass's, which said that it sees again."""
    blind = any(
        told.at == entry.at and "evidence" in told.body["gates"]
        for told in case.journal.of(key, "went_blind")
    )
    again = next((told.at for told in case.journal.of(key, "saw_again") if told.at > entry.at), None)
    return blind and again is not None and not any(entry.at - GRACE <= poll.at < again for poll in polls)


def _looks_at(case: Case, key: Key, entry: Entry) -> list[Look]:
    """Those of the pass in which it was written down, and where it was not answered then, the last one before; none
    where nobody knows what it had heard. A pass that stood still asks afterwards, and says when it began. A halt that is sent
    again is decided on before anything is asked, and weighs what was known then; and so does one whose questions reached
    nobody, and which says so."""
    until = awake_for(case, entry.at, GRACE)
    near = list(looks_between(case, key, entry.at - GRACE, until))
    polls = [poll for poll in case.polls_for_sessions(key) if entry.at - GRACE <= poll.at <= until]
    unasked = _sent_again(entry) and not any(poll.at <= entry.at for poll in polls)
    unasked = unasked or _unheard(case, key, entry, polls)
    if unasked or any(not poll.ok for poll in polls):
        near += [look for look in looks_between(case, key, _EVER, entry.at) if look not in near][-1:]
    return near if all(look.certain for look in near) else []
