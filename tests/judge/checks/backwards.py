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


def check(case: Case) -> list[Finding]:
    return [*_raised(case), *_mistaken(case)]


def _raised(case: Case) -> Iterator[Finding]:
    for raised in case.raises():
        sender = case.evidence.senders.get(str(raised.request))
        for known in case.evidence.put_back:
            begun, ended = instant(known["from"]), instant(known["until"])
            if known["run"] == sender and begun + ONE_WAY < raised.asked_at < ended:
                why = f"by run {sender}, which knew since {begun.isoformat()} that the journal lacks its end"
                yield Finding(RAISED, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised {why}")


def _mistaken(case: Case) -> Iterator[Finding]:
    """After what was lost the journal's last look is older than it may seem: whatever changed since may have been ours."""
    if not case.evidence.lost or not case.evidence.put_back:
        return
    newest = max(case.evidence.lost)
    over = min(instant(known["from"]) for known in case.evidence.put_back)
    for key in case.served:
        later = [e for e in case.journal.of(key, "drifted", "seen", "decided") if e.seq > newest]
        first = next((e for e in later if e.kind == "drifted"), None)
        if first and first.at >= over and not first.body.get("untold") and not _somebody_did(case, key, first):
            text = f"{case.served[key][0].name} is said to be {first.body['meaning']} in the console; nobody did that"
            yield Finding(MISTAKEN, first.at.isoformat(), key.app, text)


def _somebody_did(case: Case, key: Key, told: Entry) -> bool:
    """Since the newest look that is left, or by the store itself."""
    since = _last_look_left(case, key, told)
    console = (c.at for c in case.of(key) if not c.ours)
    served = (r.at for r in case.served[key] if r.cause in ("console", "store"))
    return any(since <= at <= told.at for at in (*console, *served))


def _last_look_left(case: Case, key: Key, told: Entry) -> datetime:
    lost = frozenset(case.evidence.lost)
    looks = [e.at for e in case.journal.of(key, "seen", "discovered") if e.seq < told.seq and e.seq not in lost]
    before = [at for at in looks if at < told.at]
    return before[-1] if before else case.served[key][0].at


def untold(case: Case) -> Iterator[datetime]:
    """When people were told that the journal lacks its end."""
    return (m.at for m in delivered(case.evidence) if m.broadcast and m.kind == "held" and "journal_" in m.key)
