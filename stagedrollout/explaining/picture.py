"""The timeline of a rollout as one picture: PNG or SVG, by the file's suffix.

From top to bottom, on one time axis in UTC: stages; crash-free sessions of both arms; the ratio of their crash rates
with its confidence sequence against what is tolerated; the evidence of harm against the lines of hold and halt. The
candidate is orange and drawn with dots, the baseline blue and plain, in colours that colour-blind people tell apart
(Okabe & Ito 2008); every line is named where it ends. matplotlib is the extra `rehearsal` and slow to import.
"""

from __future__ import annotations

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagedrollout.core.errors import StagedRolloutError, WrongConfiguration
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percent_text
from stagedrollout.explaining.palette import HALT, INK
from stagedrollout.explaining.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
WIDTH_INCHES, HEIGHT_INCHES, DOTS_PER_INCH = 9.0, 8.0, 160

_REASON_LINES, _REASON_WIDTH = 2, 92


def draw(shown: Timeline, path: Path) -> None:
    """Write the picture. Raises WrongConfiguration for another suffix, or where matplotlib is not installed;
    StagedRolloutError where there is nothing to draw or the file cannot be written."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongConfiguration(f"{path}: a picture's file ends in .png or .svg")
    if not shown.points:
        raise StagedRolloutError(
            f"{one_line(shown.title)}: no session was counted yet, so there is nothing to draw"
        )
    figure = _figure(shown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a letter that the font lacks becomes a box
            figure.savefig(path, format=suffix[1:], dpi=DOTS_PER_INCH, facecolor="white")
    except OSError as error:
        raise StagedRolloutError(f"{path} cannot be written: {error.strerror or error}") from error


def _figure(shown: Timeline) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as missing:
        raise WrongConfiguration(
            "a picture needs matplotlib, which is not installed: pip install 'stagedrollout[rehearsal]'"
        ) from missing
    from stagedrollout.explaining import panels  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        4, 1, height_ratios=(0.22, 1, 1, 1), hspace=0.16, left=0.125, right=0.845, top=0.885, bottom=0.06
    )
    axes = [figure.add_subplot(grid[row]) for row in range(4)]
    panels.stages(axes[0], shown)
    panels.rates(axes[1], shown)
    panels.ratios(axes[2], shown)
    panels.evidence(axes[3], shown)
    panels.time(axes, shown)
    _headline(figure, shown)
    return figure


def _headline(figure: Figure, shown: Timeline) -> None:
    state = f"{shown.phase.value.replace('_', ' ').upper()} at {percent_text(shown.exposure_ppm)}"
    stopped = shown.phase in (Phase.HALTED, Phase.NOT_HALTED)
    plain: dict[str, Any] = {"parse_math": False, "ha": "left", "va": "top"}
    figure.text(
        0.125,
        0.985,
        f"{one_line(shown.title)[:60]}: {state}",
        fontsize=14,
        fontweight="bold",
        color=HALT if stopped else INK,
        **plain,
    )
    lines = textwrap.wrap(one_line(shown.reason), _REASON_WIDTH, max_lines=_REASON_LINES, placeholder=" …")
    figure.text(0.125, 0.953, "\n".join(lines), fontsize=9.5, color=INK, linespacing=1.25, **plain)
