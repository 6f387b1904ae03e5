"""What keeps secrets inside the process: no core file, no other process of this user that reads its memory.

Each is tried, and what the system does not give is logged and no reason not to run: a daemon that watches
with less protection halts, one that does not start does not.
"""

from __future__ import annotations

import ctypes
import logging
import resource
import sys

log = logging.getLogger(__name__)

_PR_SET_DUMPABLE = 4
_PR_GET_DUMPABLE = 3


def harden() -> None:
    """Close this process for others; to be called before it reads a secret. Raises nothing."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        log.warning("core files cannot be switched off: %s", error)
    if sys.platform == "linux":
        _undumpable()


def _undumpable() -> None:
    """Neither ptrace nor /proc/PID/mem and environ, except for root."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) or libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    except (OSError, AttributeError) as error:
        log.warning("this process's memory stays readable for others of its user: %s", error)
        return
    if failed:
        log.warning("this process's memory stays readable for others of its user: prctl refuses")
