"""The App Store's port against the emulated App Store Connect, which was built from the same facts by other hands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from apple_fake import change, shown

from stagedrollout.core.errors import Throttled
from stagedrollout.core.model import ReleaseStatus, ReviewState, Settlement, Verb
from stagedrollout.core.units import PPM_ALL
from stagedrollout.emulator.request import Request
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.emulator.world import World
from stagedrollout.http.client import in_process
from stagedrollout.stores.app_store import ApiKey, AppStore, AppStoreClient
from tests.emulator.appstore_calls import AppleCaller
from tests.emulator.calls import control

APP_ID = "6448311069"
NEW = "5.12.0"
STORY = """\
name: test
start: 2026-03-02T06:00:00Z
until: 60d
apps:
  - name: acme
    store: app_store
    package: com.acme.app
    app_id: "6448311069"
    population: 100000
    processing: %s
    releases:
      - {version: 5.11.0, code: 33310, crash_free: 99.8}
      - {version: 5.12.0, code: 33417, crash_free: 99.8, %s}
"""
IN_PHASES = "rolled_out: {at: 1h, review: 3h}"
BY_REQUEST = "submitted: {at: 1h, review: 3h, release_type: manual, phased: %s}"


class Emulated:
    def __init__(self, release: str, *, hours: float, processing: str = "30m") -> None:
        self.world = World(parse_scenario(STORY % (processing, release), Path("test.yaml")))
        self.pass_time(hours)
        key_id, issuer_id, pem = self.world.credentials.new_app_store_key()
        self.asked: list[str] = []
        client = AppStoreClient(
            ApiKey(pem, key_id, issuer_id),
            clock=self,
            transport=in_process(self.handle),
            endpoint="http://127.0.0.1:9",
        )
        self.client = client
        self.store = AppStore(app_id=APP_ID, client=client, clock=self)

    def now(self):
        return self.world.timeline.now

    def pass_time(self, hours: float) -> None:
        self.world.timeline.advance(self.world.timeline.now + timedelta(hours=hours))

    def handle(self, method, path, query, headers, body):
        self.asked.append(method)
        request = Request.to(method, f"{path}?{query}", headers=headers, body=body)
        response = self.world.handle(request)
        return response.status, response.headers, response.body

    def asks(self, method: str, path: str, body: object = None) -> None:
        """What somebody else does through the API, with a key of their own."""
        AppleCaller(self.world)(method, path, body)

    def person(self, act: str, **more: object) -> None:
        body = {"app": "acme", "act": act, **more}
        answer = control(self.world, "POST", "console", body)
        assert answer.status == 200, answer.body

    def raised(self, verb: Verb, exposure_ppm: int):
        return self.store.apply(change(verb, exposure_ppm), self.store.read().fingerprint, lambda: None)

    def found(self):
        return shown(self.store.read())


def test_a_release_is_prepared_started_stepped_paused_and_completed():
    world = Emulated(BY_REQUEST % "false", hours=2)
    assert (world.found().status, world.found().review) == (ReleaseStatus.DRAFT, ReviewState.IN_REVIEW)
    assert world.raised(Verb.PREPARE, 0).settlement is Settlement.CONFIRMED
    world.pass_time(6)
    assert world.found().review is ReviewState.APPROVED_NOT_PUBLISHED
    assert world.raised(Verb.START, 10_000).settlement is Settlement.CONFIRMED
    assert (world.found().status, world.found().live) == (ReleaseStatus.IN_PROGRESS, False)
    world.pass_time(2)
    assert (world.found().exposure_ppm, world.found().live) == (10_000, True)
    assert world.store.halt(NEW).settlement is Settlement.CONFIRMED
    world.pass_time(50)
    assert (world.found().status, world.found().exposure_ppm) == (ReleaseStatus.PAUSED, 10_000)
    assert world.raised(Verb.STEP, 20_000).settlement is Settlement.CONFIRMED
    world.pass_time(25)
    assert world.found().exposure_ppm == 20_000
    assert world.raised(Verb.COMPLETE, PPM_ALL).settlement is Settlement.CONFIRMED
    assert (world.found().status, world.found().status_word) == (ReleaseStatus.COMPLETED, "COMPLETE on day 2")
    assert world.store.halt(NEW).settlement is Settlement.REFUSED


def test_a_start_makes_the_phased_release_that_is_missing():
    world = Emulated(BY_REQUEST % "false", hours=8)
    assert world.raised(Verb.START, 10_000).settlement is Settlement.CONFIRMED
    world.pass_time(2)
    assert (world.found().phased, world.found().exposure_ppm) == (True, 10_000)


@pytest.mark.parametrize("detail", [True, False])
def test_a_pause_before_it_is_live_is_refused_whether_or_not_apple_says_why(detail):
    world = Emulated(BY_REQUEST % "true", hours=8)
    world.world.turn({"app_store_error_detail": detail})
    world.raised(Verb.START, 10_000)
    outcome = world.store.halt(NEW)
    assert outcome.settlement is Settlement.REFUSED
    assert "not live" in outcome.detail


def test_a_ramp_that_nobody_touches_ends_complete():
    world = Emulated(IN_PHASES, hours=5)
    shares = [world.found().exposure_ppm]
    for _ in range(7):
        world.pass_time(24)
        shares.append(world.found().exposure_ppm)
    assert shares == [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, PPM_ALL, PPM_ALL]
    assert world.found().status_word == "COMPLETE"
    assert shown(world.store.read(), "5.11.0").status is ReleaseStatus.REPLACED


def test_a_quiet_look_is_one_request_and_a_resume_three():
    world = Emulated(IN_PHASES, hours=30)
    world.store.halt(NEW)
    seen = world.store.read().fingerprint
    world.asked.clear()
    world.store.read()
    assert world.asked == ["GET"]
    world.asked.clear()
    assert (
        world.store.apply(change(Verb.RESUME, 20_000), seen, lambda: None).settlement is Settlement.CONFIRMED
    )
    assert world.asked == ["GET", "PATCH", "GET"]


def test_a_release_that_apple_takes_a_day_for_is_under_way_all_the_while_and_asked_for_once():
    world = Emulated(BY_REQUEST % "true", hours=8, processing="24h")
    assert world.raised(Verb.START, 10_000).settlement is Settlement.CONFIRMED
    for _ in range(4):
        world.pass_time(5)
        assert (world.found().status, world.found().live) == (ReleaseStatus.IN_PROGRESS, False)
        assert world.raised(Verb.START, 10_000).settlement is Settlement.ALREADY
    world.pass_time(5)
    assert (world.found().exposure_ppm, world.found().live) == (10_000, True)
    assert world.asked.count("POST") == 1


def test_a_version_that_is_replaced_in_its_ramp_is_told_as_replaced_and_cannot_be_paused():
    world = Emulated(IN_PHASES, hours=30)
    world.person("new_release", version="5.12.1", code=33500, crash_free=99.9)
    assert world.found().status is ReleaseStatus.REPLACED
    assert world.store.halt(NEW).settlement is Settlement.REFUSED
    assert shown(world.store.read(), "5.12.1").status is ReleaseStatus.IN_PROGRESS


@pytest.mark.parametrize("told", [True, False], ids=["told by the state", "told by the territories alone"])
def test_a_removal_from_sale_ends_a_paused_release_for_good(told):
    world = Emulated(IN_PHASES, hours=30)
    world.world.turn({"removal_in_old_state": told})
    world.store.halt(NEW)
    world.person("remove_from_sale")
    outcome = world.raised(Verb.RESUME, 20_000)
    assert outcome.settlement is Settlement.REFUSED
    assert "removed from sale" in outcome.detail
    assert world.found().status is ReleaseStatus.WITHDRAWN


def test_a_pause_of_an_app_that_was_taken_off_sale_is_told_as_what_it_is():
    world = Emulated(IN_PHASES, hours=30)
    world.world.turn({"removal_in_old_state": False})
    world.person("remove_from_sale")
    outcome = world.store.halt(NEW)
    assert (outcome.settlement, shown(outcome.state).stopped) == (Settlement.REFUSED, True)
    assert "over for good" in outcome.detail


def test_a_version_that_comes_too_late_for_phases_is_not_released_to_everyone():
    world = Emulated(BY_REQUEST % "false", hours=8)
    world.world.turn({"phased_while_pending": "refused"})
    outcome = world.raised(Verb.START, 10_000)
    assert outcome.settlement is Settlement.REFUSED
    assert "nothing was released" in outcome.detail
    assert world.found().review is ReviewState.APPROVED_NOT_PUBLISHED


def test_a_plan_that_somebody_deletes_is_made_again_before_the_release():
    world = Emulated(BY_REQUEST % "true", hours=8)
    phased = AppleCaller(world.world).phased(NEW)
    world.asks("DELETE", f"/v1/appStoreVersionPhasedReleases/{phased['id']}")
    assert not world.found().phased
    assert world.raised(Verb.START, 10_000).settlement is Settlement.CONFIRMED
    world.pass_time(2)
    assert world.found().exposure_ppm == 10_000


def test_a_running_phased_release_that_somebody_deletes_is_read_as_what_everyone_has():
    world = Emulated(IN_PHASES, hours=30)
    world.world.turn({"phased_delete_after_start": "releases_to_all"})
    phased = AppleCaller(world.world).phased(NEW)
    world.asks("DELETE", f"/v1/appStoreVersionPhasedReleases/{phased['id']}")
    assert (world.found().status, world.found().exposure_ppm) == (ReleaseStatus.COMPLETED, PPM_ALL)
    outcome = world.store.halt(NEW)
    assert outcome.settlement is Settlement.REFUSED
    assert "ship a higher version" in outcome.detail


def test_an_eighth_day_and_absent_attributes_change_nothing():
    world = Emulated(IN_PHASES, hours=5)
    world.world.turn({"day_8_shown": True, "app_store_sparse": True, "phased_missing": "404"})
    world.pass_time(7 * 24)
    assert (world.found().status, world.found().exposure_ppm) == (ReleaseStatus.IN_PROGRESS, PPM_ALL)
    world.pass_time(24)
    assert world.found().status_word == "COMPLETE"


def test_the_last_two_hundred_requests_of_the_hour_are_for_the_release_alone():
    world = Emulated(IN_PHASES, hours=30)
    world.world.turn({"app_store_hourly_limit": 204})
    reviews = ("reading reviews", f"/v1/apps/{APP_ID}/customerReviews")
    for _ in range(4):
        world.client.get(*reviews)
    with pytest.raises(Throttled, match="200 more requests of 204 in an hour"):
        world.client.get(*reviews)
    assert world.store.halt(NEW).settlement is Settlement.CONFIRMED
    world.world.turn({"app_store_hourly_limit": 7})
    with pytest.raises(Throttled):
        world.store.read()
    world.pass_time(1)
    world.world.turn({"app_store_hourly_limit": 3500})
    world.store.read()
    world.client.get(*reviews)
