"""What can go wrong between a client and a service, on purpose and countable.

A fault waits for requests of one service (and operation) and befalls the next `count` of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

SERVICES = (
    "google_play",
    "play_reporting",
    "oauth",
    "sentry",
    "sentry_ingest",
    "itunes",
    "slack",
    "pagerduty",
    "webhook",
    "app_store",
    "prometheus",
    "grafana",
    "new_relic",
    "stats",
    "play_bucket",
)

STATUS_BEFORE = {
    "401": 401,
    "403": 403,
    "403_unauthorized": 403,
    "403_api_disabled": 403,
    "409": 409,
    "429": 429,
    "500": 500,
    "502": 502,
    "503": 503,
}
"""Refused before anything was applied."""

STATUS_AFTER = {"500_after": 500, "502_after": 502}
"""Applied, and then an error told."""

AFTER = frozenset({"drop_after", "slow", "empty_body", "truncated", "html", "huge"})
"""Applied, and the answer damaged on its way."""

LINE = frozenset({"drop", "refused", "dns", "tls"})
"""Nothing reached the service: the line broke, nobody listened there, the name was not known, or its certificate was
somebody else's. What listens on a socket can only close it."""

BEFORE = frozenset({"redirect", *LINE, *STATUS_BEFORE})

_SESSIONS = (
    "null_rate", "zeros", "rate_beyond", "not_a_number", "partial_last", "late_data", "collapse", "page_cut",
    "wrong_release",
)  # fmt: skip
"""Well-formed answers about sessions, and wrong (sentry_damage.py)."""

DATA = {
    "google_play": frozenset(
        {"stale_track", "unknown_status", "extra_fields", "edit_invalidated", "edit_expired"}
    ),
    "sentry": frozenset({"no_data", "frozen", "negative", "query_timeout", *_SESSIONS}),
    "oauth": frozenset[str](),
    "sentry_ingest": frozenset[str](),
    "itunes": frozenset[str](),
    "slack": frozenset({"error"}),
    "pagerduty": frozenset[str](),
    "webhook": frozenset[str](),
    "prometheus": frozenset({"no_data", "partial"}),
    "grafana": frozenset({"no_data"}),
    "new_relic": frozenset({"no_data", "errors"}),
    "stats": frozenset({"no_data"}),
    "play_reporting": frozenset({"no_data"}),
    "play_bucket": frozenset({"no_data", "not_utf16"}),
    "app_store": frozenset(
        {
            "504",
            "504_after",
            "agreement",
            "agreement_older",
            "membership",
            "no_detail",
            "day_missing",
            "unknown_state",
            "extra_fields",
            "late_write",
            "steps_now",
            "day_jumps",
            "pause_ignored",
        }
    ),
}
"""The service itself answers something odd."""

_PHASED_SHOWN = ("phased.get", "phased.update", "versions.get", "versions.list")

_DATA_OPERATIONS = {
    "stale_track": ("tracks.get", "tracks.list"),
    "unknown_status": ("tracks.get", "tracks.list", "releases.list"),
    "extra_fields": ("tracks.get", "tracks.list", "apps.list", *_PHASED_SHOWN),
    "no_data": (
        "sessions",
        "issues",
        "query",
        "query_range",
        "graphql",
        "checkout",
        "crash.query",
        "anr.query",
        "objects.list",
    ),
    "not_utf16": ("objects.get",),
    "frozen": ("sessions",),
    "negative": ("sessions",),
    **dict.fromkeys(_SESSIONS, ("sessions",)),
    "edit_invalidated": ("tracks.update", "edits.commit"),
    "edit_expired": ("tracks.update", "edits.commit"),
    "steps_now": ("versions.list",),
    "day_jumps": ("versions.list",),
    "pause_ignored": ("phased.update",),
    "query_timeout": ("sessions",),
    "504_after": (
        "phased.create",
        "phased.update",
        "phased.delete",
        "release.request",
        "territories.update",
        "versions.update",
    ),
    "day_missing": _PHASED_SHOWN,
    "unknown_state": _PHASED_SHOWN,
    "late_write": ("phased.update", "release.request"),
}
"""Where odd data can show at all: a fault for any operation waits for one of these."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`operation` "*" is any; the first `skip` matching requests pass unharmed.

    `count` None is without end. `seconds` is the real delay of "slow", `detail` the error word of Slack's
    "error", `since` the virtual instant at which data are "frozen" (set when the fault is added).
    """

    service: str
    kind: str
    operation: str = "*"
    count: int | None = 1
    skip: int = 0
    seconds: float = 0.5
    detail: str = ""
    since: datetime | None = None
    outage: bool = False

    def __post_init__(self) -> None:
        if self.service not in SERVICES:
            raise ValueError(f"no service {self.service!r}: there are {', '.join(SERVICES)}")
        if self.kind not in kinds_of(self.service):
            known = ", ".join(sorted(kinds_of(self.service)))
            raise ValueError(f"{self.service} knows no fault {self.kind!r}: there are {known}")
        if (self.count is not None and self.count < 1) or self.skip < 0 or not 0 <= self.seconds <= 600:
            raise ValueError("count is at least 1, skip at least 0, seconds from 0 to 600")

    def fits(self, service: str, operation: str) -> bool:
        if service != self.service:
            return False
        if self.operation != "*":
            return operation == self.operation
        return operation in _DATA_OPERATIONS.get(self.kind, (operation,))


