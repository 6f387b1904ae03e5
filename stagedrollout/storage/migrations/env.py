"""Run by Alembic: applies the steps on the connection, and inside the transaction, that `migrate` hands over.

One transaction around all steps: a migration that fails, or a machine that dies, leaves the schema as it was.
"""

from __future__ import annotations

from alembic import context

from stagedrollout.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
