"""The one place that tries again. Edges classify their failures; here is decided how often and how soon.

Short and bounded: a pass has a deadline, and the next pass is the better retry. A whole conversation is
repeated from its start, never a single request in its middle; a commit is never repeated at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import stamina

from stagedrollout.core.errors import EdgeError, Throttled

T = TypeVar("T")

ATTEMPTS = 3
ONCE = 1
"""For a service that failed in the last pass already: the next pass is the retry."""

SECONDS_IN_ALL = 20.0
WAIT_SECONDS_MAX = 5.0
SILENT_WAIT_SECONDS = 1.0
"""Before asking a service again that is asked too often and does not say for how long (a self-hosted Sentry)."""


def persistently(call: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Run `call`, again where its EdgeError allows that. Raises the last EdgeError."""
    for attempt in stamina.retry_context(
        on=_again,
        attempts=attempts,
        timeout=SECONDS_IN_ALL,
        wait_initial=0.2,
        wait_max=WAIT_SECONDS_MAX,
        wait_jitter=0.2,
    ):
        with attempt:
            result = call()
    return result


def _again(error: Exception) -> bool | float:
    """How long the service asks us to wait, if it says so; a long wait is left to the next pass."""
    if isinstance(error, Throttled):
        wait = error.wait_seconds or SILENT_WAIT_SECONDS
        return wait if wait <= WAIT_SECONDS_MAX else False
    return isinstance(error, EdgeError) and error.again
