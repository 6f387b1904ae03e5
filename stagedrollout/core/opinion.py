"""What people write of a release, judged: counts of stars in, a verdict out.

A plain gate with two findings, each only from `min_reviews` on: the mean fell by more than `drop` stars against
the release before it, or more than `one_star` percent gave one star. Both are exact in integers.

- Reviews are few, late and written by who cares to, so a breach must be found again by a look of its own;
  what was read once and is shown again by its signal is no second look.
- Not hearing neither confirms nor clears. A suspicion that a look has voiced outlives silence for `freshness`:
  else an outage of the reviews would raise what the reviews had just held (promise R2).
- Without enough reviews of an earlier release only the share of one star speaks, and the words say so.
"""

from __future__ import annotations

from datetime import timedelta

from stagedrollout.core.gates import RatingGate
from stagedrollout.core.judgement import Circumstances, Judgement, Reason, Suspicion, Verdict
from stagedrollout.core.observation import (
    LOWEST_MAX,
    TEXT_MAX,
    Gap,
    Opinion,
    Reading,
    Reviews,
    Stars,
    StoreAverage,
    Unheard,
)
from stagedrollout.core.units import PPM_ALL, duration_text, percent_text

OWN_LOOK = timedelta(minutes=30)
"""Half the hour between two looks: a daemon that was started anew asks again, and that is no second opinion."""


