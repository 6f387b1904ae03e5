"""What people did to a release in Google Play's console and took back before anybody looked; and when somebody did.

Play tells what is, not what was: a release that stands where the look before had shown it has
stood there all the time, for whoever looks next. Nobody can know of the act, of its undoing, or that people got
something else for those minutes; so nothing of it is owed, and it breaks no bake.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tests.judge.evidence import Evidence, Record
from tests.judge.journal import Entry
from tests.judge.ledger import APP_STORE, GOOGLE_PLAY, Change, Key, instant, shows_versions
from tests.judge.signals import GRACE


@dataclass(frozen=True, slots=True)
class Detour:
    """From the act `left` to the one that took it back, `back`; no look came before `seen_at`."""

    left: Change
    back: Change
    seen_at: datetime

    def holds(self, change: Change) -> bool:
        return self.left.seq <= change.seq <= self.back.seq

    def hides(self, since: datetime, until: datetime) -> bool:
        """Whether people got something else only in that time, and nobody could see it."""
        return self.left.at <= since and until <= self.seen_at


def looks(evidence: Evidence, key: Key) -> list[datetime]:
    """When Google Play answered, undamaged, what is on a track of the app."""
    place = f"/applications/{_app(evidence, key).get('package', '')}/"
    return [
        instant(request["at"])
        for request in evidence.requests
        if request["service"] == GOOGLE_PLAY and request["method"] == "GET" and request["status"] == 200
        if place in request["path"] and "/tracks" in request["path"] and not request.get("fault")
    ]


def apple_answers(evidence: Evidence, key: Key) -> Iterator[Record]:
    """What the App Store answered to whoever asked what the app's versions are, damaged or not."""
    app_id = str(_app(evidence, key).get("app_id", ""))
    for request in evidence.requests:
        asked = request["service"] == APP_STORE and request["method"] == "GET"
        if asked and request["status"] == 200 and shows_versions(request, app_id):
            yield request


def _app(evidence: Evidence, key: Key) -> Record:
    apps = next(record for record in evidence.ledger if record["type"] == "scenario").get("apps", ())
    return next((app for app in apps if (app["app"], app["store"]) == (key.app, key.store)), {})


def detours(
    history: Sequence[Change], seen: Sequence[datetime], drifted: Sequence[Entry], ended_at: datetime
) -> Iterator[Detour]:
    """Those of one release. What we did ourselves is known, and none leads past it; nor is one unknown of which the
    journal tells (`drifted`), whatever befell the answer that it was read in."""
    unseen: list[Change] = []
    for change in history:
        place = bisect_right(seen, change.at)
        shown = place > 0 and bool(unseen) and seen[place - 1] >= unseen[0].at
        unseen = [] if change.ours else [*([] if shown else unseen), change]
        left = next((act for act in unseen[:-1] if _undone(act, change)), None)
        seen_at = seen[place] if place < len(seen) else ended_at
        if left is None:
            continue
        told = [entry for entry in drifted if left.at <= entry.at <= seen_at + GRACE]
        if not any(_tells_of(entry, unseen[unseen.index(left) : -1]) for entry in told):
            yield Detour(left, change, seen_at)


def overlooked(
    history: Sequence[Change], seen: Sequence[datetime], drifted: Sequence[Entry], resumed: datetime
) -> bool:
    """People halted it and let it go on, to whatever share, before anybody looked: nobody may know that it ever stood still."""
    halted, back = next((two for two in reversed([*pairwise(history)]) if two[1].at <= resumed), (None, None))
    if halted is None or back is None or (halted.kind, back.kind) != ("halt", "resume"):
        return False
    if halted.ours or back.ours or any(halted.at <= look <= back.at for look in seen):
        return False
    seen_at = next((look for look in seen if look > back.at), back.at)
    told = (entry for entry in drifted if halted.at <= entry.at <= seen_at + GRACE)
    return not any(_tells_of(entry, [halted]) for entry in told)


def _undone(act: Change, by: Change) -> bool:
    return (act.before_status, act.before_ppm) == (by.after_status, by.after_ppm)


def _tells_of(entry: Entry, acts: Sequence[Change]) -> bool:
    """Whether it names where one of these acts had led. In the same look something else can be new: a raise from before
    the detour, or from after it, and of that alone nobody learns of the detour."""
    stood = {(act.after_status, act.after_ppm) for act in acts}
    return any(_standing(entry.body[side]) in stood for side in ("before", "after"))


def _standing(seen: Record) -> tuple[str, int]:
    """As a change has it: nobody new is offered what is halted or a draft."""
    word = str(seen.get("status_word"))
    return word, int(seen["exposure_ppm"]) if word in ("inProgress", "completed") else 0
