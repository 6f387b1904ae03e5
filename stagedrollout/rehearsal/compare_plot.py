"""A picture of a comparison: a row for each rule, its false halts on the left, whom a regression met on the right.

Needs matplotlib. Policies and models differ in colour (blue, orange: told apart by everyone) and in shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagedrollout.core.plain import one_line
from stagedrollout.rehearsal.compare import HEALTHY, PLAIN, Compared
from stagedrollout.rehearsal.compare_figures import document, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"policy": "#0072B2", "model": "#D55E00"}
_SHAPES = {"policy": "o", "model": "D"}
_GREY = "#666666"
_ROW_INCHES = 0.5


def draw(found: Compared, path: Path) -> None:
    """Write the picture as PNG, SVG or PDF, by the path's ending. Raises OSError, ValueError (unknown ending)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rules: list[dict[str, Any]] = document(found)["rules"]
    figure = Figure(figsize=(12, 2.3 + _ROW_INCHES * len(rules)), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    _names(left, rules)
    _false_halts(left, rules)
    _exposures(right, rules)
    figure.suptitle(f"{title(found)}; {found.seeds:,} seeded worlds of each kind")
    figure.savefig(path, dpi=130)


def _names(axes: Axes, rules: Sequence[dict[str, Any]]) -> None:
    axes.set_yticks(range(len(rules)), [_label(each) for each in rules])
    axes.set_ylim(len(rules) - 0.4, -0.6)
    for label, each in zip(axes.get_yticklabels(), rules, strict=True):
        label.set_color(_COLOURS[each["kind"]])
        label.set_fontweight("bold" if each["kind"] == "policy" else "normal")


def _label(each: dict[str, Any]) -> str:
    name = one_line(each["name"])
    return name if each["kind"] == "policy" else f"model: {name}"


def _false_halts(axes: Axes, rules: Sequence[dict[str, Any]]) -> None:
    """Of plain healthy releases with the interval; the other kinds of healthy worlds as ticks."""
    for row, each in enumerate(rules):
        plain, colour = each["healthy"][PLAIN], _COLOURS[each["kind"]]
        axes.plot([plain["per_1000_low"], plain["per_1000_high"]], [row, row], color=colour, linewidth=2)
        others = [each["healthy"][kind]["per_1000"] for kind in HEALTHY if kind != PLAIN]
        axes.plot(others, [row] * len(others), "|", color=_GREY, markersize=13, clip_on=False)
        axes.plot(
            plain["per_1000"],
            row,
            _SHAPES[each["kind"]],
            color=colour,
            markersize=9,
            clip_on=False,
            zorder=3,
        )
        _write(axes, 1.02, row, f"{plain['per_1000']:,.0f}", colour)
    axes.plot(
        [], [], "|", color=_GREY, markersize=13, label="with early adopters worse, an incident, or noise"
    )
    axes.set_xlim(-20, 1020)
    axes.set_xlabel("healthy releases that are halted, per 1,000 (line: 95 % interval)")
    _finish(axes)


def _exposures(axes: Axes, rules: Sequence[dict[str, Any]]) -> None:
    """From the median to 9 of 10; an open mark at the right where half of them were never halted."""
    known = [value for each in rules for value in _known(each)]
    edge = 3 * max(known, default=1.0)
    for row, each in enumerate(rules):
        worse, colour, shape = each["regression"], _COLOURS[each["kind"]], _SHAPES[each["kind"]]
        median, most = worse["sessions_exposed"]["median"], worse["sessions_exposed"]["p90"]
        axes.plot([median or edge, most or edge], [row, row], color=colour, linewidth=2)
        face = "white" if median is None else colour
        axes.plot(
            median or edge,
            row,
            shape,
            color=colour,
            markerfacecolor=face,
            markersize=9,
            clip_on=False,
            zorder=3,
        )
        if worse["bound_sessions"]:
            axes.plot([worse["bound_sessions"]] * 2, [row - 0.32, row + 0.32], color=_GREY, linewidth=1.6)
        _write(axes, 1.02, row, "half never" if median is None else f"{median:,.0f}", colour)
    axes.plot([], [], color=_GREY, linewidth=1.6, label="no test with 1 % false halts is sooner, on average")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlim(min(known, default=1.0) / 2, edge)
    axes.set_xlabel("sessions with the regression until the halt (half of them; line: to 9 of 10)")
    _finish(axes)


def _known(each: dict[str, Any]) -> list[float]:
    worse = each["regression"]
    found = (*worse["sessions_exposed"].values(), worse["bound_sessions"])
    return [value for value in found if value]


def _write(axes: Axes, x: float, row: int, words: str, colour: str) -> None:
    """Beside the axes, at the height of a row."""
    axes.text(x, row, words, transform=axes.get_yaxis_transform(), va="center", color=colour)


def _finish(axes: Axes) -> None:
    axes.grid(axis="x", alpha=0.25)
    axes.tick_params(axis="y", length=0, pad=12)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
