"""R1, R11: a raise that crosses a stage which asks for approvals has them, whoever orders it.

So many different persons of the groups that the policy names, each for that very share, before the decision and not longer
ago than an approval lasts; and nothing voided it: evidence that became worse, a rejection, a halt, another share, another
policy. What cannot be taken back may ask for a second person beside the one who orders it. Who a person is, the
configuration says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.judge import people
from tests.judge.case import Case
from tests.judge.checks.phases import Stretch, goes_on_after, stretches
from tests.judge.checks.schedule import where_it_was_decided
from tests.judge.finding import Finding
from tests.judge.journal import CLOCKS_APART, Entry
from tests.judge.ledger import Change, Key
from tests.judge.patience import a_poll, deadline_of_the_living
from tests.judge.phases import next_share
from tests.judge.signals import Word
from tests.judge.terms import PPM_ALL, Approvals, percent

CHECK = "raises_unapproved"
_CROSSING = ("raise", "step", "complete")
_VOIDING = ("approvals_lapsed", "policy_set", "left_alone", "taken_up", "went_live", "superseded")
_VOIDING_ORDERS = ("reject", "halt")
_BETTER = ("PASS", "INSUFFICIENT")
"""What the evidence may have said that a suspicion is worse than."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of `key` from a share to another, decided at `at`, by the journal's entry `seq`. `by`: who ordered it."""

    key: Key
    before_ppm: int
    after_ppm: int
    at: datetime
    seq: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class WordGiven:
    person: str
    groups: tuple[str, ...]
    at: datetime
    slack: timedelta


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, raised.at.isoformat(), raised.key.app, f"{raised.name} went to {text}")
        for raised in case.raises()
        if raised.kind in _CROSSING and (step := _step(case, raised))
        for text in (*_lacking(case, step), *_alone(case, raised, step))
    ]


def growth(case: Case) -> list[Finding]:
    """Where Apple's clock is followed, nothing but a pause keeps its next step until people have agreed."""
    return [
        Finding(CHECK, stretch.begun.isoformat(), stretch.key.app, f"{stretch.name} was let grow to {text}")
        for stretch in stretches(case)
        if not case.guarded(stretch.key, stretch.begun)
        for text in _grown(case, stretch)
    ]


def _grown(case: Case, stretch: Stretch) -> Iterator[str]:
    until = stretch.ended or case.ended_at
    due = deadline_of_the_living(case, stretch.key, stretch.begun, patience=a_poll(case), until=until)
    if due is None or not goes_on_after(case, stretch, due):
        return
    newest = max((e.seq for e in case.journal.entries if e.at <= due), default=0)
    target = next_share(stretch.exposure_ppm)
    yield from _lacking(case, Step(stretch.key, stretch.exposure_ppm, target, due, newest + 1))


def _step(case: Case, raised: Change) -> Step | None:
    """As it was decided; None where no journal tells of it, which is a fault of its own."""
    decision, order = case.journal.decision_behind(raised), case.order_behind(raised)
    if decision is None:
        return None
    before, _ = where_it_was_decided(case, raised)
    by = people.behind(case.evidence, order.command, order.person) if order else ""
    return Step(raised.key, before, raised.after_ppm, decision.at, decision.seq, by)


def _lacking(case: Case, step: Step) -> Iterator[str]:
    crossed = (
        stage
        for stage in case.terms(step.key, step.at).stages
        if step.before_ppm < stage.exposure_ppm <= step.after_ppm and stage.approvals
    )
    for stage in crossed:
        assert stage.approvals is not None
        counted = _counted(case, step, stage.approvals)
        if len(counted) < stage.approvals.count:
            of = f" of {', '.join(stage.approvals.groups)}" if stage.approvals.groups else ""
            yield (
                f"{percent(step.after_ppm)} with the word of {len(counted)} people, and"
                f" {percent(stage.exposure_ppm)} asks for {stage.approvals.count}{of}"
            )


def _alone(case: Case, raised: Change, step: Step) -> Iterator[str]:
    """Completing by order, where the policy wants two persons for that."""
    order, terms = case.order_behind(raised), case.terms(step.key, step.at)
    if order is None or order.verb != "complete" or "complete" not in terms.two_persons:
        return
    asked = [stage.approvals.valid for stage in terms.stages if stage.approvals]
    others = _counted(case, step, Approvals(1, (), max(asked, default=Approvals().valid))) - {step.by}
    if not others:
        yield f"{percent(PPM_ALL)} by the order of one person, and that takes two"


def _counted(case: Case, step: Step, asked: Approvals) -> set[str]:
    """The different persons whose word stands; who orders it has given theirs."""
    own = {step.by} if step.by and _of(asked, people.groups(case.evidence, step.by)) else set[str]()
    return own | {
        word.person
        for word in _given(case, step)
        if _of(asked, word.groups) and step.at - word.at < asked.valid + word.slack
    }


def _of(asked: Approvals, groups: Iterable[str]) -> bool:
    return not asked.groups or any(group in asked.groups for group in groups)


def _given(case: Case, step: Step) -> Iterator[WordGiven]:
    accepted = {order.command: order for order in case.journal.orders if order.key == step.key}
    for entry in case.journal.of(step.key, "approved"):
        order = accepted.get(str(entry.body.get("command", "")))
        if entry.seq >= step.seq or entry.body["target_ppm"] != step.after_ppm or order is None:
            continue
        if order.verb not in ("approve", "advance", "complete") or _is_void(case, step, entry):
            continue
        right = (
            "approve" if order.verb == "advance" else order.verb
        )  # it raises, and whoever may agree has agreed
        person = people.behind(case.evidence, order.command, order.person)
        slack = CLOCKS_APART if entry.told or case.journal.hardly_off(step.at) else timedelta(0)
        if people.may(case.evidence, order.command, order.person, right):
            yield WordGiven(person, people.groups(case.evidence, person), entry.at, slack)


def _is_void(case: Case, step: Step, given: Entry) -> bool:
    between = [e for e in case.journal.by_rollout[step.key] if given.seq < e.seq < step.seq]
    since = case.live_since(step.key, step.before_ppm, step.at)
    return (
        any(_voids(entry) for entry in between)
        or (since is not None and given.at < since)
        or (given.body.get("verdict") in _BETTER and _became_worse(case, step, given, between))
    )


def _voids(entry: Entry) -> bool:
    body = entry.body
    if entry.kind == "commanded":
        return bool(body.get("accepted")) and body["verb"] in _VOIDING_ORDERS
    halts = entry.kind == "decided" and body["decision"] == "HALT" and bool(body.get("intent"))
    return halts or entry.kind in _VOIDING


def _became_worse(case: Case, step: Step, given: Entry, between: Iterable[Entry]) -> bool:
    """A gate by which it is steered is suspected since, or was answered that it fails, to somebody who lived to hear it."""
    terms = case.terms(step.key, step.at)
    gates = {gate.metric: gate for gate in (*terms.gates, *terms.vetoes)}
    if any(entry.kind == "suspected" and entry.body["gate"] in gates for entry in between):
        return True
    troubled = (*case.evidence.deaths, *case.evidence.unwritten, *case.evidence.stopped, *case.evidence.slow)
    return not troubled and any(
        case.words(step.key, gate, poll) == {Word.BREACH} and not poll.slow
        for gate in gates.values()
        for poll in case.polls_about(step.key, gate.metric)
        if given.at + a_poll(case) / 2 < poll.at < step.at - a_poll(case) / 2
    )
