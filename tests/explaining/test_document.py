"""What `explain` says of the evidence: never more than is known, and nothing below zero."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from stagedrollout.core import facts, link_facts
from stagedrollout.core.evidence.terms import SignalId, shared_out
from stagedrollout.core.facts import Seen
from stagedrollout.core.fold import apply
from stagedrollout.core.issue import Issue, NewIssues
from stagedrollout.core.ledger import Tally
from stagedrollout.core.model import Store
from stagedrollout.explaining.document import document
from tests.core.builders import ANNA, NOON, STAGED, halted, shown, with_facts
from tests.core.weighed import BAD, GOOD, terms, with_evidence
from tests.explaining.kept import kept

FEW = Tally(50, 0, 5_000, 20)
SILENT = Tally(0, 0, 99_000, 396)


def told(*tallies, **more):
    found = document(kept(*tallies, **more), with_evidence(1, 10, 50, 100, min_sample=100))
    json.dumps(found, allow_nan=False)
    return found


def test_a_release_that_came_back_is_told_with_the_halt_that_makes_it_bad():
    known, after = kept(*[GOOD] * 4), Seen.of(shown(STAGED, 5))
    bad = with_facts(halted(known.rollout), facts.Superseded("5.3.0"), after, facts.Returned(None, after))
    found = document(replace(known, rollout=bad), with_evidence(1, 10))
    assert found["known_bad"] == "5.2.0 (5020) was halted by anna on 2026-03-02 11:00 UTC: it was so"
    assert found["next"][0]["what"] == "somebody runs: stagedrollout start shop --known-bad"
    assert told(*[GOOD] * 4)["known_bad"] is None


def test_a_young_stage_is_told_how_many_sessions_and_hours_it_needs():
    needed = told(*[FEW] * 4)["needed"]
    assert needed["seen"] == 150  # the youngest hour has not settled
    assert needed["per_hour"] == 50
    assert needed["sessions"] > 100
    assert needed["hours"] == pytest.approx(needed["sessions"] / 50)


def test_a_stage_that_has_what_it_needs_needs_nothing_more():
    found = told(*[GOOD] * 40)
    assert found["evidence"]["safety"]["odds"] > 10
    assert (found["needed"]["sessions"], found["needed"]["hours"]) == (0, 0.0)


def test_without_traffic_nobody_can_tell_how_long_it_takes():
    needed = told(*[SILENT] * 8)["needed"]
    assert needed["sessions"] > 0
    assert (needed["hours"], "no sessions" in needed["why"]) == (None, True)


def test_without_a_baseline_nobody_can_tell_what_is_needed():
    alone = terms(p_ref=None, weights=shared_out((SignalId.FLOOR,)))
    found = told(*[GOOD] * 8, terms=alone)
    assert found["needed"]["sessions"] is None
    assert found["evidence"]["ratio"] is None
    assert found["evidence"]["crash_free_sessions"]["candidate"]["sessions"] == 8_000


def test_before_anything_was_counted_there_is_no_evidence_and_no_gate():
    found = told()
    assert (found["as_of"], found["gates"], found["evidence"]) == (None, [], None)


def test_an_old_look_is_told_with_its_age():
    found = told(*[GOOD] * 4, now=NOON + timedelta(minutes=13))
    assert found["age_seconds"] == 13 * 60
    evidence = next(gate for gate in found["gates"] if gate["gate"] == "evidence")
    assert (evidence["age_seconds"], evidence["n"]) == (13 * 60, 4_000)


def test_the_p_value_is_one_over_the_largest_odds_and_the_band_holds_the_rate():
    found = told(*[GOOD] * 6, *[BAD] * 2)
    evidence = found["evidence"]
    assert evidence["p_value"] == pytest.approx(1 / evidence["odds"])
    assert evidence["text"].startswith("evidence of harm ")
    candidate = evidence["crash_free_sessions"]["candidate"]
    assert candidate["low_ppm"] < candidate["crash_free_ppm"] < candidate["high_ppm"]
    assert sum(each["part"] for each in evidence["signals"]) == pytest.approx(1)
    assert evidence["ratio"]["low"] < evidence["ratio"]["point"] < evidence["ratio"]["high"]


def test_a_link_is_part_of_what_is_explained():
    plain = kept(*[GOOD] * 3)
    assert document(plain, with_evidence())["link"] is None
    halt = link_facts.LinkHeld("shop/app_store/5.2.0", Store.APP_STORE, "5.2.0", ANNA, "it eats photos", NOON)
    seen = link_facts.Linked(Store.GOOGLE_PLAY, 200_000, "5.2.0", halted=True)
    linked = replace(plain, rollout=with_facts(plain.rollout, seen, halt))
    told = document(linked, with_evidence())["link"]
    assert (told["lead"], told["leads"], told["after_ppm"]) == ("google_play", True, 200_000)
    assert told["text"] == "held by the halt of App Store 5.2.0 by anna, until a person answers"
    assert [(each["by"], each["reason"], each["answered"]) for each in told["halts"]] == [
        ("anna", "it eats photos", "")
    ]


def test_what_crashed_is_shown_as_it_was_looked_up_when_the_release_failed():
    bare = kept(*[GOOD] * 4)
    assert document(bare, None)["new_issues"] is None
    read = facts.IssuesRead(NewIssues("sentry", (Issue("SHOP-1F", "it broke", 3, 4, "https://a/1/"),)))
    found = document(replace(bare, rollout=apply(bare.rollout, read, NOON)), None)["new_issues"]
    assert (found["at"], found["problem"], found["more"]) == (NOON.isoformat(), None, False)
    (issue,) = found["issues"]
    assert (issue["name"], issue["users"], issue["events"]) == ("SHOP-1F", 3, 4)
    assert issue["text"] == "it broke (3 users, 4 events)"
    unread = facts.IssuesRead(NewIssues("sentry", ()), "sentry: down")
    found = document(replace(bare, rollout=apply(bare.rollout, unread, NOON)), None)["new_issues"]
    assert (found["issues"], found["problem"]) == ([], "sentry: down")
