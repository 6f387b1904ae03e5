"""A newer release beside this one: what it keeps from being raised (setting `supersede`), and what of it is known bad."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import Case, Decision, refuse
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.lifecycle import Halt
from stagedrollout.core.model import Command, CommandVerb, Release, ReleaseStatus, Supersede
from stagedrollout.core.succession import (
    going_on_before,
    in_its_way,
    known_bad,
    taking_its_place,
)
from stagedrollout.core.units import percent_text

WAITS = "newer_waits"
"""A hold for this cause alone is told with the fact that the newer one waits, and once."""


def no_way_back(case: Case) -> Decision | None:
    """A halted release is not resumed over a newer one that takes its place."""
    order = case.ordered(CommandVerb.RESUME)
    problem = in_favour_of_the_newer(case) if order else None
    return refuse(case, problem.code, problem.text) if problem else None


def held(case: Case) -> Decision | None:
    """What a newer release forbids, whatever the evidence says; a person decides first, and then raises."""
    problem = in_favour_of_the_newer(case) or _asks(case)
    if problem is None:
        return None
    return refuse(case, problem.code, problem.text) if case.order else Decision(DecisionKind.HOLD, (problem,))


def in_favour_of_the_newer(case: Case) -> Reason | None:
    """Why nothing may raise this one any more, whoever asks."""
    out = taking_its_place(case)
    if out is not None:
        return Reason("overtaken", f"{out.label} takes its place")
    newer = in_its_way(case)
    if newer is None or case.supersede is not Supersede.REPLACE:
        return None
    label = newer.release.label
    text = f"{label} waits to take its place (supersede: replace): {_command(case, 'start', newer.release)}"
    return Reason(WAITS, text)


def _asks(case: Case) -> Reason | None:
    newer = in_its_way(case)
    if newer is None:
        return None
    on, over = _command(case, "resume", case.rollout.release), _command(case, "start", newer.release)
    text = f"{newer.release.label} waits (supersede: hold); a person decides: {on}, or {over}"
    return Reason(WAITS, text)


def _command(case: Case, verb: str, release: Release) -> str:
    return f"stagedrollout {verb} {case.rollout.key.app} --release {release.id}"


def set_aside(case: Case, order: Command) -> tuple[facts.Fact, ...]:
    """With a person's word for this release, the ones that wait go on waiting."""
    newer = in_its_way(case)
    if newer is None or case.supersede is not Supersede.HOLD:
        return ()
    return (facts.SetAside(newer.release, order.actor, order.reason),)


def against_a_start(case: Case, order: Command) -> Reason | None:
    """Why this release may not be started now, unless a person says that they know."""
    bad = known_bad(case)
    if bad and not order.known_bad:
        text = f"{bad_words(bad)}; --known-bad starts it all the same"
        return Reason("known_bad", text)
    if case.found is None or case.found.status is not ReleaseStatus.DRAFT:
        return None
    problem = in_favour_of_the_newer(case)
    if problem:
        return problem
    older = going_on_before(case)
    if older is None or case.supersede is not Supersede.FINISH or order.supersede:
        return None
    at = percent_text(older.exposure_ppm)
    text = f"{older.release.label} is still being rolled out, at {at} (supersede: finish); --supersede takes its place"
    return Reason("older_goes_on", text)


def against_a_resume(case: Case) -> Reason:
    """Why there is nothing to resume in a release that is neither halted nor held."""
    bad = None if case.rollout.steered else known_bad(case)
    if bad:
        return Reason("known_bad", f"known bad: {bad_words(bad)}; start --known-bad starts it all the same")
    return Reason("nothing_to_resume", "it is neither halted nor held by a person")


def not_again(case: Case) -> Decision | None:
    """Whoever put it there again: what was halted for a cause is not taken up without a person's word."""
    bad = None if case.rollout.steered or case.order else known_bad(case)
    if bad is None:
        return None
    text = f"known bad: {bad_words(bad)}; a person decides: {_command(case, 'start', case.rollout.release)} --known-bad"
    return Decision(DecisionKind.HOLD, (Reason("known_bad", text),))


def bad_words(bad: tuple[Release, Halt]) -> str:
    release, halt = bad
    return f"{release.label} was {halt.words}"


def waits_for_the_older(case: Case) -> str:
    """What a draft waits for, where it may not be started yet; "" if somebody may."""
    older = going_on_before(case)
    if older is None or case.supersede is not Supersede.FINISH:
        return ""
    return f"waits while {older.release.label} is being rolled out (supersede: finish)"
