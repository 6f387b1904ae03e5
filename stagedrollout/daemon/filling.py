"""What one transaction holds beside the facts themselves: everything that belongs to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stagedrollout.core import facts, wording
from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Change, Settlement
from stagedrollout.storage.batch import Batch, OpenIntent, SettledIntent, Summary

if TYPE_CHECKING:
    from stagedrollout.daemon.recorder import Learned


def filled(batch: Batch, rollout: Rollout, news: tuple[facts.Fact, ...], learned: Learned | None) -> Batch:
    """The batch with the news, and what was learned for the ledger; `rollout` is as it is after them."""
    return replace(
        batch,
        entries=tuple(facts.written(fact, batch.at) for fact in news),
        opened=_opened(rollout, news, batch.epoch),
        settled=_settled(news),
        notices=wording.notices(rollout, news, batch.at),
        board=wording.board(rollout) if news else None,
        summary=_summary(rollout) if news else None,
        revisions=learned.added if learned else (),
        ledger_prev=learned.prev if learned else CHAIN_START,
        standing=learned.standing if learned else None,
    )


def _opened(rollout: Rollout, news: tuple[facts.Fact, ...], epoch: int | None) -> OpenIntent | None:
    """`epoch` is None for a brake, which needs no lease."""
    for fact in news:
        if isinstance(fact, facts.Decided) and fact.intent and fact.verb:
            change = Change(fact.verb, rollout.release.id, fact.target_ppm)
            return OpenIntent(fact.intent, change, fact.seen, epoch or 0)
    return None


def _settled(news: tuple[facts.Fact, ...]) -> SettledIntent | None:
    final = [f for f in news if isinstance(f, facts.Settled) and f.settlement is not Settlement.IN_DOUBT]
    return SettledIntent(final[-1].intent, final[-1].settlement, final[-1].detail) if final else None


def _summary(rollout: Rollout) -> Summary:
    return Summary(
        rollout.release.version, rollout.phase.value, rollout.exposure_ppm, rollout.reason, rollout.pauses
    )
