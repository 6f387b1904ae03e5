"""Two replicas of which one is cut off in the middle of an act: the other one goes on, and nothing is done twice."""

from __future__ import annotations

import pytest

from tests.replicas.links import Way
from tests.replicas.telling import Told, told
from tests.replicas.troubles import DATABASE, Kind, Trouble


@pytest.fixture
def tells(tmp_path, server):
    def tell(*troubles: Trouble) -> Told:
        return told(11, len(troubles), tmp_path, lambda *_: troubles)

    return tell


COMMIT = ("google_play", "edits.commit")


@pytest.mark.timeout(300)
@pytest.mark.promise("R3", "R13", "R14", "R15")
def test_whoever_is_cut_off_from_the_database_in_the_middle_of_an_act_raises_nothing_more(tells):
    cut = Trouble(4, "a", Kind.LINK, 1.5, (DATABASE,), Way.MUTE, answer=COMMIT)
    found = tells(cut)
    assert found.findings == ()
    assert len(found.taken_over) == 1
    assert found.counts["raises_by_a"] + found.counts["raises_by_b"] >= found.counts["raises_of_ours"] >= 3
    assert found.counts["halts_due"] >= 1
    assert found.counts["halts_in_trouble"] == 1
