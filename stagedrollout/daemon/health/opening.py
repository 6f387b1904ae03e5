"""From the configuration to what the daemon tells about itself; without `health:`, to silence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stagedrollout.config.dsn import unusable_dsn
from stagedrollout.config.load import Loaded
from stagedrollout.config.problems import Problem, refusal
from stagedrollout.config.secrets import Secret, SecretRef
from stagedrollout.core.model import StoreApp
from stagedrollout.core.ports import Clock
from stagedrollout.daemon.health.dead_man import open_dead_man
from stagedrollout.daemon.health.errors import Ingest, OwnSentry
from stagedrollout.daemon.health.heartbeat import HeartbeatFile
from stagedrollout.daemon.health.report import OwnHealth, SelfReport, Silent
from stagedrollout.daemon.health.rounds import Rounds
from stagedrollout.daemon.watched.memory import Memory
from stagedrollout.http.client import Transport as HttpTransport
from stagedrollout.http.held import HELD

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport


def open_report(  # noqa: PLR0913 - of which configuration, and the seams
    loaded: Loaded,
    apps: Iterable[StoreApp],
    *,
    clock: Clock,
    epoch: int,
    memory: Memory | None = None,
    transport: Transport | None = None,
    http: HttpTransport | None = None,
) -> SelfReport:
    """`apps` are watched from now on; `memory` is told as well where somebody may ask. `transport` replaces the SDK's own,
    `http` the network. Raises WrongConfiguration.
    """
    health = loaded.settings.health
    file = None
    if loaded.heartbeat_file:
        file = HeartbeatFile(loaded.heartbeat_file, epoch)
    sentry = _sentry(loaded, health.sentry_dsn, transport) if health.sentry_dsn else None
    dead_man = open_dead_man(loaded.secret(health.dead_man_url), http) if health.dead_man_url else None
    if file is None and sentry is None and dead_man is None and not health.listen:
        return Silent()
    rounds = Rounds(apps, loaded.settings.poll, clock.now())
    return OwnHealth(rounds, clock, file=file, sentry=sentry, dead_man=dead_man, memory=memory)


def _sentry(loaded: Loaded, ref: SecretRef, transport: Transport | None) -> OwnSentry:
    settings = loaded.settings
    ingest = Ingest(
        dsn=_dsn(loaded, ref),
        environment=settings.health.environment,
        monitor=settings.health.monitor,
        poll=settings.poll,
        transport=transport,
    )
    loaded.secrets()  # whatever has been read of them so far: from now on all are known and kept out
    return OwnSentry(ingest, HELD)


def _dsn(loaded: Loaded, ref: SecretRef) -> Secret:
    dsn = loaded.secret(ref)
    if wrong := unusable_dsn(dsn, ref, loaded.settings.clock):
        raise refusal([Problem(str(loaded.path), 0, 0, "health.sentry_dsn", wrong.wrong, wrong.right)])
    return dsn
