"""What the store shows against what we know of a rollout: our own change landing, or somebody else's.

A change of ours is settled by looking, never by repeating it blindly. What a person did in the console is
a fact and is respected (promise R10). A release that was over, gone or halted and is there again as if new begins
anew, and what it was halted for is not forgotten: it waits for a person. One reading cannot be believed: one that may be
older than the change before it (reading_back.py). On the App Store two more authors are at work: Apple, which raises an
active release once a day (apple_drift.py), and a request of ours whose answer was lost, which may take effect late.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeGuard

from stagedrollout.core import facts
from stagedrollout.core.apple_drift import as_if_not_stepped, lapsed, late_write, shown, stepped
from stagedrollout.core.baseline import age_of, baseline_of
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.fold import extend
from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Intent, Rollout
from stagedrollout.core.model import (
    SERVED,
    SOMEBODY,
    ReleaseStatus,
    Settlement,
    Store,
    StoreRelease,
    StoreState,
    Unread,
    Verb,
)
from stagedrollout.core.reading_back import (
    STALE_READ,
    before_our_pause,
    confirms,
    is_stale,
    may_be_old,
    same_place,
)
from stagedrollout.core.units import PPM_ALL


def learn(rollout: Rollout, store: StoreState | Unread, now: datetime) -> tuple[Fact, ...]:
    """The new facts that a look at the store brings. Empty when nothing changed or nothing was read."""
    if isinstance(store, Unread):
        return ()
    found = shown(rollout, store)
    if rollout.finished:
        return _after_its_end(rollout, found, store, now)
    if rollout.ignored and rollout.intent is None:
        return _glanced(rollout, store, found)
    if found is None:
        return _vanished(rollout, store)
    if found.status is ReleaseStatus.REPLACED:
        newer, seen = _newer(rollout, store), Seen.of(found)
        by = newer.release.label if newer else "a newer version"
        return (seen, facts.Superseded(by, rollout.seen, seen))
    return () if _unbelievable(rollout, Seen.of(found), now) else _looked(rollout, found, store, now)


def told_by_whom(rollout: Rollout, news: tuple[Fact, ...], footing: tuple[Reason, ...]) -> tuple[Fact, ...]:
    """`news` without calling that a person's doing in the console which may have been ours: while the journal is not
    the newest one, and up to the first look after a person has accepted it (promise R17)."""
    return by_nobody_known(news) if rollout.untold or lacks_its_end(footing) else news


def by_nobody_known(news: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The same where the journal cannot tell whose doing it was."""
    return tuple(replace(fact, untold=True) if isinstance(fact, facts.Drifted) else fact for fact in news)


def lacks_its_end(footing: tuple[Reason, ...]) -> bool:
    """Whether the journal may lack what we did last."""
    return any(reason.code in LOST_JOURNAL for reason in footing)


def by_the_right_clock(news: tuple[Fact, ...], now: datetime, told: datetime) -> tuple[Fact, ...]:
    """`news` with the time from which run and bake are to be counted, where the machine's `now` is not what a store has
    `told`: a clock that is put right makes no bake older than it is, and no healthy release dark (promises R5, R19);
    and what a person lets go on is watched from there on, neither from days ago nor in two days (R3)."""
    if told == now:
        return news
    return tuple(replace(fact, since=told) if _begins_something(fact) else fact for fact in news)


_RUNS_BEGIN_WITH = (Drift.RESUMED, Drift.RAISED)
"""What people do in the console; a raise where the lowering before it counted as a halt."""

_Begins = facts.WentLive | facts.TakenUp | facts.Returned | facts.PolicySet | facts.Drifted | facts.Settled


def _begins_something(fact: Fact) -> TypeGuard[_Begins]:
    if isinstance(fact, facts.Drifted):
        return fact.meaning in _RUNS_BEGIN_WITH
    if isinstance(fact, facts.Settled):
        return fact.verb is Verb.RESUME and fact.settlement is Settlement.CONFIRMED
    return isinstance(fact, (facts.WentLive, facts.TakenUp, facts.Returned, facts.PolicySet))


LOST_JOURNAL = ("journal_behind", "journal_unmarked", "replica_doubts")
"""Reasons for which the journal may lack what we did last; the last one is another replica's."""

_BACK = (ReleaseStatus.DRAFT, ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED)
"""How a release reads that somebody rolls out, or is about to."""

_TAKEN_AWAY = (ReleaseStatus.HALTED, ReleaseStatus.WITHDRAWN)


