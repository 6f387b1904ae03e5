"""To which cause an hour of a release belongs. Each has exactly one, so the hours of all causes add up.

A cause is read off the rollout as its journal tells it: the phase first, then the first reason of the newest decision.
While no daemon runs nothing is written, and the last cause goes on. A reason that has no place here yet is counted as
`other`, in its own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Phase, Rollout
from stagedrollout.core.model import Verb
from stagedrollout.core.plain import one_line


class Cause(StrEnum):
    """In the order in which they are shown."""

    NOT_STARTED = "not_started"
    REVIEW = "review"
    BAKE = "bake"
    EVIDENCE = "evidence"
    CLOSED_HOURS = "closed_hours"
    FREEZE = "freeze"
    APPLE = "apple"
    OTHER_STORE = "other_store"
    CHANGE = "change"
    HELD = "held"
    NOT_HALTED = "not_halted"
    HALTED = "halted"
    WATCH = "watch"
    OTHER = "other"

    @property
    def words(self) -> str:
        """What it waited for, or what it was: "the store's review"."""
        return _CAUSE_WORDS[self]


_CAUSE_WORDS = {
    Cause.NOT_STARTED: "nobody had started it",
    Cause.REVIEW: "the store's review, and being published",
    Cause.BAKE: "the bake of a stage",
    Cause.EVIDENCE: "sessions and evidence",
    Cause.CLOSED_HOURS: "the hours for raises",
    Cause.FREEZE: "a freeze",
    Cause.APPLE: "Apple's own step",
    Cause.OTHER_STORE: "the other store to lead",
    Cause.CHANGE: "a change on its way to the store",
    Cause.HELD: "held",
    Cause.NOT_HALTED: "NOT HALTED: the store did not show the halt",
    Cause.HALTED: "halted",
    Cause.WATCH: "watched at 100 %",
    Cause.OTHER: "something else",
}


@dataclass(frozen=True, slots=True)
class Because:
    """`code` and `gate` are the reason's own, "" where the phase says it all; `words` are for people."""

    cause: Cause
    code: str = ""
    gate: str = ""
    words: str = ""

    @property
    def key(self) -> tuple[Cause, str, str]:
        """What makes two spans the same; a reason's words may tell numbers that change."""
        return self.cause, self.code, self.gate


_PHASES = {
    Phase.WAITING: Cause.NOT_STARTED,
    Phase.WAITING_FOR_REVIEW: Cause.REVIEW,
    Phase.HALTED: Cause.HALTED,
    Phase.NOT_HALTED: Cause.NOT_HALTED,
    Phase.COMPLETED: Cause.WATCH,
}

_WAITS = {
    "review": Cause.REVIEW,
    "window": Cause.CLOSED_HOURS,
    "stage_sample": Cause.EVIDENCE,
    "window_open": Cause.APPLE,
    "apple": Cause.APPLE,
    "linked_lead": Cause.OTHER_STORE,
    **dict.fromkeys(
        ("bake", "rest", "stepped", "window_over", "adopted", "human_start", "hold_lifted", "hold_ended"),
        Cause.BAKE,
    ),
}
"""By the first reason of a WAIT. What begins or ends a wait lasts for one pass only."""

_RAISES = (DecisionKind.START, DecisionKind.ADVANCE, DecisionKind.COMPLETE, DecisionKind.RESUME)

