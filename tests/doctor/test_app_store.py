"""What `doctor` says of the App Store."""

from __future__ import annotations

import pytest

from stagedrollout.doctor.finding import State
from tests.doctor.desk import IOS, Desk, in_section

APPLE = ("apps", 0, "app_store")


def test_an_apple_id_that_nobody_knows_is_told_with_the_one_of_the_bundle(desk: Desk) -> None:
    desk.configures(in_section(*APPLE, app_id="6448311060"))
    desk.examines()
    found = desk.finding(IOS, "app")
    assert found.state is State.PROBLEM
    assert "this key knows no app with the Apple ID 6448311060" in found.said
    assert found.right.startswith("the bundle id com.acme.app has the Apple ID 6448311069; the key sees")


def test_a_mistyped_bundle_id_is_told_with_the_right_one(desk: Desk) -> None:
    desk.configures(in_section(*APPLE, bundle_id="com.acme.ap"))
    desk.examines()
    found = desk.finding(IOS, "app")
    assert (found.state, found.right) == (State.PROBLEM, "write bundle_id: com.acme.app")


def test_a_key_with_the_role_admin_is_more_than_is_needed(desk: Desk) -> None:
    desk.world.turn({"app_store_role": "admin"})
    desk.examines()
    assert desk.ill() == []
    assert desk.finding("app_store", "beyond need", "reads analytics").state is State.WARNING
    assert desk.finding("app_store", "beyond need", "team key").state is State.WARNING
    assert " of 3500 requests in this hour" in desk.finding("app_store", "limit").said


def test_an_individual_key_that_sees_its_app_only_is_just_enough(desk: Desk) -> None:
    def individual(document: dict[str, dict[str, str]]) -> None:
        del document["app_store"]["issuer_id"]

    desk.configures(individual)
    desk.examines()
    assert desk.finding("app_store", "beyond need", "individual key").state is State.OK


@pytest.mark.parametrize(
    ("kind", "said"),
    [("agreement", "the Account Holder must sign"), ("401", "Apple does not accept the key")],
)
def test_what_keeps_a_key_out_is_told_in_words(desk: Desk, kind: str, said: str) -> None:
    desk.breaks("app_store", kind)
    desk.examines()
    assert desk.finding(IOS, "access", said).state is State.PROBLEM
    assert desk.finding("app_store", "access", said).state is State.PROBLEM


def test_an_app_that_is_sold_nowhere_is_a_problem(desk: Desk) -> None:
    app = desk.world.app_store.apps[0]
    app.unsold.update(dict.fromkeys(_every_territory(), desk.world.timeline.now))
    desk.examines()
    app.unsold.clear()
    assert desk.finding(IOS, "territories").state is State.PROBLEM


def _every_territory() -> tuple[str, ...]:
    from stagedrollout.emulator.appstore_territories import TERRITORY_CODES  # noqa: PLC0415

    return tuple(TERRITORY_CODES)
