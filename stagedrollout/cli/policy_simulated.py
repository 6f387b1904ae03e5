"""What `policy simulate` shows on a screen: a few sentences' worth of numbers, the worst news first."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stagedrollout.core.plain import one_line
from stagedrollout.rehearsal.simulate import Simulated, onset_words

FILE_COLUMNS = 120
"""Where nobody looks at a terminal no number is cut."""


def show(found: Simulated, told: dict[str, Any]) -> None:
    """Print the document `told` of `found`. Colours only on terminals."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=FILE_COLUMNS)
    world, worse = found.world, told["regression"]
    console.print(
        Text(
            f"{one_line(found.policy.name)} at {world.daily_users:,} daily users, {told['crash_free_percent']:g} %"
            f" crash-free, {told['seeds']:,} seeded worlds",
            style="bold",
        )
    )
    console.print()
    console.print(Text("A healthy release", style="bold"))
    console.print(_lines(_healthy(told)))
    console.print()
    console.print(Text(f"One that crashes x{world.regression:g} {onset_words(world)}", style="bold"))
    console.print(_lines(_counted(worse)))
    console.print(_figures(worse))
    if worse["cannot_be_seen"]:
        console.print()
        console.print(Text(f"{worse['cannot_be_seen']}.", style="yellow"))
    console.print()
    for each in told["assumptions"]:
        console.print(Padding(Text(each, style="dim"), (0, 0, 0, 2)))


def _lines(rows: list[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 3, 0, 2))
    for name, value in rows:
        table.add_row(name, value)
    return table


def _healthy(told: dict[str, Any]) -> list[tuple[str, Text]]:
    healthy, seeds = told["healthy"], told["seeds"]
    chance = f"{healthy['false_halts']:,} of {seeds:,}; the chance is at most {_percent(healthy['chance_at_most'])} (95 % confidence)"
    hours = healthy["hours_to_100"]
    by_clock = _number(healthy["clock_hours_to_100"], " h")
    reached = f"{_number(hours['median'], ' h')} (half of them), {_number(hours['p90'], ' h')} (9 of 10); by the clock {by_clock}"
    fine = healthy["chance"] <= 0.01
    return [
        ("halted by mistake", Text(chance, style="green" if fine else "red")),
        ("100 % reached after", Text(reached)),
    ]


def _counted(worse: dict[str, Any]) -> list[tuple[str, Text]]:
    begun, halted = worse["begun"], worse["halted"]
    if not begun:
        return [("halted", Text("its onset was never reached"))]
    words = f"{halted:,} of {begun:,}, {worse['halted_before_100']:,} of them before 100 %"
    good = halted == begun and worse["halted_before_100"] == begun
    rows = [("halted", Text(words, style="green" if good else "yellow"))]
    if worse["blamed"]:
        by = ", ".join(f"{name} {count:,}" for name, count in worse["blamed"].items())
        rows.append(("by", Text(by)))
    return rows


def _figures(worse: dict[str, Any]) -> Table:
    """What was played beside what was planned."""
    planned = worse["planned"] or {"hours_to_halt": {}, "bound_hours": None, "bound_sessions": None}
    table = Table(box=None, padding=(0, 3, 0, 2), header_style="dim")
    table.add_column("")
    for name in ("half of them", "9 of 10", "planned, half", "planned, 9 of 10", "bound of theory"):
        table.add_column(name, justify="right")
    hours, by_plan = worse["hours_to_halt"], planned["hours_to_halt"]
    table.add_row(
        "hours to the halt",
        *(
            _number(each)
            for each in (hours["median"], hours["p90"], by_plan.get("median"), by_plan.get("p90"))
        ),
        _number(planned["bound_hours"]),
    )
    sessions, share = worse["sessions_exposed"], worse["share_exposed"]
    spread = (_number(sessions["median"]), _number(sessions["p90"]))
    table.add_row("sessions exposed", *spread, "", "", _number(planned["bound_sessions"]))
    table.add_row("users exposed", _percent(share["median"]), _percent(share["p90"]))
    return table


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "never"
    return (
        f"{value:,.0f}{unit}" if value >= 100 or value == int(value) else f"{value:,.2f}".rstrip("0") + unit
    )


def _percent(share: float | None) -> str:
    """Of a share 0..1."""
    return "never" if share is None else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
