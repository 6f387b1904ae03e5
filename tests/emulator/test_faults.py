"""What goes wrong between client and service, and whether it was applied all the same."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Request
from tests.emulator.calls import (
    PACKAGE,
    PlayCaller,
    control,
    entries,
    halted,
    pass_time,
    served,
    sessions,
    staged,
    world_at,
)


def commit_under(kind, **more):
    """A raise to 5 % whose commit is befallen by `kind`: world, the commit's response, its log entry."""
    world = world_at(5)
    ours = PlayCaller(world)
    edit = ours.insert()
    ours.put(edit, staged(5020, 0.05))
    world.faults.add(Fault("google_play", kind, operation="edits.commit", **more))
    headers = {"authorization": f"Bearer {ours.call.bearer}"}
    target = f"/androidpublisher/v3/applications/{PACKAGE}/edits/{edit}:commit"
    response = world.handle(Request.to("POST", target, headers=headers))
    return world, response, world.ledger.requests[-1]


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        ("401", 401, False),
        ("403", 403, False),
        ("403_unauthorized", 403, False),
        ("403_api_disabled", 403, False),
        ("409", 409, False),
        ("429", 429, False),
        ("500", 500, False),
        ("502", 502, False),
        ("503", 503, False),
        ("500_after", 500, True),
        ("502_after", 502, True),
        ("empty_body", 200, True),
        ("truncated", 200, True),
        ("html", 200, True),
        ("slow", 200, True),
        ("huge", 200, True),
        ("redirect", 302, False),
        ("edit_invalidated", 400, False),
        ("edit_expired", 400, False),
    ],
)
def test_the_answer_and_what_was_applied_are_two_things(kind, status, applied):
    world, response, logged = commit_under(kind)
    assert (response.status, logged["status"]) == (status, status)
    assert (logged["fault"], logged["applied"]) == (kind, applied)
    assert served(world, 5020)["exposure_ppm"] == (50_000 if applied else 10_000)
    assert entries(world, "fault")[-1]["request"] == logged["seq"]


@pytest.mark.parametrize(("kind", "applied"), [("drop", False), ("drop_after", True)])
def test_a_dropped_connection_before_or_after_the_change(kind, applied):
    world, response, logged = commit_under(kind)
    assert response.drop is True
    assert (logged["status"], logged["response"], logged["applied"]) == (None, None, applied)
    assert served(world, 5020)["exposure_ppm"] == (50_000 if applied else 10_000)


def test_damaged_bodies():
    _, truncated, _ = commit_under("truncated")
    assert int(truncated.headers["content-length"]) == 2 * len(truncated.body) or (
        int(truncated.headers["content-length"]) == 2 * len(truncated.body) + 1
    )
    _, empty, _ = commit_under("empty_body")
    assert empty.body == b""
    _, html, _ = commit_under("html")
    assert html.body.startswith(b"<html>")
    _, slow, _ = commit_under("slow", seconds=3.5)
    assert slow.delay_seconds == 3.5


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("403", "The caller does not have permission"),
        ("403_unauthorized", "Unauthorized"),
        ("403_api_disabled", "has not been used in project"),
        ("500", "Internal error encountered."),
    ],
)
def test_play_refuses_in_its_own_words(kind, text):
    _, response, _ = commit_under(kind)
    assert text in json.loads(response.body)["error"]["message"]


def test_a_fault_strikes_as_often_as_it_was_told_and_after_those_it_lets_pass():
    world = world_at(30)
    world.faults.add(Fault("sentry", "500", count=2, skip=1))
    assert [sessions(world).status for _ in range(4)] == [200, 500, 500, 200]


def test_a_stale_track_is_read_for_a_while_after_a_commit():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(halted(5020))
    world.faults.add(Fault("google_play", "stale_track", count=2))
    reads = [next(row for row in ours.now() if row[0] == "5020") for _ in range(3)]
    assert [status for _, status, _ in reads] == ["inProgress", "inProgress", "halted"]


def test_no_track_is_stale_for_longer_than_minutes():
    world = world_at(5)
    ours = PlayCaller(world)
    ours.change(halted(5020))
    world.timeline.advance(world.timeline.now + timedelta(minutes=11))
    world.faults.add(Fault("google_play", "stale_track"))
    assert next(status for code, status, _ in ours.now() if code == "5020") == "halted"


def test_words_and_fields_nobody_knows():
    world = world_at(5)
    ours = PlayCaller(world)
    world.faults.add(Fault("google_play", "unknown_status", count=2))
    assert ours.now()[0][1] == "emulatedNewStatus"
    assert set(ours.lifecycle().values()) == {"EMULATED_NEW_STATE"}
    world.faults.add(Fault("google_play", "extra_fields"))
    odd = ours.releases(ours.insert())
    assert all("emulatedOutputOnly" in release for release in odd)
    assert ours.change(*odd).status == 200
    assert not any("emulatedOutputOnly" in release for release in ours.releases(ours.insert()))


