"""Where the OpenAPI descriptions are: in the folder that STAGEDROLLOUT_SPECS names.

They are not ours to ship. Without the folder what needs it is skipped, except in CI (CI=true), where a skipped test
would look like a passed one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "STAGEDROLLOUT_SPECS"
APP_STORE = "app-store-connect.openapi.json"
SENTRY = "sentry.openapi.json"


def folder() -> Path:
    """The folder of the descriptions. Skips the test without it, and fails it in CI."""
    named = os.environ.get(VARIABLE, "")
    missing = [name for name in (APP_STORE, SENTRY) if not (Path(named) / name).is_file()] if named else []
    if named and not missing:
        return Path(named)
    why = f"{named} holds no {missing[0]}" if missing else f"{VARIABLE} names no folder"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why}: the API descriptions of App Store Connect and Sentry are needed in CI")
    pytest.skip(f"{why}: nothing to hold requests to App Store Connect and Sentry against")
