"""What both databases are told of a connection, and the bounds they share."""

from __future__ import annotations

from sqlalchemy import PoolProxiedConnection

BUSY_SECONDS = 5.0
"""How long a writer waits for another one. Transactions take milliseconds: more is a fault to report."""

CONNECTIONS_KEPT, CONNECTIONS_MAX = 8, 32

ONLY_READS = "only reads"


def only_reads(connection: PoolProxiedConnection) -> bool:
    """Whether the transaction on it is one of `reading`."""
    return bool(connection.info.get(ONLY_READS))
