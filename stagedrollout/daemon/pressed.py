"""Whether and how people can press something: from `start` to `stop`, on threads of its own."""

from __future__ import annotations

from typing import Protocol


class Buttons(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None:
        """May be called twice, and before `start`."""
        ...


class NoButtons:
    """Nothing can be pressed."""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass
