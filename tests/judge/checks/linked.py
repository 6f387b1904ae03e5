"""Linked stores: while the same version is halted on the other store and nobody has answered that, nothing is raised
here and Apple is not let go on; and the store that follows goes no further than evidence has raised the lead.

A halt is known from when the journal first tells of it, and one that somebody made in a console within a poll of that,
counted again where the store could not be read: each side reads the other's journal and never its store. It is answered
by whoever resumes either side, by order or in a console. That the lead was resumed, and has to earn everything anew, is
known in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from tests.judge.case import Case
from tests.judge.checks.people import lowered_before_it_was_found
from tests.judge.checks.phases import Stretch, goes_on_after, stretches
from tests.judge.finding import Finding
from tests.judge.journal import Entry
from tests.judge.ledger import LOWERINGS, RAISES, Change, Key, age
from tests.judge.patience import SLACK, a_poll, deadline_of_the_living
from tests.judge.signals import GRACE
from tests.judge.terms import PPM_ALL, percent

IGNORED = "linked_halts_ignored"
OVERTAKEN = "lead_overtaken"
_USUAL_AFTER = 20
_REPLACED = "REPLACED"
_HALTED = ("halted", "lowered", "withdrawn")


@dataclass(frozen=True, slots=True)
class Halted:
    """A halt of `key`, which whoever goes by it knew of at `known` at the latest."""

    key: Key
    at: datetime
    known: datetime


def halts_ignored(case: Case) -> list[Finding]:
    return [
        Finding(
            IGNORED, raised.at.isoformat(), raised.key.app, f"{raised.name} was raised ({raised.kind}) {why}"
        )
        for raised in case.raises()
        for why in _ignored(case, raised)
    ]


def growth_ignored(case: Case) -> list[Finding]:
    return [
        Finding(IGNORED, stretch.begun.isoformat(), stretch.key.app, f"{stretch.name} went on growing {why}")
        for stretch in stretches(case)
        for why in _grown(case, stretch)
    ]


def lead_overtaken(case: Case) -> list[Finding]:
    return [
        Finding(OVERTAKEN, raised.at.isoformat(), raised.key.app, f"{raised.name} went to {why}")
        for raised in case.raises()
        for why in _overtaken(case, raised)
    ]


def _ignored(case: Case, raised: Change) -> Iterator[str]:
    """The pass that raised began after the halt was known, and nobody had answered that."""
    decision = case.journal.decision_behind(raised)
    decided = decision.at if decision else raised.asked_at
    for halt in _halts_there(case, raised.key):
        if halt.known + SLACK < decided and not _answered(case, raised.key, halt, raised.at):
            yield f"although {halt.key.store} had been halted at {halt.at.isoformat()}, and nobody had answered"


def _grown(case: Case, stretch: Stretch) -> Iterator[str]:
    for halt in _halts_there(case, stretch.key):
        begun = max(stretch.begun, halt.known)
        until = stretch.ended or case.ended_at
        if begun >= until or _answered(case, stretch.key, halt, until):
            continue
        due = deadline_of_the_living(case, stretch.key, begun, patience=a_poll(case), until=until)
        if due is not None and goes_on_after(case, stretch, due):
            yield f"at {percent(stretch.exposure_ppm)} although {halt.key.store} was halted, and nobody had answered"


def _overtaken(case: Case, raised: Change) -> Iterator[str]:
    """A person may go ahead of the lead, and so does whoever knows that it was halted and has answered that."""
    lead = _links(case).get(raised.key.app)
    if lead is None or raised.key.store == lead.store or _by_name(case, raised):
        return
    there = [key for key in _same_version(case, raised.key) if key.store == lead.store]
    newest = max(there, key=age, default=None)
    if newest and _is_halted(case, newest, raised):
        return
    reached = _earned(case, newest, raised.at) if newest else 0
    if reached < max(lead.after_ppm, raised.after_ppm):
        name = f"{lead.store} only to {percent(reached)}" if newest else f"{lead.store} not at all"
        yield f"{percent(raised.after_ppm)} although evidence had raised {name}"


def _by_name(case: Case, raised: Change) -> bool:
    if raised.kind == "start":
        orders = case.journal.of(raised.key, "commanded")
        told = [e for e in orders if e.body["verb"] == "start" and e.at <= raised.at and e.body["accepted"]]
        return any(entry.body.get("without_evidence") for entry in told)
    return case.order_behind(raised) is not None


def _earned(case: Case, lead: Key, at: datetime) -> int:
    """How far the lead was raised without an order, and was then really offered, in its present life, as far as anybody
    can know of that. A version that took its place takes nothing of it away."""
    begun, history = _known_to_have_begun(case, lead, at), case.served.get(lead, ())
    until = [r.exposure_ppm for r in history if r.at <= at and r.status != _REPLACED]
    if until and until[-1] == PPM_ALL:
        return PPM_ALL
    offered = [r.exposure_ppm for r in history if begun and begun <= r.at <= at]
    ours = [c for c in case.of(lead) if c.ours and c.kind in RAISES - {"start", "resume"} and c.at <= at]
    meant = [c.after_ppm for c in ours if begun and c.at >= begun and case.order_behind(c) is None]
    return min(max(offered, default=0), max(meant, default=0))


def _known_to_have_begun(case: Case, lead: Key, at: datetime) -> datetime | None:
    """On the App Store a life begins with whoever lets go on what somebody had paused; where both was done between two looks
    the lead stands as it stood, and no look can tell that it has to earn everything anew."""
    lives = case.lives(lead, at)
    while len(lives) > 1 and case.overlooked(lead, lives[-1]):
        lives.pop()
    return lives[-1] if lives else None


def _is_halted(case: Case, key: Key, raised: Change) -> bool:
    """Halted, and not known to be resumed since: what people did before the halt does not end it."""
    halted = max((halt.at for halt in _halts(case, key) if halt.at <= raised.at), default=None)
    since = (at for at in _resumed(case, key) if halted is not None and halted < at <= raised.at)
    return halted is not None and not any(_could_be_known(case, key, at, raised) for at in since)


def _could_be_known(case: Case, lead: Key, resumed: datetime, raised: Change) -> bool:
    """To whoever decided `raised`: its journal told of it before the decision was written down, or should have. An entry's
    time is when its pass began, and says nothing of when it could be read; the order of the entries does."""
    decision = case.journal.decision_behind(raised)
    if decision is None:
        return True
    told = case.journal.of(lead, "commanded", "drifted")
    if any(entry.at >= resumed and entry.seq < decision.seq and _ends_a_halt(entry) for entry in told):
        return True
    due = deadline_of_the_living(case, lead, resumed, patience=a_poll(case), until=decision.at)
    return due is not None and due < decision.at


def _ends_a_halt(entry: Entry) -> bool:
    if entry.kind == "commanded":
        return bool(entry.body["accepted"]) and entry.body["verb"] == "resume"
    return entry.body.get("meaning") not in _HALTED


def is_held(case: Case, key: Key, at: datetime) -> bool:
    """By a halt on the other store that nobody had answered."""
    return any(halt.at <= at and not _answered(case, key, halt, at) for halt in _halts_there(case, key))


def _halts_there(case: Case, key: Key) -> Iterator[Halted]:
    if key.app in _links(case):
        for other in _same_version(case, key):
            yield from _halts(case, other)


def _answered(case: Case, key: Key, halt: Halted, until: datetime) -> bool:
    answers = (*_resumed(case, key), *_resumed(case, halt.key))
    return any(halt.at <= at <= until for at in answers)


@lru_cache(maxsize=64)
def _resumed(case: Case, key: Key) -> tuple[datetime, ...]:
    """When somebody resumed it, by order or in the console."""
    orders = [order.at for order in case.journal.orders if order.key == key and order.verb == "resume"]
    clicks = [c.at for c in case.of(key) if not c.ours and c.kind in RAISES]
    return tuple(sorted((*orders, *clicks)))


@lru_cache(maxsize=64)
def _halts(case: Case, key: Key) -> tuple[Halted, ...]:
    """One for each time it was halted: who halts what is halted says nothing new, unless it was resumed between."""
    told = [
        Halted(key, d.at, d.at)
        for d in case.journal.decisions
        if d.key == key and d.word == "HALT" and "not_halted" not in d.codes
    ]
    noted = [e for e in case.journal.of(key, "drifted") if e.body.get("meaning") in _HALTED]
    told += [Halted(key, entry.at, entry.at) for entry in noted]
    clicks = (c for c in case.of(key) if not c.ours and c.kind in LOWERINGS)
    clicks = (c for c in clicks if not lowered_before_it_was_found(case, c))
    told += [Halted(key, c.at, known) for c in clicks if (known := _found_by(case, c))]
    halts: list[Halted] = []
    for halt in sorted(told, key=lambda halt: halt.known):
        if not halts or any(halts[-1].at <= at <= halt.at for at in _resumed(case, key)):
            halts.append(halt)
    return tuple(halts)


def _found_by(case: Case, click: Change) -> datetime | None:
    """When that store's journal has to tell of it, counted again where the store could not be read or nobody was alive to
    read it: the other side goes by that journal and never by the store. None: nobody was alive any more."""
    late = a_poll(case) + GRACE
    return deadline_of_the_living(case, click.key, click.at, patience=late, until=case.ended_at)


def _same_version(case: Case, key: Key) -> tuple[Key, ...]:
    """The version on the other store, by what people call it."""
    name = _name(case, key)
    there = (other for other in case.served if other.app == key.app and other.store != key.store)
    return tuple(other for other in there if _name(case, other) == name)


def _name(case: Case, key: Key) -> str:
    return case.served[key][0].name if case.served.get(key) else key.id


@dataclass(frozen=True, slots=True)
class Lead:
    store: str
    after_ppm: int


def _links(case: Case) -> Mapping[str, Lead]:
    """What the story says of its apps."""
    told = {app["name"]: app["link"] for app in case.evidence.scenario.get("apps", ()) if app.get("link")}
    return {
        name: Lead(str(link["lead"]), round(float(link.get("after", _USUAL_AFTER)) * 10_000))
        for name, link in told.items()
    }
