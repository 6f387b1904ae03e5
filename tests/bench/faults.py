"""Faults at every place of the conversations with both stores: is every halt in effect, and no raise wrong?

    python -m tests.bench faults [--quick] [--json] [--seed N] [--workers N]

The real daemon below its trigger plays short stories on the emulator, in virtual time. Each story has one kind of
fault (--quick: all kinds) at one place, from its beginning until some hours before its end: a release that turns bad, or one that somebody
halts and resumes again and again; beside it on the track lie the release before it and the draft of the next one.
Stories are added until each kind has struck often enough, or it is plain that nobody ever comes to that place. What
was injected, which halts were due and became true, which raises were wrong: the outside judge counts it
(tests/judge/faults.py), from the emulator's ledger. How soon a halt is in effect while other apps' store hangs is
measured apart, with threads (hanging.py).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from tests.bench import hanging
from tests.bench.fault_stories import AIMED_AT, KINDS, Aim, told
from tests.bench.figure import Figure, aligned, shown
from tests.judge import faults as judged
from tests.judge.faults import PLACES, Account
from tests.judge.finding import Finding
from tests.simulation.run import play

EACH_PLACE, EACH_PLACE_QUICK = 50, 6
STORIES_MOST = 16
SEED = 1


@dataclass(slots=True)
class Tally:
    """What all stories came to. `wrong` names each finding beside the story that it is of."""

    stories: int = 0
    injected: Counter[tuple[str, str]] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    halts_due: int = 0
    halted: int = 0
    raises: int = 0
    wrong_raises: int = 0
    siblings_changed: int = 0
    others: int = 0
    wrong: list[str] = field(default_factory=list)

    def take(self, told: Account, story: str) -> None:
        self.stories += 1
        self.injected.update(told.injected)
        self.visits.update(told.visits)
        self.halts_due += told.halts_due
        self.halted += told.halted
        self.raises += told.raises
        self.wrong_raises += len(told.wrong_raises)
        self.siblings_changed += len(told.siblings_changed)
        self.others += len(told.others)
        self.wrong += [
            _in_words(one, story) for one in (*told.wrong_raises, *told.siblings_changed, *told.others)
        ]
        if told.halted < told.halts_due:
            self.wrong.append(f"{story}: {told.halts_due} halts were due, {told.halted} came true")

    def add(self, other: Tally) -> None:
        self.stories += other.stories
        self.injected.update(other.injected)
        self.visits.update(other.visits)
        self.halts_due += other.halts_due
        self.halted += other.halted
        self.raises += other.raises
        self.wrong_raises += other.wrong_raises
        self.siblings_changed += other.siblings_changed
        self.others += other.others
        self.wrong += other.wrong

    def at(self, place: str) -> dict[str, int]:
        """How often each kind befell the place."""
        return {kind: self.injected[place, name] for kind, name in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Result:
    """`hanging`: halts beside a store that hangs; `seconds` of real time.

    `short`: the places that were struck less often than asked, and how often.
    """

    tally: Tally
    each_place: int
    hanging: tuple[Figure, ...]
    seconds: float

    @property
    def short(self) -> dict[str, int]:
        struck = {place: sum(self.tally.at(place).values()) for place in PLACES}
        return {place: times for place, times in struck.items() if times < self.each_place}

    @property
    def kept(self) -> bool:
        tally = self.tally
        wrong = tally.wrong_raises or tally.siblings_changed or tally.others or self.short
        return not wrong and tally.halted == tally.halts_due > 0 and all(one.kept for one in self.hanging)

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "injected": tally.injected.total(),
            "halts_due": tally.halts_due,
            "halted": tally.halted,
            "wrong_raises": tally.wrong_raises,
            "siblings_changed": tally.siblings_changed,
            "other_findings": tally.others,
            "raises": tally.raises,
            "stories": tally.stories,
            "asked_at_each_place": self.each_place,
            "short": self.short,
            "places": {place: {"visits": tally.visits[place], **tally.at(place)} for place in PLACES},
            "beside_a_store_that_hangs": [asdict(one) | {"kept": one.kept} for one in self.hanging],
            "wrong": tally.wrong,
            "seconds": round(self.seconds, 1),
            "kept": self.kept,
        }


def measure(*, quick: bool, seed: int, workers: int) -> Result:
    """Play everything. `quick`: few faults at each place, of all kinds in one story."""
    began, each = time.monotonic(), EACH_PLACE_QUICK if quick else EACH_PLACE
    aims = [
        Aim(place, kinds, ceil(each / len(at.kinds)), seed)
        for place, at in AIMED_AT.items()
        for kinds in ((at.kinds,) if quick else ((kind,) for kind in at.kinds))
    ]
    tally = Tally()
    with ProcessPoolExecutor(workers) as pool:
        for one in pool.map(aimed, aims):
            tally.add(one)
    return Result(tally, each, tuple(hanging.measure()), time.monotonic() - began)


def aimed(aim: Aim) -> Tally:
    """Stories with the aim's faults until each has struck often enough; one, where nobody ever comes to the place."""
    tally = Tally()
    for number in range(STORIES_MOST):
        plan, ordered = told(aim, number)
        tally.take(judged.account(play(plan).evidence, ordered), plan.scenario.name)
        enough = min(tally.injected[aim.place, KINDS[kind]] for kind in aim.kinds) >= aim.often
        if (enough and tally.stories >= aim.stories) or not _visited(tally, aim.place):
            break
    return tally


def _visited(tally: Tally, place: str) -> bool:
    """A commit that all faults befell before it was applied leaves no visit with a reply."""
    return bool(tally.visits[place] or (place == judged.REPLY and tally.visits[judged.COMMIT]))


def _in_words(one: Finding, story: str) -> str:
    return f"{story}: {one.check}: {one.at} {one.text}"


def as_json(result: Result) -> str:
    return json.dumps(result.document(), indent=2)


def table(result: Result) -> str:
    """The counts, then each place's faults by kind, then everything that is wrong."""
    tally = result.tally
    halts = f"halts due {tally.halts_due}, halted {tally.halted}"
    wrong = f"wrong raises {tally.wrong_raises} of {tally.raises}, siblings changed {tally.siblings_changed}"
    head = (
        f"faults {tally.injected.total()} in {tally.stories} stories; {halts}; {wrong}; others {tally.others}"
    )
    rows = [("place", "visits", *KINDS, "in all", f"at least {result.each_place}")]
    for place in PLACES:
        struck = tally.at(place)
        verdict = "MISSED" if place in result.short else "kept"
        figures = (tally.visits[place], *struck.values(), sum(struck.values()))
        rows.append((place, *map(str, figures), verdict))
    beside = shown(result.hanging, as_json=False)
    return "\n".join((head, "", aligned(rows), "", beside, *(("", *tally.wrong) if tally.wrong else ())))
