"""The ledger takes what can be right, keeps what was there, and shows when any of it was changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagedrollout.core.events import CHAIN_START
from stagedrollout.core.ledger import (
    Comparison,
    Counted,
    Ledger,
    LedgerQuery,
    Measure,
    Place,
    Refused,
    Revision,
    Taken,
    Tallied,
    Tally,
    chained,
    replayed,
    take,
)
from stagedrollout.core.model import Release

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRASHED = Measure.CRASHED
GOOD = Tally(1000, 5, 99_000, 495)

Written = dict[int, Tally]


def reading(written: Written, measure: Measure = CRASHED, refused: tuple[Refused, ...] = ()) -> Tallied:
    counted = tuple(Counted(Place(NOON + place * HOUR), tally) for place, tally in written.items())
    return Tallied("sentry", measure, counted, NOON + 9 * HOUR, refused)


def taken(*readings: Written, measure: Measure = CRASHED) -> Taken:
    """What the last of the readings, an hour apart, does to a new ledger."""
    last = Taken(Ledger("shop/google_play/5020"))
    for number, written in enumerate(readings):
        last = take(last.ledger, reading(written, measure), NOON + number * HOUR)
    return last


def held(last: Taken, measure: Measure = CRASHED) -> Written:
    return {(place.start - NOON) // HOUR: tally for place, tally in last.ledger.of(measure).items()}


# -- what is taken ---------------------------------------------------------------------------------


def test_the_newest_counts_of_a_bucket_are_held_and_every_revision_is_added() -> None:
    late = replace(GOOD, k_c=9)
    last = taken({0: GOOD, 1: GOOD}, {0: late, 1: GOOD, 2: GOOD})
    assert held(last) == {0: late, 1: GOOD, 2: GOOD}
    assert [(each.place.start, each.tally, each.read_at) for each in last.added] == [
        (NOON, late, NOON + HOUR),
        (NOON + 2 * HOUR, GOOD, NOON + HOUR),
    ]


def test_a_reading_without_news_adds_nothing() -> None:
    first, again = taken({0: GOOD}), taken({0: GOOD}, {0: GOOD})
    assert again.added == ()
    assert again.ledger == first.ledger


def test_buckets_that_a_later_reading_leaves_out_stay() -> None:
    assert held(taken({0: GOOD, 1: GOOD}, {1: GOOD})) == {0: GOOD, 1: GOOD}


def test_measures_are_kept_apart() -> None:
    first = taken({0: GOOD})
    both = take(first.ledger, reading({0: Tally(9, 1, 9, 1)}, Measure.ABNORMAL), NOON)
    assert held(both) == {0: GOOD}
    assert held(both, Measure.ABNORMAL) == {0: Tally(9, 1, 9, 1)}
    assert held(both, Measure.USERS) == {}


def test_what_a_candidate_crashed_too_often_is_kept_as_it_was_read() -> None:
    wild = Tally(10, 40, 990, 5)
    last = taken({0: wild})
    assert (held(last), last.refused) == ({0: wild}, ())
    assert wild.clamped
    assert not GOOD.clamped


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Tally(-1, 0, 9, 0), "a count below 0: candidate 0 of -1, baseline 0 of 9"),
        (Tally(9, -1, 9, 0), "a count below 0: candidate -1 of 9, baseline 0 of 9"),
        (Tally(9, 0, 9, -1), "a count below 0: candidate 0 of 9, baseline -1 of 9"),
        (
            Tally(9, 0, 9, 10),
            "more crashes than sessions in the baseline: candidate 0 of 9, baseline 10 of 9",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_and_the_last_good_counts_stay(wrong: Tally, words: str) -> None:
    last = taken({0: GOOD, 1: GOOD}, {0: GOOD, 1: wrong, 2: GOOD})
    assert held(last) == {0: GOOD, 1: GOOD, 2: GOOD}
    assert last.refused == (Refused(NOON + HOUR, words),)


def test_rows_that_were_no_numbers_are_told_on() -> None:
    odd = Refused(NOON, "sessions: NaN")
    assert take(Ledger("shop"), reading({0: GOOD}, refused=(odd,)), NOON).refused == (odd,)


def test_corrections_of_up_to_a_fifth_are_taken() -> None:
    less = Tally(800, 5, 79_200, 495)
    last = taken({0: GOOD, 1: GOOD}, {0: less, 1: less})
    assert (held(last), last.refused) == ({0: less, 1: less}, ())


def test_what_shrinks_by_more_is_refused_as_a_whole() -> None:
    """A list that was cut: what is new or has grown may be right, what has shrunk is not."""
    cut, grown = Tally(100, 0, 9900, 40), Tally(1100, 6, 99_000, 495)
    last = taken({0: GOOD, 1: GOOD, 2: GOOD}, {0: cut, 1: grown, 2: cut, 3: GOOD})
    assert held(last) == {0: GOOD, 1: grown, 2: GOOD, 3: GOOD}
    assert [refused.start for refused in last.refused] == [NOON]
    told = "candidate 1300 and baseline 118800 sessions, where it was 3000 and 297000 before, in the same 3 buckets"
    assert last.refused[0].why == told


def test_growth_elsewhere_does_not_hide_what_shrank_nor_the_other_way() -> None:
    """The total of what was seen of an arm decides: one small bucket that is corrected away is no bad data."""
    small = Tally(10, 0, 990, 5)
    last = taken({0: small, 1: GOOD}, {0: Tally(0, 0, 0, 0), 1: GOOD})
    assert (held(last)[0], last.refused) == (Tally(0, 0, 0, 0), ())


def test_one_unit_more_than_a_fifth_is_too_much() -> None:
    users = Tally(100, 0, 900, 0)
    fifth, more = Tally(100, 0, 720, 0), Tally(100, 0, 719, 0)
    assert taken({0: users}, {0: fifth}, measure=Measure.USERS).refused == ()
    refused = taken({0: users}, {0: more}, measure=Measure.USERS).refused
    told = "candidate 100 and baseline 719 users, where it was 100 and 900 before, in the same 1 buckets"
    assert [each.why for each in refused] == [told]


BEFORE = Tally(100, 90, 99_900, 495)
LEFT_OUT = "candidate 0 and baseline 99900 sessions, where it was 100 and 99900 before, in the same 1 buckets"


def test_an_answer_that_leaves_out_the_release_does_not_wipe_out_what_was_counted_of_it() -> None:
    """Few people have it yet: beside all the others, its sessions are far less than what corrections take."""
    last = taken({0: BEFORE}, {0: replace(BEFORE, n_c=0, k_c=0)})
    assert (held(last), [each.why for each in last.refused]) == ({0: BEFORE}, [LEFT_OUT])


def test_nor_does_one_that_leaves_out_what_it_is_compared_with() -> None:
    """Once most people have it."""
    most = Tally(99_900, 495, 100, 1)
    last = taken({0: most}, {0: replace(most, n_b=0, k_b=0)})
    assert (held(last), len(last.refused)) == ({0: most}, 1)


def test_new_hours_of_such_an_answer_do_not_say_that_the_release_has_gone_dark() -> None:
    """What is told of it there is taken all the same, for it may be what halts it."""
    cut = {0: replace(BEFORE, n_c=0, k_c=0), 1: replace(BEFORE, n_c=0, k_c=0), 2: replace(BEFORE, n_c=1)}
    assert held(taken({0: BEFORE}, cut)) == {0: BEFORE, 2: replace(BEFORE, n_c=1)}


def test_an_arm_that_is_whole_may_lose_what_corrections_take_in_an_answer_that_is_cut() -> None:
    """Only of the arm that shrank may a bucket lack nothing."""
    grown = Tally(101, 90, 99_000, 400)
    last = taken({0: BEFORE, 1: BEFORE}, {0: replace(BEFORE, n_c=1), 1: grown})
    assert held(last) == {0: BEFORE, 1: grown}


# -- the chain -------------------------------------------------------------------------------------

REVISION = Revision(CRASHED, Place(NOON, "DE"), GOOD, NOON + HOUR)


@pytest.mark.parametrize(
    "changed",
    [
        replace(REVISION, measure=Measure.ABNORMAL),
        replace(REVISION, place=Place(NOON + HOUR, "DE")),
        replace(REVISION, place=Place(NOON, "FR")),
        replace(REVISION, read_at=NOON),
        *(replace(REVISION, tally=replace(GOOD, **{name: 77})) for name in ("n_c", "k_c", "n_b", "k_b")),
    ],
    ids=["measure", "start", "stratum", "read_at", "n_c", "k_c", "n_b", "k_b"],
)
def test_whatever_is_changed_in_a_revision_shows(changed: Revision) -> None:
    assert chained(CHAIN_START, "shop", changed) != chained(CHAIN_START, "shop", REVISION)


def test_so_does_another_rollout_or_another_past() -> None:
    hashes = {
        chained(before, rollout, REVISION)
        for before in (CHAIN_START, "f" * 64)
        for rollout in ("shop", "bank")
    }
    assert len(hashes) == 4


def test_the_order_of_revisions_shows() -> None:
    other = replace(REVISION, place=Place(NOON + HOUR))
    assert replayed("shop", [REVISION, other]).head != replayed("shop", [other, REVISION]).head


@pytest.mark.promise("R16")
@given(
    readings=st.lists(
        st.dictionaries(
            st.integers(0, 5), st.builds(Tally, *[st.integers(-5, 2000)] * 4), min_size=1, max_size=5
        ),
        max_size=6,
    )
)
def test_the_same_ledger_comes_of_its_revisions(readings: list[Written]) -> None:
    ledger, revisions = Ledger("shop"), list[Revision]()
    for number, written in enumerate(readings):
        last = take(ledger, reading(written), NOON + number * HOUR)
        ledger, revisions = last.ledger, [*revisions, *last.added]
        assert replayed("shop", revisions) == ledger
        assert all(tally.k_b <= tally.n_b for tally in ledger.of(CRASHED).values())


def test_a_ledger_that_was_handed_out_does_not_change_afterwards() -> None:
    first = taken({0: GOOD}).ledger
    take(first, reading({0: replace(GOOD, k_c=9), 1: GOOD}), NOON)
    assert dict(first.of(CRASHED)) == {Place(NOON): GOOD}


# -- whom a bucket is compared with ----------------------------------------------------------------


def test_a_bucket_is_compared_with_the_releases_that_were_chosen_for_its_day() -> None:
    old, older = Release("5010", "5.1.0", "5010"), Release("5000", "5.0.0", "5000")
    comparisons = (Comparison(NOON, (old,)), Comparison(NOON + 24 * HOUR, (old, older)))
    query = LedgerQuery(Release("5020", "5.2.0", "5020"), comparisons, NOON, NOON + 48 * HOUR, users=True)
    asked = [query.compared_at(NOON + at * HOUR) for at in (-1, 0, 23, 24, 90)]
    assert asked == [(old,), (old,), (old,), (old, older), (old, older)]
    assert replace(query, comparisons=()).compared_at(NOON) == ()
