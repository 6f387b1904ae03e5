"""The course of each release as a lane: how many people could get it, what it waited for, and where it was stopped.

Time runs from the start of each release to the right. The bar is the exposure: the higher and the darker, the more
people; the strip below it is the cause to which the time belongs. Colours are told apart by colour-blind people (Okabe
& Ito 2008), and causes that stop a release are hatched as well. Needs matplotlib, the extra `rehearsal`.
"""

from __future__ import annotations

import warnings
from datetime import timedelta
from math import log10
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from stagedrollout.core.errors import StagedRolloutError, WrongConfiguration
from stagedrollout.core.hours import DAY, HOUR
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import Store
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import PPM_ALL, duration_text, percent_text
from stagedrollout.core.wording import PHASE_WORDS
from stagedrollout.explaining.palette import CANDIDATE, FAINT, HALT, HOLD, INK, STAGE_TINTS
from stagedrollout.explaining.picture import SUFFIXES
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.release import Outcome, ReleaseReport
from stagedrollout.reporting.spans import Span

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, LANE_INCHES, AROUND_INCHES, DOTS_PER_INCH = 11.0, 0.62, 2.1, 150

_APP_MAX, _VERSION_MAX = 14, 14
_LEGEND_COLUMNS = 9
_CUT_AFTER_MEDIANS = 4
"""A lane so many times as long as the median is cut, so that the others can be read; its length is still told."""

_BAR, _STRIP = 0.16, 0.10
"""Height of the lowest bar and of the strip, in lanes; the highest bar is 0.62."""

_TINT_STEPS = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""Up to which exposure (ppm) each tint goes; the darkest is for more."""

_LOOK: dict[Cause, tuple[str, str]] = {
    Cause.NOT_STARTED: ("#FFFFFF", ""),
    Cause.REVIEW: ("#F0E442", ""),
    Cause.BAKE: ("#D9D9D9", ""),
    Cause.EVIDENCE: ("#56B4E9", ""),
    Cause.CLOSED_HOURS: ("#8C8C8C", ""),
    Cause.FREEZE: ("#8C8C8C", "////"),
    Cause.APPLE: ("#CC79A7", ""),
    Cause.OTHER_STORE: ("#009E73", ""),
    Cause.CHANGE: ("#FFFFFF", "...."),
    Cause.HELD: (HOLD, "\\\\\\\\"),
    Cause.NOT_HALTED: (HALT, "xxxx"),
    Cause.HALTED: (HALT, ""),
    Cause.WATCH: ("#D9D9D9", "...."),
    Cause.OTHER: ("#FFFFFF", "////"),
}
"""Colour and hatching of each cause."""

_SHORT = {
    Cause.NOT_STARTED: "not started",
    Cause.REVIEW: "review",
    Cause.BAKE: "bake",
    Cause.EVIDENCE: "sessions, evidence",
    Cause.CLOSED_HOURS: "hours for raises",
    Cause.FREEZE: "freeze",
    Cause.APPLE: "Apple's step",
    Cause.OTHER_STORE: "the other store",
    Cause.CHANGE: "a change on its way",
    Cause.HELD: "held",
    Cause.NOT_HALTED: "NOT HALTED",
    Cause.HALTED: "halted",
    Cause.WATCH: "watched at 100 %",
    Cause.OTHER: "other",
}


class _Mark(NamedTuple):
    shape: str
    colour: str
    size: int
    words: str


_HALT_MARK = _Mark("X", HALT, 110, "halt")
_OVERRIDE_MARK = _Mark("D", CANDIDATE, 48, "override")


def draw(releases: tuple[ReleaseReport, ...], path: Path) -> None:
    """Write the picture, the newest release at the top. Raises WrongConfiguration for another suffix,
    StagedRolloutError where there is nothing to draw or the file cannot be written."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongConfiguration(f"{path}: a picture's file ends in .png or .svg")
    if not releases:
        raise StagedRolloutError("no release was started yet, so there is nothing to draw")
    figure = _figure(releases)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a letter that the font lacks becomes a box
            figure.savefig(path, format=suffix[1:], dpi=DOTS_PER_INCH, facecolor="white")
    except OSError as error:
        raise StagedRolloutError(f"{path} cannot be written: {error.strerror or error}") from error


