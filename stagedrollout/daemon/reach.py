"""Which services cannot be reached from this replica's place, while others perhaps reach them: what is another one's to do then
(sharing.py).

Only silence of the network counts: nobody listens, nothing answers in time, no certificate that holds. Whoever answers is
reached, also where the answer is a no, for every replica would get the same one.

A replica that has let go of a service does not ask it any more, so nothing tells it that the network is mended. It tries
again after ten minutes, then after twenty, and so on; and not at all while no other one reaches the service either, for then
each of them would get from the next what none of them can look at.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from stagedrollout.core.errors import EdgeError, Unreachable
from stagedrollout.daemon.elapsed import Elapsed, elapsed
from stagedrollout.storage.leases import NOTICES

LOOK_AGAIN = timedelta(seconds=30)
"""How soon a store that does not answer is looked at again, where another replica could take its apps."""

STORE_PATIENCE_SECONDS = 20.0
"""Between two looks that nothing answered: below `LOOK_AGAIN`, and more than what makes several apps fail in one moment."""

NOTICES_PATIENCE_SECONDS = 120.0
"""Well before what is urgent goes to the second channel (promise R20)."""

BARRED_SECONDS = 600.0
DOUBLED_MAX = 4
"""At most two hours and forty minutes lie between two tries."""


def service_of(lease: str) -> str:
    """What has to be reached for that: the store of a store app's lease, and whoever takes notices."""
    return lease.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _Silence:
    """`since` and `last`: when the first and the newest try failed, by the steady clock."""

    words: str
    since: float
    last: float
    cut_off: bool = False


class Reach:
    """Safe from many threads; raises nothing. Services are told apart as in `service_of`."""

    def __init__(self, steady: Elapsed = elapsed) -> None:
        self._steady = steady
        self._guard = threading.Lock()
        self._silences: dict[str, _Silence] = {}
        self._tries: dict[str, int] = {}
        """How often each was tried in vain since it was reached last."""

    def met(self, service: str, error: EdgeError | None) -> None:
        """A conversation with it has ended so; None: well."""
        with self._guard:
            if isinstance(error, Unreachable) and not error.status:
                self._silences[service] = self._longer(service, error.detail)
            else:
                self._silences.pop(service, None)
                self._tries.pop(service, None)

    def told(self) -> Mapping[str, str]:
        """What does not answer here, and how that shows, in words."""
        with self._guard:
            return {service: silence.words for service, silence in sorted(self._silences.items())}

    def doubts(self, service: str) -> bool:
        """Whether the newest try failed, and it is too soon to say that it cannot be reached."""
        with self._guard:
            silence = self._silences.get(service)
            return silence is not None and not silence.cut_off

    def cut_off(self) -> frozenset[str]:
        """What has not answered twice in a row."""
        with self._guard:
            return frozenset(service for service, silence in self._silences.items() if silence.cut_off)

    def hopes(self, elsewhere: Collection[str]) -> None:
        """What others reach is taken for mended here too, once it was left alone for long enough."""
        with self._guard:
            for service in self._silences.keys() & set(elsewhere):
                silence, tries = self._silences[service], self._tries.get(service, 0)
                if self._steady() - silence.last >= BARRED_SECONDS * 2 ** min(tries, DOUBLED_MAX):
                    del self._silences[service]
                    self._tries[service] = tries + silence.cut_off

    def _longer(self, service: str, words: str) -> _Silence:
        now = self._steady()
        before = self._silences.get(service)
        if before is None:
            return _Silence(words, now, now)
        patience = NOTICES_PATIENCE_SECONDS if service == NOTICES else STORE_PATIENCE_SECONDS
        cut_off = before.cut_off or now - before.since >= patience
        return replace(before, words=words, last=now, cut_off=cut_off)
