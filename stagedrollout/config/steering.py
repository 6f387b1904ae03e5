"""By what a daemon steers, in a few characters: two replicas of which one would decide otherwise must not both raise.

Of the configuration as it was read, with every policy, and without what is of the place: where the database is reached, where
files of this machine lie, and who is told that it lives. (Which bytes are on a disk says fingerprint.py.)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from typing import Any

from stagedrollout.config.database import STATE
from stagedrollout.config.fingerprint import LENGTH
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import HealthSettings


def steering(loaded: Loaded) -> str:
    """Alike on every machine and in every process."""
    settings = replace(
        loaded.settings, database="", database_password=None, state=STATE, health=HealthSettings()
    )
    told = json.dumps([_plain(settings), _plain(loaded.policies)], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:LENGTH]


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return [
            type(value).__name__,
            {each.name: _plain(getattr(value, each.name)) for each in fields(value)},
        ]
    if isinstance(value, dict):
        return sorted((str(key), _plain(found)) for key, found in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
