from __future__ import annotations

from pathlib import Path

import pytest

from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import upgrade


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    return Journal(engine)
