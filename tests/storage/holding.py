"""A daemon that has claimed what the tests speak of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.alone import Everything
from stagedrollout.storage.engine import Engine
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.presence import Presence
from tests.core.apple import APPLE_KEY
from tests.core.builders import KEY
from tests.storage.rows import CHAT, NOW, SHOP

APPS = tuple(dict.fromkeys(key.store_app for key in (SHOP, CHAT, KEY, APPLE_KEY)))
SECONDS = timedelta(seconds=45)


class Epoch(int):
    """Of every lease alike; called, it is that of any store app, as a Recorder asks."""

    def __call__(self, app: StoreApp) -> int:
        return int(self)


def hold(engine: Engine, *apps: StoreApp, holder: str = "test", now: datetime = NOW, **info: Any) -> Epoch:
    """Begin as the only daemon, in place of any before, and claim the leases of these apps, or of all that tests know."""
    replica = Presence(engine).claim(holder, now, info)
    held = Leases(engine).claim(replica, map(str, apps or APPS), longest_request=SECONDS)
    return Epoch(max(tenure.epoch for tenure in held.values()))


class Beating(Everything):
    """Its sign of life is whatever a test makes of it."""

    def __init__(self, beat: Callable[[], None]) -> None:
        super().__init__()
        self._beat = beat

    def renew(self) -> None:
        self._beat()
