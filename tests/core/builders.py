"""Small builders, so that a test says only what it is about.

Unless said otherwise: release 5.2.0 of "shop" on Google Play, at 10 % and published for two days, under a
policy of 1, 10, 50 and 100 %, on Monday 2 March 2026 at noon (UTC), in mode act.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stagedrollout.core import facts
from stagedrollout.core.approval import ApprovalTerms
from stagedrollout.core.assessment import Assessment, Circumstances, Judgement, Reason, Verdict
from stagedrollout.core.calendar import Calendar
from stagedrollout.core.case import Case, Decision
from stagedrollout.core.decision import decide
from stagedrollout.core.facts import Discovered, Fact, Seen, Started, WentLive
from stagedrollout.core.fold import extend, fold
from stagedrollout.core.gates import Gate
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import (
    Actor,
    ActorKind,
    Command,
    CommandVerb,
    Mode,
    OnNewRelease,
    Release,
    ReleaseStatus,
    ReviewState,
    RolloutKey,
    Settlement,
    Store,
    StoreRelease,
    StoreState,
    Unread,
    Verb,
)
from stagedrollout.core.observation import Arm, Bucket, Counts, Gap, Measured, Metric, Observation, Unmeasured
from stagedrollout.core.policy import Completion, Policy, Stage
from stagedrollout.core.units import PPM_ALL

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
POLL = timedelta(minutes=15)

RELEASE = Release("5020", "5.2.0", "5020")
NEWER = Release("5030", "5.3.0", "5030")
OLDER = Release("5010", "5.1.0", "5010")
KEY = RolloutKey("shop", Store.GOOGLE_PLAY, RELEASE.id)
ANNA = Actor(ActorKind.HUMAN, "anna")

DRAFT = ReleaseStatus.DRAFT
STAGED = ReleaseStatus.IN_PROGRESS
HALTED = ReleaseStatus.HALTED
COMPLETED = ReleaseStatus.COMPLETED
UNKNOWN = ReleaseStatus.UNKNOWN
PUBLISHED = ReviewState.PUBLISHED
IN_REVIEW = ReviewState.IN_REVIEW


def ppm(percent: float | str) -> int:
    return int(Decimal(str(percent)) * 10_000)


def gate(**terms: Any) -> Gate:
    standard: dict[str, Any] = {
        "metric": Metric.CRASH_FREE_SESSIONS,
        "floor": Decimal(99),
        "min_sample": 1000,
        "window": 12 * HOUR,
        "freshness": 2 * HOUR,
        "confirm": 2,
    }
    return Gate(**{**standard, **terms})


def policy(*percents: float | Decimal, bake: timedelta = DAY, min_sample: int = 0, **terms: Any) -> Policy:
    """`policy(1, 10)`: these stages, a day each, one gate, no calendar; completed automatically if it can be."""
    stages = tuple(
        Stage(percent=Decimal(str(p)), bake=bake, min_sample=min_sample)
        if p != 100
        else Stage(percent=Decimal(100))
        for p in percents or (1, 10, 50, 100)
    )
    own_way = Completion.AUTOMATIC if stages[-1].percent == 100 else Completion.BY_HAND
    standard: dict[str, Any] = {
        "name": "standard",
        "gates": (gate(),),
        "calendar": Calendar(),
        "completion": own_way,
    }
    return Policy(stages=stages, **{**standard, **terms})


def asks_for_approval(terms: Policy, *, at: float, count: int = 1, **more: Any) -> Policy:
    """The policy, with one stage that people must agree to."""
    asked = ApprovalTerms(count=count, **more)
    stages = (replace(s, approvals=asked) if s.percent == Decimal(str(at)) else s for s in terms.stages)
    return replace(terms, stages=tuple(stages))


def shown(
    status: ReleaseStatus = STAGED,
    percent: float | None = None,
    review: ReviewState = PUBLISHED,
    release: Release = RELEASE,
) -> StoreRelease:
    """What the store shows of a release. Without a percentage: 10 % staged, nobody halted or draft."""
    exposure = {STAGED: ppm(10), COMPLETED: PPM_ALL}.get(status, 0) if percent is None else ppm(percent)
    return StoreRelease(release, status, status.value, exposure, review, review.value)


def store(*releases: StoreRelease, at: datetime = NOON, fingerprint: str = "f1") -> StoreState:
    return StoreState(releases, fingerprint, at)


def seen(
    status: ReleaseStatus = STAGED, percent: float | None = None, review: ReviewState = PUBLISHED
) -> Seen:
    return Seen.of(shown(status, percent, review))


def discovered(choice: OnNewRelease = OnNewRelease.WAIT, found: StoreRelease | None = None) -> Discovered:
    found = found or shown()
    return Discovered(
        found.release, "standard", choice, found.status, found.review, found.exposure_ppm, (OLDER,)
    )


def told(*history: Fact | tuple[Fact, datetime], start: datetime) -> Rollout:
    """The rollout that these facts tell of. A fact without an instant happens at `start`."""
    dated = tuple(entry if isinstance(entry, tuple) else (entry, start) for entry in history)
    rollout = fold(KEY, dated)
    assert rollout is not None
    return rollout


def waiting(choice: OnNewRelease = OnNewRelease.WAIT, found: StoreRelease | None = None) -> Rollout:
    """Found two days ago, not started."""
    found = found or shown()
    live = (WentLive(found.exposure_ppm),) if found.live else ()
    return told(discovered(choice, found), Seen.of(found), *live, start=NOON - 2 * DAY)


def rolling(found: StoreRelease | None = None, since: datetime = NOON - 2 * DAY) -> Rollout:
    """Steered, and shown like `found` (live, if it is) since `since`."""
    found = found or shown()
    live = (WentLive(found.exposure_ppm),) if found.live else ()
    return told(discovered(), Started(ANNA, "go", "standard", "c0"), Seen.of(found), *live, start=since)


def with_facts(rollout: Rollout, *more: Fact, at: datetime = NOON - HOUR) -> Rollout:
    return extend(rollout, more, at)


def intent(verb: Verb = Verb.RAISE, percent: float = 50, key: str = "i1", command: str = "") -> facts.Decided:
    """The decision that opens an intent."""
    kind = {
        Verb.START: facts.DecisionKind.START,
        Verb.RAISE: facts.DecisionKind.ADVANCE,
        Verb.RESUME: facts.DecisionKind.RESUME,
        Verb.COMPLETE: facts.DecisionKind.COMPLETE,
        Verb.HALT: facts.DecisionKind.HALT,
    }[verb]
    reason = Reason("because", "it was so")
    return facts.Decided(kind, (reason,), ANNA, command, key, verb, ppm(percent), "f1")


def settled(settlement: Settlement = Settlement.CONFIRMED, verb: Verb = Verb.RAISE, key: str = "i1") -> Fact:
    return facts.Settled(key, verb, settlement, "so it went")


def halted(rollout: Rollout, at: datetime = NOON - HOUR) -> Rollout:
    """Halted by us, and read back."""
    percent = rollout.exposure_ppm / 10_000
    return extend(
        rollout,
        (intent(Verb.HALT, percent, "h1"), seen(HALTED), settled(verb=Verb.HALT, key="h1")),
        at,
    )


def not_halted(rollout: Rollout, at: datetime = NOON - HOUR) -> Rollout:
    """A halt was ordered; the store refused it."""
    refused = settled(Settlement.REFUSED, Verb.HALT, "h1")
    return extend(rollout, (intent(Verb.HALT, rollout.exposure_ppm / 10_000, "h1", "c9"), refused), at)


def order(verb: CommandVerb, **terms: Any) -> Command:
    standard: dict[str, Any] = {
        "id": "c1",
        "app": "shop",
        "store": Store.GOOGLE_PLAY,
        "actor": ANNA,
        "reason": "because I say so",
        "created_at": NOON,
        "expires_at": None,
    }
    return Command(verb=verb, **{**standard, **terms})


def hours(
    *counts: tuple[int, int], until: datetime = NOON, metric: Metric = Metric.CRASH_FREE_SESSIONS
) -> Measured:
    """Hourly sessions (total, crashed), the last hour ending at `until`, which is also how new the data are."""
    first = until - len(counts) * HOUR
    buckets = tuple(Bucket(first + n * HOUR, Counts(*pair)) for n, pair in enumerate(counts))
    window = Counts(sum(total for total, _ in counts), sum(bad for _, bad in counts))
    return Measured("sentry", metric, Arm("5.2.0", window, buckets), None, first, until)


def healthy(until: datetime = NOON) -> Measured:
    return hours(*[(1000, 2)] * 12, until=until)


def sick(until: datetime = NOON) -> Measured:
    return hours(*[(1000, 50)] * 12, until=until)


def nothing(gap: Gap = Gap.ABSENT, metric: Metric = Metric.CRASH_FREE_SESSIONS) -> Unmeasured:
    return Unmeasured("sentry", metric, gap, f"the reading is {gap.value}")


def circumstances(**terms: Any) -> Circumstances:
    standard = {"now": NOON, "run_since": NOON - 2 * DAY, "live_since": NOON - 2 * DAY, "poll": POLL}
    return Circumstances(**{**standard, **terms})


def judged(
    verdict: Verdict = Verdict.PASS, sample: int = 100_000, for_gate: Gate | None = None
) -> Assessment:
    """An assessment in which the only gate says `verdict`."""
    one = for_gate or gate()
    reason = Reason(verdict.name.lower(), f"{one.name} says {verdict.name}", one.name)
    return Assessment((Judgement(one, verdict, reason),), (), sample)


def case(
    rollout: Rollout | None = None,
    verdict: Verdict = Verdict.PASS,
    command: Command | None = None,
    **terms: Any,
) -> Case:
    """Everything is as the journal says and, unless said otherwise, every gate passes."""
    rollout = rollout or rolling()
    now = terms.pop("now", NOON)
    look = terms.pop("look", None) or _as_known(rollout, now)
    standard: dict[str, Any] = {"assessment": judged(verdict), "policy": policy(), "mode": Mode.ACT}
    return Case(rollout, Observation(now, look, ()), order=command, **{**standard, **terms})


def _as_known(rollout: Rollout, now: datetime) -> StoreState:
    if rollout.seen is None:
        return store(at=now)
    s = rollout.seen
    found = StoreRelease(rollout.release, s.status, s.status_word, s.exposure_ppm, s.review, s.review_word)
    return store(found, at=now)


def decided(rollout: Rollout | None = None, verdict: Verdict = Verdict.PASS, **terms: Any) -> Decision:
    return decide(case(rollout, verdict, terms.pop("command", None), **terms))


def code(decision: Decision) -> str:
    return decision.reasons[0].code


def answer(decision: Decision) -> facts.Commanded:
    """What the person who gave the order is told."""
    return next(fact for fact in decision.also if isinstance(fact, facts.Commanded))


def unread(why: str = "no answer") -> Unread:
    return Unread(why, NOON)


def only(kind: type[Any], news: Iterable[Any]) -> Any:
    """The one fact of this kind; fails if there are none or several."""
    (one,) = [fact for fact in news if isinstance(fact, kind)]
    return one


def halted_since(rollout: Rollout, at: datetime) -> Rollout:
    assert rollout.halt is not None
    return replace(rollout, halt=replace(rollout.halt, at=at))
