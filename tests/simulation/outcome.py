"""What a run was worth: the judge's findings, whether everything came to rest, and what it has met."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.judge import judge
from tests.simulation.plan import Plan, drawn
from tests.simulation.run import Left, play

TIMELINE_MOST = 400
_AT_REST = {
    "halted": "only a person resumes it",
    "completed": "everyone has it",
    "superseded": "a newer release has its place",
}
_WAITS_FOR_TIME = {
    "bake",
    "watch",
    "window",
    "freeze",
    "ceiling",
    "stage_sample",
    "sample",
    "no_data_yet",
    "review",
}
_WAITS_FOR_PEOPLE = {
    "halted",
    "human_hold",
    "by_hand",
    "unknown_drift",
    "not_started",
    "ignored",
    "gone",
    "observe",
}
_MOVES = {
    "pass",
    "adopted",
    "hold_lifted",
    "hold_ended",
    "human_start",
    "human_advance",
    "watched",
    "suspected",
}
_SILENT = "missing"
"""No data at all: at rest only where the emulated services really have none to give."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`faults`: everything wrong, in words; empty after a clean run. `trace` names all that happened."""

    seed: int
    faults: tuple[str, ...]
    marks: Mapping[str, int]
    trace: str
    story: str

    def words(self) -> str:
        return "\n".join((f"seed {self.seed} failed:", *self.faults, self.story))


def outcome(seed: int) -> Outcome:
    """Play the seed's story and judge it."""
    plan = drawn(seed)
    left = play(plan)
    findings = [f"{f.check}: {f.at} {f.app} {f.text}" for f in judge(left.evidence).findings]
    faults = (*findings, *_unrest(plan, left))
    return Outcome(
        seed=seed,
        faults=faults,
        marks=dict(sorted(_marks(left).items())),
        trace=_trace(left),
        story=f"{plan.words()}\n{_timeline(left)}" if faults else "",
    )


def _unrest(plan: Plan, left: Left) -> Iterator[str]:
    """Hours after the last trouble every notice is out, every order is answered and no rollout is stuck."""
    for row in left.evidence.notices:
        if row["state"] != "sent":
            yield f"outbox: {row['headline']!r} is still {row['state']}"
    for order, result in left.orders.items():
        if not result:
            yield f"orders: nobody has answered {order}"
    last = {entry["rollout"]: entry["body"] for entry in left.evidence.journal if entry["kind"] == "decided"}
    for row in left.evidence.rollouts:
        stuck = _stuck(plan, row, last.get(f"{row['app']}/{row['store']}/{row['release_id']}", {}))
        if stuck:
            yield f"liveness: {row['app']} {row['release']} is {row['phase']}, {stuck}: {row['reason']}"


def _stuck(plan: Plan, row: Mapping[str, Any], decided: Mapping[str, Any]) -> str:
    """Why the rollout neither moves, nor is at rest, nor waits for somebody; "" if it does."""
    if not row["reason"]:
        return "and nobody says why"
    if row["phase"] in _AT_REST:
        return ""
    if row["phase"] == "not_halted":
        return "" if _reviews_hold_back(plan) else "although nothing hinders the halt any more"
    codes = {reason["code"] for reason in decided.get("reasons", ())}
    known = _WAITS_FOR_TIME | _WAITS_FOR_PEOPLE | _MOVES
    if plan.scenario.switches.get("sentry_without_users"):
        known = known | {_SILENT}
    return "" if codes & known else f"and waits for {', '.join(sorted(codes)) or 'nothing'}"


def _reviews_hold_back(plan: Plan) -> bool:
    """A halt that the store itself reviews, or that waits for a person in the console, may take its time."""
    turned = plan.scenario.switches
    return bool(turned.get("halts_in_review") or turned.get("managed_publishing")) or any(
        planned.act.act in ("reject", "new_release") for planned in plan.scenario.people
    )


def _marks(left: Left) -> Counter[str]:
    marks = Counter(left.marks)
    for record in left.evidence.ledger:
        if record["type"] in ("fault", "outage") and record.get("begins", True):
            marks[f"{record['type']}: {record['service']} {record['kind']}"] += 1
        elif record["type"] == "console":
            marks[f"console: {record['act']}{' refused' if 'refused' in record else ''}"] += 1
    for entry in left.evidence.journal:
        marks.update(_mark_of(entry["kind"], entry["body"]))
    for row in left.evidence.rollouts:
        marks[f"end: {row['phase']}"] += 1
    return marks


def _mark_of(kind: str, body: Mapping[str, Any]) -> Iterator[str]:
    match kind:
        case "decided":
            yield f"decided: {body['decision']}{' and acted' if body.get('intent') else ''}"
            for reason in body["reasons"]:
                yield f"because: {reason['code']}"
        case "settled":
            yield f"settled: {body['verb']} {body['settlement']}"
        case "drifted":
            yield f"drifted: {body['meaning']}"
        case "commanded":
            yield f"order: {body['verb']} {'accepted' if body['accepted'] else 'refused'}"
        case _:
            yield f"fact: {kind}"


def _trace(left: Left) -> str:
    """Everything that happened but for real time, as one hash: the same seed must give it again."""
    evidence = left.evidence
    requests = [{k: v for k, v in request.items() if k != "wall"} for request in evidence.requests]
    whole = [evidence.ledger, requests, evidence.journal, evidence.notices, evidence.deaths]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _timeline(left: Left) -> str:
    """Truth, journal and deaths side by side, the newest last."""
    lines = [(record["at"], line) for record in left.evidence.ledger if (line := _truth_line(record))]
    lines += [(entry["at"], f"        {entry['said']}") for entry in left.evidence.journal]
    lines += [(death, "        dead") for death in left.evidence.deaths]
    merged = sorted(((datetime.fromisoformat(at), line) for at, line in lines), key=lambda pair: pair[0])
    shown = merged[-TIMELINE_MOST:]
    return "\n".join(f"{at:%m-%d %H:%M:%S} {line[:200]}" for at, line in shown)


def _truth_line(record: Mapping[str, Any]) -> str:
    match record["type"]:
        case "served":
            at = record["exposure_ppm"] / 10_000
            cause = f"{record['cause']}, review {record['review']}"
            return f"SERVED {record['app']} {record['release']} {record['status']} {at:g} % ({cause})"
        case "fault":
            return f"FAULT {record['service']} {record['kind']}"
        case "outage":
            return f"OUTAGE {record['service']} {record['kind']} {'begins' if record['begins'] else 'ends'}"
        case "console":
            return f"CONSOLE {record['app']} {record['act']} {record.get('refused', '')}"
        case "review" | "onset":
            return (
                f"{record['type'].upper()} {record['app']} {record.get('state') or record.get('crash_free')}"
            )
        case _:
            return ""
