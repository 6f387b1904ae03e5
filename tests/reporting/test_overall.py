"""What is said of many releases: medians and sums, and hints only where the numbers carry them."""

from __future__ import annotations

from datetime import timedelta

from stagedrollout.core.hours import HOUR
from stagedrollout.core.model import CommandVerb
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.hints import hints
from stagedrollout.reporting.overall import Spread, overall
from stagedrollout.reporting.release import NoticesOfKind, Outcome
from tests.core.builders import ANNA, ppm
from tests.reporting.histories import BY_POLICY, History, bad, completed


def reports(*histories: History):
    return tuple(each.report() for each in histories)


def said(*histories: History) -> tuple[str, ...]:
    found = reports(*histories)
    return hints(found, overall(found))


def plain(percent: float = 10) -> History:
    """A day at one stage, then everyone."""
    return History().started(0, percent).waits(0.25).raised(24, 100)


def test_medians_ranges_and_sums_are_of_the_whole_selection():
    told = completed()
    told.notices = (NoticesOfKind("raised", 4, 1, waiting=1, failed=2),)
    whole = overall(reports(told, bad(), plain()))
    assert whole.hours_to_all == Spread(48, 24, 72, 2)
    assert (whole.halted, whole.halts, whole.machine_halts, whole.over) == (1, 1, 1, 3)
    assert whole.exposure_at_halt == Spread(ppm(10), ppm(10), ppm(10), 1)
    assert whole.to_halt == Spread(2, 2, 2, 1)
    assert (whole.outcomes[Outcome.COMPLETED], whole.outcomes[Outcome.HALTED]) == (2, 1)
    assert whole.hours[Cause.CLOSED_HOURS] == 12 * HOUR
    (why,) = whole.held
    assert (why.length, why.times) == (8 * HOUR, 2)
    assert (whole.undelivered, whole.notices) == (3, told.notices)


def test_nothing_at_all_has_no_median():
    whole = overall(())
    assert (whole.hours_to_all, whole.hours, whole.enough) == (None, {}, False)
    assert hints((), whole) == ()


def test_few_releases_say_nothing_about_a_policy():
    assert said(*[History().started(0).waits(1).raised(24, 100, BY_POLICY)] * 4) == ()


def test_releases_without_trouble_give_no_hint():
    assert said(*[plain()] * 6) == ()


def test_a_stage_that_mostly_ends_undecided_is_said_to_show_little():
    undecided = History().started(0).waits(1).raised(24, 10, BY_POLICY).waits(25).raised(48, 100)
    (hint,) = said(*[undecided] * 4, *[plain(1)] * 2)
    assert hint.startswith(
        "4 of 6 raises from 1 % were by policy, with inconclusive evidence: at your size 1 % "
    )
    assert "policy simulate" in hint


def test_what_most_releases_waited_for_longest_is_said_with_its_hours():
    slow = History().started(0).waits(1).waits(10, "window").raised(40, 100)
    (hint,) = said(*[slow] * 3, *[plain()] * 3)
    assert hint.startswith(
        "3 of 6 releases spent most of their time on the hours for raises (90 h of all, 47 %)"
    )


def test_halts_that_people_took_back_are_called_mistaken_only_with_an_if():
    back = bad().resumed(20, 10).waits(21).raised(44, 100)
    (hint,) = said(*[back] * 2, *[bad()] * 2, *[plain()] * 2)
    assert hint.startswith(
        "2 of 4 halts by the daemon were resumed by a person, and the release then reached 100 %: if"
    )


def test_late_and_slow_halts_are_each_told():
    late = History().started(0, 50).waits(1).halted(30, confirmed=1)
    first, second = said(*[late] * 3, *[plain()] * 3)
    assert first.startswith("3 of 3 halts by the daemon came at 50 % or more")
    assert second.startswith("3 of 3 halts were not seen in the store within 10 minutes")


def test_a_halt_of_a_minute_ago_is_not_slow_yet():
    fresh = History().started(0).waits(1).halted(30, confirmed=None)
    found = (*reports(*[plain()] * 5), fresh.report(now=30.05))
    assert hints(found, overall(found)) == ()
    assert found[-1].hours[Cause.NOT_HALTED] == timedelta(minutes=3)


def test_people_who_raise_by_hand_all_the_time_are_told_so():
    hasty = History().started(0).waits(1).ordered(3, CommandVerb.ADVANCE, without_evidence=True)
    hasty.raised(3, 50, by=ANNA).waits(4).raised(28, 100)
    (hint,) = said(*[hasty] * 2, *[plain()] * 3)
    assert hint.startswith("people raised 2 of 5 releases by hand, 2 times without evidence:")