def _after_its_end(
    rollout: Rollout, found: StoreRelease | None, store: StoreState, now: datetime
) -> tuple[Fact, ...]:
    """Of a rollout that is over: only whether its release comes back after another one had its place, or somebody
    takes it away from those who all had it, by halting it or by staging it again."""
    if found is None or now - rollout.changed_at < STALE_READ:
        return ()
    seen, newer, before = Seen.of(found), _newer(rollout, store), rollout.seen
    in_its_place = newer is not None and newer.status in SERVED
    if rollout.superseded_by and seen.status in _BACK:
        back = seen.status is ReleaseStatus.DRAFT or not in_its_place
        return _returned(rollout, found, store, now) if back else ()
    everyone = seen.status is ReleaseStatus.IN_PROGRESS and seen.exposure_ppm == PPM_ALL
    if rollout.superseded_by or in_its_place or before is None or everyone or same_place(before, seen):
        return ()  # on the App Store a release may read active for a day after it has reached everyone
    if seen.status not in (*_BACK, *_TAKEN_AWAY):
        return ()
    news: tuple[Fact, ...] = (seen, facts.Drifted(_meaning(before, seen), before, seen))
    return news + _went_live(extend(rollout, news, now), found, store)


def _returned(rollout: Rollout, found: StoreRelease, store: StoreState, now: datetime) -> tuple[Fact, ...]:
    seen = Seen.of(found)
    news: tuple[Fact, ...] = (seen, facts.Returned(rollout.seen, seen))
    return news + _went_live(extend(rollout, news, now), found, store)


def _begins_anew(rollout: Rollout, seen: Seen) -> bool:
    """Whether it was put there afresh, rather than changed where it was: a halted one that was gone or is a draft
    again, or any on another track. One that is where it was had only not been listed."""
    before = rollout.seen
    if before is None or rollout.intent or seen.status not in _BACK:
        return False
    if before.track and seen.track and before.track != seen.track:
        return True
    if rollout.halt is None or not rollout.halt.confirmed:
        return False
    draft_again = seen.status is ReleaseStatus.DRAFT and before.status is not ReleaseStatus.DRAFT
    return draft_again or (rollout.gone and not same_place(before, seen))


def believed(rollout: Rollout, store: StoreState | Unread) -> StoreState | Unread:
    """The look, unless nothing is to be done by it."""
    found = None if isinstance(store, Unread) else shown(rollout, store)
    if found is None or not before_our_pause(rollout, Seen.of(found), store.as_of):
        return store
    return Unread("the answer is older than our pause, or the clocks are apart", store.as_of)


def _unbelievable(rollout: Rollout, seen: Seen, now: datetime) -> bool:
    if seen.status is ReleaseStatus.UNKNOWN and rollout.key.store is Store.APP_STORE and rollout.seen:
        return (
            True  # one odd answer is held by, not learned from: the next one is compared with what was known
        )
    halting = rollout.intent is not None and rollout.intent.verb is Verb.HALT
    return is_stale(rollout, seen, now) or (halting and may_be_old(rollout, seen, now))


def _looked(rollout: Rollout, found: StoreRelease, store: StoreState, now: datetime) -> tuple[Fact, ...]:
    seen, before = Seen.of(found), rollout.seen
    if _begins_anew(rollout, seen):
        return _returned(rollout, found, store, now)
    news: tuple[Fact, ...] = (seen,) if seen != before or rollout.gone or rollout.untold else ()
    if found.release != rollout.release and _may_be_renamed(rollout, found):
        news += (facts.Identified(found.release),)
    rest = seen
    if before and stepped(rollout, before, seen, now):
        news += (facts.Stepped(before, seen),)
        rest = as_if_not_stepped(before, seen)
    if rollout.intent:
        news += _settled(rollout, rollout.intent, rest, now) or _beyond_halt(rollout, rest, store)
    elif before and seen != before:
        news += _drifted(rollout, before, rest, store)
    return news + _what_follows(extend(rollout, news, now), found, store, now)


def _may_be_renamed(rollout: Rollout, found: StoreRelease) -> bool:
    """On Google Play a name is anybody's to edit and means nothing, and yet the signals are asked by it: it counts
    until somebody has the release, and what they know it by from then on."""
    return rollout.key.store is Store.APP_STORE or found.status is ReleaseStatus.DRAFT


def _what_follows(
    rollout: Rollout, found: StoreRelease, store: StoreState, now: datetime
) -> tuple[Fact, ...]:
    """`rollout` as it is after the look: what is over with it, and what begins."""
    over = lapsed(rollout, Seen.of(found), now) + _watch_cut_short(rollout, store)
    return over + _went_live(rollout, found, store)


