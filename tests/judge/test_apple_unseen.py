"""What went live, was paused and let go on again before anybody looked: for whoever looks, it has just gone live."""

from __future__ import annotations

import pytest

from tests.judge.apple_doubt import untold
from tests.judge.apple_story import AppleStory
from tests.judge.case import understand


@pytest.mark.promise("R10")
@pytest.mark.parametrize(("looked", "unseen"), [(3.9, True), (4.15, False)])
def test_nobody_need_notice_what_was_undone_before_the_first_look_that_showed_it_live(looked, unseen):
    told = AppleStory()
    told.looks(looked)
    told.person(4.1, "pause")
    told.person(4.2, "resume")
    told.looks(4.5)
    case = understand(told.evidence())
    resumed = next(c for c in case.changes if c.kind == "step")
    assert untold(case, resumed) == unseen
