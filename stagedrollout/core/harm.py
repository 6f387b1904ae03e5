"""The evidence, judged: from what the counts say to verdicts (decision-engine.md section 5).

    FAIL            evidence of harm of 100 : 1 or more, whatever else is wrong
    CONTRADICTORY   10 : 1 or more, or both arms are worse than the past: an outside incident
    ERROR           this pass could not read the sessions, or what it read cannot be right
    MISSING         nothing to compare with and no floor, or a release that sends next to no sessions
    STALE           the newest sessions are old
    PASS            what the present stage must rule out is ruled out at 10 : 1
    INSUFFICIENT    anything else: the evidence is inconclusive

Each other signal that is required has a verdict of its own: it passes when it was read, is fresh, and its own
evidence is below 10 : 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import floor

from stagedrollout.core.dark import Dark, dark
from stagedrollout.core.evidence import course, ratio, weighing
from stagedrollout.core.evidence.course import Fold
from stagedrollout.core.evidence.terms import LN_ADVANCE, LN_HALT, LN_HOLD, SignalId
from stagedrollout.core.evidence.weighing import Weighing
from stagedrollout.core.gates import EvidenceGate, OnDark, Role, SignalGate
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.judgement import Circumstances, Judgement, Reason, Verdict
from stagedrollout.core.ledger import Measure, Tallied, Untallied
from stagedrollout.core.observation import Gap
from stagedrollout.core.opinion import stars_text
from stagedrollout.core.units import PPM_ALL, duration_text, percent_text

STALE_MIN = timedelta(hours=2)
STALE_POLLS = 3
QUIET_START = timedelta(hours=6)
"""A release that went live this recently may have no sessions at all without anything being wrong."""

USERS_STALE = timedelta(hours=26)
"""Users are counted by the day and read once an hour."""


def judge(gate: EvidenceGate, seen: Circumstances, settle: timedelta) -> tuple[Judgement, ...]:
    """The verdict on the evidence as a whole, and one for each signal that is required or shown beside it. Those on a
    team's own signals are in named_counts.py."""
    weighed = seen.heard.weighing
    if weighed is None:
        return (_unweighed(gate, seen),)
    whole = _whole(gate, weighed, seen, settle)
    beside = [
        signal
        for signal in weighed.run.terms.computed
        if signal is not SignalId.CRASHED_SESSIONS and not signal.given
    ]
    return (whole, *(_one(signal, weighed, seen) for signal in beside))


def _unweighed(gate: EvidenceGate, seen: Circumstances) -> Judgement:
    failed = _failure(seen, Measure.CRASHED)
    why = f"evidence: {seen.heard.problem or failed or 'nothing was read for it'}"
    if failed is not None or seen.heard.problem:
        return Judgement(gate, Verdict.ERROR, Reason("error", why, gate.name))
    return Judgement(gate, Verdict.MISSING, Reason("missing", why, gate.name))


def _whole(gate: EvidenceGate, weighed: Weighing, seen: Circumstances, settle: timedelta) -> Judgement:
    verdict, code, text = _found(gate, weighed, seen, settle)
    if seen.heard.note:
        text = f"{text}; {seen.heard.note}"
    ln_e, safe = weighed.ln_e, weighed.ln_e_advance(seen.now - settle)
    for_safety = verdict in (Verdict.PASS, Verdict.INSUFFICIENT) and safe is not None
    reason = Reason(
        code=code,
        text=text,
        gate=gate.name,
        as_of=_newest(seen, Measure.CRASHED),
        ln_e=safe if for_safety else ln_e,
        ln_e_needed=LN_ADVANCE if for_safety else LN_HALT,
    )
    rates = _rates(weighed)
    with_rates = replace(
        reason,
        value_ppm=rates.candidate_ppm,
        sample=rates.candidate,
        baseline_ppm=rates.baseline_ppm,
        baseline_sample=rates.baseline,
    )
    return Judgement(gate, verdict, with_rates)


