"""What people write, judged: two looks, two findings, and silence that neither raises nor stops anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core import facts, news
from stagedrollout.core.assessment import Assessment
from stagedrollout.core.gates import RatingGate, Role
from stagedrollout.core.judgement import Judgement, Reason, Suspicion, Verdict
from stagedrollout.core.observation import (
    Gap,
    Opinion,
    Reading,
    Review,
    Reviews,
    Stars,
    StoreAverage,
    Unheard,
)
from stagedrollout.core.opinion import advice, judge, stars_text
from stagedrollout.core.telling import evidence
from tests.core.builders import DAY, HOUR, NOON, circumstances, rolling, with_facts
from tests.core.builders import gate as crash_gate

HAPPY = (2, 1, 4, 20, 53)  # 80 reviews, 4.5 stars
ANGRY = (35, 8, 6, 4, 8)  # 61 reviews, 2.0 stars, 57 % one star
MEDIOCRE = (10, 8, 15, 10, 18)  # 61 reviews, 3.3 stars, 16 % one star
FEW = (30, 2, 0, 0, 5)  # 37 reviews: three too few


def gate(**terms: Any) -> RatingGate:
    return RatingGate(**terms)


def reviews(
    candidate: tuple[int, ...] = HAPPY,
    baseline: tuple[int, ...] | None = HAPPY,
    *,
    at: datetime = NOON,
    lowest: tuple[Review, ...] = (),
    **terms: Any,
) -> Reviews:
    before = None if baseline is None else Stars(baseline)
    name = "" if baseline is None else "5.1.0"
    reading = Reviews("play", Stars(candidate), before, lowest, NOON - 2 * DAY, at, name)
    return replace(reading, **terms)


def unheard(gap: Gap = Gap.FAILED, opinion: Opinion = Opinion.REVIEWS) -> Unheard:
    return Unheard("play", opinion, gap, "no answer in time")


def suspected(count: int = 1, at: datetime = NOON - HOUR) -> tuple[Suspicion, ...]:
    return (Suspicion("reviews", count, at),)


def verdict(*readings: Reading, by: RatingGate | None = None, **terms: Any) -> Verdict:
    return judged(*readings, by=by, **terms)[0].verdict


def judged(
    *readings: Reading, by: RatingGate | None = None, **terms: Any
) -> tuple[Judgement, Suspicion | None]:
    return judge(by or gate(), readings, circumstances(**terms))


# -- the seven verdicts ----------------------------------------------------------------------------


def test_reviews_as_good_as_before_pass() -> None:
    found, suspicion = judged(reviews())
    assert (found.verdict, suspicion) == (Verdict.PASS, None)
    assert found.reason.text == "reviews 4.5 stars, level with 5.1.0 (4.5), 2.5 % one star, n = 80"


def test_reviews_better_than_before_are_told_as_better() -> None:
    found, _ = judged(reviews(HAPPY, MEDIOCRE))
    assert found.reason.text.startswith("reviews 4.5 stars, 1.2 above 5.1.0 (3.3)")


def test_a_few_reviews_say_nothing_however_bad_they_are() -> None:
    found, _ = judged(reviews((4, 0, 0, 0, 0)))
    assert (found.verdict, found.reason.text) == (Verdict.INSUFFICIENT, "reviews: 4 of 40 needed")
    assert verdict(reviews((39, 0, 0, 0, 0))) is Verdict.INSUFFICIENT
    assert verdict(reviews((40, 0, 0, 0, 0))) is Verdict.CONTRADICTORY
    assert verdict(reviews((0, 0, 0, 0, 40))) is Verdict.PASS


def test_angry_reviews_are_suspected_first_and_fail_when_a_second_look_finds_them() -> None:
    found, suspicion = judged(reviews(ANGRY))
    assert (found.verdict, suspicion) == (Verdict.CONTRADICTORY, Suspicion("reviews", 1, NOON, 61))
    assert found.reason.text == (
        "reviews 2.0 stars, 2.5 below 5.1.0 (4.5), 57.3 % one star, n = 61:"
        " more than 0.8 stars lost and more than 50 % one star; seen in 1 of 2 looks"
    )
    found, suspicion = judged(reviews(ANGRY), suspicions=suspected())
    assert (found.verdict, suspicion) == (Verdict.FAIL, Suspicion("reviews", 2, NOON, 61))
    assert found.reason.text.endswith("n = 61: more than 0.8 stars lost and more than 50 % one star")


def test_old_reviews_are_stale_however_good_they_look() -> None:
    assert verdict(reviews(at=NOON - 6 * HOUR)) is Verdict.PASS
    assert verdict(reviews(at=NOON - 7 * HOUR)) is Verdict.STALE
    assert verdict(reviews((0, 0, 0, 0, 0), at=NOON - 7 * HOUR)) is Verdict.STALE


def test_old_news_of_a_disaster_is_still_news() -> None:
    assert verdict(reviews(ANGRY, at=NOON - 7 * HOUR)) is Verdict.CONTRADICTORY


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (Gap.FAILED, Verdict.ERROR),
        (Gap.ABSENT, Verdict.MISSING),
        (Gap.IMPLAUSIBLE, Verdict.CONTRADICTORY),
    ],
)
def test_reviews_that_could_not_be_read_are_an_error_or_missing_and_never_a_pass(
    gap: Gap, expected: Verdict
) -> None:
    found, _ = judged(unheard(gap))
    assert (found.verdict, found.reason.text) == (expected, "reviews: no answer in time")


def test_a_gate_that_nobody_reads_is_missing() -> None:
    assert verdict() is Verdict.MISSING
    assert verdict(unheard(opinion=Opinion.AVERAGE)) is Verdict.MISSING


# -- the two findings ------------------------------------------------------------------------------


def test_a_drop_is_found_although_hardly_anybody_gave_one_star() -> None:
    found, _ = judged(reviews(MEDIOCRE))
    assert found.verdict is Verdict.CONTRADICTORY
    assert "more than 0.8 stars lost;" in found.reason.text


def test_one_star_from_most_is_found_although_there_is_nothing_to_compare_with() -> None:
    for before in (None, (0, 0, 0, 0, 39)):
        found, _ = judged(reviews(ANGRY, before))
        assert found.verdict is Verdict.CONTRADICTORY
        assert ": more than 50 % one star;" in found.reason.text


def test_without_an_earlier_release_only_one_star_speaks_and_the_words_say_so() -> None:
    found, _ = judged(reviews(MEDIOCRE, None))
    assert found.verdict is Verdict.PASS
    assert "no earlier release to compare with" in found.reason.text
    found, _ = judged(reviews(MEDIOCRE, (0, 0, 0, 0, 39)))
    assert found.verdict is Verdict.PASS
    assert "5.1.0 has too few to compare with (39 of 40)" in found.reason.text


def test_boundaries_are_exact() -> None:
    """4.5 against 3.7 is a drop of 0.8 and no more; one star less among ten thousand is more."""
    before, edge = (0, 0, 0, 5_000, 5_000), (0, 0, 3_000, 7_000, 0)
    assert verdict(reviews(edge, before)) is Verdict.PASS
    assert verdict(reviews((0, 1, 2_999, 7_000, 0), before)) is Verdict.CONTRADICTORY
    assert verdict(reviews((50, 0, 0, 0, 50), None)) is Verdict.PASS
    assert verdict(reviews((5_001, 0, 0, 0, 4_999), None)) is Verdict.CONTRADICTORY


def test_a_drop_whose_means_round_to_the_same_thousandth_is_still_told_apart() -> None:
    before = (0, 0, 0, 0, 1_000_000)
    assert verdict(reviews((0, 0, 0, 799_999, 200_001), before)) is Verdict.PASS
    by = gate(drop=Decimal("0.8"))
    assert verdict(reviews((0, 0, 0, 800_000, 200_000), before), by=by) is Verdict.PASS
    assert verdict(reviews((0, 0, 1, 799_999, 200_000), before), by=by) is Verdict.CONTRADICTORY


# -- confirmation ----------------------------------------------------------------------------------


def test_the_same_reading_shown_again_is_no_second_look() -> None:
    """Reviews are read once an hour and the daemon looks four times as often."""
    once = suspected(at=NOON - timedelta(minutes=15))
    found, suspicion = judged(reviews(ANGRY, at=NOON - timedelta(minutes=15)), suspicions=once)
    assert (found.verdict, suspicion) == (Verdict.CONTRADICTORY, once[0])


def test_a_daemon_that_starts_anew_and_asks_again_gives_no_second_opinion() -> None:
    once = suspected(at=NOON - timedelta(minutes=29))
    found, suspicion = judged(reviews(ANGRY), suspicions=once)
    assert (found.verdict, suspicion) == (Verdict.CONTRADICTORY, once[0])
    assert verdict(reviews(ANGRY), suspicions=suspected(at=NOON - timedelta(minutes=30))) is Verdict.FAIL


def on(total: int = 61, newest: datetime | None = NOON - 3 * HOUR, at: datetime = NOON - HOUR) -> Suspicion:
    """Suspected once, on so many reviews of which the newest is from then."""
    return Suspicion("reviews", 1, at, total, newest)


def test_the_same_reviews_an_hour_later_are_no_second_look() -> None:
    reading = reviews(ANGRY, newest=NOON - 3 * HOUR)
    found, suspicion = judged(reading, suspicions=(on(),))
    assert (found.verdict, suspicion) == (Verdict.CONTRADICTORY, on())
    assert "seen in 1 of 2 looks" in found.reason.text
    assert verdict(replace(reading, newest=None), suspicions=(on(newest=None),)) is Verdict.CONTRADICTORY


def test_reviews_that_only_grew_old_are_no_news() -> None:
    reading = reviews((34, 8, 6, 4, 8), newest=NOON - 3 * HOUR)
    assert judged(reading, suspicions=(on(),))[1] == on()


@pytest.mark.parametrize(
    ("before", "news"),
    [
        (on(total=60), "one more, written before the newest: stores show them late"),
        (on(newest=NOON - 4 * HOUR), "a newer one on a full page, or one that was rewritten"),
        (on(total=90, newest=None), "a newer one where none was known"),
        (Suspicion("reviews", 1, NOON - HOUR), "a journal from before that was written down"),
    ],
)
def test_one_new_review_makes_a_second_look(before: Suspicion, news: str) -> None:
    found, suspicion = judged(reviews(ANGRY, newest=NOON - 3 * HOUR), suspicions=(before,))
    assert (found.verdict, suspicion) == (Verdict.FAIL, Suspicion("reviews", 2, NOON, 61, NOON - 3 * HOUR)), (
        news
    )


def test_a_breach_that_nobody_adds_to_goes_on_being_suspected() -> None:
    """Else an outage after a quiet day would raise what the last look still found bad."""
    reading, suspicion = reviews(ANGRY, newest=NOON - DAY), on(newest=NOON - DAY, at=NOON - 23 * HOUR)
    for hours_ago in range(22, -1, -1):
        at = NOON - hours_ago * HOUR
        found, after = judged(replace(reading, as_of=at), now=at, suspicions=(suspicion,))
        assert (found.verdict, after is not None) == (Verdict.CONTRADICTORY, True)
        suspicion = after or suspicion
    assert suspicion.count == 1
    assert verdict(unheard(), now=NOON + 3 * HOUR, suspicions=(suspicion,)) is Verdict.CONTRADICTORY


def test_a_clock_that_steps_back_counts_nothing_twice() -> None:
    assert judged(reviews(ANGRY), suspicions=suspected(at=NOON + DAY))[1] == suspected(at=NOON)[0]


AHEAD = st.timedeltas(timedelta(minutes=1), timedelta(days=40))


@pytest.mark.promise("R3")
@given(AHEAD)
def test_what_a_clock_that_was_ahead_has_counted_is_confirmed_by_the_next_look_that_brings_news(
    ahead: timedelta,
) -> None:
    first = on(at=NOON + ahead)
    _, known = judged(reviews(ANGRY), suspicions=(first,))
    assert known == replace(first, counted_at=NOON)
    later = NOON + HOUR
    found, _ = judged(reviews(ANGRY, at=later, newest=NOON), now=later, suspicions=(known,))
    assert found.verdict is Verdict.FAIL


@given(AHEAD, st.sampled_from([unheard(), unheard(Gap.ABSENT), reviews(FEW), reviews(cut_short=True)]))
def test_what_a_clock_that_was_ahead_has_counted_holds_for_no_longer_than_what_was_counted_now(
    ahead: timedelta, reading: Reading
) -> None:
    found, known = judged(reading, suspicions=suspected(at=NOON + ahead))
    assert (found.verdict, known) == (Verdict.CONTRADICTORY, suspected(at=NOON)[0])
    assert "a look 0s ago" in found.reason.text


def test_suspicion_is_counted_up_to_what_the_gate_needs_and_no_further() -> None:
    found, suspicion = judged(reviews(ANGRY), suspicions=suspected(2))
    assert (found.verdict, suspicion) == (Verdict.FAIL, suspected(2)[0])
    found, suspicion = judged(reviews(ANGRY), suspicions=suspected(2, at=NOON - 3 * HOUR))
    assert (found.verdict, suspicion) == (Verdict.FAIL, suspected(2, at=NOON)[0])


def test_a_gate_that_needs_no_confirmation_fails_at_once() -> None:
    assert verdict(reviews(ANGRY), by=gate(confirm=1)) is Verdict.FAIL


def test_a_new_look_without_a_breach_clears_suspicion() -> None:
    assert judged(reviews(), suspicions=suspected()) == judged(reviews())
    assert judged(reviews())[1] is None


@pytest.mark.parametrize("reading", [unheard(), unheard(Gap.ABSENT), reviews(at=NOON - 7 * HOUR)])
def test_not_hearing_neither_confirms_nor_clears(reading: Reading) -> None:
    for at in (NOON - HOUR, NOON - 2 * DAY):
        assert judged(reading, suspicions=suspected(at=at))[1] == suspected(at=at)[0]


def test_an_outage_does_not_raise_what_the_reviews_had_just_held() -> None:
    for silence in ((), (unheard(),), (unheard(Gap.ABSENT),)):
        found, _ = judged(*silence, suspicions=suspected())
        assert (found.verdict, found.reason.code) == (Verdict.CONTRADICTORY, "suspected")
        assert "a look 1h ago found too many bad ones (1 of 2 looks)" in found.reason.text


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (reviews(FEW, cut_short=True), "37 of 40 needed; not all of them could be read; a look 1h ago"),
        (reviews(cut_short=True), "n = 80; not all of them could be read; a look 1h ago found"),
        (reviews(FEW), "reviews: 37 of 40 needed; a look 1h ago found too many bad ones (1 of 2 looks)"),
        (reviews(at=NOON - 7 * HOUR), "reviews are 7h old, 6h at most; a look 1h ago found"),
    ],
)
def test_hearing_a_part_of_the_reviews_does_not_raise_what_all_of_them_had_just_held(
    reading: Reviews, words: str
) -> None:
    """A slow store shows its first page only, and that may well be the friendly one."""
    found, suspicion = judged(reading, suspicions=suspected())
    assert (found.verdict, found.reason.code) == (Verdict.CONTRADICTORY, "suspected")
    assert words in found.reason.text
    assert suspicion == suspected()[0]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (reviews(FEW, cut_short=True), Verdict.INSUFFICIENT),
        (reviews(FEW), Verdict.INSUFFICIENT),
        (reviews(cut_short=True), Verdict.PASS),
    ],
)
def test_a_part_of_the_reviews_holds_nothing_for_ever(reading: Reviews, expected: Verdict) -> None:
    """A store with more reviews than are ever read shows a part of them at every look."""
    long_ago = suspected(at=NOON - 6 * HOUR - timedelta(minutes=1))
    found, suspicion = judged(reading, suspicions=long_ago)
    assert (found.verdict, suspicion) == (expected, None)
    assert verdict(reading) is expected


def test_a_part_of_the_reviews_that_is_bad_enough_counts() -> None:
    assert verdict(reviews(ANGRY, cut_short=True), suspicions=suspected()) is Verdict.FAIL


def test_an_earlier_release_that_could_not_be_read_is_told_as_that() -> None:
    found, _ = judged(reviews(MEDIOCRE, None, baseline_name="5.1.0", cut_short=True))
    assert "those of 5.1.0 could not be read" in found.reason.text


def test_what_was_suspected_long_ago_holds_nothing_when_nobody_hears_more() -> None:
    long_ago = suspected(at=NOON - 6 * HOUR - timedelta(minutes=1))
    assert verdict(unheard(), suspicions=long_ago) is Verdict.ERROR
    assert verdict(suspicions=long_ago) is Verdict.MISSING


# -- worse is never better -------------------------------------------------------------------------

counts = st.tuples(*[st.integers(0, 200)] * 5)


@pytest.mark.promise("R2")
@given(counts, st.none() | counts, st.integers(0, 4), st.integers(0, 4), st.integers(1, 30))
def test_worse_stars_never_give_a_better_verdict(
    candidate: tuple[int, ...], baseline: tuple[int, ...] | None, from_: int, to: int, moved: int
) -> None:
    """Some of those who gave more stars give fewer: the same number of reviews, and none of them better."""
    high, low = max(from_, to), min(from_, to)
    worse = list(candidate)
    moved = min(moved, worse[high])
    worse[high] -= moved
    worse[low] += moved
    before = verdict(reviews(candidate, baseline), suspicions=suspected())
    assert verdict(reviews(tuple(worse), baseline), suspicions=suspected()) >= before


@pytest.mark.promise("R2")
@given(counts, st.none() | counts, st.integers(1, 100))
def test_one_star_more_never_gives_a_better_verdict_once_there_are_enough(
    candidate: tuple[int, ...], baseline: tuple[int, ...] | None, more: int
) -> None:
    if sum(candidate) < 40:
        return
    before = verdict(reviews(candidate, baseline), suspicions=suspected())
    worse = (candidate[0] + more, *candidate[1:])
    assert verdict(reviews(worse, baseline), suspicions=suspected()) >= before


@pytest.mark.promise("R2")
@given(counts, counts, st.integers(0, 12))
def test_older_reviews_never_give_a_better_verdict(
    candidate: tuple[int, ...], baseline: tuple[int, ...], hours: int
) -> None:
    by = gate(confirm=1)
    fresh = verdict(reviews(candidate, baseline), by=by)
    older = verdict(reviews(candidate, baseline, at=NOON - hours * HOUR), by=by)
    assert older is fresh or older is Verdict.STALE > fresh


@given(counts, st.none() | counts, st.booleans())
def test_any_stars_end_in_a_verdict_with_words(
    candidate: tuple[int, ...], baseline: tuple[int, ...] | None, suspicious: bool
) -> None:
    found, _ = judged(reviews(candidate, baseline), suspicions=suspected() if suspicious else ())
    assert found.reason.text.startswith("reviews")
    assert found.reason.gate == "reviews"


# -- what is told ----------------------------------------------------------------------------------


def review(stars: int = 1, text: str = "crashes on start", number: int = 0) -> Review:
    return Review(f"r{number}", NOON - number * HOUR, stars, text)


def test_a_failing_gate_quotes_the_newest_low_reviews_bounded() -> None:
    low = (review(), review(2, "x" * 1_000), review(1, "one"), review(1, "two"))
    found, _ = judged(reviews(ANGRY, lowest=low))
    assert found.reason.quotes == ("1 star: crashes on start", "2 stars: " + "x" * 280, "1 star: one")
    assert judged(reviews(lowest=low))[0].reason.quotes == ()


def test_quotes_survive_the_journal_and_are_told_line_by_line() -> None:
    reason = judged(reviews(ANGRY, lowest=(review(), review(2, "<!channel> ☃"))))[0].reason
    fact = facts.Suspected("reviews", 1, NOON, reason)
    assert facts.read(facts.written(fact, NOON)) == fact
    told = {one.name: one.text for one in evidence((reason,))}
    assert told["Newest low reviews"] == "1 star: crashes on start\n2 stars: <!channel> ☃"
    assert told["Reviews"].startswith("2.0 stars, 2.5 below 5.1.0 (4.5)")


def test_what_was_counted_survives_the_journal_so_that_a_restart_brings_no_news() -> None:
    assessment = Assessment(*_found(judged(reviews(ANGRY, newest=NOON - HOUR))), 0)
    rollout = rolling()
    for fact in news.of_assessment(rollout, assessment):
        read = facts.read(facts.written(fact, NOON))
        rollout = with_facts(rollout, *((read,) if read else ()))
    assert rollout.suspicions == (Suspicion("reviews", 1, NOON, 61, NOON - HOUR),)
    assert news.of_assessment(rollout, assessment) == ()


def test_a_suspicion_that_is_renewed_is_written_down_again() -> None:
    reading = reviews(ANGRY, newest=NOON - DAY)
    before = on(newest=NOON - DAY, at=NOON - 3 * HOUR)
    rollout = replace(rolling(), suspicions=(before,))
    assessment = Assessment(*_found(judged(reading, suspicions=(before,))), 0)
    (fact,) = news.of_assessment(rollout, assessment)
    assert with_facts(rollout, fact).suspicions == (replace(before, counted_at=NOON),)


def _found(
    found: tuple[Judgement, Suspicion | None],
) -> tuple[tuple[Judgement, ...], tuple[Suspicion, ...]]:
    required = Judgement(crash_gate(), Verdict.PASS, Reason("pass", "fine"))
    return (required, found[0]), (found[1],) if found[1] else ()


def test_a_journal_from_before_suspicion_knew_its_reviews_is_read() -> None:
    entry = facts.written(facts.Suspected("reviews", 1, NOON, Reason("fail", "x"), 61, NOON), NOON)
    del entry.body["sample"], entry.body["newest"]
    read = facts.read(entry)
    assert isinstance(read, facts.Suspected)
    assert (read.sample, read.newest) == (0, None)


def test_a_journal_from_before_there_were_quotes_is_read() -> None:
    entry = facts.written(facts.Suspected("reviews", 1, NOON, Reason("fail", "x")), NOON)
    del entry.body["reason"]["quotes"]
    read = facts.read(entry)
    assert isinstance(read, facts.Suspected)
    assert read.reason.quotes == ()


def test_the_numbers_stand_beside_the_words() -> None:
    reason = judged(reviews(ANGRY))[0].reason
    assert (reason.value_ppm, reason.threshold_ppm) == (35 * 1_000_000 // 61, 500_000)
    assert (reason.sample, reason.sample_needed, reason.baseline_sample) == (61, 40, 80)
    assert reason.as_of == NOON


def test_a_storefront_average_is_told_as_advice_and_judged_by_nobody() -> None:
    average = StoreAverage("itunes", "de", "5.2.0", 4_659, 18_234, (40, 2_100), NOON)
    (reason,) = advice((reviews(ANGRY), average, unheard(opinion=Opinion.AVERAGE)))
    assert (reason.code, reason.as_of) == ("advisory", NOON)
    assert reason.text == ("average in DE 4.7 stars over all versions, n = 18234; the newest 40 gave 2.1")
    assert verdict(average) is Verdict.MISSING
    (alone,) = advice((StoreAverage("itunes", "de", "5.2.0", 4_659, 18_234, None, NOON),))
    assert alone.text.endswith("n = 18234")


@pytest.mark.parametrize(
    ("milli", "text"), [(1_000, "1.0"), (2_849, "2.8"), (2_850, "2.9"), (4_999, "5.0"), (5_000, "5.0")]
)
def test_stars_are_written_with_one_decimal(milli: int, text: str) -> None:
    assert stars_text(milli) == text


# -- the gate itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "terms",
    [
        {"min_reviews": 4},
        {"drop": Decimal(0)},
        {"drop": Decimal(4)},
        {"one_star": Decimal(0)},
        {"one_star": Decimal(100)},
        {"confirm": 0},
        {"confirm": 101},
        {"window": 8 * DAY},
        {"window": 23 * HOUR},
        {"freshness": HOUR},
    ],
)
def test_a_gate_that_could_not_work_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(terms))):
        gate(**terms)


def test_the_role_is_a_veto_unless_said_otherwise() -> None:
    assert gate().role is Role.VETO


@pytest.mark.parametrize("counts", [(1, 2, 3, 4), (1, 2, 3, 4, -1)])
def test_stars_that_cannot_be_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="five counts"):
        Stars(counts)
