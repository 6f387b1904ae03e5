"""Where an iCalendar is: a file on this machine, or an address."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from stagedrollout.calendars.apart import worked_out_apart
from stagedrollout.calendars.entries import Apart, entries
from stagedrollout.calendars.oddities import NoCalendar
from stagedrollout.core.errors import Faulty, Rejected, Unreachable
from stagedrollout.core.freezing import Entry
from stagedrollout.http.client import HttpClient, Limits, Transport
from stagedrollout.http.endpoint import Endpoint

BYTES_MAX = 2 * 1024 * 1024
"""Of one calendar; a thousand entries have about 300 KiB."""

SECONDS_MAX = 5.0
"""For one answer."""

DOING = "reading the calendar"


@dataclass(frozen=True, slots=True)
class CalendarFile:
    name: str
    path: Path
    apart: Apart = worked_out_apart

    def read(self, now: datetime) -> tuple[Entry, ...]:
        """Raises EdgeError."""
        return _understood(self.name, self._content(), now, self.apart)

    def _content(self) -> bytes:
        try:
            # Not blocking: a named pipe must not hang the daemon before it is found to be no file.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise Rejected(_service(self.name), DOING, f"{self.path} is no regular file")
                content = file.read(BYTES_MAX + 1)
        except OSError as error:
            why = (error.strerror or "unreadable").lower()
            raise Unreachable(_service(self.name), DOING, f"{self.path}: {why}") from None
        if len(content) > BYTES_MAX:
            raise Rejected(_service(self.name), DOING, f"{self.path} is larger than {BYTES_MAX} bytes")
        return content


@dataclass(frozen=True, slots=True)
class CalendarAddress:
    """The address may be a credential (whoever knows it can read the calendar), so that no error repeats it."""

    name: str
    client: HttpClient
    path: str
    params: tuple[tuple[str, str], ...] = ()
    apart: Apart = worked_out_apart

    def read(self, now: datetime) -> tuple[Entry, ...]:
        """Raises EdgeError."""
        content = self.client.get_bytes(DOING, self.path, self.params, accept="text/calendar, */*")
        return _understood(self.name, content, now, self.apart)


def at_address(name: str, address: str, transport: Transport | None) -> CalendarAddress:
    """https, or http on this machine. It may be in the team's own network. Raises WrongConfiguration, without it."""
    try:
        parts = urlsplit(address)
        base, path, query = f"{parts.scheme}://{parts.netloc}", parts.path or "/", parse_qsl(parts.query)
    except ValueError:
        base, path, query = "", "/", []
    endpoint = Endpoint(_service(name), base, inside=True)
    limits = Limits(timeout_seconds=SECONDS_MAX, bytes_max=BYTES_MAX)
    return CalendarAddress(name, HttpClient(endpoint, limits=limits, transport=transport), path, tuple(query))


def _understood(name: str, content: bytes, now: datetime, apart: Apart) -> tuple[Entry, ...]:
    try:
        return entries(content, now, apart)
    except NoCalendar as why:
        raise Faulty(_service(name), DOING, str(why)) from None


def _service(name: str) -> str:
    return f"calendar {name}"
