"""Ways to the world outside, as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagedrollout.calendars.entries import Apart
from stagedrollout.calendars.readings import Remembered
from stagedrollout.core.ports import Clock, Dates
from stagedrollout.daemon.elapsed import Elapsed
from stagedrollout.http.client import Transport
from stagedrollout.notify.slack import Call
from stagedrollout.stores.google_play.client import EditsKnown
from stagedrollout.stores.google_play.wire import OpenHttp

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport as ReportTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Ways to the world outside; None: the real one. `clock` is what decisions live by, `wall` the machine's own."""

    play: OpenHttp | None = None
    http: Transport | None = None
    slack: Call | None = None
    clock: Clock | None = None
    wall: Clock | None = None
    reports: ReportTransport | None = None
    steady: Elapsed | None = None
    """Time that nobody can set; by default the machine's, or where the clock is another, that clock's own."""
    beside: Callable[[Callable[[], None]], None] | None = None
    """Has something done that no pass waits for; by default a thread does it."""
    apart: Apart | None = None
    """Works out what repeats in an iCalendar; by default a process of its own does it."""
    dates: Dates | None = None
    """Who is told the date of each answer; bootstrap brings it."""
    edits: EditsKnown | None = None
    """What is known of Play's edits, for clients that take each other's place; bootstrap brings it."""
    calendars: Remembered | None = None
    """What iCalendars said last, for readings that take each other's place; bootstrap brings it."""
