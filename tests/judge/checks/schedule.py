"""R5, R6: stages are neither skipped nor invented, bakes are not cut, and everyone is a decision of its own.

On the App Store no share can be skipped, only the wait at it: each of our steps comes after its bake, and lets
Apple take one (that it takes no second is asked in phases.py). Everyone at once needs the policy's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.judge import people
from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, Change, Served
from tests.judge.phases import LAST_STAGED_PPM
from tests.judge.signals import GRACE
from tests.judge.terms import PPM_ALL, percent

_TOLERANCE = timedelta(seconds=1)


def stages(case: Case) -> list[Finding]:
    return [
        Finding("stages_skipped", raised.at.isoformat(), raised.key.app, f"{raised.name}: {text}")
        for raised in case.raises()
        for text in (_off_the_shares if raised.key.store == APP_STORE else _off_the_stages)(case, raised)
    ]


def without_phases(case: Case) -> list[Finding]:
    """On the App Store a version that we let out begins with Apple's first share: without phases it is everyone's at
    once, and that cannot be taken back."""
    return [
        Finding(
            "stages_skipped", first.at.isoformat(), key.app, f"{first.name} was let out to everyone at once"
        )
        for key, history in case.served.items()
        if key.store == APP_STORE and (let_out := next(filter(_let_out_by_us, history), None))
        if (first := next((r for r in history if r.seq > let_out.seq and r.exposure_ppm), None))
        if first.exposure_ppm == PPM_ALL and not _phases_taken_away(case, let_out)
    ]


def _let_out_by_us(record: Served) -> bool:
    return (
        record.cause == "api"
        and record.request is not None
        and record.review == "PROCESSING_FOR_DISTRIBUTION"
    )


def _phases_taken_away(case: Case, let_out: Served) -> bool:
    """By somebody in the console, at the last moment or later."""
    since = let_out.at - GRACE
    return any(
        not change.ours and change.kind in ("unplan", "complete") and change.at >= since
        for change in case.of(let_out.key)
    )


def bakes(case: Case) -> list[Finding]:
    return [
        Finding("bakes_cut", raised.at.isoformat(), raised.key.app, f"{raised.name}: {text}")
        for raised in case.raises()
        if raised.kind in ("raise", "step", "complete") and case.order_behind(raised) is None
        if not _skipped(case, raised)
        for text in _cut_short(case, raised)
    ]


def _skipped(case: Case, raised: Change) -> bool:
    """A person does not wait for the rest of this very bake."""
    since = case.live_since(raised.key, *where_it_was_decided(case, raised))
    return since is not None and case.journal.ordered_between(raised.key, since, raised.asked_at, "skip-bake")


def stale(case: Case) -> list[Finding]:
    """Who ordered a step of a release by what they saw of it meant that step, and not the one after it."""
    return [
        Finding(
            "stages_skipped",
            raised.at.isoformat(),
            raised.key.app,
            f"{raised.name} was raised from {percent(before)} by an order that was meant of {percent(saw)}",
        )
        for raised in case.raises()
        if raised.kind in ("raise", "step", "complete") and (order := case.order_behind(raised))
        for before, _ in (where_it_was_decided(case, raised),)
        if (saw := people.saw(case.evidence, order.command, raised.key.id)) is not None and saw != before
    ]


def _off_the_stages(case: Case, raised: Change) -> Iterator[str]:
    terms = case.terms(raised.key, raised.asked_at)
    match raised.kind:
        case "start":
            allowed: int | None = terms.stages[0].exposure_ppm
        case "resume":
            allowed = _reached_before(case, raised)
            if raised.after_ppm > allowed:
                yield f"resumed at {percent(raised.after_ppm)}, but had only reached {percent(allowed)}"
            return
        case _:
            allowed = terms.next_ppm(raised.before_ppm)
    if raised.after_ppm == PPM_ALL:
        order = case.order_behind(raised)
        by_hand = order is not None and order.verb == "complete"
        if not by_hand and not (terms.completes_itself and allowed == PPM_ALL):
            yield "went to everyone without permission"
    elif raised.after_ppm != allowed:
        wanted = percent(allowed) if allowed else "nothing"
        step = f"from {percent(raised.before_ppm)} to {percent(raised.after_ppm)}"
        yield f"went {step}; the policy has {wanted} next"


def _off_the_shares(case: Case, raised: Change) -> Iterator[str]:
    """Apple's last step and our completing both mean everyone; `advance` is no order for that."""
    terms, order = case.terms(raised.key, raised.asked_at), case.order_behind(raised)
    if raised.after_ppm < PPM_ALL or (order is not None and order.verb != "advance"):
        return
    early = terms.app_store.guarded and raised.before_ppm >= LAST_STAGED_PPM
    reached = early or raised.before_ppm >= terms.app_store.complete_from_ppm
    if not terms.completes_itself or (raised.kind == "complete" and not reached):
        yield f"went to everyone from {percent(raised.before_ppm)} without permission"


def _reached_before(case: Case, resumed: Change) -> int:
    """The most that was asked for, or offered, before the halt."""
    asked = [c.before_ppm for c in case.changes if c.key == resumed.key and c.seq < resumed.seq]
    offered = [s.exposure_ppm for s in case.served.get(resumed.key, ()) if s.at < resumed.at]
    return max([0, *asked, *offered])


def _cut_short(case: Case, raised: Change) -> Iterator[str]:
    bake, _ = case.stay(raised)
    before_ppm, at = where_it_was_decided(case, raised)
    since = case.live_since(raised.key, before_ppm, at)
    if since is None:
        yield f"raised before anybody really got it at {percent(before_ppm)}"
    elif raised.asked_at - since < bake - _TOLERANCE - _ahead(case, raised):
        baked = raised.asked_at - since
        yield f"baked {baked} at {percent(before_ppm)}, not the {bake} its stage asks for"


def _ahead(case: Case, raised: Change) -> timedelta:
    """By how much the machine's clock had gained when that was decided, as far as clocks may be apart: where the steady
    one gains with it, nothing on the machine tells."""
    decision = case.journal.decision_behind(raised)
    entry = case.journal.entry(decision.seq) if decision else None
    return max(entry.shown - entry.at, timedelta(0)) if entry and entry.hardly_off else timedelta(0)


def where_it_was_decided(case: Case, raised: Change) -> tuple[int, datetime]:
    """The share that has to bake, and to be seen, and when it still was that: Apple may take a step between decision and
    request, even after the last look before it."""
    decision = case.journal.decision_behind(raised)
    since = [
        s for s in case.apple_steps if decision and s.key == raised.key and decision.at < s.at <= raised.at
    ]
    return (since[0].before_ppm, decision.at) if decision and since else (raised.before_ppm, raised.at)
