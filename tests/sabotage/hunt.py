"""In a tree's own process: reads seeds, one a line, plays each, and answers with what was wrong with it.

python -m tests.sabotage.hunt
"""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType

from tests.simulation.outcome import outcome

CPU_MOST = 60
"""Seconds of the processor after which a story counts as one that never ends; a sound one takes a second or two."""


class NeverEnds(BaseException):
    """Beyond Exception, so that nothing broken can swallow it."""


def main() -> None:
    signal.signal(signal.SIGPROF, _stop)
    for line in sys.stdin:
        seed = int(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_MOST)
        faults, over = _faults(seed)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps([seed, faults]), flush=True)
        if over:
            os._exit(0)  # threads of the story that never ended may still run


def _faults(seed: int) -> tuple[tuple[str, ...], bool]:
    """What was wrong, and whether this process is of no more use."""
    try:
        return outcome(seed).faults, False
    except NeverEnds:
        return (f"the story has not ended after {CPU_MOST} s of the processor",), True
    except Exception as error:  # noqa: BLE001 - a broken product may break in any way
        return (f"{type(error).__name__}: {error}",), False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise NeverEnds


if __name__ == "__main__":
    main()
