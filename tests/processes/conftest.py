from __future__ import annotations

from tests.acceptance.conftest import born, nursery, opens, started_anew

__all__ = ["born", "nursery", "opens", "started_anew"]
