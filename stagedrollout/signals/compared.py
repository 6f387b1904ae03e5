"""From what a source says of single releases to a comparison: the candidate, and what people run beside it.

Whatever a source does is data here. What it raises is an EdgeError when it leaves this module; what it answers is
checked number by number. Several baseline releases are added up where they are counted; values of several releases are
averaged by their samples or, where a source tells none, the first release counts that has a value (most people run it).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from math import isfinite
from time import monotonic
from typing import Any, Generic, TypeVar

from stagedrollout.core.declared import Declaration
from stagedrollout.core.errors import EdgeError, Faulty, Unreachable
from stagedrollout.core.hours import HOUR, hour_floor
from stagedrollout.core.ledger import (
    Counted,
    LedgerQuery,
    Measure,
    Place,
    Refused,
    Tallied,
    Tally,
    Untallied,
)
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap, SignalQuery, Unvalued, Value, Valued
from stagedrollout.core.plain import one_line
from stagedrollout.http.templates import Unwritable
from stagedrollout.signals.base import (
    Count,
    CountSource,
    Implausible,
    Measurement,
    Source,
    Span,
    ValueSource,
)
from stagedrollout.signals.patience import Patience

log = logging.getLogger(__name__)

T = TypeVar("T")
AnySource = TypeVar("AnySource", bound=Source)

COUNT_MAX = 10**12
"""Events in an hour: so many are still exact in floating point, and nobody has more."""

LOOK_SECONDS = 10.0
"""Real time after which a look at one source asks about no further release; the question under way has its own bound."""

WORDS_MAX = 300
"""Characters of what a source says of its trouble."""

Seconds = Callable[[], float]

HOURS_MAX = 24 * 31
"""Hours of one release that are taken from a source; an answer with more is no answer to the question."""

_Rows = dict[datetime, Count | str]
"""By hour: what was counted, or why it is no count."""


class _Compared(Generic[AnySource]):
    """What both have in common: the source, as it declares itself when it is opened."""

    def __init__(
        self, source: AnySource, patience: Patience | None = None, seconds: Seconds = monotonic
    ) -> None:
        """`patience`: with code that is not ours. `seconds`: a clock of real time."""
        self._source = source
        self._patience = patience
        self._seconds = seconds
        self._declared = source.declared

    @property
    def name(self) -> str:
        return self._source.setting.name

    @property
    def declared(self) -> Declaration:
        return self._declared


class ComparedCounts(_Compared[CountSource]):
    """A source of counts as the daemon asks it (core/ports.py)."""

    def read(self, query: LedgerQuery) -> Tallied | Untallied:
        """One question per release. Raises EdgeError."""
        return self._patience.get(lambda: self._read(query)) if self._patience else self._read(query)

    def _read(self, query: LedgerQuery) -> Tallied | Untallied:
        beside = {r.id: r for each in query.comparisons for r in each.releases if r.id != query.candidate.id}
        oldest = hour_floor(query.until) - (HOURS_MAX - 1) * HOUR
        span, look = Span(max(query.since, oldest), query.until), _Look(self._source, self._seconds)
        try:
            rows = {r.id: self._rows(r, span, look) for r in (query.candidate, *beside.values())}
        except Implausible as problem:
            return self._nothing(Gap.IMPLAUSIBLE, _told(problem))
        starts = sorted({start for each in rows.values() for start in each})
        own = rows[query.candidate.id]
        if not own:
            beside_it = "" if starts else " nor of what it is compared with"
            return self._nothing(Gap.ABSENT, f"no data of {query.candidate.label}{beside_it}")
        found = [
            _bucket(
                start,
                own.get(start),
                [rows[r.id].get(start) for r in query.compared_at(start) if r.id in beside],
            )
            for start in starts
        ]
        refused = tuple(each for each in found if isinstance(each, Refused))
        if len(refused) == len(found):
            return self._nothing(Gap.IMPLAUSIBLE, refused[0].why)
        return Tallied(
            signal=self.name,
            measure=self._measure,
            buckets=tuple(each for each in found if isinstance(each, Counted)),
            as_of=min(max(own) + HOUR, query.until),  # what is beside it makes nothing newer
            refused=refused,
            lag=self.declared.lag,
        )

    def unread(self, why: str) -> Untallied:
        return self._nothing(Gap.FAILED, why)

    def _nothing(self, gap: Gap, why: str) -> Untallied:
        return Untallied(self.name, self._measure, gap, why, self.declared.lag)

    @property
    def _measure(self) -> Measure:
        return Measure.called(self.name)

    def _rows(self, release: Release, span: Span, look: _Look) -> _Rows:
        """Raises EdgeError, Implausible."""
        if span.since >= span.until:
            return {}
        return look.asked(lambda: _by_hour(self._source.counts(release, span), span))


class ComparedValues(_Compared[ValueSource]):
    """A source of values as the daemon asks it (core/ports.py)."""

    def read(self, query: SignalQuery) -> Valued | Unvalued:
        """One question per release. Raises EdgeError."""
        return self._patience.get(lambda: self._read(query)) if self._patience else self._read(query)

    def _read(self, query: SignalQuery) -> Valued | Unvalued:
        try:
            return self._compared(query, Span(query.since, query.until))
        except Implausible as problem:
            return Unvalued(self.name, self.declared, Gap.IMPLAUSIBLE, _told(problem))

    def unread(self, why: str) -> Unvalued:
        return Unvalued(self.name, self.declared, Gap.FAILED, why)

    def _compared(self, query: SignalQuery, span: Span) -> Valued | Unvalued:
        look = _Look(self._source, self._seconds)
        candidate = self._of(query.candidate, span, look)
        if candidate is None:
            why = f"no data of {query.candidate.label} since {query.since:%Y-%m-%d %H:%M} UTC"
            return Unvalued(self.name, self.declared, Gap.ABSENT, why)
        others = [r for r in query.baseline if r.id != query.candidate.id]
        found = [m for m in (self._of(release, span, look) for release in others) if m is not None]
        baseline = _together(found)
        known = [candidate, *found]
        return Valued(
            signal=self.name,
            declared=self.declared,
            candidate=Value(candidate.number, candidate.sample),
            baseline=baseline,
            since=query.since,
            as_of=min(min(m.as_of or query.until, query.until) for m in known),
            baseline_name=", ".join(release.label for release in others),
        )

    def _of(self, release: Release, span: Span, look: _Look) -> Measurement | None:
        """Raises EdgeError, Implausible."""
        if span.since >= span.until:
            return None
        return look.asked(lambda: _measurement(self._source.value(release, span)))


class _Look:
    """One look at a source: a question for each release, as long as there is time for another."""

    def __init__(self, source: Source, seconds: Seconds) -> None:
        self._source = source
        self._seconds = seconds
        self._late = seconds() + LOOK_SECONDS

    def asked(self, ask: Callable[[], T]) -> T:
        """What the source answers. Raises EdgeError, also for what the source itself did not foresee."""
        if self._seconds() >= self._late:
            name = self._source.setting.name
            raise Unreachable(name, "ask its source", f"no time was left after {LOOK_SECONDS:g} s")
        return _answered(self._source, ask)


def _told(problem: Exception) -> str:
    """The words of a source, which may be anybody's: one short line."""
    return one_line(str(problem))[:WORDS_MAX]


