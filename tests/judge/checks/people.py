"""R9, R10 on Google Play: what people did stands. A halt is undone only by a person; what somebody did in the
store's console is neither raised away nor, without failing evidence, lowered away. The App Store, where a pause
may be a halt, has checks of its own (apple_people.py)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.judge.case import Case
from tests.judge.checks.halts import something_failed
from tests.judge.checks.tenures import holder_at
from tests.judge.direct import is_by_hand
from tests.judge.finding import Finding
from tests.judge.journal import Decision, Entry
from tests.judge.ledger import GOOGLE_PLAY, LOWERINGS, RAISES, Change, instant
from tests.judge.passes import read_between
from tests.judge.patience import SLACK

_PERMISSIONS = ("start", "advance", "resume", "complete")


def unhalted(case: Case) -> list[Finding]:
    text = "a halt was undone although nobody had ordered it to resume"
    return [
        Finding("unhalted", raised.at.isoformat(), raised.key.app, f"{raised.name}: {text}")
        for raised in case.raises()
        if raised.kind == "resume" and case.order_behind(raised) is None
    ]


def console_acts(case: Case) -> list[Finding]:
    return [
        Finding("console_acts_overridden", ours.at.isoformat(), ours.key.app, text)
        for key in {change.key: None for change in case.changes}
        if key.store == GOOGLE_PLAY
        for ours, text in _overridden(case, case.of(key))
    ]


def _overridden(case: Case, changes: list[Change]) -> Iterator[tuple[Change, str]]:
    act: Change | None = None
    for change in changes:
        if any(detour.holds(change) for detour in case.detours(change.key)):
            continue
        if not change.ours:
            tells = change.kind in RAISES | LOWERINGS and not _looks_like_before(case, changes, change)
            act = change if tells and not lowered_before_it_was_found(case, change) else act
        elif act is None:
            continue
        elif act.kind in LOWERINGS and change.kind in RAISES:
            if not case.journal.ordered_between(change.key, act.at, change.at, *_PERMISSIONS):
                yield (
                    change,
                    f"{change.name} was raised although somebody had lowered it at {act.at.isoformat()}",
                )
        elif act.kind in RAISES and change.kind in LOWERINGS and not _lowering_is_due(case, change, act):
            yield change, f"{change.name} was lowered although somebody had raised it and nothing was failing"


def lowered_before_it_was_found(case: Case, act: Change) -> bool:
    """The store tells what is: a release that somebody had lowered by the time it was found stands at that share, and
    nobody can know that it ever stood higher. What is halted reads so, and is known."""
    found = next(case.journal.of(act.key, "discovered"), None)
    return act.kind == "lower" and found is not None and act.at < found.at


def _looks_like_before(case: Case, changes: list[Change], act: Change) -> bool:
    """Back to where it was before a raise of ours that no look had shown yet, and was then read as not carried out:
    which of the two it was cannot be told."""
    before = [change for change in changes if change.seq < act.seq]
    if act.kind != "lower" or not before or not before[-1].ours or before[-1].kind not in RAISES:
        return False
    raised = before[-1]
    told = next((e for e in case.journal.of(act.key, "settled") if e.at >= raised.at), None)
    return (
        raised.before_ppm == act.after_ppm
        and told is not None
        and told.at >= act.at
        and told.body["settlement"] in ("in_doubt", "not_applied")
        and not read_between(case, raised.at, act.at)
    )


def _lowering_is_due(case: Case, halted: Change, act: Change) -> bool:
    if halted.kind != "halt":
        return False
    ordered = case.journal.ordered_between(halted.key, act.at, halted.at, "halt")
    if ordered or is_by_hand(case, halted.key, halted.at):
        return True
    if _still_owed(case, halted, act):
        return True
    if case.suspects_reviews(halted.key, halted.at):
        return True
    since = act.at - case.poll
    return case.terms(halted.key, halted.at).halts_on_unknown or something_failed(
        case, halted.key, since, halted.at
    )


def _still_owed(case: Case, halted: Change, act: Change) -> bool:
    """A halt that no look had shown in the store when somebody acted there: which of the two came last, no daemon can
    tell; and it is wanted until the store shows it (R4) or a person answers it: a person's, or the daemon's own for what
    had failed by then. One look that shows it is enough: what comes after that is another halt."""
    ordered = (o.at for o in case.journal.orders if (o.key, o.verb) == (act.key, "halt") and o.at <= act.at)
    decided = (d.at for d in case.journal.decisions if _is_due(case, d, act))
    since = max((*ordered, *decided), default=None)
    if since is None or case.journal.ordered_between(act.key, since, halted.at, "resume", "start"):
        return False
    settled = (e for e in case.journal.of(act.key, "settled") if e.body["settlement"] == "confirmed")
    shown = (entry for entry in settled if since <= entry.at <= halted.at)
    return all(_was_never_read(case, entry, halted) for entry in shown)


def _was_never_read(case: Case, shown: Entry, halted: Change) -> bool:
    """Another replica wrote that, and the one that halted had no database when it had just taken the app over: it went by what
    it knew from before."""
    sender = case.evidence.senders.get(str(halted.request))
    wrote, took = (holder_at(case, halted.key, at) for at in (shown.at, halted.asked_at))
    if sender is None or wrote is None or took is None or wrote["run"] == sender or took["run"] != sender:
        return False
    began = instant(took["at"])
    return any(began <= instant(failed) <= began + SLACK for failed in case.evidence.unwritten)


def _is_due(case: Case, decision: Decision, act: Change) -> bool:
    """A halt of the daemon's own from before `act`, for which there was a cause in that life of the release."""
    if (decision.key, decision.kind) != (act.key, "halt") or decision.at > act.at:
        return False
    begun = case.run_begun(act.key, decision.at) or decision.at
    return (
        bool(decision.command)
        or case.terms(act.key, decision.at).halts_on_unknown
        or case.suspects_reviews(act.key, decision.at)
        or something_failed(case, act.key, begun - case.poll, decision.at)
    )
