"""Where an app is sold, changed territory by territory through the API (app-store-connect.md 4, rows 20 and 21; 15)."""

from __future__ import annotations

import pytest

from tests.emulator.appstore_calls import APP_ID, BY_REQUEST, AppleCaller, act, apple_at, error, offered, wait

TERRITORIES = "/v1/territoryAvailabilities"


def ids(apple: AppleCaller) -> dict[str, str]:
    target = f"/v2/appAvailabilities/{APP_ID}/territoryAvailabilities?limit=200&include=territory"
    entries = apple.get(target)["data"]
    return {entry["relationships"]["territory"]["data"]["id"]: entry["id"] for entry in entries}


def sell(apple: AppleCaller, name: str, available: object = False, kind: str = "territoryAvailabilities"):
    body = {"data": {"type": kind, "id": name, "attributes": {"available": available}}}
    return apple("PATCH", f"{TERRITORIES}/{name}", body)


def sold(apple: AppleCaller) -> int:
    target = f"/v2/appAvailabilities/{APP_ID}/territoryAvailabilities?limit=200"
    return sum(entry["attributes"]["available"] for entry in apple.get(target)["data"])


def test_one_territory_less_changes_nothing_for_the_others():
    apple = apple_at(4 + 24)
    answer = sell(apple, ids(apple)["USA"])
    assert (answer.status, answer.document["data"]["attributes"]["available"]) == (200, False)
    assert apple.world.ledger.requests[-1]["applied"] is True
    assert (sold(apple), offered(apple)) == (174, ("ACTIVE", 20_000))
    sell(apple, ids(apple)["USA"])
    assert apple.world.ledger.requests[-1]["applied"] is False


def test_with_the_last_territory_the_app_is_gone_and_its_phased_release_is_over_for_good():
    apple = apple_at(4 + 24)
    for name in ids(apple).values():
        sell(apple, name)
    assert (sold(apple), offered(apple)) == (0, ("ACTIVE", 0))
    assert "current version state" in error(apple.turn("PAUSED"))["detail"]
    sell(apple, ids(apple)["USA"], True)
    assert (sold(apple), offered(apple)) == (1, ("ACTIVE", 20_000))
    wait(apple, days=3)
    assert (apple.day(), apple.turn("COMPLETE").status) == (("ACTIVE", 2), 409)


def test_a_version_that_was_ready_while_nobody_sold_the_app_is_out_with_the_first_territory_that_does():
    apple = apple_at(5, BY_REQUEST)
    apple.release()
    assert act(apple, "remove_from_sale").status == 200
    wait(apple, days=2)
    assert apple.state() == "PROCESSING_FOR_DISTRIBUTION"
    sell(apple, ids(apple)["DEU"], True)
    assert (apple.state(), apple.day()) == ("READY_FOR_DISTRIBUTION", ("ACTIVE", 1))


def test_the_old_state_need_not_tell_of_a_removal():
    apple = apple_at(4 + 24)
    apple.world.turn({"removal_in_old_state": False})
    act(apple, "remove_from_sale")
    assert apple.version()["attributes"]["appStoreState"] == "READY_FOR_SALE"
    assert sold(apple) == 0


def test_a_removal_may_be_shown_in_the_making_for_a_day():
    apple = apple_at(4 + 24)
    apple.world.turn({"removal_takes_a_day": True})
    name = ids(apple)["USA"]
    made = sell(apple, name).document["data"]["attributes"]
    assert made == {**made, "available": False, "contentStatuses": ["PROCESSING_TO_NOT_AVAILABLE"]}
    wait(apple, days=1)
    told = sell(apple, name).document["data"]["attributes"]
    assert told["contentStatuses"] == ["CANNOT_SELL"]


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("nobody", {}, 404),
        ("bm9ib2R5", {}, 404),
        ("eyJzIjogIjY0NDgzMTEwNjkiLCAidCI6ICJaWloifQ", {}, 404),
        (None, {"available": "no"}, 409),
        (None, {"kind": "territories"}, 422),
    ],
)
def test_what_is_no_territory_and_no_answer_is_refused(name, more, status):
    apple = apple_at(4)
    answer = sell(apple, name or ids(apple)["USA"], **more)
    assert (answer.status, apple.world.ledger.requests[-1]["applied"]) == (status, False)
    assert sold(apple) == 175


def test_the_second_version_of_the_api_takes_no_such_write():
    apple = apple_at(4)
    name = ids(apple)["USA"]
    answer = apple("PATCH", f"/v2/territoryAvailabilities/{name}", {})
    assert (answer.status, error(answer)["code"]) == (404, "PATH_ERROR")
