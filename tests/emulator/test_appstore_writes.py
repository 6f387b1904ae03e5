"""What may be written, every 409 in Apple's words, and writes that end in doubt (app-store-connect.md 6-8)."""

from __future__ import annotations

import pytest

from stagedrollout.emulator.faults import Fault
from tests.emulator.appstore_calls import (
    BY_REQUEST,
    PHASED,
    REQUESTS,
    VERSIONS,
    act,
    apple_at,
    error,
    offered,
    phases,
    wait,
)
from tests.emulator.calls import entries

STATE_OF_VERSION = "You cannot change the state of a phased release in the current version state."
FINAL = "You cannot change the state of a phased release that is in a final state"
SAME = "The phased release already has this value"


def refused(apple, answer, status=409):
    """The error, after making sure that nothing has changed."""
    assert answer.status == status
    assert apple.world.ledger.requests[-1]["applied"] is False
    return error(answer)


def test_a_pause_and_a_resume_answer_with_the_state_they_made():
    apple = apple_at(4 + 24)
    for state in ("PAUSED", "ACTIVE", "COMPLETE"):
        answer = apple.turn(state)
        request = apple.world.ledger.requests[-1]
        assert (answer.status, request["applied"]) == (200, True)
        assert answer.document["data"]["attributes"]["phasedReleaseState"] == state
        told = entries(apple.world, "phased")[-1]
        assert (told["cause"], told["account"], told["request"]) == ("api", "", request["seq"])
        assert (told["release_id"], told["after"]) == (
            "5.2.0",
            {"state": state, "day": 2, "version_state": "READY_FOR_DISTRIBUTION"},
        )
        served = entries(apple.world, "served")[-1]
        assert (served["status"], served["cause"], served["request"]) == (state, "api", request["seq"])


@pytest.mark.parametrize("state", ["PAUSED", "ACTIVE", "COMPLETE"])
def test_nothing_can_be_turned_before_the_version_is_live(state):
    apple = apple_at(5, BY_REQUEST)
    told = refused(apple, apple.turn(state))
    assert (told["code"], told["detail"]) == (
        "ENTITY_ERROR.ATTRIBUTE.INVALID.INVALID_STATE",
        STATE_OF_VERSION,
    )
    assert told["title"] == "An attribute value is not acceptable for the current resource state."
    assert told["source"] == {"pointer": "/data/attributes/phasedReleaseState"}
    assert offered(apple) == ("INACTIVE", 0)


def test_the_state_it_has_already_is_refused():
    apple = apple_at(5)
    assert refused(apple, apple.turn("ACTIVE"))["detail"] == SAME
    apple.turn("PAUSED")
    assert refused(apple, apple.turn("PAUSED"))["detail"] == SAME


@pytest.mark.parametrize("state", ["PAUSED", "ACTIVE", "COMPLETE", "INACTIVE"])
def test_complete_is_final(state):
    apple = apple_at(5)
    apple.turn("COMPLETE")
    assert refused(apple, apple.turn(state))["detail"] == FINAL
    assert offered(apple) == ("COMPLETE", 1_000_000)


def test_a_replaced_version_cannot_be_turned_any_more():
    apple = apple_at(5)
    act(apple, "new_release", version="5.2.1", code=33420, crash_free=99.9)
    assert refused(apple, apple.turn("PAUSED"))["detail"] == STATE_OF_VERSION


def test_going_back_to_inactive_is_refused_or_ignored():
    apple = apple_at(5)
    assert refused(apple, apple.turn("INACTIVE"))["code"].endswith("INVALID_STATE")
    apple.world.turn({"phased_patch_inactive": "ignored"})
    answer = apple.turn("INACTIVE")
    assert (answer.status, apple.world.ledger.requests[-1]["applied"]) == (200, False)
    assert apple.day() == ("ACTIVE", 1)


@pytest.mark.parametrize("state", ["HALTED", 5, ["PAUSED"], {"a": 1}])
def test_a_state_that_is_none_is_refused_with_those_that_are(state):
    apple = apple_at(5)
    told = refused(apple, apple.turn(state))
    assert told["code"] == "ENTITY_ERROR.ATTRIBUTE.TYPE"
    assert "'INACTIVE', 'ACTIVE', 'PAUSED', 'COMPLETE'" in told["detail"]


