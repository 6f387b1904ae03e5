"""Sentry's release health: crash-free sessions and users of a candidate and of the releases before it.

One request per reading, put by `sentry_sessions_call.py`. What the answer means is in `sentry_reply.py`, what
releases are called in `sentry_names.py`.
"""

from __future__ import annotations

from datetime import UTC

from stagedrollout.core.hours import HOUR
from stagedrollout.core.observation import Gap, Reading, SignalQuery
from stagedrollout.http.client import HttpClient
from stagedrollout.signals.sentry_names import NoName, ReleaseNames
from stagedrollout.signals.sentry_reply import FIELDS, METRICS, Asked, Named, readings, unmeasured
from stagedrollout.signals.sentry_sessions_call import (
    CUT_SHORT,
    Question,
    SentryProject,
    SessionsCall,
    window_around,
)
from stagedrollout.signals.sentry_shape import SERVICE

__all__ = ["SentryProject", "SentrySessions"]


class SentrySessions:
    """The signal "sentry"; see `SessionsCall` for what it needs."""

    def __init__(self, http: HttpClient, project: SentryProject, names: ReleaseNames) -> None:
        self._call = SessionsCall(http, project)
        self._names = names

    @property
    def name(self) -> str:
        return SERVICE

    def read(self, query: SignalQuery) -> tuple[Reading, ...]:
        """Ask for both metrics over the whole hours that hold `query.since` to `query.until`.

        The window is shortened from its beginning to what one answer holds (1000 hours with up to ten
        releases). Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        try:
            asked = self._asked(query)
        except NoName as problem:
            return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, str(problem)) for metric in METRICS)
        answer = self._call.ask(Question(asked.window, FIELDS, asked.names))
        if not answer.whole:
            return tuple(unmeasured(metric, Gap.IMPLAUSIBLE, CUT_SHORT) for metric in METRICS)
        return readings(answer.body, asked)

    def unread(self, why: str) -> tuple[Reading, ...]:
        return tuple(unmeasured(metric, Gap.FAILED, why) for metric in METRICS)

    def _asked(self, query: SignalQuery) -> Asked:
        """Raises NoName if the candidate has no name of its own in Sentry."""
        names = self._names.apart(query.candidate, query.baseline)
        candidate, *others = (Named(name, release.label) for release, name in names.items())
        baseline = {named.name: named for named in others}
        window = window_around(query.since, query.until, width=HOUR, groups=1 + len(baseline))
        return Asked(
            candidate,
            tuple(baseline.values()),
            start=window.start,
            end=window.end,
            until=query.until.astimezone(UTC),
        )
