"""On the App Store silence raises: a decision that forbids growth has to say so in the store (promise R7).

`follow`: WAIT leaves the release active, HOLD pauses it. `guarded`: everything but an open window pauses it.
Nothing is braked that nobody steers, unless it is held by a person or by a halt on a linked store, or is known bad;
and what is at 100 % cannot grow.
"""

from __future__ import annotations

from dataclasses import replace

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Case, Decision, refused
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import Change, CommandVerb, ReleaseStatus, Unread, Verb
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.rules.phased import window_holds
from stagedrollout.core.units import PPM_ALL


def braked(case: Case, decision: Decision) -> Decision:
    """The decision, with a pause where Apple would otherwise go on raising against it."""
    if decision.change or refused(decision) or not _may_grow(case) or _left_to_grow(case, decision):
        return decision
    if not _looked_after(case, decision):
        return decision
    rollout = case.rollout
    return replace(decision, change=Change(Verb.PAUSE, rollout.release.id, rollout.exposure_ppm))


def goes_on(case: Case, decision: Decision) -> bool:
    """Whether Apple goes on raising it with this decision: nothing is sent, and what is looked after is not paused."""
    if decision.change or refused(decision) or not _looked_after(case, decision):
        return False
    return _may_grow(case) and _left_to_grow(case, decision)


def _may_grow(case: Case) -> bool:
    """A word of the store that we do not know is no reason to believe that the release stands still."""
    rollout = case.rollout
    if case.pacing is None or rollout.halt or rollout.finished:
        return False
    if rollout.live_since is None and not _may_be_out(case):
        return False
    growing = case.status in (ReleaseStatus.IN_PROGRESS, ReleaseStatus.UNKNOWN)
    return growing and rollout.exposure_ppm < PPM_ALL


def _may_be_out(case: Case) -> bool:
    """Although no journal says since when: nobody counts that of a release that is ignored; and while the store cannot
    be read it may be out by now."""
    unread = isinstance(case.observation.store, Unread)
    return unread or (case.found is not None and case.found.live)


def _looked_after(case: Case, decision: Decision) -> bool:
    """Steered, from this very decision on at the latest; or a person wants it held, or has to say that it may go on."""
    if any(isinstance(fact, facts.LeftAlone) for fact in decision.also):
        return False
    begun = any(isinstance(fact, facts.Started) for fact in decision.also)
    ordered = case.ordered(CommandVerb.HOLD) or case.ordered(CommandVerb.REJECT)
    held = case.hold is not None or ordered is not None
    stopped = bool(case.rollout.link.holding) or case.rollout.known_bad is not None
    return case.rollout.steered or begun or held or (stopped and not case.rollout.ignored)


def _left_to_grow(case: Case, decision: Decision) -> bool:
    if case.pacing is Pacing.FOLLOW:
        doubt = not case.rollout.steered and case.assessment.worst > Verdict.INSUFFICIENT
        return decision.kind is not DecisionKind.HOLD and not doubt
    return decision.kind is DecisionKind.WAIT and window_holds(case)
