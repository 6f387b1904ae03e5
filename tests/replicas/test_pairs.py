"""Two replicas of which one is cut off in the middle of an act: the other one goes on, and nothing is done twice."""

from __future__ import annotations

from contextlib import closing
from random import Random

import pytest

from tests.processes.tale import tale
from tests.replicas import server as servers
from tests.replicas.links import Way
from tests.replicas.pair import Pair, until
from tests.replicas.telling import PATIENCE_SECONDS, Told, told
from tests.replicas.troubles import DATABASE, NAMES, SLACK, STORES, Kind, Trouble


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


@pytest.mark.timeout(300)
@pytest.mark.promise("R3", "R14")
def test_the_apps_of_one_that_reaches_no_store_are_looked_at_by_the_other_one(tmp_path, server):
    story = {**tale(Random("cut off from the stores")).story, "until": "8h"}
    with servers.opened() as opened, closing(Pair(tmp_path, story, opened)) as pair:
        pair.stops_at("0m")
        for name in NAMES:
            pair.starts(name).says("watching", within=PATIENCE_SECONDS)
        pair.comes_to("2h", within=PATIENCE_SECONDS)
        pair.is_well(within=PATIENCE_SECONDS)
        held, number = pair.held_by("a"), pair.number()
        assert held
        pair.is_as_good_as_dead()
        pair.becomes("a", (STORES,), Way.RESETS)
        pair.stops_at("3h5m")
        within = 2 * PATIENCE_SECONDS / 3
        assert until(lambda: pair.looks_at({"b"}, held, number), within) is not None, "the other one looks"
        assert pair.held_by("a") == set()
        cut_off = pair.status()["replicas_cut_off"]
        assert "cannot reach Google Play" in cut_off
        assert "cannot reach the App Store" in cut_off
        pair.becomes("a", (STORES,), Way.OPEN)
        pair.comes_to("5h", within=PATIENCE_SECONDS)
        assert until(lambda: bool(pair.held_by("a")), PATIENCE_SECONDS) is not None, "it has its share again"
        pair.ends_well(within=PATIENCE_SECONDS)
        assert pair.judged().findings == []


@pytest.mark.timeout(300)
@pytest.mark.promise("R20", "R14")
def test_when_slack_does_not_answer_the_one_that_tells_people_the_other_one_tells_them(tmp_path, server):
    story = {**tale(Random("cut off from Slack")).story, "until": "6h"}
    with servers.opened() as opened, closing(Pair(tmp_path, story, opened)) as pair:
        pair.stops_at("0m")
        for name in NAMES:
            pair.starts(name).says("watching", within=PATIENCE_SECONDS)
        pair.is_well(within=PATIENCE_SECONDS)
        teller = pair.tells_people()
        assert teller in NAMES
        pair.becomes(teller, (SLACK,), Way.RESETS)
        pair.comes_to("4h", within=PATIENCE_SECONDS)
        told = until(lambda: pair.tells_people() not in ("", teller), PATIENCE_SECONDS)
        assert told is not None, "the other one tells people"
        assert pair.messages(), "and has told them"
        pair.becomes(teller, (SLACK,), Way.OPEN)
        pair.ends_well(within=PATIENCE_SECONDS)
        assert pair.judged().findings == []
