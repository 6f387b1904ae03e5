"""Every situation a rollout can be in when a pass decides, by name, each as the builder of a Case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta

from stagedrollout.core import facts
from stagedrollout.core.assessment import Verdict
from stagedrollout.core.calendar import Calendar, Freeze, Hours
from stagedrollout.core.case import Case
from stagedrollout.core.facts import Drift, Seen
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Command,
    Mode,
    OnNewRelease,
    ReviewState,
    RolloutKey,
    Settlement,
    StoreRelease,
    Supersede,
)
from stagedrollout.core.policy import Completion
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DAY,
    DRAFT,
    HALTED,
    HOUR,
    IN_REVIEW,
    KEY,
    NEWER,
    NOON,
    OLDER,
    STAGED,
    UNKNOWN,
    case,
    halted,
    intent,
    judged,
    not_halted,
    policy,
    rolling,
    seen,
    settled,
    shown,
    store,
    unread,
    waiting,
    with_facts,
)

Situation = Callable[[Verdict, Command | None, Mode], Case]

FROZEN = Calendar(freezes=(Freeze(first=date(2026, 3, 1), last=date(2026, 3, 3), reason="fair"),))
EVENINGS = Calendar(hours=Hours(start=time(18), end=time(20)))


def _of(rollout: Rollout, **terms: object) -> Situation:
    def build(verdict: Verdict, command: Command | None, mode: Mode) -> Case:
        return case(rollout, verdict, command, mode=mode, **terms)

    return build


def _small_sample(verdict: Verdict, command: Command | None, mode: Mode) -> Case:
    needs = policy(1, 10, 50, 100, min_sample=1000)
    return case(rolling(), verdict, command, mode=mode, policy=needs, assessment=judged(verdict, sample=999))


def _held(until: timedelta | None = None) -> Rollout:
    return with_facts(rolling(), facts.Held(ANNA, "not on a Monday", None if until is None else NOON + until))


def _drifted(meaning: Drift, before: facts.Seen, after: facts.Seen) -> Rollout:
    return with_facts(rolling(), after, facts.Drifted(meaning, before, after))


def _completed(since: timedelta = HOUR) -> Rollout:
    return rolling(shown(COMPLETED), since=NOON - since)


def _beside(supersede: Supersede, rollout: Rollout) -> Situation:
    """5.3.0 is a draft beside it."""
    status = rollout.seen.status if rollout.seen else STAGED
    return _of(rollout, look=store(shown(status), shown(DRAFT, release=NEWER)), supersede=supersede)


def _after(supersede: Supersede) -> Situation:
    """A draft, while 5.1.0 is at 10 %."""
    older = replace(rolling(), key=RolloutKey(KEY.app, KEY.store, OLDER.id), release=OLDER)
    look = store(shown(release=OLDER), shown(DRAFT))
    return _of(waiting(found=shown(DRAFT)), look=look, others=(older,), supersede=supersede)


def _back(found: StoreRelease) -> Rollout:
    """Halted, superseded, and in the store again."""
    gone = with_facts(halted(rolling()), facts.Superseded(NEWER.label))
    seen_again = Seen.of(found)
    live = (facts.WentLive(found.exposure_ppm),) if found.live else ()
    back = with_facts(gone, seen_again, facts.Returned(gone.seen, seen_again), *live)
    return replace(back, choice=OnNewRelease.ADOPT)


_AT_50 = rolling(shown(STAGED, 50))
_LANDED = with_facts(rolling(), intent(), seen(STAGED, 50), settled(), facts.WentLive(500_000), at=NOON)

SITUATIONS: dict[str, Situation] = {
    "a draft nobody has started": _of(waiting(found=shown(DRAFT))),
    "a draft under a person's hold": _of(
        with_facts(waiting(found=shown(DRAFT)), facts.Held(ANNA, "not yet", None))
    ),
    "a draft in a freeze": _of(waiting(found=shown(DRAFT)), policy=policy(calendar=FROZEN)),
    "rolled out in the console, nobody has started it": _of(waiting()),
    "the same, and the app adopts": _of(waiting(OnNewRelease.ADOPT)),
    "the same, and the app ignores": _of(waiting(OnNewRelease.IGNORE)),
    "started, in review": _of(rolling(shown(STAGED, 10, IN_REVIEW))),
    "started, rejected by review": _of(rolling(shown(STAGED, 10, ReviewState.NOT_APPROVED))),
    "started, a person must publish it": _of(rolling(shown(STAGED, 10, ReviewState.APPROVED_NOT_PUBLISHED))),
    "started, review unknown": _of(rolling(shown(STAGED, 10, ReviewState.UNKNOWN))),
    "baking": _of(rolling(since=NOON - HOUR)),
    "baked, too few sessions at this stage": _small_sample,
    "baked, outside the hours": _of(rolling(), policy=policy(calendar=EVENINGS)),
    "baked, next 50 %": _of(rolling()),
    "baked, next 100 %, automatic": _of(_AT_50),
    "baked, next 100 %, by hand": _of(_AT_50, policy=policy(completion=Completion.BY_HAND)),
    "baked, the policy ends here": _of(_AT_50, policy=policy(1, 10, 50)),
    "baked, between two stages": _of(rolling(shown(STAGED, 30))),
    "in a freeze": _of(rolling(), policy=policy(calendar=FROZEN)),
    "held by a person": _of(_held()),
    "held until this evening": _of(_held(until=6 * HOUR)),
    "the hold has just run out": _of(_held(until=timedelta(0))),
    "held in a freeze": _of(_held(), policy=policy(calendar=FROZEN)),
    "halted": _of(halted(rolling())),
    "halted in a freeze": _of(halted(rolling()), policy=policy(calendar=FROZEN)),
    "halted, somewhere nobody knows": _of(
        with_facts(halted(rolling()), facts.Drifted(Drift.UNKNOWN, seen(HALTED), facts.NOWHERE))
    ),
    "halted in the console before anybody had it": _of(
        with_facts(
            waiting(found=shown(DRAFT)), seen(HALTED), facts.Drifted(Drift.HALTED, seen(DRAFT), seen(HALTED))
        )
    ),
    "halted, nobody has started it": _of(halted(waiting())),
    "halted at 100 %": _of(halted(_completed())),
    "not halted: the store refuses": _of(not_halted(rolling())),
    "not halted: in doubt": _of(
        with_facts(not_halted(rolling()), intent(key="h2"), settled(Settlement.IN_DOUBT, key="h2"))
    ),
    "halted in the console": _of(_drifted(Drift.HALTED, seen(), seen(HALTED))),
    "lowered in the console": _of(_drifted(Drift.LOWERED, seen(), seen(STAGED, 5))),
    "changed in the console, nobody understands how": _of(_drifted(Drift.UNKNOWN, seen(), seen())),
    "halted in the console, in review": _of(_drifted(Drift.HALTED, seen(), seen(HALTED, 10, IN_REVIEW))),
    "steered by a policy this daemon does not know": _of(rolling(), unknown_policy="careful"),
    "a status we do not know": _of(with_facts(rolling(), seen(UNKNOWN, 10))),
    "gone from the track": _of(rolling(), look=store()),
    "the store cannot be read": _of(rolling(), look=unread()),
    "the store shows the state from before our change": _of(_LANDED, look=store(shown(STAGED, 10))),
    "our raise is in doubt": _of(with_facts(rolling(), intent())),
    "at 100 %, watched": _of(_completed()),
    "at 100 %, the watch ends now": _of(_completed(since=3 * DAY)),
    "at 100 %, over": _of(with_facts(_completed(), facts.Closed())),
    "a newer draft waits: finish": _beside(Supersede.FINISH, rolling()),
    "a newer draft waits: hold": _beside(Supersede.HOLD, rolling()),
    "a newer draft waits: hold, and a person has set it aside": _beside(
        Supersede.HOLD, with_facts(rolling(), facts.SetAside(NEWER, ANNA, "this one first"))
    ),
    "a newer draft waits: replace": _beside(Supersede.REPLACE, rolling()),
    "a newer draft waits, nobody has started this one: replace": _beside(Supersede.REPLACE, waiting()),
    "a newer draft waits, this one is halted: hold": _beside(Supersede.HOLD, halted(rolling())),
    "a newer draft waits, this one is halted: replace": _beside(Supersede.REPLACE, halted(rolling())),
    "a newer one is on its way": _of(rolling(), look=store(shown(), shown(STAGED, 1, release=NEWER))),
    "a draft, an older one is rolled out: finish": _after(Supersede.FINISH),
    "a draft, an older one is rolled out: hold": _after(Supersede.HOLD),
    "a draft, an older one is rolled out: replace": _after(Supersede.REPLACE),
    "known bad, and a draft again": _of(_back(shown(DRAFT))),
    "known bad, and rolled out again, where the app adopts": _of(_back(shown())),
    "superseded": _of(with_facts(rolling(), facts.Superseded(NEWER.label))),
}
