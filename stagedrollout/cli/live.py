"""The live view of a demo: the story, rollouts, what the daemon decides, and what Slack receives."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stagedrollout.cli.demo import LOOK_SECONDS
from stagedrollout.cli.export import rollouts
from stagedrollout.cli.history import journal_rows
from stagedrollout.cli.status import COLOURS
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import PPM_ALL, percent_text
from stagedrollout.storage.journal import Journal

if TYPE_CHECKING:
    from stagedrollout.cli.carrying_out import TeamAtWork
    from stagedrollout.cli.demo import Truth
    from stagedrollout.daemon.bootstrap import Daemon

TOLD_KINDS = frozenset(
    {"discovered", "started", "went_live", "drifted", "stepped", "suspected", "went_blind", "saw_again"}
    | {"decided", "settled", "commanded", "pause_warned", "taken_up", "superseded"}
)
SYSTEMS = {"google_play": "Android", "app_store": "iOS"}
WIDE = 100
"""Columns of a terminal from which on the exposure is drawn as well."""

BAR = 14
"""Columns of the drawn exposure."""

WHY_MIN = 8
"""Columns that the reason has at least."""

CHAPTERS = 2
WHY_LINES = (3, 2, 1)
"""How many lines of the reason are shown: the most with which the two lists have their lines."""

LINES_MIN, LINES_MAX = 3, 12
"""How many lines the two lists should have, and how many at most."""


def show(daemon: Daemon, truth: Truth, team: TeamAtWork) -> None:
    """Draw until the story is over; the last picture stays on the screen."""
    console, journal = Console(), JournalTail(daemon)
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        while True:
            over = daemon.finished
            truth.refresh()
            team.step()
            live.update(_screen(daemon, truth, journal, console))
            if over:
                return
            daemon.scheduler.finished.wait(LOOK_SECONDS)


class JournalTail:
    """The journal's lines for the screen, each read once."""

    def __init__(self, daemon: Daemon) -> None:
        self._journal = Journal(daemon.engine)
        self._seq = 0
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        rows = journal_rows(self._journal, after=self._seq)
        self._seq = rows[-1]["seq"] if rows else self._seq
        self._lines += [_decision(row) for row in rows if row["kind"] in TOLD_KINDS]
        del self._lines[:-LINES_MAX]
        return self._lines


