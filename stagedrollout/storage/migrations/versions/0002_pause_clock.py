"""The pause clock of a phased release stands in the projection, so that `status` can tell the days spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rollout", sa.Column("paused_us", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("rollout", sa.Column("paused_since_us", sa.BigInteger))
