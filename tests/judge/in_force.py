"""By which policy a release was steered when, and when nobody looked after it: as its journal tells.

A policy that a person sets is gone by from the next pass on: the one that takes the order up has looked and listened by
the old one. What is counted begins anew with it where the release was out and not halted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from tests.judge.evidence import Record
from tests.judge.halted import begins_anew, halt_after
from tests.judge.journal import Entry
from tests.judge.ledger import APP_STORE, GOOGLE_PLAY, instant

EVER = datetime.min.replace(tzinfo=UTC)
_NAMES = ("discovered", "started", "policy_set")


def passes_begun(requests: Sequence[Record], store: str) -> list[datetime]:
    """When that store was asked for anything but what people write: a pass begins with that, and then listens."""
    services = (store,) if store in (GOOGLE_PLAY, APP_STORE) else ()
    return [
        instant(request["at"])
        for request in requests
        if request["service"] in services and "eviews" not in request["path"]
    ]


def next_pass(begun: Sequence[datetime], at: datetime, ended_at: datetime) -> datetime:
    place = bisect_right(begun, at)
    return begun[place] if place < len(begun) else ended_at


def timeline(
    entries: Sequence[Entry], effective: Mapping[int, datetime]
) -> Iterator[tuple[datetime, list[str]]]:
    """Each policy that a person set begins a time of its own, `effective` from then on: with all that the journal names
    until the next one, the newest first."""
    since, told = EVER, list[str]()
    for entry in entries:
        if entry.kind == "policy_set":
            yield since, told[::-1]
            since, told = effective[entry.seq], told.copy()
        if entry.kind in _NAMES and entry.body.get("policy"):
            told.append(str(entry.body["policy"]))
    yield since, told[::-1]


def anew(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The entries by which another policy begins to count anew: not of what was halted, or not out yet."""
    halt, live = "", False
    for entry in entries:
        if entry.kind == "policy_set" and live and not halt:
            yield entry
            live = entry.key.store == APP_STORE  # what stays paused is out as before
        elif entry.kind == "returned" or begins_anew(entry, halt):
            live = False
        elif entry.kind == "went_live":
            live = True
        halt = halt_after(halt, entry)


def left_alone(entries: Sequence[Entry], at: datetime) -> bool:
    """Whether a person had it looked after no more, and nobody has started it since."""
    told = [entry.kind for entry in entries if entry.kind in ("left_alone", "started") and entry.at <= at]
    return bool(told) and told[-1] == "left_alone"


def steered(entries: Sequence[Entry]) -> Iterator[tuple[datetime, datetime | None]]:
    """From when until when it was looked after: from a start until a person left it alone."""
    since: datetime | None = None
    for entry in entries:
        if entry.kind == "started":
            since = since or entry.at
        elif entry.kind == "left_alone" and since is not None:
            yield since, entry.at
            since = None
    if since is not None:
        yield since, None


def steered_although_lost(
    until: Sequence[Entry], left: Sequence[Entry], lost_at: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    """The same where a journal lost its end at `lost_at`: until then as it was, from then on by what is `left` of it. Whoever had
    started it is not known any more."""
    later = [
        (max(begun, lost_at), ended) for begun, ended in steered(left) if ended is None or ended > lost_at
    ]
    for begun, ended in steered(until):
        if ended is None and later and later[0][0] == lost_at:
            yield begun, later.pop(0)[1]
        else:
            yield begun, ended or lost_at
    yield from later
