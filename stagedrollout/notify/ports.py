"""What delivering needs from both its sides: the rows that wait, and the channel that takes them.

The storage room and the channels do not import this; their types fit it, and the type checker sees to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from stagedrollout.core.errors import Rejected
from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board, Notice


class Unsendable(Rejected):
    """The channel takes no form of this message; the next one may well be taken."""


class MessageGone(Rejected):
    """The message to change is not there any more, or may not be changed."""


class ThreadGone(Rejected):
    """Nothing can be said below that message any more; another message may do."""


class OutboxRow(Protocol):
    """A notice whose turn it is. `attempts` counts how often it was marked sending.

    `ambiguous`: an earlier attempt may have arrived.
    """

    @property
    def id(self) -> int: ...
    @property
    def rollout(self) -> RolloutKey: ...
    @property
    def notice(self) -> Notice: ...
    @property
    def attempts(self) -> int: ...
    @property
    def ambiguous(self) -> bool: ...


class Thread(Protocol):
    """A rollout's thread: its first message (None until posted) shows the board.

    It shows revision `shown` and should show `wanted`, which is what `board` says.
    """

    @property
    def rollout(self) -> RolloutKey: ...
    @property
    def channel(self) -> str: ...
    @property
    def message_id(self) -> str | None: ...
    @property
    def board(self) -> Board | None: ...
    @property
    def wanted(self) -> int: ...
    @property
    def shown(self) -> int: ...
    @property
    def attempts(self) -> int: ...


class OutboxRows(Protocol):
    """The durable side. Each call is its own transaction, committed on return; all raise StorageError."""

    def due(self, now: datetime) -> Sequence[OutboxRow]:
        """Of each rollout its oldest unsent notice, if its time has come; nothing else may be sent."""
        ...

    def next_due(self, now: datetime) -> datetime | None:
        """When `due` or `stale_boards` next has something; None while nothing waits."""
        ...

    def mark_sending(self, row: int, /) -> None:
        """Before the request leaves: found so after a crash, the row is due again, as ambiguous."""
        ...

    def mark_sent(self, row: int, message_id: str, now: datetime, /) -> None: ...

    def retry_at(self, row: int, when: datetime, error: str, /) -> None:
        """It surely did not arrive; due again at `when`."""
        ...

    def doubt_until(self, row: int, when: datetime, error: str, /) -> None:
        """It may have arrived; due again at `when`, as ambiguous."""
        ...

    def mark_failed(self, row: int, error: str, /) -> None:
        """It is given up, so that the rollout's later notices go; `status` goes on showing it."""
        ...

    def thread(self, rollout: RolloutKey, /) -> Thread | None: ...

    def set_thread(self, rollout: RolloutKey, channel: str, message_id: str, /) -> None:
        """Its first message; one in the channel "" stands for a thread that is gone."""
        ...

    def stale_boards(self, now: datetime) -> Sequence[Thread]:
        """Threads whose board is not shown or behind, and may be tried now."""
        ...

    def board_shown(self, rollout: RolloutKey, revision: int, /) -> None: ...

    def board_retry_at(self, rollout: RolloutKey, when: datetime, /) -> None: ...


class UrgentRow(Protocol):
    """A notice that waits, and should not for long. `created_at` by the clock of who wrote it."""

    @property
    def id(self) -> int: ...
    @property
    def rollout(self) -> RolloutKey: ...
    @property
    def created_at(self) -> datetime: ...


class UrgentRows(Protocol):
    """What is not told yet and must not be missed, whatever its turn. Both raise StorageError."""

    def urgent(self) -> Sequence[UrgentRow]:
        """Every unsent notice to everybody, and every unsent doubt, oldest first."""
        ...

    def notice(self, row: int, /) -> Notice | None:
        """None if nobody can read it any more."""
        ...


class Follower(Protocol):
    """What comes after a halt that people were told of. None waits for long or raises anything."""

    def follow(self, rollout: RolloutKey, headline: str, thread: str) -> None:
        """The halt is told; more may be said below the message `thread`."""
        ...

    @property
    def busy(self) -> bool:
        """Whether anything is still under way."""
        ...

    def ends(self) -> object:
        """The daemon is told to end: nothing is begun any more, and the time of what is under way begins to run."""
        ...

    def close(self) -> None: ...


class NoticeChannel(Protocol):
    """Where people read. Every method raises EdgeError: Unsendable for a message it will never take."""

    @property
    def channel(self) -> str:
        """Names the place messages go to; a thread elsewhere is no thread here."""
        ...

    def post(self, notice: Notice, thread: str | None, *, rollout: RolloutKey) -> str:
        """Tell, below the message `thread`; the id of the new message. Telling twice is allowed.

        Raises ThreadGone too, if only what is below that message is refused.
        """
        ...

    def open_thread(self, board: Board, *, key: str) -> str:
        """Show the board as a new message; its id. `key` is the same when this is tried again."""
        ...

    def update(self, board: Board, message_id: str) -> None:
        """Show the board in place of what the message showed. Raises MessageGone too."""
        ...
