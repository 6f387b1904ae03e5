"""Every step of google-play.md section 4 against the emulated store, judged by what is deployed and served after it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from play_desk import Desk
from play_fake import free

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import Change, ReleaseStatus, Settlement, Verb
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World
from tests.emulator.calls import completed, halted, pass_time, scenario, served, staged, world_at

COUNTRIES = {"countries": ["AT", "DE"], "includeRestOfWorld": False}


@pytest.fixture
def desk():
    """5.1.0 (5010) is out to everyone, 5.2.0 (5020) at 1 %, 5.3.0 (5030) a draft."""
    return Desk(world_at(5))


def raises(desk, verb, code, ppm, track="production"):
    outcome = desk.applies(Change(verb, str(code), ppm), track)
    assert outcome.settlement is Settlement.CONFIRMED, outcome
    return outcome


def offered(desk, code):
    entry = served(desk.world, code)
    return entry["status"], entry["exposure_ppm"]


def test_from_a_draft_through_every_stage_to_everyone(desk):
    desk.theirs.change(completed(5020), {"versionCodes": ["5030"], "status": "draft"})
    raises(desk, Verb.START, 5030, 10_000)
    pass_time(desk.world, 5)
    assert offered(desk, 5030) == ("inProgress", 10_000)
    for ppm in (50_000, 200_000):
        raises(desk, Verb.RAISE, 5030, ppm)
        assert offered(desk, 5030) == ("inProgress", ppm)
    raises(desk, Verb.COMPLETE, 5030, 1_000_000)
    assert (offered(desk, 5030), offered(desk, 5020)) == (("completed", 1_000_000), ("replaced", 0))


def test_a_staged_release_is_halted_and_resumed_at_its_share(desk):
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert offered(desk, 5020) == ("halted", 0)
    raises(desk, Verb.RESUME, 5020, 10_000)
    assert offered(desk, 5020) == ("inProgress", 10_000)


def test_a_completed_release_is_halted_and_the_one_before_is_served_again(desk):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    assert (offered(desk, 5020), offered(desk, 5010)) == (("halted", 0), ("completed", 1_000_000))


@pytest.mark.parametrize("ppm", [10_000, 500_000, 1_000_000])
def test_a_release_that_was_halted_at_everyone_is_resumed_at_any_share(desk, ppm):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    desk.halts(5020)
    raises(desk, Verb.RESUME, 5020, ppm)
    assert offered(desk, 5020) == ("completed" if ppm == 1_000_000 else "inProgress", ppm)


def test_under_a_new_rollout_it_is_resumed_to_everyone_only_and_the_rollout_goes_on(desk):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    desk.halts(5020)
    raises(desk, Verb.START, 5030, 10_000)
    pass_time(desk.world, 5)
    with pytest.raises(EdgeError, match="Too many staged"):
        desk.applies(Change(Verb.RESUME, "5020", 500_000))
    raises(desk, Verb.RESUME, 5020, 1_000_000)
    assert (offered(desk, 5020), offered(desk, 5030)) == (("completed", 1_000_000), ("inProgress", 10_000))


def test_a_new_release_is_completed_first_and_the_old_one_halted_in_an_edit_of_its_own(desk):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    raises(desk, Verb.START, 5030, 10_000)
    pass_time(desk.world, 5)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    raises(desk, Verb.COMPLETE, 5030, 1_000_000)
    assert offered(desk, 5030) == ("completed", 1_000_000)


def test_the_first_release_of_a_track_is_not_staged_and_a_person_is_told():
    desk = Desk(world_at(5))
    edit = desk.theirs.insert()
    desk.theirs.put(edit, {"versionCodes": ["5030"], "status": "draft"}, track="beta")
    desk.theirs.commit(edit)
    with pytest.raises(EdgeError, match="first release of a track goes to everyone"):
        desk.applies(Change(Verb.START, "5030", 10_000), "beta")
    assert desk.releases("beta")[5030]["status"] == "draft"


def test_a_halt_that_would_leave_nothing_to_serve_is_not_halted_and_says_why():
    desk = Desk(world_at(0.5))
    outcome = desk.halts(5010)
    assert outcome.settlement is Settlement.IN_DOUBT
    assert "leave nothing to serve" in outcome.detail
    assert offered(desk, 5010) == ("completed", 1_000_000)


def test_the_fallback_itself_cannot_be_halted(desk):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    desk.halts(5020)
    assert desk.halts(5010).settlement is Settlement.IN_DOUBT
    assert offered(desk, 5010) == ("completed", 1_000_000)


@pytest.mark.parametrize("name", ["internal", "qa"])
def test_the_internal_track_knows_no_halt_and_that_is_said(desk, name):
    edit = desk.theirs.insert()
    desk.theirs.put(edit, completed(5030), track="qa")
    desk.theirs.commit(edit)
    pass_time(desk.world, 5)
    outcome = desk.halts(5030, name)
    assert outcome.settlement is Settlement.REFUSED
    assert "no halt on the internal track" in outcome.detail
    assert desk.releases("internal")[5030]["status"] == "completed"


def test_a_raise_beside_a_draft_of_the_next_version_leaves_the_draft_as_it_was(desk):
    desk.world.play.apps[0].tracks["production"].releases[0]["note to self"] = "mine"
    before = copy.deepcopy(desk.releases())
    raises(desk, Verb.RAISE, 5020, 50_000)
    before[5020]["userFraction"] = 0.05
    assert desk.releases() == before


def test_completing_keeps_drafts_and_a_newer_rollout(desk):
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    assert desk.releases()[5030]["status"] == "draft"
    sent = [r["body"] for r in desk.world.ledger.requests if r["method"] == "PUT"][-1]
    assert sorted(one["status"] for one in sent["releases"]) == ["completed", "draft"]


def test_several_version_codes_and_retained_ones_travel_with_their_release():
    desk = Desk(world_at(5))
    app = desk.world.play.apps[0]
    for code in (5018, 5019):
        desk.world.play.know(app, code, "5.2.0")
    both = staged(5020, 0.01)
    both["versionCodes"] = ["5020", "5019", "5018"]
    assert desk.theirs.change(both).status == 200
    raises(desk, Verb.RAISE, 5020, 50_000)
    assert desk.releases()[5020]["versionCodes"] == ["5020", "5019", "5018"]
    desk.halts(5020)
    assert desk.releases()[5020]["versionCodes"] == ["5020", "5019", "5018"]


@pytest.mark.parametrize("track", ["wear:production", "automotive:beta", "my-testers"])
def test_form_factor_and_custom_tracks_are_steered_like_production(track):
    source = scenario().source.replace(
        "package: com.acme.app", f"package: com.acme.app\n    track: '{track}'"
    )
    desk = Desk(World(parse_scenario(source, Path("test.yaml"))))
    pass_time(desk.world, 5)
    raises(desk, Verb.RAISE, 5020, 50_000, track)
    assert desk.halts(5020, track).settlement is Settlement.CONFIRMED
    asked = [
        r["path"] for r in desk.world.ledger.requests if "/edits/" in r["path"] and "/tracks/" in r["path"]
    ]
    assert all(path.endswith(track.replace(":", "%3A")) for path in asked)


def test_countries_notes_name_and_priority_are_kept_through_raise_halt_and_resume(desk):
    more = {
        "countryTargeting": COUNTRIES,
        "releaseNotes": [{"language": "de-DE", "text": "Neu: ü, 日本"}],
        "inAppUpdatePriority": 4,
        "name": "5.2.0 (autumn)",
    }
    assert desk.theirs.change(staged(5020, 0.01, **more)).status == 200
    before = copy.deepcopy(desk.releases()[5020])
    raises(desk, Verb.RAISE, 5020, 50_000)
    assert desk.halts(5020).settlement is Settlement.CONFIRMED
    raises(desk, Verb.RESUME, 5020, 50_000)
    assert desk.releases()[5020] == {**before, "userFraction": 0.05}


def test_countries_are_not_sent_with_a_release_for_everyone(desk):
    assert desk.theirs.change(staged(5020, 0.01, countryTargeting=COUNTRIES)).status == 200
    raises(desk, Verb.COMPLETE, 5020, 1_000_000)
    assert "countryTargeting" not in desk.releases()[5020]
    assert desk.wire.calls.count("tracks.update") == 1  # not first sent and then refused


def test_a_share_is_never_lowered(desk):
    raises(desk, Verb.RAISE, 5020, 200_000)
    outcome = desk.applies(Change(Verb.RAISE, "5020", 100_000))
    assert outcome.settlement is Settlement.REFUSED
    assert offered(desk, 5020) == ("inProgress", 200_000)


def test_a_release_that_was_replaced_by_a_newer_one_is_not_raised(desk):
    seen = desk.seen().fingerprint
    desk.theirs.change(completed(5030))
    outcome = desk.store().apply(Change(Verb.RAISE, "5020", 50_000), seen, free)
    assert outcome.settlement is Settlement.MOVED
    found = outcome.state.find("5020")
    assert found is None or found.status is not ReleaseStatus.IN_PROGRESS


def test_halted_by_ci_and_resumed_by_us_changes_no_sibling(desk):
    desk.theirs.change(halted(5020), completed(5010), {"versionCodes": ["5030"], "status": "draft"})
    before = copy.deepcopy(desk.releases())
    raises(desk, Verb.RESUME, 5020, 10_000)
    assert {code: desk.releases()[code] for code in (5010, 5030)} == {c: before[c] for c in (5010, 5030)}
