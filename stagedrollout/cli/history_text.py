"""The story of `history`: a heading for each day, the time, how the exposure changed, and a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click

from stagedrollout.cli.instants import day_words
from stagedrollout.cli.wrapping import wrapped
from stagedrollout.core import facts
from stagedrollout.core.chronicle import Line, Told, chronicle
from stagedrollout.core.events import Entry
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import STORE_NAMES, RolloutKey
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percent_text

_CHANGE = 16
"""The width of "99.5 % -> 100 %" and a blank."""


def tell(rows: list[dict[str, Any]], begin: datetime | None) -> None:
    """From `begin` on; what was before is still needed to know what the exposure was."""
    names = _names(rows)
    lines = [line for line in chronicle(map(_told, rows)) if begin is None or line.at >= begin]
    if not lines:
        click.echo(
            "Nothing happened." if begin is None else f"Nothing happened since {begin:%Y-%m-%d %H:%M} UTC."
        )
        return
    if len(names) == 1:
        click.secho(next(iter(names.values())), bold=True)
    day: date | None = None
    for line in lines:
        if line.at.astimezone(UTC).date() != day:
            day = line.at.astimezone(UTC).date()
            click.secho(f"\n{day_words(day)} (UTC)", bold=True)
        _say(line, names[line.rollout] if len(names) > 1 else "")


def _told(row: dict[str, Any]) -> Told:
    at = datetime.fromisoformat(row["at"])
    return RolloutKey.parse(row["rollout"]), at, facts.read(Entry(row["kind"], at, row["body"]))


def _names(rows: list[dict[str, Any]]) -> dict[RolloutKey, str]:
    """Each rollout as people call it; the newest name of its release counts."""
    names: dict[RolloutKey, str] = {}
    for key, _, fact in map(_told, rows):
        if isinstance(fact, (facts.Discovered, facts.Identified)):
            names[key] = one_line(f"{key.app} on {STORE_NAMES[key.store]} {fact.release.label}")
        names.setdefault(key, one_line(str(key)))
    return names


def _say(line: Line, name: str) -> None:
    """`name`: whose line it is, where there are several rollouts; then there is no room for a column of changes."""
    change, time = _change(line), f"{line.at.astimezone(UTC):%H:%M}  "
    lead = f"{name}: {change and change + ': '}" if name else change.ljust(_CHANGE)
    indent = len(time) if name else len(time + lead)
    text = lead + one_line(line.text)
    for number, part in enumerate(wrapped(time + text, indent)):
        shown = part[len(time + lead) :] if not number else part
        click.echo((time + lead if not number else "") + click.style(shown, **_style(line.fact)))


def _change(line: Line) -> str:
    if line.before_ppm == line.after_ppm:
        return ""
    return f"{percent_text(line.before_ppm)} -> {percent_text(line.after_ppm)}"


def _style(fact: facts.Fact) -> dict[str, Any]:
    """What people should not read past."""
    if isinstance(fact, facts.Decided) and fact.decision is DecisionKind.HALT:
        return {"fg": "red", "bold": True}
    if isinstance(fact, facts.Commanded):
        return {"fg": "cyan"}
    if isinstance(fact, (facts.Drifted, facts.Held, facts.WentBlind)):
        return {"fg": "yellow"}
    return {}
