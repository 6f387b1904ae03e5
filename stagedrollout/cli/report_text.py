"""The document of `report` for people: tables that fit 100 columns and get along with 80, colour only on terminals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf, log
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stagedrollout.cli.report_remarks import remarks
from stagedrollout.core.harm import odds_text
from stagedrollout.core.model import STORE_NAMES, Store
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration_text, percent_text
from stagedrollout.reporting.causes import Cause
from stagedrollout.reporting.overall import RELEASES_MIN, percent
from stagedrollout.reporting.stages import Left

Document = dict[str, Any]

WIDTH_MAX = 100
"""Longer lines are hard to read, however wide the terminal."""

_ROOMY = 96
"""From so many columns on there is room for everything."""

_NAME_MAX, _NARROW_NAME_MAX = 22, 16

_SHARE_TOLD = 0.01
"""Causes that took less of all time than this are left to `--json`."""

_COLOURS = {"completed": "green", "halted": "red", "superseded": "yellow", "going_on": "cyan"}

_WAITED = (
    Cause.NOT_STARTED,
    Cause.EVIDENCE,
    Cause.CLOSED_HOURS,
    Cause.FREEZE,
    Cause.APPLE,
    Cause.OTHER_STORE,
    Cause.CHANGE,
    Cause.OTHER,
)


def show(document: Document) -> None:
    """Needs at least one release."""
    console = Console(emoji=False, highlight=False)
    console.width = min(console.width, WIDTH_MAX) if console.is_terminal else WIDTH_MAX
    releases = document["releases"]
    console.print(Text(_title(document), style="bold"))
    console.print()
    console.print(_releases(releases, roomy=console.width >= _ROOMY))
    told = [(each, list(remarks(each))) for each in releases]
    if any(lines for _, lines in told):
        _section(console, "What happened", _happened(told))
    if any(each["stages"] for each in releases):
        _section(
            console,
            "Evidence with which each stage was left",
            [_stages(releases, roomy=console.width >= _ROOMY)],
        )
    _section(console, "Over all of them", [_overall(document["overall"])])
    hints = [Text(f"- {each}") for each in document["hints"]]
    if hints:
        _section(console, "For the policy", hints)


def _title(document: Document) -> str:
    releases = document["releases"]
    first, last = (f"{_instant(releases[at]['started_at']):%Y-%m-%d}" for at in (0, -1))
    older = f"; {document['older']} older ones are left out" if document["older"] else ""
    if len(releases) == 1:
        return f"1 release, started {first}{older}"
    return f"{len(releases)} releases, started {first} to {last}{older}"


def _section(console: Console, title: str, parts: Any) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    for part in parts:
        console.print(Padding(part, (0, 0, 0, 2), expand=False))


def _name(release: Document) -> str:
    """ "shop 5.2.0, Play": short, and enough to tell releases apart."""
    store = "Play" if release["store"] == Store.GOOGLE_PLAY.value else "iOS"
    return f"{one_line(release['app'])} {one_line(release['release']).split(' (')[0]}, {store}"


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))


def _releases(releases: list[Document], *, roomy: bool) -> Table:
    """Where there is little room, the start and the overrides are left to the lines below."""
    table = _table()
    table.add_column("release", no_wrap=True, max_width=_NAME_MAX, overflow="ellipsis")
    if roomy:
        table.add_column("started", no_wrap=True, min_width=10)
    table.add_column("outcome", no_wrap=True, min_width=15)
    titles = ("to 100 %", "review", "bake", "waited", "held", *(("by hand",) if roomy else ()))
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True, min_width=max(len(title), 7))
    for each in releases:
        hours = each["hours"]
        cells = (
            _outcome(each),
            _span(each["hours_to_100"]),
            _span(hours.get(Cause.REVIEW)),
            _span(hours.get(Cause.BAKE)),
            _span(sum(hours.get(cause, 0.0) for cause in _WAITED) or None),
            _span(hours.get(Cause.HELD)),
        )
        if roomy:
            by_hand = str(len(each["overrides"]) or "")
            table.add_row(Text(_name(each)), f"{_instant(each['started_at']):%Y-%m-%d}", *cells, by_hand)
        else:
            table.add_row(Text(_name(each)), *cells)
    return table


def _outcome(release: Document) -> Text:
    outcome = release["outcome"]
    words = outcome if outcome != "going_on" else release["phase"]
    words = words.replace("not_halted", "NOT HALTED").replace("_", " ")
    at = "" if outcome in ("completed", "superseded") else f" {percent_text(release['exposure_ppm'])}"
    colour = "bold red" if release["phase"] == "not_halted" else _COLOURS[outcome]
    return Text(words + at, style=colour)


def _happened(told: list[tuple[Document, list[str]]]) -> Iterator[Any]:
    for each, lines in told:
        if not lines:
            continue
        by = one_line(each["started_by"]["name"])
        where = STORE_NAMES[Store(each["store"])]
        title = f"{one_line(each['app'])} {one_line(each['release'])} on {where}"
        yield Text.assemble(
            (title, "bold"), f", policy {one_line(each['policy'])}, {_when(each['started_at'])} by {by}"
        )
        for line in lines:
            yield Padding(Text(line), (0, 0, 0, 2))


def _stages(releases: list[Document], *, roomy: bool) -> Table:
    table = _table()
    most = _NAME_MAX if roomy else _NARROW_NAME_MAX
    table.add_column("release", no_wrap=True, max_width=most, overflow="ellipsis")
    table.add_column("stage", justify="right", no_wrap=True)
    table.add_column("left by", min_width=13)
    for title in ("harm", "safety", "sessions", "crash-free"):
        table.add_column(title, justify="right", no_wrap=True)
    if roomy:
        table.add_column("baseline", justify="right", no_wrap=True)
    for release in releases:
        for number, each in enumerate(release["stages"]):
            baseline = [_rate(each["baseline_crash_free_ppm"])] if roomy else []
            table.add_row(
                Text(_name(release) if number == 0 else ""),
                percent_text(each["exposure_ppm"]),
                Left(each["left"]).words,
                _odds(each["odds_of_harm"]),
                _odds(each["odds_of_safety"]),
                "not known" if each["sessions"] is None else f"{each['sessions']:,}",
                _rate(each["crash_free_ppm"]),
                *baseline,
            )
    return table


def _rate(ppm: int | None) -> str:
    return "" if ppm is None else percent_text(ppm // 100 * 100)


def _odds(odds: float | None) -> str:
    """A column's worth."""
    if odds is None:
        return "not known"
    return odds_text(log(odds) if odds > 0 else -inf).replace("more than 1,000,000", "> 1 M")