def _answered(source: Source, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except (EdgeError, Implausible):
        raise
    except Unwritable as problem:
        raise Implausible(str(problem)) from None
    except Exception as mistake:
        log.exception("signal %s: its source failed", source.setting.name)
        kind = type(mistake).__name__
        raise Faulty(source.setting.name, "ask its source", f"the source itself failed: {kind}") from None


def _by_hour(counts: Iterable[Count], span: Span) -> _Rows:
    """Raises Implausible for what is no answer to the question."""
    rows: _Rows = {}
    for taken, each in enumerate(counts):
        if taken >= HOURS_MAX:
            raise Implausible(f"more than {HOURS_MAX} hours of one release")
        if not isinstance(each, Count):
            raise Implausible("what it brings are no counts")
        start = _instant(each.start)
        if start is None or start != hour_floor(start):
            raise Implausible("a count that begins at no full hour of UTC")
        if start in rows:
            raise Implausible(f"the hour {start:%Y-%m-%d %H:%M} UTC is there twice")
        if span.since <= start < span.until and (each.total, each.bad) != (0, 0):
            rows[start] = each if _believable(each) else _unbelievable(each)
    return rows


def _bucket(
    start: datetime, candidate: Count | str | None, compared: list[Count | str | None]
) -> Counted | Refused:
    told = [row for row in (candidate, *compared) if isinstance(row, str)]
    if told:
        return Refused(start, told[0])
    own = candidate if isinstance(candidate, Count) else Count(start, 0, 0)
    others = [row for row in compared if isinstance(row, Count)]
    beside = (sum(row.total for row in others), sum(row.bad for row in others))
    return Counted(Place(start), Tally(own.total, own.bad, *beside))


def _believable(count: Count) -> bool:
    """Whether they are so many of so many. What is bad more often than it happens is another unit, not a disaster."""
    both = (count.total, count.bad)
    return all(type(n) is int and 0 <= n <= COUNT_MAX for n in both) and count.bad <= count.total


def _unbelievable(count: Count) -> str:
    """Why; with foreign values in a few characters, none of them invisible."""
    raw = f"{ascii(count.bad)[:24]} of {ascii(count.total)[:24]}"
    if type(count.bad) is type(count.total) is int and count.bad > count.total >= 0:
        return f"more is bad than there is, do both count the same things? {raw}"
    return f"these are no counts: {raw}"


def _measurement(found: Any) -> Measurement | None:
    """Raises Implausible for anything but a finite number with a sample that is a count."""
    if found is None:
        return None
    if not isinstance(found, Measurement):
        raise Implausible("what it brings is no measurement")
    if (
        isinstance(found.number, bool)
        or not isinstance(found.number, (int, float))
        or not isfinite(found.number)
    ):
        raise Implausible("its value is no finite number")
    if found.sample is not None and (
        type(found.sample) is not int or not 0 <= found.sample <= COUNT_MAX * 1_000
    ):
        raise Implausible("its sample is no count")
    if found.as_of is not None and _instant(found.as_of) is None:
        raise Implausible("its time is no instant")
    return Measurement(float(found.number), found.sample, _instant(found.as_of))


def _together(found: list[Measurement]) -> Value | None:
    """One value for several releases. None where none of them has one."""
    if not found:
        return None
    samples = [each.sample for each in found if each.sample is not None]
    if len(found) == 1 or len(samples) < len(found) or not sum(samples):
        return Value(found[0].number, found[0].sample)
    total = sum(samples)
    return Value(sum(e.number * n / total for e, n in zip(found, samples, strict=True)), total)


def _instant(value: Any) -> datetime | None:
    """In UTC; None for what is no aware instant."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value.astimezone(UTC)