def test_faults_are_injected_and_cleared_through_the_control_door():
    world = world_at(30)
    fault = {"service": "sentry", "kind": "502", "operation": "sessions", "count": None}
    assert control(world, "POST", "faults", fault).status == 200
    assert [sessions(world).status for _ in range(3)] == [502] * 3
    assert sessions(world).body.startswith(b"<html>")
    assert control(world, "DELETE", "faults").document == {"faults": []}
    assert sessions(world).status == 200


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"service": "sentry"}, "names its service and its kind"),
        ({"service": "jira", "kind": "500"}, "no service 'jira'"),
        ({"service": "sentry", "kind": "stale_track"}, "sentry knows no fault 'stale_track'"),
        ({"service": "sentry", "kind": "500", "when": 1}, "a fault has no 'when'"),
        ({"service": "sentry", "kind": "500", "count": "2"}, "count cannot be '2'"),
        ({"service": "sentry", "kind": "500", "count": 0}, "count is at least 1"),
        ([], "must be a JSON object"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_words(fault, text):
    answer = control(world_at(1), "POST", "faults", fault or [1])
    assert answer.status == 400
    assert text in answer.document["error"]


def test_an_outage_begins_and_ends_by_the_clock_and_clearing_faults_does_not_end_it():
    world = world_at(9, rest="outages: [{service: sentry, begins: 10h, ends: 12h, kind: down}]")
    assert sessions(world).status == 200
    pass_time(world, 1)
    control(world, "DELETE", "faults")
    assert sessions(world).status == 502
    pass_time(world, 2)
    assert sessions(world).status == 200
    assert [(e["begins"], e["at"][11:13]) for e in entries(world, "outage")] == [(True, "16"), (False, "18")]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("refuse", None), ("slow", 200), ("empty", 200), ("frozen", 200), ("unauthorized", 401)],
)
def test_outages_of_every_kind(kind, status):
    world = world_at(11, rest=f"outages: [{{service: sentry, begins: 10h, kind: {kind}}}]")
    sessions(world)
    assert world.ledger.requests[-1]["status"] == status


@pytest.mark.parametrize("kind", ["drop", "refused", "dns", "tls"])
def test_a_line_that_breaks_changes_nothing_and_says_how_it_broke(kind):
    world, response, logged = commit_under(kind)
    assert (response.drop, response.broken, logged["applied"]) == (True, kind, False)
    assert served(world, 5020)["exposure_ppm"] == 10_000


def test_more_than_anybody_reads_and_a_way_to_somebody_else():
    _, huge, logged = commit_under("huge")
    assert len(huge.body) > 8 * 1024 * 1024
    assert not logged["response"]
    _, redirect, _ = commit_under("redirect")
    assert redirect.headers["location"].startswith("https://login.elsewhere.example/")


def _hours(kind):
    """Sessions of the new release hour by hour under a fault, and without one."""
    world = world_at(30)
    whole = sessions(world).document["groups"]
    world.faults.add(Fault("sentry", kind))
    return whole, sessions(world).document["groups"]


def test_numbers_that_are_well_formed_and_wrong():
    whole, nothing = _hours("zeros")
    assert {n for group in nothing for n in group["series"]["sum(session)"]} == {0}
    _, null = _hours("null_rate")
    assert {n for group in null for n in group["series"]["crash_free_rate(session)"]} == {None}
    _, beyond = _hours("rate_beyond")
    assert {n for group in beyond for n in group["series"]["crash_free_rate(session)"]} <= {None, 1.7}
    _, other = _hours("wrong_release")
    assert [g["by"]["release"] for g in other] == [f"{g['by']['release']}-debug" for g in whole]
    _, cut = _hours("page_cut")
    assert len(cut) == len(whole) // 2


@pytest.mark.parametrize(("kind", "buckets"), [("partial_last", 1), ("collapse", 2), ("late_data", 6)])
def test_the_newest_counts_may_be_only_a_part(kind, buckets):
    for whole, part in zip(*_hours(kind), strict=True):
        pairs = zip(whole["series"]["sum(session)"], part["series"]["sum(session)"], strict=True)
        assert 1 <= sum(a != b for a, b in pairs) <= buckets


def test_no_number_is_no_json():
    world = world_at(30)
    world.faults.add(Fault("sentry", "not_a_number"))
    assert b"NaN" in sessions(world).body
