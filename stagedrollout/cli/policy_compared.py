"""What `policy compare` shows on a screen: one table of halts, one of healthy releases, and whose rule each is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stagedrollout.core.plain import one_line
from stagedrollout.rehearsal.compare import PLAIN, Compared
from stagedrollout.rehearsal.compare_figures import document, title

FALSE_HALTS_FINE = 10
"""Per 1,000 healthy releases: what a policy promises at most."""

_FILE_COLUMNS = 100
"""Where nobody looks at a terminal no number is cut."""

_NAME_WIDTH = 21
"""Longer names are cut: the numbers must fit into 80 columns."""

_WORLDS = {PLAIN: "PLAIN", "early adopters": "EARLY ADOPTERS", "incident": "INCIDENT", "noise": "NOISE"}


def show(found: Compared) -> None:
    """Colours only on terminals."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, _FILE_COLUMNS)
    told = document(found)
    console.print(Text(title(found), style="bold"))
    console.print()
    console.print(_halts(told["rules"]))
    console.print()
    console.print(Text("False halts per 1,000 healthy releases, by what else goes on", style="bold"))
    console.print(_healthy(told["rules"]))
    console.print()
    for each in told["rules"]:
        if each["kind"] == "model":
            console.print(Text(f"{each['name']}: model of {each['model_of']}; {each['rule']}"))
    console.print()
    for sentence in told["assumptions"]:
        console.print(Text(f"- {one_line(sentence)}", style="dim"))


def _halts(rules: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("RULE", no_wrap=True, max_width=_NAME_WIDTH)
    for name in (
        "FALSE HALTS\nPER 1,000",
        "MISSED",
        "SESSIONS\nEXPOSED",
        "USERS",
        "TIMES\nBOUND",
        "HOURS",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    _with_models(table, rules, _line)
    return table


def _healthy(rules: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("RULE", no_wrap=True, max_width=_NAME_WIDTH)
    for name in _WORLDS.values():
        table.add_column(name, justify="right", no_wrap=True)
    _with_models(
        table, rules, lambda each: [_false_halts(each["healthy"][kind], wide=False) for kind in _WORLDS]
    )
    return table


def _with_models(
    table: Table, rules: list[dict[str, Any]], cells: Callable[[dict[str, Any]], list[Text]]
) -> None:
    """The policies, and the models under a line that says so."""
    before = "policy"
    for each in rules:
        if each["kind"] != before:
            table.add_row(Text("models of others", style="dim"))
        before = each["kind"]
        style = "bold" if before == "policy" else ""
        table.add_row(Text(f"  {one_line(each['name'])}", style=style), *cells(each))


def _line(each: dict[str, Any]) -> list[Text]:
    worse = each["regression"]
    over = worse["over_bound"]
    missed = worse["misses"] / worse["begun"] if worse["begun"] else None
    return [
        _false_halts(each["healthy"][PLAIN], wide=True),
        Text(_percent(missed), style="red" if missed else ""),
        Text(_number(worse["sessions_exposed"]["median"])),
        Text(_percent(worse["share_exposed"]["median"])),
        Text("-" if over is None else f"{over:.2f}"),
        Text(_number(worse["hours_to_halt"]["median"])),
    ]


def _false_halts(counted: dict[str, Any], *, wide: bool) -> Text:
    per = counted["per_1000"]
    interval = f" ({counted['per_1000_low']:,.0f}-{counted['per_1000_high']:,.0f})" if wide else ""
    return Text(f"{per:,.0f}{interval}", style="green" if per <= FALSE_HALTS_FINE else "red")


def _number(value: float | None) -> str:
    """A median: "never" where half of them never."""
    if value is None:
        return "never"
    if value >= 1_000_000:
        return f"{value / 1_000_000:.1f} M"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _percent(share: float | None) -> str:
    """Of a share 0..1."""
    if share is None:
        return "-"
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
