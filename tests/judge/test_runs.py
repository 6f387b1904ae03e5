"""When a release is watched afresh, by its journal."""

import pytest

from tests.judge.case import understand
from tests.judge.ledger import instant
from tests.judge.runs import is_halted, noted_runs
from tests.judge.story import Story, at, bad_release

HALTED = {"status": "halted", "review": "published"}


def _goes_on(story: Story) -> tuple[int, bool]:
    """How many runs there are once somebody has raised it in the console, and whether it still is under a halt."""
    story.writes(
        22, "drifted", meaning="raised", before={}, after={"status": "in_progress", "review": "published"}
    )
    case = understand(story.evidence())
    key = next(key for key in case.served if key.id == "5020")
    return len(noted_runs(case, key)), is_halted(case, key, instant(at(23)))


def _halting() -> Story:
    story = bad_release()
    story.writes(5, "went_live", exposure_ppm=10_000)
    story.decides(20.5, "HALT")
    return story


@pytest.mark.parametrize("proof", ["read back", "seen"])
def test_a_raise_in_the_console_takes_back_a_halt_that_the_store_has_shown(proof: str) -> None:
    story = _halting()
    if proof == "seen":
        story.writes(20.6, "seen", **HALTED)
    else:
        story.writes(20.6, "settled", verb="halt", settlement="confirmed")
    assert _goes_on(story) == (2, False)


def test_a_raise_in_the_console_does_not_take_back_a_halt_that_could_not_be_sent_yet() -> None:
    """The store was down: what is weighed next still is what it was to be halted for."""
    assert _goes_on(_halting()) == (1, True)


def test_nor_one_that_was_taken_back_before_and_is_wanted_anew() -> None:
    story = _halting()
    story.writes(20.6, "seen", **HALTED)
    story.decides(21, "HALT")
    assert _goes_on(story) == (1, True)


@pytest.mark.parametrize(
    ("meaning", "review", "told"),
    [
        ("halted", "published", (2, False)),
        ("halted", "in_review", (1, True)),
        ("lowered", "published", (2, False)),
    ],
)
def test_a_person_s_own_halt_is_taken_back_unless_a_review_still_holds_it_back(meaning, review, told) -> None:
    story = bad_release()
    story.writes(5, "went_live", exposure_ppm=10_000)
    story.writes(20.5, "drifted", meaning=meaning, before={}, after=HALTED | {"review": review})
    assert _goes_on(story) == told
