"""Where a rollout stood at its newest pass, as one document: what `explain` shows. Nothing is decided by it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stagedrollout.core.assessment import Assessment
from stagedrollout.core.case import Decision
from stagedrollout.core.codec import encode
from stagedrollout.core.facts import Weighed
from stagedrollout.core.judgement import Judgement


def standing(
    now: datetime, decision: Decision, assessment: Assessment, weighed: Weighed | None
) -> dict[str, Any]:
    """The decision with its reasons, the verdict of every gate, and the evidence as it was written down."""
    return {
        "at": now.isoformat(),
        "decision": decision.kind.value,
        "reasons": encode(decision.reasons),
        "due": decision.due.isoformat() if decision.due else None,
        "gates": [_gate(judgement) for judgement in assessment.judgements],
        "advice": encode(assessment.advice),
        "stage_sample": assessment.stage_sample,
        "weighed": encode(weighed) if weighed else None,
    }


def _gate(judgement: Judgement) -> dict[str, Any]:
    return {
        "gate": judgement.gate.name,
        "role": judgement.gate.role.value,
        "verdict": judgement.verdict.name,
        "reason": encode(judgement.reason),
    }
