"""A dead man's switch outside of this machine: an address that is asked for as long as all is well (promise R21).

Whoever stands behind it (healthchecks.io, Dead Man's Snitch, a monitoring of one's own) alarms when it is not asked for.
It needs nothing but GET; a question goes out on a thread of its own, one at a time, and none is repeated: the next one
comes in a minute.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from stagedrollout.config.dead_man import Params, split_address
from stagedrollout.config.secrets import Secret
from stagedrollout.core.errors import EdgeError
from stagedrollout.daemon.health.rounds import Pace
from stagedrollout.http.client import HttpClient, Limits, Transport

log = logging.getLogger(__name__)

ASK_SECONDS = 60.0
"""The least time between two questions: a poll is a minute at least, and a miss must show within two."""

LIMITS = Limits(timeout_seconds=10.0, bytes_max=64 * 1024)


class DeadMan:
    """`beat` is called by one thread. No method raises, and none waits for the network."""

    def __init__(
        self, http: HttpClient, path: str, params: Params, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http, self._path, self._params = http, path, params
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._asking: threading.Thread | None = None
        self._wrong = ""

    def beat(self, pace: Pace) -> None:
        """Silence is the alarm: nothing is asked while a pass is late or broke off, nor before the first ones ended."""
        now = self._monotonic()
        if pace is not Pace.IN_TIME or now - self._asked_at < ASK_SECONDS:
            return
        if self._asking and self._asking.is_alive():
            return
        self._asked_at = now
        asking = threading.Thread(target=self._ask, name="dead man", daemon=True)
        try:
            asking.start()
        except RuntimeError as error:  # no thread to be had
            self._note(str(error))
        else:
            self._asking = asking

    def _ask(self) -> None:
        try:
            self._http.get_bytes("saying that all is well", self._path, self._params, accept="*/*")
        except EdgeError as error:
            self._note(str(error))
        except Exception as mistake:  # noqa: BLE001 - a thread that nobody waits for
            self._note(type(mistake).__name__)
        else:
            self._note("")

    def _note(self, wrong: str) -> None:
        if wrong and wrong != self._wrong:
            log.warning("the dead man's switch cannot be reached: %s", wrong)
        elif self._wrong and not wrong:
            log.warning("the dead man's switch is reached again")
        self._wrong = wrong


def open_dead_man(url: Secret, transport: Transport | None) -> DeadMan:
    """Sends nothing yet. Raises WrongConfiguration, which does not repeat the address."""
    endpoint, path, params = split_address(url)
    return DeadMan(HttpClient(endpoint, limits=LIMITS, transport=transport), path, params)
