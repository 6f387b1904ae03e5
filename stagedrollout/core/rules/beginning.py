"""How a rollout begins, and begins again: start, adoption, and a person's resume of a halt."""

from __future__ import annotations

from stagedrollout.core import facts
from stagedrollout.core.assessment import Reason
from stagedrollout.core.case import (
    Case,
    Decision,
    answered_links,
    refuse,
    refuse_frozen,
    refuse_held,
    taken,
    wait,
)
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import (
    Change,
    Command,
    CommandVerb,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    StoreRelease,
    Verb,
)
from stagedrollout.core.phasing import FIRST_SHARE_PPM, Pacing
from stagedrollout.core.rules.agreement import not_agreed
from stagedrollout.core.rules.succession import against_a_start, bad_words, set_aside
from stagedrollout.core.succession import known_bad, staged_before
from stagedrollout.core.units import PPM_ALL, percent_text


def start_order(case: Case) -> Decision | None:
    order, rollout = case.ordered(CommandVerb.START), case.rollout
    if order is None:
        return None
    found, first = case.found, first_share(case)
    draft = found is not None and found.status is ReleaseStatus.DRAFT
    if rollout.steered and not draft:
        return refuse(case, "already_started", "it is already being rolled out")
    if case.window.freeze and (draft or case.pacing is None):
        return refuse_frozen(case)  # a version that Apple raises by itself is only braked by being started
    if case.hold:
        return refuse_held(case, case.hold)
    if against := against_a_start(case, order):
        return refuse(case, against.code, against.text)
    if draft and (lacking := not_agreed(case, first, by=order)):
        wanted = "; ".join(one.words for one in lacking)
        text = f"the first stage asks for {wanted}: stagedrollout approve {rollout.key.app} comes first"
        return refuse(case, "approval", text)
    older = staged_before(case) if draft else None
    started = _started(case, order, older)
    reason = Reason("human_start", f"started by {order.actor}: {order.reason}")
    if not draft:
        told = taken(order, f"started: the schedule steers it from here{_knowingly(started)}")
        also = (told, started, *set_aside(case, order))
        return Decision(DecisionKind.WAIT, (reason,), actor=order.actor, command=order.id, also=also)
    if first == PPM_ALL:
        return refuse(case, "no_stage", "the policy has no stage below 100 %: use complete")
    if case.pacing and found and found.review is not ReviewState.APPROVED_NOT_PUBLISHED:
        text = (
            f"Apple has not approved it yet ({found.review_word}); start it when it is pending your release"
        )
        return refuse(case, "not_approved", text)
    return Decision(
        DecisionKind.START,
        (reason,),
        actor=order.actor,
        change=Change(Verb.START, rollout.release.id, first, older.release.id if older else ""),
        command=order.id,
        also=(
            taken(order, f"starting at {percent_text(first)}{_knowingly(started)}"),
            started,
            *set_aside(case, order),
        ),
    )


def _started(case: Case, order: Command, older: StoreRelease | None) -> facts.Started:
    bad = known_bad(case)
    return facts.Started(
        order.actor,
        order.reason,
        order.policy,
        order.id,
        known_bad=bad_words(bad) if bad else "",
        instead_of=older.release.label if older else "",
    )


def _knowingly(started: facts.Started) -> str:
    """What the person has said that they know, for the answer to their order."""
    bad = f", known bad ({started.known_bad})" if started.known_bad else ""
    return f"{bad}, in place of {started.instead_of}" if started.instead_of else bad


def first_share(case: Case) -> int:
    return FIRST_SHARE_PPM if case.pacing else case.policy.stages[0].exposure_ppm


def prepare(case: Case) -> Decision | None:
    """A version that the daemon is to adopt gets its phased release before it is out: without one it would reach
    everyone at once (app-store-connect.md section 6). What Apple refuses is not asked for again."""
    found, rollout = case.found, case.rollout
    if case.pacing is None or found is None or found.phased or found.status is not ReleaseStatus.DRAFT:
        return None
    if case.order or rollout.choice is not OnNewRelease.ADOPT:
        return None
    if rollout.no_phasing:
        return wait("no_phasing", f"Apple makes no phased release of it: {rollout.no_phasing}")
    reason = Reason("unphased", "it has no phased release, and would reach everyone at once")
    change = Change(Verb.PREPARE, rollout.release.id, 0)
    return Decision(DecisionKind.PREPARE, (reason,), change=change)


def resume_order(case: Case) -> Decision | None:
    """Only a person undoes a halt, and not during a freeze. What was held against it starts afresh."""
    order, rollout = case.ordered(CommandVerb.RESUME), case.rollout
    if order is None:
        return None
    if case.window.freeze:
        return refuse_frozen(case)
    if case.status is ReleaseStatus.WITHDRAWN:
        return refuse(case, "withdrawn", "it was removed from sale: its phased release is over for good")
    target = rollout.exposure_ppm
    if target <= 0:
        return refuse(case, "nothing_to_resume", "it is not known at which percentage it was halted")
    ended = facts.HoldEnded(f"lifted by {order.actor}, who resumes the release")
    lifted: tuple[facts.Fact, ...] = (
        *((ended,) if rollout.hold else ()),
        *set_aside(case, order),
        *answered_links(case, order),
    )
    if case.pacing is Pacing.GUARDED or case.final:
        return _taken_up(case, order, lifted)
    return Decision(
        DecisionKind.RESUME,
        (Reason("human_resume", f"resumed by {order.actor} at {percent_text(target)}: {order.reason}"),),
        actor=order.actor,
        change=Change(Verb.RESUME, rollout.release.id, target),
        command=order.id,
        also=(taken(order, f"resuming at {percent_text(target)}"), *lifted),
    )


def _taken_up(case: Case, order: Command, lifted: tuple[facts.Fact, ...]) -> Decision:
    """`guarded`: the halt is lifted, and nothing is sent. Paused it stays until evidence opens a window."""
    evidence = "until the evidence for Apple's next step is there"
    goes_on = evidence if case.rollout.steered else "until somebody starts it"
    text = f"the halt is lifted at {percent_text(case.rollout.exposure_ppm)}"
    told = text if case.final else f"{text}; it stays paused {goes_on}"
    return Decision(
        DecisionKind.RESUME,
        (Reason("human_resume", f"halt lifted by {order.actor}: {order.reason}"),),
        actor=order.actor,
        command=order.id,
        also=(taken(order, told), facts.TakenUp(order.actor, order.reason), *lifted),
    )
