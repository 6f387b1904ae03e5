"""Two that both believed they were the one."""

from __future__ import annotations

from datetime import UTC, datetime

from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.presence import Presence
from tests.acceptance.processes import Background, eventually
from tests.acceptance.stories import short


def test_kubernetes_23731(opens):
    """Kubernetes #23731: who had lost the election was not told so, and two led at once. A second daemon on one database
    does not start, and the first one goes on."""
    stage = opens(short(until="8h"), to="5h")
    second = Background(stage.folder, "second", "run", "--config", str(stage.config))
    try:
        assert second.ended(within=30) != 0
        assert "another stagedrollout daemon" in second.said
        assert "Traceback" not in second.said
    finally:
        second.removed()
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50)]
    stage.is_clean()


def test_cilium_42920(opens):
    """Cilium #42920: an operator that had lost the lead went on acting while its shutdown hung, beside the new one. A raise
    is under way when somebody else claims the database: it is not committed, and the daemon ends."""
    stage = opens(short(until="8h"), to="5h")
    stage.breaks("google_play", "slow", "tracks.update", seconds=2.0)
    stage.stops_at("6h 20m")
    eventually(lambda: stage.ledger("fault"), what="the raise's write")
    (database,) = (stage.conf / "state").glob("*.db")
    engine = open_existing(f"sqlite:///{database}")
    Presence(engine).claim("another", datetime.now(UTC), {})
    engine.dispose()
    assert stage.daemon.ended(within=60) == 1
    assert "another daemon has taken over" in stage.daemon.said
    assert not [path for path in stage.writes() if path.endswith(":commit")]
    assert stage.served() == ("inProgress", 100_000)
