"""How a daemon begins on a database: what it says of itself, the epoch it has from then on, and what it holds of what is shared."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from stagedrollout import __version__
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import Settings
from stagedrollout.config.steering import steering
from stagedrollout.core.model import StoreApp
from stagedrollout.daemon.footing import KEEPS_A_MARK, open_highwater
from stagedrollout.daemon.health.replicas import STEERS, told_doubt
from stagedrollout.daemon.lease import HeldLeases, Terms
from stagedrollout.daemon.peers import Peers
from stagedrollout.daemon.pressing import SEALED_BY
from stagedrollout.daemon.reach import Reach
from stagedrollout.daemon.reloading import watched
from stagedrollout.daemon.times import Times
from stagedrollout.storage.engine import Engine, left_open_seconds
from stagedrollout.storage.highwater import HighWater
from stagedrollout.storage.leases import Leases
from stagedrollout.storage.presence import DaemonRow, Presence
from stagedrollout.storage.server_clock import may_be_shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A daemon among those of its database. `peers`: None where nobody else can be there."""

    epoch: int
    presence: Presence
    highwater: HighWater | None
    leases: HeldLeases
    reach: Reach
    peers: Peers | None

    def begin(self, apps: Collection[StoreApp]) -> None:
        """Hold what is free of these, and look who else is there. Raises StorageError."""
        self.leases.begin(apps)
        if self.peers:
            self.peers.look()


def claimed(loaded: Loaded, engine: Engine, times: Times, place: str) -> Claim:
    """Whoever ran in this place is over from here on. The mark is opened by what that one has left. Raises StorageError.

    A file has one daemon at a time, whatever became of its lock file; a server has one in each place.
    """
    presence, terms = Presence(engine), terms_of(loaded.settings, engine)
    here = place if may_be_shared(engine) else ""
    before = presence.of_place(here) or presence.current()
    highwater = open_highwater(engine, before)
    who = f"{socket.gethostname()}:{os.getpid()}"
    info = {**_said(loaded, before), **({"place": place} if place else {})}
    if before and before.place == here:
        info |= told_doubt(before)  # until it has looked for itself
    epoch = presence.claim(who, times.wall.now(), info, place=here, lease=terms.lease)
    reach = Reach(times.of_passes)
    leases = HeldLeases(
        Leases(engine),
        presence,
        epoch,
        place=here,
        wall=times.wall,
        steady=times.steady,
        terms=terms,
        reach=reach,
    )
    peers = None
    if terms.lease is not None:
        vouching = 1.5 * leases.beat
        peers = Peers(engine, epoch, highwater, vouching, believed_for=terms.lease, steady=times.steady)
    return Claim(epoch=epoch, presence=presence, highwater=highwater, leases=leases, reach=reach, peers=peers)


def terms_of(settings: Settings, engine: Engine) -> Terms:
    """On which its leases are held; they may change with a reload. A lease lasts for twice as long as the server keeps locks of
    a process that has stopped, which is settled when the database is opened: until they are gone, nobody takes over."""
    limits, kept = settings.limits, timedelta(seconds=left_open_seconds(engine))
    lease = max(limits.keeps_lease, 2 * kept) if may_be_shared(engine) else None
    return Terms(lease=lease, longest_request=limits.longest_request)


def _said(loaded: Loaded, before: DaemonRow | None) -> dict[str, object]:
    """What it says of itself. The seal of the messages is the one before it in this place left, until it has a new one."""
    info = {
        "version": __version__,
        "clock": loaded.settings.clock.value,
        **KEEPS_A_MARK,
        **watched(loaded.settings),
        STEERS: steering(loaded),
    }
    return info | ({SEALED_BY: before.info[SEALED_BY]} if before and SEALED_BY in before.info else {})
