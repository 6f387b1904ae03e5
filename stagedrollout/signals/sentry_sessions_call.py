"""One question to Sentry's `GET /api/0/organizations/{org}/sessions/`: how it is put, and when its answer is whole.

What the answer means is for the reader (`sentry_reply.py`, `sentry_tallies_reply.py`), what a refusal means for
`sentry_call.py`. Questions about known releases are filtered by release: unfiltered lists are cut silently, largest
first, and a candidate at 1 % is what gets cut (sentry.md sections 2 and 10).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from stagedrollout.core.hours import DAY
from stagedrollout.http.client import HttpClient, Params
from stagedrollout.signals.sentry_call import ProjectCall, SentryProject, cut_short
from stagedrollout.signals.sentry_names import release_filter
from stagedrollout.signals.sentry_shape import DOING, Answer, Window, floor, item
from stagedrollout.signals.sentry_together import Together

__all__ = ["Answer", "Question", "SentryProject", "SessionsCall", "window_around"]

POINTS_MAX = 1_000
DATA_POINTS_MAX = 10_000
"""Time points of one answer, and points times groups (sentry.md section 2.2)."""

_KEPT = 89 * DAY
"""Sentry refuses a question that begins before its 90 days of data (section 2.2)."""

CUT_SHORT = "the answer was cut short: Sentry has more pages of it"


@dataclass(frozen=True, slots=True)
class Question:
    """`fields` of every group of `groups`, bucket by bucket. `names` None: of all releases, largest first."""

    window: Window
    fields: tuple[str, ...]
    names: Iterable[str] | None
    groups: tuple[str, ...] = ("release",)
    more: Params = ()


class SessionsCall:
    """Asks about the sessions of one project. The token needs org:read and access to it (sentry.md section 1). `together`: with
    whom requests are shared; None where nobody else asks about the project."""

    def __init__(self, http: HttpClient, project: SentryProject, together: Together | None = None) -> None:
        self._call = ProjectCall(http, project, "sessions", doing=DOING, scope="org:read")
        self._together = together

    def ask(self, question: Question) -> Answer:
        """The whole answer, as far as it has a bounded number of pages.

        Pages that are about different hours are none of one answer: it is then as good as cut short. Raises
        Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        first, *others = self._call.pages(_params(question))
        groups = list(item(first.body, "groups", list)) if others else []
        for page in others:
            if item(page.body, "intervals", list) != item(first.body, "intervals", list):
                return Answer(first.body, whole=False)
            groups += item(page.body, "groups", list)
        body = {**first.body, "groups": groups} if others else first.body
        return Answer(body, whole=not cut_short((others[-1] if others else first).headers))

    def ask_shared(self, question: Question, *, groups: int) -> Answer:
        """The same, in a request of several where others ask alike. Only what stands bucket by bucket is of `question.names`: the
        answer may hold groups of other releases, and its totals may be cut at other places. `groups`: of each
        release. Raises like `ask`."""
        if self._together is None or question.names is None:
            return self.ask(question)
        most = DATA_POINTS_MAX // (groups * question.window.buckets)
        return self._together.ask(
            replace(question, names=()),
            tuple(question.names),
            most,
            lambda names: self.ask(replace(question, names=names)),
        )

    def ask_first(self, question: Question) -> Any:
        """The first page alone: what is largest. It is of all releases, so all who ask at one moment are told the same. Raises
        like `ask`."""
        if self._together is None:
            return self._first(question).body
        return self._together.ask(question, (), 0, lambda _: self._first(question)).body

    def _first(self, question: Question) -> Answer:
        return Answer(self._call.get(_params(question)).body, whole=True)


def _params(question: Question) -> Params:
    window, names = question.window, question.names
    return [
        *([] if names is None else [("query", release_filter(names))]),
        *(("groupBy", group) for group in question.groups),
        *(("field", name) for name in question.fields),
        ("start", f"{window.start:%Y-%m-%dT%H:%M:%SZ}"),
        ("end", f"{window.end:%Y-%m-%dT%H:%M:%SZ}"),
        ("interval", "1d" if window.width == DAY else "1h"),
        *question.more,
    ]


def window_around(since: datetime, until: datetime, *, width: timedelta, groups: int) -> Window:
    """The whole buckets that hold `since` to `until`: at least one, at most what one answer holds.

    It is shortened from its beginning: to 1000 buckets, 10000 buckets times groups, and the 89 days before.
    """
    end = floor(until, width)
    if end < until:
        end += width
    buckets_max = max(min(POINTS_MAX, DATA_POINTS_MAX // groups), 1)
    start = max(floor(since, width), end - min(buckets_max * width, _KEPT))
    return Window(min(start, end - width), end, width)
