"""The policy a release was steered by, read afresh from its file: what was agreed beforehand.

Defaults are restated here on purpose: a changed default in the product must not change the judge's mind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.judge.evidence import Unreadable
from tests.judge.icalendar import Entry, entries

PPM_ALL = 1_000_000
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Approvals:
    """So many different persons, each of one of `groups` (empty: anybody), and for how long their word stands."""

    count: int = 1
    groups: tuple[str, ...] = ()
    valid: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Stage:
    """After `max_bake` the policy's choice decides where the evidence does not."""

    exposure_ppm: int
    bake: timedelta
    min_sample: int
    max_bake: timedelta
    approvals: Approvals | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """How a release is compared with those beside it. `margin` and `floor` (a crash rate) as shares of 1; `floor` is
    None where the baseline's past gives it, and `fallback` where that is not known either. `required`: the signals
    that take part. `advances`: after a stage's max_bake, where the evidence says neither. `halts_dark`: a release
    that sends next to no sessions."""

    margin: float
    floor: float | None
    fallback: float | None
    required: tuple[str, ...]
    advances: bool
    halts_dark: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """`metric` is crash_free_sessions or crash_free_users; `confirm` is a number of polls."""

    metric: str
    floor_ppm: int
    min_sample: int
    window: timedelta
    freshness: timedelta
    confirm: int


@dataclass(frozen=True, slots=True)
class Freeze:
    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Hours:
    """An end of 00:00 is the end of the day."""

    weekdays: tuple[str, ...]
    start: time
    end: time

    def have(self, local: datetime) -> bool:
        clock = local.time()
        in_hours = clock >= self.start and (self.end == time(0) or clock < self.end)
        return _WEEKDAYS[local.weekday()] in self.weekdays and in_hours


@dataclass(frozen=True, slots=True)
class Calendar:
    """`hours`: for raises to so many ppm and more, from 0 on. `freezes` are the policy's and the holidays, `entries` those
    of its iCalendars."""

    zone: ZoneInfo
    hours: tuple[tuple[int, Hours], ...]
    freezes: tuple[Freeze, ...]
    entries: tuple[Entry, ...] = ()

    def freeze_at(self, instant: datetime) -> Freeze | Entry | None:
        day = instant.astimezone(self.zone).date()
        dated = (freeze for freeze in self.freezes if freeze.first <= day <= freeze.last)
        written = (entry for entry in self.entries if entry.begins <= instant < entry.ends)
        return next(dated, None) or next(written, None)

    def open_at(self, instant: datetime, exposure_ppm: int = 0) -> bool:
        """Weekday and hours for a raise to that share; freezes are asked apart."""
        hours = [hours for least, hours in self.hours if least <= exposure_ppm]
        return hours[-1].have(instant.astimezone(self.zone))


@dataclass(frozen=True, slots=True)
class Phasing:
    """How Apple's shares are gone through. `complete_from_ppm`: PPM_ALL where nothing completes early."""

    guarded: bool
    bake: timedelta
    min_sample: int
    max_bake: timedelta
    complete_from_ppm: int


@dataclass(frozen=True, slots=True)
class Terms:
    """`gates` are the required ones: they allow raises, hold and halt. `vetoes` only hold and halt. The
    others never decide. `weighed`: evidence beside them, None in policies without it. `reviews`: what people write in
    the stores can halt as well."""

    name: str
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...]
    vetoes: tuple[Gate, ...]
    weighed: Weighed | None
    reviews: bool
    app_store: Phasing
    completes_itself: bool
    settle: timedelta
    halts_on_unknown: bool
    calendar: Calendar
    two_persons: tuple[str, ...] = ()

    def next_ppm(self, exposure_ppm: int) -> int | None:
        return next((s.exposure_ppm for s in self.stages if s.exposure_ppm > exposure_ppm), None)

    def stage_at(self, exposure_ppm: int) -> Stage:
        """The highest stage reached; below the first one, the first one's terms hold."""
        reached = [s for s in self.stages if s.exposure_ppm <= exposure_ppm < PPM_ALL]
        return reached[-1] if reached else self.stages[0]


def terms(content: Mapping[str, Any], name: str = "") -> Terms:
    """Raises KeyError or ValueError for a file that is no policy.

    A team's own signals take part in the evidence by counts that nobody here has counted again. Such a run is not judged,
    and that is said: Unreadable.
    """
    if content.get("signals"):
        raise Unreadable(f"{name or 'a policy'} has signals of the team's own: such a run is not judged")
    ratings, gates = content.get("ratings"), content.get("gates") or ()
    return Terms(
        name=str(content.get("name", name)),
        stages=tuple(_stage(stage) for stage in content["stages"]),
        gates=_gates(gates, "required"),
        vetoes=_gates(gates, "veto"),
        weighed=_weighed(content["evidence"] or {}, gates) if "evidence" in content else None,
        reviews=ratings is not None and ratings.get("role", "veto") != "advisory",
        app_store=_phasing(content.get("app_store") or {}),
        completes_itself=content.get("completion", "by_hand") == "automatic",
        settle=duration(content.get("settle", "1h")),
        halts_on_unknown=(content.get("unknown_data") or {}).get("action") == "halt",
        calendar=_calendar(content.get("calendar") or {}, content.get("icalendar_files") or {}),
        two_persons=tuple(content.get("two_persons") or ()),
    )


