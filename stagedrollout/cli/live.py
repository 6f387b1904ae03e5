"""The live view of a demo: the story, rollouts, what the daemon decides, and what Slack receives."""

from __future__ import annotations

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
COLUMNS = (("app", 4), ("phase", 3), ("exposure", 3), ("", 2), ("crash-free now", 3), ("why", 10))
"""Of the rollouts, each with its share of the width."""

CHAPTERS = 2
WHY_LINES = 3
"""How much of the reason is shown."""

LINES_MIN, LINES_MAX = 3, 12
"""How many lines the two lists have at least, and at most, whatever the height of the terminal."""


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


def _screen(daemon: Daemon, truth: Truth, journal: JournalTail, console: Console) -> RenderableType:
    world, standing = truth.world(), rollouts(daemon.engine)
    poll = int(next(iter(daemon.works.listings.values())).poll.total_seconds() // 60)
    head = Text.assemble(
        (f" {world['scenario']}: ", "bold"),
        world["story"],
        ("\n " + world["now"][:16].replace("T", " "), "bold cyan"),
        f" UTC, a look every {poll} min (the emulator's clock; no schedule is shortened)",
        no_wrap=True,
        overflow="ellipsis",
    )
    chapters = [entry for entry in truth.told["ledger"] if entry["type"] == "chapter"][-CHAPTERS:]
    parts: list[RenderableType] = [head]
    if chapters:
        parts.append(Panel(_story(chapters), title="the story", title_align="left", border_style="cyan"))
    table = Panel(_rollouts(standing, world, console.width), title="rollouts", title_align="left")
    taken = 2 + (4 if chapters else 0) + len(console.render_lines(table)) + 4 + 1
    lines = min(max((console.height - taken) // 2, LINES_MIN), LINES_MAX)
    return Group(
        *parts,
        table,
        Panel(_lines(journal.lines(), lines), title="what the daemon sees and decides", title_align="left"),
        Panel(_lines(_slack(truth), lines), title="Slack #release", title_align="left"),
    )


def _story(chapters: list[dict[str, Any]]) -> Text:
    *before, now = [f"{_when(chapter)}  {chapter['text']}" for chapter in chapters]
    dim = Text("\n".join(before) or " ", style="dim", no_wrap=True, overflow="ellipsis")
    return dim.append(Text(f"\n{now}", style="bold not dim"))


def _rollouts(standing: list[dict[str, Any]], world: dict[str, Any], width: int) -> RenderableType:
    table = Table(box=None, expand=True, header_style="dim")
    shown = WHY_LINES * width * COLUMNS[-1][1] // sum(ratio for _, ratio in COLUMNS) - WHY_LINES * 8
    for name, ratio in COLUMNS:
        table.add_column(name, ratio=ratio)
    truths = {
        (app["app"], app["store"], release["release_id"]): release
        for app in world["apps"]
        for release in app["releases"]
    }
    for row in standing:
        told = truths.get((row["app"], row["store"], row["release_id"]), {})
        ppm, reason = row["exposure_ppm"], row["reason"]
        table.add_row(
            Text(f"{_name(row['app'], row['store'])} {row['release']}"),
            Text(row["phase"].replace("_", " "), style=COLOURS.get(row["phase"], "")),
            ProgressBar(total=PPM_ALL, completed=ppm, width=14),
            Text(percent_text(ppm)),
            Text(f"{told['crash_free_ppm'] / 10_000:.2f} %" if told else ""),
            Text(reason if len(reason) <= shown else f"{reason[: shown - 1]}…"),
        )
    return table


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
