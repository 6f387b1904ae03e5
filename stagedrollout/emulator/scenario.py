"""A scenario: the story a world plays, as values. `scenario_file.py` reads it from YAML.

Times are durations from the start. Percentages are kept as integer parts per million.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class RolledOut:
    """The team's CI rolls the release out at `at`; the store reviews it for `review`."""

    at: timedelta
    exposure_ppm: int
    review: timedelta


@dataclass(frozen=True, slots=True)
class Onset:
    """From `at` on, `crash_free_ppm` of the release's sessions end without a crash."""

    at: timedelta
    crash_free_ppm: int


@dataclass(frozen=True, slots=True)
class ReleaseStory:
    """The first release of an app is completed before the story begins; others begin as drafts."""

    version: str
    code: int
    crash_free_ppm: int
    rolled_out: RolledOut | None = None
    onset: Onset | None = None


@dataclass(frozen=True, slots=True)
class AppStory:
    """`population`: daily users on this store. `uptake`: time constant with which offered users update."""

    name: str
    store: str
    package: str
    track: str
    population: int
    sessions_per_user: float
    uptake: timedelta
    review: timedelta
    releases: tuple[ReleaseStory, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does in the console. Fields that an act does not use are None."""

    app: str
    act: str
    exposure_ppm: int | None = None
    version: str | None = None
    code: int | None = None
    crash_free_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedAct:
    at: timedelta
    act: Act


@dataclass(frozen=True, slots=True)
class Outage:
    """A service fails from `begins` until `ends` (None: to the end of the story)."""

    service: str
    begins: timedelta
    ends: timedelta | None
    kind: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """`path` is the file it came from; policies given as a path are looked for beside it."""

    name: str
    story: str
    seed: int
    start: datetime
    until: timedelta
    poll: timedelta
    policy: str
    mode: str
    on_new_release: str
    apps: tuple[AppStory, ...]
    people: tuple[PlannedAct, ...] = ()
    outages: tuple[Outage, ...] = ()
    switches: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    source: str = ""

    @property
    def ends(self) -> datetime:
        return self.start + self.until