def _overall(whole: Document) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    for title, words in _lines(whole):
        table.add_row(title, Text(words))
    return table


def _lines(whole: Document) -> Iterator[tuple[str, str]]:
    if not whole["enough"]:
        yield "few", f"{whole['over']} of them are over: too few to mean much, {RELEASES_MIN} are needed"
    yield "to 100 %", _spread(whole["hours_to_100"], _span) or "none of them came to that"
    yield "halted", _halted(whole)
    if whole["halts"]:
        yield "exposure at halt", _spread(whole["exposure_at_halt_ppm"], _share)
        sessions = _spread(whole["sessions_at_halt"], _count)
        yield "sessions until halt", sessions or "not known"
        suspicion = _spread(whole["hours_from_suspicion"], _span)
        yield "suspicion to halt", suspicion or "nothing was suspected before"
        yield "halt to store", _spread(whole["hours_to_confirm"], _span) or "not known"
    yield "spent on", _spent(whole["hours"])
    if whole["held"]:
        yield "held for", "; ".join(_why(each) for each in whole["held"])
    each = f" ({whole['overrides_per_release']:.1f} a release)" if whole["overrides"] else ""
    yield "overrides", f"{whole['overrides']}{each}"
    if whole["notices"]:
        yield "notices", _notices(whole)


def _notices(whole: Document) -> str:
    kinds = whole["notices"].items()
    aloud = sum(each["broadcast"] for _, each in kinds)
    told = ", ".join(f"{one_line(kind).replace('_', ' ')} {each['count']}" for kind, each in kinds)
    lost = f"; {whole['undelivered']} not delivered" if whole["undelivered"] else ""
    return f"{told}; {aloud} to the whole channel{lost}"


def _halted(whole: Document) -> str:
    if not whole["halts"]:
        return "none"
    share = f"{whole['halted']} of {whole['releases']} ({percent(whole['share_halted'])})"
    back = whole["taken_back"]
    more = f"; {back} of the daemon's {whole['machine_halts']} taken back, then 100 %" if back else ""
    return share + more


def _spread(found: Document | None, text: Any) -> str:
    if found is None:
        return ""
    median, low, high = (text(found[key]) for key in ("median", "low", "high"))
    if found["count"] == 1:
        return str(median)
    return f"{median} in the median of {found['count']} ({low} to {high})"


def _spent(hours: dict[str, float]) -> str:
    whole = sum(hours.values()) or 1.0
    parts = sorted(hours.items(), key=lambda each: -each[1])
    return "; ".join(
        f"{Cause(cause).words} {_span(spent)} ({percent(spent / whole)})"
        for cause, spent in parts
        if spent >= whole * _SHARE_TOLD
    )


def _why(stretch: Document) -> str:
    return f"{one_line(stretch['words'])} {_span(stretch['hours'])}"


def _span(hours: float | None) -> str:
    """ "3d 4h"; nothing for nothing."""
    return "" if hours is None else duration_text(timedelta(hours=hours))


def _share(ppm: float) -> str:
    return percent_text(round(ppm))


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _when(text: str) -> str:
    return f"started {_instant(text):%Y-%m-%d %H:%M} UTC"
