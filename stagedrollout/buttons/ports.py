"""What the desk needs from the rest of the daemon. Other rooms' types fit these, and the type checker sees to that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from stagedrollout.buttons.pressed import Pressed
from stagedrollout.core.facts import Fact
from stagedrollout.core.lifecycle import Rollout
from stagedrollout.core.model import Command, RolloutKey
from stagedrollout.core.offer import Offer


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

    def told_by(self, channel: str, ts: str, /) -> RolloutKey | None:
        """Whose message that is; None for nobody's."""
        ...


Gone = frozenset[str] | None
"""The values of the buttons that are to go from a message; None: all of them."""


class Answers(Protocol):
    """How people are asked, and hear what became of their press. All raise EdgeError."""

    def ask(self, pressed: Pressed, offer: Offer, /) -> None:
        """Have the presser say why, in a window. Works for three seconds after the press."""
        ...

    def whisper(self, pressed: Pressed, text: str, /) -> None:
        """To the person alone."""
        ...

    def rewrite(self, pressed: Pressed, said: tuple[str, ...], /, *, gone: Gone) -> None:
        """On the message itself: what is said below it, and its buttons without those that are gone."""
        ...
