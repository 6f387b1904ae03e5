"""`status` as lines: one for each rollout, cut to the terminal's width; in full where it goes to a file or a pipe."""

from __future__ import annotations

import io
import shlex
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from stagedrollout.cli.freshness import no_daemon
from stagedrollout.cli.pulled import pulled_words
from stagedrollout.cli.status import COLOURS, OVER
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration_text, percent_text

WIDE = 110
"""Columns from which on there is room for whole names of stores, and for the next look."""

ENDLESS = 1_000_000
"""The width of what is no terminal: nothing is cut there, so that `grep` finds it."""

LONG = 120
"""Columns that a reason in full takes at most: longer lines are hard to read."""

_SHORT = {"google_play": "Play", "app_store": "Apple"}
_LOUD = ("not_halted",)


def show(document: dict[str, Any], *, everything: bool, long: bool) -> None:
    """Print it for the terminal, or for whatever reads it."""
    terminal = sys.stdout.isatty()
    for line in lines(
        document, _width(terminal=terminal), terminal=terminal, everything=everything, long=long
    ):
        click.echo(line, color=terminal)


def _width(*, terminal: bool) -> int:
    return Console().width if terminal else ENDLESS


def lines(
    document: dict[str, Any], width: int, *, terminal: bool, everything: bool = False, long: bool = False
) -> list[str]:
    """Coloured by escape sequences where it is for a terminal, and then no longer than `width`."""
    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        emoji=False,
        highlight=False,
    )
    rows = [row for row in document["rollouts"] if everything or row["phase"] != OVER]
    for said in _above(document):
        console.print(said)
    told = list(_told(document, rows, width, long=long))
    if told:
        console.print(Text("\n").join(told), no_wrap=True, overflow="ignore", crop=False)
    else:
        some = document["rollouts"] or document.get("not_shown")
        console.print("No rollout is going on." if some else "No rollouts yet.")
    for said in _below(document, rows):
        console.print(said)
    found = [line.rstrip() for line in written.getvalue().splitlines()]
    cut = any(line.plain.endswith("…") for line in told)
    return [*found, click.style("cut at …: --long, or stagedrollout explain APP", dim=True)] if cut else found


def _above(document: dict[str, Any]) -> Iterator[str]:
    if document.get("trouble"):
        yield f"[bold red]{_foreign(document['trouble'])}[/]"
    if not document["daemon"]["running"]:
        yield f"[bold red]{no_daemon(document)}[/]"
    elif document["daemon"].get("clock") == "emulator":
        yield "[yellow]clock: emulator (a rehearsal; no real store is touched)[/]"
    yield from _configuration(document["daemon"])
    yield from _replicas(document)
    if document["journal_problem"]:
        yield f"[bold red]NOTHING IS RAISED, halts go on:[/] {_foreign(document['journal_problem'])}"
    for words in pulled_words(document):
        yield f"[bold red]{_foreign(words)}[/]"


def _replicas(document: dict[str, Any]) -> Iterator[str]:
    """Where there are several."""
    found = document.get("replicas", ())
    if len(found) > 1:
        told = "; ".join(map(_replica, found))
        yield f"[dim]replicas:[/] {_foreign(told)}"
    if problem := document.get("replicas_problem"):
        yield f"[bold red]{_foreign(problem)}[/]"
    if cut_off := document.get("replicas_cut_off"):
        yield f"[yellow]{_foreign(cut_off)}[/]"


def _replica(each: dict[str, Any]) -> str:
    apps = "1 app" if each["apps"] == 1 else f"{each['apps']} apps"
    more = ", tells people" if each["tells_people"] else ""
    return f"{each['holder']} has {apps}{more}{', gives no sign of life' if each['silent'] else ''}"


def _configuration(daemon: dict[str, Any]) -> Iterator[str]:
    found = daemon.get("configuration")
    if found is None or not daemon["running"]:
        return
    since = found["since"][:16].replace("T", " ")
    yield f"[dim]configuration {found['fingerprint']} in force since {since} UTC[/]"
    if daemon["configuration_problem"]:
        yield f"[yellow]{_foreign(daemon['configuration_problem'])}[/]"


