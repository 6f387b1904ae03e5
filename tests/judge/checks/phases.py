"""R7: on the App Store silence raises, so whatever forbids raising must have been said there, as a pause.

`guarded`: paused but for windows. A window is opened by our step or by a person; in each pass inside it the gates
must pass, else it is paused in that very pass; after Apple's step, or a day, it is paused within a poll. So no
window lets Apple take two steps. `follow`: Apple's clock, but a doubtful gate pauses it in that pass. In both a
HOLD in the journal means paused. A store that refuses or is down, and a daemon that is dead, owe it later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tests.judge.case import Case
from tests.judge.finding import Finding
from tests.judge.ledger import APP_STORE, Key
from tests.judge.passes import asked_until, kept_by, looked_before_it_slept, unread_since
from tests.judge.patience import SLACK, a_poll, deadline, deadline_of_the_living
from tests.judge.phases import LAST_STAGED_PPM, WINDOW, AppleStep, Window
from tests.judge.signals import GRACE, Poll, Word
from tests.judge.terms import Gate, percent
from tests.judge.weighing import Look, looks, may_be_chosen

CHECK = "growth_unguarded"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `begun` until `ended` (None: to the end of the story) Apple was about to raise `key` by itself."""

    key: Key
    name: str
    exposure_ppm: int
    begun: datetime
    ended: datetime | None


def check(case: Case) -> list[Finding]:
    return [
        Finding(CHECK, since.isoformat(), stretch.key.app, f"{stretch.name} went on growing {why}")
        for stretch in stretches(case)
        for since, why in _faults(case, stretch)
    ]


def whence(case: Case, step: AppleStep) -> str:
    """Where a step of Apple's belongs: to a window, to Apple's clock that the policy follows, or to nothing."""
    if any(window.opened.at < step.at == window.ends for window in case.windows(step.key)):
        return "window"
    return "outside" if case.guarded(step.key, step.at) else "follow"


def stretches(case: Case) -> Iterator[Stretch]:
    """Those that the daemon had to look after: steered, and not only observed."""
    for key, history in case.served.items():
        if key.store != APP_STORE or case.observes(key.app):
            continue
        for record, following in pairwise([*history, None]):
            if record is not None and record.grows:
                ended = following.at if following else None
                for begun, until in _looked_after(case, key, record.at, ended):
                    yield Stretch(key, record.name, record.exposure_ppm, begun, until)


def _looked_after(
    case: Case, key: Key, begun: datetime, ended: datetime | None
) -> Iterator[tuple[datetime, datetime | None]]:
    """What of that time it was steered in, by one policy each."""
    anew = sorted(case.terms_anew(key).values())
    for since, until in case.steered(key):
        first, last = max(begun, since), min((at for at in (ended, until) if at), default=None)
        cuts = [at for at in anew if first < at and (last is None or at < last)]
        for each, then in pairwise([first, *cuts, last]):
            if each is not None and (then is None or each < then):
                yield each, then


def _faults(case: Case, stretch: Stretch) -> Iterator[tuple[datetime, str]]:
    window = _window(case, stretch)
    allowed_until = window.ends if window else _let_go_on_until(case, stretch)
    guarded = case.guarded(stretch.key, stretch.begun)
    if guarded:
        why = "after its window was over" if window else "and no window was open"
        yield from _outlived(case, stretch, allowed_until, why)
    elif (
        stretch.exposure_ppm >= LAST_STAGED_PPM
        and not case.terms(stretch.key, stretch.begun).completes_itself
    ):
        yield from _outlived(case, stretch, stretch.begun, "to everyone, which is left to a person")
    until = min(allowed_until, stretch.ended or case.ended_at) if guarded else stretch.ended or case.ended_at
    yield from _held(case, stretch)
    if guarded and window is not None and _without_evidence(case, window):
        return
    evident = guarded and window is not None and not window.by_person
    yield from _in_doubt(case, stretch, until, {Word.PASS} if evident else None)
    yield from _inconclusive(case, stretch, until, {Word.PASS} if evident else None)


def _without_evidence(case: Case, window: Window) -> bool:
    """Who opened it said so: doubt does not close it, and what fails for sure is halted (halts.py)."""
    order = case.order_behind(window.opened)
    return order is not None and order.without_evidence


def _steered_since(case: Case, stretch: Stretch) -> datetime:
    since = [begun for begun, _ in case.steered(stretch.key) if begun <= stretch.begun]
    return since[-1] if since else stretch.begun


def _window(case: Case, stretch: Stretch) -> Window | None:
    """The one that let this stretch begin."""
    windows = case.windows(stretch.key)
    return next((w for w in windows if w.opened.at <= stretch.begun < w.ends), None)


def _let_go_on_until(case: Case, stretch: Stretch) -> datetime:
    """A daemon that finds it active, and the evidence for Apple's step there, need not pause it first: from that
    decision on, if it came before the pause was due, there is a window as well."""
    until = stretch.ended or case.ended_at
    due = deadline_of_the_living(case, stretch.key, stretch.begun, patience=a_poll(case), until=until)
    decided = (d.at for d in case.journal.decisions if d.key == stretch.key and d.kind == "step")
    return next((at + WINDOW for at in decided if due and stretch.begun < at <= due), stretch.begun)


