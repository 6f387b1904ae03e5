"""A start may say that it knows: of a halt of that release, or of the rollout whose place it takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("known_bad", "supersede"):
        op.add_column("command", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
