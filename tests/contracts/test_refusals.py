"""What the fact sheets record of refusals, put before the client and held against the emulator alike."""

from __future__ import annotations

import dataclasses
import json

import pytest

from stagedrollout.core.errors import EdgeError
from tests.contracts import play_refusals, sentry_refusals
from tests.contracts.exchange import watching
from tests.contracts.play_refusals import v2
from tests.contracts.refusal import HTML
from tests.contracts.told import unexplained_answer
from tests.emulator.appstore_calls import APP, PHASED, VERSIONS, apple_at
from tests.emulator.calls import Caller
from tests.signals.sentry_recordings import QUERY, Sentry
from tests.stores.google_play.play_fake import NEW, OLD, Answer, FakePlay, store

PLAY, SENTRY = play_refusals.REFUSALS, sentry_refusals.REFUSALS
MET = [
    *(("google_play", one) for one in PLAY if one.ask),
    *(("sentry", one) for one in SENTRY if one.ask),
]


def named(rows) -> list[str]:
    return [f"{place} {one.row}" for place, one in enumerate(rows)]


@pytest.mark.parametrize(("service", "refusal"), MET, ids=named(one for _, one in MET))
def test_the_emulator_refuses_as_recorded_and_as_the_api_describes(service, refusal):
    with watching() as exchanges:
        assert refusal.differences(refusal.ask(refusal.world())) == []
    assert unexplained_answer(service, exchanges) == []


@pytest.mark.parametrize("refusal", PLAY, ids=named(PLAY))
def test_what_play_is_recorded_to_refuse_is_what_the_client_takes_it_for(refusal):
    fake = FakePlay(NEW, OLD)
    recording = Answer(refusal.status, refusal.content, {"content-type": refusal.kind})
    for _ in range(2):  # a token that is refused is renewed, once
        fake.fails("insert", recording)
    with pytest.raises(EdgeError) as caught:
        store(fake).read()
    assert isinstance(caught.value, refusal.means)
    assert caught.value.status == refusal.status


@pytest.mark.parametrize("refusal", SENTRY, ids=named(SENTRY))
def test_what_sentry_is_recorded_to_refuse_is_what_the_client_takes_it_for(refusal):
    headers = {"content-type": refusal.kind, **refusal.headers}
    sentry = Sentry(refusal.status, refusal.content, headers)
    with pytest.raises(EdgeError) as caught:
        sentry.signal().read(QUERY)
    assert isinstance(caught.value, refusal.means)
    assert caught.value.status == refusal.status


def planned_twice(apple):
    apple.plan("5.3.0")
    return apple.plan("5.3.0")


def turned_after_the_end(apple):
    apple.turn("COMPLETE")
    return apple.turn("PAUSED")


def of_nobody(apple):
    data = {"type": "appStoreVersionPhasedReleases", "id": "4f6f0c1e", "attributes": {}}
    return apple("PATCH", f"{PHASED}/4f6f0c1e", {"data": data})


def of_another_type(apple):
    return apple("POST", PHASED, {"data": {"type": "apps"}})


def fixed_by_now(apple):
    version = apple.version()["id"]
    data = {"type": "appStoreVersions", "id": version, "attributes": {"releaseType": "MANUAL"}}
    return apple("PATCH", f"{VERSIONS}/{version}", {"data": data})


@pytest.mark.parametrize(
    ("status", "ask"),
    [
        (400, lambda apple: apple("GET", f"{APP}/appStoreVersions?sort=versionString")),
        (400, lambda apple: apple("GET", f"{APP}/appStoreVersions?limit=201")),
        (401, lambda apple: Caller(apple.world, "")("GET", "/v1/apps")),
        (404, of_nobody),
        (409, lambda apple: apple.turn("ACTIVE")),
        (409, lambda apple: apple.turn("STOPPED")),
        (409, lambda apple: apple.turn("INACTIVE")),
        (409, lambda apple: apple.release()),
        (409, lambda apple: apple.plan("5.1.0")),
        (409, turned_after_the_end),
        (409, planned_twice),
        (409, fixed_by_now),
        (422, of_another_type),
    ],
)
def test_what_apple_refuses_by_itself_is_as_the_api_describes(status, ask):
    """Row by row and word by word this is the matter of the App Store's own tests; here, of its description."""
    with watching() as exchanges:
        assert ask(apple_at(30)).status == status
    assert unexplained_answer("app_store", exchanges) == []


def test_a_refusal_that_is_not_as_recorded_is_noticed():
    recording = next(one for one in PLAY if one.row == "E2")
    said = recording.ask(recording.world())
    assert recording.differences(said) == []
    for other in (
        {"status": 409},
        {"kind": HTML},
        {"headers": {"retry-after": "1"}},
        {"free": ()},
        {"body": v2(400, "This edit is no more", "FAILED_PRECONDITION")},
        {"body": v2(400, "This edit has expired", "INVALID_ARGUMENT")},
        {"body": json.loads(b'{"error": {"code": 400, "message": "This edit has expired"}}')},
    ):
        assert len(dataclasses.replace(recording, **other).differences(said)) in (1, 2), other


def test_every_row_of_play_s_table_is_recorded():
    assert {f"E{number}" for number in range(1, 28)} - {one.row for one in PLAY} == set()