def _figure(releases: tuple[ReleaseReport, ...]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    height = AROUND_INCHES + LANE_INCHES * len(releases)
    figure = Figure(figsize=(WIDTH_INCHES, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.2, 1.45 / height, 0.56, 1 - 1.95 / height))
    limit = _limit(releases)
    for lane, release in enumerate(releases):
        _lane(axes, lane, release, limit)
    _axes(axes, releases, limit)
    _legend(figure, releases, 0.88 / height)
    figure.text(
        0.2,
        1 - 0.16 / height,
        "Who could get each release, and what its time was spent on",
        fontsize=13,
        fontweight="bold",
        color=INK,
        va="top",
    )
    return figure


def _limit(releases: tuple[ReleaseReport, ...]) -> timedelta:
    """Where the axis ends."""
    lengths = [max(each.lasted, HOUR) for each in releases]
    usual = median(length / HOUR for length in lengths) * HOUR
    return min(max(lengths), _CUT_AFTER_MEDIANS * usual)


def _lane(axes: Axes, lane: int, release: ReleaseReport, limit: timedelta) -> None:
    start = release.started_at
    for span in release.course:
        begin, end = ((at - start) / DAY for at in (span.since, span.until))
        _span(axes, lane, span, begin, end - begin)
    if release.outcome is Outcome.COMPLETED:
        _everyone(axes, lane, (release.ended_at - start) / DAY)
    for stop in release.stops:
        _mark(axes, lane, (stop.at - start) / DAY, _HALT_MARK)
    for one in release.overrides:
        _mark(axes, lane, (one.at - start) / DAY, _OVERRIDE_MARK)
    axes.annotate(
        _ending(release, cut=release.lasted > limit),
        (1.012, lane + 0.08),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=9,
        color=HALT if _stopped(release) else INK,
        parse_math=False,
    )


def _span(axes: Axes, lane: int, span: Span, begin: float, width: float) -> None:
    """Above the lane's line the exposure, below it the cause."""
    if span.ppm:
        faded = span.because.cause in (Cause.HALTED, Cause.NOT_HALTED)
        axes.broken_barh(
            [(begin, width)],
            (lane, _high(span.ppm)),
            color=_tint(span.ppm),
            alpha=0.35 if faded else 1.0,
            lw=0,
        )
    colour, hatch = _LOOK[span.because.cause]
    axes.broken_barh(
        [(begin, width)],
        (lane - 0.06 - _STRIP, _STRIP),
        facecolor=colour,
        hatch=hatch,
        edgecolor=_edge(colour) if hatch else colour,
        linewidth=0,
    )


def _everyone(axes: Axes, lane: int, at: float) -> None:
    """100 % was reached: what comes after it is no part of the course."""
    axes.plot(
        [at, at], [lane, lane + _high(PPM_ALL)], color=_tint(PPM_ALL), linewidth=4, solid_capstyle="butt"
    )


def _edge(colour: str) -> str:
    """The lines of a hatching must stand out."""
    return "white" if colour in (HOLD, HALT) else FAINT


def _high(ppm: int) -> float:
    """Logarithmic: 0.1 % and less is the lowest bar, 100 % the highest."""
    part = (log10(max(ppm, 1_000)) - 3) / 3
    return _BAR + (0.62 - _BAR) * min(part, 1.0)


def _tint(ppm: int) -> str:
    step = sum(ppm > most for most in _TINT_STEPS)
    return STAGE_TINTS[min(step, len(STAGE_TINTS) - 1)]


def _mark(axes: Axes, lane: int, at: float, mark: _Mark) -> None:
    axes.scatter(
        [at],
        [lane + 0.08],
        marker=mark.shape,
        s=mark.size,
        color=mark.colour,
        edgecolors="white",
        linewidths=1,
        zorder=4,
    )


def _stopped(release: ReleaseReport) -> bool:
    return release.outcome is Outcome.HALTED or release.phase is Phase.NOT_HALTED


def _ending(release: ReleaseReport, *, cut: bool) -> str:
    lasted = duration_text(release.lasted)
    goes_further = "» " if cut else ""
    match release.outcome:
        case Outcome.COMPLETED:
            return f"{goes_further}100 % after {lasted}"
        case Outcome.HALTED:
            return f"{goes_further}HALTED at {percent_text(release.ppm)} after {lasted}"
        case Outcome.SUPERSEDED:
            return f"{goes_further}superseded after {lasted}"
        case Outcome.GOING_ON:
            phase = PHASE_WORDS[release.phase]
            return f"{goes_further}{phase} at {percent_text(release.ppm)}, {lasted}"


def _axes(axes: Axes, releases: tuple[ReleaseReport, ...], limit: timedelta) -> None:
    axes.set_xlim(0, limit / DAY)
    axes.set_ylim(-0.35, len(releases) - 0.25)
    axes.set_yticks([lane + 0.2 for lane in range(len(releases))], [_name(each) for each in releases])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
        label.set_color(INK)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.set_xlabel("days since it was started", color=INK, labelpad=2)
    axes.grid(axis="x", alpha=0.25)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _name(release: ReleaseReport) -> str:
    store = "Play" if release.key.store is Store.GOOGLE_PLAY else "iOS"
    app, version = _cut(release.key.app, _APP_MAX), _cut(release.version, _VERSION_MAX)
    return f"{app} {version}, {store}\n{release.started_at:%Y-%m-%d}"


def _cut(text: str, most: int) -> str:
    whole = one_line(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def _legend(figure: Figure, releases: tuple[ReleaseReport, ...], top: float) -> None:
    """Exposures and marks in the first row, causes below them."""
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    shown = {span.because.cause for each in releases for span in each.course}
    marks = (
        (_HALT_MARK, any(each.stops for each in releases)),
        (_OVERRIDE_MARK, any(each.overrides for each in releases)),
    )
    upper: list[Any] = [Patch(facecolor=_tint(ppm), label=percent_text(ppm)) for ppm in _shares(releases)]
    upper += [
        Line2D([], [], marker=mark.shape, color=mark.colour, linestyle="", markersize=8, label=mark.words)
        for mark, there in marks
        if there
    ]
    lower = [
        Patch(
            facecolor=_LOOK[cause][0],
            hatch=_LOOK[cause][1],
            edgecolor=_edge(_LOOK[cause][0]),
            lw=0.4,
            label=_SHORT[cause],
        )
        for cause in Cause
        if cause in shown
    ]
    for handles, height in ((upper, top), (lower, top - 0.24 / float(figure.get_figheight()))):
        figure.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, height),
            ncols=min(len(handles), _LEGEND_COLUMNS) or 1,
            frameon=False,
            fontsize=8.5,
            handlelength=1.4,
            columnspacing=1.3,
        )


def _shares(releases: tuple[ReleaseReport, ...]) -> list[int]:
    """One share for each tint that is there."""
    found = sorted({span.ppm for each in releases for span in each.course if 0 < span.ppm <= PPM_ALL})
    everyone = [PPM_ALL] if any(each.outcome is Outcome.COMPLETED for each in releases) else []
    by_tint = {_tint(ppm): ppm for ppm in (*found, *everyone)}
    return list(by_tint.values())
