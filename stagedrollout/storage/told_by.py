"""Whose message something in Slack is, by what was sent: what a message says of itself is not asked."""

from __future__ import annotations

from sqlalchemy import select

from stagedrollout.core.model import RolloutKey
from stagedrollout.storage.engine import Engine, reading
from stagedrollout.storage.outbox import OF_THE_DAEMON
from stagedrollout.storage.schema import outbox, threads


def told_by(engine: Engine, channel: str, message_id: str) -> RolloutKey | None:
    """The rollout that a message is about: its thread's first one, or a notice; None for neither. Raises StorageError."""
    thread = select(threads.c.rollout).where(threads.c.channel == channel, threads.c.message_id == message_id)
    notice = select(outbox.c.rollout).where(outbox.c.message_id == message_id).limit(1)
    with reading(engine) as connection:
        found = connection.execute(thread).scalar() or connection.execute(notice).scalar()
    key = RolloutKey.parse(found) if found else None
    return None if key == OF_THE_DAEMON else key
