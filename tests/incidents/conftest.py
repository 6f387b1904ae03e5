from __future__ import annotations

from tests.acceptance.conftest import opens

__all__ = ["opens"]
