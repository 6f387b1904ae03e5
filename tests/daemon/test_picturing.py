"""Drawing in another process: what comes of it, and that it ends."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.daemon.picturing import Drawing
from stagedrollout.notify.illustrator import Undrawn

KEY = RolloutKey("shop", Store.GOOGLE_PLAY, "5020")


class Sleeping(Drawing):
    """A process that would never end."""

    def _command(self, rollout: RolloutKey, path: Path) -> list[str]:
        return [sys.executable, "-c", "import time; time.sleep(600)"]


def test_why_there_is_no_picture_is_told_in_the_commands_own_words(tmp_path):
    with pytest.raises(Undrawn, match="cannot be read"):
        Drawing(tmp_path / "none.yaml").draw(KEY)


def test_a_picture_that_takes_too_long_is_given_up(tmp_path):
    begun = time.monotonic()
    with pytest.raises(Undrawn, match=r"within 0\.2 s"):
        Sleeping(tmp_path / "none.yaml", 0.2).draw(KEY)
    assert time.monotonic() - begun < 30


def test_the_end_of_the_daemon_ends_the_drawing(tmp_path):
    drawing = Sleeping(tmp_path / "none.yaml")
    threading.Timer(0.3, drawing.stop).start()
    with pytest.raises(Undrawn):
        drawing.draw(KEY)
    with pytest.raises(Undrawn, match="the daemon ends"):
        drawing.draw(KEY)
