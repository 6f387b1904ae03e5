"""When a release was watched afresh, and when its stages began: by the store's ledger, and by the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

from tests.judge.case import Case
from tests.judge.halted import WANTED, begins_anew, halt_after
from tests.judge.journal import Entry
from tests.judge.ledger import Key
from tests.judge.proof import Stage, hour_floor
from tests.judge.signals import hour_ceil

_TICK = timedelta(microseconds=1)
"""What a pass does itself comes after its own look, though the clock stands still meanwhile. What it reads back for a
pass before it, whose answer was lost or who died, comes before its look."""


@dataclass(frozen=True, slots=True)
class Run:
    """Looks from `begun` on belong to it; it counts hours from `since` on, and in the first run that whole day's
    users: after a halt, what was counted before must not count again."""

    begun: datetime
    since: datetime
    first: bool
    stages: tuple[Stage, ...] = ()

    def first_bucket(self, *, daily: bool) -> datetime:
        return hour_floor(self.since).replace(hour=0) if daily and self.first else self.since


def served_runs(case: Case, key: Key) -> tuple[Run, ...]:
    """As the store served it."""
    lives = case.lives(key, case.ended_at)
    found = []
    for place, (begun, ended) in enumerate(pairwise([*lives, None])):
        assert begun is not None
        since = hour_ceil(begun) if place else hour_floor(begun)
        found.append(Run(begun, since, place == 0, _stages(case, key, begun, ended)))
    return tuple(found)


def _stages(case: Case, key: Key, begun: datetime, ended: datetime | None) -> tuple[Stage, ...]:
    before = [r for r in case.served[key] if r.at <= begun and r.exposure_ppm][-1:]
    stages = [Stage(begun, before[-1].exposure_ppm, before[-1].request)] if before else []
    for record in case.served[key]:
        inside = begun < record.at and (ended is None or record.at < ended)
        if inside and record.exposure_ppm and (not stages or stages[-1].ppm != record.exposure_ppm):
            stages.append(Stage(record.at, record.exposure_ppm, record.request))
    return tuple(stages)


def noted_runs(case: Case, key: Key) -> tuple[Run, ...]:
    """As the journal tells it; nothing where it tells of no stage."""
    found: list[Run] = []
    halt, done_at = "", None
    entries = case.journal.by_rollout.get(key, ())
    for place, entry in enumerate(entries):
        if entry.kind == "settled" and _did_it_itself(entries, place):
            done_at = entry.at
        if entry.kind == "discovered":
            found.append(Run(entry.at, hour_floor(entry.at), first=True))
        elif entry.kind == "returned" or begins_anew(entry, halt):
            # an order is carried out after the look of its pass, an act in the console is noted before it
            begun = entry.at + (_TICK if entry.kind == "settled" and entry.at == done_at else timedelta(0))
            stages = _resting(case, key, entry.at) if entry.kind == "taken_up" else ()
            found.append(Run(begun, hour_ceil(entry.at), first=False, stages=stages))
        elif known := case.terms_anew(key).get(
            entry.seq
        ):  # the look of its own pass belongs to the run before
            found.append(Run(known, hour_ceil(entry.at), first=False, stages=_resting(case, key, known)))
        elif entry.kind == "went_live" and found:
            at = entry.at + (_TICK if entry.at == done_at else timedelta(0))
            found[-1] = _live(found[-1], Stage(at, int(entry.body["exposure_ppm"])))
        halt = halt_after(halt, entry)
    return tuple(found) if any(run.stages for run in found) else ()


def _did_it_itself(entries: Sequence[Entry], place: int) -> bool:
    """The pass that settled this, and not one before it. By a clock that stood still both have the same time, and so have
    others that follow: then what was decided at that time was done at it."""
    settled, intent = entries[place], entries[place].body.get("intent")
    then = takewhile(lambda entry: entry.at == settled.at, reversed(entries[:place]))
    decided = any(entry.kind == "decided" and entry.body.get("intent") == intent for entry in then)
    return decided or not _read_back_first(settled, entries[place + 1 :])


def _read_back_first(settled: Entry, later: Sequence[Entry]) -> bool:
    """Whether the pass that settled this had not decided yet. It bears one time from its look to its decision, and what it
    does itself it does after that."""
    return any(entry.kind == "decided" for entry in takewhile(lambda e: e.at == settled.at, later))


def _live(run: Run, stage: Stage) -> Run:
    since = run.since if run.stages else max(run.since, hour_floor(stage.at))
    return replace(run, since=since, stages=(*run.stages, stage))


def is_halted(case: Case, key: Key, at: datetime) -> bool:
    """By its journal, whatever the store shows of it: once something newer is out, a halted release reads replaced."""
    return bool(_halt_at(case, key, at))


def halt_is_wanted(case: Case, key: Key, at: datetime) -> bool:
    """By its journal: decided, and not shown by the store yet."""
    return _halt_at(case, key, at) == WANTED


def _halt_at(case: Case, key: Key, at: datetime) -> str:
    halt = ""
    for entry in case.journal.by_rollout.get(key, ()):
        if entry.at <= at:
            halt = "" if entry.body.get("known_bad") else halt_after(halt, entry)
    return halt


def _resting(case: Case, key: Key, at: datetime) -> tuple[Stage, ...]:
    """What stays paused is served as before: its stage begins again where it is."""
    serving = case.serving_before(key, at)
    return (Stage(at, serving.exposure_ppm),) if serving and serving.paused else ()
