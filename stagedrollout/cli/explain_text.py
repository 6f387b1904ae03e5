"""The document of `explain` for people: 80 columns, colour only on terminals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stagedrollout.cli.status import COLOURS
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import duration_text, percent_text

Document = dict[str, Any]

WIDTH_MAX = 100
"""Longer lines are hard to read, however wide the terminal."""

_VERDICTS = {"PASS": "green", "INSUFFICIENT": "default", "FAIL": "bold red", "CONTRADICTORY": "red"}
_DECISIONS = {"HALT": "bold red", "HOLD": "yellow", "ADVANCE": "green", "COMPLETE": "green"}


def show(documents: list[Document]) -> None:
    console = Console(emoji=False, highlight=False)
    console.width = min(console.width, WIDTH_MAX)
    for number, document in enumerate(documents):
        if number:
            console.rule(style="dim")
        _show(console, document)


def _show(console: Console, document: Document) -> None:
    console.print(_head(document))
    console.print(_as_of(document))
    _section(console, "Decision", _decision(document))
    if document["link"]:
        _section(console, "Link", [Text(one_line(document["link"]["text"]))])
    if document["known_bad"] and document["halt"] is None:
        _section(console, "Known bad", [Text(one_line(document["known_bad"]), style="red")])
    if document["gates"]:
        _section(console, "Gates", [_gates(document["gates"]), *_remarks(document)])
    if document["evidence"]:
        _section(console, "Evidence", _evidence(document["evidence"], halted=document["halt"] is not None))
    if document["new_issues"]:
        _section(console, "New issues", _new_issues(document["new_issues"]))
    if document["needed"]:
        _section(console, "Still needed to advance", [_needed(document["needed"])])
    _section(console, "Next", _next(document))


def _section(console: Console, title: str, parts: Any) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    for part in parts:
        console.print(Padding(part, (0, 0, 0, 2), expand=False))


def _head(document: Document) -> Text:
    phase = document["phase"]
    words = phase.replace("_", " ").upper()
    head = Text.assemble(
        (one_line(document["title"]), "bold"),
        ": ",
        (words, COLOURS.get(phase, "default")),
        f" at {percent_text(document['exposure_ppm'])}",
    )
    since = _instant(document["live_since"])
    if since:
        head.append(f", people can get it since {_when(since)}")
    return head.append(f"; policy {one_line(document['policy'])}")


def _as_of(document: Document) -> Text:
    if document["as_of"] is None:
        return Text("nothing was counted of it yet", style="dim")
    age = timedelta(seconds=document["age_seconds"])
    ago = "now" if age < timedelta(minutes=1) else f"{duration_text(age)} ago"
    return Text(f"as of {ago} ({_when(_instant(document['as_of']))} UTC)", style="dim")


def _decision(document: Document) -> Iterator[Text]:
    decision = document["decision"]
    if decision is None:
        yield Text("none yet")
        return
    kind = decision["kind"]
    for reason in decision["reasons"] or [{"text": "", "quotes": []}]:
        line = Text.assemble((f"{kind} ", _DECISIONS.get(kind, "cyan")), one_line(reason["text"]))
        yield line
        for quote in reason["quotes"]:
            yield Text(f"  > {one_line(quote)}", style="dim")


def _gates(gates: list[Document]) -> Table:
    table = _table("gate")
    table.add_column("verdict", no_wrap=True)
    for name in ("value", "needs", "n", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    for gate in gates:
        role = "" if gate["role"] == "required" else f", {gate['role']}"
        table.add_row(
            Text(gate["gate"].replace("crash_free_", "crash-free ").replace("_", " ") + role),
            Text(gate["verdict"], style=_VERDICTS.get(gate["verdict"], "yellow")),
            _short(gate["value"]),
            _short(gate["threshold"]),
            "" if gate["n"] is None else f"{gate['n']:,}",
            "" if gate["age_seconds"] is None else _age(gate["age_seconds"]),
        )
    return table


def _short(value: str) -> str:
    """A column's worth: "more than 1,000,000 : 1" is two of them."""
    return value.replace("more than 1,000,000", "> 1,000,000")


def _age(seconds: int) -> str:
    return duration_text(timedelta(seconds=seconds)).split(" ", 1)[0] if seconds >= 60 else "now"


