"""Where one pass over an app ends and the next one begins: each looks at the store before it asks for anything else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.ledger import APP_STORE, GOOGLE_PLAY, Key, instant, shows_versions, undamaged
from tests.judge.patience import SLACK, failed, late_until, stood_still


def looked_between(case: Case, key: Key, first: int, last: int) -> bool:
    """Whether the store was looked at after the request `first` and before `last`."""
    asked = [seq for seq, _ in _looks(case, key)]
    return bisect_right(asked, first) < bisect_right(asked, last)


def may_be_lost(case: Case, key: Key, seq: int, at: datetime) -> bool:
    """Whether the daemon was killed in the pass that got this answer, or its database failed it there, so that it may
    have kept nothing of it; or stood still while the answer was on its way, so that it may have come too late."""
    looks = _looks(case, key)
    place = bisect_right(looks, (seq, at))
    until = looks[place][1] if place < len(looks) else case.ended_at
    forgotten = _forgotten(case)
    place = bisect_left(forgotten, at)
    return late_until(case, at) is not None or (place < len(forgotten) and forgotten[place] <= until)


@lru_cache(maxsize=2)
def _forgotten(case: Case) -> Sequence[datetime]:
    """When the daemon was killed, or its database failed it, in order."""
    return sorted(map(instant, (*case.evidence.deaths, *case.evidence.unwritten)))


def may_have_begun(case: Case, key: Key, seq: int, at: datetime) -> tuple[datetime, ...]:
    """By which times the pass that asked this may count its hours, latest first: it reads its clock once, after its look at
    the store and before its questions, and its process may have stood still between the two."""
    looks = _looks(case, key)
    place = bisect_left(looks, (seq, at))
    looked = looks[place - 1][1] if place else at
    slept = [begun for begun, ended in stood_still(case) if looked <= begun and ended <= at]
    return (at, *sorted(slept, reverse=True))


def kept_by(case: Case, key: Key, until: datetime) -> datetime:
    """Until when a pass that looked by `until` may say what it found: one that its database failed keeps nothing of it, and is
    run again a minute later."""
    unwritten = [instant(moment) for moment in case.evidence.unwritten]
    for (_, begun), (_, again) in pairwise(_looks(case, key)):
        failed_it = (at for at in unwritten if begun <= at <= min(again, begun + SLACK))
        if begun <= until and any(again <= at + 2 * SLACK for at in failed_it):
            until = max(until, again + SLACK)
    return until


def surely_looked_before(case: Case, key: Key, at: datetime) -> bool:
    """Whether a pass was over by then in which the store answered whole, and which the daemon lived to keep."""
    looks = _looks(case, key)
    ends = [moment for _, moment in looks[1:]]
    return any(
        ended <= at and not may_be_lost(case, key, seq, begun) and _went_well(case, key, begun, ended)
        for (seq, begun), ended in zip(looks, ends, strict=False)
    )


def _went_well(case: Case, key: Key, begun: datetime, ended: datetime) -> bool:
    asked = [r for r in case.evidence.requests if begun <= instant(r["at"]) < ended]
    reads = [r for r in asked if r["service"] == key.store and r["method"] == "GET"]
    return bool(reads) and all(r["status"] == 200 and not r.get("fault") for r in reads)


def look_may_be_late(case: Case, key: Key, first: datetime, last: datetime) -> bool:
    """Whether a look at the store that was answered between the two may have been answered in vain: the process stood
    still until its patience was over."""
    return any(late_until(case, at) is not None for _, at in _looks(case, key) if first <= at <= last)


def looked_in_the_dark(case: Case, key: Key, first: datetime, last: datetime) -> bool:
    """Whether the first look at the store in that time came too late, failed, or told what nobody can read."""
    asked = next((seq for seq, at in _looks(case, key) if first <= at <= last), None)
    request = next((r for r in case.evidence.requests if r["seq"] == asked), None)
    told = request is not None and request["status"] == 200 and undamaged(request)
    return look_may_be_late(case, key, first, last) or not told


def looked_before_it_slept(case: Case, key: Key, begun: datetime, asked: datetime) -> bool:
    """Whether the pass that asked for signals at `asked` had looked at the store before `begun`, and the process stood
    still between the two: what somebody did meanwhile that pass cannot know, and the next one looks again."""
    looks = [at for _, at in _looks(case, key) if at <= asked]
    return bool(looks) and any(
        looks[-1] <= slept <= begun <= woke <= asked for slept, woke in stood_still(case)
    )


def unread_since(case: Case, key: Key, asked: datetime) -> datetime | None:
    """When the pass that asked for signals at `asked` had learned that the store does not answer, or that its answer had
    come too late: nobody in it knows what the store serves. None: it knew."""
    looks = [seq for seq, at in _looks(case, key) if at <= asked]
    reads = [
        request
        for request in case.evidence.requests
        if request["service"] == key.store and looks and looks[-1] <= request["seq"]
        if instant(request["at"]) <= asked
    ]
    learned = [_unanswered(case, request) for request in (*reads[:1], *reads[-1:])]
    return max((at for at in learned if at and at <= asked), default=None)


def _unanswered(case: Case, request: Record) -> datetime | None:
    at = instant(request["at"])
    late = late_until(case, at)
    return late or (at if failed(request) else None)


def asked_until(case: Case, key: Key, begun: datetime) -> datetime:
    """When the pass of `begun` asked its last question about the release: what it decides it knows only after that, and
    the journal's time is that of its beginning. To act it looks at the store again."""
    over = next((at for _, at in _looks(case, key) if at > begun), case.ended_at)
    name, elsewhere = case.signal_name(key), case.projects_of_others(key)
    asked = (poll for poll in case.polls if name in poll.asked and begun <= poll.at < over)
    return max((p.at for p in asked if not (p.projects and p.projects <= elsewhere)), default=begun)


def read_between(case: Case, first: datetime, last: datetime) -> bool:
    """Google Play: whether what is on a track was read, undamaged, in that time."""
    return any(
        first <= instant(request["at"]) <= last
        for request in case.evidence.requests
        if request["service"] == GOOGLE_PLAY and request["method"] == "GET" and "/tracks" in request["path"]
        if request["status"] == 200 and not request.get("fault")
    )


@lru_cache(maxsize=32)
def _looks(case: Case, key: Key) -> Sequence[tuple[int, datetime]]:
    """The requests, by number and time, that read what the store shows of the app."""
    app = next(
        (a for a in case.setting.get("apps", ()) if (a["app"], a["store"]) == (key.app, key.store)), {}
    )
    asked = (r for r in case.evidence.requests if r["service"] == key.store and _begins_a_pass(r, key, app))
    return sorted((r["seq"], instant(r["at"])) for r in asked)


def _begins_a_pass(request: Record, key: Key, app: Record) -> bool:
    if key.store == APP_STORE:
        return shows_versions(request, str(app.get("app_id", "")))
    return str(request["path"]).endswith(f"/applications/{app.get('package', '')}/edits")
