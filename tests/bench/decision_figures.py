"""From the cells of `decision` to the figures of the issue, each beside its bound, and a table of all cells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from tests.bench.decision import BOUND_HOURS_MAX, HEALTHY, Result
from tests.bench.figure import Figure

_MISS_MANY = 0.10
SEEN = {"x20": 10_000, "x5": 10_000, "x2": 100_000, "x1.5": 1_000_000}
"""From so many daily users on none of these may be missed; x1.5 only where sessions crash independently."""

TENTH_SEEN_FROM = 100
"""Cells with fewer seeds cannot tell a tenth from a fifth; the planner is not judged by them."""

Which = Callable[[Result], bool]


def figures(results: Sequence[Result]) -> list[Figure]:
    """The figures that these results allow."""
    healthy = [r for r in results if r.cell.kind in HEALTHY]
    margin = [r for r in results if r.cell.kind == "margin"]
    seen = [r for r in results if _must_be_seen(r)]
    fast = [r for r in results if r.cell.kind == "x2" and r.cell.late and r.cell.users == 1_000_000]
    prompt = [r for r in results if r.cell.kind == "healthy" and r.cell.users >= 100_000]
    planned = [r for r in results if r.cell.seeds >= TENTH_SEEN_FROM]
    made = [
        _worst("false halts, worst healthy cell", healthy, _false_percent, "%", 1.0),
        _pooled(healthy),
        _worst("false halts at the margin itself, worst cell", margin, _false_percent, "%", 1.0),
        *_exposures(results),
        _total("misses where none is allowed", seen, lambda r: r.misses),
        _worst("late x2 at 1M, median, independent", _of(fast, 1.0), lambda r: r.hours, "h", 4.0),
        _worst("late x2 at 1M, median, loops", _of(fast, 2.0), lambda r: r.hours, "h", 6.0),
        _worst("healthy at 100k and more, 100 % after the clock", prompt, lambda r: r.late_by, "h", 0.0),
        _worst("planner, beyond t90 by the schedule forecast", planned, lambda r: r.uncovered, "", 0.12),
        _worst(
            "planner, beyond t90 by the exposure there was", planned, lambda r: r.uncovered_on_path, "", 0.12
        ),
    ]
    return [figure for figure in made if figure is not None]


def _of(results: Iterable[Result], loops: float) -> list[Result]:
    return [r for r in results if r.cell.loops == loops]


def _false_percent(result: Result) -> float:
    return 100 * result.false_halts / result.cell.seeds


def _must_be_seen(result: Result) -> bool:
    cell = result.cell
    if cell.kind not in SEEN or cell.users < SEEN[cell.kind]:
        return False
    return cell.kind != "x1.5" or cell.loops == 1.0


def _exposures(results: Sequence[Result]) -> list[Figure | None]:
    compared = [
        r
        for r in results
        if r.exposure is not None and r.bound_hours is not None and r.bound_hours <= BOUND_HOURS_MAX
    ]
    early = [r for r in compared if not r.cell.late]
    late = [r for r in compared if r.cell.late and r.misses <= _MISS_MANY * r.begun]
    mild, grave = [r for r in early if r.cell.kind != "x20"], [r for r in early if r.cell.kind == "x20"]
    name = "exposure over the bound"
    return [
        _worst(f"{name}, x1.5-x5, independent", _of(mild, 1.0), _exposure, "", 2.0),
        _worst(f"{name}, x1.5-x5, loops", _of(mild, 2.0), _exposure, "", 2.8),
        _worst(f"{name}, x20, independent", _of(grave, 1.0), _exposure, "", 2.7),
        _worst(f"{name}, x20, loops", _of(grave, 2.0), _exposure, "", 3.4),
        _worst(f"{name}, late, independent", _of(late, 1.0), _exposure, "", 3.0),
        _worst(f"{name}, late, loops", _of(late, 2.0), _exposure, "", 3.6),
    ]


def _exposure(result: Result) -> float | None:
    return result.exposure


def _worst(
    name: str, results: Iterable[Result], value: Callable[[Result], float | None], unit: str, bound: float
) -> Figure | None:
    """The largest of these, and whose it is; a cell that has none is left out."""
    told = [(found, r) for r in results if (found := value(r)) is not None]
    if not told:
        return None
    worst, result = max(told, key=lambda pair: pair[0])
    beyond = sum(found > bound for found, _ in told)
    note = f"{result.cell.key}; {beyond} of {len(told)} cells beyond"
    return Figure(name, round(worst, 3), unit, bound, note)


def _pooled(healthy: Sequence[Result]) -> Figure | None:
    played = sum(r.cell.seeds for r in healthy)
    if not played:
        return None
    halts = sum(r.false_halts for r in healthy)
    return Figure(
        "false halts, all healthy cells", round(100 * halts / played, 3), "%", 0.2, f"{halts} of {played}"
    )


def _total(name: str, results: Sequence[Result], value: Callable[[Result], int]) -> Figure:
    where = [r.cell.key for r in results if value(r)]
    return Figure(name, sum(map(value, results)), "", 0, ", ".join(where[:4]) or f"{len(results)} cells")


def table(results: Sequence[Result]) -> str:
    """Every cell on a line."""
    rows: list[tuple[str, ...]] = [
        (
            "cell",
            "false",
            "missed",
            "hours",
            "t50",
            "t90",
            ">t90",
            ">t90 path",
            "bound h",
            "exposure",
            "100 % h",
            "by",
        )
    ]
    rows += map(_row, results)
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    lines = ("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(r: Result) -> tuple[str, ...]:
    return (
        r.cell.key,
        str(r.false_halts),
        str(r.misses) if r.cell.worse else "",
        *map(_text, (r.hours, r.planned_hours, r.planned_p90, r.uncovered, r.uncovered_on_path)),
        *map(_text, (r.bound_hours, r.exposure, r.hours_to_100)),
        ", ".join(f"{name} {count}" for name, count in r.blamed.items()),
    )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def as_json(results: Sequence[Result], made: Sequence[Figure]) -> str:
    return json.dumps(
        {
            "figures": [asdict(figure) | {"kept": figure.kept} for figure in made],
            "cells": [asdict(result) for result in results],
        },
        indent=2,
    )
