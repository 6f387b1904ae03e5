"""The emulator says no in the words of the recordings, so that what is proven against one holds for the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import apple_recordings as told
import pytest
from apple_recordings import Answer

from stagedrollout.emulator.faults import Fault
from stagedrollout.stores.app_store.errors import Refused, classified
from tests.contracts.exchange import watching
from tests.contracts.told import unexplained_answer
from tests.emulator import calls
from tests.emulator.appstore_calls import APP, BY_REQUEST, PHASED, VERSIONS, AppleCaller, apple_at


def after(fault: str) -> Callable[[AppleCaller], calls.Answer]:
    def ask(apple: AppleCaller) -> calls.Answer:
        apple.world.faults.add(Fault("app_store", fault, operation="phased.update"))
        return apple.turn("PAUSED")

    return ask


def completed(apple: AppleCaller) -> calls.Answer:
    apple.turn("COMPLETE")
    return apple.turn("PAUSED")


def planned_twice(apple: AppleCaller) -> calls.Answer:
    apple.plan("5.3.0")
    return apple.plan("5.3.0")


def of_a_fixed_type(apple: AppleCaller) -> calls.Answer:
    version = apple.version()["id"]
    data = {"type": "appStoreVersions", "id": version, "attributes": {"releaseType": "MANUAL"}}
    return apple("PATCH", f"{VERSIONS}/{version}", {"data": data})


def of_nobody(apple: AppleCaller) -> calls.Answer:
    data = {"type": "appStoreVersionPhasedReleases", "id": "4f6f0c1e", "attributes": {}}
    return apple("PATCH", f"{PHASED}/4f6f0c1e", {"data": data})


ROWS: list[tuple[str, Answer, Callable[[AppleCaller], calls.Answer]]] = [
    ("ILLEGAL_PARAMETER", told.ILLEGAL_PARAMETER, lambda apple: apple("GET", f"{APP}?limit=2")),
    ("UNAUTHORIZED", told.UNAUTHORIZED, lambda apple: calls.Caller(apple.world, "")("GET", "/v1/apps")),
    ("ROLE_MISSING", told.ROLE_MISSING, after("403")),
    ("MEMBERSHIP", told.MEMBERSHIP, after("membership")),
    ("AGREEMENT", told.AGREEMENT, after("agreement")),
    ("AGREEMENT_OLDER", told.AGREEMENT_OLDER, after("agreement_older")),
    ("NO_SUCH_PHASED", told.NO_SUCH_PHASED, of_nobody),
    ("NO_SUCH_PATH", told.NO_SUCH_PATH, lambda apple: apple("GET", "/v1/appStoreVersionz")),
    ("FINAL", told.FINAL, completed),
    ("SAME", told.SAME, lambda apple: apple.turn("ACTIVE")),
    ("RELEASE_TYPE_FIXED", told.RELEASE_TYPE_FIXED, of_a_fixed_type),
    ("WRONG_TYPE", told.WRONG_TYPE, lambda apple: apple.turn("STOPPED")),
    ("STATE_ERROR", told.STATE_ERROR, after("409")),
    ("ALREADY_THERE", told.ALREADY_THERE, planned_twice),
    ("THROTTLED", told.THROTTLED, after("429")),
    ("BROKEN", told.BROKEN, after("500")),
]
NOT_SEEN = ("SAME", "WRONG_TYPE")
"""Whose code or exact text nobody has recorded: there both sides need only mean the same."""


def meant(status: int, body: bytes) -> tuple[object, ...]:
    """What the client makes of it."""
    found = classified("asking", status, {}, body)
    return type(found), found.status, found.said if isinstance(found, Refused) else ""


def words(body: bytes) -> tuple[str, str, str]:
    """Code, title and the beginning of the detail, whoever is named in it."""
    (item,) = json.loads(body)["errors"]
    detail = re.sub(r"'[^']*'", "'…'", item["detail"])
    return item["code"], item["title"], detail[:50]


@pytest.mark.parametrize(("name", "recorded", "ask"), ROWS, ids=[row[0] for row in ROWS])
def test_the_emulator_refuses_as_recorded(name, recorded, ask):
    with watching() as exchanges:
        answer = ask(apple_at(4 + 24))
    assert meant(answer.status, answer.body) == meant(recorded.status, recorded.body)
    if name not in NOT_SEEN:
        assert words(answer.body) == words(recorded.body)
    if name != "NO_SUCH_PATH":
        assert unexplained_answer("app_store", exchanges) == []


def test_the_emulator_refuses_a_turn_before_the_version_is_live_as_recorded():
    apple = apple_at(5, BY_REQUEST)
    answer = apple.turn("PAUSED")
    assert words(answer.body) == words(told.NOT_LIVE.body)


@pytest.mark.parametrize(("fault", "recorded"), [("502", told.HTML), ("503", told.UNAVAILABLE)])
def test_the_emulator_fails_in_front_of_apple_as_recorded(fault, recorded):
    answer = after(fault)(apple_at(4 + 24))
    assert meant(answer.status, answer.body) == meant(recorded.status, recorded.body)
