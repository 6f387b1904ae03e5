from __future__ import annotations

import pytest

from tests.acceptance.conftest import born, nursery
from tests.notify.world import World

__all__ = ["born", "nursery"]


@pytest.fixture
def world() -> World:
    return World()
