"""Orders tell which step they name, what their person saw, and from where they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("command", sa.Column("to_ppm", sa.Integer))
    op.add_column("command", sa.Column("expected", sa.Text, nullable=False, server_default="{}"))
    op.add_column("command", sa.Column("via", sa.Text, nullable=False, server_default="cli"))
