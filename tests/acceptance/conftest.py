from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

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
