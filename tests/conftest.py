"""What holds for the whole run of the tests.

No secret that a test gave to the product stands in what that test logged or printed (R24). What is searched for is what
`read_secret` handed out in this worker, so it needs no list of its own; what is shorter than a token could stand in
innocent words. A hit fails the test it was captured in.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import stagedrollout
from stagedrollout.http.held import HELD

TOKEN_CHARS_MIN = 12
ON_PURPOSE = "shows_secrets"
"""The fixture of a test that prints one itself, to see that it would be found."""


IN_MEMORY = Path("/dev/shm")
IN_MEMORY_BYTES_MIN = 2 * 1024**3
"""Several times what a whole run leaves behind."""


def pytest_configure() -> None:
    """A commit is on the disk when it returns, and the tests, with the processes that they start, make tens of
    thousands: where memory can be had as a folder, all that is temporary is there, and nobody waits for a disk. Somebody
    who names a folder has it."""
    if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and _has_room(IN_MEMORY):
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    """For everything, also for programs, which a container's small one refuses to start."""
    about = os.statvfs(folder)
    starts = not about.f_flag & os.ST_NOEXEC
    return starts and os.access(folder, os.W_OK) and about.f_bavail * about.f_frsize >= IN_MEMORY_BYTES_MIN


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for the processes that they have started."""
    return 1 + (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it again and again for garbage took a tenth
    of the whole run.

    All of the product is imported, whichever tests are played: Hypothesis draws from the constants of the modules that
    are there, and a property must have the same examples alone and beside all others."""
    for module in pkgutil.walk_packages(stagedrollout.__path__, "stagedrollout."):
        if not {"__main__", "migrations"} & set(
            module.name.split(".")
        ):  # these do what they are for when imported
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "teardown" and report.passed and ON_PURPOSE not in getattr(item, "fixturenames", ()):
        told = "\n".join(text for _, text in report.sections)
        leaked = [
            secret for secret in list(HELD._secrets) if len(secret) >= TOKEN_CHARS_MIN and secret in told
        ]
        if leaked:
            report.outcome = "failed"
            report.longrepr = f"{len(leaked)} secret(s) of this run stand in what the test captured"
    return report