def kinds_of(service: str) -> frozenset[str]:
    return BEFORE | frozenset(STATUS_AFTER) | AFTER | DATA[service]


def places_of(kind: str) -> tuple[str, ...]:
    """The operations at which odd data can show; () where the fault can befall any."""
    return _DATA_OPERATIONS.get(kind, ())


def fault_from(document: Any) -> Fault:
    """Read a fault from the control door. Raises ValueError in words."""
    if not isinstance(document, dict):
        raise ValueError('a fault is an object like {"service": "sentry", "kind": "502", "count": 3}')
    known = {"service": str, "kind": str, "operation": str, "count": (int, type(None)), "skip": int}
    wanted: dict[str, Any] = {**known, "seconds": (int, float), "detail": str}
    for name, value in document.items():
        if name not in wanted:
            raise ValueError(f"a fault has no {name!r}: it has {', '.join(wanted)}")
        if isinstance(value, bool) or not isinstance(value, wanted[name]):
            raise ValueError(f"{name} cannot be {value!r}")
    if "service" not in document or "kind" not in document:
        raise ValueError("a fault names its service and its kind")
    return Fault(**document)


OUTAGES = {"down": "502", "refuse": "drop", "slow": "slow", "frozen": "frozen", "unauthorized": "401"}
"""Outage kinds of a scenario, and the fault each is made of."""

OUTAGE_KINDS = ("empty", *sorted(OUTAGES), "agreement")
"""All of them: "empty" depends on the service, "agreement" (one is unsigned) befalls the App Store only."""


def outage_fault(service: str, kind: str) -> Fault:
    """The endless fault that an outage is. Raises ValueError where the service cannot fail that way."""
    if kind == "empty":
        fault = "no_data" if service == "sentry" else "empty_body"
    elif kind in OUTAGE_KINDS:
        fault = OUTAGES.get(kind, kind)
    else:
        raise ValueError(f"no outage kind {kind!r}: there are {', '.join(OUTAGE_KINDS)}")
    return Fault(service, fault, count=None, outage=True)


class Faults:
    """The faults in waiting; the oldest that fits strikes first, outages strike last."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault, since: datetime | None = None) -> Fault:
        """Let `fault` wait; returns it as it waits. `since` is needed by "frozen"."""
        placed = replace(fault, since=fault.since or since)
        self._waiting.append(placed)
        return placed

    def remove(self, fault: Fault) -> None:
        if fault in self._waiting:
            self._waiting.remove(fault)

    def clear(self) -> None:
        """Forget all faults that were injected; outages of the story go on."""
        self._waiting = [fault for fault in self._waiting if fault.outage]

    @property
    def waiting(self) -> tuple[Fault, ...]:
        return tuple(self._waiting)

    def take(self, service: str, operation: str) -> Fault | None:
        """The fault that befalls this request, counted down."""
        fitting = [fault for fault in self._waiting if fault.fits(service, operation)]
        for fault in sorted(fitting, key=lambda f: f.outage):
            place = self._waiting.index(fault)
            if fault.skip:
                self._waiting[place] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.count is None:
                return fault
            if fault.count > 1:
                self._waiting[place] = replace(fault, count=fault.count - 1)
            else:
                del self._waiting[place]
            return fault
        return None
