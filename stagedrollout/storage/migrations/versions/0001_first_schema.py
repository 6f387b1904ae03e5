"""The first schema: journal, intents, outbox and threads, commands, projection, passes, daemon."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _journal()
    _notices()
    _orders()
    _standing()


def _journal() -> None:
    op.create_table(
        "event",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("rollout", "prev", name="uq_event_rollout_prev"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_rollout_seq", "event", ["rollout", "seq"])
    op.create_table(
        "intent",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("exposure_ppm", sa.Integer, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("settlement", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("settled_us", sa.BigInteger),
    )
    op.create_index("ix_intent_settlement", "intent", ["settlement"])


def _notices() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("broadcast", sa.Boolean, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_us", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("sent_us", sa.BigInteger),
        sa.Column("message_id", sa.Text),
        sa.Column("error", sa.Text, nullable=False),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_state_next_try", "outbox", ["state", "next_try_us"])
    op.create_table(
        "thread",
        sa.Column("rollout", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text),
        sa.Column("board", sa.Text),
        sa.Column("wanted", sa.Integer, nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("next_try_us", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
    )


def _orders() -> None:
    op.create_table(
        "command",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
        sa.Column("hold_for_us", sa.BigInteger),
        sa.Column("without_evidence", sa.Boolean, nullable=False),
        sa.Column("taken_us", sa.BigInteger),
        sa.Column("finished_us", sa.BigInteger),
        sa.Column("result", sa.Text),
        sa.Column("answer", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_command_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_command_finished_taken", "command", ["finished_us", "taken_us"])


def _standing() -> None:
    op.create_table(
        "rollout",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("exposure_ppm", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "pass",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("store", sa.Text, primary_key=True),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("finished_us", sa.BigInteger),
        sa.Column("next_due_us", sa.BigInteger),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_table(
        "daemon",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("heartbeat_us", sa.BigInteger, nullable=False),
        sa.Column("info", sa.Text, nullable=False),
    )
