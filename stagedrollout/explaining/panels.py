"""The panels of the picture, one function each. Imports matplotlib: see picture.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp, isfinite
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from stagedrollout.core.evidence.terms import LN_HALT, LN_HOLD
from stagedrollout.core.units import percent_text
from stagedrollout.explaining.palette import (
    BASELINE,
    CANDIDATE,
    FAINT,
    HALT,
    HOLD,
    INK,
    MARKS,
    STAGE_TINTS,
)
from stagedrollout.explaining.timeline import MarkKind, Point, Rate, Timeline

RATIO_MIN, RATIO_MAX = 0.1, 30.0
ODDS_MIN, ODDS_MAX = 1e-3, 1e6
"""Beyond these the scale ends; what goes further is drawn at the edge."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINE = 0.105
"""Height of a line of text in a panel."""

_EDGE = 1.012
"""Where the names of lines begin, right of the panel."""


def stages(axes: Axes, shown: Timeline) -> None:
    """Who was offered it when, and what was decided."""
    axes.set_axis_off()
    axes.set_ylim(0, 1)
    whole = (shown.until - shown.since) or timedelta(hours=1)
    for number, stage in enumerate(shown.stages):
        tint = STAGE_TINTS[min(number, len(STAGE_TINTS) - 1)]
        begin = max(stage.at, shown.since)
        width = (stage.until - begin) / timedelta(days=1)
        axes.broken_barh([(_day(begin), width)], (0.0, 0.62), color=tint, linewidth=0)
        if (stage.until - begin) / whole > 0.05:
            axes.text(
                _day(begin + (stage.until - begin) / 2),
                0.3,
                percent_text(stage.ppm),
                ha="center",
                va="center",
                fontsize=10,
                fontweight="bold",
                color="white" if number > 3 else INK,
            )
    for mark in shown.marks:
        shape, colour, _ = MARKS[mark.kind]
        axes.plot([_day(mark.at)], [0.95], marker=shape, color=colour, markersize=9, clip_on=False, zorder=6)
    _key(axes, shown)


def _key(axes: Axes, shown: Timeline) -> None:
    """Names the marks that there are."""
    present = dict.fromkeys(mark.kind for mark in shown.marks)
    for number, kind in enumerate(present):
        shape, colour, words = MARKS[kind]
        y = 1.0 - number * 0.5
        axes.plot(
            [_EDGE + 0.012],
            [y],
            marker=shape,
            color=colour,
            markersize=8,
            clip_on=False,
            transform=axes.transAxes,
        )
        axes.text(_EDGE + 0.032, y, words, transform=axes.transAxes, fontsize=9.5, va="center", color=INK)


def rates(axes: Axes, shown: Timeline) -> None:
    """Crash-free sessions of both arms, hours by hours, with their bands."""
    arms = (
        ("this release", CANDIDATE, "o", _arm(shown, "candidate")),
        ("baseline", BASELINE, "", _arm(shown, "baseline")),
    )
    for _, colour, marker, arm in arms:
        at = [_day(when) for when, _ in arm]
        axes.fill_between(
            at,
            [100 * r.low for _, r in arm],
            [100 * r.high for _, r in arm],
            color=colour,
            alpha=0.17,
            linewidth=0,
        )
        axes.plot(
            at, [100 * r.value for _, r in arm], color=colour, linewidth=1.8, marker=marker, markersize=3.6
        )
    everything = [rate.value for *_, arm in arms for _, rate in arm]
    lowest = 100 * min(everything, default=0.99)
    room = max(100 - lowest, 0.05) * 0.25
    axes.set_ylim(max(lowest - room, 0), 100 + room * 0.4)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "" if value > 100 else f"{value:.10g} %"))
    _ends(axes, [(name, colour, 100 * arm[-1][1].value) for name, colour, _, arm in arms if arm])
    _title(axes, "Crash-free sessions", "bands: 90 %, descriptive")


def _arm(shown: Timeline, name: str) -> list[tuple[datetime, Rate]]:
    found: list[tuple[datetime, Rate]] = []
    for each in shown.rates:
        rate: Rate | None = getattr(each, name)
        if rate is not None:
            found.append((each.since + (each.until - each.since) / 2, rate))
    return found


def ratios(axes: Axes, shown: Timeline) -> None:
    """How many times as often it crashes, and what is tolerated."""
    known = [point for point in shown.points if point.ratio]
    axes.set_yscale("log")
    low, high = _ratio_limits(known, shown.rho0)
    axes.set_ylim(low, high)
    axes.axhline(1.0, color=FAINT, linewidth=0.8)
    if shown.rho0 is not None:
        axes.axhline(shown.rho0, color=HALT, linewidth=1.4, linestyle=(0, (5, 3)))
    ends: list[tuple[str, str, float]] = [("as before", FAINT, 1.0)]
    if shown.rho0 is not None:
        ends.append((f"x{shown.rho0:.2f} tolerated", HALT, shown.rho0))
    if known:
        at = [_day(point.at) for point in known]
        axes.fill_between(
            at,
            [min(max(p.interval.low, low), high) for p in known],
            [min(p.interval.high, high) for p in known],
            color=CANDIDATE,
            alpha=0.17,
            linewidth=0,
        )
        axes.plot(
            at,
            [max(p.ratio or 0.0, low) for p in known],
            color=CANDIDATE,
            linewidth=1.8,
            marker="o",
            markersize=3.6,
        )
        ends.append((f"x{known[-1].ratio:.2f}", CANDIDATE, known[-1].ratio or 1.0))
    else:
        _nothing(axes, "no release to compare with")
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if low <= tick <= high]
    _log_ticks(axes, ticks, lambda value: f"x{value:g}")
    _ends(axes, ends)
    _title(axes, "Ratio of crash rates so far", "band: 90 % confidence sequence")


