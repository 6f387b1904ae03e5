"""What went live, was paused and let go on again before anybody looked: for whoever looks, it has just gone live."""

from __future__ import annotations

import pytest

from tests.judge.apple_story import AppleStory


@pytest.mark.promise("R10")
@pytest.mark.parametrize(("looked", "missed"), [(3.9, 0), (4.15, 1)])
def test_nobody_need_notice_what_was_undone_before_the_first_look_that_showed_it_live(looked, missed):
    told = AppleStory()
    told.looks(looked)
    told.person(4.1, "pause")
    told.person(4.2, "resume")
    told.looks(4.5)
    told.writes(4.5, "went_live", exposure_ppm=10_000)
    told.rests(4.5)
    told.ends("rolling_out")
    blamed = told.blamed()
    assert (blamed.get("console_acts_missed", 0) > 0) == bool(missed)
    assert ("console_acts_overridden" in blamed) == bool(missed)
