"""What was complete when an app was first looked at: what is complete later and newer went out while we were there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pass", sa.Column("past", sa.Text))
