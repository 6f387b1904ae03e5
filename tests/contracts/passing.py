"""Which lines of our own code are passed while a story is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import stagedrollout

PACKAGE = Path(stagedrollout.__file__).parent

Line = tuple[str, bool, int]
"""File below the package, whether inside a lambda, line."""


@contextmanager
def passing(files: Iterable[str]) -> Iterator[set[Line]]:
    """The lines of these files (below the package) that are passed inside, filled as they are."""
    watched = {str(PACKAGE / file): file for file in files}
    lines: set[Line] = set()

    def called(frame: FrameType, _event: str, _argument: object) -> Callable | None:
        code = frame.f_code
        if code.co_filename not in watched:
            return None
        file, in_lambda = watched[code.co_filename], code.co_name == "<lambda>"

        def went(frame: FrameType, event: str, _argument: object) -> Callable:
            if event == "line":
                lines.add((file, in_lambda, frame.f_lineno))
            return went

        return went

    before = sys.gettrace()
    sys.settrace(called)
    try:
        yield lines
    finally:
        sys.settrace(before)


@contextmanager
def untraced() -> Iterator[None]:
    """Inside, nothing is noted: the emulator passes none of our lines, and would take twice as long."""
    before = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(before)
