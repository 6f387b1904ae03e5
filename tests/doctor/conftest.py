from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest
from google.auth.crypt._cryptography_rsa import RSASigner

from stagedrollout.config.shipped import policies_folder
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.write_config import write_config
from tests.doctor.desk import Desk


@pytest.fixture(scope="package")
def opened_once() -> Iterator[None]:
    """What is the same for every client of a kind, and takes longer to open than an examination to carry out."""
    patch = pytest.MonkeyPatch()
    patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
    patch.setattr(RSASigner, "from_string", cache(RSASigner.from_string))
    yield
    patch.undo()


@pytest.fixture(scope="package")
def one_desk(tmp_path_factory: pytest.TempPathFactory, opened_once: None) -> Iterator[Desk]:
    """A release on either store, a day old and staged."""
    with serve(load_scenario("healthy")) as running:
        running.world.timeline.advance(running.world.timeline.now + timedelta(hours=30))
        folder = tmp_path_factory.mktemp("conf")
        yield Desk(running, write_config(folder, running.world, url=running.url, policies=policies_folder()))


@pytest.fixture
def desk(one_desk: Desk) -> Iterator[Desk]:
    yield one_desk
    one_desk.tidies()
