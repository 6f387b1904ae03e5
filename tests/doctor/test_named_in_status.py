"""What the doctor finds, `status` names as well, after one pass and one request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.bootstrap import wire
from stagedrollout.daemon.doors import Doors
from stagedrollout.storage.engine import Engine, open_engine
from stagedrollout.storage.migrate import upgrade
from tests.doctor.desk import Desk, in_section

ANDROID, IOS = StoreApp("acme", Store.GOOGLE_PLAY), StoreApp("acme", Store.APP_STORE)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def _pass(desk: Desk, engine: Engine, app: StoreApp, passes: int = 1) -> tuple[str, str]:
    """What `status` shows below its table, and why the rollout stands where it does."""
    works = wire(desk.loaded(), Doors(), engine)
    for _ in range(passes):
        done = works.passes.run(works.listings[app])
    works.relay.close()
    works.report.close()
    why = " ".join(row.summary.reason for row in works.presence.statuses().rollouts)
    return done.problem, why


def test_a_mistyped_track_does_not_look_like_a_quiet_app(desk: Desk, engine: Engine) -> None:
    desk.configures(in_section("apps", 0, "google_play", track="prodution"))
    problem, _ = _pass(desk, engine, ANDROID)
    assert "no track 'prodution'; the package has alpha, beta, internal, production" in problem


def test_a_mistyped_package_is_named_and_asked_for_once_in_a_pass(desk: Desk, engine: Engine) -> None:
    desk.configures(in_section("apps", 0, "google_play", package="com.acme.ap"))
    desk.marks()
    problem, _ = _pass(desk, engine, ANDROID)
    assert "Package not found: com.acme.ap" in problem
    assert len(desk.sent("google_play")) == 1


def test_a_wrong_apple_id_is_named(desk: Desk, engine: Engine) -> None:
    desk.configures(in_section("apps", 0, "app_store", app_id="6448311060"))
    problem, _ = _pass(desk, engine, IOS)
    assert "this key knows no app with the Apple ID 6448311060" in problem


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"environment": "prod"}, "environment 'prod'"), ({"project": "acmee"}, "project 'acmee'")],
)
def test_a_wrong_environment_or_project_is_why_a_rollout_is_held(
    desk: Desk, engine: Engine, wrong: dict[str, str], said: str
) -> None:
    desk.configures(in_section("apps", 0, "google_play", "sentry", **wrong))
    desk.marks()
    problem, why = _pass(desk, engine, ANDROID, passes=2)
    assert problem == ""
    assert said in why
    assert len(desk.sent("sentry")) <= 2 * 4 + 1, (
        "four questions in a pass, each asked once, and what is missing looked up"
    )
