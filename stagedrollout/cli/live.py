"""The live view of a demo: rollouts on top, then what the daemon decides and what Slack receives."""

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
    from stagedrollout.cli.demo import Truth
    from stagedrollout.daemon.bootstrap import Daemon

TOLD_KINDS = ("discovered", "started", "went_live", "drifted", "suspected", "went_blind", "saw_again")
LINES = 9


def show(daemon: Daemon, truth: Truth) -> None:
    """Draw until the story is over; the last picture stays on the screen."""
    console = Console()
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        while True:
            over = daemon.finished
            truth.refresh()
            live.update(_screen(daemon, truth))
            if over:
                return
            daemon.scheduler.finished.wait(LOOK_SECONDS)


def _screen(daemon: Daemon, truth: Truth) -> RenderableType:
    world = truth.world()
    poll = int(next(iter(daemon.works.listings.values())).poll.total_seconds() // 60)
    head = Text.assemble(
        (f" {world['scenario']}: ", "bold"),
        world["story"],
        ("\n " + world["now"][:16].replace("T", " "), "bold cyan"),
        f" UTC, a look every {poll} min (the emulator's clock; no schedule is shortened)",
    )
    return Group(
        head,
        Panel(_rollouts(daemon, world), title="rollouts", title_align="left"),
        Panel(_decisions(daemon), title="what the daemon sees and decides", title_align="left"),
        Panel(_slack(truth), title="Slack #release", title_align="left"),
    )


def _rollouts(daemon: Daemon, world: dict[str, Any]) -> RenderableType:
    table = Table(box=None, expand=True, header_style="dim")
    for name, ratio in (
        ("app", 3),
        ("phase", 2),
        ("exposure", 4),
        ("", 1),
        ("crash-free now", 2),
        ("why", 8),
    ):
        table.add_column(name, ratio=ratio)
    truths = {
        (app["app"], str(release["version_code"])): release
        for app in world["apps"]
        for release in app["releases"]
    }
    for row in rollouts(daemon.engine):
        told = truths.get((row["app"], row["release_id"]), {})
        ppm = row["exposure_ppm"]
        table.add_row(
            Text(f"{row['app']} {row['release']}"),
            Text(row["phase"].replace("_", " "), style=COLOURS.get(row["phase"], "")),
            ProgressBar(total=PPM_ALL, completed=ppm, width=24),
            Text(percent_text(ppm)),
            Text(f"{told['crash_free_ppm'] / 10_000:.2f} %" if told else ""),
            Text(row["reason"]),
        )
    return table


def _decisions(daemon: Daemon) -> Text:
    rows = journal_rows(Journal(daemon.engine))
    told = [
        row for row in rows if row["kind"] in TOLD_KINDS or row["kind"] in ("decided", "settled", "commanded")
    ]
    return _lines([f"{row['at'][5:16].replace('T', ' ')}  {row['said']}" for row in told])


def _slack(truth: Truth) -> Text:
    messages = [entry for entry in truth.told["ledger"] if entry["type"] == "slack" and not entry["update"]]
    return _lines(
        [
            f"{m['at'][5:16].replace('T', ' ')}  {'# ' if m['broadcast'] else '  '}{_headline(m['text'])}"
            for m in messages
        ]
    )


def _headline(text: str) -> str:
    return text.split("\n", 1)[0]


def _lines(lines: list[str]) -> Text:
    shown = lines[-LINES:] + [""] * (LINES - len(lines))
    return Text("\n".join(line.replace("\n", " ") for line in shown), no_wrap=True, overflow="ellipsis")