def _below(document: dict[str, Any], shown: list[dict[str, Any]]) -> Iterator[str]:
    for row in shown:
        if row["link"]:
            yield f"[dim]link[/] {_foreign(name(row))}: {_foreign(row['link'])}"
    for row in document["passes"]:
        if row["problem"]:
            yield f"[yellow]{_foreign(row['app'])} on {row['store']}: {_foreign(row['problem'])}[/]"
    if document["notices_undelivered"]:
        why = f": {_foreign(document['notices_problem'])}" if document["notices_problem"] else ""
        count = document["notices_undelivered"]
        told = "1 notice is" if count == 1 else f"{count} notices are"
        yield f"[yellow]{told} not delivered yet{why}[/]"
    hidden = document.get("not_shown", {})
    superseded = len(document["rollouts"]) - len(shown) + hidden.get(OVER, 0)
    others = [f"{superseded} superseded by newer releases"] if superseded else []
    if completed := hidden.get("completed", 0):
        others.append(f"{completed} completed before the newest")
    if others:
        yield f"[dim]not shown: {', '.join(others)} (--all)[/]"
    if document.get("more"):
        yield f"[dim]there are more: --all --after {_foreign(shlex.quote(document['more']))}[/]"


def _told(document: dict[str, Any], rows: list[dict[str, Any]], width: int, *, long: bool) -> Iterator[Text]:
    """The table: every column as wide as it needs, and the reasons in what is left of the line, or below it."""
    if not rows:
        return
    wide = width >= WIDE
    cells = [_headings(wide=wide), *(_cells(document, row, wide=wide) for row in rows)]
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    whys = ["" if long else "WHY", *(_why(row) for row in rows)]
    for line, why in zip(cells, whys, strict=True):
        told = Text("  " if wide else " ").join(map(_aligned, line, widths))
        if long:
            yield told
            indent = min(width, LONG)
            yield from (Text(f"    {part}") for part in textwrap.wrap(why, indent - 4))
            continue
        told.append(("  " if wide else " ") + why, style="bold" if why == "WHY" else "")
        told.truncate(width, overflow="ellipsis")
        yield told


def _why(row: dict[str, Any]) -> str:
    """Without the word that stands in the column of the phase already."""
    reason = row["reason"].removeprefix("halted ") if row["phase"] == "halted" else row["reason"]
    return one_line(reason + _spent(row))


def _aligned(cell: Text, width: int) -> Text:
    """To the right where the cell says so, as numbers do."""
    room = width - cell.cell_len
    return Text(" " * room) + cell if cell.justify == "right" else cell + Text(" " * room)


def _headings(*, wide: bool) -> list[Text]:
    first = [Text(name, "bold") for name in ("APP", "STORE", "RELEASE", "PHASE")]
    first += [Text(name, "bold", justify="right") for name in ("EXPOSURE" if wide else "SHARE", "SINCE")]
    return [*first, Text("NEXT LOOK", "bold")] if wide else first


def _cells(document: dict[str, Any], row: dict[str, Any], *, wide: bool) -> list[Text]:
    now = datetime.fromisoformat(document["now"])
    store = row["store"] if wide else _SHORT[row["store"]]
    first = [Text(one_line(row["app"])), Text(store), Text(one_line(row["release"])), _phase(row["phase"])]
    first += [_right(percent_text(row["exposure_ppm"])), _right(_ago(row["since"], now))]
    if not wide:
        return first
    due = next((each["next_due_at"] for each in document["passes"] if _same_app(each, row)), None)
    return [*first, Text(_ahead(due if document["daemon"]["running"] else None, now))]


def _same_app(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["app"], one["store"]) == (other["app"], other["store"])


def _right(words: str) -> Text:
    return Text(words, justify="right")


def _phase(phase: str) -> Text:
    words = one_line(phase.replace("_", " "))
    return Text(words.upper() if phase in _LOUD else words, COLOURS.get(phase, "default"))


def name(row: dict[str, Any]) -> str:
    """The rollout in words that every command takes."""
    return f"{row['app']} {row['store']} {row['release']}"


def _ago(since: str, now: datetime) -> str:
    """Its largest unit only: there is little room, and `--json` has the instant."""
    return duration_text(max(now - datetime.fromisoformat(since), timedelta(0))).split()[0]


def _ahead(due: str | None, now: datetime) -> str:
    if due is None:
        return "none"
    left = datetime.fromisoformat(due) - now
    return f"in {duration_text(left).split()[0]}" if left > timedelta(seconds=1) else "now"


def _foreign(words: str) -> str:
    """Words that others wrote, as data: on one line, and no markup of rich's."""
    return escape(one_line(words))


def _spent(row: dict[str, Any]) -> str:
    days = row.get("pause_days", 0)
    return f" ({days:.1f} of {row['pause_days_budget']} pause-days spent)" if days else ""
