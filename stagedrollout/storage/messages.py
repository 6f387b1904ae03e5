"""What stands in Slack, by what was sent there: what a message says of itself is not asked."""

from __future__ import annotations

from sqlalchemy import select

from stagedrollout.core.model import RolloutKey
from stagedrollout.core.notice import Board
from stagedrollout.storage.engine import Engine, reading, writing
from stagedrollout.storage.outbox import OF_THE_DAEMON
from stagedrollout.storage.put_off import AT_ONCE
from stagedrollout.storage.schema import outbox, threads
from stagedrollout.storage.wording import UNREADABLE, value_of


def told_by(engine: Engine, channel: str, message_id: str) -> RolloutKey | None:
    """The rollout that a message is about: its thread's first one, or a notice; None for neither. Raises StorageError."""
    thread = select(threads.c.rollout).where(threads.c.channel == channel, threads.c.message_id == message_id)
    notice = select(outbox.c.rollout).where(outbox.c.message_id == message_id).limit(1)
    with reading(engine) as connection:
        found = connection.execute(thread).scalar() or connection.execute(notice).scalar()
    key = RolloutKey.parse(found) if found else None
    return None if key == OF_THE_DAEMON else key


def show_anew(engine: Engine) -> int:
    """Have each first message that offers something to press shown once more; how many. Raises StorageError."""
    with writing(engine) as connection:
        rows = connection.execute(select(threads.c.rollout, threads.c.board)).all()
        offering = [row.rollout for row in rows if row.board and _offers(row.board)]
        for rollout in offering:
            again = threads.update().where(threads.c.rollout == rollout)
            connection.execute(again.values(wanted=threads.c.wanted + 1, next_try_us=AT_ONCE))
    return len(offering)


def _offers(text: str) -> bool:
    try:
        return bool(value_of(Board, text).offers)
    except UNREADABLE:
        return False
