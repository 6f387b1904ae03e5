"""The same examples on every machine and in every run: a red test here is red everywhere.

Shrinking a failing course of events takes minutes, so it happens only where SHRINK is set.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

GENERATE = (Phase.explicit, Phase.generate)

settings.register_profile(
    "core",
    derandomize=True,
    deadline=None,
    database=None,
    phases=(*GENERATE, Phase.shrink) if os.environ.get("SHRINK") else GENERATE,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("core")
