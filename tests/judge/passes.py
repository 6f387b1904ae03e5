"""Where one pass over an app ends and the next one begins: each looks at the store before it asks for anything else."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.ledger import APP_STORE, Key, instant
from tests.judge.patience import late_until


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
    forgotten = (*case.evidence.deaths, *case.evidence.unwritten)
    late = late_until(case, at) is not None
    return late or any(at <= instant(moment) <= until for moment in forgotten)


def shown_on_play(case: Case, key: Key, since: datetime, until: datetime) -> bool:
    """Whether a whole look that was not lost read the track in that time: where the store turned away every one, nobody
    can know what it was like meanwhile. Nothing is believed here of an answer that a fault befell."""
    package = f"/applications/{case.served[key][0].package}/"
    return any(
        since <= at < until and not may_be_lost(case, key, seq, at) for seq, at in _whole_looks(case, package)
    )


def _whole_looks(case: Case, package: str) -> Iterator[tuple[int, datetime]]:
    """Of Google Play: the track, and then where its releases stand in review."""
    asked = [r for r in case.evidence.requests if r["method"] == "GET" and package in r["path"]]
    for track, reviews in pairwise(asked):
        whole = "/edits/" in track["path"] and reviews["path"].endswith("/releases")
        if whole and _is_answered(track) and _is_answered(reviews):
            yield track["seq"], instant(track["at"])


def _is_answered(request: Record) -> bool:
    return request["status"] == 200 and not request.get("fault")


def look_may_be_late(case: Case, key: Key, first: datetime, last: datetime) -> bool:
    """Whether a look at the store that was answered between the two may have been answered in vain: the process stood
    still until its patience was over."""
    return any(late_until(case, at) is not None for _, at in _looks(case, key) if first <= at <= last)


@lru_cache(maxsize=32)
def _looks(case: Case, key: Key) -> Sequence[tuple[int, datetime]]:
    """The requests, by number and time, that read what the store shows of the app."""
    app = next(
        (a for a in case.setting.get("apps", ()) if (a["app"], a["store"]) == (key.app, key.store)), {}
    )
    name = str(app.get("app_id" if key.store == APP_STORE else "package", ""))
    read = f"/apps/{name}/appStoreVersions" if key.store == APP_STORE else f"/applications/{name}/edits"
    asked = (r for r in case.evidence.requests if r["service"] == key.store and r["path"].endswith(read))
    return sorted((r["seq"], instant(r["at"])) for r in asked)
