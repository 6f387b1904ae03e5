"""In a tree's own process: reads stories, one a line, plays each, and answers with what was wrong with it.

A story is a number, the seed that it is drawn from, or the name of a day in bad_days.py, as JSON.

python -m tests.sabotage.hunt
"""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType

from tests.simulation.bad_days import BAD_DAYS
from tests.simulation.outcome import outcome_of
from tests.simulation.seldom import drawn

CPU_MOST = 60
"""Seconds of the processor after which a story counts as one that never ends; a sound one takes a second or two."""


READY = "ready"
"""What comes first: everything that it takes could be imported."""


class NeverEnds(BaseException):
    """Beyond Exception, so that nothing broken can swallow it."""


def main() -> None:
    signal.signal(signal.SIGPROF, _stop)
    print(READY, flush=True)
    for line in sys.stdin:
        story = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_MOST)
        told, over = _told(story)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(told), flush=True)
        if over:
            os._exit(0)  # threads of the story that never ended may still run


def _told(story: int | str) -> tuple[tuple[tuple[str, ...], bool], bool]:
    """What was wrong, whether it was played to its end and judged, and whether this process is of no more use."""
    try:
        outcome = outcome_of(BAD_DAYS[story] if isinstance(story, str) else drawn(story))
    except NeverEnds:
        return ((f"the story has not ended after {CPU_MOST} s of the processor",), True), True
    return (outcome.faults, bool(outcome.trace)), False


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise NeverEnds


if __name__ == "__main__":
    main()
