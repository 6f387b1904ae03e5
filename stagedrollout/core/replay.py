"""Every decision again, from the journal and the ledger alone: the evidence of each must come out bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.evidence.weighing import weigh
from stagedrollout.core.fold import apply, begin
from stagedrollout.core.ledger import Ledger, Revision, added, chain_of
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.run_terms import run_of, written_down


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded decision: the evidence as it was written down, and as it comes out again."""

    at: datetime
    decision: facts.DecisionKind
    recorded: facts.Weighed
    again: facts.Weighed | None

    @property
    def agrees(self) -> bool:
        return self.again == self.recorded


def replay(
    key: RolloutKey, history: tuple[tuple[facts.Fact, datetime], ...], revisions: tuple[Revision, ...]
) -> Iterator[Replay]:
    """Each decision that was made on evidence, oldest first. `revisions` are the whole ledger of the rollout.

    `again` is None where the ledger does not hold the revision that the decision names.
    """
    named = {fact.weighed.ledger for fact, _ in history if isinstance(fact, facts.Decided) and fact.weighed}
    known = _heads(key, revisions, named)
    rollout: Rollout | None = None
    for fact, at in history:
        if rollout is not None and isinstance(fact, facts.Decided) and fact.weighed:
            yield Replay(at, fact.decision, fact.weighed, _again(rollout, fact.weighed, known))
        rollout = begin(key, fact, at) if rollout is None else apply(rollout, fact, at)


def _heads(key: RolloutKey, revisions: tuple[Revision, ...], named: set[str]) -> dict[str, Ledger]:
    """The ledger as it was at each of the named heads."""
    ledger = Ledger(str(key))
    heads, since = {ledger.head: ledger}, 0
    for upto, head in enumerate(chain_of(str(key), revisions), start=1):
        if head in named:
            ledger, since = added(ledger, revisions[since:upto]), upto
            heads[head] = ledger
    return heads


def _again(rollout: Rollout, recorded: facts.Weighed, heads: dict[str, Ledger]) -> facts.Weighed | None:
    run, ledger = run_of(rollout), heads.get(recorded.ledger)
    if run is None or ledger is None:
        return None
    return written_down(weigh(run, ledger), recorded.settled_until)