_WORDS = {
    "human_hold": "a person's hold",
    "line_stopped": "the whole line was stopped",
    "line_unread": "not known whether the line was stopped",
    "suspected": "suspicion of harm",
    "fail": "failing",
    "incident": "an outside incident",
    "incident_lasts": "an outside incident",
    "dark": "the release is dark",
    "missing": "no data",
    "stale": "data too old",
    "error": "data could not be read",
    "bad_data": "data that cannot be right",
    "implausible": "data that cannot be right",
    "blind": "no usable data for long",
    "by_hand": "ready, and 100 % is left to a person",
    "inconclusive_ask": "inconclusive: a person was asked",
    "inconclusive_hold": "inconclusive: the policy goes on holding",
    "calendar_unread": "its calendar could not be read",
    "store_denied": "the store turned us away",
    "journal_behind": "the journal was not the newest one",
    "journal_unmarked": "not known whether the journal was the newest one",
    "replica_doubts": "another replica had seen a newer journal",
    "highwater_unwritable": "the high-water file could not be written",
    "clocks_disagree": "the clocks disagreed",
    "store_unread": "the store could not be read",
    "in_doubt": "not known whether a change was applied",
    "gone": "no longer in the track",
    "unknown_status": "a status of the store that is not known",
    "unknown_review": "a review state of the store that is not known",
    "stale_store": "the store still showed an old state",
    "unknown_drift": "changed in the console, in a way not understood",
    "unknown_policy": "a policy that the daemon does not know",
    "newer_waits": "a newer release waited",
    "overtaken": "a newer release took its place",
    "known_bad": "known bad: a person had to decide",
    "refused": "the store refused a raise",
    "sent_in_vain": "the store did not carry out a raise",
    "linked_halt": "halted on the other store",
    "link_unread": "not known whether it is halted on the other store",
    "review": "a person had to act in the store's console",
    "observe": "mode observe",
    "ceiling": "as far as the policy goes",
}

_WORDS_MAX = 70


def because(rollout: Rollout) -> Because:
    """Why the rollout stands where it does, from this moment of its journal on."""
    if rollout.halt and rollout.halt.confirmed:
        return Because(Cause.HALTED)  # also where somebody has lowered it and people still get it
    if rollout.phase is Phase.WAITING and rollout.start_awaited:
        return _awaits_its_turn(rollout)
    cause = _PHASES.get(rollout.phase)
    if cause is not None:
        return Because(cause)
    if rollout.phase is Phase.SUPERSEDED:
        return Because(Cause.OTHER, "superseded", words="superseded")
    return _held(rollout) if rollout.phase is Phase.HELD else _waits(rollout)


def _awaits_its_turn(rollout: Rollout) -> Because:
    """Somebody has started it, and nothing was sent yet: the other store leads, or what else keeps it back."""
    reason = _first(rollout)
    if rollout.hold or (rollout.last and rollout.last.decision is DecisionKind.HOLD):
        return _held(rollout)
    closed = reason is not None and reason.code == "window"
    return Because(Cause.CLOSED_HOURS if closed else Cause.OTHER_STORE)


def _held(rollout: Rollout) -> Because:
    if rollout.hold:
        return Because(Cause.HELD, "human_hold", words=_WORDS["human_hold"])
    if rollout.unknown_drift:
        return Because(Cause.HELD, "unknown_drift", words=_WORDS["unknown_drift"])
    reason = _first(rollout)
    if reason is None:
        return Because(Cause.HELD, words="no reason was written")
    if reason.code == "freeze":
        return Because(Cause.FREEZE)
    if reason.code == "linked_lead":
        return Because(Cause.OTHER_STORE)  # on the App Store even that wait is a hold, for silence raises
    return _of(reason, Cause.HELD)


def _waits(rollout: Rollout) -> Because:
    if rollout.intent and rollout.intent.verb is not Verb.PAUSE:
        return Because(Cause.CHANGE)
    last, reason = rollout.last, _first(rollout)
    if last is None or reason is None:
        return Because(Cause.BAKE)  # it has just begun, or begun anew
    if any(each.code == "observe" for each in last.reasons):
        return Because(Cause.OTHER, "observe", words=_WORDS["observe"])
    if last.decision in _RAISES:
        return Because(Cause.BAKE)  # the raise was read back: the next stage bakes
    cause = _WAITS.get(reason.code)
    if cause is not None:
        return Because(cause)
    return Because(Cause.EVIDENCE) if reason.gate else _of(reason, Cause.OTHER)


def _first(rollout: Rollout) -> Reason | None:
    return rollout.last.reasons[0] if rollout.last and rollout.last.reasons else None


def _of(reason: Reason, cause: Cause) -> Because:
    return Because(cause, reason.code, reason.gate, words_of(reason))


def words_of(reason: Reason) -> str:
    """The reason in a few words without its numbers; a reason that is new here says itself."""
    known = _WORDS.get(reason.code)
    if known is None:
        text = one_line(reason.text) or reason.code
        return text if len(text) <= _WORDS_MAX else f"{text[: _WORDS_MAX - 2].rstrip()} …"
    return f"{reason.gate.replace('_', ' ')}: {known}" if reason.gate else known
