"""R17: history never runs backwards unnoticed. From when a replica knew that the journal lacks its end, until a person took it as
it is, it raised nothing; people were told; and what may have been ours is not said to be somebody's doing in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import Key, instant
from tests.judge.messages import delivered
from tests.judge.patience import ONE_WAY

RAISED, UNTOLD, MISTAKEN = "raises_on_a_lost_journal", "lost_journals_untold", "lost_journals_mistaken"
CODES = ("journal_behind", "replica_doubts")
"""Why something is held then: by the own mark, or by what another one says."""


def check(case: Case) -> list[Finding]:
    return [*_raised(case), *_untold(case), *_mistaken(case)]


def _raised(case: Case) -> Iterator[Finding]:
    for raised in case.raises():
        sender = case.evidence.senders.get(str(raised.request))
        for known in case.evidence.put_back:
            begun, ended = instant(known["from"]), instant(known["until"])
            if known["run"] == sender and begun + ONE_WAY < raised.asked_at < ended:
                why = f"by run {sender}, which knew since {begun.isoformat()} that the journal lacks its end"
                yield Finding(
                    RAISED, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised {why}"
                )


def _untold(case: Case) -> Iterator[Finding]:
    """Where something was held for it, everybody is told: at the latest when all is said that is to be said. Of a pause that made
    it true they are told by the name of that one, and why it was sent."""
    held = [e for e in case.journal.entries if e.kind == "decided" and _is_for_that(e)]
    if not held or any(row["state"] not in ("sent", "lost") for row in case.evidence.notices):
        return
    pauses = tuple(f"/held/{e.body['intent']}" for e in held if e.body.get("intent"))
    aloud = [m.key for m in delivered(case.evidence) if m.broadcast]
    if not any(key.endswith(pauses) or any(code in key for code in CODES) for key in aloud):
        text = "nobody was told that the journal lacks its end"
        yield Finding(UNTOLD, held[0].at.isoformat(), held[0].key.app, text)


def _is_for_that(entry: Entry) -> bool:
    return any(reason.get("code") in CODES for reason in entry.body.get("reasons", ()))


def _mistaken(case: Case) -> Iterator[Finding]:
    """After what was lost the journal's last look is older than it may seem: whatever changed since may have been ours."""
    if not case.evidence.lost:
        return
    over = _known_to_all(case)
    for key in case.served:
        later = (e for e in case.journal.of(key, "drifted") if e.seq > max(case.evidence.lost))
        first = next(later, None)
        if first is None or first.at < over or first.body.get("untold") or _somebody_did(case, key, first):
            continue
        if _looked_in_between(case, key, first):
            continue
        text = f"{case.served[key][0].name} is said to be {first.body['meaning']} in the console; nobody did that"
        yield Finding(MISTAKEN, first.at.isoformat(), key.app, text)


def _looked_in_between(case: Case, key: Key, told: Entry) -> bool:
    """Once a look was written down after the loss, changes are told beside that one, and lack nothing any more."""
    since = (e for e in case.journal.of(key, "seen", "discovered") if e.seq > max(case.evidence.lost))
    return any(e.at < told.at for e in since)


def _known_to_all(case: Case) -> datetime:
    """One whose own mark is not among what is lost knows of it as soon as the other one has told it, and no sooner."""
    return max((instant(known["from"]) for known in case.evidence.put_back), default=case.ended_at)


def _somebody_did(case: Case, key: Key, told: Entry) -> bool:
    """Since the newest look that is left; the App Store puts a version out by itself."""
    since = _last_look_left(case, key, told)
    by_people = (c.at for c in case.of(key) if not c.ours)
    by_itself = (
        r.at
        for r in case.served[key]
        if r.cause == "console" or (r.cause == "store" and told.body["meaning"] == "rolled_out")
    )
    return any(since <= at <= told.at for at in (*by_people, *by_itself))


def _last_look_left(case: Case, key: Key, told: Entry) -> datetime:
    """What was kept beside the database, and is written down only after that was told, nobody had read by then; and where the
    outcome is in doubt, nobody has looked."""
    lost = frozenset(case.evidence.lost)
    looks = (e for e in case.journal.of(key, "seen", "discovered", "settled") if e.seq not in lost)
    known = (e for e in looks if e.seq < told.seq and e.body.get("settlement") != "in_doubt")
    before = [e.at for e in known if e.at < told.at]
    return before[-1] if before else case.served[key][0].at


def is_by_nobody_known(case: Case, drifted: Entry) -> bool:
    """Whether the journal says of a change that it cannot tell whose it was, or whoever wrote it could not know yet that
    something is lost; and something has changed since the newest look that is left."""
    if not case.evidence.lost or drifted.seq <= max(case.evidence.lost):
        return False
    if not drifted.body.get("untold") and drifted.at >= _known_to_all(case):
        return False
    since = _last_look_left(case, drifted.key, drifted)
    return any(since <= change.at <= drifted.at for change in case.of(drifted.key))


def after_the_loss(case: Case, entry: Entry) -> bool:
    """Whether entries of its rollout were lost before it."""
    lost = frozenset(case.evidence.lost)
    return any(e.seq in lost and e.seq < entry.seq for e in case.journal.by_rollout.get(entry.key, ()))


def given_up(case: Case, seq: int, at: datetime) -> bool:
    """Whether that entry was lost, and a person has taken the journal without it by then. The App Store shows a halt as it shows
    a pause, so that nobody else knows of it; whoever takes it is told so."""
    taken = [instant(known["until"]) for known in case.evidence.put_back]
    return seq in frozenset(case.evidence.lost) and bool(taken) and max(taken) <= at
