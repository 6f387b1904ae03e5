"""What the desk needs from the rest of the daemon. Other rooms' types fit these, and the type checker sees to that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from stagedrollout.buttons.pressed import Pressed
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Command, RolloutKey


class Answered(Protocol):
    """What became of an order; `result` as written, None before the end."""

    @property
    def finished_at(self) -> datetime | None: ...
    @property
    def result(self) -> str | None: ...
    @property
    def answer(self) -> str: ...


class Orders(Protocol):
    """Where orders are left for the daemon. Both raise StorageError."""

    def put(self, command: Command, /) -> None:
        """Durable on return; the same id again changes nothing."""
        ...

    def find(self, id: str, /) -> Answered | None: ...  # noqa: A002 - the row's own word


class Book(Protocol):
    """The rollouts' journals. Both raise StorageError."""

    def rollout(self, key: RolloutKey, /) -> Rollout: ...

    def note(self, key: RolloutKey, news: tuple[Fact, ...], at: datetime, /) -> Any: ...


class Answers(Protocol):
    """How people hear what became of their press. Both raise EdgeError."""

    def whisper(self, pressed: Pressed, text: str, /) -> None:
        """To the person alone."""
        ...

    def rewrite(self, pressed: Pressed, said: tuple[str, ...], /, *, keeps: bool) -> None:
        """On the message itself, in place of its buttons; `keeps`: only the one that was pressed goes."""
        ...
