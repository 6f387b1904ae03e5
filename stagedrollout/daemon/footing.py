"""What every raise stands on, beside store and signals: a journal that is the newest one.

Asked once at the beginning of a pass, so that the decision has its reason, and again right before each request
of a raise is sent. Halts do not ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from stagedrollout.core.errors import Unfounded
from stagedrollout.core.judgement import Reason
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.highwater import HighWater, mark_file
from stagedrollout.storage.presence import DaemonRow

KEEPS_A_MARK: dict[str, Any] = {"highwater": True}
"""What a daemon says of itself that keeps the journal's high-water mark: where one has run, the file is no news."""


class Footing(Protocol):
    def reasons(self, now: datetime) -> tuple[Reason, ...]:
        """Why nothing may be raised; empty where there is nothing. Raises nothing."""
        ...


class Firm:
    """Nothing to say: for whoever keeps neither a mark nor a watch."""

    def reasons(self, now: datetime) -> tuple[Reason, ...]:  # noqa: ARG002 - the common signature
        return ()


@dataclass(frozen=True, slots=True)
class KeptFooting:
    """`highwater` is None on a database server."""

    highwater: HighWater | None

    def reasons(self, now: datetime) -> tuple[Reason, ...]:  # noqa: ARG002
        doubt = self.highwater.doubt() if self.highwater else None
        return (Reason(doubt.code, doubt.words),) if doubt else ()

    def check(self, now: datetime) -> None:
        """Raises Unfounded."""
        for reason in self.reasons(now):
            raise Unfounded(reason.text)


def open_highwater(engine: Engine, before: DaemonRow | None) -> HighWater | None:
    """The mark of this database; `before` is the daemon that claimed it last. Raises StorageError."""
    path = mark_file(engine)
    if path is None:
        return None
    highwater = HighWater(path, engine)
    highwater.begin(at_first=before is None or not before.info.get("highwater"))
    return highwater