def _outlived(case: Case, stretch: Stretch, since: datetime, why: str) -> Iterator[tuple[datetime, str]]:
    """It had to end within a poll of `since`."""
    if stretch.ended is not None and stretch.ended <= since:
        return
    until = stretch.ended or case.ended_at
    due = deadline_of_the_living(case, stretch.key, since, patience=a_poll(case), until=until)
    if due is not None and goes_on_after(case, stretch, due):
        yield since, f"at {percent(stretch.exposure_ppm)} {why}"


def _in_doubt(
    case: Case, stretch: Stretch, until: datetime, needed: set[Word] | None
) -> Iterator[tuple[datetime, str]]:
    """The first pass of each gate whose answer left no way to go on, and that let it go on.

    A window that evidence opened needs evidence (`needed`). Who opened one by hand, or follows Apple, may wait
    for it; a veto only has to be silent. A daemon that was killed over it may find all well once it is back. The pass that adopts a release does not yet steer it.
    """
    terms, steered = case.terms(stretch.key, stretch.begun), _steered_since(case, stretch)
    silent = set(Word) - {Word.BREACH}
    for gate, allowed in [*((g, needed) for g in terms.gates), *((g, silent) for g in terms.vetoes)]:
        for poll in _passes(case, stretch.key, gate):
            if not max(stretch.begun, steered + GRACE) < poll.at < until:
                continue
            fine = allowed or {Word.PASS} | case.waiting_words(stretch.key, poll.at)
            if case.words(stretch.key, gate, poll) & fine:
                continue
            if looked_before_it_slept(case, stretch.key, stretch.begun, poll.at):
                continue
            due = _pausable_by(case, stretch.key, poll.at, until)
            again = (later for later in _passes(case, stretch.key, gate) if poll.at < later.at <= due)
            dispelled = any(case.words(stretch.key, gate, later) & fine for later in again)
            if not dispelled and goes_on_after(case, stretch, due):
                yield poll.at, f"at {percent(stretch.exposure_ppm)} although {gate.metric} was in doubt"
                break


def _inconclusive(
    case: Case, stretch: Stretch, until: datetime, needed: set[Word] | None
) -> Iterator[tuple[datetime, str]]:
    """The same of the evidence: the first pass in which any of its signals left no way to go on."""
    key, steered = stretch.key, _steered_since(case, stretch)
    for look in looks(case, key):
        if not max(stretch.begun, steered + GRACE) < look.at < until:
            continue
        doubtful = _doubtful(case, stretch, look, needed)
        if not doubtful or looked_before_it_slept(case, key, stretch.begun, look.at):
            continue
        due = _pausable_by(case, key, look.at, until)
        again = (later for later in looks(case, key) if look.at < later.at <= due)
        dispelled = any(not _doubtful(case, stretch, later, needed) for later in again)
        if not dispelled and goes_on_after(case, stretch, due):
            yield look.at, f"at {percent(stretch.exposure_ppm)} although {doubtful[0]} was in doubt"
            return


def _pausable_by(case: Case, key: Key, doubted: datetime, until: datetime) -> datetime:
    """By when it had to be paused: within a minute of the last question of the pass that doubted. A store that had not
    answered in it cannot be, above all where it went on without anybody knowing."""
    since = unread_since(case, key, doubted) or doubted
    said = asked_until(case, key, doubted)
    return deadline(case, key, since, patience=said - since + SLACK, until=until)


def _doubtful(case: Case, stretch: Stretch, look: Look, needed: set[Word] | None) -> list[str]:
    """The signals that left no way to go on. Where they say too little the policy may have chosen to go on, after a
    stage's max_bake. A daemon that was killed over them may find, once it is back, that they do no more."""
    key, exposure_ppm = stretch.key, stretch.exposure_ppm
    fine = needed or {Word.PASS} | case.waiting_words(key, look.at)
    since = case.live_since(key, exposure_ppm, look.at)
    if since and may_be_chosen(case, key, look, exposure_ppm, since):
        return []
    return [name for name, words in look.words.items() if not words & fine]


def _passes(case: Case, key: Key, gate: Gate) -> Iterator[Poll]:
    """The last question of each pass: the ones before it were tried again."""
    asked = case.polls_about(key, gate.metric)
    for poll, later in pairwise([*asked, None]):
        if poll is not None and (later is None or later.at - poll.at > GRACE):
            yield poll


def _held(case: Case, stretch: Stretch) -> Iterator[tuple[datetime, str]]:
    """A HOLD stands until the journal says otherwise; what could not be paused until then is not owed any more."""
    decided = case.journal.of(stretch.key, "decided")
    for entry, later in pairwise([*decided, None]):
        inside = entry and stretch.begun <= entry.at and (stretch.ended is None or entry.at < stretch.ended)
        if entry is None or not inside or entry.body["decision"] != "HOLD":
            continue
        asked = (
            entry.at - GRACE
        )  # a store that does not answer is held for afterwards, and cannot be paused either
        until = stretch.ended or case.ended_at
        said = asked_until(case, stretch.key, entry.at)
        due = deadline(case, stretch.key, asked, patience=said - asked + SLACK, until=until)
        over = later is not None and later.at <= kept_by(case, stretch.key, due)
        if not over and goes_on_after(case, stretch, due):
            yield entry.at, f"at {percent(stretch.exposure_ppm)} although the journal says HOLD"
            return


def goes_on_after(case: Case, stretch: Stretch, due: datetime) -> bool:
    return due <= case.ended_at if stretch.ended is None else stretch.ended > due
