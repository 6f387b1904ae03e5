"""From the configuration to its iCalendars, read beside the passes, and to the policies as they are with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stagedrollout.calendars.apart import worked_out_apart
from stagedrollout.calendars.readings import Placed, PoliciesNow, Readings, Remembered, on_a_thread
from stagedrollout.calendars.sources import DOING, CalendarFile, at_address
from stagedrollout.config.addresses import on_loopback
from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import CalendarSettings, ClockSource
from stagedrollout.core.errors import Denied, WrongConfiguration
from stagedrollout.core.freezing import Entry
from stagedrollout.core.policy import Policy
from stagedrollout.core.ports import Clock, EntrySource
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.elapsed import elapsed

AT_START_SECONDS = 3.0
"""So long a daemon that starts, or takes a configuration, waits for its iCalendars, all together, so that it need not
say first that it does not know them. What is not read by then freezes, and is read beside the passes."""


def policies_now(loaded: Loaded, doors: Doors, clock: Clock) -> Mapping[str, Policy]:
    """Every known policy with what its iCalendars say at the time. Raises WrongConfiguration."""
    if not loaded.settings.calendars:
        return loaded.policies
    remembered = doors.calendars or Remembered()
    sources = {
        written.name: Placed(_source(loaded, written, doors), _place(loaded, written), remembered)
        for written in loaded.settings.calendars
    }
    readings = Readings(
        sources,
        clock,
        doors.steady or elapsed,
        spawn=doors.beside or on_a_thread,
    )
    readings.read_beside()
    if doors.beside is None:
        readings.wait(AT_START_SECONDS)
    return PoliciesNow(loaded.policies, readings)


def policies_read_at(loaded: Loaded, now: datetime) -> Mapping[str, Policy]:
    """The same for whoever only tells people what is coming: read once, as of `now`. Raises nothing: whoever asks need
    not be allowed to read the daemon's secrets, and a calendar that they cannot read is told as such."""
    sources = {
        written.name: Placed(_told_source(loaded, written), written.name)
        for written in loaded.settings.calendars
    }
    readings = Readings(sources, _At(now), lambda: 0.0, tell=lambda _: None)
    readings.read()
    return PoliciesNow(loaded.policies, readings)


@dataclass(frozen=True, slots=True)
class _At:
    """A clock that stands still."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class _Unusable:
    """A calendar whose address cannot be had, or not be used."""

    name: str
    why: str

    def read(self, now: datetime) -> tuple[Entry, ...]:  # noqa: ARG002 - the common signature
        raise Denied(f"calendar {self.name}", DOING, self.why)


def _told_source(loaded: Loaded, written: CalendarSettings) -> EntrySource:
    try:
        return _source(loaded, written, Doors())
    except WrongConfiguration as error:
        return _Unusable(written.name, str(error))


def _source(loaded: Loaded, written: CalendarSettings, doors: Doors) -> EntrySource:
    apart = doors.apart or worked_out_apart
    if written.file:
        return CalendarFile(written.name, loaded.path.parent / written.file, apart)
    address = _place(loaded, written)
    if loaded.settings.clock is ClockSource.EMULATOR and not on_loopback(address):
        raise WrongConfiguration(
            f"calendar {written.name}: with the emulator's clock it has to be on this machine"
        )
    return replace(at_address(written.name, address, doors.http), apart=apart)


def _place(loaded: Loaded, written: CalendarSettings) -> str:
    """The file or the address, which may be a secret."""
    if written.file:
        return str(loaded.path.parent / written.file)
    return loaded.secret(written.secret_url).reveal() if written.secret_url else written.url
