"""The ledger: every revision of every bucket that was counted; and what the newest pass found of each rollout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bucket",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("rollout", sa.Text, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("start_us", sa.BigInteger, nullable=False),
        sa.Column("stratum", sa.Text, nullable=False),
        sa.Column("read_at_us", sa.BigInteger, nullable=False),
        sa.Column("n_c", sa.BigInteger, nullable=False),
        sa.Column("k_c", sa.BigInteger, nullable=False),
        sa.Column("n_b", sa.BigInteger, nullable=False),
        sa.Column("k_b", sa.BigInteger, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("rollout", "prev", name="uq_bucket_rollout_prev"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bucket_rollout_seq", "bucket", ["rollout", "seq"])
    op.create_table(
        "standing",
        sa.Column("rollout", sa.Text, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
