"""What people's orders make of a rollout, beside those that stop it or let it go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import singledispatch
from typing import Any

from stagedrollout.core import override_facts
from stagedrollout.core.approval import Approval, for_removal
from stagedrollout.core.evidence.course import StageStart
from stagedrollout.core.fold_acts import new_run
from stagedrollout.core.judgement import Verdict
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import OnNewRelease


@singledispatch
def overridden(fact: Any, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001 - the common signature
    raise TypeError(f"no rule for {type(fact).__name__}")


@overridden.register
def _(fact: override_facts.Approved, rollout: Rollout, at: datetime) -> Rollout:
    """A person's newest word for a step is the one that counts."""
    others = tuple(a for a in rollout.approvals if (a.actor, a.target_ppm) != (fact.actor, fact.target_ppm))
    given = Approval(
        fact.actor, fact.groups, fact.target_ppm, _said(fact.verdict), at, fact.until, fact.reason
    )
    return replace(rollout, approvals=(*others, given))


@overridden.register
def _(fact: override_facts.ApprovalsLapsed, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001
    return replace(rollout, approvals=() if fact.removal else for_removal(rollout.approvals))


@overridden.register
def _(fact: override_facts.BakeSkipped, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001
    return replace(rollout, bake_skipped=fact)


@overridden.register
def _(fact: override_facts.LeftAlone, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001
    return replace(
        rollout,
        steered=False,
        choice=OnNewRelease.IGNORE,
        hold=None,
        start_awaited=None,
        approvals=for_removal(rollout.approvals),
        suspicions=(),
        blind_since=None,
        last=None,
    )


@overridden.register
def _(fact: override_facts.PolicySet, rollout: Rollout, at: datetime) -> Rollout:
    if rollout.halt or rollout.live_since is None:
        left = for_removal(rollout.approvals)
        return replace(rollout, policy=fact.policy, approvals=left, bake_skipped=None)
    since = fact.since or at
    begun = replace(
        new_run(rollout, since),
        policy=fact.policy,
        known_bad=rollout.known_bad,
        unknown_drift=rollout.unknown_drift,
    )
    return replace(begun, live_since=since, stages=(StageStart(since, rollout.live_ppm),))


@overridden.register
def _(fact: override_facts.Acknowledged, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001
    return replace(rollout, answered=fact.halted_at)


@overridden.register
def _(fact: override_facts.PressRefused, rollout: Rollout, at: datetime) -> Rollout:  # noqa: ARG001
    return rollout  # that somebody tried is all there is to it


def _said(verdict: str) -> Verdict:
    """A word that this version does not know counts as the best: then whatever is worse voids the approval."""
    return Verdict.__members__.get(verdict, Verdict.PASS)
