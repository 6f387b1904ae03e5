"""What faults injected on purpose did to halts and raises: counted from the truth, whatever the daemon says of itself.

A fault has a place: the request that it befell, by its name in a conversation with the store. A commit that was
applied is told apart from one that was not: there the fault befell the reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.judge.case import Case, understand
from tests.judge.checks import agreement, halts
from tests.judge.checks.halts import Due
from tests.judge.evidence import Evidence, Record
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, GOOGLE_PLAY, age, instant
from tests.judge.patience import a_poll, deadline
from tests.judge.verdict import judge

INSERT, GET, PUT, VALIDATE, COMMIT, REPLY = "insert", "get", "PUT", "validate", "commit", "reply"
APPLE_GET, APPLE_PATCH = "App Store GET", "App Store PATCH"
PLACES = (INSERT, GET, PUT, VALIDATE, COMMIT, REPLY, APPLE_GET, APPLE_PATCH)

RAISED_WRONGLY = (
    "raises_without_evidence",
    "stages_skipped",
    "bakes_cut",
    "raises_outside_calendar",
    "unhalted",
    "growth_unguarded",
)
"""What a finding about a raise that must not be may be counted as."""

DOUBLED = "raises_doubled"
SIBLINGS = "siblings_changed"

_PLAY = (
    (INSERT, "POST", re.compile(r"/edits$")),
    (GET, "GET", re.compile(r"/edits/[^/]+/tracks/[^/]+$")),
    (PUT, "PUT", re.compile(r"/edits/[^/]+/tracks/[^/]+$")),
    (VALIDATE, "POST", re.compile(r"/edits/[^/:]+:validate$")),
    (COMMIT, "POST", re.compile(r"/edits/[^/:]+:commit$")),
)
_FINAL = "COMPLETE"
"""Apple's word for a release that nobody can stop any more."""

_EDIT = re.compile(r"/edits/([^/:]+)")


@dataclass(frozen=True, slots=True)
class Ordered:
    """A halt that a person has ordered, as they themselves remember it."""

    app: str
    store: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """`injected` by place and kind; `visits`: how often each place was come to, with or without a fault.

    `others` are findings that are neither about a raise nor about a sibling; a halt that was lost is among them.
    """

    injected: Mapping[tuple[str, str], int]
    visits: Mapping[str, int]
    halts_due: int
    halted: int
    raises: int
    wrong_raises: tuple[Finding, ...]
    siblings_changed: tuple[Finding, ...]
    others: tuple[Finding, ...]


def account(evidence: Evidence, ordered: Sequence[Ordered] = ()) -> Account:
    """What is to be said of one run. Raises like `judge`."""
    case, found = understand(evidence), judge(evidence).findings
    unasked = agreement.undecided(case)
    wrong = [finding for finding in found if finding.check in RAISED_WRONGLY]
    siblings = [finding for finding in found if finding.check == SIBLINGS] + unasked
    due = _due(case, ordered)
    return Account(
        injected=_injected(evidence),
        visits=Counter(place for request in evidence.requests if (place := _place(request))),
        halts_due=len(due),
        halted=sum(_came_true(case, one) for one in due),
        raises=sum(1 for _ in case.raises()),
        wrong_raises=(*wrong, *_doubled(case)),
        siblings_changed=tuple(siblings),
        others=tuple(f for f in found if f not in wrong and f not in siblings),
    )


def _injected(evidence: Evidence) -> Counter[tuple[str, str]]:
    places = {request["seq"]: _place(request) for request in evidence.requests}
    return Counter(
        (place, record["kind"])
        for record in evidence.ledger
        if record["type"] == "fault" and (place := places.get(record["request"], ""))
    )


def _place(request: Record) -> str:
    """ "" for a request that has none of the places' names."""
    path, method = request["path"], request["method"]
    if request["service"] == APP_STORE and "customerReviews" not in path:
        return {"GET": APPLE_GET, "PATCH": APPLE_PATCH}.get(method, "")
    if request["service"] != GOOGLE_PLAY:
        return ""
    fits = (place for place, by, shape in _PLAY if by == method and shape.search(path))
    place = next(fits, "")
    return REPLY if place == COMMIT and request.get("applied") else place


def _due(case: Case, ordered: Sequence[Ordered]) -> list[Due]:
    """Every halt that had to come, one for each life of a release, by a failure or by a person's order."""
    found = {(one.key, one.run): one for one in halts.due(case)}
    for order in ordered:
        one = _meant(case, order)
        if one and one.at < found.get((one.key, one.run), one).at:
            found[one.key, one.run] = one
        elif one:
            found.setdefault((one.key, one.run), one)
    return sorted(found.values(), key=lambda one: one.at)


def _meant(case: Case, order: Ordered) -> Due | None:
    """What the order was about: the newest release that people got then; None where they got none but the oldest."""
    offered = [
        key
        for key in case.served
        if (key.app, key.store) == (order.app, order.store)
        and (serving := case.serving_before(key, order.at)) is not None
        and serving.exposure_ppm > 0
        and serving.status != _FINAL
        and case.has_fallback(key)
    ]
    if not offered:
        return None
    key = max(offered, key=age)
    return Due(key, order.at, "a person", case.run_begun(key, order.at))


def _came_true(case: Case, one: Due) -> bool:
    """Stopped in the store within a poll and a minute, counted again from each time that the store failed."""
    stopped = halts.stopped_at(case, one)
    until = stopped or case.ended_at
    return stopped is not None and stopped <= deadline(
        case, one.key, one.at, patience=a_poll(case), until=until
    )


def _doubled(case: Case) -> Iterator[Finding]:
    """A raise whose commit was applied and changed nothing: what it wrote had been brought about before."""
    changed = {record.get("request") for record in case.evidence.ledger if record["type"] == "track"}
    written: dict[str, Record] = {}
    for request in case.evidence.requests:
        edit = _EDIT.search(request["path"])
        if edit is None or not request.get("applied"):
            continue
        if request["method"] == "PUT":
            written[edit[1]] = request
        elif request["path"].endswith(":commit") and request["seq"] not in changed and edit[1] in written:
            if any(raw.get("status") == "halted" for raw in written[edit[1]]["body"]["releases"]):
                continue
            app = request["path"].split("/applications/")[1].split("/")[0]
            text = "a commit was applied although the track stood as it was to be already"
            yield Finding(DOUBLED, instant(request["at"]).isoformat(), app, text)
