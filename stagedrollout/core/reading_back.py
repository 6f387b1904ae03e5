"""What a look says of the change before it: whether the store shows what we sent, and whether the look may be older.

For some minutes after a commit a store may still show the state from before it: that is not somebody undoing our change.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stagedrollout.core.facts import Seen
from stagedrollout.core.lifecycle import Intent, Landing, Rollout
from stagedrollout.core.model import ReleaseStatus, Store, Verb
from stagedrollout.core.units import PPM_ALL

STALE_READ = timedelta(minutes=10)
"""For how long after a confirmed change the state from before it is taken for a stale read."""


def confirms(rollout: Rollout, intent: Intent, seen: Seen) -> bool:
    """Whether the store shows what the intent wanted. On the App Store a share is Apple's: out is out."""
    match intent.verb:
        case Verb.HALT:
            return seen.stopped
        case Verb.PAUSE:
            return seen.status is ReleaseStatus.PAUSED
        case Verb.PREPARE:
            return seen.phased
        case Verb.STEP:
            return seen.status is ReleaseStatus.IN_PROGRESS
        case Verb.COMPLETE:
            return seen.status is ReleaseStatus.COMPLETED
        case Verb.START | Verb.RESUME if rollout.key.store is Store.APP_STORE:
            return seen.served and (intent.verb is Verb.START or seen.status is not ReleaseStatus.PAUSED)
        case Verb.START | Verb.RAISE | Verb.RESUME:
            if intent.target_ppm == PPM_ALL:
                return seen.status is ReleaseStatus.COMPLETED
            return seen.status is ReleaseStatus.IN_PROGRESS and seen.exposure_ppm == intent.target_ppm


def same_place(one: Seen, other: Seen) -> bool:
    """Same status and exposure; the review may have gone on, and with it the store's own word for a status that
    we know. A halted release may forget its fraction."""
    if one.status is not other.status:
        return False
    if one.status is ReleaseStatus.UNKNOWN and one.status_word != other.status_word:
        return False
    return one.status is ReleaseStatus.HALTED or one.exposure_ppm == other.exposure_ppm


def may_be_old(rollout: Rollout, seen: Seen, now: datetime) -> bool:
    """Whether a release that reads halted may be one that was resumed minutes ago: then a halt that found
    nothing left to do has not been brought about, and is sent until a look can be trusted."""
    landing = rollout.landing
    if landing is None or landing.before is None or now - landing.at >= STALE_READ:
        return False
    return seen.status is ReleaseStatus.HALTED and landing.after.served and same_place(landing.before, seen)


def is_stale(rollout: Rollout, seen: Seen, now: datetime) -> bool:
    landing = rollout.landing
    if landing is None or now - landing.at >= STALE_READ or not _may_lag(rollout, seen):
        return False
    if same_place(landing.after, seen):
        return False
    if landing.after.status is ReleaseStatus.PAUSED:
        return _before(landing, now)  # an active release is paused again at once, whoever made it active
    return _behind(landing, seen) or (landing.before is not None and same_place(landing.before, seen))


def before_our_pause(rollout: Rollout, seen: Seen, now: datetime) -> bool:
    """Whether a look was begun before our pause landed, or a clock says so: what it shows may be what was before, or what a
    person has done since, and nothing is done by it."""
    landing = rollout.landing
    paused = landing is not None and landing.after.status is ReleaseStatus.PAUSED
    return paused and is_stale(rollout, seen, now)


def _before(landing: Landing, now: datetime) -> bool:
    return timedelta(0) < landing.at - now < STALE_READ


def _may_lag(rollout: Rollout, seen: Seen) -> bool:
    """Whether a look may be older than the last change. With a request on its way it is that one which counts; only a
    raise on Google Play may come so soon after another that a look shows what was before both. A halt that somebody
    made meanwhile is believed at once."""
    intent = rollout.intent
    if intent is None:
        return True
    raises = intent.verb in (Verb.RAISE, Verb.COMPLETE) and rollout.key.store is Store.GOOGLE_PLAY
    return raises and seen.status is not ReleaseStatus.HALTED and not confirms(rollout, intent, seen)


def _behind(landing: Landing, seen: Seen) -> bool:
    """A look may lag by more than one change: before our halt it was served, before our raise it was lower."""
    if landing.after.status is ReleaseStatus.HALTED:
        return seen.status in (ReleaseStatus.DRAFT, ReleaseStatus.IN_PROGRESS, ReleaseStatus.COMPLETED)
    fewer = seen.exposure_ppm < landing.after.exposure_ppm
    return fewer and seen.status in (ReleaseStatus.DRAFT, ReleaseStatus.IN_PROGRESS)
