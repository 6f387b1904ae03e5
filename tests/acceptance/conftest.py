from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.offspring import Nursery, can_be_born
from tests.acceptance.processes import NURSERIES, ROOT, surroundings
from tests.acceptance.stage import Stage
from tests.acceptance.stories import Story

Opens = Callable[..., Stage]


@pytest.fixture
def opens(tmp_path) -> Iterator[Opens]:
    """Open a stage for a story; `to` lets a daemon play it to that time, where the clock stands still."""
    with ExitStack() as stack:

        def opened(story: Story, *options: str, to: str = "") -> Stage:
            stage = Stage(tmp_path, story, *options)
            stack.callback(stage.close)
            if to:
                stage.stops_at("0m")
                stage.starts_daemon()
                stage.plays_to(to)
            return stage

        yield opened


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery(ROOT, surroundings())
    yield nursery
    nursery.close()


@pytest.fixture
def started_anew() -> None:
    """For tests of a process as the system starts it, and of what it shows of itself."""


@pytest.fixture(autouse=True)
def born(request: pytest.FixtureRequest) -> Iterator[None]:
    """Most tests are about what a process does, not about how Python starts."""
    if "started_anew" in request.fixturenames or not can_be_born():
        yield
        return
    NURSERIES.append(request.getfixturevalue("nursery"))
    yield
    NURSERIES.pop()
