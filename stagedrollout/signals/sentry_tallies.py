"""Sentry's sessions and users for the ledger: counts bucket by bucket, of a candidate and its baseline.

Questions are put by `sentry_sessions_call.py`; what the answers mean is in `sentry_tallies_reply.py` and
`sentry_totals_reply.py`, what releases are called in `sentry_names.py`. Nothing is asked twice here; apps that share a project
share requests (`sentry_together.py`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stagedrollout.core.errors import EdgeError, Faulty
from stagedrollout.core.hours import DAY, HOUR, hour_floor
from stagedrollout.core.ledger import LedgerQuery, Measure, Past, Running, Tallied, Untallied
from stagedrollout.core.model import Release, Store
from stagedrollout.core.observation import Gap
from stagedrollout.core.plain import one_line
from stagedrollout.http.client import HttpClient
from stagedrollout.signals.sentry_names import NoName, ReleaseNames
from stagedrollout.signals.sentry_sessions_call import (
    CUT_SHORT,
    DATA_POINTS_MAX,
    Question,
    SentryProject,
    SessionsCall,
    window_around,
)
from stagedrollout.signals.sentry_shape import DOING, SERVICE, SESSIONS, USER_RATE, USERS, Window
from stagedrollout.signals.sentry_tallies_reply import (
    SESSION_MEASURES,
    STATUS,
    AskedTallies,
    session_tallies,
    untallied,
    user_tally,
    without_ids,
)
from stagedrollout.signals.sentry_together import Together
from stagedrollout.signals.sentry_totals_reply import PAST_FIELDS, past, used

STATUSES = 5
"""Groups per release where sessions are grouped by status (sentry.md section 3)."""

PAST_SPAN = 7 * DAY
PAST_RELEASES_MAX = DATA_POINTS_MAX // (PAST_SPAN // HOUR)
"""Of how many releases one answer holds seven days of hours."""

STRANGERS_MAX = 2
STRANGER_LENGTH_MAX = 60
"""How many releases that fit no template are named, and how much of each name is told."""

RUNNING_MAX = 100
"""Releases in use that are told, largest first."""


class SentryTallies:
    """The counts of "sentry"; see `SessionsCall` for what it needs. `store` says what releases' ids are."""

    def __init__(
        self,
        http: HttpClient,
        project: SentryProject,
        names: ReleaseNames,
        store: Store,
        together: Together | None = None,
    ) -> None:
        self._call = SessionsCall(http, project, together)
        self._names = names
        self._store = store
        self._strangers = ""
        """What the project has sessions of where none of it is called as this app's releases are; "" otherwise."""

    @property
    def name(self) -> str:
        return SERVICE

    def read(self, query: LedgerQuery) -> tuple[Tallied | Untallied, ...]:
        """One request for sessions by hour, and with `query.users` one for users by UTC day.

        Both windows are shortened from their beginning to what one answer holds: 1000 hours with up to two
        releases, fewer with more; the day of `query.since` counts whole. Raises Unreachable, Throttled, Denied,
        Rejected or Faulty if sessions cannot be read; users that cannot be read are a reading.
        """
        try:
            names = self._names.apart(
                query.candidate, (release for each in query.comparisons for release in each.releases)
            )
        except NoName as problem:
            return _untallied(Gap.IMPLAUSIBLE, str(problem), users=query.users)
        sessions = tuple(self._explained(each) for each in self._sessions(query, names))
        if not query.users:
            return sessions
        users = self._users(query, names)
        return (*sessions, without_ids(sessions, users, names[query.candidate]))

    def unread(self, why: str, *, users: bool) -> tuple[Untallied, ...]:
        return _untallied(Gap.FAILED, why, users=users)

    def running(self, candidate: Release, until: datetime) -> tuple[Running, ...]:
        """The other releases of this app in the 24 full hours before the end of `until`'s, most used first.

        At most 100. Releases are known by their names only, so a build of the candidate's own version counts as
        the candidate where the store's id is the version. Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        own = self._storable(candidate)
        end = window_around(until, until, width=HOUR, groups=1).end
        more = (("orderBy", f"-{SESSIONS}"), ("per_page", str(RUNNING_MAX)))
        # unfiltered, for the names are what is looked for; what is cut off is what fewest people use
        question = Question(Window(end - DAY, end, HOUR), (SESSIONS,), names=None, more=more)
        found = used(self._call.ask_first(question))
        self._strangers = "" if any(self._ours(name, own) for name, _ in found) else _strangers(found)
        return tuple(
            Running(release, sessions)
            for name, sessions in found
            if name not in own
            and (release := self._names.read(name, self._store)) is not None
            and release.id != candidate.id
        )

    def past(self, releases: tuple[Release, ...], until: datetime) -> Past:
        """The seven days of full hours before `until`, of the first 59 of these releases.

        Raises Unreachable, Throttled, Denied, Rejected or Faulty.
        """
        names = tuple(dict.fromkeys(name for release in releases for name in self._storable(release)))
        names = names[:PAST_RELEASES_MAX]
        if not names:
            return Past(sessions=0, crashed=0, crashed_users=None)
        end = hour_floor(until.astimezone(UTC))
        answer = self._call.ask(Question(Window(end - PAST_SPAN, end, HOUR), PAST_FIELDS, names))
        if not answer.whole:
            raise Faulty(SERVICE, DOING, CUT_SHORT)
        return past(answer.body, names)

    def _sessions(self, query: LedgerQuery, names: dict[Release, str]) -> tuple[Tallied | Untallied, ...]:
        groups = STATUSES * len(set(names.values()))
        asked = AskedTallies(query, names, window_around(query.since, query.until, width=HOUR, groups=groups))
        question = Question(asked.window, (SESSIONS,), asked.all_names, groups=("release", STATUS))
        answer = self._call.ask_shared(question, groups=STATUSES)
        if not answer.whole:
            return _untallied(Gap.IMPLAUSIBLE, CUT_SHORT, users=False)
        return session_tallies(answer.body, asked)

    def _users(self, query: LedgerQuery, names: dict[Release, str]) -> Tallied | Untallied:
        groups = len(set(names.values()))
        asked = AskedTallies(query, names, window_around(query.since, query.until, width=DAY, groups=groups))
        try:
            question = Question(asked.window, (USERS, USER_RATE), asked.all_names)
            answer = self._call.ask_shared(question, groups=1)
            if not answer.whole:
                return untallied(Measure.USERS, Gap.IMPLAUSIBLE, CUT_SHORT)
            return user_tally(answer.body, asked)
        except EdgeError as error:
            # the sessions that were read are worth having without it
            return untallied(Measure.USERS, Gap.FAILED, str(error))

    def _explained(self, read: Tallied | Untallied) -> Tallied | Untallied:
        """A wrong template looks like no traffic, to Sentry (section 2.4): what there is instead tells it."""
        if isinstance(read, Tallied) or read.gap is not Gap.ABSENT or not self._strangers:
            return read
        why = (
            f"{read.why}; the project does have sessions, of {self._strangers}: the release template"
            f" {self._names.template!r} fits none of them"
        )
        return replace(read, why=why)

    def _ours(self, name: str, own: tuple[str, ...]) -> bool:
        return name in own or self._names.read(name, self._store) is not None

    def _storable(self, release: Release) -> tuple[str, ...]:
        """Sentry's name of a release; nothing if Sentry can hold nothing of it."""
        try:
            return (self._names.of(release),)
        except NoName:
            return ()


def _strangers(found: tuple[tuple[str, int], ...]) -> str:
    """The most used names, as data; "" if there are none."""
    names = ", ".join(repr(one_line(name)[:STRANGER_LENGTH_MAX]) for name, _ in found[:STRANGERS_MAX])
    more = len(found) - STRANGERS_MAX
    return f"{names} and {more} more" if more > 0 else names


def _untallied(gap: Gap, why: str, *, users: bool) -> tuple[Untallied, ...]:
    measures = (*SESSION_MEASURES, Measure.USERS) if users else SESSION_MEASURES
    return tuple(untallied(measure, gap, why) for measure in measures)
