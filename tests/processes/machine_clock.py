"""A machine's clock for one process, to be set while it runs: libfaketime, loaded before the process's own libraries.

Only the wall clock is false. What counts the time that passes goes on as it does on a machine whose clock is set.
"""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

_GIL_WAIT_MS = f"{sys.getswitchinterval() * 1_000:.0f}"
"""How long a thread waits for Python's lock (the GIL) until it demands it, as on any machine.

That wait goes by the steady clock, which libfaketime is told to let be. It reckons this one by a false clock all the
same, so that the wait is over before it has begun: threads that have work take the lock from each other at every call,
and each time wait until the machine lets the other one run. Beside a few busy loops four threads needed 16 seconds for
what takes them a tenth of one, and the daemon's halts three times as long and more. It is the only wait there that
libfaketime touches: Python's others are for semaphores.
"""


def preload() -> Path:
    """The library. The test that asks is skipped, and says so, where there is none for this machine."""
    spec = find_spec("libfaketime")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    library = folder / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or not library.is_file():
        pytest.skip("libfaketime's wheel holds a library for Linux on x86-64 only")
    return library


class MachineClock:
    """The clock that a process started with `environ` sees."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "clock.txt"
        self._library = preload()
        self.is_off_by(0)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._told),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_WAIT_MS": _GIL_WAIT_MS,
        }

    def is_off_by(self, minutes: int) -> None:
        """From now on, in one step."""
        self._told.with_suffix(".new").write_text(f"{minutes:+d}m\n", "utf-8")
        self._told.with_suffix(".new").replace(self._told)