def duration(text: object) -> timedelta:
    """ "24h", "1d 12h", "45m"."""
    found = re.findall(r"(\d+)\s*([smhdw])", str(text))
    if not found:
        raise ValueError(f"no duration: {text!r}")
    return sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in found), timedelta(0))


def ppm(percent: object) -> int:
    return int(Decimal(str(percent).removesuffix("%").strip()) * 10_000)


def percent(exposure_ppm: int) -> str:
    return f"{Decimal(exposure_ppm) / 10_000:f} %"


def _stage(stage: Mapping[str, Any]) -> Stage:
    bake = duration(stage["bake"]) if "bake" in stage else timedelta(0)
    longest = duration(stage["max_bake"]) if "max_bake" in stage else 2 * bake
    asked = _approvals(stage["approvals"] or {}) if "approvals" in stage else None
    return Stage(ppm(stage["percent"]), bake, int(stage.get("min_sample", 0)), longest, asked)


def _approvals(asked: Mapping[str, Any]) -> Approvals:
    return Approvals(
        count=int(asked.get("count", 1)),
        groups=tuple(asked.get("groups", ())),
        valid=duration(asked.get("valid", "24h")),
    )


def _phasing(phasing: Mapping[str, Any]) -> Phasing:
    bake = duration(phasing.get("bake", "12h"))
    return Phasing(
        guarded=phasing.get("mode", "guarded") == "guarded",
        bake=bake,
        min_sample=int(phasing.get("min_sample", 500)),
        max_bake=duration(phasing["max_bake"]) if "max_bake" in phasing else 2 * bake,
        complete_from_ppm=ppm(phasing.get("complete_from", 100)),
    )


_SIGNALS = ("crashed_sessions", "floor", "crashed_users", "abnormal_sessions", "ratings")


def _weighed(evidence: Mapping[str, Any], gates: Iterable[Mapping[str, Any]]) -> Weighed:
    parts, floor = evidence.get("signals") or {}, evidence.get("floor")
    sessions = [gate["floor"] for gate in gates if gate["metric"] == "crash_free_sessions"]
    return Weighed(
        margin=_number(evidence.get("margin", 20)) / 100,
        floor=None if floor is None else 1 - _number(floor) / 100,
        fallback=1 - _number(sessions[0]) / 100 if sessions else None,
        required=tuple(name for name in _SIGNALS if parts.get(name, "required") == "required"),
        advances=evidence.get("on_inconclusive", "ask") == "advance",
        halts_dark=evidence.get("dark", "hold") == "halt",
    )


def _number(percent: object) -> float:
    return float(str(percent).removesuffix("%").strip())


def _gates(gates: Iterable[Mapping[str, Any]], role: str) -> tuple[Gate, ...]:
    return tuple(_gate(gate) for gate in gates if gate.get("role", "required") == role)


def _gate(gate: Mapping[str, Any]) -> Gate:
    return Gate(
        metric=str(gate["metric"]),
        floor_ppm=ppm(gate["floor"]),
        min_sample=int(gate["min_sample"]),
        window=duration(gate.get("window", "24h")),
        freshness=duration(gate.get("freshness", "2h")),
        confirm=int(gate.get("confirm", 2)),
    )


def _calendar(calendar: Mapping[str, Any], files: Mapping[str, str]) -> Calendar:
    """`files`: the texts of the iCalendars there are, by name. Raises Unreadable for one that nobody has."""
    zone, named = ZoneInfo(str(calendar.get("time_zone", "UTC"))), calendar.get("icalendars", ())
    if missing := set(named) - set(files):
        raise Unreadable(f"nobody has the iCalendars {sorted(missing)}")
    dated = (
        Freeze(_day(f["first"]), _day(f["last"]), str(f.get("reason", "")))
        for f in calendar.get("freezes", ())
    )
    return Calendar(
        zone=zone,
        hours=tuple(_hours(calendar)),
        freezes=(*dated, *(day for asked in calendar.get("holidays", ()) for day in _holidays(asked))),
        entries=tuple(entry for name in named for entry in entries(files[name], zone)),
    )


def _hours(calendar: Mapping[str, Any]) -> Iterator[tuple[int, Hours]]:
    """What a share leaves out stays as the ones before it said."""
    told = {"weekdays": _WEEKDAYS, "hours": {}}
    for share in ({"at_least": 0, **calendar}, *calendar.get("shares", ())):
        told = {name: share.get(name) or before for name, before in told.items()}
        start, end = (_clock(told["hours"].get(name, "00:00")) for name in ("start", "end"))
        yield ppm(share["at_least"]), Hours(tuple(told["weekdays"]), start, end)


def _holidays(asked: Mapping[str, Any]) -> Iterator[Freeze]:
    import holidays  # noqa: PLC0415 - few policies have any

    known = holidays.country_holidays(
        asked["country"], subdiv=asked.get("subdivision"), years=range(2025, 2029)
    )
    return (Freeze(day, day, str(name)) for day, name in known.items())


def _clock(text: object) -> time:
    return text if isinstance(text, time) else time.fromisoformat(str(text))


def _day(text: object) -> date:
    return text if isinstance(text, date) else date.fromisoformat(str(text))
