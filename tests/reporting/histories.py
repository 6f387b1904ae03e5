"""Hand-built histories of releases: facts, hours after the start, in the order in which they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stagedrollout.core import facts
from stagedrollout.core.codec import encode
from stagedrollout.core.facts import DecisionKind, Drift, Fact
from stagedrollout.core.judgement import Reason
from stagedrollout.core.ledger import Ledger, Measure, Place, Revision, Tally, added
from stagedrollout.core.model import (
    DAEMON,
    Actor,
    CommandVerb,
    OnNewRelease,
    Release,
    RolloutKey,
    Settlement,
    Store,
    Verb,
)
from stagedrollout.core.units import PPM_ALL
from stagedrollout.reporting.release import Kept, NoticesOfKind, ReleaseReport, release_report
from tests.core.builders import (
    ANNA,
    COMPLETED,
    DRAFT,
    HALTED,
    HOUR,
    IN_REVIEW,
    NOON,
    PUBLISHED,
    STAGED,
    ppm,
    seen,
)

PASSED = (Reason("pass", "evidence of safety 12 : 1", "evidence"),)
BY_POLICY = (Reason("inconclusive_by_policy", "inconclusive after 2d"), *PASSED)
HARM = (Reason("fail", "evidence of harm 120 : 1 (halt at 100 : 1)", "evidence"),)
SUSPECTED = (Reason("suspected", "evidence of harm 12 : 1", "evidence"),)


def weighed(ln_e: float = 0.0, ln_safe: float | None = 2.5) -> facts.Weighed:
    return facts.Weighed("0" * 64, ln_e, ln_safe, (), 0.5, 0.0, 1.2, 1.1, NOON)


@dataclass
class History:
    """A release of "shop", found as a draft at `start`; hours are counted from there. Each method returns the history."""

    version: str = "5.2.0"
    start: datetime = NOON
    store: Store = Store.GOOGLE_PLAY
    app: str = "shop"
    told: list[tuple[Fact, datetime]] = field(default_factory=list)
    acts: int = 0
    ledger: Ledger | None = None
    notices: tuple[NoticesOfKind, ...] = ()

    def __post_init__(self) -> None:
        draft = seen(DRAFT, 0, IN_REVIEW)
        found = facts.Discovered(
            self.release, "standard", OnNewRelease.WAIT, draft.status, draft.review, draft.exposure_ppm
        )
        self.at(0, found, draft)

    @property
    def release(self) -> Release:
        code = self.version.replace(".", "")
        return Release(code, self.version, code)

    @property
    def key(self) -> RolloutKey:
        return RolloutKey(self.app, self.store, self.release.id)

    def at(self, hours: float, *more: Fact) -> History:
        self.told += [(fact, self.start + timedelta(hours=hours)) for fact in more]
        return self

    def started(self, hours: float, percent: float = 1, by: Actor = ANNA, review: float = 0) -> History:
        """In review for `review` hours, then live."""
        self.at(hours, facts.Started(by, "go", "standard", "c0"), *self._sent(Verb.START, percent, by))
        self.at(hours, *self._settled(Verb.START), seen(STAGED, percent, IN_REVIEW))
        return self.at(hours + review, seen(STAGED, percent, PUBLISHED), facts.WentLive(ppm(percent)))

    def waits(self, hours: float, code: str = "bake", gate: str = "") -> History:
        reason = Reason(code, f"waits for {code}", gate)
        return self.at(hours, facts.Decided(DecisionKind.WAIT, (reason,), DAEMON))

    def held(self, hours: float, *reasons: Reason) -> History:
        return self.at(hours, facts.Decided(DecisionKind.HOLD, reasons, DAEMON, weighed=weighed(2.6)))

    def raised(
        self, hours: float, percent: float, reasons: tuple[Reason, ...] = PASSED, by: Actor = DAEMON
    ) -> History:
        verb = Verb.COMPLETE if percent == 100 else Verb.RAISE
        after = seen(COMPLETED) if percent == 100 else seen(STAGED, percent)
        self.at(hours, *self._sent(verb, percent, by, reasons), *self._settled(verb))
        return self.at(hours, after, facts.WentLive(after.exposure_ppm))

    def halted(self, hours: float, by: Actor = DAEMON, *, confirmed: float | None = 0) -> History:
        """`confirmed`: so many hours later the store shows it; None: never."""
        self.at(
            hours, *self._sent(Verb.HALT, 0, by, HARM if by is DAEMON else (Reason("human_halt", "bad"),))
        )
        if confirmed is None:
            return self.at(hours, *self._settled(Verb.HALT, Settlement.REFUSED))
        return self.at(hours + confirmed, *self._settled(Verb.HALT), seen(HALTED))

    def resumed(self, hours: float, percent: float) -> History:
        self.ordered(hours, CommandVerb.RESUME)
        self.at(
            hours, *self._sent(Verb.RESUME, percent, ANNA), seen(STAGED, percent), *self._settled(Verb.RESUME)
        )
        return self.at(hours, facts.WentLive(ppm(percent)))

    def ordered(self, hours: float, verb: CommandVerb, *, without_evidence: bool = False) -> History:
        said = facts.Commanded(f"c{len(self.told)}", verb, ANNA, "it must", True, "done", without_evidence)
        return self.at(hours, said)

    def drifted(self, hours: float, meaning: Drift, percent: float = 0) -> History:
        after = seen(HALTED) if meaning is Drift.HALTED else seen(STAGED, percent)
        return self.at(hours, facts.Drifted(meaning, seen(STAGED), after), after)

    def counted(self, *tallies: Tally) -> History:
        """One hour after the other from the start on."""
        ledger = self.ledger or Ledger(str(self.key))
        revisions = tuple(
            Revision(Measure.CRASHED, Place(self.start + number * HOUR), tally, self.start)
            for number, tally in enumerate(tallies)
        )
        self.ledger = added(ledger, revisions)
        return self

    def kept(self, now: float = 1_000) -> Kept:
        return Kept(self.key, tuple(self.told), self.start + timedelta(hours=now), self.ledger, self.notices)

    def report(self, now: float = 1_000) -> ReleaseReport:
        """Every fact is read as the database would give it back."""
        for fact, at in self.told:
            assert facts.read(facts.written(fact, at)) == fact, encode(fact)
        return release_report(self.kept(now))

    def _sent(
        self, verb: Verb, percent: float, by: Actor, reasons: tuple[Reason, ...] = PASSED
    ) -> tuple[Fact, ...]:
        self.acts += 1
        kind = {
            Verb.START: DecisionKind.START,
            Verb.HALT: DecisionKind.HALT,
            Verb.RESUME: DecisionKind.RESUME,
            Verb.COMPLETE: DecisionKind.COMPLETE,
        }.get(verb, DecisionKind.ADVANCE)
        odds = weighed(4.8, None) if verb is Verb.HALT else weighed()
        return (
            facts.Decided(kind, reasons, by, "", f"i{self.acts}", verb, ppm(percent), "f1", weighed=odds),
        )

    def _settled(self, verb: Verb, settlement: Settlement = Settlement.CONFIRMED) -> tuple[Fact, ...]:
        return (facts.Settled(f"i{self.acts}", verb, settlement, "so it went"),)


def completed(version: str = "5.2.0", start: datetime = NOON, **other: str) -> History:
    """Three hours of review, a day at 1 %, closed hours, a day at 10 %, a hold, 100 % after 72 hours."""
    history = History(version, start, **other).started(1, review=3)  # type: ignore[arg-type]
    history.waits(4).waits(28, "window").raised(40, 10).waits(40.25)
    return history.held(60, *SUSPECTED).waits(66).raised(73, 100).waits(73.25, "watch")


def bad(version: str = "5.3.0", start: datetime = NOON, **other: str) -> History:
    """Suspected after ten hours at 10 %, halted two hours later, in the store six minutes after that."""
    history = History(version, start, **other).started(0, percent=10)  # type: ignore[arg-type]
    history.waits(0.25).held(10, *SUSPECTED).halted(12, confirmed=0.1)
    return history


__all__ = ["BY_POLICY", "HARM", "PASSED", "PPM_ALL", "SUSPECTED", "History", "bad", "completed", "weighed"]