def _found(
    gate: EvidenceGate, weighed: Weighing, seen: Circumstances, settle: timedelta
) -> tuple[Verdict, str, str]:
    """Verdict, code and words, the worst first."""
    harm = f"evidence of harm {odds_text(weighed.ln_e)}"
    if weighed.ln_e >= LN_HALT:
        return Verdict.FAIL, "fail", f"{harm} (halt at 100 : 1): {blame(weighed)}"
    silent = _dark(weighed, seen, settle)
    if silent and gate.dark is OnDark.HALT:
        return Verdict.FAIL, "dark", f"evidence: the release is dark: {silent.why}"
    if weighed.ln_e >= LN_HOLD:
        return (
            Verdict.CONTRADICTORY,
            "suspected",
            f"{harm}: nothing is raised from 10 : 1 on (halt at 100 : 1)",
        )
    if weighing.outside_incident(weighed):
        return Verdict.CONTRADICTORY, *_incident(weighed, seen.now)
    if seen.heard.problem:
        return Verdict.ERROR, "error", f"evidence: {seen.heard.problem}"
    if refused := _refused(weighed, seen):
        return Verdict.ERROR, "bad_data", f"evidence: bad data: {refused}"
    failed = _failure(seen, Measure.CRASHED)
    if failed is not None:
        return Verdict.ERROR, "error", f"evidence: {failed}"
    if silent:
        return Verdict.MISSING, "dark", f"evidence: the release is dark: {silent.why}"
    if not weighed.folds and weighed.run.terms.p_ref is None and weighed.run.terms.floor is None:
        return Verdict.MISSING, "missing", "evidence: no release to compare with, and no floor"
    return _calm(weighed, seen, settle)


def _refused(weighed: Weighing, seen: Circumstances) -> str:
    """The first rows that cannot be right, of signals that take part; "" where there are none."""
    taking_part = {w.signal.measure for w in weighed.run.terms.weights if not w.signal.given}
    rows = [row for row in seen.heard.refused if row.measure in taking_part]
    return "; ".join(f"{row.start:%Y-%m-%d %H:%M}: {row.why}" for row in rows[:3])


def _calm(weighed: Weighing, seen: Circumstances, settle: timedelta) -> tuple[Verdict, str, str]:
    """Nothing speaks against it: does enough speak for it?"""
    newest = _newest(seen, Measure.CRASHED)
    if newest is None:
        return _no_sessions(seen)
    age, most = seen.now - newest, max(STALE_MIN, STALE_POLLS * seen.poll)
    if age > most:
        old = f"the newest sessions are {duration_text(age)} old, {duration_text(most)} at most"
        return Verdict.STALE, "stale", f"evidence: {old}"
    safe = weighed.ln_e_advance(seen.now - settle)
    harm = f"evidence of harm {odds_text(weighed.ln_e)}"
    if safe is None:
        why = (
            "no release to compare with: it is judged by the floor alone, and by that nobody can call it safe"
        )
        return Verdict.INSUFFICIENT, "inconclusive", f"{why}; {harm}"
    told = f"evidence of safety {odds_text(safe)}, 10 : 1 needed, that it is not x{_ruled_out(seen):g} as bad as before"
    if safe >= LN_ADVANCE:
        return Verdict.PASS, "pass", f"{told}; {harm}"
    return Verdict.INSUFFICIENT, "inconclusive", f"{told}; {harm}"


def _ruled_out(seen: Circumstances) -> float:
    return course.rho_advance(seen.exposure_ppm)


def _no_sessions(seen: Circumstances) -> tuple[Verdict, str, str]:
    if seen.now - seen.run_since < QUIET_START:
        return Verdict.INSUFFICIENT, "no_data_yet", "evidence: no sessions yet"
    return Verdict.MISSING, "missing", "evidence: no sessions at all"


