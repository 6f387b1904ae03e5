"""A picture of what was simulated: when a regression is halted, and how many had it by then. Needs matplotlib."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from stagedrollout.core.plain import one_line
from stagedrollout.rehearsal.clock import Planned, planned
from stagedrollout.rehearsal.simulate import Simulated, hours_to_halt, onset_words
from stagedrollout.rehearsal.world import POLLS_PER_HOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _ORANGE, _GREY = "#1f5fa8", "#c65d09", "#777777"


def draw(found: Simulated, path: Path) -> None:
    """Write the picture as PNG, SVG or PDF, by the path's ending. Raises OSError, ValueError (unknown ending)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _hours(left, found)
    _shares(right, found)
    world = found.world
    figure.suptitle(
        f"{one_line(found.policy.name)} at {world.daily_users:,} daily users: x{world.regression:g} crashes"
        f" {onset_words(world)}, {len(found.worse):,} rollouts"
    )
    figure.savefig(path, dpi=130)


def _hours(axes: Axes, found: Simulated) -> None:
    """The share of rollouts that are halted by each hour, beside what was planned."""
    begun = [each for each in found.worse if each.onset_at is not None]
    hours = sorted(h for h in map(hours_to_halt, begun) if isfinite(h))
    if hours:
        steps = [100 * (n + 1) / len(begun) for n in range(len(hours))]
        axes.step(
            [hours[0], *hours], [0.0, *steps], where="post", color=_BLUE, linewidth=2, label="simulated"
        )
    made = planned(found.policy, found.world)
    if made is not None:
        _lines(axes, made)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 103)
    axes.set_xlabel("hours since the regression is there")
    axes.set_ylabel("halted, % of the rollouts")
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def _lines(axes: Axes, made: Planned) -> None:
    told = [("planned, half of them", made.seen.median, "--"), ("planned, 9 of 10", made.seen.p90, "-.")]
    for words, hour, style in told:
        if isfinite(hour):
            axes.axvline(hour, color=_ORANGE, linestyle=style, label=f"{words}: {hour:g} h")
    if made.bound is not None:
        hour = made.bound.polls / POLLS_PER_HOUR
        axes.axvline(hour, color=_GREY, linestyle=":", label=f"bound of theory: {hour:g} h")


def _shares(axes: Axes, found: Simulated) -> None:
    """How many of all users had it when it was halted."""
    shares = [100 * each.share for each in found.worse if each.halted_at is not None]
    if shares:
        axes.hist(shares, bins=30, color=_BLUE, edgecolor="white")
    else:
        axes.text(0.5, 0.5, "none was halted", ha="center", va="center", transform=axes.transAxes)
    axes.set_xlim(left=0)
    axes.set_xlabel("users who had it when it was halted, %")
    axes.set_ylabel("rollouts")
    axes.grid(alpha=0.25)
