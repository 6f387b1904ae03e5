"""Every situation of a phased release when a pass decides, by name, each as the builder of a Case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.case import Case
from stagedrollout.core.facts import Drift, Fact, Seen
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    DAEMON,
    Actor,
    Command,
    Mode,
    OnNewRelease,
    ReleaseStatus,
    ReviewState,
    Store,
    StoreRelease,
    Verb,
)
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.policy import Completion, Policy
from tests.core.apple import ACTIVE, APPLE_KEY, PAUSED, completed, phased, terms
from tests.core.builders import (
    ANNA,
    DAY,
    DRAFT,
    HOUR,
    IN_REVIEW,
    NOON,
    UNKNOWN,
    case,
    discovered,
    halted,
    intent,
    not_halted,
    settled,
    shown,
    store,
    unread,
    with_facts,
)
from tests.core.situations import FROZEN, Situation

LONG_AGO = NOON - 2 * DAY
MINUTE = timedelta(minutes=1)
GUARDED, FOLLOW = terms(), terms(Pacing.FOLLOW)
PENDING = ReviewState.APPROVED_NOT_PUBLISHED


def _of(rollout: Rollout, policy: Policy, **terms: object) -> Situation:
    def build(verdict: Verdict, command: Command | None, mode: Mode) -> Case:
        order = command and replace(command, store=Store.APP_STORE)
        return case(rollout, verdict, order, mode=mode, policy=policy, **terms)

    return build


def _waiting(
    found: StoreRelease, since: datetime = LONG_AGO, choice: OnNewRelease = OnNewRelease.WAIT
) -> Rollout:
    live: tuple[Fact, ...] = (facts.WentLive(found.exposure_ppm),) if found.live else ()
    told = (discovered(choice, found), Seen.of(found), *live)
    rollout = fold(APPLE_KEY, tuple((fact, since) for fact in told))
    assert rollout is not None
    return rollout


def _rolling(found: StoreRelease, since: datetime = LONG_AGO) -> Rollout:
    return with_facts(_waiting(found, since), facts.Started(ANNA, "go", "standard", "c0"), at=since)


def _sent(verb: Verb, rollout: Rollout, target_ppm: int, actor: Actor = DAEMON, **more: bool) -> Fact:
    kind = facts.DecisionKind.HOLD if verb.brakes else facts.DecisionKind.ADVANCE
    return facts.Decided(kind, (), actor, "", "i1", verb, target_ppm, "f1", **more)


def _open(since: timedelta, actor: Actor = DAEMON, **more: bool) -> Rollout:
    """A window for the step to 2 % that was opened so long ago."""
    paused = _rolling(phased(PAUSED, 1))
    step = _sent(Verb.STEP, paused, 20_000, actor, **more)
    return extend(paused, (step, Seen.of(phased(ACTIVE, 1)), settled(verb=Verb.STEP)), NOON - since)


def _paused(since: timedelta) -> Rollout:
    """On the second day, paused by us so long ago."""
    active = _rolling(phased(ACTIVE, 2))
    pause = _sent(Verb.PAUSE, active, 20_000)
    return extend(active, (pause, Seen.of(phased(PAUSED, 2)), settled(verb=Verb.PAUSE)), NOON - since)


def _held(rollout: Rollout) -> Rollout:
    return with_facts(rollout, facts.Held(ANNA, "not on a Monday", None))


def _shown_unknown() -> StoreRelease:
    return replace(phased(UNKNOWN, 1), status_word="RESTING")


_STEPPED = (facts.Stepped(Seen.of(phased(ACTIVE, 1)), Seen.of(phased(ACTIVE, 2))), Seen.of(phased(ACTIVE, 2)))
_UNPHASED = replace(shown(DRAFT, review=PENDING), phased=False)
_WITHDRAWN = replace(phased(ReleaseStatus.WITHDRAWN, 3), status_word="removed from sale", exposure_ppm=0)
_AT_HALF = _rolling(phased(PAUSED, 6))

APPLE_SITUATIONS: dict[str, Situation] = {
    "in review": _of(_waiting(shown(DRAFT, review=IN_REVIEW)), GUARDED),
    "pending release": _of(_waiting(shown(DRAFT, review=PENDING)), GUARDED),
    "pending release, in a freeze": _of(_waiting(shown(DRAFT, review=PENDING)), terms(calendar=FROZEN)),
    "pending release, to be adopted, without a phased release": _of(
        _waiting(_UNPHASED, choice=OnNewRelease.ADOPT), GUARDED, look=store(_UNPHASED)
    ),
    "pending release, to be adopted, with a phased release": _of(
        _waiting(shown(DRAFT, review=PENDING), choice=OnNewRelease.ADOPT), GUARDED
    ),
    "pending release, and Apple makes no phased one of it": _of(
        replace(_waiting(_UNPHASED, choice=OnNewRelease.ADOPT), no_phasing="it is too late"),
        GUARDED,
        look=store(_UNPHASED),
    ),
    "pending release, without a phased release, nobody adopts": _of(
        _waiting(_UNPHASED), GUARDED, look=store(_UNPHASED)
    ),
    "active, nobody has started it": _of(_waiting(phased(ACTIVE, 1)), GUARDED),
    "active, nobody has started it, held": _of(_held(_waiting(phased(ACTIVE, 1))), GUARDED),
    "active, nobody has started it, in a freeze": _of(_waiting(phased(ACTIVE, 1)), terms(calendar=FROZEN)),
    "guarded, active": _of(_rolling(phased(ACTIVE, 1), NOON - HOUR), GUARDED),
    "guarded, active, the store cannot be read": _of(_rolling(phased(ACTIVE, 1)), GUARDED, look=unread()),
    "guarded, active, the store turns us away": _of(
        _rolling(phased(ACTIVE, 1)), GUARDED, look=replace(unread(), denied=True)
    ),
    "guarded, a word we do not know": _of(
        with_facts(_rolling(phased(ACTIVE, 1)), Seen.of(_shown_unknown())),
        GUARDED,
        look=store(_shown_unknown()),
    ),
    "guarded, paused, baking": _of(_rolling(phased(PAUSED, 1), NOON - HOUR), GUARDED),
    "guarded, paused, baked": _of(_rolling(phased(PAUSED, 1)), GUARDED),
    "guarded, paused ten minutes ago, baked": _of(_paused(10 * MINUTE), GUARDED),
    "guarded, a step in doubt": _of(
        with_facts(_rolling(phased(PAUSED, 1)), _sent(Verb.STEP, _rolling(phased(PAUSED, 1)), 20_000)),
        GUARDED,
    ),
    "guarded, window open": _of(_open(HOUR), GUARDED),
    "guarded, window open, held": _of(_held(_open(HOUR)), GUARDED),
    "guarded, window open, in a freeze": _of(_open(HOUR), terms(calendar=FROZEN)),
    "guarded, window open, and it is followed since": _of(_open(HOUR), terms(Pacing.FOLLOW, complete_from=1)),
    "guarded, window open, Apple has stepped": _of(with_facts(_open(2 * HOUR), *_STEPPED), GUARDED),
    "guarded, window open for a day": _of(_open(DAY), GUARDED),
    "guarded, window opened by a person": _of(_open(HOUR, ANNA), GUARDED),
    "guarded, window opened by a person without evidence": _of(
        _open(HOUR, ANNA, without_evidence=True), GUARDED
    ),
    "guarded, everyone has it, and it still reads active": _of(_rolling(phased(ACTIVE, 7)), GUARDED),
    "guarded, half of the users, automatic": _of(_AT_HALF, GUARDED),
    "guarded, half of the users, by hand": _of(_AT_HALF, terms(completion=Completion.BY_HAND)),
    "guarded, early completion": _of(_rolling(phased(PAUSED, 4)), terms(complete_from=10)),
    "guarded, active, held by a person": _of(_held(_rolling(phased(ACTIVE, 1))), GUARDED),
    "guarded, active, in a freeze": _of(_rolling(phased(ACTIVE, 1)), terms(calendar=FROZEN)),
    "guarded, halted": _of(halted(_rolling(phased(ACTIVE, 3))), GUARDED),
    "guarded, paused by a person": _of(
        with_facts(
            _rolling(phased(ACTIVE, 3)),
            Seen.of(phased(PAUSED, 3)),
            facts.Drifted(Drift.HALTED, Seen.of(phased(ACTIVE, 3)), Seen.of(phased(PAUSED, 3))),
        ),
        GUARDED,
    ),
    "guarded, paused by a person, nobody has started it": _of(
        with_facts(
            _waiting(phased(ACTIVE, 3)),
            Seen.of(phased(PAUSED, 3)),
            facts.Drifted(Drift.HALTED, Seen.of(phased(ACTIVE, 3)), Seen.of(phased(PAUSED, 3))),
            facts.Held(ANNA, "let me look", None),
        ),
        GUARDED,
    ),
    "guarded, not halted": _of(not_halted(_rolling(phased(ACTIVE, 3))), GUARDED),
    "removed from sale": _of(
        with_facts(
            _rolling(phased(ACTIVE, 3)),
            Seen.of(_WITHDRAWN),
            facts.Drifted(Drift.WITHDRAWN, Seen.of(phased(ACTIVE, 3)), Seen.of(_WITHDRAWN)),
        ),
        GUARDED,
    ),
    "completed, watched": _of(_rolling(completed("COMPLETE"), NOON - HOUR), GUARDED),
    "completed, and a halt is wanted": _of(not_halted(_rolling(completed("COMPLETE"), NOON - HOUR)), GUARDED),
    "follow, active": _of(_rolling(phased(ACTIVE, 2)), FOLLOW),
    "follow, active, the store cannot be read": _of(_rolling(phased(ACTIVE, 2)), FOLLOW, look=unread()),
    "follow, active, held by a person": _of(_held(_rolling(phased(ACTIVE, 2))), FOLLOW),
    "follow, active, in a freeze": _of(_rolling(phased(ACTIVE, 2)), terms(Pacing.FOLLOW, calendar=FROZEN)),
    "follow, active, nobody has started it": _of(_waiting(phased(ACTIVE, 2)), FOLLOW),
    "follow, paused ten minutes ago": _of(_paused(10 * MINUTE), FOLLOW),
    "follow, paused": _of(_paused(2 * HOUR), FOLLOW),
    "follow, half of the users, by hand": _of(
        _rolling(phased(ACTIVE, 6)), terms(Pacing.FOLLOW, completion=Completion.BY_HAND)
    ),
    "follow, early completion": _of(_rolling(phased(ACTIVE, 4)), terms(Pacing.FOLLOW, complete_from=10)),
    "follow, everyone has it, and it still reads active": _of(_rolling(phased(ACTIVE, 7)), FOLLOW),
    "follow, resumed, the store cannot be read": _of(
        with_facts(
            halted(_rolling(phased(ACTIVE, 3))),
            intent(Verb.RESUME, 5, "r1"),
            Seen.of(phased(ACTIVE, 3)),
            settled(verb=Verb.RESUME, key="r1"),
        ),
        FOLLOW,
        look=unread(),
    ),
    "follow, halted": _of(halted(_rolling(phased(ACTIVE, 3))), FOLLOW),
}
