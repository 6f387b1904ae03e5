"""A rollout as the database would keep it, without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stagedrollout.core import facts
from stagedrollout.core.assessment import assess
from stagedrollout.core.case import Case
from stagedrollout.core.decision import decide
from stagedrollout.core.evidence.terms import Terms
from stagedrollout.core.fold import fold
from stagedrollout.core.judgement import Circumstances, Heard
from stagedrollout.core.ledger import Ledger, Measure, Tally, take
from stagedrollout.core.model import Mode
from stagedrollout.core.observation import Observation
from stagedrollout.core.run_terms import written_down
from stagedrollout.core.standing import standing
from stagedrollout.explaining.finding import Kept, Standing
from tests.core import builders, weighed
from tests.core.builders import HOUR, KEY, NOON, POLL

SETTLE = HOUR


def kept(*tallies: Tally, terms: Terms | None = None, now: datetime = NOON) -> Kept:
    """Live at 10 % for as many hours as there are tallies, the last of which ended at noon; looked at then."""
    since = NOON - len(tallies) * HOUR
    by = terms or weighed.terms()
    told = (
        (builders.discovered(), since),
        (facts.Started(builders.ANNA, "go", "standard", "c0"), since),
        (builders.seen(), since),
        (facts.WentLive(100_000), since),
        (facts.TermsSet(by), since),
    )
    rollout = fold(KEY, told)
    assert rollout is not None
    ledger = Ledger(str(KEY))
    for measure in (Measure.CRASHED, Measure.ABNORMAL):
        ledger = take(ledger, weighed.sessions(*tallies, measure=measure), NOON).ledger
    bare = Kept(rollout, told, ledger, None, now)
    return replace(bare, standing=_standing(bare, tallies)) if tallies else bare


def _standing(bare: Kept, tallies: tuple[Tally, ...]) -> Standing:
    found = bare.weighing()
    read = tuple(weighed.sessions(*tallies, measure=m) for m in (Measure.CRASHED, Measure.ABNORMAL))
    heard = Heard(found, (*read, weighed.users(Tally(0, 0, 0, 0))))
    seen = Circumstances(
        now=NOON,
        run_since=bare.rollout.run_since,
        live_since=bare.rollout.live_since or NOON,
        poll=POLL,
        exposure_ppm=100_000,
        heard=heard,
    )
    policy = weighed.with_evidence()
    assessment = assess(policy, (), seen)
    look = builders.store(builders.shown())
    decision = decide(Case(bare.rollout, Observation(NOON, look, ()), assessment, policy, Mode.ACT))
    written = written_down(found, NOON - SETTLE) if found else None
    return Standing(NOON, standing(NOON, decision, assessment, written))
