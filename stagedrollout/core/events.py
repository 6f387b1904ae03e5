"""The journal's facts: what is written down, in order, for ever.

An `Entry` is what somebody wants to record; a `Recorded` is that entry with its place in the journal of
its rollout and in the hash chain (each hash covers the one before, so a changed or missing fact shows).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagedrollout.core.model import RolloutKey

CHAIN_START = "0" * 64
"""What the first entry of every rollout names as the hash before it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact. `body` holds only what JSON can say: text, integers, booleans, None, lists, mappings."""

    kind: str
    at: datetime
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """`seq` rises over the whole journal; within one rollout it need not be dense."""

    seq: int
    rollout: RolloutKey
    entry: Entry
    prev: str
    hash: str


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(body: dict[str, Any]) -> str:
    """The one text of a JSON object: sorted keys, no spaces."""
    return _CANONICAL.encode(body)


def chain_hash(prev: str, rollout: RolloutKey, entry: Entry) -> str:
    """SHA-256 over the hash before and everything this entry says (promise R16)."""
    said = "\n".join((prev, str(rollout), entry.kind, entry.at.isoformat(), canonical(entry.body)))
    return hashlib.sha256(said.encode()).hexdigest()
