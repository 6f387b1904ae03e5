"""The base of a team's own signals: what a package implements, and all that it may rely on. Public; kept stable.

A signal is one class. It brings either counts or a value:

- `CountSource`: of so many, so many were bad, hour by hour ("checkouts", of which failed ones). They feed the
  evidence: no threshold is set, chance is ruled out as it is for crashes, and they may halt with it.
- `ValueSource`: one number over a span of time, in any unit (a latency, a rating, a rate). A gate of the policy
  compares it with the baseline's (`worse_by`) or with a bound (`limit`).

Either is asked about ONE release at a time; comparing a candidate with what people run beside it is not its business.
It says what it is in `declared`, a `Declaration`: unit, lag, whether it can halt, what "no data" look like, and whether
lower or higher is better.

    from dataclasses import dataclass
    from datetime import datetime, timedelta

    from stagedrollout.signals.base import Count, CountSource, Declaration, FromFile, Release, Setting, Span

    class Crashlytics(CountSource):
        declared = Declaration(
            unit="sessions", lag=timedelta(hours=4), can_halt=True, no_data="an empty list of hours"
        )

        @dataclass(frozen=True, kw_only=True)
        class Options(FromFile):
            table: str

        def counts(self, release: Release, span: Span) -> list[Count]:
            reply = self.http.get_json("read crashes", "/v1/crashes", [("build", release.build)])
            return [
                Count(datetime.fromisoformat(hour["start"]), hour["sessions"], hour["crashed"])
                for hour in reply.body["hours"]
            ]

A package names the class in its `pyproject.toml`, and the configuration names the entry point:

    [project.entry-points."stagedrollout.signals"]       signals:
    crashlytics = "our_signals:Crashlytics"                - name: fatal_crashes
                                                             plugin: {source: crashlytics, url: https://..., ...}

What a source gets. `self.setting.options`: an instance of its own `Options`, read and checked from the configuration
(unknown keys and wrong types are told with their place). `self.http`: a client for the configured `url` and `token`.
It speaks JSON with that host and no other, follows no redirect, carries the token in the header, and bounds time, size
and depth of every answer, so that a package needs no such machinery. It raises `EdgeError`; let it pass.

What is made of it. `EdgeError` and any other exception are an error of that look: shown, logged, holding where the
gate is required, and never the end of a pass. So are `Implausible` data, answers of a wrong type, and sources that take
longer than the bound. Nothing (no counts, None) is "no data": never taken for health. Times are aware and in UTC. Whatever a service
says is data: a source makes numbers of it, and never text for people.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from stagedrollout.core.declared import Better, Declaration
from stagedrollout.core.errors import EdgeError, Faulty, WrongConfiguration
from stagedrollout.core.model import Release, Store
from stagedrollout.core.units import FromFile
from stagedrollout.http.client import HttpClient

__all__ = [
    "GROUP",
    "Better",
    "Count",
    "CountSource",
    "Declaration",
    "EdgeError",
    "Faulty",
    "FromFile",
    "HttpClient",
    "Implausible",
    "Measurement",
    "NoOptions",
    "Release",
    "Setting",
    "Source",
    "Span",
    "Store",
    "ValueSource",
    "WrongConfiguration",
]

GROUP = "stagedrollout.signals"
"""The group of entry points."""


class Implausible(Exception):
    """What the service says cannot be right, or is no answer to the question; the message says why, in words of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOptions(FromFile):
    """The options of a source that has none."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is asked about: from `since` (a full hour) to `until` (now)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Count:
    """One UTC hour, which begins at `start`: `total` in all, `bad` of them. 0 <= bad <= total, both whole numbers."""

    start: datetime
    total: int
    bad: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value, finite. `sample`: of how many it was made, if known. `as_of`: how new it is, if not as new as asked."""

    number: float
    sample: int | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a source is made from: what the team calls the signal, the app it is of (package name or bundle id), and the
    source's own options. `http` is None where no `url` is configured."""

    name: str
    app: str
    store: Store
    options: Any = field(default_factory=NoOptions)
    http: HttpClient | None = field(default=None, repr=False)


class Source(ABC):
    """What both kinds have in common. `declared` is a class attribute or a property."""

    Options: ClassVar[type] = NoOptions
    """A frozen, keyword-only dataclass that inherits from FromFile: what stands under `options`."""

    declared: Declaration

    def __init__(self, setting: Setting) -> None:
        """May raise WrongConfiguration, in words for whoever wrote the file."""
        self.setting = setting

    @property
    def http(self) -> HttpClient:
        """Raises WrongConfiguration where no address is configured."""
        if self.setting.http is None:
            raise WrongConfiguration(f"signal {self.setting.name}: its source needs a url")
        return self.setting.http


class CountSource(Source):
    """Brings counts, which feed the evidence."""

    @abstractmethod
    def counts(self, release: Release, span: Span) -> Iterable[Count]:
        """The hours of the span in which the release has anything, each once, in any order.

        May raise EdgeError and Implausible.
        """


class ValueSource(Source):
    """Brings one number, which a gate of the policy judges."""

    @abstractmethod
    def value(self, release: Release, span: Span) -> Measurement | None:
        """The release's value over the span; None where there is none. May raise EdgeError and Implausible."""
