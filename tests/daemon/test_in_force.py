"""What people are told of the configuration on the disk, where the daemon goes by another one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from stagedrollout.daemon.in_force import InForce, trouble
from tests.core.builders import NOON


def test_a_refused_configuration_says_on_which_day_it_was_refused(tmp_path: Path) -> None:
    """It may have been days ago that nobody looked."""
    path = tmp_path / "stagedrollout.yaml"
    path.write_text("good", "utf-8")
    found = InForce.at(path, (), NOON)
    assert trouble(found) == ""
    path.write_text("bad", "utf-8")
    refused = found.refusing(found.on_disk(), NOON + timedelta(days=1), ("poll: no", "clock: no"))
    assert trouble(refused).startswith(
        "the new configuration was refused at 2026-03-03 12:00 UTC: poll: no (and 1 more); the one of 2026-03-02 12:00 UTC"
    )
    path.write_text("good", "utf-8")
    assert trouble(refused) == "", "what is in force stands there again"
