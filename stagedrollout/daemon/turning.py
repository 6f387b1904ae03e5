"""When the next turn comes, in the words of APScheduler.

APScheduler's own interval lists every instant that was missed before it runs a job, under the lock that a stop and
every question about the job wait for: half a second at a time, ten days take seconds, and a machine that begins in
1970, until the network tells it the time, more memory than it has.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger


class InAWhile(BaseTrigger):  # type: ignore[misc]  # it comes without types
    """Once, `span` after whatever the clock says now: nothing that was missed is made up for, for each turn looks at
    everything."""

    def __init__(self, span: timedelta) -> None:
        self._span = span

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Never an instant that is past, which is where APScheduler's list ends."""
        return now + self._span
