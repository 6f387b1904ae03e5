"""People who act without the API: each store's console, found by the store that an act names.

What they do is a fact, and is never checked against what the daemon planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.scenario import Act


class StoreConsole(Protocol):
    """One store's console."""

    def act(self, act: Act) -> None: ...


class Console:
    """The consoles by the names of their stores."""

    def __init__(self, consoles: Mapping[str, StoreConsole]) -> None:
        self._consoles = consoles

    def act(self, act: Act) -> None:
        """Do it. Raises CannotAct, with nothing changed, where the store's state does not allow it."""
        console = self._consoles.get(act.store)
        if console is None:
            raise CannotAct(f"there is no store {act.store!r}")
        console.act(act)