def _ratio_limits(known: Sequence[Point], rho0: float | None) -> tuple[float, float]:
    """So that the newest quarter of the intervals is seen whole: the first ones reach to nothing and everything."""
    newest = known[-max(len(known) // 4, 1) :]
    lows = [point.interval.low for point in newest if point.interval.low > 0]
    highs = [point.interval.high for point in newest if isfinite(point.interval.high)]
    values = [point.ratio for point in newest if point.ratio]
    low = min([0.5, *lows, *values]) * 0.8
    high = max([2.0, (rho0 or 1.0) * 1.5, *highs, *values]) * 1.25
    return max(low, RATIO_MIN), min(high, RATIO_MAX)


def evidence(axes: Axes, shown: Timeline) -> None:
    """The odds that it is worse than tolerated, against the lines of hold and halt."""
    odds = [min(max(exp(min(p.ln_e, 50.0)), ODDS_MIN), ODDS_MAX) for p in shown.points]
    axes.set_yscale("log")
    axes.set_ylim(
        min([0.05, *(value * 0.6 for value in odds)]), max([1_000.0, *(value * 2.5 for value in odds)])
    )
    top = axes.get_ylim()[1]
    axes.axhspan(exp(LN_HALT), top, color=HALT, alpha=0.07, linewidth=0)
    axes.axhspan(exp(LN_HOLD), exp(LN_HALT), color=HOLD, alpha=0.09, linewidth=0)
    axes.axhline(exp(LN_HALT), color=HALT, linewidth=1.6)
    axes.axhline(exp(LN_HOLD), color=HOLD, linewidth=1.4, linestyle=(0, (5, 3)))
    at = [_day(point.at) for point in shown.points]
    axes.plot(at, odds, color=INK, linewidth=2.0, marker="o", markersize=3.6)
    if shown.points and exp(min(shown.points[-1].ln_e, 50.0)) > ODDS_MAX:
        axes.annotate(
            "more than\n1,000,000 : 1",
            (at[-1], odds[-1]),
            xytext=(-10, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9.5,
            color=INK,
        )
    _log_ticks(axes, [tick for tick in (1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4, 1e6) if tick <= top], _odds)
    _ends(axes, [("halt", HALT, exp(LN_HALT)), ("hold", HOLD, exp(LN_HOLD))])
    _title(axes, "Evidence of harm", "odds that it is worse than tolerated")


def _odds(value: float) -> str:
    return f"{value:,.0f} : 1" if value >= 1 else f"1 : {1 / value:,.0f}"


def time(all_axes: Sequence[Axes], shown: Timeline) -> None:
    """One time axis for all panels; stages and decisions go through them as lines."""
    span = shown.until - shown.since
    margin = span * 0.015
    for axes in all_axes:
        axes.set_xlim(_day(shown.since - margin), _day(shown.until + margin))
    for axes in all_axes[1:]:
        for stage in shown.stages[1:]:
            axes.axvline(_day(stage.at), color=FAINT, linewidth=0.9, linestyle=(0, (1, 2)))
        for mark in shown.marks:
            if mark.kind is MarkKind.HALT:
                axes.axvline(_day(mark.at), color=HALT, linewidth=1.3)
        axes.grid(axis="y", color="#E6E6E6", linewidth=0.7)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=9.5, colors=INK)
        last = axes is all_axes[-1]
        _days(axes)
        axes.tick_params(axis="x", labelbottom=last)
        axes.xaxis.offsetText.set_visible(last)


def _days(axes: Axes) -> None:
    locator: Any = AutoDateLocator(minticks=3, maxticks=7, tz=UTC)  # type: ignore[no-untyped-call]
    formatter: Any = ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]
    formatter.formats = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M"]
    formatter.zero_formats = ["", "%b %Y", "%d %b", "%a %d %b", "%H:%M", "%H:%M"]
    formatter.offset_formats = ["UTC", "UTC", "%Y, UTC", "%Y, UTC", "%a %d %b %Y, UTC", "%a %d %b %Y, UTC"]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _title(axes: Axes, words: str, small: str) -> None:
    axes.set_title(words, loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=5)
    axes.set_title(small, loc="right", fontsize=9, color=FAINT, pad=5)


def _nothing(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.62, words, transform=axes.transAxes, ha="center", va="center", fontsize=11, color=FAINT)


def _ends(axes: Axes, ends: list[tuple[str, str, float]]) -> None:
    """Each line's name where it ends, kept apart where two end at nearly the same height."""
    low, high = axes.get_ylim()
    place = axes.transData + axes.transAxes.inverted()
    names = sorted(
        (float(place.transform((0, min(max(y, low), high)))[1]), name, colour) for name, colour, y in ends
    )
    heights = _apart([height for height, _, _ in names])
    for y, (_, name, colour) in zip(heights, names, strict=True):
        axes.text(
            _EDGE,
            y,
            name,
            transform=axes.transAxes,
            color=colour,
            fontsize=9.5,
            fontweight="bold",
            va="center",
            parse_math=False,
        )


def _apart(heights: list[float]) -> list[float]:
    """The same rising heights, moved as little as keeps a line's height between them."""
    found = list(heights)
    for _ in range(100):
        for place in range(1, len(found)):
            lacking = _LINE - (found[place] - found[place - 1])
            if lacking > 0:
                found[place - 1] -= lacking / 2
                found[place] += lacking / 2
    return found


def _log_ticks(axes: Axes, ticks: Sequence[float], words: Any) -> None:
    axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def _day(at: datetime) -> float:
    """As matplotlib counts: in days since 1970."""
    return (at - _EPOCH) / timedelta(days=1)
