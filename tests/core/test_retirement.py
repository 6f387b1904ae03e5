"""Which rollouts may leave the journal: each thing that keeps one, alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.fold import fold
from stagedrollout.core.ledger import Comparison
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import ReleaseStatus, Store
from stagedrollout.core.retirement import kept_because
from tests.core.builders import COMPLETED, DAY, DRAFT, NOON, STAGED, intent, seen, with_facts
from tests.reporting.histories import History, bad, completed

ENDED, BEFORE = NOON + 10 * DAY, NOON + 100 * DAY


def of(history: History) -> Rollout:
    rollout = fold(history.key, tuple(history.told))
    assert rollout is not None
    return rollout


OVER = of(completed("5.2.0").at(170, facts.Closed()))
NEWER = of(completed("5.3.0"))
GOES_ON = of(History("5.4.0").started(0))
GONE = facts.Superseded("5.3.0", None, facts.NOWHERE)


def why(
    rollout: Rollout = OVER,
    *others: Rollout,
    last: facts.Superseded | None = None,
    ended: datetime = ENDED,
) -> str:
    return kept_because(rollout, last, ended, BEFORE, others or (NEWER,))


def test_what_is_over_and_followed_by_one_that_everybody_has_may_leave() -> None:
    assert why() == ""
    assert why(OVER, NEWER, GOES_ON) == ""


def test_what_goes_on_stays_and_what_was_over_only_then() -> None:
    assert why(NEWER, of(completed("5.5.0"))) == "it goes on"
    assert why(ended=BEFORE) == "it was over for no longer than that"
    assert why(ended=BEFORE - DAY) == ""


@pytest.mark.promise("R9")
def test_a_halt_stays_until_a_person_takes_it_back_also_of_what_was_superseded() -> None:
    halted = with_facts(of(bad("5.2.0")), GONE)
    assert halted.finished
    assert why(halted, last=GONE).startswith("it is halted")
    known_bad = replace(halted, halt=None, known_bad=halted.halt)
    assert why(known_bad, last=GONE).startswith("it is halted")
    assert why(replace(known_bad, known_bad=None), last=GONE) == ""


def test_a_change_on_its_way_keeps_it() -> None:
    assert why(with_facts(OVER, intent())) == "a change of it is on its way"


@pytest.mark.parametrize(
    ("shown", "after", "stays"),
    [
        (STAGED, facts.NOWHERE, False),
        (STAGED, seen(COMPLETED), False),
        (STAGED, seen(ReleaseStatus.WITHDRAWN), False),
        (STAGED, seen(STAGED, 10), True),
        (DRAFT, seen(DRAFT), True),
        (STAGED, None, True),
        (COMPLETED, None, False),
    ],
)
def test_what_the_store_may_list_as_if_it_were_new_stays(shown: Any, after: Any, stays: bool) -> None:
    last = facts.Superseded("5.3.0", None, after)
    rollout = replace(with_facts(OVER, last), seen=seen(shown, 10))
    assert (why(rollout, last=last) == "the store may show it again") == stays


def test_what_is_closed_and_no_longer_listed_may_leave() -> None:
    assert why(replace(OVER, seen=None)) == "the store may show it again"
    assert why(replace(OVER, seen=None, gone=True)) == ""


@pytest.mark.parametrize(
    "other",
    [
        of(completed("5.1.0")),
        GOES_ON,
        replace(NEWER, key=replace(NEWER.key, store=Store.APP_STORE)),
        replace(NEWER, known_bad=of(bad()).halt),
    ],
)
def test_the_newest_that_everybody_has_stays(other: Rollout) -> None:
    """Not followed by an older one, by one that goes on or is bad, nor by one of the other store."""
    assert why(OVER, other) == "no newer release has reached everybody"


def test_what_others_are_compared_with_stays_while_they_go_on() -> None:
    needs = "what goes on is compared with it, or linked to it"
    by_baseline = replace(GOES_ON, baseline=(OVER.release,))
    by_comparison = replace(GOES_ON, comparisons=(Comparison(NOON, (OVER.release,)),))
    for other in (by_baseline, by_comparison):
        assert why(OVER, NEWER, other) == needs
        assert why(OVER, NEWER, replace(other, closed=True)) == ""


def test_the_same_version_on_the_other_store_keeps_it_while_it_goes_on() -> None:
    other = of(History("5.2.0", store=Store.APP_STORE).started(0))
    assert why(OVER, NEWER, other) == "what goes on is compared with it, or linked to it"
    assert why(OVER, NEWER, replace(other, closed=True)) == ""
