"""R9, R10 on the App Store, where a pause may be a halt and nobody can see that from the store.

A halt is what the journal decided as one, what a person paused in the console, or a release that was found
paused without anybody knowing why; only a person lifts it. What
people do there is noted within a poll. A window that a person opened is closed early only for a cause. A request
of ours that was sent before the halt and took effect after it is forgiven; that it must be paused again is asked
in phases.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime

from tests.judge import line
from tests.judge.apple_doubt import died_over, is_ours_too, looks_like_before, taken_for_ours, untold
from tests.judge.case import Case
from tests.judge.checks import linked
from tests.judge.checks.backwards import given_up, is_by_nobody_known, lacks_its_end
from tests.judge.checks.halts import something_failed
from tests.judge.direct import is_asked_by_hand, is_by_hand, is_halted_by_hand
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, RAISES, Change, Key, Served, instant, undamaged
from tests.judge.passes import look_may_be_late, looked_in_the_dark
from tests.judge.patience import ONE_WAY, a_poll, deadline, hindered_between, stood_still
from tests.judge.phases import WINDOW, Window
from tests.judge.runs import halt_is_wanted
from tests.judge.signals import GRACE, Word
from tests.judge.weighing import looks_between

_LIFTS = ("start", "advance", "resume", "complete")
_ACTS = ("pause", "step", "complete")
_REMOVED = "REMOVED_FROM_SALE"
_TELLS_NOTHING = ("unknown", "rolled_out")
_NOTED = ("drifted", "stepped", "superseded", "overtaken", "closed", "returned")
_READS_AS = {"ACTIVE": "in_progress", "COMPLETE": "completed"}


def unhalted(case: Case) -> list[Finding]:
    findings = []
    for raised in case.raises():
        halted = _halted_at(case, raised) if raised.key.store == APP_STORE else None
        if halted and not case.journal.ordered_between(raised.key, halted, raised.at, *_LIFTS):
            text = f"{raised.name} was made active although it was halted at {halted.isoformat()}"
            findings.append(Finding("unhalted", raised.at.isoformat(), raised.key.app, text))
    return findings


def unnoticed(case: Case) -> list[Finding]:
    """Acts in the console that no entry of the journal tells of within a poll of the look that showed them."""
    return [
        Finding(
            "console_acts_missed",
            act.at.isoformat(),
            act.key.app,
            f"nobody noticed the {act.kind} of {act.name}",
        )
        for act in case.changes
        if act.key.store == APP_STORE and not act.ours and act.kind in _ACTS
        if (seen := _seen_at(case, act)) and not _was_noticed(case, act, seen)
    ]


def invented(case: Case) -> list[Finding]:
    """The journal tells of a person's act, and nobody did anything. What follows a word of the store that
    nobody knows may be taken for one."""
    findings = []
    for key in (key for key in case.served if key.store == APP_STORE):
        acts = [c.at for c in case.of(key) if not c.ours and c.kind in _ACTS] + [
            record.at for record in case.served[key] if record.cause == "console"
        ]
        removed = [record.at for record in case.served[key] if _removes(record)]
        since = next((entry.at for entry in case.journal.of(key, "discovered")), None)
        for entry in case.journal.of(key, "drifted"):
            unknown = (entry.body.get("before") or {}).get("status") == "unknown"
            known = unknown or entry.at == since or entry.body.get("meaning") in _TELLS_NOTHING
            seen_late = entry.body.get("meaning") == "withdrawn" and any(at <= entry.at for at in removed)
            if is_by_nobody_known(case, entry):
                continue
            if since and not (known or seen_late) and not any(since < at <= entry.at for at in acts):
                text = f"{case.served[key][0].name} is said to be {entry.body['meaning']} by somebody; nobody was"
                findings.append(Finding("disagreements", entry.at.isoformat(), key.app, text))
            since = _looked_at(case, entry.at)
    return findings


def _looked_at(case: Case, noted_at: datetime) -> datetime:
    """What a process wrote down right after it had stood still, it may have seen before that."""
    return min((s for s, woke in stood_still(case) if woke <= noted_at <= woke + GRACE), default=noted_at)


def _removes(record: Served) -> bool:
    """The app is removed from sale. A look tells of that a day later perhaps, or not before Apple refuses something."""
    return record.cause == "console" and record.exposure_ppm == 0


def windows_cut(case: Case) -> list[Finding]:
    """A person let it go on, in the console or by an order, and we paused it although nothing spoke against Apple's
    step."""
    text = "was paused although somebody had just let it go on and nothing was wrong"
    return [
        Finding("console_acts_overridden", paused.at.isoformat(), key.app, f"{paused.name} {text}")
        for key in case.served
        for window in case.windows(key)
        for paused in case.of(key)
        if window.by_person and case.guarded(key, paused.at)
        if paused.ours and paused.kind == "pause" and cuts(case, window, paused)
        if not _has_cause(case, window, paused)
    ]


def halts_without_cause(case: Case) -> list[Finding]:
    """The team let the version out, and we paused it for good although nothing spoke against it."""
    text = "was halted although somebody had let it out and nothing was failing"
    return [
        Finding("console_acts_overridden", paused.at.isoformat(), paused.key.app, f"{paused.name} {text}")
        for paused in case.changes
        if paused.key.store == APP_STORE and paused.ours and paused.kind == "pause"
        if (decision := case.journal.decision_behind(paused)) and decision.word == "HALT"
        if not _may_be_halted(case, paused)
    ]


def _may_be_halted(case: Case, paused: Change) -> bool:
    key, begun = paused.key, case.run_begun(paused.key, paused.at)
    since = (begun or paused.at) - case.poll
    return (
        case.terms(key, paused.at).halts_on_unknown
        or any(not c.ours and c.kind == "pause" and since <= c.at <= paused.at for c in case.of(key))
        or case.journal.ordered_between(key, since, paused.at, "halt")
        or (begun is not None and _takes_up_a_halt(case, paused, begun))
        or case.suspects_reviews(key, paused.at)
        or is_by_hand(case, key, paused.at)
        or something_failed(case, key, since, paused.at)
    )


def _takes_up_a_halt(case: Case, paused: Change, begun: datetime) -> bool:
    """A life ended before it had answered a person's halt. The next one takes that order up again, and a halt asks
    nobody: a resume that is carried out in the same moment is preempted, and whoever ordered it is told so."""
    ordered = [o.at for o in case.journal.orders if (o.key, o.verb) == (paused.key, "halt") and o.at <= begun]
    return bool(ordered) and died_over(case, ordered[-1]) and paused.at <= begun + GRACE


def _halted_at(case: Case, raised: Change) -> datetime | None:
    """The halt that was in force when we asked for `raised`."""
    decided = [
        d.at
        for d in case.journal.decisions
        if d.key == raised.key and d.word == "HALT" and not _was_on_its_way(case, raised, d.at)
        if not given_up(case, d.seq, raised.asked_at)
    ]
    found = [e.at for e in case.journal.of(raised.key, "discovered") if e.body.get("status") == "paused"]
    history = [c for c in case.of(raised.key) if not c.ours]
    paused = [
        c.at
        for c in history
        if c.kind == "pause"
        and not (taken_for_ours(case, c) or looks_like_before(case, c) or untold(case, c))
    ]
    halted = [at for at in (*decided, *found, *paused) if at < raised.asked_at]
    lifted = [c.at for c in history if c.kind in RAISES and c.at <= raised.asked_at]
    newest = max(halted, default=None)
    return newest if newest and all(at < newest for at in lifted) else None


def _was_on_its_way(case: Case, raised: Change, halted: datetime) -> bool:
    """It was sent before the halt was decided, and nobody can fetch it back; what it brings about the halt stops."""
    decision = case.journal.decision_behind(raised)
    return decision is not None and decision.at <= halted and raised.asked_at - halted <= ONE_WAY


def _seen_at(case: Case, act: Change) -> datetime | None:
    """The first look of a daemon that showed what `act` did. None: nobody looks after the release, it is over, or no such
    look came before the next change, or that look showed what the one before had shown."""
    found = next(case.journal.of(act.key, "discovered"), None)
    over = any(entry.at <= act.at for entry in case.journal.of(act.key, "closed", "superseded"))
    ignored = found is not None and found.body.get("choice") == "ignore" and not case.steered(act.key)
    ignored = ignored or case.left_alone(act.key, act.at)
    if found is None or found.at > act.at or over or ignored:
        return None
    if act.kind == "pause" and looks_like_before(case, act):
        return None
    answers = (
        a for a in case.apple_answers(act.key) if undamaged(a) and not is_asked_by_hand(case, act.key, a)
    )
    looks = [at for a in answers if not died_over(case, at := instant(a["at"]))]
    place = bisect_right(looks, act.at)
    later = next((c.at for c in case.of(act.key) if c.seq > act.seq), case.ended_at)
    if untold(case, act) or place == len(looks) or looks[place] >= later:
        return None
    return None if _is_gone(case, act, looks[place]) else looks[place]


def _is_gone(case: Case, act: Change, look: datetime) -> bool:
    """The app was removed from sale since, and this look shows that: of what was before it tells nothing."""
    removed = any(_removes(record) and act.at <= record.at <= look for record in case.served[act.key])
    told = (a for a in case.apple_answers(act.key) if instant(a["at"]) == look)
    return removed and any(_REMOVED in str(answer["response"]) for answer in told)


def _was_noticed(case: Case, act: Change, seen: datetime) -> bool:
    latest = deadline(case, act.key, seen, patience=a_poll(case), until=case.ended_at)
    if latest > case.ended_at or is_ours_too(case, act) or _stopped_in_the_dark(case, act):
        return True
    noted = [e for e in case.journal.of(act.key, *_NOTED, "settled") if act.at <= e.at <= latest]
    if any(entry.kind != "settled" or entry.body["verb"] == act.kind for entry in noted):
        return True  # or taken for a change of our own that wanted the same
    if act.kind == "pause":
        return _halting(case, act.key, act.at) or is_halted_by_hand(case, act.key, act.at, latest)
    return any(act.at <= at <= latest for at in _seen_unasked(case, act))


def _stopped_in_the_dark(case: Case, act: Change) -> bool:
    """The look of the next pass told nothing, and a brake goes by what is known: it looks again only to be sent."""
    following = next((change for change in case.of(act.key) if change.seq > act.seq), None)
    if following is None or not following.ours or following.kind != "pause":
        return False
    return looked_in_the_dark(case, act.key, act.at, following.at)


def _seen_unasked(case: Case, act: Change) -> Iterator[datetime]:
    """When the journal says where the release stands after `act`, while the app ignores what appears by itself and
    nobody had said start: only of a halt it says more then. Such a look is that of the pass that carries out the start
    as well, for it comes before."""
    found = next(case.journal.of(act.key, "discovered"), None)
    if found is None or found.body.get("choice") != "ignore":
        return
    started = next((entry.seq for entry in case.journal.of(act.key, "started")), None)
    for entry in case.journal.of(act.key, "seen"):
        unasked = started is None or entry.seq < started
        if unasked and entry.body["status"] == _READS_AS.get(act.after_status):
            yield entry.at


def _halting(case: Case, key: Key, at: datetime) -> bool:
    """Our own halt was on its way: the pause is what it wanted."""
    decided = (e for e in case.journal.of(key, "decided") if e.body["decision"] == "HALT")
    return halt_is_wanted(case, key, at) or any(
        at - a_poll(case) <= entry.at <= at + a_poll(case) for entry in decided
    )


def cuts(case: Case, window: Window, paused: Change) -> bool:
    """It ended the window, before Apple's step and before its time."""
    stepped = any(step.key == paused.key and step.at == paused.at for step in case.apple_steps)
    return paused.at == window.ends < window.opened.at + WINDOW and not stepped


