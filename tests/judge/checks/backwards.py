"""R17: history never runs backwards unnoticed. From when a replica knew that the journal lacks its end, until a person took it as
it is, it raised nothing; people were told; and what may have been ours is not said to be somebody's doing in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.judge.case import Case
from tests.judge.evidence import Record
from tests.judge.finding import Finding
from tests.judge.journal import Decision, Entry
from tests.judge.ledger import Key, instant
from tests.judge.messages import Message, delivered
from tests.judge.patience import ONE_WAY
from tests.judge.signals import GRACE

RAISED, MISTAKEN = "raises_on_a_lost_journal", "lost_journals_mistaken"
UNTOLD, SILENT = "lost_journals_untold", "lost_journals_unannounced"
CODES = ("journal_behind", "replica_doubts")
"""Why something is held then: by the own mark, or by what another one says."""
WAY_OUT = "stagedrollout db accept"
"""What a person has to do, in every message that something is held for it."""

TOLD = "journal/lacks_its_end/"
"""How the key of the message begins that is told for all apps."""
DAY = timedelta(days=1)
"""How often it is told; another replica may have told it before this one knew."""
SOON = timedelta(hours=2)
"""By then whoever was dead, frozen or cut off is there again, and a pass has come."""


def check(case: Case) -> list[Finding]:
    return [*_raised(case), *_untold(case), *_silent(case), *_mistaken(case)]


def _raised(case: Case) -> Iterator[Finding]:
    for raised in case.raises():
        sender = case.evidence.senders.get(str(raised.request))
        for known in case.evidence.put_back:
            begun, ended = instant(known["from"]), instant(known["until"])
            if _is_whole_again(case, raised.key, raised.asked_at):
                continue
            if known["run"] == sender and begun + ONE_WAY < raised.asked_at < ended:
                why = f"by run {sender}, which knew since {begun.isoformat()} that the journal lacks its end"
                yield Finding(
                    RAISED, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised {why}"
                )


def _is_whole_again(case: Case, key: Key, at: datetime) -> bool:
    """Whoever sent a halt writes the decision on it again, to the letter: where no more was lost, the journal has come to the
    very same end as before, and says what it said. `at`: when a decision for that one was acted on."""
    lost = [entry for entry in case.journal.entries if entry.seq in case.evidence.lost]
    decided = (e.seq for e in case.journal.entries if e.kind == "decided" and e.key == key and e.at <= at)
    newest = max(decided, default=0)
    again = {
        (entry.key, entry.kind, entry.at, str(entry.body))
        for entry in case.journal.entries
        if entry.seq not in case.evidence.lost and entry.seq < newest
    }
    return bool(lost) and all((e.key, e.kind, e.at, str(e.body)) in again for e in lost)


def _silent(case: Case) -> Iterator[Finding]:
    """Whatever is held for it, what one of them has known for so long is written down, to be told to everybody."""
    told = [
        instant(row["key"].removeprefix(TOLD)) for row in case.evidence.notices if row["key"].startswith(TOLD)
    ]
    known = [(instant(each["from"]), instant(each["until"])) for each in case.evidence.put_back]
    unheard = [
        begun
        for begun, ended in known
        if ended - begun >= SOON and not any(begun - DAY <= at <= begun + SOON for at in told)
    ]
    if not unheard or any(_is_whole_again(case, key, case.ended_at) for key in case.served):
        return
    at = unheard[0]
    text = "nobody wrote down, for everybody, that the journal lacks its end"
    yield Finding(SILENT, at.isoformat(), "", text)


def _untold(case: Case) -> Iterator[Finding]:
    """Where something was held for it, everybody is told: at the latest when all is said that is to be said."""
    held = (e for e in case.journal.entries if e.kind == "decided" and _is_for_that(e))
    first = next(held, None)
    if first is None or any(map(_is_on_its_way, case.evidence.notices)):
        return
    if not any(map(_tells, delivered(case.evidence))):
        yield Finding(
            UNTOLD, first.at.isoformat(), first.key.app, "nobody was told that the journal lacks its end"
        )


def _tells(message: Message) -> bool:
    """What was paused for it is told once it is, by the name of that pause: then the words say what a person has to do."""
    named = any(code in message.key for code in CODES)
    return message.broadcast and (named or (message.kind == "held" and WAY_OUT in message.text))


def _is_on_its_way(row: Record) -> bool:
    """Written down, and whoever is to be told cannot be reached yet. That others wait excuses nobody who wrote nothing down."""
    named = any(code in row["key"] for code in CODES) or row["key"].endswith("/pause")
    return row["kind"] == "held" and row["state"] not in ("sent", "lost") and named


def _is_for_that(entry: Entry) -> bool:
    return any(reason.get("code") in CODES for reason in entry.body.get("reasons", ()))


def _mistaken(case: Case) -> Iterator[Finding]:
    """After what was lost the journal's last look is older than it may seem: whatever changed since may have been ours."""
    if not case.evidence.lost:
        return
    for key in case.served:
        later = (e for e in case.journal.of(key, "drifted") if e.seq > max(case.evidence.lost))
        first = next(later, None)
        if (
            first is None
            or first.at < _known_to_the_writer(case, first)
            or first.body.get("untold")
            or _somebody_did(case, key, first)
        ):
            continue
        if _looked_in_between(case, key, first):
            continue
        text = f"{case.served[key][0].name} is said to be {first.body['meaning']} in the console; nobody did that"
        yield Finding(MISTAKEN, first.at.isoformat(), key.app, text)


