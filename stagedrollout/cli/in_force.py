"""The policies as they are in force for whoever only tells people what is coming."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagedrollout.config.load import Loaded
    from stagedrollout.core.policy import Policy


def policies_in_force(loaded: Loaded, now: datetime) -> Mapping[str, Policy]:
    """With the freezes of their iCalendars, read once as of `now`. Raises nothing."""
    if not loaded.settings.calendars:
        return loaded.policies  # most have none, and it takes half a second until one could be read
    from stagedrollout.daemon.icalendars import policies_read_at  # noqa: PLC0415

    return policies_read_at(loaded, now)
