"""What nobody can tell of a person's act on the App Store: whether it was one at all, or a request of ours whose answer was
lost; and what was done and taken back between two looks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.ledger import Change, Key, instant, undamaged
from tests.judge.passes import look_may_be_late
from tests.judge.signals import GRACE

_LANDS_WITHIN = timedelta(minutes=5) + GRACE
"""For how long a request whose answer was lost may still take effect, and what the look that comes then may take."""
_SAME = "already has this value"
_PAUSED = "PAUSED"
_BRAKES = ("pause", "halt")


def taken_for_ours(case: Case, paused: Change) -> bool:
    """Which of the two it was cannot be told, but where Apple has told it."""
    return is_ours_too(case, paused) and not _told_by_apple(case, paused)


def _told_by_apple(case: Case, paused: Change) -> bool:
    """Apple answered a pause of ours, while this one lasted, that it was paused already; and no other of ours can have
    been the one that did it. What became of that answer when the process died over it is nobody's to know."""
    over = next((c.at for c in case.of(paused.key) if c.seq > paused.seq), case.ended_at)
    return any(
        paused.at < told < over and not died_over(case, told) and not _earlier_may_land(case, paused, told)
        for told in _needless(case, paused.key)
    )


def _needless(case: Case, key: Key) -> Iterator[datetime]:
    """When Apple said of a request for this release, and was heard, that it changes nothing. Known by its address, which
    is that of our other requests for it."""
    paths = _paths(case, key)
    for request in case.evidence.requests:
        same = request["status"] == 409 and _SAME in str(request["response"])
        if same and request["path"] in paths and undamaged(request):
            yield instant(request["at"])


def _paths(case: Case, key: Key) -> set[str]:
    seqs = {change.request for change in case.of(key) if change.ours}
    return {request["path"] for request in case.evidence.requests if request["seq"] in seqs}


def _earlier_may_land(case: Case, paused: Change, told: datetime) -> bool:
    """A pause or a halt that we had sent before the one that Apple answered `told`, and of which nobody knows what
    became: not settled for certain, nor outlasted by a look that came before somebody paused."""
    sent = [
        e for e in case.journal.of(paused.key, "decided") if e.body.get("verb") in _BRAKES and e.at <= told
    ]
    looks = [at for at in case.apple_looks(paused.key) if at <= paused.at]
    settled = list(case.journal.of(paused.key, "settled"))
    for earlier in sent[:-1]:
        ends = [e for e in settled if e.body.get("intent") == earlier.body["intent"] and e.at <= told]
        lost_at = max([earlier.at, *(e.at for e in ends)])
        certain = bool(ends) and all(e.body["settlement"] != "in_doubt" for e in ends)
        if not certain and not any(lost_at + _LANDS_WITHIN <= at for at in looks):
            return True
    return False


def is_ours_too(case: Case, paused: Change) -> bool:
    """We were about to pause it ourselves in that very pass, or had sent a pause of which no look had told yet what
    became of it: which of the two it was cannot be told."""
    return _may_be_lost(case, paused) or any(
        decision.kind == "pause" and abs(decision.at - paused.at) <= GRACE
        for decision in case.journal.decisions
        if decision.key == paused.key
    )


def _may_be_lost(case: Case, paused: Change) -> bool:
    """The answer to a pause of ours was lost, and it may land yet, whatever a look in between has shown, or Apple could
    not be read from then on. Nor can it be told from one that we sent later, before anybody could look."""
    looks, lost = case.apple_looks(paused.key), _lost_pauses(case, paused.key)
    unheard = sorted((*lost, *_unheard_pauses(case, paused.key)))
    later = next((at for at in unheard if at > paused.at), None)
    if later and not any(paused.at <= at <= later for at in looks):
        return True
    earlier = [at for at in lost if at <= paused.at]
    if not earlier:
        return False
    return not _outlasted(case, paused, earlier[-1]) or paused.at <= earlier[-1] + _LANDS_WITHIN


def _outlasted(case: Case, paused: Change, lost: datetime) -> bool:
    """A look between the two tells them apart, if whoever looked lived until no request of ours could land any more, and had
    to look again then; or the journal says that the lost one came to nothing. Seed 38 in another course died over each
    look of the first minute, and again and again for hours before it could look."""
    sure = lost + _LANDS_WITHIN
    looks = [at for at in case.apple_looks(paused.key) if lost <= at <= paused.at]
    lapsed = any(lost <= entry.at <= paused.at for entry in case.journal.of(paused.key, "lapsed"))
    return lapsed or any(not _died_between(case, at, max(at + GRACE, sure)) for at in looks)


def _lost_pauses(case: Case, key: Key) -> list[datetime]:
    """When nobody heard what became of a pause of ours: the answer was lost, or the process died over it."""
    died = [
        d.at for d in case.journal.decisions if d.key == key and d.kind == "pause" and died_over(case, d.at)
    ]
    in_doubt = [
        entry.at
        for entry in case.journal.of(key, "settled")
        if (entry.body["verb"], entry.body["settlement"]) == ("pause", "in_doubt")
    ]
    return sorted((*died, *in_doubt))


def _unheard_pauses(case: Case, key: Key) -> Iterator[datetime]:
    """When we sent a pause and its answer told nothing, though the look after that may have shown what it wanted."""
    paths = _paths(case, key)
    for request in case.evidence.requests:
        wanted = request["method"] == "PATCH" and request["path"] in paths and _PAUSED in str(request["body"])
        status = request["status"]
        answered = status is not None and status < 500 and (status >= 400 or undamaged(request))
        if wanted and not answered:
            yield instant(request["at"])


def looks_like_before(case: Case, paused: Change) -> bool:
    """Nobody knew whether our last request had let Apple go on, and then it was paused: as if it never had."""
    before = [c for c in case.of(paused.key) if c.seq < paused.seq]
    if not before or not before[-1].ours or before[-1].kind != "step":
        return False
    looks = [at for at in case.apple_looks(paused.key) if before[-1].at <= at < paused.at]
    return all(died_over(case, at) or look_may_be_late(case, paused.key, at, at) for at in looks)


def died_over(case: Case, look: datetime) -> bool:
    return _died_between(case, look, look + GRACE)


def _died_between(case: Case, since: datetime, until: datetime) -> bool:
    return any(since <= instant(death) <= until for death in case.evidence.deaths)


def untold(case: Case, act: Change) -> bool:
    """The look before had shown the same, or a damaged answer since, of which something can be read, or it has come to that
    since by Apple's doing: whatever was done and undone after that, no look tells of it."""
    looks = [at for at in case.apple_looks(act.key) if not died_over(case, at)]
    place = bisect_right(looks, act.at)
    newest = looks[place - 1] if place else act.at
    answers = (instant(answer["at"]) for answer in case.apple_answers(act.key))
    since = [r for r in case.served[act.key] if newest <= r.at < act.at and r.cause == "store"]
    if any(record.status == act.after_status for record in since):
        return True
    return any(act.after_status in _shown_at(case, act.key, at) for at in answers if newest <= at <= act.at)


def _shown_at(case: Case, key: Key, look: datetime) -> set[str]:
    """What a look may have shown: the state before it, and what the same instant has made of that."""
    known = case.serving_before(key, look)
    return {*([known.status] if known else ()), *(r.status for r in case.served[key] if r.at == look)}
