"""A row for each replica instead of one for the only daemon, and a lease for each store app.

What the daemon before said of itself stays: that it keeps a high-water mark, for one, without which a missing file would be
no news. On a server it may still be running: it then finds no row to claim its epoch by and raises nothing more, and goes on
halting.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FOR_EVER_US = 2**62
LEASE_US = 60_000_000


def upgrade() -> None:
    replica = op.create_table(
        "replica",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("heartbeat_us", sa.BigInteger, nullable=False),
        sa.Column("heard_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("info", sa.Text, nullable=False),
        sa.UniqueConstraint("epoch", name="uq_replica_epoch"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("replica", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("raise_after_us", sa.BigInteger, nullable=False),
    )
    server = op.get_bind().dialect.name == "postgresql"
    before = op.get_bind().execute(
        sa.text("SELECT holder, epoch, started_us, heartbeat_us, info FROM daemon")
    )
    for row in before.mappings().all():
        expires = row["heartbeat_us"] + LEASE_US if server else FOR_EVER_US
        told = {"place": _place(row["info"]), "heard_us": row["heartbeat_us"], "expires_us": expires}
        op.bulk_insert(replica, [{**row, **told}])
    op.drop_table("daemon")


def _place(info: str) -> str:
    try:
        return str(json.loads(info).get("place", ""))
    except (ValueError, AttributeError):
        return ""
