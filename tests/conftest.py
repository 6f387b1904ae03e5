"""What holds for the whole run of the tests."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it again and again for garbage took a tenth
    of the whole run."""
    gc.collect()
    gc.freeze()