def test_a_phased_release_is_planned_once_for_a_version_that_is_not_out():
    apple = apple_at(5, "submitted: {at: 1h, review: 3h, release_type: manual, phased: false}")
    answer = apple.plan("5.2.0", phasedReleaseState="INACTIVE")
    assert (answer.status, answer.document["data"]["attributes"]["currentDayNumber"]) == (201, 0)
    assert phases(apple) == [("02T11:00", "api", ("INACTIVE", 0))]
    assert refused(apple, apple.plan("5.2.0"))["code"].startswith("STATE_ERROR")
    apple.release()
    wait(apple, minutes=30)
    assert (apple.day(), offered(apple)) == (("ACTIVE", 1), ("ACTIVE", 10_000))


@pytest.mark.parametrize(
    ("version", "attributes", "text"),
    [
        ("5.1.0", {}, "first version of an app"),
        ("5.2.0", {}, "already have such an entity"),
        ("5.3.0", {"phasedReleaseState": "ACTIVE"}, "not a valid value"),
    ],
)
def test_a_phased_release_that_cannot_be_planned_is_refused(version, attributes, text):
    apple = apple_at(5)
    assert text in refused(apple, apple.plan(version, **attributes))["detail"]


def test_a_live_version_without_phases_cannot_get_them_any_more():
    apple = apple_at(6, "submitted: {at: 1h, review: 3h, phased: false}")
    assert refused(apple, apple.plan("5.2.0"))["code"] == "STATE_ERROR"
    assert offered(apple) == ("COMPLETE", 1_000_000)


def test_a_plan_is_deleted_before_it_started_and_everyone_gets_the_version():
    apple = apple_at(5, BY_REQUEST)
    answer = apple("DELETE", f"{PHASED}/{(apple.phased() or {})['id']}")
    assert (answer.status, answer.body, apple.phased()) == (204, b"", None)
    assert phases(apple)[-1][1:] == ("api", (None, None))
    apple.release()
    wait(apple, minutes=30)
    assert offered(apple) == ("COMPLETE", 1_000_000)


def test_deleting_after_the_start_is_refused_or_releases_to_everyone():
    apple = apple_at(5)
    path = f"{PHASED}/{(apple.phased() or {})['id']}"
    assert refused(apple, apple("DELETE", path))["code"] == "STATE_ERROR"
    apple.world.turn({"phased_delete_after_start": "releases_to_all"})
    assert apple("DELETE", path).status == 204
    assert (apple.phased(), offered(apple)) == (None, ("COMPLETE", 1_000_000))
    wait(apple, days=9)
    assert apple("DELETE", path).status == 404


@pytest.mark.parametrize("version", ["5.1.0", "5.2.0", "5.3.0"])
def test_a_release_request_for_a_version_that_does_not_wait_for_one_is_refused(version):
    apple = apple_at(5)
    assert refused(apple, apple.release(version))["source"] == {
        "pointer": "/data/relationships/appStoreVersion"
    }


def test_a_second_release_request_is_refused():
    apple = apple_at(5, BY_REQUEST)
    assert apple.release().status == 201
    assert refused(apple, apple.release())["status"] == "409"


def test_the_release_type_is_fixed_once_a_version_is_approved():
    apple = apple_at(5)
    version = apple.version()
    body = {
        "data": {"type": "appStoreVersions", "id": version["id"], "attributes": {"releaseType": "MANUAL"}}
    }
    told = refused(apple, apple("PATCH", f"{VERSIONS}/{version['id']}", body))
    assert told["detail"] == "The attribute 'releaseType' can not be modified."


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"data": []},
        {"data": {"type": "apps"}},
        {"data": {"type": "appStoreVersionPhasedReleases", "id": "other"}},
    ],
)
def test_a_body_that_is_no_resource_is_refused_with_422(body):
    apple = apple_at(5)
    refused(apple, apple("PATCH", f"{PHASED}/{(apple.phased() or {})['id']}", body), 422)
    refused(apple, apple("POST", REQUESTS, body), 422)
    assert apple.day() == ("ACTIVE", 1)