def _has_cause(case: Case, window: Window, paused: Change) -> bool:
    key, since, until = paused.key, window.opened.at, paused.at
    decision = case.journal.decision_behind(paused)
    return (
        (decision is not None and lacks_its_end(case, decision))  # which lets nothing grow
        or is_bound(case, key, since, until)
        or look_may_be_late(case, key, since, until)
        or _may_be_in_doubt(case, key, since, until)
        or _by_a_wrong_clock(case, paused)
        or _was_unknown(case, window)
        or _closes_the_one_before(case, window, paused)
    )


def _closes_the_one_before(case: Case, window: Window, paused: Change) -> bool:
    """Somebody paused it and let it go on between two looks: for whoever looks, the window from before is still open. Its
    day is over sooner, and where it was ours each look in it must find PASS."""
    earlier = [w for w in case.windows(paused.key) if w.opened.at < window.opened.at]
    if not earlier or not untold(case, window.opened):
        return False
    over = paused.at >= earlier[-1].opened.at + WINDOW
    said = words_between(case, paused.key, window.opened.at, paused.at)
    return over or (not earlier[-1].by_person and any(Word.PASS not in words for words in said))


def _was_unknown(case: Case, window: Window) -> bool:
    """Opened before anybody had found the release, or had seen it live: it reads active, as one does that Apple has just
    let out."""
    opened = window.opened
    found = next(case.journal.of(opened.key, "discovered"), None)
    live = next(case.journal.of(opened.key, "went_live"), None)
    unseen = live is not None and opened.at <= live.at and untold(case, opened)
    return found is None or opened.at <= found.at or unseen


