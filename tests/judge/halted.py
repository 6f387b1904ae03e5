"""Whether a halt is in force, by what the journal tells: decided and not shown by the store yet, or shown."""

from __future__ import annotations

from tests.judge.journal import Entry, is_stopped, resumes, shows_a_halt
from tests.judge.ledger import GOOGLE_PLAY

WANTED, SHOWN = "wanted", "shown"
"""A halt that is in force: the store has not shown it yet, or it has."""


def halt_after(halt: str, entry: Entry) -> str:
    """What is in force once `entry` is known; "" for nothing."""
    if begins_anew(entry, halt) or (entry.kind == "returned" and halt == SHOWN):
        return ""
    body = entry.body
    if entry.kind == "decided" and body["decision"] == "HALT" and body.get("intent"):
        return WANTED
    if (
        entry.kind == "drifted"
        and halt != WANTED
        and body.get("meaning") in ("halted", "lowered", "withdrawn")
    ):
        return SHOWN if body["meaning"] == "lowered" or is_stopped(body["after"]) else WANTED
    return SHOWN if halt and shows_a_halt(entry) else halt


def begins_anew(entry: Entry, halt: str) -> bool:
    """A person has taken it up again. A halt that the store has not shown is taken back by no raise: it is wanted
    until it holds."""
    raised = entry.kind == "drifted" and entry.body.get("meaning") == "raised"
    shown_on_play = halt == SHOWN and entry.key.store == GOOGLE_PLAY
    return resumes(entry) or entry.kind == "taken_up" or (raised and shown_on_play)