def _one(signal: SignalId, weighed: Weighing, seen: Circumstances) -> Judgement:
    """A signal's own verdict."""
    own = SignalGate(signal, _role(signal, weighed))
    ln_e = weighed.ln_e_of(signal)
    verdict, code, told = _signal_found(signal, weighed, seen)
    text = f"{signal.words}: {told}"
    return Judgement(own, verdict, Reason(code, text, own.name, ln_e=ln_e, ln_e_needed=LN_HOLD))


def _role(signal: SignalId, weighed: Weighing) -> Role:
    """By the terms of the run, not by what the policy says meanwhile. Ratings are rare: their silence holds nothing up."""
    if signal in weighed.run.terms.advisory:
        return Role.ADVISORY
    return Role.VETO if signal is SignalId.RATINGS else Role.REQUIRED


def _signal_found(signal: SignalId, weighed: Weighing, seen: Circumstances) -> tuple[Verdict, str, str]:
    ln_e = weighed.ln_e_of(signal)
    told = f"evidence of harm {odds_text(ln_e)}"
    if ln_e >= LN_HOLD:
        return Verdict.CONTRADICTORY, "suspected", f"{told}, 10 : 1 holds"
    measure = signal.measure
    if measure is None:
        heard = weighed.stars is not None and weighed.run.terms.mu_base is not None
        return (Verdict.PASS, "pass", told) if heard else (Verdict.INSUFFICIENT, "sample", _no_stars(weighed))
    failed = _failure(seen, measure)
    if failed is not None:
        return Verdict.ERROR, "error", failed
    newest = _newest(seen, measure)
    if newest is None:
        return _signal_absent(signal, seen)
    most = USERS_STALE if measure is Measure.USERS else max(STALE_MIN, STALE_POLLS * seen.poll)
    if seen.now - newest > most:
        return Verdict.STALE, "stale", f"the newest data are {duration_text(seen.now - newest)} old"
    return Verdict.PASS, "pass", told


def _no_stars(weighed: Weighing) -> str:
    if weighed.run.terms.mu_base is None:
        return "too few reviews of the release before to compare with: a plain gate until then"
    return "not read in this pass"


def _signal_absent(signal: SignalId, seen: Circumstances) -> tuple[Verdict, str, str]:
    if seen.now - seen.run_since < QUIET_START:
        return Verdict.INSUFFICIENT, "no_data_yet", "nothing yet"
    hint = "; if the SDK sends no user ids: crashed_users: off" if signal is SignalId.CRASHED_USERS else ""
    read = (tally for tally in seen.heard.tallies if isinstance(tally, Untallied))
    said = next((f" ({tally.why})" for tally in read if tally.measure is signal.measure and tally.why), "")
    return Verdict.MISSING, "missing", f"the source has none{said}{hint}"


def _failure(seen: Circumstances, measure: Measure) -> str | None:
    """Why this pass has no reading of the measure; None if it has, or the source has nothing."""
    read = [t for t in seen.heard.tallies if t.measure is measure]
    if not read:
        return "not read in this pass"
    for tally in read:
        if isinstance(tally, Untallied) and tally.gap is not Gap.ABSENT:
            return tally.why
    return None


def _newest(seen: Circumstances, measure: Measure) -> datetime | None:
    """How new what was read is: the end of the newest bucket in which either arm has data, at most the moment of
    asking. None where the source has nothing."""
    return max(
        (t.as_of for t in seen.heard.tallies if isinstance(t, Tallied) and t.measure is measure), default=None
    )


def _dark(weighed: Weighing, seen: Circumstances, settle: timedelta) -> Dark | None:
    folded = weighed.folds.get(SignalId.CRASHED_SESSIONS)
    if folded is None:
        return None
    return dark(
        folded.rows, live_since=seen.live_since, exposure_ppm=seen.exposure_ppm, now=seen.now, settle=settle
    )


def _incident(weighed: Weighing, now: datetime) -> tuple[str, str]:
    """Code and words; the code changes when it has lasted long enough to be told aloud."""
    since = weighing.incident_since(weighed) or now
    lasts = now - since >= weighing.INCIDENT_TOLD_AFTER
    begun = f"since {since:%a %H:%M} UTC"
    text = f"evidence: an outside incident {begun}: both releases crash more than before; nothing is raised"
    return "incident_lasts" if lasts else "incident", text


