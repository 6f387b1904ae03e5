"""The clock that a test gives a process makes nothing false but the time of day."""

from __future__ import annotations

import subprocess
import sys

from tests.acceptance.processes import surroundings
from tests.processes.machine_clock import MachineClock

HOLDS_THE_LOCK = """
import ctypes, threading, time

def works():
    begun.set()
    while not over.is_set():
        time.sleep(0)  # lets Python's lock go, and takes it again

begun, over = threading.Event(), threading.Event()
threading.Thread(target=works).start()
begun.wait()
before = time.process_time()
ctypes.PyDLL(None).usleep(500_000)  # while this thread keeps the lock
print(time.process_time() - before)
over.set()
"""


def test_a_thread_that_waits_for_pythons_lock_does_not_work_meanwhile(tmp_path):
    """Otherwise threads take it from each other at every call, and beside other work on the machine a halt is late."""
    done = subprocess.run(
        (sys.executable, "-c", HOLDS_THE_LOCK),
        env=surroundings(**MachineClock(tmp_path).environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert float(done.stdout) < 0.05, "seconds of work in half a second of waiting"