def _glanced(rollout: Rollout, store: StoreState, found: StoreRelease | None) -> tuple[Fact, ...]:
    """Of a release nobody asked us to look after: only where it stands, and whether somebody halted it."""
    if found is None:
        return _in_favour_of(_newer(rollout, store), rollout)
    seen = Seen.of(found)
    if seen == rollout.seen and not rollout.untold:
        return ()
    if rollout.seen is None or not (seen.stopped or seen.status is ReleaseStatus.HALTED):
        return (seen,)
    return (seen, *_drifted(rollout, rollout.seen, seen, store))


def _settled(rollout: Rollout, intent: Intent, seen: Seen, now: datetime) -> tuple[Fact, ...]:
    if confirms(rollout, intent, seen):
        return (facts.Settled(intent.key, intent.verb, Settlement.CONFIRMED, "read back in the store"),)
    if intent.verb is Verb.HALT:
        return _halt_let_go(rollout, intent, seen, now)
    before = intent.before or seen
    if same_place(before, seen):
        if now - (intent.lost_at or intent.opened_at) < STALE_READ and intent.verb is not Verb.PAUSE:
            return ()  # it may have been applied all the same, and this look be older than that
        detail = "the store is as it was before"
        return (facts.Settled(intent.key, intent.verb, Settlement.NOT_APPLIED, detail),)
    settled = facts.Settled(intent.key, intent.verb, Settlement.MOVED, "the store shows something else")
    if late_write(rollout, before, seen):
        return (settled, _took_effect_late(seen))  # what we had sent before this
    return (settled, facts.Drifted(_meaning(before, seen), before, seen))


def _halt_let_go(rollout: Rollout, intent: Intent, seen: Seen, now: datetime) -> tuple[Fact, ...]:
    """It is wanted until the store shows it; but what somebody halted in the console, and a review held back, was seen
    halted before it goes on again: that is a person's resume, once no look is older than what we sent for the halt."""
    sent_at = intent.lost_at or intent.opened_at
    if not _let_go_again(rollout, rollout.seen, seen) or now - sent_at < STALE_READ:
        return ()
    settled = facts.Settled(intent.key, intent.verb, Settlement.MOVED, "the store shows something else")
    return (settled, facts.Drifted(Drift.RESUMED, rollout.seen or seen, seen))


def _let_go_again(rollout: Rollout, before: Seen | None, seen: Seen) -> bool:
    """Where it stood: what was gone meanwhile is put there afresh, and that is no resume."""
    shown = before is not None and before.status is ReleaseStatus.HALTED and not rollout.gone
    return shown and rollout.halt is not None and rollout.halt.actor == SOMEBODY and seen.status in SERVED


def _took_effect_late(seen: Seen) -> Fact:
    return facts.Overtaken(f"a request of ours whose answer was lost took effect late: {seen.status_word}")


def _beyond_halt(rollout: Rollout, seen: Seen, store: StoreState) -> tuple[Fact, ...]:
    """While a halt is on its way, whatever else a look shows may be an old one. Only what no store takes back is told
    at once: the App Store reads complete, and the halt that is wanted will never be."""
    complete = rollout.key.store is Store.APP_STORE and seen.status is ReleaseStatus.COMPLETED
    if rollout.seen is None or not complete:
        return ()
    return _drifted(rollout, rollout.seen, seen, store)


def _drifted(rollout: Rollout, before: Seen, seen: Seen, store: StoreState) -> tuple[Fact, ...]:
    if same_place(before, seen):
        return ()
    wanted = rollout.halt is not None and not rollout.halt.confirmed
    late = late_write(rollout, before, seen)
    if wanted and late and seen.status is ReleaseStatus.PAUSED:
        return ()  # the halt we wanted, after all
    if late:
        return (_took_effect_late(seen),)
    if (
        wanted
        and ReleaseStatus.HALTED in (before.status, seen.status)
        and not _let_go_again(rollout, before, seen)
    ):
        return ()  # the halt we wanted, seen late; or wanted again since the store last read halted
    if wanted and (before.status, seen.status) == (ReleaseStatus.PAUSED, ReleaseStatus.IN_PROGRESS):
        return ()  # let go on before the halt was ordered, or after: nobody can tell, and it is wanted until it holds
    if rollout.halt and before.status is ReleaseStatus.UNKNOWN and seen.status is ReleaseStatus.HALTED:
        return ()  # the halt that is in force, understood again: nobody has made another one
    newer = _newer(rollout, store)
    if newer and seen.status is ReleaseStatus.HALTED:
        return _in_favour_of(newer, rollout, before, seen)
    undone = _undone(rollout, before, seen)
    return (facts.Drifted(undone or _meaning(before, seen), before, seen),)


