"""A journal that lost its end: who may say what of a change then, and how everybody is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.apple_story import AppleStory
from tests.judge.story import at
from tests.judge.verdict import judge

pytestmark = pytest.mark.promise("R17")

SETTLED = {"intent": "x", "verb": "pause"}


def _invented(told: AppleStory, lost: list[int]) -> bool:
    evidence = replace(told.evidence(), lost=lost, put_back=[{"run": 1, "from": at(5), "until": at(9)}])
    return any("said to be halted" in finding.text for finding in judge(evidence).findings)


@pytest.mark.parametrize(
    ("settlement", "invented"),
    [("in_doubt", False), ("confirmed", True)],
)
def test_an_outcome_in_doubt_is_no_look_that_showed_what_was_lost(settlement, invented):
    """The pause itself is lost; what became of it is written down after the failover, and then what the next look shows."""
    told = AppleStory()
    told.polls(4, 4.9)
    told.pauses(5)
    lost = [told.journal[-1]["seq"]]
    told.writes(5.01, "settled", settlement=settlement, **SETTLED)
    told.writes(5.02, "drifted", meaning="halted", before={}, after={}, untold=True)
    told.ends("halted")
    assert _invented(told, lost) == invented


@pytest.mark.parametrize("written_before", [False, True])
def test_what_was_kept_beside_the_database_is_known_from_when_it_is_written_down(written_before):
    """A pause while the database was away; it comes back without the whole rollout, which is found and told of first."""
    told = AppleStory()
    told.polls(4, 4.9)
    lost = [entry["seq"] for entry in told.journal]
    request = told.patches(5)
    told.turns(5, "PAUSED", request=request)
    kept = [("decided", {"decision": "HOLD", "verb": "pause", "intent": "x"}), ("seen", {"status": "paused"})]
    if written_before:
        for kind, body in kept:
            told.writes(5.01, kind, **body)
    told.writes(6, "drifted", meaning="halted", before={}, after={}, untold=True)
    if not written_before:
        for kind, body in kept:
            told.writes(5.01, kind, **body)
    told.ends("halted")
    assert _invented(told, lost) == written_before


@pytest.mark.parametrize(
    ("key", "broadcast", "untold"),
    [
        ("acme/app_store/5.2.0/held/{intent}", True, False),
        ("acme/app_store/5.2.0/held/{intent}", False, True),
        ("acme/app_store/5.2.0/held/another", True, True),
        ("acme/app_store/5.2.0/not_halted/2026-03-02/pause", True, True),
        ("acme/app_store/5.2.0/not_halted/2026-03-02/pause/journal_behind", True, False),
    ],
)
def test_of_a_pause_for_a_lost_journal_everybody_is_told_by_the_name_of_that_pause(key, broadcast, untold):
    told = AppleStory()
    told.polls(4, 4.9)
    told.does(5, "pause", "HOLD", because="journal_behind")
    key = key.format(intent=told.journal[-1]["body"]["intent"])
    told.notices.append({"key": key, "rollout": told.rollout, "kind": "held", "broadcast": broadcast})
    told.notices[-1] |= {"headline": "held", "state": "sent", "ts": None}
    told.tells(5.01, "held", broadcast=broadcast, key=key)
    told.ends("held")
    assert ("lost_journals_untold" in told.blamed()) == untold
