"""The daemon's journal understood: what people ordered and what was decided. Believed only where it is
all there is (who gave an order); everything else is held against the ledger."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from tests.judge.evidence import Record
from tests.judge.ledger import APP_STORE, RAISES, Change, Key, instant

_KIND_OF = {"START": "start", "ADVANCE": "raise", "RESUME": "resume", "COMPLETE": "complete", "HALT": "halt"}
_APPLE_KIND_OF = {
    "prepare": "prepare",
    "start": "start",
    "step": "step",
    "resume": "step",
    "complete": "complete",
    "pause": "pause",
    "halt": "pause",
}
"""What a decision's verb does to a phased release: a halt is a pause there, and a resume lets Apple go on."""

_VERBS_FOR = {
    "start": {"start"},
    "raise": {"advance"},
    "step": {"advance", "resume"},
    "resume": {"resume"},
    "complete": {"complete", "advance"},
}


CLOCKS_DISAGREE = timedelta(minutes=2)
"""Further apart than this they forbid every raise (R19)."""

CLOCKS_APART = CLOCKS_DISAGREE + timedelta(seconds=30)
"""Two minutes, and what an answer and the second that a date is rounded to leave open."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is the true time of it; `told`, where the machine's clock was wrong, what that said."""

    seq: int
    at: datetime
    key: Key
    kind: str
    body: Mapping[str, Any]
    told: datetime | None = None

    @property
    def shown(self) -> datetime:
        """What the machine's clock said."""
        return self.told or self.at

    @property
    def hardly_off(self) -> bool:
        """The clock was wrong, and by so little that hours are counted by it all the same."""
        return self.told is not None and abs(self.told - self.at) <= CLOCKS_APART


