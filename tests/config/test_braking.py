"""A halt past the daemon is kept by nothing that is wrong elsewhere in the configuration."""

from __future__ import annotations

import pytest

from stagedrollout.config.braking import read_to_halt
from stagedrollout.core.model import Store, StoreApp
from tests.config.conftest import GOOD, Write

pytestmark = pytest.mark.promise("R12")

PLAY = StoreApp("acme", Store.GOOGLE_PLAY)


@pytest.mark.parametrize(
    "wrong",
    [
        GOOD + "pol: 15m\n",
        GOOD + "calendars: [{name: a}, {name: a}]\n",
        GOOD + "app_store: {key: 5}\n",
        GOOD + "limits: {drain: never}\n",
        GOOD + "policies: [nowhere, 5]\n",
        GOOD + "people: 7\n",
        GOOD.replace("policy: standard", "policy: standrad"),
        GOOD.replace("database: sqlite:///state/x.db\n", ""),
        GOOD.replace("{project: acme-android}", "[]"),
        GOOD.replace("credentials:", "unheard_of: 1, credentials:"),
        GOOD + "  - {name: other, policy: 5, google_play: {package: 7}}\n",
    ],
)
def test_what_is_wrong_elsewhere_does_not_matter(write: Write, wrong: str):
    loaded = read_to_halt(write(wrong), PLAY, environ={})
    assert loaded
    app = loaded.settings.app("acme")
    assert app
    assert app.google_play
    assert (app.google_play.package, app.google_play.track) == ("com.acme.app", "production")
    assert app.policy in loaded.policies


@pytest.mark.parametrize(
    "wrong",
    [
        "a: [",
        GOOD.replace("com.acme.app", "5"),
        GOOD.replace("google_play: {credentials", "play: {credentials"),
        GOOD.replace("play.json}", "play.json}, endpoint: 'http://elsewhere.example'"),
        GOOD + "  - {name: acme, policy: standard, google_play: {package: com.acme.another}}\n",
    ],
)
def test_what_a_halt_needs_is_not_guessed(write: Write, wrong: str):
    assert read_to_halt(write(wrong), PLAY, environ={}) is None


def test_an_app_that_is_not_there_is_not_made_up(write: Write):
    assert read_to_halt(write(), StoreApp("acme", Store.APP_STORE), environ={}) is None