def test_errors_may_come_without_detail():
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", "no_detail", operation="phased.update"))
    told = refused(apple, apple.turn("PAUSED"))
    assert set(told) == {"id", "status", "code", "title"}
    assert apple.day() == ("ACTIVE", 1)
    apple.world.turn({"app_store_error_detail": False})
    assert "detail" not in refused(apple, apple.turn("ACTIVE"))


@pytest.mark.parametrize(
    ("kind", "status", "code", "text"),
    [
        ("agreement", 403, "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED", "has not been signed"),
        ("agreement_older", 403, "FORBIDDEN", "accept the latest license agreement"),
        ("membership", 403, "FORBIDDEN_ERROR", "not associated with an active membership"),
        ("401", 401, "NOT_AUTHORIZED", "bearer token"),
        ("403", 403, "FORBIDDEN_ERROR", "The API key in use does not allow this request"),
        ("409", 409, "STATE_ERROR", "the state of another resource"),
        ("429", 429, "RATE_LIMIT_EXCEEDED", "slow down"),
        ("500", 500, "UNEXPECTED_ERROR", "contact us"),
    ],
)
def test_a_refused_write_changes_nothing_and_says_so_in_apples_words(kind, status, code, text):
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", kind, operation="phased.update"))
    told = refused(apple, apple.turn("PAUSED"), status)
    assert (told["code"], text in told["detail"]) == (code, True)
    assert apple.day() == ("ACTIVE", 1)
    assert apple.turn("PAUSED").status == 200


@pytest.mark.parametrize(
    ("kind", "status", "applied"),
    [
        ("502", 502, False),
        ("503", 503, False),
        ("504", 504, False),
        ("500_after", 500, True),
        ("504_after", 504, True),
        ("drop", 0, False),
        ("drop_after", 0, True),
        ("html", 200, True),
        ("truncated", 200, True),
    ],
)
def test_the_answer_to_a_write_and_what_became_of_it_are_two_things(kind, status, applied):
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", kind, operation="phased.update"))
    assert apple.turn("PAUSED").status == status
    assert apple.world.ledger.requests[-1]["applied"] is applied
    assert apple.day()[0] == ("PAUSED" if applied else "ACTIVE")


def test_a_late_write_is_answered_with_504_and_lands_ninety_seconds_later():
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", "late_write"))
    assert apple.turn("PAUSED").status == 504
    request = apple.world.ledger.requests[-1]
    assert (request["applied"], apple.day()) == (True, ("ACTIVE", 1))
    wait(apple, seconds=89)
    assert apple.day() == ("ACTIVE", 1)
    wait(apple, seconds=1)
    assert (apple.day(), entries(apple.world, "phased")[-1]["request"]) == (("PAUSED", 1), request["seq"])


def test_a_late_write_that_came_too_late_does_nothing():
    apple = apple_at(5)
    apple.world.faults.add(Fault("app_store", "late_write"))
    apple.turn("PAUSED")
    apple.turn("COMPLETE")
    wait(apple, minutes=5)
    assert (apple.day(), offered(apple)) == (("COMPLETE", 1), ("COMPLETE", 1_000_000))


def test_a_release_request_may_land_late_too():
    apple = apple_at(5, BY_REQUEST)
    apple.world.faults.add(Fault("app_store", "late_write"))
    assert (apple.release().status, apple.state()) == (504, "PENDING_DEVELOPER_RELEASE")
    wait(apple, minutes=2)
    assert apple.state() == "PROCESSING_FOR_DISTRIBUTION"


def test_an_unsigned_agreement_lasts_until_somebody_signs_it():
    outage = "outages: [{service: app_store, begins: 4h, ends: 6h, kind: agreement}]"
    apple = apple_at(5, rest=outage)
    answer = apple("GET", "/v1/apps")
    assert (answer.status, error(answer)["links"]) == (403, {"see": "/business"})
    wait(apple, hours=1)
    assert apple("GET", "/v1/apps").status == 200