@dataclass(frozen=True, slots=True)
class Order:
    """A person's accepted command."""

    at: datetime
    key: Key
    verb: str
    command: str
    without_evidence: bool
    person: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that was to be carried out (it has an intent). `kind` is in the words of a Change, `word` and the
    reasons' `codes` in the journal's own."""

    seq: int
    at: datetime
    key: Key
    kind: str
    word: str
    target_ppm: int
    command: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Journal:
    entries: tuple[Entry, ...]
    by_rollout: Mapping[Key, list[Entry]]
    orders: tuple[Order, ...]
    decisions: tuple[Decision, ...]

    def of(self, key: Key, *kinds: str) -> Iterator[Entry]:
        return (entry for entry in self.by_rollout.get(key, ()) if entry.kind in kinds)

    def entry(self, seq: int) -> Entry:
        """Raises StopIteration: there is none."""
        return next(entry for entry in self.entries if entry.seq == seq)

    def hardly_off(self, at: datetime) -> bool:
        """Whether something was written about then by a clock that was wrong by so little."""
        first = bisect_left(self.entries, at - CLOCKS_APART, key=lambda entry: entry.at)
        soon = takewhile(lambda entry: entry.at <= at + CLOCKS_APART, self.entries[first:])
        return any(entry.hardly_off for entry in soon)

    def clocks_disagreed(self, decision: Decision) -> bool:
        """Whether the machine's clock was truly more than two minutes off when that was decided, or had by then left in the
        journal what is as far ahead of it."""
        known = [entry for entry in self.entries if entry.seq <= decision.seq]
        own, newest = known[-1], max(entry.shown for entry in known)
        return abs(own.shown - own.at) > CLOCKS_DISAGREE or newest - own.shown > CLOCKS_DISAGREE

    def decision_behind(self, change: Change) -> Decision | None:
        """The last decision before the raise `change` that meant it: a raise to the same exposure."""
        meant = [d for d in self.decisions if d.key == change.key and d.at <= change.at]
        fits = [d for d in meant if _means(d, change)]
        return fits[-1] if fits else None

    def order_behind(self, raised: Change, since: datetime | None = None) -> Order | None:
        """The person's order that `raised` carried out, given at `since` or later.

        Advancing and completing must name the order they follow. A start or a resume may wait for its
        moment, so there any earlier order of that verb will do.
        """
        if raised.kind not in RAISES:
            return None
        fits = [
            order
            for order in self.orders
            if order.key == raised.key
            and order.verb in _VERBS_FOR[raised.kind]
            and order.at <= raised.at
            and (since is None or order.at >= since)
        ]
        if raised.kind in ("raise", "step", "complete"):
            decision = self.decision_behind(raised)
            named = decision.command if decision else ""
            fits = [order for order in fits if named and order.command == named]
        return fits[-1] if fits else None

    def ordered_between(self, key: Key, first: datetime, last: datetime, *verbs: str) -> bool:
        return any(o.key == key and first <= o.at <= last and o.verb in verbs for o in self.orders)


def _means(decision: Decision, change: Change) -> bool:
    if change.key.store != APP_STORE:
        return decision.kind in RAISES and decision.target_ppm == change.after_ppm
    target = decision.target_ppm in (change.before_ppm, change.after_ppm) or change.kind != "step"
    return decision.kind == change.kind and target


def understand(records: Iterable[Record]) -> Journal:
    entries = tuple(_entry(record) for record in records)
    by_rollout: dict[Key, list[Entry]] = {}
    for entry in entries:
        by_rollout.setdefault(entry.key, []).append(entry)
    return Journal(
        entries=entries,
        by_rollout=by_rollout,
        orders=tuple(order for entry in entries if (order := _order(entry))),
        decisions=tuple(decision for entry in entries if (decision := _decision(entry))),
    )


def _entry(record: Record) -> Entry:
    key = key_of(record["rollout"])
    at = instant(record.get("true_at") or record["at"])
    told = instant(record["at"]) if "true_at" in record else None
    return Entry(record["seq"], at, key, record["kind"], record["body"], told)


def key_of(rollout: str) -> Key:
    app, store, release_id = rollout.split("/", 2)
    return Key(app, store, release_id)


def shows_a_halt(entry: Entry) -> bool:
    """Whether a halt was read in the store by then, with no review that still holds it back."""
    if entry.kind == "settled":
        return bool(entry.body["verb"] == "halt" and entry.body["settlement"] == "confirmed")
    return entry.kind == "seen" and is_stopped(entry.body)


def is_stopped(seen: Mapping[str, Any]) -> bool:
    under_review = seen["review"] not in ("published", "not_listed")
    return seen["status"] in ("paused", "withdrawn") or (seen["status"] == "halted" and not under_review)


def resumes(entry: Entry) -> bool:
    """Whether a resume was read in the store: ours, or somebody's in the console."""
    body = entry.body
    if entry.kind == "settled":
        return (body.get("verb"), body.get("settlement")) == ("resume", "confirmed")
    return entry.kind == "drifted" and body.get("meaning") == "resumed"


def _order(entry: Entry) -> Order | None:
    body = entry.body
    person = _is_person(body.get("actor"))
    if entry.kind == "started" and person:
        return Order(entry.at, entry.key, "start", str(body.get("command", "")), False, _name(body))
    if entry.kind == "commanded" and body.get("accepted") and person:
        without_evidence = bool(body.get("without_evidence"))
        command = str(body.get("command", ""))
        return Order(entry.at, entry.key, body["verb"], command, without_evidence, _name(body))
    return None


def _name(body: Mapping[str, Any]) -> str:
    actor = body.get("actor")
    return str(actor.get("name", "")) if isinstance(actor, Mapping) else str(actor or "")


def _is_person(actor: Any) -> bool:
    """Actors are written with their kind; a bare name is a person's unless it is the daemon's own."""
    if isinstance(actor, Mapping):
        return actor.get("kind") == "human"
    return bool(actor) and actor != "stagedrollout"


def _decision(entry: Entry) -> Decision | None:
    body = entry.body
    if entry.kind != "decided" or not body.get("intent"):
        return None
    on_apple = entry.key.store == APP_STORE
    kind = _APPLE_KIND_OF.get(str(body.get("verb"))) if on_apple else _KIND_OF.get(body["decision"])
    if kind is None:
        return None
    target, command = int(body.get("target_ppm") or 0), str(body.get("command") or "")
    codes = frozenset(str(reason.get("code", "")) for reason in body.get("reasons", ()))
    return Decision(entry.seq, entry.at, entry.key, kind, body["decision"], target, command, codes)
