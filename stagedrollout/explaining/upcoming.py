"""What happens next and when, as far as journal, policy and calendar tell it: nothing here is a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.core.approval import in_force, missing
from stagedrollout.core.gates import OnInconclusive
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Store
from stagedrollout.core.phasing import FIRST_SHARE_PPM, REST, Pacing
from stagedrollout.core.policy import Completion, OnUnknown, Policy, TwoPersons
from stagedrollout.core.rules.agreement import asked_by
from stagedrollout.core.schedule import bake_ends, opening
from stagedrollout.core.units import PPM_ALL, percent_text


@dataclass(frozen=True, slots=True)
class Next:
    """`at` is None for what has no instant: a person, a store, or evidence must come first."""

    at: datetime | None
    what: str


def upcoming(
    rollout: Rollout, policy: Policy | None, now: datetime, own: Policy | None = None
) -> tuple[Next, ...]:
    """What is due, the soonest first; what waits for somebody comes before that. `own`: the policy that the configuration
    names for the app, where another one steers; whom it asks is asked all the same."""
    found = tuple(_upcoming(rollout, policy, now, own))
    return tuple(sorted(found, key=lambda each: (each.at is not None, each.at or now)))


def _upcoming(rollout: Rollout, policy: Policy | None, now: datetime, own: Policy | None) -> Iterator[Next]:
    waits = stands_still(rollout, policy)
    if waits:
        yield waits
    elif policy is None:
        yield Next(None, f"nobody knows: the configuration has no policy {rollout.policy!r} that can be read")
    else:
        yield from _climbing(rollout, policy, now, own)
        yield from _blind(rollout, policy, now)


def stands_still(rollout: Rollout, policy: Policy | None) -> Next | None:
    """What it waits for where no schedule leads on."""
    app = rollout.key.app
    if rollout.finished:
        return Next(None, "nothing: it is over")
    if rollout.halt and rollout.halt.confirmed:
        return Next(None, f"nothing by itself; a person may resume it: stagedrollout resume {app}")
    if rollout.halt:
        return Next(None, "the halt is sent again until the store shows it")
    if rollout.completed_at:
        ends = rollout.completed_at + policy.watch if policy else None
        return Next(ends, "the watch after 100 % is over")
    if rollout.link.holding:
        return _answered(rollout)
    return _not_yet(rollout, policy)


def _answered(rollout: Rollout) -> Next:
    resume = f"stagedrollout resume {rollout.key.app} --store {rollout.key.store.value}"
    return Next(None, f"a person answers the halt on the other store: {resume}, or the same there")


def _not_yet(rollout: Rollout, policy: Policy | None) -> Next | None:
    """What comes before the schedule leads on."""
    app = rollout.key.app
    if rollout.line:
        lasts = rollout.line.until
        what = "the line is free again" if lasts else "somebody lets the line go on: stagedrollout thaw"
        return Next(lasts, f"{what} (stopped by {rollout.line.actor})")
    if not rollout.steered:
        knowing = " --known-bad" if rollout.known_bad else ""
        return Next(None, f"somebody runs: stagedrollout start {app}{knowing}")
    if rollout.hold and rollout.hold.until is None:
        return Next(None, f"somebody lifts the hold: stagedrollout resume {app}")
    if rollout.hold:
        return Next(rollout.hold.until, f"the hold by {rollout.hold.actor} is over")
    if rollout.unknown_drift:
        return Next(None, "a person looks into the store's console: we do not understand its state")
    if rollout.live_since is None:
        return Next(None, _published(rollout, policy))
    return _beside_a_newer_one(rollout)


def _beside_a_newer_one(rollout: Rollout) -> Next | None:
    """Nothing is raised while a newer release stands in the way; the decision says which, and what a person may do."""
    reasons = rollout.last.reasons if rollout.last else ()
    return next((Next(None, r.text) for r in reasons if r.code in ("newer_waits", "overtaken")), None)


def _published(rollout: Rollout, policy: Policy | None) -> str:
    """A start that waits for the store that leads comes before anything that the store does."""
    store = rollout.key.store
    first = policy.stages[0].exposure_ppm if policy and store is Store.GOOGLE_PLAY else FIRST_SHARE_PPM
    if rollout.start_awaited is None or rollout.link.permits(store, first):
        return "the store publishes it"
    return f"it {rollout.link.awaited(first)}"


def _climbing(rollout: Rollout, policy: Policy, now: datetime, own: Policy | None) -> Iterator[Next]:
    store, share, since = rollout.key.store, rollout.exposure_ppm, rollout.live_since
    target = policy.next_share(store, share)
    if since is None or target is None:
        yield Next(None, f"nothing: {percent_text(share)} is as far as the policy goes")
        return
    to = percent_text(target)
    if not rollout.link.permits(store, target):
        yield Next(None, f"it {rollout.link.awaited(target)}")
        return
    if rollout.window is not None and share < rollout.window.target_ppm:
        yield Next(rollout.window.closes_at, f"until then Apple may step to {to}; then it is paused again")
        return
    if _apple_leads(store, policy, share):
        yield from _agreed(rollout, policy, now, target, own)
        yield Next(None, f"Apple steps to {to} by its own clock, within a day of being active")
        return
    yield from _raised(rollout, policy, now, target, own)
    yield from _inconclusive(rollout, policy, now)


def _apple_leads(store: Store, policy: Policy, share: int) -> bool:
    follows = store is Store.APP_STORE and policy.app_store.mode is Pacing.FOLLOW
    return follows and share < policy.app_store.complete_from_ppm


def _raised(
    rollout: Rollout, policy: Policy, now: datetime, target: int, own: Policy | None
) -> Iterator[Next]:
    stay = policy.stay_at(rollout.key.store, rollout.exposure_ppm)
    ends = now if rollout.bake_skipped else bake_ends(stay, rollout.live_since or now)
    at, to = percent_text(rollout.exposure_ppm), percent_text(target)
    if ends > now:
        yield Next(ends, f"the bake at {at} ends")
    ready = max(now, ends, rollout.pauses.since + REST if rollout.pauses.since else now)
    allowed = opening(policy, rollout.key.store, target, ready)
    if allowed.opens_at is None:
        frozen = f"the calendar keeps it: {allowed.freeze.text}" if allowed.freeze else ""
        yield Next(None, frozen or "no day within two years allows a raise: look at the policy's calendar")
        return
    if not allowed.open:
        why = f"; until then the calendar keeps it: {allowed.freeze.text}" if allowed.freeze else ""
        yield Next(allowed.opens_at, f"the hours for raises begin{why}")
    yield from _agreed(rollout, policy, now, target, own)
    if target == PPM_ALL and policy.completion is Completion.BY_HAND:
        who = "two persons complete" if TwoPersons.COMPLETE in policy.two_persons else "a person completes"
        yield Next(None, f"{who} it when it is ready: stagedrollout complete {rollout.key.app}")
        return
    steps = rollout.key.store is Store.APP_STORE and target != PPM_ALL
    verb = f"Apple is let step to {to}" if steps else f"raised to {to}"
    yield Next(allowed.opens_at, f"{verb} at the earliest, if every required gate says PASS by then")


def _agreed(
    rollout: Rollout, policy: Policy, now: datetime, target: int, own: Policy | None
) -> Iterator[Next]:
    """Whose word the step still needs, and until when those hold that were given."""
    given = [one for one in in_force(rollout.approvals, now) if one.target_ppm == target]
    for terms in asked_by(policy, own, rollout.exposure_ppm, target):
        if missing(terms, given):
            how = f"stagedrollout approve {rollout.key.app} --store {rollout.key.store.value}"
            yield Next(None, f"{terms.words} for the step to {percent_text(target)}: {how}")
    for one in given:
        yield Next(one.until, f"the approval by {one.actor} runs out")


def _inconclusive(rollout: Rollout, policy: Policy, now: datetime) -> Iterator[Next]:
    gate, since = policy.evidence, rollout.live_since
    if gate is None or since is None:
        return
    ends = since + policy.stay_at(rollout.key.store, rollout.exposure_ppm).max_bake
    choices = {
        OnInconclusive.ADVANCE: "the policy raises it all the same",
        OnInconclusive.ASK: "a person is asked",
        OnInconclusive.HOLD: "it goes on being held",
    }
    if ends > now:
        yield Next(ends, f"if the evidence is still inconclusive: {choices[gate.on_inconclusive]}")


def _blind(rollout: Rollout, policy: Policy, now: datetime) -> Iterator[Next]:
    if rollout.blind_since is None:
        return
    ends = rollout.blind_since + policy.unknown_data.after
    what = "it is halted" if policy.unknown_data.action is OnUnknown.HALT else "that is told aloud"
    if ends > now:
        yield Next(ends, f"if there are still no usable data: {what}")
