"""Two replicas of which one dies, and one is cut off in the middle of an act: the other one goes on, and nothing is done twice."""

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


@pytest.mark.promise("R3", "R13", "R14", "R15")
def test_whoever_is_cut_off_from_the_database_in_the_middle_of_an_act_raises_nothing_more(tells):
    cut = Trouble(5, "a", Kind.LINK, 1.2, (DATABASE,), Way.MUTE, answer=COMMIT)
    killed = Trouble(9, "b", Kind.KILLED, 1.0)
    found = tells(cut, killed)
    assert found.findings == ()
    assert len(found.taken_over) == 2
    assert found.counts["raises_by_a"] + found.counts["raises_by_b"] >= found.counts["raises_of_ours"] >= 3
    assert found.counts["halts_due"] >= 1
