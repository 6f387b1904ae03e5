"""Whether the daemon is in the middle of something at a store app: an edit that `doctor` opens ends the daemon's.

Play allows one open edit per account and package (google-play.md section 5.2). The daemon finds out, sends nothing
more and starts afresh, but a halt should not have to. Between this look and the edit something may still begin; that
is as close as a look from outside gets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stagedrollout.core.errors import StorageError
from stagedrollout.core.model import StoreApp
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.engine import Engine, open_readonly
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.migrate import check
from stagedrollout.storage.presence import DaemonRow, PassRow, Presence

PASS_WAIT_SECONDS = 10.0
"""How long the end of a pass is waited for: most take a second or two."""

BEFORE_A_PASS = timedelta(seconds=20)
"""A probe does not begin when a pass is due sooner than that."""

_SILENT_AFTER = timedelta(seconds=45)
_LOOK_AGAIN_SECONDS = 0.2
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Quiet:
    """The journal's and the daemon's word, from `database`. `now` is the machine's time."""

    database: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def disturbed(self, app: StoreApp, *, probing: bool) -> str:
        """What an edit would get in the way of, in words; "" for nothing. A pass is waited for, for a while."""
        if self.database.startswith(_SQLITE) and not Path(self.database.removeprefix(_SQLITE)).exists():
            return ""  # no daemon has ever run here
        ends = time.monotonic() + PASS_WAIT_SECONDS
        while True:
            try:
                going_on, passes_by = self._look(app, probing=probing)
            except StorageError as error:
                return f"whether the daemon is in the middle of something cannot be told: {error}"
            if not going_on or not passes_by or time.monotonic() > ends:
                return going_on
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _look(self, app: StoreApp, *, probing: bool) -> tuple[str, bool]:
        """What is going on, and whether that is worth waiting for."""
        with ExitStack() as stack:
            engine = open_readonly(self.database)
            stack.callback(engine.dispose)
            check(engine)
            if intents := _intents(engine, app):
                return intents, False
            statuses = Presence(engine).looks()
            if not _watches(statuses.daemon, app, self.now()):
                return "", False
            row = next((row for row in statuses.passes if row.store_app == app), None)
            return self._pass(row, probing=probing)

    def _pass(self, row: PassRow | None, *, probing: bool) -> tuple[str, bool]:
        """While a pass goes on, it is still due: the next one is noted at its end."""
        ahead = row.next_due_at - self.now() if row and row.next_due_at else timedelta(0)
        if ahead <= timedelta(0):
            return "the daemon is looking at this app just now", True
        if probing and ahead < BEFORE_A_PASS:
            return "the daemon is about to look at this app", True
        return "", False


def _intents(engine: Engine, app: StoreApp) -> str:
    orders = [each for each in CommandBox(engine).waiting() if (each.app, each.store) == (app.app, app.store)]
    if orders:
        return f"a person's order ({orders[0].verb.value}) is waiting or being carried out"
    standing = Journal(engine).open_intents(app)
    if not standing:
        return ""
    change, release = standing[0].intent.change, standing[0].rollout.release_id
    return (
        f"the daemon's intent to {change.verb.value} {release} is open: what became of it is not certain yet"
    )


def _watches(daemon: DaemonRow | None, app: StoreApp, now: datetime) -> bool:
    """Whether a living daemon watches this app by the machine's time. An emulator's says nothing about when its next
    look is, for it stands still meanwhile."""
    if daemon is None or "stopped_at" in daemon.info or now - daemon.heartbeat_at >= _SILENT_AFTER:
        return False
    return daemon.info.get("clock") != "emulator" and str(app) in daemon.info.get("watching", ())
