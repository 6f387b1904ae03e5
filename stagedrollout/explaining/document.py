"""Everything that `explain` says of a rollout, as one document of plain values. Instants are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.codec import decode, encode
from stagedrollout.core.evidence.course import odds
from stagedrollout.core.evidence.terms import LN_ADVANCE
from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.harm import odds_text
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.linking import other_store
from stagedrollout.core.policy import Policy
from stagedrollout.core.telling import issue_words, issues_words, title
from stagedrollout.explaining.evidence import (
    EvidenceTold,
    RateTold,
    RatioTold,
    counts,
    reason_numbers,
    told,
)
from stagedrollout.explaining.finding import Kept, Standing
from stagedrollout.explaining.needed import Needed, needed
from stagedrollout.explaining.upcoming import upcoming


def document(kept: Kept, policy: Policy | None, own: Policy | None = None) -> dict[str, Any]:
    """`policy`: the one that steers it, None if the configuration has none of that name; `own`: the one that the
    configuration names for the app. Raises StorageError."""
    rollout, weighed_now = kept.rollout, kept.weighing()
    evidence = told(kept, weighed_now)
    wants = needed(kept, policy, weighed_now)
    return {
        "app": rollout.key.app,
        "store": rollout.key.store.value,
        "release": rollout.release.label,
        "release_id": rollout.key.release_id,
        "title": title(rollout),
        "phase": rollout.phase.value,
        "exposure_ppm": rollout.exposure_ppm,
        "policy": rollout.policy,
        "live_since": _iso(rollout.live_since),
        "now": kept.now.isoformat(),
        "next_look": _iso(kept.next_look),
        "as_of": kept.standing.at.isoformat() if kept.standing else None,
        "age_seconds": _seconds(kept.now - kept.standing.at) if kept.standing else None,
        "decision": _decision(kept),
        "halt": _halt(kept, evidence),
        "link": _link(rollout),
        "new_issues": _new_issues(kept),
        "known_bad": f"{rollout.release.label} was {rollout.bad.words}" if rollout.bad else None,
        "gates": _gates(kept, weighed_now),
        "evidence": _evidence(evidence) if evidence else None,
        "needed": _needed(wants) if wants else None,
        "next": [
            {"at": _iso(each.at), "what": each.what} for each in upcoming(rollout, policy, kept.now, own)
        ],
    }


def _decision(kept: Kept) -> dict[str, Any] | None:
    """The newest one: the journal's, or what a later pass found when it came to the same again."""
    at, last, standing = kept.decided_at, kept.rollout.last, kept.standing
    if standing and (at is None or standing.at >= at or last is None):
        reasons = [decode(Reason, each) for each in standing.found.get("reasons", ())]
        kind, when = str(standing.found.get("decision", "")), standing.at
        if last is None or kept.rollout.halt is None or kind == DecisionKind.HALT.value:
            return _decided(kind, when, tuple(reasons))
    return _decided(last.decision.value, at, last.reasons) if last else None


def _decided(kind: str, at: datetime | None, reasons: tuple[Reason, ...]) -> dict[str, Any]:
    return {"kind": kind, "at": _iso(at), "reasons": [encode(reason) for reason in reasons]}


def _halt(kept: Kept, evidence: EvidenceTold | None) -> dict[str, Any] | None:
    halt = kept.rollout.halt
    if halt is None:
        return None
    blamed = evidence.blamed if evidence else None
    by_evidence = blamed is not None and _evidence_halted(kept)
    return {
        "by": str(halt.actor),
        "at": halt.at.isoformat(),
        "confirmed": halt.confirmed,
        "reason": halt.reason,
        "signal": blamed.signal.value if by_evidence and blamed else None,
        "times_tolerated": blamed.times_tolerated if by_evidence and blamed else None,
        "since": blamed.since.isoformat() if by_evidence and blamed else None,
        "words": blamed.words if by_evidence and blamed else None,
    }


def _link(rollout: Rollout) -> dict[str, Any] | None:
    """How it stands to the same version on the other store; None where the stores are not linked."""
    seen, store = rollout.link.seen, rollout.key.store
    if seen is None:
        return None
    return {
        "text": rollout.link.text(store),
        "lead": seen.lead.value,
        "leads": seen.lead is store,
        "after_ppm": seen.after_ppm,
        "other": other_store(store).value,
        "release": seen.release,
        "earned_ppm": rollout.proven_ppm if seen.lead is store else seen.earned_ppm,
        "unread": seen.unread,
        "halts": [
            {
                "release": halt.release,
                "by": str(halt.actor),
                "reason": halt.reason,
                "at": halt.halted_at.isoformat(),
                "answered": halt.answered,
            }
            for halt in rollout.link.halts
        ],
    }


