"""Whether and how people can press something: from `start` to `stop`, on threads of its own."""

from __future__ import annotations

from typing import Protocol


class Buttons(Protocol):
    def start(self) -> None: ...

    def go_on_from(self, before: Buttons) -> None:
        """In place of others that are stopped, before `start`: whoever waits for an answer gets it from these."""
        ...

    def problem(self) -> str:
        """Why nothing can be pressed, or not by everybody, in words; "" while nothing is wrong."""
        ...

    def stop(self) -> None:
        """May be called twice, and before `start`."""
        ...


class NoButtons:
    """Nothing can be pressed."""

    def start(self) -> None:
        pass

    def go_on_from(self, before: Buttons) -> None:
        pass

    def problem(self) -> str:
        return ""

    def stop(self) -> None:
        pass