def judge(
    gate: RatingGate, readings: tuple[Reading, ...], seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    """The verdict on the reviews among `readings`, and the suspicion that stands after it."""
    heard = next((r for r in readings if isinstance(r, Reviews)), None)
    if heard is not None:
        return _heard(gate, heard, seen)
    unheard = next((r for r in readings if isinstance(r, Unheard) and r.opinion is Opinion.REVIEWS), None)
    return _silent(gate, unheard, seen)


def advice(readings: tuple[Reading, ...]) -> tuple[Reason, ...]:
    """The stores' own averages in words. They are of all versions together and late: they never decide."""
    return tuple(_average(reading) for reading in readings if isinstance(reading, StoreAverage))


def drops(gate: RatingGate, candidate: Stars, baseline: Stars | None) -> bool:
    """The mean is more than `drop` below the earlier release's, and both have reviews enough to say so."""
    if not _enough(gate, candidate) or baseline is None or not _enough(gate, baseline):
        return False
    lost = baseline.given * candidate.total - candidate.given * baseline.total
    return lost * 1_000 > gate.drop_milli * baseline.total * candidate.total


def one_star(gate: RatingGate, candidate: Stars) -> bool:
    """More than the tolerated share gave one star, among reviews enough to say so."""
    return _enough(gate, candidate) and candidate.counts[0] * PPM_ALL > gate.one_star_ppm * candidate.total


def _enough(gate: RatingGate, stars: Stars) -> bool:
    return stars.total >= gate.min_reviews


def _heard(gate: RatingGate, reading: Reviews, seen: Circumstances) -> tuple[Judgement, Suspicion | None]:
    if drops(gate, reading.candidate, reading.baseline) or one_star(gate, reading.candidate):
        return _breach(gate, reading, seen)
    age = seen.now - reading.as_of
    if age > gate.freshness:
        text = f"{gate.name} are {duration_text(age)} old, {duration_text(gate.freshness)} at most"
        return Judgement(gate, Verdict.STALE, _reason(gate, reading, "stale", text)), seen.suspicion(gate)
    if not _enough(gate, reading.candidate):
        text = f"{gate.name}: {reading.candidate.total} of {gate.min_reviews} needed"
        return Judgement(gate, Verdict.INSUFFICIENT, _reason(gate, reading, "sample", text)), None
    return Judgement(gate, Verdict.PASS, _reason(gate, reading, "pass", _numbers(gate, reading))), None


def _breach(gate: RatingGate, reading: Reviews, seen: Circumstances) -> tuple[Judgement, Suspicion]:
    suspicion = _counted(gate, reading, seen)
    found = _numbers(gate, reading) + ": " + " and ".join(_findings(gate, reading))
    if suspicion.count >= gate.confirm:
        return Judgement(gate, Verdict.FAIL, _reason(gate, reading, "fail", found, quoted=True)), suspicion
    text = f"{found}; seen in {suspicion.count} of {gate.confirm} looks"
    reason = _reason(gate, reading, "suspected", text, quoted=True)
    return Judgement(gate, Verdict.CONTRADICTORY, reason), suspicion


def _counted(gate: RatingGate, reading: Reviews, seen: Circumstances) -> Suspicion:
    """One more look found the breach, if this reading was asked for well after the last one counted."""
    before = seen.suspicion(gate)
    if before is None:
        return Suspicion(gate.name, 1, reading.as_of)
    if reading.as_of - before.counted_at < OWN_LOOK:
        return before
    return Suspicion(gate.name, min(before.count + 1, gate.confirm), reading.as_of)


def _silent(
    gate: RatingGate, reading: Unheard | None, seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    why = reading.why if reading else "no signal reads them"
    before = seen.suspicion(gate)
    if before is not None and seen.now - before.counted_at <= gate.freshness:
        text = (
            f"{gate.name}: {why}; the last look, {duration_text(seen.now - before.counted_at)} ago,"
            f" found too many bad ones ({before.count} of {gate.confirm} looks)"
        )
        return Judgement(gate, Verdict.CONTRADICTORY, Reason("suspected", text, gate.name)), before
    text = f"{gate.name}: {why}"
    match reading.gap if reading else Gap.ABSENT:
        case Gap.FAILED:
            return Judgement(gate, Verdict.ERROR, Reason("error", text, gate.name)), before
        case Gap.IMPLAUSIBLE:
            return Judgement(gate, Verdict.CONTRADICTORY, Reason("implausible", text, gate.name)), before
        case Gap.ABSENT:
            return Judgement(gate, Verdict.MISSING, Reason("missing", text, gate.name)), before


def _reason(gate: RatingGate, reading: Reviews, code: str, text: str, *, quoted: bool = False) -> Reason:
    """The numbers beside the words: the share of one star against what is tolerated."""
    candidate, baseline = reading.candidate, reading.baseline
    return Reason(
        code=code,
        text=text,
        gate=gate.name,
        value_ppm=candidate.one_star_ppm if candidate.total else None,
        threshold_ppm=gate.one_star_ppm,
        sample=candidate.total,
        sample_needed=gate.min_reviews,
        baseline_sample=baseline.total if baseline else None,
        as_of=reading.as_of,
        quotes=_quotes(reading) if quoted else (),
    )


def _quotes(reading: Reviews) -> tuple[str, ...]:
    return tuple(
        f"{review.stars} star{'s' if review.stars > 1 else ''}: {review.text[:TEXT_MAX]}"
        for review in reading.lowest[:LOWEST_MAX]
    )


def _numbers(gate: RatingGate, reading: Reviews) -> str:
    """The finding as a sentence: the mean, how it compares, and how many gave one star. Needs reviews."""
    candidate = reading.candidate
    share = percent_text(candidate.one_star_ppm // 1_000 * 1_000)
    return (
        f"{gate.name} {stars_text(candidate.mean_milli)} stars, {_compared(gate, reading)},"
        f" {share} one star, n = {candidate.total}"
    )


def _compared(gate: RatingGate, reading: Reviews) -> str:
    baseline, name = reading.baseline, reading.baseline_name or "the release before"
    if baseline is None:
        return "no earlier release to compare with"
    if not _enough(gate, baseline):
        return f"{name} has too few to compare with ({baseline.total} of {gate.min_reviews})"
    lost = baseline.mean_milli - reading.candidate.mean_milli
    apart = stars_text(abs(lost))
    relation = "level with" if apart == "0.0" else f"{apart} {'below' if lost > 0 else 'above'}"
    return f"{relation} {name} ({stars_text(baseline.mean_milli)})"


def _findings(gate: RatingGate, reading: Reviews) -> tuple[str, ...]:
    found = []
    if drops(gate, reading.candidate, reading.baseline):
        found.append(f"more than {gate.drop} stars lost")
    if one_star(gate, reading.candidate):
        found.append(f"more than {percent_text(gate.one_star_ppm)} one star")
    return tuple(found)


def _average(reading: StoreAverage) -> Reason:
    text = (
        f"average in {reading.country.upper()} {stars_text(reading.mean_milli)} stars over all versions,"
        f" n = {reading.ratings}"
    )
    if reading.recent:
        count, mean_milli = reading.recent
        text += f"; the newest {count} gave {stars_text(mean_milli)}"
    return Reason("advisory", text, "store_average", sample=reading.ratings, as_of=reading.as_of)


def stars_text(milli: int) -> str:
    """Thousandths of a star as people read them: 2849 is "2.8", 4650 is "4.7"."""
    whole, tenth = divmod((milli + 50) // 100, 10)
    return f"{whole}.{tenth}"