def _by_a_wrong_clock(case: Case, paused: Change) -> bool:
    """Clocks that disagree raise nothing, and on the App Store silence raises (R7, R19): the pause says so. Believed where
    they truly did."""
    decision = case.journal.decision_behind(paused)
    if decision is None or "clocks_disagree" not in decision.codes:
        return False
    return case.journal.clocks_disagreed(decision)


def is_bound(case: Case, key: Key, since: datetime, until: datetime) -> bool:
    """By an order, a hold, a halt on the linked store, a freeze, a stopped line, a halt past the daemon, reviews, a newer version, or a store that could not be
    read."""
    return (
        linked.is_held(case, key, until)
        or line.is_stopped(case, since, until)
        or is_by_hand(case, key, until)
        or any(entry.at <= until for entry in case.journal.of(key, "held"))
        or case.suspects_reviews(key, until)
        or case.journal.ordered_between(key, since, until, "halt", "hold", "reject", "set-policy", "ignore")
        or case.terms(key, until).calendar.freeze_at(until) is not None
        or case.stands_back(key, until)
        or hindered_between(case, key, since, until)
    )


def _may_be_in_doubt(case: Case, key: Key, since: datetime, until: datetime) -> bool:
    fine = {Word.PASS} | case.surely_waiting_words(key, until)
    words = list(words_between(case, key, since, until))
    return not words or any(said - fine for said in words)


def words_between(case: Case, key: Key, since: datetime, until: datetime) -> Iterator[set[Word]]:
    """What may be said of each gate and of each signal in each look of that time."""
    for gate in (*case.terms(key, until).gates, *case.terms(key, until).vetoes):
        for poll in case.polls_about(key, gate.metric):
            if since <= poll.at <= until:
                yield case.words(key, gate, poll)
    for look in looks_between(case, key, since, until):
        yield from map(set, look.words.values())
