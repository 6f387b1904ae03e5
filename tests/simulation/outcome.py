"""What a run was worth: the judge's findings, whether everything came to rest, and what it has met."""

from __future__ import annotations

import hashlib
import marshal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tests.judge import judge
from tests.simulation.marks import marks_of, marks_of_plan
from tests.simulation.plan import Plan, is_month, of_two
from tests.simulation.rest import unrest
from tests.simulation.run import Left, play, uncollected
from tests.simulation.seldom import drawn

TIMELINE_MOST = 400
_BY_VALUE = 0
"""The version of marshal's format that does not tell what is one and the same object from what is equal."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`faults`: everything wrong, in words; empty after a clean run. `trace` names all that happened. `story`: the plan
    and the timeline, of a run with faults only. `cpu`: seconds of the processor that it took."""

    seed: int
    faults: tuple[str, ...]
    marks: Mapping[str, int]
    trace: str
    story: str
    month: bool = False
    cpu: float = 0.0

    def words(self) -> str:
        return "\n".join((f"seed {self.seed} failed:", *self.faults, self.story))


def outcome(seed: int) -> Outcome:
    """Play the seed's story and judge it."""
    return outcome_of(drawn(seed))


def outcome_of_two(seed: int) -> Outcome:
    """The same story, lived through by two daemons."""
    return outcome_of(of_two(drawn(seed)))


PLAYED_BY: Mapping[int, Callable[[int], Outcome]] = {1: outcome, 2: outcome_of_two}
"""By how many daemons."""


def plan_for(seed: int, instances: int) -> Plan:
    """What each of these plays."""
    return of_two(drawn(seed)) if instances > 1 else drawn(seed)


def outcome_of(plan: Plan, *, told: bool = False) -> Outcome:
    """Whatever the run breaks off with is a fault of it. `told`: the story of a clean run as well."""
    began = time.process_time()
    found = _found(plan, told=told)
    return replace(found, cpu=time.process_time() - began)


@uncollected()
def _found(plan: Plan, *, told: bool) -> Outcome:
    try:
        left = play(plan)
    except Exception as error:  # noqa: BLE001 - a campaign goes on
        faults = (f"{type(error).__name__}: {error}", traceback.format_exc())
        return Outcome(plan.seed, faults, {}, "", plan.words(), is_month(plan.seed))
    findings = [f"{f.check}: {f.at} {f.app} {f.text}" for f in judge(left.evidence).findings]
    faults = (*findings, *left.unrepeatable, *unrest(plan, left))
    return Outcome(
        seed=plan.seed,
        faults=faults,
        marks=dict(sorted((marks_of(left) + marks_of_plan(plan)).items())),
        trace=_trace(left),
        story=f"{plan.words()}\n{_timeline(left)}" if faults or told else "",
        month=is_month(plan.seed),
    )


def _trace(left: Left) -> str:
    """Everything that happened but for real time, as one hash: the same seed must give it again."""
    evidence = left.evidence
    requests = [{k: v for k, v in request.items() if k != "wall"} for request in evidence.requests]
    whole = [evidence.ledger, requests, evidence.journal, evidence.notices, evidence.deaths]
    return hashlib.sha256(marshal.dumps(whole, _BY_VALUE)).hexdigest()


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
            return f"CONSOLE {record['app']} {record['store']} {record['act']} {record.get('refused', '')}"
        case "phased":
            before, after = (
                f"{record[when]['state']} day {record[when]['day']}" for when in ("before", "after")
            )
            return f"PHASED {record['app']} {record['release']} {before} -> {after} ({record['cause']})"
        case "review" | "onset":
            return (
                f"{record['type'].upper()} {record['app']} {record.get('state') or record.get('crash_free')}"
            )
        case _:
            return ""
