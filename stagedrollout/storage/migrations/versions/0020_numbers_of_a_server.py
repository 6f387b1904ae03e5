"""A server's journal gets its numbers from one row, which is locked until the entries are committed or undone.

A sequence, which SQLite's numbers are like, leaves a number out where a transaction is undone there, and gives a lower one to
an entry that is committed later: then nobody could tell a missing entry, nor know what a number stands for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO head (id, seq) SELECT 1, coalesce(max(seq), 0) FROM event")
