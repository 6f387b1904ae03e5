"""What holds for the whole run of the tests.

No secret that a test gave to the product stands in what that test logged or printed (R24). What is searched for is what
`read_secret` handed out in this worker, so it needs no list of its own; what is shorter than a token could stand in
innocent words. A hit fails the test it was captured in.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from stagedrollout.http.held import HELD

TOKEN_CHARS_MIN = 12
ON_PURPOSE = "shows_secrets"
"""The fixture of a test that prints one itself, to see that it would be found."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for the processes that they have started."""
    return 1 + (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it again and again for garbage took a tenth
    of the whole run."""
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
