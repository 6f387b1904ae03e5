"""A journal may grow long: what is asked often is answered from indexes, and whole rollouts can be retired from it.

Of a server, the columns by which the rollouts of one app are found are ordered byte by byte, as SQLite orders them: all
names that begin alike stand together then, whatever language the server speaks.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE event ALTER COLUMN rollout TYPE text COLLATE "C"')
        op.execute('ALTER TABLE rollout ALTER COLUMN key TYPE text COLLATE "C"')
    op.create_index("ix_event_rollout_kind_at", "event", ["rollout", "kind", "at_us"])
    op.create_index("ix_rollout_phase", "rollout", ["phase", "app", "store", "seq"])
    op.create_index("ix_intent_rollout", "intent", ["rollout"])
    op.create_index("ix_outbox_rollout", "outbox", ["rollout"])
    op.create_table(
        "retired",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("numbers", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("revisions", sa.Integer, nullable=False),
        sa.Column("newest_us", sa.BigInteger, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("archive", sa.Text, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("rollout", "seq", name="uq_retired_rollout_seq"),
        sa.UniqueConstraint("prev", name="uq_retired_prev"),
    )
