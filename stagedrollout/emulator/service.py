"""What every emulated service looks like to the world: a prefix of paths, and answers.

A further service (another store, another signal) is one more class of this shape, added to the list in
`world.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Reply, Request


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a service gets it: its number in the ledger, and the fault that befalls it."""

    request: Request
    operation: str
    seq: int
    fault: Fault | None = None

    @property
    def trouble(self) -> str:
        """The kind of the fault, "" without one."""
        return self.fault.kind if self.fault else ""


class Service(Protocol):
    """`writes`: the operations that change something."""

    @property
    def name(self) -> str: ...

    @property
    def prefix(self) -> str | tuple[str, ...]: ...

    @property
    def writes(self) -> frozenset[str]: ...

    def operation(self, method: str, path: str) -> str:
        """How the request is called, for faults; "unknown" where it is none of the service's."""
        ...

    def refusal(self, kind: str, status: int) -> Reply:
        """The service's own way to tell the error of a fault."""
        ...

    def answer(self, call: Call) -> Reply: ...
