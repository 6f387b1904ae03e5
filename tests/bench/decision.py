"""The decision engine's figures: false halts, misses, exposure, speed of the schedule and of the planner, by policy.

    python -m tests.bench decision [--quick] [--json] [--out FILE] [--workers N]

Every cell is a policy in one kind of world, played with many seeds through the daemon's own decisions. With --out a
cell's result is appended to FILE as one JSON line as soon as it is there; cells that stand in it already, played with
as many seeds by the same code, are not played again. Progress goes to stderr.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from math import inf, isfinite
from pathlib import Path
from typing import Any

from stagedrollout.config.policies import read_policies
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.policy import Completion, Policy
from stagedrollout.rehearsal.clock import Clock, Offer, clock, planned
from stagedrollout.rehearsal.limits import quantile
from stagedrollout.rehearsal.many import PlayAll, players, silent
from stagedrollout.rehearsal.rollout import Played
from stagedrollout.rehearsal.simulate import hours_to_halt
from stagedrollout.rehearsal.world import POLLS_PER_HOUR, World

SIZES = (1_000_000, 100_000, 10_000, 100_000_000, 1_000)
"""Daily users; those that say the most come first."""

LOOPS = (1.0, 2.0)
RATIOS = (1.5, 2.0, 5.0, 20.0)
POLICIES = ("standard", "hotfix", "cautious")
MARGIN = 1.2
"""What a run with p = 0.4 % and a margin of 20 % tolerates."""

LATE_PERCENT = 20
HEALTHY = ("healthy", "bias", "incident", "noise")
SEEDS_HEALTHY, SEEDS_WORSE = 1_000, 200
QUICK_HEALTHY, QUICK_WORSE = 30, 16

BOUND_HOURS_MAX = 108
"""Exposure is compared with the bound where theory itself needs no longer than this from the onset."""

_WEATHER: dict[str, dict[str, float]] = {
    "healthy": {},
    "bias": {"bias": 0.2},
    "incident": {"incident": 3.0},
    "noise": {"noise": 0.1},
    "margin": {"regression": MARGIN},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind`: one of HEALTHY, "margin", or a regression like "x2"; `late`: it begins with the 20 % stage."""

    policy: str
    users: int
    loops: float
    kind: str
    late: bool
    seeds: int

    @property
    def worse(self) -> bool:
        return self.kind.startswith("x")

    @property
    def ratio(self) -> float:
        return float(self.kind[1:]) if self.worse else 1.0

    @property
    def key(self) -> str:
        """Unique among cells that are played with the same code."""
        onset = "late" if self.late else "start"
        return f"{self.policy}/{self.users}/s{self.loops:g}/{self.kind}/{onset}/{self.seeds}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a cell came to. Hours and sessions count from the onset of a regression; None: it did not come to that.

    `false_halts` are those of releases that are not worse, or not yet. `exposure`: median sessions over those of the
    bound one poll later. `late_by`: median hours to 100 % beyond the clock. `uncovered`: the share of rollouts that took
    longer than nine of ten should by the clock; `uncovered_on_path`: by the exposure they really had.
    """

    cell: Cell
    code: str
    false_halts: int
    begun: int
    halted: int
    misses: int
    sessions: float | None
    exposure: float | None
    bound_hours: float | None
    hours: float | None
    hours_p90: float | None
    planned_hours: float | None
    planned_p90: float | None
    uncovered: float | None
    uncovered_on_path: float | None
    hours_to_100: float | None
    late_by: float | None
    blamed: dict[str, int]
    seconds: float


def cells(*, quick: bool, healthy: int = SEEDS_HEALTHY) -> tuple[Cell, ...]:
    """What is played, in order; `healthy`: with how many seeds each cell without a regression."""
    return tuple(_quick_cells() if quick else _all_cells(healthy))


def _all_cells(healthy: int) -> Iterator[Cell]:
    """Regressions first: they take the least, and say the most."""
    places = [(policy, users, loops) for users in SIZES for policy in POLICIES for loops in LOOPS]
    for policy, users, loops in places:
        for ratio in RATIOS:
            for late in (False, True):
                yield Cell(policy, users, loops, f"x{ratio:g}", late, SEEDS_WORSE)
    for policy, users, loops in places:
        for kind in (*HEALTHY, "margin"):
            yield Cell(policy, users, loops, kind, late=False, seeds=healthy)


def _quick_cells() -> Iterator[Cell]:
    """Enough to see that nothing is broken; too few seeds for any figure."""
    for policy in ("standard", "hotfix"):
        for users, loops in ((100_000, 1.0), (1_000_000, 2.0)):
            for kind in ("healthy", "incident", "margin"):
                yield Cell(policy, users, loops, kind, late=False, seeds=QUICK_HEALTHY)
            for kind, late in (("x2", False), ("x2", True), ("x20", False)):
                yield Cell(policy, users, loops, kind, late, QUICK_WORSE)
    yield Cell("cautious", 100_000, 1.0, "healthy", late=False, seeds=QUICK_HEALTHY // 3)
    yield Cell("cautious", 100_000, 1.0, "x5", late=False, seeds=QUICK_WORSE)


def world_of(cell: Cell, policy: Policy) -> World:
    completes = clock(policy).completes or 0
    world = World(daily_users=cell.users, loops=cell.loops, incident_within=completes // POLLS_PER_HOUR)
    if cell.worse:
        onset = next(s.exposure_ppm for s in policy.stages if s.percent >= LATE_PERCENT) if cell.late else 0
        return replace(world, regression=cell.ratio, onset_ppm=onset)
    return replace(world, **_WEATHER[cell.kind])


def measure(
    *, quick: bool, out: Path | None, workers: int, healthy: int = SEEDS_HEALTHY
) -> tuple[Result, ...]:
    """Every cell, from the file where it stands there already."""
    wanted, known = cells(quick=quick, healthy=healthy), _known(out)
    found: list[Result] = []
    with players(workers) as play_all:
        for number, cell in enumerate(wanted, start=1):
            version = code_version(cell.policy)
            result = known.get((cell.key, version))
            if result is None:
                result = _played(cell, play_all, version)
                _append(out, result)
            found.append(result)
            print(f"{number}/{len(wanted)} {_line(result)}", file=sys.stderr, flush=True)
    return tuple(found)


@lru_cache
def policies() -> dict[str, Policy]:
    return dict(read_policies(policies_folder(), ()).policies)


def _played(cell: Cell, play_all: PlayAll, version: str) -> Result:
    started = time.monotonic()
    policy = policies()[cell.policy]
    world = world_of(cell, policy)
    played = play_all(policy, world, range(1, cell.seeds + 1), silent)
    return result_of(cell, policy, world, played, version, time.monotonic() - started)


def result_of(
    cell: Cell, policy: Policy, world: World, played: tuple[Played, ...], version: str, seconds: float
) -> Result:
    """What the rollouts of a cell come to."""
    begun = tuple(each for each in played if cell.worse and each.onset_at is not None)
    early = [
        each for each in played if each.halted_at is not None and (not cell.worse or each.onset_at is None)
    ]
    caught = [each for each in begun if each.halted_at is not None]
    made = planned(policy, world) if cell.worse else None
    hours = [hours_to_halt(each) for each in begun]
    sessions = quantile([float(each.since_onset) for each in begun], 0.5)
    theory = made.bound if made else None
    to_100 = quantile([_polls(each.completed_at) / POLLS_PER_HOUR for each in played], 0.5)
    halts = early if not cell.worse else caught
    return Result(
        cell=cell,
        code=version,
        false_halts=len(early),
        begun=len(begun),
        halted=len(caught),
        misses=len(begun) - len(caught),
        sessions=sessions,
        exposure=sessions / theory.plus_one if theory and sessions is not None else None,
        bound_hours=theory.polls / POLLS_PER_HOUR if theory else None,
        hours=quantile(hours, 0.5),
        hours_p90=quantile(hours, 0.9),
        planned_hours=_finite(made.seen.median) if made else None,
        planned_p90=_finite(made.seen.p90) if made else None,
        uncovered=_share_beyond(hours, made.seen.p90) if made else None,
        uncovered_on_path=_uncovered_on_path(policy, world, begun)
        if made and isfinite(made.seen.p90)
        else None,
        hours_to_100=to_100,
        late_by=None if to_100 is None or cell.worse else to_100 - clock_hours(policy),
        blamed={name: sum(e.blamed == name for e in halts) for name in sorted({e.blamed for e in halts})},
        seconds=round(seconds, 1),
    )


def clock_hours(policy: Policy) -> float:
    """To 100 % by the clock; where a person completes, by the poll at which that person answers."""
    answers = policy.completion is Completion.BY_HAND
    return ((clock(policy).completes or 0) + answers) / POLLS_PER_HOUR


def _polls(poll: int | None) -> float:
    return inf if poll is None else poll


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _share_beyond(hours: list[float], p90: float) -> float | None:
    """The share that takes longer than planned; None where nothing is planned."""
    if not hours or not isfinite(p90):
        return None
    return sum(h > p90 for h in hours) / len(hours)


def _uncovered_on_path(policy: Policy, world: World, begun: tuple[Played, ...]) -> float | None:
    """The share of rollouts for which the formula, along the exposure they had, says nine of ten before they end."""
    found = [_overdue_on_path(policy, world, each) for each in begun]
    return sum(found) / len(found) if found else None


def _overdue_on_path(policy: Policy, world: World, played: Played) -> bool:
    offers = tuple(Offer(each.poll, each.ppm) for each in played.raises)
    made = planned(policy, world, Clock(offers, played.ended_at))
    if made is None:
        return False
    return made.seen.p90 < hours_to_halt(played) and isfinite(made.seen.p90)


@lru_cache
def code_version(policy: str) -> str:
    """Of everything that decides what a cell of the policy comes to."""
    root = Path(__file__).resolve().parents[2]
    package = root / "stagedrollout"
    files = [*package.glob("core/**/*.py"), root / "policies" / f"{policy}.yaml"]
    files += [
        package / "rehearsal" / f"{name}.py"
        for name in ("world", "books", "gathering", "rollout", "clock", "traffic", "forecast")
    ]
    told = hashlib.sha256()
    for file in sorted(files):
        told.update(file.read_bytes())
    return told.hexdigest()[:12]


def _known(out: Path | None) -> dict[tuple[str, str], Result]:
    if out is None or not out.exists():
        return {}
    found: dict[tuple[str, str], Result] = {}
    for line in out.read_text("utf-8").splitlines():
        result = read(json.loads(line))
        found[result.cell.key, result.code] = result
    return found


def read(document: dict[str, Any]) -> Result:
    """A result as it stands in a file."""
    return Result(**{**document, "cell": Cell(**document["cell"])})


def _append(out: Path | None, result: Result) -> None:
    if out is not None:
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")


def _line(result: Result) -> str:
    cell = result.cell
    told = f"{result.false_halts} false halts, 100 % later than the clock by {result.late_by} h"
    if cell.worse:
        told = f"misses {result.misses}, hours {result.hours}, exposure {result.exposure and round(result.exposure, 2)}"
    return f"{cell.key}: {told}, {result.seconds} s"
