"""What people write of a release, judged: counts of stars in, a verdict out.

A plain gate with two findings, each only from `min_reviews` on: the mean fell by more than `drop` stars against
the release before it, or more than `one_star` percent gave one star. Both are exact in integers.

- Reviews are few, late and written by who cares to, so a breach must be found again by a look of its own that
  brought news; what was read before and is shown again, by the signal or by the store, is no second look.
- Not hearing neither confirms nor clears. A suspicion that a look has voiced outlives silence for `freshness`:
  else an outage of the reviews would raise what the reviews had just held (promise R2). Hearing only a part of
  them, or too few of them, is no better.
- Without enough reviews of an earlier release only the share of one star speaks, and the words say so.
"""

from __future__ import annotations

from dataclasses import replace
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
    found = _harmless(gate, reading, seen)
    before = _suspected(gate, seen)
    if found.verdict is Verdict.PASS and not reading.cut_short:
        return found, None
    if before is not None and _stands(gate, before, seen):
        lost = "; not all of them could be read" if reading.cut_short else ""
        text = f"{found.reason.text}{lost}; {_last_found(gate, before, seen)}"
        reason = _reason(gate, reading, "suspected", text)
        return Judgement(gate, Verdict.CONTRADICTORY, reason), before
    return found, before if found.verdict is Verdict.STALE else None


def _harmless(gate: RatingGate, reading: Reviews, seen: Circumstances) -> Judgement:
    """What a reading without a breach comes to by itself."""
    age = seen.now - reading.as_of
    if age > gate.freshness:
        text = f"{gate.name} are {duration_text(age)} old, {duration_text(gate.freshness)} at most"
        return Judgement(gate, Verdict.STALE, _reason(gate, reading, "stale", text))
    if not _enough(gate, reading.candidate):
        text = f"{gate.name}: {reading.candidate.total} of {gate.min_reviews} needed"
        return Judgement(gate, Verdict.INSUFFICIENT, _reason(gate, reading, "sample", text))
    return Judgement(gate, Verdict.PASS, _reason(gate, reading, "pass", _numbers(gate, reading)))


def _suspected(gate: RatingGate, seen: Circumstances) -> Suspicion | None:
    """Counted by a clock that was ahead it would hold, and no other look count, until that time has come."""
    before = seen.suspicion(gate)
    return before.as_of(seen.now) if before else None


def _stands(gate: RatingGate, before: Suspicion, seen: Circumstances) -> bool:
    """Whether a suspicion is recent enough to hold by itself."""
    return seen.now - before.counted_at <= gate.freshness


def _last_found(gate: RatingGate, before: Suspicion, seen: Circumstances) -> str:
    ago = duration_text(seen.now - before.counted_at)
    return f"a look {ago} ago found too many bad ones ({before.count} of {gate.confirm} looks)"


def _breach(gate: RatingGate, reading: Reviews, seen: Circumstances) -> tuple[Judgement, Suspicion]:
    suspicion = _counted(gate, reading, seen)
    found = _numbers(gate, reading) + ": " + " and ".join(_findings(gate, reading))
    if suspicion.count >= gate.confirm:
        return Judgement(gate, Verdict.FAIL, _reason(gate, reading, "fail", found, quoted=True)), suspicion
    text = f"{found}; seen in {suspicion.count} of {gate.confirm} looks"
    reason = _reason(gate, reading, "suspected", text, quoted=True)
    return Judgement(gate, Verdict.CONTRADICTORY, reason), suspicion


def _counted(gate: RatingGate, reading: Reviews, seen: Circumstances) -> Suspicion:
    """One more look found the breach, if it was asked for well after the last one counted and brought news.

    Without news the suspicion is renewed before it would lapse: the breach is still there.
    """
    before = _suspected(gate, seen)
    count = before.count + 1 if before else 1
    looked = Suspicion(gate.name, count, reading.as_of, reading.candidate.total, reading.newest)
    if before is None:
        return looked
    age = reading.as_of - before.counted_at
    if age >= OWN_LOOK and before.count < gate.confirm and _is_news(before, reading):
        return looked
    return replace(before, counted_at=reading.as_of) if age >= gate.freshness / 2 else before


def _is_news(before: Suspicion, reading: Reviews) -> bool:
    """More reviews, or a newer one: a full page holds no more than before, and a rewritten one is not one more."""
    newer = reading.newest is not None and (before.newest is None or reading.newest > before.newest)
    return newer or reading.candidate.total > before.sample


def _silent(
    gate: RatingGate, reading: Unheard | None, seen: Circumstances
) -> tuple[Judgement, Suspicion | None]:
    why = reading.why if reading else "no signal reads them"
    before = _suspected(gate, seen)
    if before is not None and _stands(gate, before, seen):
        text = f"{gate.name}: {why}; {_last_found(gate, before, seen)}"
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
    if baseline is None and reading.baseline_name:
        return f"those of {name} could not be read"
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
