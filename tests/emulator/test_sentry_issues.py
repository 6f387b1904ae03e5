"""The issues endpoint: sentry.md section 6; and what a token and a region may do, section 1."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from stagedrollout.core.issue import NewIssues
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.world import World
from tests.emulator.calls import NEW, OLD, Answer, Caller, pass_time, world_at
from tests.emulator.sentry_client import BEFORE, CANDIDATE, Emulated

TITLES = ("NullPointerException: onCreate", "OutOfMemoryError: decode")
BAD = f"onset: {{at: 20h, crash_free: 95.0}}, issues: {list(TITLES)}"


def listed(world: World, **more: object) -> Answer:
    asked = {"query": f'is:unresolved firstRelease:"{NEW}"', "project": "acme", "environment": "production"}
    query = urlencode({k: v for k, v in {**asked, **more}.items() if v is not None}, doseq=True)
    return Caller(world, world.credentials.sentry_token)("GET", f"/api/0/organizations/acme/issues/?{query}")


def test_a_release_that_crashes_brings_issues_with_counts_as_text_and_people_as_numbers() -> None:
    world = world_at(30, BAD)
    first, second = listed(world, sort="user").document
    assert (first["title"], second["title"]) == TITLES
    assert isinstance(first["count"], str)
    assert int(first["count"]) > int(second["count"]) > 0
    assert int(first["count"]) >= first["userCount"] > second["userCount"]
    assert first["isUnhandled"]
    assert first["permalink"].startswith("http://")
    assert first["firstSeen"] == "2026-03-03T02:00:00Z"
    pass_time(world, 5)
    assert int(listed(world).document[0]["count"]) > int(first["count"])


def test_before_its_onset_and_before_anybody_has_it_a_release_has_no_issues() -> None:
    assert listed(world_at(15, BAD)).document == []
    assert listed(world_at(30)).document == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f'firstRelease:"{NEW}" error.unhandled:true', 2),
        (f'first-release:["{OLD}","{NEW}"]', 2),
        (f"release:{NEW} OR release:{OLD}", 2),
        (f'firstRelease:"{OLD}"', 0),
        (f'is:resolved firstRelease:"{NEW}"', 0),
        (f'error.unhandled:false firstRelease:"{NEW}"', 0),
        ("", 2),
        (None, 2),
    ],
)
def test_issues_are_found_by_what_they_are(query: str | None, found: int) -> None:
    assert len(listed(world_at(30, BAD), query=query).document) == found


def test_collapsing_the_stats_takes_the_counts_with_them() -> None:
    world = world_at(30, BAD)
    (first, _), (whole, _) = listed(world, collapse="stats").document, listed(world).document
    assert not {"count", "userCount", "firstSeen", "lastSeen", "lifetime", "filtered"} & set(first)
    assert whole["lifetime"]["count"] == whole["count"]
    (short, _) = listed(world, collapse=["lifetime", "filtered"]).document
    assert "count" in short
    assert not {"lifetime", "filtered"} & set(short)


def test_a_limit_cuts_and_links_the_rest() -> None:
    answer = listed(world_at(30, BAD), limit=1)
    assert len(answer.document) == 1
    assert 'rel="next"; results="true"' in answer.headers["link"]
    assert listed(world_at(30, BAD), limit=101).status == 400
    assert listed(world_at(30, BAD), sort="size").status == 400
    assert listed(world_at(30, BAD), groupStatsPeriod="1h").status == 400
    assert listed(world_at(30, BAD), environment="staging").status == 404
    assert listed(world_at(30, BAD), project="other").status == 403


def test_our_client_reads_what_the_emulator_writes() -> None:
    emulated = Emulated(30, BAD, base="http://127.0.0.1:9")
    found = emulated.issues.read(CANDIDATE)
    assert [issue.title for issue in found.issues] == list(TITLES)
    assert all(issue.users and issue.events and issue.link for issue in found.issues)
    assert emulated.issues.read(BEFORE) == NewIssues("sentry", ())
    emulated.world.faults.add(Fault("sentry", "no_data"))
    assert emulated.issues.read(CANDIDATE).issues == ()


@pytest.mark.parametrize(
    ("kind", "sessions", "issues"),
    [("integration", 200, 200), ("no_event_read", 200, 403), ("organization", 403, 403)],
)
def test_a_token_may_do_what_its_scopes_say(kind: str, sessions: int, issues: int) -> None:
    world = world_at(30, BAD)
    world.turn({"sentry_credential": kind})
    call = Caller(world, world.credentials.sentry_token)
    asked = "field=sum(session)&statsPeriod=24h&interval=1h"
    assert call("GET", f"/api/0/organizations/acme/sessions/?{asked}").status == sessions
    assert listed(world).status == issues


def test_an_organization_tells_its_region_unless_there_is_only_one_place() -> None:
    world = world_at(30)
    call = Caller(world, world.credentials.sentry_token)
    assert call("GET", "/api/0/organizations/acme/").document["links"]["regionUrl"] == "http://localhost"
    world.turn({"sentry_self_hosted": True})
    assert "links" not in call("GET", "/api/0/organizations/acme/").document
    world.turn({"sentry_self_hosted": False, "sentry_region": "elsewhere"})
    assert call("GET", "/api/0/organizations/acme/").document["links"]["regionUrl"] == "https://de.sentry.io"
    assert listed(world).status == 404
    world.turn({"sentry_region": "elsewhere_untold"})
    assert call("GET", "/api/0/organizations/acme/").status == 404
