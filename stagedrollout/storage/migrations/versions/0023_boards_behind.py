"""Which boards are to be shown anew is asked at every turn, and a few are among those of every rollout that ever was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    behind = sa.text("wanted > shown")
    op.create_index(
        "ix_thread_behind", "thread", ["next_try_us"], sqlite_where=behind, postgresql_where=behind
    )
