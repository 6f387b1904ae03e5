from __future__ import annotations

from tests.acceptance.conftest import born, nursery, started_anew
from tests.postgres.fixtures import daemon_role, server, server_database

__all__ = ["born", "daemon_role", "nursery", "server", "server_database", "started_anew"]