def _undone(rollout: Rollout, before: Seen, seen: Seen) -> Drift | None:
    """How a halt that a word we do not know took the place of was taken back, whatever that word means: it read halted
    until then and is served again, or it had been lowered and goes to more people now. The halt is no longer in force, and
    what was counted before it does not count again."""
    halt, drift = rollout.halt, rollout.drift
    if before.status is not ReleaseStatus.UNKNOWN or halt is None or drift is None or not halt.confirmed:
        return None
    stood = drift.before
    if seen.status not in SERVED or not same_place(drift.after, before):
        return None
    if stood.status is ReleaseStatus.HALTED:
        return Drift.RESUMED
    return Drift.RAISED if stood.status in SERVED and seen.exposure_ppm > stood.exposure_ppm else None


def _meaning(before: Seen, after: Seen) -> Drift:
    stopped = (ReleaseStatus.HALTED, ReleaseStatus.PAUSED, ReleaseStatus.WITHDRAWN)
    match (before.status, after.status):
        case (_, ReleaseStatus.WITHDRAWN):
            return Drift.WITHDRAWN
        case (ReleaseStatus.DRAFT, ReleaseStatus.IN_PROGRESS | ReleaseStatus.COMPLETED):
            return Drift.ROLLED_OUT
        case (ReleaseStatus.PAUSED, ReleaseStatus.COMPLETED):
            return Drift.RAISED
        case (ReleaseStatus.WITHDRAWN, ReleaseStatus.IN_PROGRESS):
            return Drift.UNKNOWN  # its phased release was over for good: that is nobody's resume
        case (old, ReleaseStatus.IN_PROGRESS | ReleaseStatus.COMPLETED) if old in stopped:
            return Drift.RESUMED
        case (_, new) if new in stopped:
            return Drift.HALTED
        case (ReleaseStatus.IN_PROGRESS, ReleaseStatus.COMPLETED):
            return Drift.RAISED
        case (ReleaseStatus.IN_PROGRESS, ReleaseStatus.IN_PROGRESS):
            return Drift.RAISED if after.exposure_ppm > before.exposure_ppm else Drift.LOWERED
        case _:
            return Drift.UNKNOWN


def _went_live(rollout: Rollout, found: StoreRelease, store: StoreState) -> tuple[Fact, ...]:
    if not found.live or rollout.halt:
        return ()
    if rollout.live_since is not None and rollout.live_ppm == found.exposure_ppm:
        return ()
    live = facts.WentLive(found.exposure_ppm)
    beside = baseline_of(found, store)
    anew = rollout.live_since is None and beside and beside != rollout.baseline
    return (facts.Compared(beside), live) if anew else (live,)


def _watch_cut_short(rollout: Rollout, store: StoreState) -> tuple[Fact, ...]:
    """Once a newer release is rolled out, the watch over a completed one is over: it is the baseline now."""
    return (facts.Closed(),) if rollout.completed_at and not rollout.halt and _newer(rollout, store) else ()


def _vanished(rollout: Rollout, store: StoreState) -> tuple[Fact, ...]:
    """The store no longer mentions the release: a newer one took its place, or nobody knows."""
    if newer := _newer(rollout, store):
        return _in_favour_of(newer, rollout)
    if rollout.gone or rollout.seen is None:
        return ()
    return (facts.Drifted(Drift.UNKNOWN, rollout.seen, facts.NOWHERE),)


def _in_favour_of(
    newer: StoreRelease | None, rollout: Rollout, before: Seen | None = None, after: Seen = facts.NOWHERE
) -> tuple[Fact, ...]:
    return (facts.Superseded(newer.release.label, before or rollout.seen, after),) if newer else ()


def _newer(rollout: Rollout, store: StoreState) -> StoreRelease | None:
    """A release that was rolled out over this one. Version codes only ever rise."""
    rolled_out = (*SERVED, ReleaseStatus.HALTED)
    newer = [
        other
        for other in store.releases
        if other.status in rolled_out and age_of(other.release.id) > age_of(rollout.release.id)
    ]
    return max(newer, key=lambda other: age_of(other.release.id), default=None)
