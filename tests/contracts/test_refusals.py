"""What the fact sheet records of Sentry's refusals, put before the client and held against the emulator alike.

For the stores that is the matter of their own tests, which hold the emulator's answers against the descriptions too.
"""

from __future__ import annotations

import dataclasses

import pytest

from stagedrollout.core.errors import EdgeError
from tests.contracts import sentry_refusals
from tests.contracts.exchange import watching
from tests.contracts.refusal import HTML
from tests.contracts.told import unexplained_answer
from tests.emulator.appstore_calls import APP, PHASED, VERSIONS, apple_at
from tests.emulator.calls import Caller
from tests.signals.sentry_recordings import QUERY, Sentry

SENTRY = sentry_refusals.REFUSALS
MET = [one for one in SENTRY if one.ask]


def named(rows) -> list[str]:
    return [f"{place} {one.row}" for place, one in enumerate(rows)]


@pytest.mark.parametrize("refusal", MET, ids=named(MET))
def test_the_emulator_refuses_as_recorded_and_as_the_api_describes(refusal):
    with watching() as exchanges:
        assert refusal.differences(refusal.ask(refusal.world())) == []
    assert unexplained_answer("sentry", exchanges) == []


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
    recording = next(one for one in MET if one.status == 404)
    said = recording.ask(recording.world())
    assert recording.differences(said) == []
    for other in (
        {"status": 409},
        {"kind": HTML},
        {"headers": {"retry-after": "1"}},
        {"body": {"detail": "The requested resource"}},
        {"body": {"detail": recording.body["detail"], "code": 404}},
    ):
        assert len(dataclasses.replace(recording, **other).differences(said)) in (1, 2), other