def _decision(row: dict[str, Any]) -> str:
    app, store, _ = row["rollout"].split("/", 2)
    return f"{_when(row)}  {_name(app, store):<16} {row['said']}"


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that the screen shows: `world` and `standing` as the emulator and the daemon tell them, the narrator's
    newest chapters, and the newest lines of the two lists."""

    world: dict[str, Any]
    standing: list[dict[str, Any]]
    chapters: list[dict[str, Any]]
    decided: list[str]
    slack: list[str]
    poll_minutes: int


def _screen(daemon: Daemon, truth: Truth, journal: JournalTail, console: Console) -> RenderableType:
    chapters = [entry for entry in truth.told["ledger"] if entry["type"] == "chapter"][-CHAPTERS:]
    poll = int(next(iter(daemon.works.listings.values())).poll.total_seconds() // 60)
    return laid_out(
        Picture(truth.world(), rollouts(daemon.engine), chapters, journal.lines(), _slack(truth), poll),
        console,
    )


def laid_out(told: Picture, console: Console) -> RenderableType:
    """As high as the terminal at most, as long as each list has a line."""
    world = told.world
    head = Text.assemble(
        (f" {world['scenario']}: ", "bold"),
        world["story"],
        ("\n " + world["now"][:16].replace("T", " "), "bold cyan"),
        f" UTC, a look every {told.poll_minutes} min (the emulator's clock; no schedule is shortened)",
        no_wrap=True,
        overflow="ellipsis",
    )
    parts: list[RenderableType] = [head]
    if told.chapters:
        parts.append(Panel(_story(told.chapters), title="the story", title_align="left", border_style="cyan"))
    for why_lines in WHY_LINES:
        rows = _rollouts(told.standing, world, console.width, why_lines)
        table = Panel(rows, title="rollouts", title_align="left")
        borders_and_cursor = 5
        taken = 2 + (4 if told.chapters else 0) + len(console.render_lines(table)) + borders_and_cursor
        lines = (console.height - taken) // 2
        if lines >= LINES_MIN:
            break
    lines = min(max(lines, 1), LINES_MAX)
    return Group(
        *parts,
        table,
        Panel(_lines(told.decided, lines), title="what the daemon sees and decides", title_align="left"),
        Panel(_lines(told.slack, lines), title="Slack #release", title_align="left"),
    )


def _story(chapters: list[dict[str, Any]]) -> Text:
    *before, now = [f"{_when(chapter)}  {chapter['text']}" for chapter in chapters]
    dim = Text("\n".join(before) or " ", style="dim", no_wrap=True, overflow="ellipsis")
    return dim.append(Text(f"\n{now}", style="bold not dim"))


def _rollouts(
    standing: list[dict[str, Any]], world: dict[str, Any], width: int, why_lines: int
) -> RenderableType:
    """One row each: every column as wide as it needs, and the reason in what is left, on so many lines at most."""
    truths = {
        (app["app"], app["store"], release["release_id"]): release
        for app in world["apps"]
        for release in app["releases"]
    }
    headings = ["app", "phase", "", "crash-free"]
    cells = [headings, *(_cells(row, truths) for row in standing)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    drawn = BAR + 2 if width >= WIDE else 0
    rest = max(width - 4 - sum(widths) - 2 * len(widths) - drawn, WHY_MIN)
    table = Table(box=None, expand=True, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("app", "phase", *(("exposure",) if drawn else ()), "", "crash-free"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", ratio=1)
    for row, (name, phase, share, healthy) in zip(standing, cells[1:], strict=True):
        ppm = row["exposure_ppm"]
        reason = one_line(row["reason"]).removeprefix("halted ")
        why = textwrap.wrap(reason, rest, max_lines=why_lines, placeholder=" …")
        table.add_row(
            Text(name),
            Text(phase, style=COLOURS.get(row["phase"], "")),
            *((ProgressBar(total=PPM_ALL, completed=ppm, width=BAR),) if drawn else ()),
            Text(share),
            Text(healthy),
            Text("\n".join(why)),
        )
    return table


def _cells(row: dict[str, Any], truths: dict[tuple[str, str, str], dict[str, Any]]) -> list[str]:
    told = truths.get((row["app"], row["store"], row["release_id"]), {})
    healthy = f"{told['crash_free_ppm'] / 10_000:.2f} %" if told else ""
    name = f"{_name(row['app'], row['store'])} {row['release']}"
    return [name, row["phase"].replace("_", " "), percent_text(row["exposure_ppm"]), healthy]


def _slack(truth: Truth) -> list[str]:
    entries = [e for e in truth.told["ledger"] if e["type"] == "slack_file" or _is_message(e)]
    return [f"{_when(entry)}  {_slack_line(entry)}" for entry in entries[-LINES_MAX:]]


def _is_message(entry: dict[str, Any]) -> bool:
    return entry["type"] == "slack" and not entry["update"]


def _slack_line(entry: dict[str, Any]) -> str:
    if entry["type"] == "slack_file":
        return f"  [picture] {entry['title']}"
    return f"{'# ' if entry['broadcast'] else '  '}{entry['text'].split(chr(10), 1)[0]}"


def _name(app: str, store: str) -> str:
    return f"{app} {SYSTEMS.get(store, store)}"


def _when(entry: dict[str, Any]) -> str:
    return str(entry["at"])[5:16].replace("T", " ")


def _lines(lines: list[str], count: int) -> Text:
    shown = lines[-count:] + [""] * (count - len(lines))
    return Text("\n".join(line.replace("\n", " ") for line in shown), no_wrap=True, overflow="ellipsis")