def _remarks(document: Document) -> Iterator[Text]:
    """In words, what is not well and was not said as the reason of the decision or of the halt."""
    decision, halt = document["decision"], document["halt"]
    said = "; ".join(reason["text"] for reason in decision["reasons"]) if decision else ""
    said += halt["reason"] if halt else ""
    for gate in document["gates"]:
        if gate["verdict"] != "PASS" and gate["text"] not in said:
            yield Text(f"{gate['verdict']}: {one_line(gate['text'])}", style="dim")


def _evidence(evidence: Document, *, halted: bool) -> Iterator[Any]:
    p = evidence["p_value"]
    yield Text.assemble((evidence["text"], "bold"), f", p = {p:.2g} however often one looks")
    if evidence["safety"] and not halted:
        rules_out = evidence["ratio"]["rules_out"] if evidence["ratio"] else None
        what = f" that it is not x{rules_out:g} as bad as before" if rules_out else ""
        yield Text(evidence["safety"]["text"] + what)
    yield _signals(evidence["signals"])
    if evidence["ratio"]:
        yield Text(_ratio(evidence["ratio"]))
    yield _rates(evidence["crash_free_sessions"])


def _new_issues(found: Document) -> Iterator[Text]:
    """What to look at, never what was decided on."""
    yield Text(f"{one_line(found['text'])}, as of {_when(_instant(found['at']))} UTC")
    for issue in found["issues"]:
        yield Text(f"{one_line(issue['name'])}  {one_line(issue['text'])}")
        if issue["link"]:
            yield Text(f"  {one_line(issue['link'])}", style="dim", no_wrap=True)


def _signals(signals: list[Document]) -> Table:
    table = _table("signal")
    for name in ("weight", "evidence", "part of all"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in signals:
        weight = f"{each['weight']:.2f}" if each["weight"] else "shown only"
        table.add_row(each["words"], weight, _short(each["text"]), f"{each['part'] * 100:.0f} %")
    return table


def _ratio(ratio: Document) -> str:
    if ratio["point"] is None:
        return f"ratio of crash rates: not known yet; x{ratio['tolerated']:.2f} is tolerated"
    low = f"x{ratio['low']:.2f}" if ratio["low"] is not None else "nothing"
    high = f"x{ratio['high']:.2f}" if ratio["high"] is not None else "anything"
    between = f"90 % sure at all times: from {low} to {high}"
    return f"ratio of crash rates x{ratio['point']:.2f} ({between}); x{ratio['tolerated']:.2f} is tolerated"


def _rates(rates: Document) -> Table:
    table = _table(f"crash-free sessions ({rates['label']})")
    for name in ("rate", "90 % band", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("candidate", "baseline"):
        arm = rates[name]
        if arm:
            low, high = (percent_text(arm[edge] // 100 * 100) for edge in ("low_ppm", "high_ppm"))
            shown = percent_text(arm["crash_free_ppm"] // 100 * 100)
            table.add_row(name, shown, f"{low} to {high}", f"{arm['sessions']:,}")
    return table


def _table(first: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first)
    return table


def _needed(needed: Document) -> Text:
    seen = f"{needed['seen']:,} seen so far"
    if needed["sessions"] is None:
        return Text(f"cannot be told: {needed['why']}; {seen}")
    if needed["sessions"] == 0:
        return Text(f"no more sessions, where it is as good as the release before; {seen}")
    sessions = f"about {needed['sessions']:,} more sessions, if it is as good as the release before; {seen}"
    if needed["hours"] is None:
        return Text(f"{sessions}; how long that takes cannot be told: {needed['why']}")
    takes = duration_text(timedelta(minutes=max(round(needed["hours"] * 60), 1)))
    return Text(f"{sessions}; {takes} at the present rate of {needed['per_hour']:,.0f} an hour")


def _next(document: Document) -> Iterator[Any]:
    now = datetime.fromisoformat(document["now"])
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    rows = [(_instant(each["at"]), each["what"]) for each in document["next"]]
    look = _instant(document["next_look"])
    if look and look > now and not document["halt"]:
        rows.insert(0, (look, "the daemon looks again"))
    for at, what in rows:
        if at is None:
            yield Text(one_line(what))
        else:
            table.add_row(f"{_when(at)} UTC{_ahead(at - now)}", one_line(what))
    if table.rows:
        yield table


def _ahead(span: timedelta) -> str:
    return f", in {duration_text(span)}" if span >= timedelta(minutes=1) else ""


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _when(at: datetime | None) -> str:
    return f"{at:%a %Y-%m-%d %H:%M}" if at else ""
