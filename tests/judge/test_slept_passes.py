"""A pass reads its clock once: where its process stood still before it asked, it counts by the time at which it began."""

from collections.abc import Mapping

import pytest

from tests.judge.case import understand
from tests.judge.evidence_story import AppleAsking, Asking, crashes
from tests.judge.ledger import instant
from tests.judge.signals import Word
from tests.judge.story import at
from tests.judge.test_compared import Comparing
from tests.judge.weighing import WHOLE, Look, looks

BEGAN, WOKE = 9.003, 10.5
"""Between the two one more hour settles, and by that it is safe."""


def _slept(*, still: bool) -> AppleAsking:
    """The last pass had looked at the store before it stood still, and asks for counts when it goes on."""
    story = AppleAsking()
    story.polls(4, 4)
    story.pauses(4)
    story.polls(4.5, 8.5)
    story.looks(BEGAN - 0.002)
    if still:
        story.stands_still(BEGAN, WOKE)
    else:
        story.looks(WOKE)
    story.asks_for_counts(WOKE + 0.002)
    story.ends("rolling_out")
    return story


def _last(story: Asking) -> Look:
    case = understand(story.evidence())
    return looks(case, next(key for key in case.served if key.id in ("5020", "5.2.0")))[-1]


@pytest.mark.parametrize(
    ("still", "settled_by", "blamed"),
    [(True, BEGAN, 0), (True, WOKE, 1), (False, WOKE, 0), (False, BEGAN, 1)],
)
def test_an_hour_that_settled_while_a_pass_slept_does_not_make_it_safer(still, settled_by, blamed):
    """Seed 9174: it was begun before an hour had settled, and asked long after."""
    story = _slept(still=still)
    (known,) = _last(_slept(still=still)).numbers[:1]
    signals = [{"signal": name, "ln_e": ln_e} for name, ln_e in known.ln_e.items()]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": known.advance(instant(at(settled_by)))}
    story.writes(BEGAN if still else WOKE, "decided", decision="WAIT", intent="", weighed=told)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(("still", "words"), [(True, {Word.PASS, Word.INSUFFICIENT}), (False, {Word.PASS})])
def test_who_slept_while_an_hour_settled_may_pause_for_too_little(still, words):
    """It may not be said to have paused for nothing."""
    assert _last(_slept(still=still)).words[WHOLE] == words


@pytest.mark.parametrize(
    ("began", "still", "same"), [(9.5, True, True), (9.5, False, False), (10.5, True, False)]
)
def test_who_slept_before_he_asked_what_people_use_compares_from_the_hour_on_in_which_he_began(
    began, still, same
):
    """Nobody uses 5.0.0 any more, and 5.2.0 is compared with 5.1.0 alone from 9 o'clock on, or from 10."""
    assert (_weighed(began, asked=10.502, still=still) == _weighed(9.5, asked=9.502, still=False)) == same


def _weighed(began: float, *, asked: float, still: bool) -> Mapping[str, float]:
    story = Comparing()
    crashes(story, 5, 0.02)
    story.asks_what_people_use(4)
    story.polls(4.5, 8.5)
    if still:
        story.stands_still(9.5, 10.5)
    story.asks_what_people_use(asked, old=9_900)
    story.writes(began, "compared", baseline=[{"id": "5010"}], since=at(int(began)))
    story.polls(11, 12)
    story.ends("rolling_out", 10_000)
    return _last(story).numbers[0].ln_e
