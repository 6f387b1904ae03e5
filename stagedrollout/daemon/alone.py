"""What one that is alone holds: all of it, for good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clearance
from stagedrollout.daemon.lease import HEARTBEAT, Terms


class Everything:
    """For whoever is alone, and asks no database: everything is held, under one epoch."""

    shared = False
    beat = HEARTBEAT

    def __init__(self, replica: int = 1) -> None:
        self._replica = replica

    def epoch(self, app: StoreApp) -> int:  # noqa: ARG002 - the common signature
        return self._replica

    def epochs(self) -> Mapping[str, int]:
        return {}

    def reasons(self, app: StoreApp) -> tuple[Reason, ...]:  # noqa: ARG002
        return ()

    def clearance(self, app: StoreApp) -> Clearance:  # noqa: ARG002
        return lambda: None

    def holds(self, app: StoreApp) -> bool:  # noqa: ARG002
        return True

    def lets_go(self, app: StoreApp) -> bool:  # noqa: ARG002
        return False

    def elsewhere(self, app: StoreApp) -> bool:  # noqa: ARG002
        return False

    def may_tell(self) -> bool:
        return True

    def on_duty(self) -> bool:
        return True

    def go_by(self, terms: Terms) -> None:
        """Nothing of it ever ends."""

    def renew(self) -> None:
        """Nobody asks."""

    def wants(self, apps: Collection[StoreApp]) -> bool:  # noqa: ARG002
        return False

    def tend(
        self,
        apps: Collection[StoreApp],  # noqa: ARG002
        idle: Callable[[StoreApp | None], bool],  # noqa: ARG002
    ) -> tuple[StoreApp, ...]:
        return ()

    def give_all(self) -> None:
        """There is nobody to give it to."""