def _new_issues(kept: Kept) -> dict[str, Any] | None:
    """What crashed for the first time in it, as it was looked up when it failed; None if it never was."""
    read, at = kept.rollout.issues, kept.rollout.issues_at
    if read is None:
        return None
    return {
        "at": _iso(at),
        "source": read.found.source,
        "text": issues_words(read),
        "problem": read.trouble or None,
        "more": read.found.more,
        "issues": [{**encode(issue), "text": issue_words(issue)} for issue in read.found.issues],
    }


def _evidence_halted(kept: Kept) -> bool:
    """Whether the evidence is among the causes of the newest halt."""
    halts = (fact for fact, _ in reversed(kept.told) if _is_halt(fact))
    newest = next(halts, None)
    causes = newest.reasons if isinstance(newest, facts.Decided) else ()
    return any(reason.gate == "evidence" and reason.code == "fail" for reason in causes)


def _is_halt(fact: facts.Fact) -> bool:
    return isinstance(fact, facts.Decided) and fact.decision is DecisionKind.HALT and bool(fact.intent)


def _gates(kept: Kept, weighed_now: Weighing | None) -> list[dict[str, Any]]:
    standing = kept.standing
    if standing is None:
        return []
    return [_gate(each, standing, weighed_now, kept.now) for each in standing.found.get("gates", ())]


def _gate(
    written: dict[str, Any], standing: Standing, weighed_now: Weighing | None, now: datetime
) -> dict[str, Any]:
    """A signal's own gate tells no numbers of its own: they are those of its counts."""
    reason = decode(Reason, written["reason"])
    value, threshold = reason_numbers(reason)
    counted, newest = counts(str(written["gate"]), weighed_now)
    as_of = reason.as_of or newest
    as_of = min(as_of, standing.at) if as_of else None  # the newest hour may still go on
    return {
        "gate": written["gate"],
        "role": written["role"],
        "verdict": written["verdict"],
        "value": value,
        "threshold": threshold,
        "n": counted if reason.sample is None else reason.sample,
        "n_needed": reason.sample_needed,
        "as_of": _iso(as_of),
        "age_seconds": _seconds(now - as_of) if as_of else None,
        "text": reason.text,
        "reason": written["reason"],
    }


def _evidence(found: EvidenceTold) -> dict[str, Any]:
    weighed, terms = found.weighed, found.terms
    safe = weighed.ln_e_advance
    return {
        "text": found.line,
        "ln_e": weighed.ln_e,
        "odds": odds(weighed.ln_e),
        "p_value": found.p_value,
        "safety": None
        if safe is None
        else {
            "ln_e": safe,
            "odds": odds(safe),
            "text": f"evidence of safety {odds_text(safe)} ({odds_text(LN_ADVANCE)} needed)",
        },
        "signals": [
            {
                "signal": each.signal.value,
                "words": each.signal.words,
                "weight": each.weight,
                "ln_e": each.ln_e,
                "odds": odds(each.ln_e),
                "text": odds_text(each.ln_e),
                "part": each.part,
            }
            for each in found.signals
        ],
        "ratio": _ratio(found.ratio) if found.ratio else None,
        "crash_free_sessions": {
            "label": "descriptive",
            "candidate": _rate(found.candidate),
            "baseline": _rate(found.baseline),
        },
        "terms": {"rho0": terms.rho0, "s": terms.s, "p_ref": terms.p_ref, "floor": terms.floor},
        "tau2": weighed.tau2,
        "reserve": weighed.reserve,
        "settled_until": weighed.settled_until.isoformat(),
        "ledger": weighed.ledger,
    }


def _ratio(found: RatioTold) -> dict[str, Any]:
    return {
        "point": found.point,
        "low": found.low,
        "high": found.high,
        "confidence": 0.9,
        "tolerated": found.rho0,
        "rules_out": found.rules_out,
    }


def _rate(found: RateTold | None) -> dict[str, Any] | None:
    return None if found is None else encode(found)


def _needed(found: Needed) -> dict[str, Any]:
    return {
        "sessions": found.sessions,
        "hours": found.hours,
        "seen": found.seen,
        "per_hour": found.per_hour,
        "why": found.why,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _seconds(span: timedelta) -> int:
    """Never negative: a clock that is a little behind makes nothing younger than now."""
    return max(int(span.total_seconds()), 0)
