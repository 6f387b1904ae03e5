"""R16: nothing in the journal was changed or left out. The chain is recomputed, not believed.

Each hash is SHA-256 over five lines: the hash before (64 zeros at first), the rollout, the kind, the instant
in ISO 8601 and the body as JSON with sorted keys and no spaces. Where the database was put back, the chain goes on from what
it was then.
"""

from __future__ import annotations

import hashlib
import json

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.ledger import instant

_START = "0" * 64


def check(case: Case) -> list[Finding]:
    heads, kept, lost = dict[str, str](), dict[str, str](), frozenset(case.evidence.lost)
    findings = []
    last_seq = 0
    for record in case.evidence.journal:
        rollout, seq = record["rollout"], record["seq"]
        if lost and last_seq in lost and seq not in lost:
            heads = kept
        fault = _fault(record, heads.get(rollout, _START)) or ("is out of order" if seq <= last_seq else "")
        if fault:
            at, app = record["at"], rollout.split("/", 1)[0]
            findings.append(Finding("disagreements", at, app, f"journal entry {seq} of {rollout} {fault}"))
        heads[rollout], last_seq = record["hash"], seq
        kept = kept if seq in lost else heads.copy()
    return findings


def _fault(record: Record, head: str) -> str:
    if record["prev"] != head:
        return "does not follow the one before it"
    return "was changed after it was written" if record["hash"] != chain_hash(record) else ""


def chain_hash(record: Record) -> str:
    body = json.dumps(
        record["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    at = instant(record["at"]).isoformat()
    said = "\n".join((record["prev"], record["rollout"], record["kind"], at, body))
    return hashlib.sha256(said.encode()).hexdigest()
