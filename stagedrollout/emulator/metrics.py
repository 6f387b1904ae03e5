"""What the servers of the emulated apps measure, release by release: the counters behind every monitoring service here.

app_sessions_total, app_crashes_total, checkout_attempts_total, checkout_errors_total
with the labels app (package name or bundle id), version and build
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stagedrollout.emulator.checkout import Till
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.sentry_sessions import Project

METRICS = ("app_sessions_total", "app_crashes_total", "checkout_attempts_total", "checkout_errors_total")


@dataclass(frozen=True, slots=True)
class Series:
    """One counter of one release."""

    metric: str
    labels: Mapping[str, str]
    project: Project
    till: Till
    code: int

    def increase(self, start: float, end: float) -> int:
        """By how much it grew in [start, end)."""
        if self.metric.startswith("checkout"):
            attempts, errors = self.till.counts(self.code, start, end)
            return errors if self.metric == "checkout_errors_total" else attempts
        tally = self.project.crowd.tally(self.code, int(start), int(end), seen=end)
        return tally.crashed if self.metric == "app_crashes_total" else tally.sessions


class Metrics:
    """Everything that is measured of one world."""

    def __init__(self, apps: tuple[tuple[Project, Till], ...], timeline: Timeline) -> None:
        self._apps = apps
        self._timeline = timeline

    @property
    def now(self) -> float:
        return self._timeline.now.timestamp()

    def series(self, metric: str) -> Iterator[Series]:
        """The counters of this name, one for each release that anybody has had by now."""
        for project, till in self._apps if metric in METRICS else ():
            for code in project.crowd.codes:
                if project.crowd.share(code, self.now) > 0:
                    labels = {
                        "app": project.package,
                        "version": project.crowd.version(code),
                        "build": str(code),
                    }
                    yield Series(metric, labels, project, till, code)

    def until(self, instant: float) -> float:
        """Nothing is measured ahead of its time."""
        return min(instant, self.now)
