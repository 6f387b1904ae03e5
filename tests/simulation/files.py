"""Files that the daemon changes, and processes and connections that it opens past its doors: each is a point as well.

Python tells an audit hook of them before they happen, whoever does them and by whatever library. The hook cannot be
taken off again; outside of a run it looks at nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, ClassVar

_CHANGES = {
    "os.rename": "file rename",
    "os.remove": "file remove",
    "os.mkdir": "folder make",
    "os.truncate": "file truncate",
    "fcntl.flock": "file lock",
    "socket.connect": "socket connect",
    "socket.sendto": "socket send",
    "subprocess.Popen": "process start",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OURS = ("daemon", "notify", "stores", "signals", "http")
"""The product's rooms that do something while it runs. What the storage room does for them happens below them."""

_KEPT_FOR_PYTHON = "__pycache__"


Point = Callable[[str], None]


class _Watch:
    on = False
    installed = False
    points: ClassVar[dict[object, Point]] = {}
    whose: ClassVar[list[Callable[[], object]]] = []


@contextmanager
def watched_files() -> Iterator[None]:
    """From here to its end, files that the daemon changes are points of the life that is haunted last."""
    if not _Watch.installed:
        sys.addaudithook(_heard)
        _Watch.installed = True
    _Watch.on = True
    try:
        yield
    finally:
        _Watch.on = False
        _Watch.points.clear()


@contextmanager
def several(whose: Callable[[], object]) -> Iterator[None]:
    """In here several daemons have lives of their own; `whose` says which one works."""
    _Watch.whose.append(whose)
    try:
        yield
    finally:
        _Watch.whose.pop()


@contextmanager
def by_others() -> Iterator[None]:
    """In here files are changed by somebody else, in the middle of whatever the daemon is doing."""
    on, _Watch.on = _Watch.on, False
    try:
        yield
    finally:
        _Watch.on = on


def haunt_files(point: Point) -> None:
    _Watch.points[_who_works()] = point


def _who_works() -> object:
    return _Watch.whose[-1]() if _Watch.whose else None


def _heard(what: str, told: tuple[Any, ...]) -> None:
    if not _Watch.on or not (what in _CHANGES or what == "open"):
        return
    name = _name(what, told)
    if name and _of_the_daemon() and (point := _Watch.points.get(_who_works())):
        point(name)


def _name(what: str, told: tuple[Any, ...]) -> str:
    """ "" for what leaves no trace: a file that is only read, or what Python keeps for itself."""
    if what == "open":
        path, _, flags = told
        changes = isinstance(flags, int) and flags & _WRITES and not isinstance(path, int)
        return f"file write {_shown(path)}" if changes and _KEPT_FOR_PYTHON not in str(path) else ""
    about = _shown(told[0]) if what.startswith("os.") else ""
    return "" if _KEPT_FOR_PYTHON in str(told[0]) else f"{_CHANGES[what]} {about}".rstrip()


def _shown(path: Any) -> str:
    """The file's name without what differs from run to run."""
    name = PurePath(os.fsdecode(path)).name
    return "halt" if name.startswith("halt-") else name.removeprefix("simulated.db.")


def _of_the_daemon() -> bool:
    """Whether the product does it, below a pass: not the emulator, nor the tests that prepare a run."""
    frame = sys._getframe(2)
    while frame is not None:
        product, _, room = frame.f_globals.get("__name__", "").partition(".")
        if product == "stagedrollout" and room.partition(".")[0] in _OURS:
            return True
        frame = frame.f_back
    return False
