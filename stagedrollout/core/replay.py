"""Every decision again, from the journal and the ledger alone: the evidence of each must come out bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.evidence.weighing import weigh
from stagedrollout.core.fold import apply, begin
from stagedrollout.core.ledger import Ledger, Revision, added
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
    known = _heads(key, revisions)
    rollout: Rollout | None = None
    for fact, at in history:
        if rollout is not None and isinstance(fact, facts.Decided) and fact.weighed:
            yield Replay(at, fact.decision, fact.weighed, _again(rollout, fact.weighed, known))
        rollout = begin(key, fact, at) if rollout is None else apply(rollout, fact, at)


def _heads(key: RolloutKey, revisions: tuple[Revision, ...]) -> dict[str, Ledger]:
    """The ledger after each of its revisions, by the hash of that revision."""
    ledger = Ledger(str(key))
    heads = {ledger.head: ledger}
    for revision in revisions:
        ledger = added(ledger, (revision,))
        heads[ledger.head] = ledger
    return heads


def _again(rollout: Rollout, recorded: facts.Weighed, heads: dict[str, Ledger]) -> facts.Weighed | None:
    run, ledger = run_of(rollout), heads.get(recorded.ledger)
    if run is None or ledger is None:
        return None
    return written_down(weigh(run, ledger), recorded.settled_until)