@dataclass(frozen=True, slots=True)
class _Rates:
    """Crash-free sessions of both arms over the run, in ppm, with their counts; None where there are none."""

    candidate_ppm: int | None = None
    candidate: int | None = None
    baseline_ppm: int | None = None
    baseline: int | None = None


def _rates(weighed: Weighing) -> _Rates:
    folded = weighed.folds.get(SignalId.CRASHED_SESSIONS) or weighed.folds.get(SignalId.FLOOR)
    if folded is None:
        return _Rates()
    total = folded.now.counted
    return _Rates(
        candidate_ppm=(total.n_c - total.k_c) * PPM_ALL // total.n_c if total.n_c else None,
        candidate=total.n_c,
        baseline_ppm=(total.n_b - total.k_b) * PPM_ALL // total.n_b if total.n_b else None,
        baseline=total.n_b or None,
    )


def blame(weighed: Weighing) -> str:
    """Which signal says so loudest, how much worse it is since when, and the rates."""
    signal = weighing.strongest(weighed)
    folded = weighed.folds.get(signal) if signal else None
    by = weighing.yardstick(weighed.run.terms, signal) if signal else None
    if signal is SignalId.RATINGS:
        return _stars_text(weighed)
    if signal is None or folded is None or by is None:
        return signal.words if signal else "no signal"
    found = course.best(folded, by)
    if found is None:
        return signal.words
    at = f", at {percent_text(stage)}" if (stage := _stage(weighed, found[1])) else ""
    since = f"since {found[1]:%a %Y-%m-%d %H:%M} UTC{at}"
    return f"{signal.words} {_times(folded, *found)} {since}; {rates_text(weighed)}"


def _stars_text(weighed: Weighing) -> str:
    stars, before = weighed.stars, weighed.run.terms.mu_base
    if stars is None or before is None:
        return SignalId.RATINGS.words
    return f"reviews give {stars_text(stars.mean_milli)} stars, n = {stars.total}; {before:.1f} before"


def _times(folded: Fold, g: float, since: datetime) -> str:
    """How much worse since then, as counted; where nothing crashes beside it, what explains the counts best."""
    count = sum(1 for row in folded.rows if row.start < since)
    point = ratio.point(ratio.weighed(folded)[sum(len(row.strata) for row in folded.rows[:count]) :])
    return f"x{point:.1f}" if point is not None else f"x{g:g} of what is tolerated"


def _stage(weighed: Weighing, at: datetime) -> int:
    """The exposure at that time, in ppm; 0 where no stage is known."""
    begun = [stage.ppm for stage in weighed.run.stages if hour_floor(stage.at) <= at]
    return begun[-1] if begun else 0


def rates_text(weighed: Weighing) -> str:
    """Both arms over the whole run, in percent with their counts, and the ratio of what crashed."""
    rates = _rates(weighed)
    arms = [
        f"{name} {percent_text(share // 100 * 100)} of {count:,}"
        for name, share, count in (
            ("crash-free sessions", rates.candidate_ppm, rates.candidate),
            ("beside it", rates.baseline_ppm, rates.baseline),
        )
        if share is not None
    ]
    folded = weighed.folds.get(SignalId.CRASHED_SESSIONS)
    point = ratio.point(ratio.weighed(folded)) if folded else None
    whole = f" (x{point:.2f} over the run)" if point is not None else ""
    return f"{', '.join(arms)}{whole}"


def odds_text(ln_e: float) -> str:
    """Evidence as people say it: "39 : 1", "0.4 : 1", "more than 1,000,000 : 1"."""
    odds = course.odds(ln_e)
    if odds > 1_000_000:
        return "more than 1,000,000 : 1"
    if odds >= 10:
        return f"{floor(odds):,} : 1"  # rounded down: what is not there yet is not shown as if it were
    return f"{floor(odds * 10) / 10:.1f} : 1"