def _looked_in_between(case: Case, key: Key, told: Entry) -> bool:
    """Once a look was written down after the loss, changes are told beside that one, and lack nothing any more."""
    since = (e for e in case.journal.of(key, "seen", "discovered") if e.seq > max(case.evidence.lost))
    return any(e.at < told.at for e in since)


def _known_to_the_writer(case: Case, entry: Entry) -> datetime:
    """From when on whoever wrote it knew of it: the holder, but that a halt of a person's is carried out by anybody. One whose own
    mark is not among what is lost knows as soon as the other one has told it, and no sooner; or as the journal says that a person has taken it."""
    held = f"{entry.key.app}/{entry.key.store}"
    runs = [t["run"] for t in case.evidence.tenures if t["name"] == held and instant(t["at"]) <= entry.at]
    halts = case.journal.ordered_between(entry.key, entry.at - GRACE, entry.at + GRACE, "halt")
    if not runs or halts:
        return max((instant(known["from"]) for known in case.evidence.put_back), default=case.ended_at)
    own = (instant(known["from"]) for known in case.evidence.put_back if known["run"] == runs[-1])
    taken = max((instant(known["until"]) for known in case.evidence.put_back), default=case.ended_at)
    return next(own, taken)


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
    if not drifted.body.get("untold") and drifted.at >= _known_to_the_writer(case, drifted):
        return False
    since = _last_look_left(case, drifted.key, drifted)
    return any(since <= change.at <= drifted.at for change in case.of(drifted.key))


def after_the_loss(case: Case, entry: Entry, *kinds: str) -> bool:
    """Whether such entries of its rollout were lost before it."""
    lost = frozenset(case.evidence.lost)
    return any(e.seq in lost and e.seq < entry.seq for e in case.journal.of(entry.key, *kinds))


def lacks_its_end(case: Case, decision: Decision) -> bool:
    """Whether it was decided on because the journal lacks its end, and that was so: it had lost it, one of them knew, and no person
    had taken it as it is before the pass began."""
    lost, known = case.evidence.lost, case.evidence.put_back
    if not (decision.codes & set(CODES) and lost and known):
        return False
    begun, ended = min(instant(k["from"]) for k in known), max(instant(k["until"]) for k in known)
    return decision.seq > max(lost) and begun <= decision.at <= ended + GRACE


def given_up(case: Case, seq: int, at: datetime) -> bool:
    """Whether that entry was lost, and a person has taken the journal without it by then. The App Store shows a halt as it shows
    a pause, so that nobody else knows of it; whoever takes it is told so."""
    taken = [instant(known["until"]) for known in case.evidence.put_back]
    return seq in frozenset(case.evidence.lost) and bool(taken) and max(taken) <= at
